WITH
    currencies AS
    (
        SELECT argMax(currency, deals) AS main, argMax(exponent, deals) AS decimals
        FROM
        (
            SELECT
                if(reporting_minor IS NULL, d.currency, reporting_currency) AS currency,
                if(reporting_minor IS NULL, d.exponent, reporting_exponent) AS exponent, count() AS deals
            FROM $views.deals AS d
            WHERE workspace = {workspace:String} AND outcome = 'won'
            GROUP BY currency, exponent
        )
    ),
    people AS
    (
        SELECT lead, multiIf({by:String} = 'source', first_source, {by:String} = 'campaign', first_campaign, first_channel) AS name
        FROM $views.leads
        WHERE workspace = {workspace:String}
    ),
    won AS
    (
        SELECT
            deal, contacts[1] AS lead,
            if(reporting_minor IS NULL, currency, reporting_currency) AS money,
            if(reporting_minor IS NULL, exponent, reporting_exponent) AS decimals,
            ifNull(reporting_minor, amount_minor) AS minor
        FROM $views.deals
        WHERE workspace = {workspace:String} AND outcome = 'won' AND toDate(closed_at) BETWEEN {from:Date} AND {to:Date}
    )
SELECT
    name, money AS currency, sum(lead) AS leads, sum(deal) AS won_deals, sum(paid) AS won_deals_with_revenue,
    $major(sum(toInt128(minor)), max(decimals)) AS revenue,
    sum(micro) / 1000000 AS credited_deals, $major(sum(toInt128(credited)), max(decimals)) AS credited_revenue
FROM
(
    SELECT
        multiIf({by:String} = 'source', first_source, {by:String} = 'campaign', first_campaign, first_channel) AS name,
        (SELECT main FROM currencies) AS money, (SELECT decimals FROM currencies) AS decimals,
        1 AS lead, 0 AS deal, 0 AS paid, 0 AS minor, 0 AS micro, 0 AS credited
    FROM $views.leads
    WHERE workspace = {workspace:String} AND merged_into = '(none)' AND toDate(created_at) BETWEEN {from:Date} AND {to:Date}
    UNION ALL
    SELECT
        if(people.name = '', '(none)', people.name) AS name, money, decimals,
        0 AS lead, 1 AS deal, minor != 0 AS paid, minor, 0 AS micro, 0 AS credited
    FROM won
    LEFT JOIN people ON people.lead = won.lead
    UNION ALL
    SELECT
        multiIf({by:String} = 'source', source, {by:String} = 'campaign', campaign, channel) AS name,
        if(reporting_minor IS NULL, currency, reporting_currency) AS money,
        if(reporting_minor IS NULL, exponent, reporting_exponent) AS decimals,
        0 AS lead, 0 AS deal, 0 AS paid, 0 AS minor, micro, if(reporting_minor IS NULL, credit, reporting) AS credited
    FROM $views.conversion_credits
    ARRAY JOIN
        touch_channel AS channel, touch_source AS source, touch_campaign AS campaign,
        micro_credits AS micro, credit_minor AS credit, reporting_credit_minor AS reporting
    WHERE workspace = {workspace:String} AND kind = 'won' AND model = {model:String}
        AND conversion_day BETWEEN {from:Date} AND {to:Date} AND (micro, credit) != (0, 0)
)
GROUP BY name, money
ORDER BY revenue DESC, credited_revenue DESC, leads DESC, name, currency
