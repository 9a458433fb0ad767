CREATE OR REPLACE VIEW $views.content_conversion (
    workspace              LowCardinality(String) COMMENT 'Workspace the row belongs to.',
    content                LowCardinality(String) COMMENT 'Normalised path or asset id.',
    content_group          LowCardinality(String) COMMENT 'Group of the content, such as blog or ebook.',
    buyer_stage            LowCardinality(String) COMMENT 'Stage of the buyer''s journey the content serves.',
    views                  UInt64 COMMENT 'Page views, without bots.',
    visitors               UInt64 COMMENT 'Visitors that viewed it, without bots.',
    new_leads              UInt64 COMMENT 'Leads whose last touch before they were created was on it.',
    influenced_mql         UInt64 COMMENT 'Conversions of kind mql with a touch on it in their journey.',
    influenced_sql         UInt64 COMMENT 'Conversions of kind sql with a touch on it in their journey.',
    influenced_opportunity UInt64 COMMENT 'Conversions of kind opportunity with a touch on it in their journey.',
    influenced_won         UInt64 COMMENT 'Conversions of kind won with a touch on it in their journey.',
    leads                  UInt64 COMMENT 'Leads with a touch on it before they were marketing-qualified.',
    mqls                   UInt64 COMMENT 'Of those, how many were marketing-qualified at or after the touch.',
    rate                   Float64 COMMENT 'mqls / leads.',
    rate_low               Float64 COMMENT 'Lower end of its 95 % interval (Wilson).',
    rate_high              Float64 COMMENT 'Upper end of its 95 % interval (Wilson).',
    peer_rate              Nullable(Float64) COMMENT 'The same rate over all other content of the group; null where there is none.',
    stands                 LowCardinality(String) COMMENT 'better or worse where the intervals of its rate and of its peers do not even touch, else as its peers.',
    customers              UInt64 COMMENT 'Leads with a touch on it that became customers at or after it.',
    shared                 UInt64 COMMENT 'Times a rep shared it with a lead.',
    shared_before_win      UInt64 COMMENT 'Of those, how often the lead became a customer afterwards.'
) AS
WITH
    reached AS
    (
        SELECT
            workspace, lead, minIf(entered_at, stage = 'mql') AS mql_at, countIf(stage = 'mql') > 0 AS is_mql,
            maxIf(entered_at, stage = 'customer') AS won_at, countIf(stage = 'customer') > 0 AS is_customer
        FROM $views.stage_entries
        GROUP BY workspace, lead
    ),
    facts AS
    (
        SELECT
            workspace, content, content_group, buyer_stage,
            sum(d.views) AS views, 0 AS visitors, sum(d.new_leads) AS new_leads, sum(d.influenced_mql) AS mql,
            sum(d.influenced_sql) AS sql, sum(d.influenced_opportunity) AS opportunity, sum(d.influenced_won) AS won,
            0 AS leads, 0 AS mqls, 0 AS customers
        FROM $views.content_daily AS d
        GROUP BY workspace, content, content_group, buyer_stage
        UNION ALL
        SELECT
            workspace, content, content_group, buyer_stage, 0 AS views, uniqExact(visitor) AS visitors, 0 AS new_leads,
            0 AS mql, 0 AS sql, 0 AS opportunity, 0 AS won, 0 AS leads, 0 AS mqls, 0 AS customers
        FROM $views.web_events
        WHERE NOT bot
        GROUP BY workspace, content, content_group, buyer_stage
        UNION ALL
        SELECT
            t.workspace AS workspace, content, content_group, buyer_stage, 0 AS views, 0 AS visitors, 0 AS new_leads,
            0 AS mql, 0 AS sql, 0 AS opportunity, 0 AS won,
            countIf(NOT r.is_mql OR t.first_at <= r.mql_at) AS leads,
            countIf(r.is_mql AND t.first_at <= r.mql_at) AS mqls, countIf(r.is_customer AND t.first_at <= r.won_at) AS customers
        FROM
        (
            SELECT workspace, lead, content, content_group, buyer_stage, min(touch_at) AS first_at
            FROM $views.touches
            GROUP BY workspace, lead, content, content_group, buyer_stage
        ) AS t
        LEFT JOIN reached AS r ON r.workspace = t.workspace AND r.lead = t.lead
        GROUP BY workspace, content, content_group, buyer_stage
    ),
    shares AS
    (
        SELECT
            e.workspace AS workspace, e.content AS content, count() AS shared,
            countIf(r.is_customer AND e.occurred_at <= r.won_at) AS shared_before_win
        FROM $views.lead_events AS e
        LEFT JOIN reached AS r ON r.workspace = e.workspace AND r.lead = e.lead
        WHERE e.event = 'content_shared'
        GROUP BY workspace, content
    )
SELECT
    p.workspace AS workspace, p.content AS content, p.content_group AS content_group, p.buyer_stage AS buyer_stage,
    p.views AS views, p.visitors AS visitors, p.new_leads AS new_leads, p.mql AS influenced_mql,
    p.sql AS influenced_sql, p.opportunity AS influenced_opportunity, p.won AS influenced_won,
    p.leads AS leads, p.mqls AS mqls, ifNotFinite(p.mqls / p.leads, 0) AS rate,
    $wilson_low(p.mqls, p.leads) AS rate_low, $wilson_high(p.mqls, p.leads) AS rate_high,
    if(group_leads = leads, NULL, (group_mqls - mqls) / (group_leads - leads)) AS peer_rate,
    multiIf(
        rate_low > $wilson_high(group_mqls - mqls, group_leads - leads), 'better',
        rate_high < $wilson_low(group_mqls - mqls, group_leads - leads), 'worse', 'as its peers') AS stands,
    p.customers AS customers, s.shared AS shared, s.shared_before_win AS shared_before_win
FROM
(
    SELECT
        workspace, content, content_group, buyer_stage, sum(f.views) AS views, sum(f.visitors) AS visitors,
        sum(f.new_leads) AS new_leads, sum(f.mql) AS mql, sum(f.sql) AS sql, sum(f.opportunity) AS opportunity,
        sum(f.won) AS won, sum(f.leads) AS leads, sum(f.mqls) AS mqls, sum(f.customers) AS customers,
        sum(leads) OVER peers AS group_leads, sum(mqls) OVER peers AS group_mqls
    FROM facts AS f
    GROUP BY workspace, content, content_group, buyer_stage
    WINDOW peers AS (PARTITION BY workspace, content_group)
) AS p
LEFT JOIN shares AS s ON s.workspace = p.workspace AND s.content = p.content
COMMENT 'Which content converts: audience, influence, the share of the leads it touched that were marketing-qualified, held against the rest of its group, and its use by sales. Credit under each model is in content_performance.'
