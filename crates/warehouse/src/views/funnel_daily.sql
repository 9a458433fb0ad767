CREATE OR REPLACE VIEW $views.funnel_daily (
    workspace       LowCardinality(String) COMMENT 'Workspace the row belongs to.',
    cohort_day      Date COMMENT 'UTC day of the entries.',
    stage           LowCardinality(String) COMMENT 'Stage that was entered.',
    next_stage      LowCardinality(String) COMMENT 'Stage looked for after it.',
    persona         LowCardinality(String) COMMENT 'Persona of the lead.',
    channel         LowCardinality(String) COMMENT 'Channel of the lead''s first touch.',
    entered         UInt64 COMMENT 'Entries into the stage that day.',
    converted       UInt64 COMMENT 'Of those, how many reached the next stage since.',
    days_to_convert Map(UInt32, UInt64) COMMENT 'Complete days it took -> how many took them.'
) AS
SELECT
    workspace, toDate(entered_at) AS cohort_day, stage, next_stage, persona, channel,
    count() AS entered, countIf(converted_at IS NOT NULL) AS converted,
    sumMapIf(map(toUInt32(ifNull(days, 0)), toUInt64(1)), converted_at IS NOT NULL) AS days_to_convert
FROM $views.stage_steps
GROUP BY workspace, cohort_day, stage, next_stage, persona, channel
COMMENT 'By day of entry into a stage: how many entered, how many reached the next stage since, and after how many days.'
