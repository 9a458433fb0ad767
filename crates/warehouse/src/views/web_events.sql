CREATE OR REPLACE VIEW $views.web_events (
    workspace     LowCardinality(String) COMMENT 'Workspace the row belongs to.',
    visitor       String COMMENT 'Browser that viewed the page.',
    viewed_at     DateTime64(3, 'UTC') COMMENT 'When the page was viewed.',
    event_id      String COMMENT 'Event that brought the view.',
    lead          String COMMENT 'Lead the visitor was then, as hexadecimal id; (none) while anonymous.',
    session_at    DateTime64(3, 'UTC') COMMENT 'Start of the session the view belongs to.',
    channel       LowCardinality(String) COMMENT 'Channel the interaction came through.',
    subchannel    LowCardinality(String) COMMENT 'Finer channel, such as the network.',
    source        LowCardinality(String) COMMENT 'Source, as in UTM.',
    medium        LowCardinality(String) COMMENT 'Medium, as in UTM.',
    campaign      LowCardinality(String) COMMENT 'Campaign, as in UTM.',
    content       LowCardinality(String) COMMENT 'Normalised path or asset id.',
    content_group LowCardinality(String) COMMENT 'Group of the content, such as blog or ebook.',
    buyer_stage   LowCardinality(String) COMMENT 'Stage of the buyer''s journey the content serves.',
    referrer_host LowCardinality(String) COMMENT 'Host of the page before.',
    bot           UInt8 COMMENT '1 where the view was made by a bot.'
) AS
SELECT
    workspace,
    visitor,
    viewed_at,
    event_id,
    lead,
    session_at,
    channel,
    subchannel,
    source,
    medium,
    campaign,
    content,
    content_group,
    buyer_stage,
    referrer_host,
    bot
FROM $data.web_events FINAL
SETTINGS do_not_merge_across_partitions_select_final = 1
COMMENT 'One row per page view, anonymous ones too; bots are flagged.'
