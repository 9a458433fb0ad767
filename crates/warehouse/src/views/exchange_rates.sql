CREATE OR REPLACE VIEW $views.exchange_rates (
    workspace LowCardinality(String) COMMENT 'Workspace the row belongs to.',
    currency  LowCardinality(String) COMMENT 'Currency converted from, ISO 4217.',
    day       Date COMMENT 'Day the rate holds from.',
    rate      Decimal(38, 12) COMMENT 'Units of the reporting currency for one unit of the currency.'
) AS
SELECT
    workspace,
    currency,
    day,
    rate
FROM $data.exchange_rates FINAL
SETTINGS do_not_merge_across_partitions_select_final = 1
COMMENT 'One row per currency and day for which a rate was set.'
