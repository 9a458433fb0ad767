SELECT
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
