SELECT
    content, content_group, buyer_stage, if(without_rate, c.currency, reporting_currency) AS currency,
    sumIf(conversions, kind = 'lead') AS leads, sumIf(conversions, kind = 'mql') AS mqls,
    sumIf(conversions, kind = 'opportunity') AS opportunities, sumIf(conversions, kind = 'won') AS won,
    $major(sumIf(toInt128(if(without_rate, credit_minor, reporting_credit_minor)), kind = 'opportunity'), decimals) AS pipeline,
    $major(sumIf(toInt128(if(without_rate, credit_minor, reporting_credit_minor)), kind = 'won'), decimals) AS revenue
FROM $views.credits AS c
WHERE workspace = {workspace:String} AND model = {model:String} AND conversion_day BETWEEN {from:Date} AND {to:Date}
GROUP BY content, content_group, buyer_stage, currency, if(without_rate, exponent, reporting_exponent) AS decimals
ORDER BY revenue DESC, won DESC, leads DESC, content, currency
LIMIT $rows
