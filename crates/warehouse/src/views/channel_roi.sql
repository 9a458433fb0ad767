CREATE OR REPLACE VIEW $views.channel_roi (
    workspace              LowCardinality(String) COMMENT 'Workspace the row belongs to.',
    model                  LowCardinality(String) COMMENT 'Attribution model. One whose id ends in influenced or participation gives every touch the whole conversion: its credit does not sum to the value.',
    month                  Date COMMENT 'First day of the month.',
    channel                LowCardinality(String) COMMENT 'Channel of the touch; (unattributed) for credit that has no touch.',
    currency               LowCardinality(String) COMMENT 'Reporting currency, ISO 4217.',
    spend_minor            Int64 COMMENT 'Spend in minor units of the reporting currency.',
    spend                  Decimal(38, 4) COMMENT 'Spend in the reporting currency.',
    spend_without_rate     UInt64 COMMENT 'Reports of spend left out because no rate was known.',
    clicks                 UInt64 COMMENT 'Clicks bought.',
    impressions            UInt64 COMMENT 'Impressions bought.',
    won                    Float64 COMMENT 'Won deals credited, by month of conversion.',
    won_new                Float64 COMMENT 'Of those, deals of new customers.',
    won_without_rate       Float64 COMMENT 'Of those, deals whose revenue is left out because no rate is known.',
    revenue_minor          Int64 COMMENT 'Won revenue credited, by month of conversion, in minor units.',
    revenue                Decimal(38, 4) COMMENT 'Won revenue credited, by month of conversion.',
    realised_won           Float64 COMMENT 'Won deals credited to touches of the month.',
    realised_revenue_minor Int64 COMMENT 'Won revenue credited to touches of the month, in minor units.',
    realised_revenue       Decimal(38, 4) COMMENT 'Won revenue credited to touches of the month.',
    realised_without_rate  Float64 COMMENT 'Won deals credited to touches of the month whose revenue is left out because no rate is known.',
    roas                   Nullable(Float64) COMMENT 'revenue / spend; null without spend, and where revenue is left out.',
    roi                    Nullable(Float64) COMMENT '(revenue - spend) / spend; null likewise.',
    realised_roas          Nullable(Float64) COMMENT 'realised_revenue / spend; null without spend, and where realised revenue is left out.',
    realised_roi           Nullable(Float64) COMMENT '(realised_revenue - spend) / spend; null likewise.',
    cac                    Nullable(Decimal(38, 4)) COMMENT 'Spend a new customer; null without a new customer.'
) AS
SELECT
    workspace, model, toStartOfMonth(day) AS month, channel, currency,
    $total(amount_minor, what = 'spend') AS spend_minor, $major(spend_minor, exponent) AS spend,
    countIf(what = 'spend' AND without_rate) AS spend_without_rate, sum(f.clicks) AS clicks,
    sum(f.impressions) AS impressions,
    sumIf(micro_credits, what = 'credit') / 1000000 AS won,
    sumIf(micro_credits, what = 'credit' AND deal_type = 'new') / 1000000 AS won_new,
    sumIf(micro_credits, what = 'credit' AND without_rate) / 1000000 AS won_without_rate,
    $total(amount_minor, what = 'credit') AS revenue_minor, $major(revenue_minor, exponent) AS revenue,
    sumIf(micro_credits, what = 'realised') / 1000000 AS realised_won,
    $total(amount_minor, what = 'realised') AS realised_revenue_minor,
    $major(realised_revenue_minor, exponent) AS realised_revenue,
    sumIf(micro_credits, what = 'realised' AND without_rate) / 1000000 AS realised_without_rate,
    revenue_minor / nullIf(if(won_without_rate > 0, 0, spend_minor), 0) AS roas, roas - 1 AS roi,
    realised_revenue_minor / nullIf(if(realised_without_rate > 0, 0, spend_minor), 0) AS realised_roas,
    realised_roas - 1 AS realised_roi,
    if(won_new > 0, toDecimal128(toFloat64(spend) / won_new, 4), NULL) AS cac
FROM $views.spend_and_credit AS f
WHERE kind IN ('(none)', 'won')
GROUP BY workspace, model, month, channel, currency, exponent
COMMENT 'Advertising spend beside the won revenue credited to it, in the reporting currency, by month: simple (by day of conversion) and realised (by day of touch).'
