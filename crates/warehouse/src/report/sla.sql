SELECT
    rep, count() AS handoffs, countIf(first_activity_at IS NOT NULL) AS worked,
    countIf(hours_to_activity <= {hours:UInt32}) AS in_time, handoffs - in_time AS late_or_open,
    round(quantileExactInclusiveOrNull(0.5)(hours_to_activity), 2) AS hours_median,
    countIf(verdict IN ('accepted', 'qualified')) AS accepted,
    countIf(verdict IN ('rejected', 'recycled', 'disqualified')) AS rejected
FROM $views.handoffs
WHERE workspace = {workspace:String} AND toDate(mql_at) BETWEEN {from:Date} AND {to:Date}
GROUP BY rep
ORDER BY handoffs DESC, rep
