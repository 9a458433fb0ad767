CREATE OR REPLACE VIEW $views.stage_steps (
    workspace    LowCardinality(String) COMMENT 'Workspace the row belongs to.',
    lead         String COMMENT 'The lead, as hexadecimal id.',
    stage        LowCardinality(String) COMMENT 'Stage that was entered.',
    next_stage   LowCardinality(String) COMMENT 'Stage looked for after it.',
    persona      LowCardinality(String) COMMENT 'Persona of the lead.',
    channel      LowCardinality(String) COMMENT 'Channel of the lead''s first touch.',
    account      String COMMENT 'Account of the subject.',
    entered_at   DateTime64(3, 'UTC') COMMENT 'When the stage was entered.',
    converted_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When the next stage was entered; null when it was not.',
    days         Nullable(Float64) COMMENT 'Days from one stage to the other; null when it was not entered.'
) AS
SELECT
    workspace, lead, step.1 AS stage, step.2 AS next_stage, start.2 AS persona, start.3 AS channel, start.4 AS account,
    start.1 AS entered_at,
    nullIf(arrayFirst(at -> at >= entered_at AND (again = toDateTime64(0, 3, 'UTC') OR at < again), ends), toDateTime64(0, 3, 'UTC')) AS converted_at,
    dateDiff('millisecond', entered_at, converted_at) / 86400000 AS days
FROM
(
    SELECT
        workspace, lead, step,
        arraySort(groupArrayIf((entered_at, persona, channel, account), stage = step.1)) AS starts,
        arraySort(groupArrayIf(entered_at, stage = step.2)) AS ends
    FROM $views.stage_entries
    ARRAY JOIN [('lead', 'mql'), ('mql', 'sal'), ('mql', 'sql'), ('sal', 'sql'), ('sql', 'opportunity'),
        ('opportunity', 'customer'), ('lead', 'customer')] AS step
    GROUP BY workspace, lead, step
    HAVING notEmpty(starts)
)
ARRAY JOIN starts AS start, arrayPushBack(arrayPopFront(arrayMap(s -> s.1, starts)), toDateTime64(0, 3, 'UTC')) AS again
COMMENT 'One row per entry into a stage and each later stage looked for: whether and when the lead got there before entering the first one again.'
