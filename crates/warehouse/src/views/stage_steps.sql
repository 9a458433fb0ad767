CREATE OR REPLACE VIEW $views.stage_steps (
    workspace          LowCardinality(String) COMMENT 'Workspace the row belongs to.',
    lead               String COMMENT 'The lead, as hexadecimal id.',
    stage              LowCardinality(String) COMMENT 'Stage that was entered.',
    next_stage         LowCardinality(String) COMMENT 'Stage looked for after it.',
    persona            LowCardinality(String) COMMENT 'Persona of the lead.',
    channel            LowCardinality(String) COMMENT 'Channel of the lead''s first touch.',
    source             LowCardinality(String) COMMENT 'Source of the lead''s first touch.',
    campaign           LowCardinality(String) COMMENT 'Campaign of the lead''s first touch.',
    content            LowCardinality(String) COMMENT 'Content that made the lead: that of the last touch before it was created.',
    rep                LowCardinality(String) COMMENT 'Rep who owns the lead.',
    account_segment    LowCardinality(String) COMMENT 'Segment of the account, such as mid-market: what its leads said last.',
    account            String COMMENT 'Account of the subject.',
    definition_version LowCardinality(String) COMMENT 'Version of the definitions the entry was made with.',
    attempt            UInt64 COMMENT 'Which entry of the lead into the stage it is, from 1: above 1 it came back.',
    entered_at         DateTime64(3, 'UTC') COMMENT 'When the stage was entered.',
    converted_at       Nullable(DateTime64(3, 'UTC')) COMMENT 'When the next stage was entered; null when it was not.',
    days               Nullable(Float64) COMMENT 'Days from one stage to the other; null when it was not entered.'
) AS
SELECT
    s.workspace AS workspace, s.lead AS lead, step.1 AS stage, step.2 AS next_stage, start.2 AS persona, start.3 AS channel,
    if(o.source = '', '(none)', o.source) AS source, if(o.campaign = '', '(none)', o.campaign) AS campaign,
    if(o.content = '', '(none)', o.content) AS content, if(o.rep = '', '(none)', o.rep) AS rep,
    if(o.account_segment = '', '(none)', o.account_segment) AS account_segment,
    start.4 AS account, start.5 AS definition_version, attempt, start.1 AS entered_at,
    nullIf(arrayFirst(at -> at >= entered_at AND (again = toDateTime64(0, 3, 'UTC') OR at < again), ends), toDateTime64(0, 3, 'UTC')) AS converted_at,
    dateDiff('millisecond', entered_at, converted_at) / 86400000 AS days
FROM
(
    SELECT
        workspace, lead, step,
        arraySort(groupArrayIf((entered_at, persona, channel, account, definition_version), stage = step.1)) AS starts,
        arraySort(groupArrayIf(entered_at, stage = step.2)) AS ends
    FROM $views.stage_entries
    ARRAY JOIN [('lead', 'mql'), ('mql', 'sal'), ('mql', 'sql'), ('sal', 'sql'), ('sql', 'opportunity'),
        ('opportunity', 'customer'), ('lead', 'customer')] AS step
    GROUP BY workspace, lead, step
    HAVING notEmpty(starts)
) AS s
ARRAY JOIN
    starts AS start, arrayEnumerate(starts) AS attempt,
    arrayPushBack(arrayPopFront(arrayMap(s -> s.1, starts)), toDateTime64(0, 3, 'UTC')) AS again
LEFT JOIN $views.lead_origins AS o ON o.workspace = s.workspace AND o.lead = s.lead
COMMENT 'One row per entry into a stage and each later stage looked for: whether and when the lead got there before entering the first one again.'
