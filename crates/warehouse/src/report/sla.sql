SELECT
    rep, count() AS handoffs, countIf(first_activity_at IS NOT NULL) AS worked,
    countIf((first_activity_at IS NOT NULL OR verdict_at IS NOT NULL) AND working_hours_untouched <= target) AS in_time,
    countIf(working_hours_untouched > target) AS late,
    countIf(verdict_breached) AS judged_late,
    round(quantileExactInclusiveOrNullIf(0.5)(working_hours_untouched, first_activity_at IS NOT NULL OR verdict_at IS NOT NULL), 2) AS working_hours_median,
    round(quantileExactInclusiveOrNull(0.5)(hours_to_activity), 2) AS hours_median,
    countIf(verdict IN ('accepted', 'qualified')) AS accepted,
    countIf(verdict IN ('rejected', 'recycled', 'disqualified')) AS rejected
FROM
(
    SELECT *, if({hours:UInt32} = 0, first_touch_target_hours, {hours:UInt32}) AS target
    FROM $views.handoff_clocks
    WHERE workspace = {workspace:String} AND toDate(mql_at) BETWEEN {from:Date} AND {to:Date}
)
GROUP BY rep
ORDER BY handoffs DESC, rep
