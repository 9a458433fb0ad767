CREATE OR REPLACE VIEW $views.lead_events (
    workspace   LowCardinality(String) COMMENT 'Workspace the row belongs to.',
    lead        String COMMENT 'The lead, as hexadecimal id.',
    occurred_at DateTime64(3, 'UTC') COMMENT 'When it happened.',
    event_id    String COMMENT 'Event it came from.',
    event       LowCardinality(String) COMMENT 'What happened, such as email_opened, call, verdict_rejected or updated.',
    campaign    LowCardinality(String) COMMENT 'Campaign of the mail.',
    content     LowCardinality(String) COMMENT 'Mail, asset or form.',
    rep         LowCardinality(String) COMMENT 'Rep who did it.',
    detail      String COMMENT 'Outcome of an activity, reason of a verdict.'
) AS
SELECT
    workspace,
    lead,
    occurred_at,
    event_id,
    event,
    campaign,
    content,
    rep,
    detail
FROM $data.lead_events FINAL
SETTINGS do_not_merge_across_partitions_select_final = 1
COMMENT 'One row per mail, call, verdict or CRM update of a lead: what a timeline shows beside touches and stages.'
