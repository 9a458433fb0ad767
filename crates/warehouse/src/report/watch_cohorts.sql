WITH
    sumMapIf([toUInt32(age)], [toUInt64(1)], converted AND age < 400) AS ages,
    steps AS
    (
        SELECT
            stage, next_stage, definition_version, toDate(entered_at) AS day,
            converted_at IS NOT NULL AS converted, dateDiff('day', entered_at, ifNull(converted_at, entered_at)) AS age,
            arrayJoin([('all', '(all)'), ('channel', channel), ('persona', persona), ('account_segment', account_segment), ('content', content), ('rep', rep)]) AS segment
        FROM $views.stage_steps
        WHERE workspace = {workspace:String} AND entered_at >= {from:Date} AND entered_at < {to:Date}
    ),
    largest AS
    (
        SELECT stage, next_stage, segment
        FROM steps
        GROUP BY stage, next_stage, segment
        ORDER BY count() DESC, segment
        LIMIT 12 BY stage, next_stage, segment.1
    )
SELECT
    stage, next_stage, segment.1 AS dimension,
    if((stage, next_stage, segment) IN largest, segment.2, '(other)') AS value,
    day, definition_version, count() AS entered,
    arrayStringConcat(arrayMap((age, times) -> concat(toString(age), ':', toString(times)), ages.1, ages.2), ' ') AS conversions
FROM steps
GROUP BY stage, next_stage, dimension, value, day, definition_version
ORDER BY stage, next_stage, indexOf(['all', 'channel', 'persona', 'account_segment', 'content', 'rep'], dimension), value, day, definition_version
