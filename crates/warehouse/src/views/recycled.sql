CREATE OR REPLACE VIEW $views.recycled (
    workspace       LowCardinality(String) COMMENT 'Workspace the row belongs to.',
    lead            String COMMENT 'The lead, as hexadecimal id.',
    left_at         DateTime64(3, 'UTC') COMMENT 'When it went back.',
    stage           LowCardinality(String) COMMENT 'recycled or disqualified.',
    from_stage      LowCardinality(String) COMMENT 'Stage the lead stood at before.',
    reason          LowCardinality(String) COMMENT 'Reason sales gave, or crm.',
    came_back_at    Nullable(DateTime64(3, 'UTC')) COMMENT 'When it was marketing-qualified again; null when it was not.',
    won_at          Nullable(DateTime64(3, 'UTC')) COMMENT 'When it became a customer after all; null when it did not.',
    channel         LowCardinality(String) COMMENT 'Channel of the lead''s first touch.',
    source          LowCardinality(String) COMMENT 'Source of the lead''s first touch.',
    campaign        LowCardinality(String) COMMENT 'Campaign of the lead''s first touch.',
    content         LowCardinality(String) COMMENT 'Content that made the lead: that of the last touch before it was created.',
    persona         LowCardinality(String) COMMENT 'Persona of the lead.',
    rep             LowCardinality(String) COMMENT 'Rep who owns the lead.',
    account_segment LowCardinality(String) COMMENT 'Segment of the account, such as mid-market: what its leads said last.'
) AS
SELECT
    b.workspace AS workspace, b.lead AS lead, exit.1 AS left_at, exit.2 AS stage, exit.3 AS from_stage, exit.4 AS reason,
    nullIf(arrayFirst(at -> at > left_at, mqls), toDateTime64(0, 3, 'UTC')) AS came_back_at,
    nullIf(arrayFirst(at -> at > left_at, wins), toDateTime64(0, 3, 'UTC')) AS won_at,
    b.channel AS channel, if(o.source = '', '(none)', o.source) AS source,
    if(o.campaign = '', '(none)', o.campaign) AS campaign, if(o.content = '', '(none)', o.content) AS content,
    b.persona AS persona, if(o.rep = '', '(none)', o.rep) AS rep,
    if(o.account_segment = '', '(none)', o.account_segment) AS account_segment
FROM
(
    SELECT
        workspace, lead, any(channel) AS channel, any(persona) AS persona,
        groupArrayIf((entered_at, stage, from_stage, reason), stage IN ('recycled', 'disqualified')) AS exits,
        arraySort(groupArrayIf(entered_at, stage = 'mql')) AS mqls,
        arraySort(groupArrayIf(entered_at, stage = 'customer')) AS wins
    FROM $views.stage_entries
    GROUP BY workspace, lead
    HAVING notEmpty(exits)
) AS b
ARRAY JOIN exits AS exit
LEFT JOIN $views.lead_origins AS o ON o.workspace = b.workspace AND o.lead = b.lead
COMMENT 'One row per lead and time it was recycled or disqualified, and whether it came back.'
