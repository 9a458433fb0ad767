CREATE OR REPLACE VIEW $views.touches (
    workspace       LowCardinality(String) COMMENT 'Workspace the row belongs to.',
    lead            String COMMENT 'Lead that was touched, as hexadecimal id.',
    touch_at        DateTime64(3, 'UTC') COMMENT 'When the touch happened.',
    touch_id        String COMMENT 'Event that made the touch.',
    account         String COMMENT 'Account of the lead.',
    kind            LowCardinality(String) COMMENT 'visit, email_click, form, event, enablement or self_reported.',
    channel         LowCardinality(String) COMMENT 'Channel the interaction came through.',
    subchannel      LowCardinality(String) COMMENT 'Finer channel, such as the network.',
    source          LowCardinality(String) COMMENT 'Source, as in UTM.',
    medium          LowCardinality(String) COMMENT 'Medium, as in UTM.',
    campaign        LowCardinality(String) COMMENT 'Campaign, as in UTM.',
    content         LowCardinality(String) COMMENT 'Normalised path or asset id.',
    content_group   LowCardinality(String) COMMENT 'Group of the content, such as blog or ebook.',
    buyer_stage     LowCardinality(String) COMMENT 'Stage of the buyer''s journey the content serves.',
    visitor         String COMMENT 'Browser the touch came from; (none) for mail and CRM touches.',
    ruleset_version LowCardinality(String) COMMENT 'Version of the channel rules and source list that classified it.'
) AS
SELECT
    workspace,
    lead,
    touch_at,
    touch_id,
    account,
    kind,
    channel,
    subchannel,
    source,
    medium,
    campaign,
    content,
    content_group,
    buyer_stage,
    visitor,
    ruleset_version
FROM $data.touches FINAL
SETTINGS do_not_merge_across_partitions_select_final = 1
COMMENT 'One row per touch of a known lead.'
