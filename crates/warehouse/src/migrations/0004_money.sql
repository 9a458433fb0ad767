CREATE TABLE IF NOT EXISTS $data.ad_spend (
    workspace    LowCardinality(String) COMMENT 'Workspace the row belongs to.',
    day          Date COMMENT 'Day the money was spent.' CODEC(Delta, ZSTD(1)),
    event_id     String COMMENT 'Event that reported it.' CODEC(ZSTD(1)),
    channel      LowCardinality(String) COMMENT 'Channel the interaction came through.',
    subchannel   LowCardinality(String) COMMENT 'Finer channel, such as the network.',
    source       LowCardinality(String) COMMENT 'Source, as in UTM.',
    medium       LowCardinality(String) COMMENT 'Medium, as in UTM.',
    campaign     LowCardinality(String) COMMENT 'Campaign, as in UTM.',
    amount_minor Int64 COMMENT 'Amount in minor units of the currency.' CODEC(ZSTD(1)),
    currency     LowCardinality(String) COMMENT 'Currency of the amount, ISO 4217.',
    exponent     UInt8 COMMENT 'Decimals of the currency''s minor unit.' CODEC(ZSTD(1)),
    clicks       UInt64 COMMENT 'Clicks bought.' CODEC(ZSTD(1)),
    impressions  UInt64 COMMENT 'Impressions bought.' CODEC(ZSTD(1)),
    partition    UInt32 COMMENT 'Journal partition that wrote the row.' CODEC(ZSTD(1)),
    version      UInt64 COMMENT 'Journal offset of the tick that settled the row; the highest version of a key holds.' CODEC(Delta, ZSTD(1)),
    is_deleted   UInt8 COMMENT '1 where the key is gone since this version.' CODEC(ZSTD(1)),
    row_digest   UInt64 COMMENT 'Content hash of the row, for checksums; 0 where rows are immutable or gone.' CODEC(NONE)
)
ENGINE = ReplacingMergeTree(version, is_deleted)
PARTITION BY toYYYYMM(day)
ORDER BY (workspace, day, event_id)
SETTINGS $settings
COMMENT 'One row per report of advertising spend, as it was sent.';

CREATE TABLE IF NOT EXISTS $data.exchange_rates (
    workspace  LowCardinality(String) COMMENT 'Workspace the row belongs to.',
    currency   LowCardinality(String) COMMENT 'Currency converted from, ISO 4217.',
    day        Date COMMENT 'Day the rate holds from.' CODEC(Delta, ZSTD(1)),
    rate       Decimal(38, 12) COMMENT 'Units of the reporting currency for one unit of the currency.' CODEC(ZSTD(1)),
    partition  UInt32 COMMENT 'Journal partition that wrote the row.' CODEC(ZSTD(1)),
    version    UInt64 COMMENT 'Journal offset of the tick that settled the row; the highest version of a key holds.' CODEC(Delta, ZSTD(1)),
    is_deleted UInt8 COMMENT '1 where the key is gone since this version.' CODEC(ZSTD(1)),
    row_digest UInt64 COMMENT 'Content hash of the row, for checksums; 0 where rows are immutable or gone.' CODEC(NONE)
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (workspace, currency, day)
SETTINGS $settings
COMMENT 'One row per currency and day for which a rate was set.';
