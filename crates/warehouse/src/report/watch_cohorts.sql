WITH
    sumMapIf([toUInt32(entry.4)], [toUInt64(1)], entry.3 AND entry.4 < 400) AS ages,
    steps AS
    (
        SELECT
            stage, next_stage, definition_version, account, toDate(entered_at) AS day,
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
    ),
    accounts AS
    (
        SELECT
            stage, next_stage, segment.1 AS dimension, if((stage, next_stage, segment) IN largest, segment.2, '(other)') AS value,
            count() AS its, countIf(converted) AS won, groupArray((day, definition_version, converted, age)) AS entries
        FROM steps
        GROUP BY stage, next_stage, dimension, value, account
    ),
    -- The squares of what accounts converted too many or too few of, over the variance of independent entries.
    segments AS
    (
        SELECT
            stage, next_stage, dimension, value, sum(won) / sum(its) AS rate,
            sum(won * won) - 2 * rate * sum(its * won) + rate * rate * sum(its * its) AS squares,
            toUInt32(1000 * greatest(ifNotFinite(squares / (sum(its) * rate * (1 - rate)), 1), 1)) AS clustering_milli,
            groupArrayArray(entries) AS entries
        FROM accounts
        GROUP BY stage, next_stage, dimension, value
    )
SELECT
    stage, next_stage, dimension, value, clustering_milli, entry.1 AS day, entry.2 AS definition_version,
    count() AS entered,
    arrayStringConcat(arrayMap((age, times) -> concat(toString(age), ':', toString(times)), ages.1, ages.2), ' ') AS conversions
FROM segments
ARRAY JOIN entries AS entry
GROUP BY stage, next_stage, dimension, value, clustering_milli, day, definition_version
ORDER BY stage, next_stage, indexOf(['all', 'channel', 'persona', 'account_segment', 'content', 'rep'], dimension), value, day, definition_version
