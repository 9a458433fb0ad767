CREATE OR REPLACE VIEW $views.lead_origins (
    workspace       LowCardinality(String) COMMENT 'Workspace the row belongs to.',
    lead            String COMMENT 'The lead, as hexadecimal id.',
    channel         LowCardinality(String) COMMENT 'Channel of the lead''s first touch.',
    source          LowCardinality(String) COMMENT 'Source of the lead''s first touch.',
    campaign        LowCardinality(String) COMMENT 'Campaign of the lead''s first touch.',
    content         LowCardinality(String) COMMENT 'Content that made the lead: that of the last touch before it was created.',
    persona         LowCardinality(String) COMMENT 'Persona the lead was recognised as.',
    rep             LowCardinality(String) COMMENT 'Rep who owns the lead.',
    account         String COMMENT 'Account the lead belongs to.',
    account_segment LowCardinality(String) COMMENT 'Segment of the account, such as mid-market: what its leads said last.'
) AS
SELECT
    l.workspace AS workspace, l.lead AS lead, l.first_channel AS channel, l.first_source AS source,
    l.first_campaign AS campaign, if(c.content = '', '(none)', c.content) AS content, l.persona AS persona,
    l.owner AS rep, l.account AS account, if(a.account_segment = '', '(none)', a.account_segment) AS account_segment
FROM $views.leads AS l
LEFT JOIN
(
    SELECT
        workspace, subject AS lead,
        arrayLast((name, id, repeat) -> id != '' AND NOT repeat, touch_content, touch_id, touch_repeat) AS content
    FROM $data.conversions FINAL
    WHERE kind = 'lead'
    SETTINGS do_not_merge_across_partitions_select_final = 1
) AS c ON c.workspace = l.workspace AND c.lead = l.lead
LEFT JOIN $views.account_segments AS a ON a.workspace = l.workspace AND a.account = l.account
WHERE l.merged_into = '(none)'
COMMENT 'One row per lead: what funnels, verdicts and losses tell leads apart by.'
