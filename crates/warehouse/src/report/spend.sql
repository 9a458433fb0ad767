SELECT
    multiIf({by:String} = 'month', toString(month), {by:String} = 'source', source, {by:String} = 'campaign', campaign, channel) AS segment,
    currency, sum(c.spend) AS spend, sum(c.spend_without_rate) AS spend_without_rate, sum(c.clicks) AS clicks,
    round(sum(c.leads), 4) AS leads, round(sum(c.mqls), 4) AS mqls, round(sum(c.sqls), 4) AS sqls, round(sum(c.won), 4) AS won,
    sum(c.won_without_rate) AS won_without_rate,
    sum(c.revenue) AS revenue, sum(c.realised_revenue) AS realised_revenue,
    round(toFloat64(spend) / nullIf(leads, 0), 2) AS cost_per_lead, round(toFloat64(spend) / nullIf(mqls, 0), 2) AS cost_per_mql,
    round(toFloat64(spend) / nullIf(sqls, 0), 2) AS cost_per_sql, round(toFloat64(spend) / nullIf(won, 0), 2) AS cost_per_deal,
    round(toFloat64(spend) / nullIf(sum(c.won_new), 0), 2) AS cac,
    round(sum(c.revenue_minor) / nullIf(if(won_without_rate > 0, 0, sum(c.spend_minor)), 0), 4) AS roas,
    round(roas - 1, 4) AS roi,
    round(sum(c.realised_revenue_minor) / nullIf(if(sum(c.realised_without_rate) > 0, 0, sum(c.spend_minor)), 0) - 1, 4) AS realised_roi
FROM $views.campaign_spend AS c
WHERE workspace = {workspace:String} AND model IN ({model:String}, '(none)')
    AND month BETWEEN toStartOfMonth({from:Date}) AND {to:Date}
GROUP BY segment, currency
ORDER BY spend DESC, revenue DESC, segment
LIMIT $rows
