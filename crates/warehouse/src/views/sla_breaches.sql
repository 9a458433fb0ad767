CREATE OR REPLACE VIEW $views.sla_breaches (
    workspace     LowCardinality(String) COMMENT 'Workspace the row belongs to.',
    breach        LowCardinality(String) COMMENT 'first_touch or verdict.',
    lead          String COMMENT 'The lead, as hexadecimal id.',
    mql_at        DateTime64(3, 'UTC') COMMENT 'When the lead became marketing-qualified: the clock starts.',
    open          UInt8 COMMENT '1 where it is still waiting.',
    working_hours Float64 COMMENT 'Working hours it took, until now while it waits.',
    target_hours  Float64 COMMENT 'Working hours it may take.',
    rep           LowCardinality(String) COMMENT 'Rep who answered, else who owns the lead.',
    account       String COMMENT 'Account of the lead.',
    persona       LowCardinality(String) COMMENT 'Persona of the lead.',
    channel       LowCardinality(String) COMMENT 'Channel of the lead''s first touch.'
) AS
SELECT
    h.workspace AS workspace, missed.1 AS breach, h.lead AS lead, h.mql_at AS mql_at, missed.2 AS open,
    missed.3 AS working_hours, missed.4 AS target_hours,
    if(h.rep != '(none)' OR l.owner = '', h.rep, l.owner) AS rep, h.account AS account, h.persona AS persona,
    h.channel AS channel
FROM $views.handoff_clocks AS h
LEFT JOIN $views.leads AS l ON l.workspace = h.workspace AND l.lead = h.lead
ARRAY JOIN arrayFilter(m -> m.5, [
    ('first_touch', first_activity_at IS NULL AND verdict_at IS NULL, working_hours_untouched, first_touch_target_hours, touch_breached),
    ('verdict', verdict_at IS NULL, working_hours_unjudged, verdict_target_hours, verdict_breached)]) AS missed
COMMENT 'One row per hand-off on which sales acted, or judged, too late, or should have by now.'
