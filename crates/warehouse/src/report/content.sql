SELECT
<<<<<<< HEAD
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
LIMIT 1000
=======
    content, content_group, buyer_stage, currency,
    sumIf(conversions, kind = 'lead') AS leads, sumIf(conversions, kind = 'mql') AS mqls,
    sumIf(conversions, kind = 'opportunity') AS opportunities, sumIf(conversions, kind = 'won') AS won,
    $major(sumIf(c.credit_minor, kind = 'opportunity'), exponent) AS pipeline,
    $major(sumIf(c.credit_minor, kind = 'won'), exponent) AS revenue
FROM $views.credits AS c
WHERE workspace = {workspace:String} AND model = {model:String} AND conversion_day BETWEEN {from:Date} AND {to:Date}
GROUP BY content, content_group, buyer_stage, currency, exponent
ORDER BY revenue DESC, won DESC, leads DESC, content
LIMIT $rows
>>>>>>> w-reports
