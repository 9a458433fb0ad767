WITH sumMapIf([reason], [1], v.refused) AS reasons
SELECT
    multiIf({by:String} = 'score', score_band, {by:String} = 'definition', concat(definition_version, ' by ', qualified_by),
        {by:String} = 'month', toString(toStartOfMonth(mql_at)), {by:String} = 'source', source,
        {by:String} = 'campaign', campaign, {by:String} = 'content', content, {by:String} = 'persona', persona,
        {by:String} = 'account_segment', account_segment,
        {by:String} = 'rep', rep, channel) AS segment,
    count() AS handoffs, countIf(v.accepted) AS accepted, countIf(v.refused) AS refused,
    handoffs - accepted - refused AS unjudged,
    round(ifNotFinite(accepted / (accepted + refused), 0), 4) AS acceptance_rate,
    round($wilson_low(accepted, accepted + refused), 4) AS rate_low,
    round($wilson_high(accepted, accepted + refused), 4) AS rate_high,
    round(avgIf(toFloat64(score), v.accepted), 2) AS score_of_accepted,
    round(avgIf(toFloat64(score), v.refused), 2) AS score_of_refused,
    countIf(v.refused AND qualified_by = 'score') AS refused_with_score,
    countIf(v.accepted AND qualified_by != 'score') AS accepted_without_score,
    if(accepted * refused = 0, NULL,
        round(arrayAUC(groupArrayIf(toFloat64(score), v.accepted OR v.refused), groupArrayIf(v.accepted, v.accepted OR v.refused)), 4)) AS score_auc,
    -- Of reasons that were given as often, the first by name.
    arrayElementOrNull(reasons.1, indexOf(reasons.2, arrayMax(reasons.2))) AS main_reason_of_refusal
FROM $views.verdicts AS v
WHERE workspace = {workspace:String} AND toDate(mql_at) BETWEEN {from:Date} AND {to:Date}
GROUP BY segment
ORDER BY if({by:String} = 'score', segment, ''), handoffs DESC, segment
LIMIT $rows
