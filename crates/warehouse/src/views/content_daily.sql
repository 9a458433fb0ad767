CREATE OR REPLACE VIEW $views.content_daily (
    workspace              LowCardinality(String) COMMENT 'Workspace the row belongs to.',
    day                    Date COMMENT 'UTC day.',
    content                LowCardinality(String) COMMENT 'Normalised path or asset id.',
    content_group          LowCardinality(String) COMMENT 'Group of the content, such as blog or ebook.',
    buyer_stage            LowCardinality(String) COMMENT 'Stage of the buyer''s journey the content serves.',
    views                  UInt64 COMMENT 'Page views, without bots.',
    bot_views              UInt64 COMMENT 'Page views of bots.',
    visitors               UInt64 COMMENT 'Visitors that viewed it that day, without bots.',
    leads                  UInt64 COMMENT 'Known leads that viewed it that day.',
    new_leads              UInt64 COMMENT 'Leads created that day whose last touch before was on it.',
    influenced_lead        UInt64 COMMENT 'Conversions of kind lead that day with a touch on it in their journey.',
    influenced_mql         UInt64 COMMENT 'Conversions of kind mql that day with a touch on it in their journey.',
    influenced_sql         UInt64 COMMENT 'Conversions of kind sql that day with a touch on it in their journey.',
    influenced_opportunity UInt64 COMMENT 'Conversions of kind opportunity that day with a touch on it in their journey.',
    influenced_won         UInt64 COMMENT 'Conversions of kind won that day with a touch on it in their journey.'
) AS
SELECT
    workspace, day, content, content_group, buyer_stage,
    sum(p.views) AS views, sum(p.bot_views) AS bot_views, sum(p.visitors) AS visitors, sum(p.leads) AS leads,
    sum(p.new_lead) AS new_leads,
    countIf(p.influenced = 'lead') AS influenced_lead,
    countIf(p.influenced = 'mql') AS influenced_mql,
    countIf(p.influenced = 'sql') AS influenced_sql,
    countIf(p.influenced = 'opportunity') AS influenced_opportunity,
    countIf(p.influenced = 'won') AS influenced_won
FROM
(
    SELECT
        workspace, toDate(viewed_at) AS day, content, content_group, buyer_stage,
        countIf(NOT bot) AS views, countIf(bot) AS bot_views, uniqExactIf(visitor, NOT bot) AS visitors,
        uniqExactIf(lead, lead != '(none)') AS leads, 0 AS new_lead, '' AS influenced
    FROM $views.web_events
    GROUP BY workspace, day, content, content_group, buyer_stage
    UNION ALL
    SELECT
        workspace, toDate(converted_at) AS day, page.1 AS content, page.2 AS content_group, page.3 AS buyer_stage,
        0 AS views, 0 AS bot_views, 0 AS visitors, 0 AS leads,
        kind = 'lead' AND page = arrayLast((p, id, repeat) -> id != '' AND NOT repeat, arrayZip(touch_content, touch_content_group, touch_buyer_stage), touch_id, touch_repeat) AS new_lead,
        toString(kind) AS influenced
    FROM $data.conversions FINAL
    ARRAY JOIN arrayDistinct(arrayFilter(
        (p, id, repeat) -> id != '' AND NOT repeat,
        arrayZip(touch_content, touch_content_group, touch_buyer_stage), touch_id, touch_repeat)) AS page
    SETTINGS do_not_merge_across_partitions_select_final = 1
) AS p
GROUP BY workspace, day, content, content_group, buyer_stage
COMMENT 'What each piece of content did on each day.'
