CREATE OR REPLACE VIEW $views.sla (
    workspace                LowCardinality(String) COMMENT 'Workspace the row belongs to.',
    mql_day                  Date COMMENT 'UTC day of the hand-offs.',
    rep                      LowCardinality(String) COMMENT 'Rep who answered.',
    persona                  LowCardinality(String) COMMENT 'Persona of the lead.',
    channel                  LowCardinality(String) COMMENT 'Channel of the lead''s first touch.',
    handoffs                 UInt64 COMMENT 'Hand-offs.',
    worked                   UInt64 COMMENT 'Hand-offs with a sales activity.',
    within_1h                UInt64 COMMENT 'Worked within 1 hour.',
    within_24h               UInt64 COMMENT 'Worked within 24 hours.',
    within_48h               UInt64 COMMENT 'Worked within 48 hours.',
    touch_breached           UInt64 COMMENT 'Not worked within the working hours agreed.',
    verdict_breached         UInt64 COMMENT 'Not judged within the working hours agreed.',
    hours_to_activity_median Nullable(Float64) COMMENT 'Median hours to the first sales activity, of those worked.',
    judged                   UInt64 COMMENT 'Hand-offs with a verdict.',
    accepted                 UInt64 COMMENT 'Accepted or qualified.',
    rejected                 UInt64 COMMENT 'Rejected, recycled or disqualified.',
    hours_to_verdict_median  Nullable(Float64) COMMENT 'Median hours to the verdict, of those judged.'
) AS
SELECT
    workspace, toDate(mql_at) AS mql_day, rep, persona, channel,
    count() AS handoffs, countIf(first_activity_at IS NOT NULL) AS worked,
    countIf(hours_to_activity <= 1) AS within_1h, countIf(hours_to_activity <= 24) AS within_24h,
    countIf(hours_to_activity <= 48) AS within_48h,
    countIf(h.touch_breached) AS touch_breached, countIf(h.verdict_breached) AS verdict_breached,
    quantileExactInclusiveOrNull(0.5)(hours_to_activity) AS hours_to_activity_median,
    countIf(verdict_at IS NOT NULL) AS judged, countIf(verdict IN ('accepted', 'qualified')) AS accepted,
    countIf(verdict IN ('rejected', 'recycled', 'disqualified')) AS rejected,
    quantileExactInclusiveOrNull(0.5)(hours_to_verdict) AS hours_to_verdict_median
FROM $views.handoff_clocks AS h
GROUP BY workspace, mql_day, rep, persona, channel
COMMENT 'Hand-offs to sales by day, rep, persona and channel: how fast sales answered, and what it said.'
