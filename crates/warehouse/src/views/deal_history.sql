CREATE OR REPLACE VIEW $views.deal_history (
    workspace    LowCardinality(String) COMMENT 'Workspace the row belongs to.',
    deal         String COMMENT 'The CRM''s id of the deal.',
    changed_at   DateTime64(3, 'UTC') COMMENT 'When the deal changed.',
    event_id     String COMMENT 'Event that changed it.',
    kind         LowCardinality(String) COMMENT 'created, updated, stage_changed, won, lost, reopened, deleted or merged.',
    stage        LowCardinality(String) COMMENT 'Stage the change names.',
    amount_minor Nullable(Int64) COMMENT 'Amount the change names, in minor units; null when it names none.',
    currency     LowCardinality(String) COMMENT 'Currency the change names, ISO 4217.',
    exponent     UInt8 COMMENT 'Decimals of that currency''s minor unit.',
    amount       Nullable(Decimal(38, 4)) COMMENT 'Amount the change names; null when it names none.',
    reason       String COMMENT 'Reason the change names.'
) AS
SELECT
    workspace,
    deal,
    changed_at,
    event_id,
    kind,
    stage,
    amount_minor,
    currency,
    exponent,
    $major(amount_minor, exponent) AS amount,
    reason
FROM $data.deal_history FINAL
SETTINGS do_not_merge_across_partitions_select_final = 1
COMMENT 'One row per change of a deal.'
