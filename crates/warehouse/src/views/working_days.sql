CREATE OR REPLACE VIEW $views.working_days (
    workspace        LowCardinality(String) COMMENT 'Workspace the row belongs to.',
    day              Date COMMENT 'Calendar day where sales works.',
    opens_at         DateTime64(3, 'UTC') COMMENT 'When sales begins to work.',
    closes_at        DateTime64(3, 'UTC') COMMENT 'When it ends; as opens_at on a day off.',
    worked_ms_before Int64 COMMENT 'Working milliseconds of all days before.',
    first_touch_ms   Int64 COMMENT 'Working milliseconds within which sales must act on a hand-off.',
    verdict_ms       Int64 COMMENT 'Working milliseconds within which sales must judge it.'
) AS
SELECT workspace, day, opens_at, closes_at, worked_ms_before, first_touch_ms, verdict_ms
FROM $data.working_days FINAL
COMMENT 'One row per day: the hours in which the hand-off clock runs, from the configuration.'
