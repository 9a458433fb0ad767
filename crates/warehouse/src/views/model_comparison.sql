CREATE OR REPLACE VIEW $views.model_comparison (
    workspace        LowCardinality(String) COMMENT 'Workspace the row belongs to.',
    kind             LowCardinality(String) COMMENT 'lead, mql, sql, opportunity or won.',
    channel          LowCardinality(String) COMMENT 'Channel of the touch; (unattributed) for credit that has no touch.',
    currency         LowCardinality(String) COMMENT 'Currency of the amount, ISO 4217.',
    model            LowCardinality(String) COMMENT 'Attribution model. One whose id ends in influenced or participation gives every touch the whole conversion: its credit does not sum to the value.',
    conversions      Float64 COMMENT 'Conversions credited: micro-credits / 1 000 000.',
    credit_minor     Int64 COMMENT 'Credit in minor units of the currency.',
    credit           Decimal(38, 4) COMMENT 'Credit in the currency.',
    conversion_share Float64 COMMENT 'Share of the model''s conversions of this kind and currency.',
    credit_share     Nullable(Float64) COMMENT 'Share of the model''s credit of this kind and currency; null where nothing has a value.'
) AS
SELECT
    workspace, kind, channel, currency, model,
    sum(c.micro_credits) / 1000000 AS conversions,
    $total(c.credit_minor) AS credit_minor, $major(credit_minor, exponent) AS credit,
    conversions / sum(conversions) OVER whole AS conversion_share,
    credit_minor / nullIf(sum(credit_minor) OVER whole, 0) AS credit_share
FROM $views.credits AS c
GROUP BY workspace, kind, channel, currency, exponent, model
WINDOW whole AS (PARTITION BY workspace, kind, currency, model)
COMMENT 'Every model''s view of every channel, side by side: one row per model, with the channel''s share under it.'
