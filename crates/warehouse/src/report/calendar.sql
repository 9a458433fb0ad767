INSERT INTO $data.working_days
    (workspace, day, opens_at, closes_at, worked_ms_before, first_touch_ms, verdict_ms, version)
WITH dateDiff('millisecond', opens, closes) AS worked_ms
SELECT
    {workspace:String}, day, opens, closes, sum(worked_ms) OVER (ORDER BY day) - worked_ms,
    {first_touch_hours:Int64} * 3600000, {verdict_hours:Int64} * 3600000, {version:UInt64}
FROM
(
    SELECT
        toDate('2010-01-01') + number AS day,
        toDateTime64(concat(toString(day), ' ', {opens:String}, ':00'), 3, {time_zone:String}) AS opens,
        if(has({weekdays:Array(UInt8)}, toDayOfWeek(day)) AND NOT has({holidays:Array(Date)}, day),
            toDateTime64(concat(toString(day), ' ', {closes:String}, ':00'), 3, {time_zone:String}), opens) AS closes
    FROM numbers(14610)
)
