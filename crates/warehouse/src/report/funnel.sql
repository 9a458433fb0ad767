SELECT
    stage, next_stage,
    multiIf({by:String} = 'month', toString(toStartOfMonth(entered_at)), {by:String} = 'channel', channel, {by:String} = 'source', source,
        {by:String} = 'campaign', campaign, {by:String} = 'content', content, {by:String} = 'persona', persona,
        {by:String} = 'account_segment', account_segment,
        {by:String} = 'rep', rep, '(all)') AS segment,
    count() AS entered, countIf(converted_at IS NOT NULL) AS converted, round(converted / entered, 4) AS conversion_rate,
    round($wilson_low(converted, entered), 4) AS rate_low, round($wilson_high(converted, entered), 4) AS rate_high,
    countIf(attempt > 1) AS came_back
FROM $views.stage_steps
WHERE workspace = {workspace:String} AND toDate(entered_at) BETWEEN {from:Date} AND {to:Date}
GROUP BY stage, next_stage, segment
ORDER BY indexOf(['lead', 'mql', 'sal', 'sql', 'opportunity', 'customer'], stage), next_stage, entered DESC, segment
LIMIT $rows
