CREATE OR REPLACE VIEW $views.funnel (
    workspace       LowCardinality(String) COMMENT 'Workspace the row belongs to.',
    cohort_month    Date COMMENT 'First day of the month of the entries.',
    stage           LowCardinality(String) COMMENT 'Stage that was entered.',
    next_stage      LowCardinality(String) COMMENT 'Stage looked for after it.',
    persona         LowCardinality(String) COMMENT 'Persona of the lead.',
    channel         LowCardinality(String) COMMENT 'Channel of the lead''s first touch.',
    entered         UInt64 COMMENT 'Entries into the stage.',
    converted       UInt64 COMMENT 'Of those, how many reached the next stage since.',
    conversion_rate Float64 COMMENT 'converted / entered.'
) AS
SELECT
    workspace, toStartOfMonth(entered_at) AS cohort_month, stage, next_stage, persona, channel,
    count() AS entered, countIf(converted_at IS NOT NULL) AS converted, converted / entered AS conversion_rate
FROM $views.stage_steps
GROUP BY workspace, cohort_month, stage, next_stage, persona, channel
COMMENT 'By month of entry into a stage: how many entered and how many reached the next stage since.'
