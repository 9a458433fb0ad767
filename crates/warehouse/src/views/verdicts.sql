CREATE OR REPLACE VIEW $views.verdicts (
    workspace          LowCardinality(String) COMMENT 'Workspace the row belongs to.',
    lead               String COMMENT 'The lead, as hexadecimal id.',
    mql_at             DateTime64(3, 'UTC') COMMENT 'When it was handed to sales.',
    verdict_at         Nullable(DateTime64(3, 'UTC')) COMMENT 'When sales judged it; null while it has not.',
    verdict            LowCardinality(String) COMMENT 'accepted, rejected, recycled, qualified or disqualified; (none) while there is none.',
    reason             String COMMENT 'Reason of the verdict.',
    accepted           UInt8 COMMENT '1 where sales accepted or qualified it.',
    refused            UInt8 COMMENT '1 where sales rejected, recycled or disqualified it.',
    qualified_by       LowCardinality(String) COMMENT 'What made it marketing-qualified: score, crm or another.',
    definition_version LowCardinality(String) COMMENT 'Version of the definitions it was qualified under.',
    channel            LowCardinality(String) COMMENT 'Channel of the lead''s first touch.',
    source             LowCardinality(String) COMMENT 'Source of the lead''s first touch.',
    campaign           LowCardinality(String) COMMENT 'Campaign of the lead''s first touch.',
    content            LowCardinality(String) COMMENT 'Content that made the lead: that of the last touch before it was created.',
    persona            LowCardinality(String) COMMENT 'Persona of the lead.',
    rep                LowCardinality(String) COMMENT 'Rep who answered, else who owns the lead.',
    account_segment    LowCardinality(String) COMMENT 'Segment of the account, such as mid-market: what its leads said last.',
    score              Decimal(18, 2) COMMENT 'Score it had when it was handed over, in points.',
    score_band         LowCardinality(String) COMMENT 'Its band of 25 points, such as 050-074.'
) AS
WITH greatest(toInt64(floor(toFloat64(e.score) / 25)), 0) * 25 AS band
SELECT
    h.workspace AS workspace, h.lead AS lead, h.mql_at AS mql_at, h.verdict_at AS verdict_at, h.verdict AS verdict, h.reason AS reason,
    h.verdict IN ('accepted', 'qualified') AS accepted, h.verdict IN ('rejected', 'recycled', 'disqualified') AS refused,
    if(e.reason = '', '(none)', e.reason) AS qualified_by, e.definition_version AS definition_version,
    h.channel AS channel, if(o.source = '', '(none)', o.source) AS source,
    if(o.campaign = '', '(none)', o.campaign) AS campaign, if(o.content = '', '(none)', o.content) AS content,
    h.persona AS persona, if(h.rep != '(none)' OR o.rep = '', h.rep, o.rep) AS rep,
    if(o.account_segment = '', '(none)', o.account_segment) AS account_segment, e.score AS score,
    concat(leftPad(toString(band), 3, '0'), '-', leftPad(toString(band + 24), 3, '0')) AS score_band
FROM $views.handoffs AS h
LEFT JOIN
(
    SELECT workspace, lead, entered_at, reason, score, definition_version
    FROM $views.stage_entries
    WHERE stage = 'mql'
) AS e ON e.workspace = h.workspace AND e.lead = h.lead AND e.entered_at = h.mql_at
LEFT JOIN $views.lead_origins AS o ON o.workspace = h.workspace AND o.lead = h.lead
COMMENT 'One row per hand-off: what sales said of it, and what marketing knew of it.'
