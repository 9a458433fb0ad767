SELECT
    stage, from_stage, reason,
    multiIf({by:String} = 'month', toString(toStartOfMonth(left_at)), {by:String} = 'channel', channel, {by:String} = 'source', source,
        {by:String} = 'campaign', campaign, {by:String} = 'content', content, {by:String} = 'persona', persona,
        {by:String} = 'account_segment', account_segment,
        {by:String} = 'rep', rep, '(all)') AS segment,
    count() AS times, uniqExact(lead) AS leads, countIf(came_back_at IS NOT NULL) AS came_back,
    countIf(won_at IS NOT NULL) AS won_after_all
FROM $views.recycled
WHERE workspace = {workspace:String} AND toDate(left_at) BETWEEN {from:Date} AND {to:Date}
GROUP BY stage, from_stage, reason, segment
ORDER BY times DESC, stage, from_stage, reason, segment
LIMIT $rows
