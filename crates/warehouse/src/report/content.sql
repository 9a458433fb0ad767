SELECT
    content, content_group, buyer_stage, money AS currency,
    sumIf(micro, kind = 'lead') / 1000000 AS leads, sumIf(micro, kind = 'mql') / 1000000 AS mqls,
    sumIf(micro, kind = 'opportunity') / 1000000 AS opportunities, sumIf(micro, kind = 'won') / 1000000 AS won,
    $major(sumIf(minor, kind = 'opportunity'), max(decimals)) AS pipeline,
    $major(sumIf(minor, kind = 'won'), max(decimals)) AS revenue
FROM
(
    SELECT
        kind, content, content_group, buyer_stage, micro,
        if(reporting_minor IS NULL, currency, reporting_currency) AS money,
        if(reporting_minor IS NULL, exponent, reporting_exponent) AS decimals,
        if(reporting_minor IS NULL, credited, reporting) AS minor
    FROM $views.conversion_credits
    ARRAY JOIN
        touch_content AS content, touch_content_group AS content_group, touch_buyer_stage AS buyer_stage,
        micro_credits AS micro, credit_minor AS credited, reporting_credit_minor AS reporting
    WHERE workspace = {workspace:String} AND model = {model:String} AND conversion_day BETWEEN {from:Date} AND {to:Date}
        AND (micro, credited) != (0, 0)
)
GROUP BY content, content_group, buyer_stage, money
ORDER BY revenue DESC, won DESC, leads DESC, content, currency
LIMIT $rows
