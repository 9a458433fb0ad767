SELECT
    channel, currency, sum(r.spend) AS spend, sum(r.clicks) AS clicks, sum(r.won) AS won,
    sum(r.won_without_rate) AS won_without_rate, sum(r.revenue) AS revenue, sum(r.realised_revenue) AS realised_revenue,
    round(sum(r.revenue_minor) / nullIf(if(won_without_rate > 0, 0, sum(r.spend_minor)), 0), 4) AS roas,
    round(roas - 1, 4) AS roi,
    round(sum(r.realised_revenue_minor) / nullIf(if(sum(r.realised_without_rate) > 0, 0, sum(r.spend_minor)), 0) - 1, 4) AS realised_roi,
    round(toFloat64(sum(r.spend)) / nullIf(sum(r.won_new), 0), 2) AS cac
FROM $views.channel_roi AS r
WHERE workspace = {workspace:String} AND model IN ({model:String}, '(none)')
    AND month BETWEEN toStartOfMonth({from:Date}) AND {to:Date}
GROUP BY channel, currency
ORDER BY revenue DESC, spend DESC, channel
