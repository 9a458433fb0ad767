SELECT
    lost, lost_reason,
    multiIf({by:String} = 'month', toString(lost_month), {by:String} = 'source', source, {by:String} = 'campaign', campaign,
        {by:String} = 'content', content, {by:String} = 'persona', persona,
        {by:String} = 'account_segment', account_segment, channel) AS segment,
    currency, round(sum(l.times), 4) AS times, sum(l.amount) AS amount
FROM $views.lost_reasons AS l
WHERE workspace = {workspace:String} AND (model = {model:String} OR lost = 'handoff')
    AND lost_day BETWEEN {from:Date} AND {to:Date}
GROUP BY lost, lost_reason, segment, currency
ORDER BY lost, times DESC, lost_reason, segment, currency
LIMIT $rows
