CREATE OR REPLACE VIEW $views.lead_timeline (
    workspace LowCardinality(String) COMMENT 'Workspace the row belongs to.',
    lead      String COMMENT 'The lead, as hexadecimal id.',
    at        DateTime64(3, 'UTC') COMMENT 'When it happened.',
    what      LowCardinality(String) COMMENT 'page_view, touch, stage, or what happened, such as call or email_opened.',
    event_id  String COMMENT 'Event it came from; of a stage, the stage.',
    channel   LowCardinality(String) COMMENT 'Channel.',
    source    LowCardinality(String) COMMENT 'Source.',
    campaign  LowCardinality(String) COMMENT 'Campaign.',
    content   LowCardinality(String) COMMENT 'Content.',
    rep       LowCardinality(String) COMMENT 'Rep who did it.',
    detail    String COMMENT 'Kind of the touch, stage before and reason, outcome or reason.'
) AS
SELECT
    workspace, lead, touch_at AS at, 'touch' AS what, touch_id AS event_id, channel, source, campaign, content,
    '(none)' AS rep, kind AS detail
FROM $views.touches
UNION ALL
SELECT
    workspace, lead, viewed_at AS at, 'page_view' AS what, event_id, channel, source, campaign, content,
    '(none)' AS rep, referrer_host AS detail
FROM $views.web_events
WHERE lead != '(none)' AND NOT bot
UNION ALL
SELECT
    workspace, lead, entered_at AS at, 'stage' AS what, stage AS event_id, channel, '(none)' AS source,
    '(none)' AS campaign, '(none)' AS content, '(none)' AS rep,
    concat(from_stage, ' > ', stage, ': ', reason, if(inferred, ' (inferred)', '')) AS detail
FROM $views.stage_entries
UNION ALL
SELECT
    workspace, lead, occurred_at AS at, event AS what, event_id, '(none)' AS channel, '(none)' AS source, campaign,
    content, rep, detail
FROM $views.lead_events
COMMENT 'Everything that happened to a lead, in one list.'
