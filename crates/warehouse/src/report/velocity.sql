SELECT
    stage, next_stage,
    multiIf({by:String} = 'month', toString(toStartOfMonth(entered_at)), {by:String} = 'channel', channel, {by:String} = 'source', source,
        {by:String} = 'campaign', campaign, {by:String} = 'content', content, {by:String} = 'persona', persona,
        {by:String} = 'account_segment', account_segment,
        {by:String} = 'rep', rep, '(all)') AS segment,
    count() AS converted, round(avg(days), 2) AS days_average,
    round(quantileExactInclusive(0.5)(assumeNotNull(days)), 2) AS days_median,
    round(quantileExactInclusive(0.9)(assumeNotNull(days)), 2) AS days_p90
FROM $views.stage_steps
WHERE workspace = {workspace:String} AND toDate(entered_at) BETWEEN {from:Date} AND {to:Date}
    AND converted_at IS NOT NULL
GROUP BY stage, next_stage, segment
ORDER BY indexOf(['lead', 'mql', 'sal', 'sql', 'opportunity', 'customer'], stage), next_stage, converted DESC, segment
LIMIT $rows
