CREATE OR REPLACE VIEW $views.stage_entries (
    workspace          LowCardinality(String) COMMENT 'Workspace the row belongs to.',
    lead               String COMMENT 'The lead, as hexadecimal id.',
    entered_at         DateTime64(3, 'UTC') COMMENT 'When the stage was entered.',
    stage              LowCardinality(String) COMMENT 'Stage that was entered.',
    from_stage         LowCardinality(String) COMMENT 'Stage the lead stood at before.',
    reason             LowCardinality(String) COMMENT 'What made it: score, crm, verdict, a deal, or the reason sales gave.',
    inferred           UInt8 COMMENT '1 where the stage was skipped and is entered at the time of a later one.',
    previous_ms        Int64 COMMENT 'Milliseconds spent in the stage before.',
    previous_days      Float64 COMMENT 'Days spent in the stage before.',
    persona            LowCardinality(String) COMMENT 'Persona of the lead.',
    account            String COMMENT 'Account of the lead.',
    channel            LowCardinality(String) COMMENT 'Channel of the lead''s first touch.',
    score_centi        Int64 COMMENT 'Score on entering, in hundredths of a point.',
    score              Decimal(18, 2) COMMENT 'Score on entering, in points.',
    definition_version LowCardinality(String) COMMENT 'Version of the definitions the row was made with.'
) AS
SELECT
    workspace,
    lead,
    entered_at,
    stage,
    from_stage,
    reason,
    inferred,
    previous_ms,
    previous_ms / 86400000 AS previous_days,
    persona,
    account,
    channel,
    score_centi,
    reinterpret(score_centi, 'Decimal(18, 2)') AS score,
    definition_version
FROM $data.stage_entries FINAL
SETTINGS do_not_merge_across_partitions_select_final = 1
COMMENT 'One row per entry of a lead into a stage; every entry is kept.'
