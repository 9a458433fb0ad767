SELECT
    stage, next_stage, dimension, value, day, definition_version, state, alarm, alarm_since, alarm_baseline,
    left_out_from, left_out_until, streak, judged_until
FROM $data.conversion_watch FINAL
WHERE workspace = {workspace:String} AND day < {day:Date}
ORDER BY day DESC
LIMIT 1 BY stage, next_stage, dimension, value
