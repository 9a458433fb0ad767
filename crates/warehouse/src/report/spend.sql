SELECT
    multiIf({by:String} = 'month', toString(toStartOfMonth(day)), {by:String} = 'source', source, {by:String} = 'campaign', campaign, channel) AS segment,
    currency, $major(sumIf(amount_minor, what = 'spend'), max(exponent)) AS spend,
    countIf(what = 'spend' AND without_rate) AS spend_without_rate, sum(f.clicks) AS clicks,
    round(sumIf(micro_credits, what = 'credit' AND kind = 'lead') / 1000000, 4) AS leads,
    round(sumIf(micro_credits, what = 'credit' AND kind = 'mql') / 1000000, 4) AS mqls,
    round(sumIf(micro_credits, what = 'credit' AND kind = 'sql') / 1000000, 4) AS sqls,
    round(sumIf(micro_credits, what = 'credit' AND kind = 'won') / 1000000, 4) AS won,
    sumIf(micro_credits, what = 'credit' AND kind = 'won' AND without_rate) / 1000000 AS won_without_rate,
    $major(sumIf(amount_minor, what = 'credit' AND kind = 'won'), max(exponent)) AS revenue,
    $major(sumIf(amount_minor, what = 'realised'), max(exponent)) AS realised_revenue,
    round(toFloat64(spend) / nullIf(leads, 0), 2) AS cost_per_lead, round(toFloat64(spend) / nullIf(mqls, 0), 2) AS cost_per_mql,
    round(toFloat64(spend) / nullIf(sqls, 0), 2) AS cost_per_sql, round(toFloat64(spend) / nullIf(won, 0), 2) AS cost_per_deal,
    round(toFloat64(spend) / nullIf(sumIf(micro_credits, what = 'credit' AND kind = 'won' AND deal_type = 'new') / 1000000, 0), 2) AS cac,
    round(toFloat64(revenue) / nullIf(if(won_without_rate > 0, 0, toFloat64(spend)), 0), 4) AS roas,
    round(roas - 1, 4) AS roi,
    round(toFloat64(realised_revenue) / nullIf(if(countIf(what = 'realised' AND without_rate) > 0, 0, toFloat64(spend)), 0) - 1, 4) AS realised_roi
FROM $views.spend_and_credit AS f
WHERE workspace = {workspace:String} AND model IN ({model:String}, '(none)') AND day BETWEEN {from:Date} AND {to:Date}
GROUP BY segment, currency
ORDER BY spend DESC, revenue DESC, segment, currency
LIMIT $rows
