SELECT
    day, stage, next_stage, dimension, value, state, alarm, alarm_since, entered, converted, round(expected, 1) AS expected,
    round(rate, 4) AS rate, round(1.96 * rate_error, 4) AS rate_give_or_take, round(baseline_rate, 4) AS baseline_rate,
    round(change, 4) AS change, horizon_days, round(z, 2) AS z, round(z_limit, 2) AS z_limit,
    multiIf(
        cause_dimension = '(none)', '',
        cause_mix, concat('more of ', cause_dimension, ' ', cause_value),
        concat(cause_dimension, ' ', cause_value)) AS cause,
    round(cause_share, 4) AS cause_share
FROM $views.conversion_watch
WHERE workspace = {workspace:String} AND day BETWEEN {from:Date} AND {to:Date}
    AND day = (SELECT max(day) FROM $views.conversion_watch WHERE workspace = {workspace:String} AND day BETWEEN {from:Date} AND {to:Date})
    AND (dimension = 'all' OR alarm OR state = 'fell')
ORDER BY
    alarm DESC, dimension != 'all', indexOf(['lead', 'mql', 'sal', 'sql', 'opportunity', 'customer'], stage),
    next_stage, dimension, value
