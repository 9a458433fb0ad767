CREATE OR REPLACE VIEW $views.handoff_clocks (
    workspace                LowCardinality(String) COMMENT 'Workspace the row belongs to.',
    lead                     String COMMENT 'The lead, as hexadecimal id.',
    mql_at                   DateTime64(3, 'UTC') COMMENT 'When the lead became marketing-qualified: the clock starts.',
    first_activity_at        Nullable(DateTime64(3, 'UTC')) COMMENT 'First sales activity after it; null while there is none.',
    verdict_at               Nullable(DateTime64(3, 'UTC')) COMMENT 'Verdict of sales; null while there is none.',
    hours_to_activity        Nullable(Float64) COMMENT 'Hours from the hand-off to the first sales activity, day and night.',
    hours_to_verdict         Nullable(Float64) COMMENT 'Hours from the hand-off to the verdict, day and night.',
    verdict                  LowCardinality(String) COMMENT 'accepted, rejected, recycled, qualified or disqualified.',
    reason                   String COMMENT 'Reason of the verdict.',
    rep                      LowCardinality(String) COMMENT 'Rep who answered.',
    account                  String COMMENT 'Account of the lead.',
    persona                  LowCardinality(String) COMMENT 'Persona of the lead.',
    channel                  LowCardinality(String) COMMENT 'Channel of the lead''s first touch.',
    working_hours_untouched  Float64 COMMENT 'Working hours from the hand-off to the first sales activity or verdict, until now while there is neither.',
    working_hours_unjudged   Float64 COMMENT 'Working hours from the hand-off to the verdict, until now while there is none.',
    first_touch_target_hours Float64 COMMENT 'Working hours within which sales must act.',
    verdict_target_hours     Float64 COMMENT 'Working hours within which sales must judge.',
    touch_breached           UInt8 COMMENT '1 where sales acted too late, or has not yet and should have.',
    verdict_breached         UInt8 COMMENT '1 where sales judged too late, or has not yet and should have.'
) AS
WITH
    (SELECT groupUniqArray(workspace) FROM $views.working_days) AS calendars,
    has(calendars, h.workspace) AS by_calendar,
    begun.worked_ms_before + least(dateDiff('millisecond', begun.opens_at, mql_at), dateDiff('millisecond', begun.opens_at, begun.closes_at)) AS worked_begun,
    touched.worked_ms_before + least(dateDiff('millisecond', touched.opens_at, touched_at), dateDiff('millisecond', touched.opens_at, touched.closes_at)) AS worked_touched,
    judged.worked_ms_before + least(dateDiff('millisecond', judged.opens_at, judged_at), dateDiff('millisecond', judged.opens_at, judged.closes_at)) AS worked_judged
SELECT
    h.workspace AS workspace,
    lead,
    mql_at,
    first_activity_at,
    verdict_at,
    hours_to_activity,
    hours_to_verdict,
    verdict,
    reason,
    rep,
    account,
    persona,
    channel,
    if(by_calendar, worked_touched - worked_begun, dateDiff('millisecond', mql_at, touched_at)) / 3600000 AS working_hours_untouched,
    if(by_calendar, worked_judged - worked_begun, dateDiff('millisecond', mql_at, judged_at)) / 3600000 AS working_hours_unjudged,
    if(by_calendar, begun.first_touch_ms / 3600000, 24) AS first_touch_target_hours,
    if(by_calendar, begun.verdict_ms / 3600000, 72) AS verdict_target_hours,
    working_hours_untouched > first_touch_target_hours AS touch_breached,
    working_hours_unjudged > verdict_target_hours AS verdict_breached
FROM
(
    SELECT
        *, ifNull(verdict_at, now64(3, 'UTC')) AS judged_at, least(ifNull(first_activity_at, judged_at), judged_at) AS touched_at
    FROM $views.handoffs
) AS h
ASOF LEFT JOIN $views.working_days AS begun ON begun.workspace = h.workspace AND begun.opens_at <= h.mql_at
ASOF LEFT JOIN $views.working_days AS touched ON touched.workspace = h.workspace AND touched.opens_at <= h.touched_at
ASOF LEFT JOIN $views.working_days AS judged ON judged.workspace = h.workspace AND judged.opens_at <= h.judged_at
COMMENT 'One row per hand-off, with its clock in working hours, which runs on until now while sales has not answered (day and night, 24 and 72 hours, while no calendar is configured).'
