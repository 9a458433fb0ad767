CREATE OR REPLACE VIEW $views.ad_spend (
    workspace    LowCardinality(String) COMMENT 'Workspace the row belongs to.',
    day          Date COMMENT 'Day the money was spent.',
    event_id     String COMMENT 'Event that reported it.',
    channel      LowCardinality(String) COMMENT 'Channel the interaction came through.',
    subchannel   LowCardinality(String) COMMENT 'Finer channel, such as the network.',
    source       LowCardinality(String) COMMENT 'Source, as in UTM.',
    medium       LowCardinality(String) COMMENT 'Medium, as in UTM.',
    campaign     LowCardinality(String) COMMENT 'Campaign, as in UTM.',
    amount_minor Int64 COMMENT 'Amount in minor units of the currency.',
    currency     LowCardinality(String) COMMENT 'Currency of the amount, ISO 4217.',
    exponent     UInt8 COMMENT 'Decimals of the currency''s minor unit.',
    amount       Decimal(38, 4) COMMENT 'Amount in the currency.',
    clicks       UInt64 COMMENT 'Clicks bought.',
    impressions  UInt64 COMMENT 'Impressions bought.'
) AS
SELECT
    workspace,
    day,
    event_id,
    channel,
    subchannel,
    source,
    medium,
    campaign,
    amount_minor,
    currency,
    exponent,
    $major(amount_minor, exponent) AS amount,
    clicks,
    impressions
FROM $data.ad_spend FINAL
SETTINGS do_not_merge_across_partitions_select_final = 1
COMMENT 'One row per report of advertising spend, as it was sent.'
