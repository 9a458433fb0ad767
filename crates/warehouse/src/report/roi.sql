SELECT
    channel, currency, $major(sumIf(amount_minor, what = 'spend'), max(exponent)) AS spend, sum(f.clicks) AS clicks,
    sumIf(micro_credits, what = 'credit') / 1000000 AS won,
    sumIf(micro_credits, what = 'credit' AND without_rate) / 1000000 AS won_without_rate,
    $major(sumIf(amount_minor, what = 'credit'), max(exponent)) AS revenue,
    $major(sumIf(amount_minor, what = 'realised'), max(exponent)) AS realised_revenue,
    round(toFloat64(revenue) / nullIf(if(won_without_rate > 0, 0, toFloat64(spend)), 0), 4) AS roas,
    round(roas - 1, 4) AS roi,
    round(toFloat64(realised_revenue) / nullIf(if(countIf(what = 'realised' AND without_rate) > 0, 0, toFloat64(spend)), 0) - 1, 4) AS realised_roi,
    round(toFloat64(spend) / nullIf(sumIf(micro_credits, what = 'credit' AND deal_type = 'new') / 1000000, 0), 2) AS cac
FROM $views.spend_and_credit AS f
WHERE workspace = {workspace:String} AND model IN ({model:String}, '(none)') AND kind IN ('(none)', 'won')
    AND day BETWEEN {from:Date} AND {to:Date}
GROUP BY channel, currency
ORDER BY revenue DESC, spend DESC, channel, currency
