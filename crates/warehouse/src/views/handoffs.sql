CREATE OR REPLACE VIEW $views.handoffs (
    workspace         LowCardinality(String) COMMENT 'Workspace the row belongs to.',
    lead              String COMMENT 'The lead, as hexadecimal id.',
    mql_at            DateTime64(3, 'UTC') COMMENT 'When the lead became marketing-qualified: the clock starts.',
    first_activity_at Nullable(DateTime64(3, 'UTC')) COMMENT 'First sales activity after it; null while there is none.',
    verdict_at        Nullable(DateTime64(3, 'UTC')) COMMENT 'Verdict of sales; null while there is none.',
    hours_to_activity Nullable(Float64) COMMENT 'Hours from the hand-off to the first sales activity.',
    hours_to_verdict  Nullable(Float64) COMMENT 'Hours from the hand-off to the verdict.',
    verdict           LowCardinality(String) COMMENT 'accepted, rejected, recycled, qualified or disqualified.',
    reason            String COMMENT 'Reason of the verdict.',
    rep               LowCardinality(String) COMMENT 'Rep who answered.',
    account           String COMMENT 'Account of the lead.',
    persona           LowCardinality(String) COMMENT 'Persona of the lead.',
    channel           LowCardinality(String) COMMENT 'Channel of the lead''s first touch.'
) AS
SELECT
    workspace,
    lead,
    mql_at,
    first_activity_at,
    verdict_at,
    if(first_activity_at IS NULL, NULL, dateDiff('millisecond', mql_at, first_activity_at) / 3600000) AS hours_to_activity,
    if(verdict_at IS NULL, NULL, dateDiff('millisecond', mql_at, verdict_at) / 3600000) AS hours_to_verdict,
    verdict,
    reason,
    rep,
    account,
    persona,
    channel
FROM $data.handoffs FINAL
SETTINGS do_not_merge_across_partitions_select_final = 1
COMMENT 'One row per hand-off of a marketing-qualified lead to sales.'
