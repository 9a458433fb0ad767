CREATE TABLE IF NOT EXISTS $data.deals (
    workspace          LowCardinality(String) COMMENT 'Workspace the row belongs to.',
    deal               String COMMENT 'The CRM''s id of the deal.' CODEC(ZSTD(1)),
    account            String COMMENT 'Account of the deal.' CODEC(ZSTD(1)),
    outcome            LowCardinality(String) COMMENT 'open, won, lost, deleted or merged.',
    amount_minor       Int64 COMMENT 'Amount in minor units of the currency.' CODEC(ZSTD(1)),
    currency           LowCardinality(String) COMMENT 'Currency of the amount, ISO 4217.',
    exponent           UInt8 COMMENT 'Decimals of the currency''s minor unit.' CODEC(ZSTD(1)),
    reporting_minor    Nullable(Int64) COMMENT 'Amount in minor units of the reporting currency; null while no rate is known.' CODEC(ZSTD(1)),
    reporting_currency LowCardinality(String) COMMENT 'Reporting currency, ISO 4217.',
    reporting_exponent UInt8 COMMENT 'Decimals of the reporting currency''s minor unit.' CODEC(ZSTD(1)),
    opened_at          DateTime64(3, 'UTC') COMMENT 'When the deal was opened.' CODEC(Delta, ZSTD(1)),
    closed_at          Nullable(DateTime64(3, 'UTC')) COMMENT 'When the deal was won or lost; null while it is open.' CODEC(ZSTD(1)),
    stage              LowCardinality(String) COMMENT 'The CRM''s name of the stage.',
    pipeline           LowCardinality(String) COMMENT 'The CRM''s name of the pipeline.',
    owner              LowCardinality(String) COMMENT 'Rep who owns the deal.',
    lost_reason        LowCardinality(String) COMMENT 'Structured reason of a loss.',
    deal_type          LowCardinality(String) COMMENT 'new, expansion or renewal.',
    merged_into        String COMMENT 'Deal this one was merged into; (none) for a deal of its own.' CODEC(ZSTD(1)),
    contacts           Array(String) COMMENT 'Leads on the deal, as hexadecimal ids, in the order of the CRM.' CODEC(ZSTD(1)),
    partition          UInt32 COMMENT 'Journal partition that wrote the row.' CODEC(ZSTD(1)),
    version            UInt64 COMMENT 'Journal offset of the tick that settled the row; the highest version of a key holds.' CODEC(Delta, ZSTD(1)),
    is_deleted         UInt8 COMMENT '1 where the key is gone since this version.' CODEC(ZSTD(1)),
    row_digest         UInt64 COMMENT 'Content hash of the row, for checksums; 0 where rows are immutable or gone.' CODEC(NONE)
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (workspace, deal)
SETTINGS $settings
COMMENT 'One row per deal, as it stands.';

CREATE TABLE IF NOT EXISTS $data.deal_history (
    workspace    LowCardinality(String) COMMENT 'Workspace the row belongs to.',
    deal         String COMMENT 'The CRM''s id of the deal.' CODEC(ZSTD(1)),
    changed_at   DateTime64(3, 'UTC') COMMENT 'When the deal changed.' CODEC(Delta, ZSTD(1)),
    event_id     String COMMENT 'Event that changed it.' CODEC(ZSTD(1)),
    kind         LowCardinality(String) COMMENT 'created, updated, stage_changed, won, lost, reopened, deleted or merged.',
    stage        LowCardinality(String) COMMENT 'Stage the change names.',
    amount_minor Nullable(Int64) COMMENT 'Amount the change names, in minor units; null when it names none.' CODEC(ZSTD(1)),
    currency     LowCardinality(String) COMMENT 'Currency the change names, ISO 4217.',
    exponent     UInt8 COMMENT 'Decimals of that currency''s minor unit.' CODEC(ZSTD(1)),
    reason       String COMMENT 'Reason the change names.' CODEC(ZSTD(1)),
    partition    UInt32 COMMENT 'Journal partition that wrote the row.' CODEC(ZSTD(1)),
    version      UInt64 COMMENT 'Journal offset of the tick that settled the row; the highest version of a key holds.' CODEC(Delta, ZSTD(1)),
    is_deleted   UInt8 COMMENT '1 where the key is gone since this version.' CODEC(ZSTD(1)),
    row_digest   UInt64 COMMENT 'Content hash of the row, for checksums; 0 where rows are immutable or gone.' CODEC(NONE)
)
ENGINE = ReplacingMergeTree(version, is_deleted)
PARTITION BY toYYYYMM(changed_at)
ORDER BY (workspace, deal, changed_at, event_id)
SETTINGS $settings
COMMENT 'One row per change of a deal.';
