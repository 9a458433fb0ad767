CREATE TABLE IF NOT EXISTS $data.working_days (
    workspace        LowCardinality(String) COMMENT 'Workspace the row belongs to.',
    day              Date COMMENT 'Calendar day where sales works.' CODEC(Delta, ZSTD(1)),
    opens_at         DateTime64(3, 'UTC') COMMENT 'When sales begins to work.' CODEC(Delta, ZSTD(1)),
    closes_at        DateTime64(3, 'UTC') COMMENT 'When it ends; as opens_at on a day off.' CODEC(Delta, ZSTD(1)),
    worked_ms_before Int64 COMMENT 'Working milliseconds of all days before.' CODEC(Delta, ZSTD(1)),
    first_touch_ms   Int64 COMMENT 'Working milliseconds within which sales must act on a hand-off.' CODEC(ZSTD(1)),
    verdict_ms       Int64 COMMENT 'Working milliseconds within which sales must judge it.' CODEC(ZSTD(1)),
    version          UInt64 COMMENT 'When the calendar was written, in milliseconds; the latest holds.' CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (workspace, day)
SETTINGS $settings
COMMENT 'One row per day: the hours in which the hand-off clock runs, from the configuration.';
