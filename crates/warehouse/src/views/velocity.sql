CREATE OR REPLACE VIEW $views.velocity (
    workspace    LowCardinality(String) COMMENT 'Workspace the row belongs to.',
    cohort_month Date COMMENT 'First day of the month of the entries.',
    stage        LowCardinality(String) COMMENT 'Stage that was entered.',
    next_stage   LowCardinality(String) COMMENT 'Stage looked for after it.',
    persona      LowCardinality(String) COMMENT 'Persona of the lead.',
    channel      LowCardinality(String) COMMENT 'Channel of the lead''s first touch.',
    converted    UInt64 COMMENT 'Entries that reached the next stage.',
    days_average Float64 COMMENT 'Average days it took.',
    days_median  Float64 COMMENT 'Median days it took.',
    days_p90     Float64 COMMENT 'Days within which nine of ten got there.'
) AS
SELECT
    workspace, toStartOfMonth(entered_at) AS cohort_month, stage, next_stage, persona, channel,
    count() AS converted, avg(assumeNotNull(days)) AS days_average,
    quantileExactInclusive(0.5)(assumeNotNull(days)) AS days_median,
    quantileExactInclusive(0.9)(assumeNotNull(days)) AS days_p90
FROM $views.stage_steps
WHERE converted_at IS NOT NULL
GROUP BY workspace, cohort_month, stage, next_stage, persona, channel
COMMENT 'Days from one stage to another, by month of entry, of those that got there.'
