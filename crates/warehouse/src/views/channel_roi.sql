CREATE OR REPLACE VIEW $views.channel_roi (
    workspace              LowCardinality(String) COMMENT 'Workspace the row belongs to.',
    model                  LowCardinality(String) COMMENT 'Attribution model. One whose id ends in influenced or participation gives every touch the whole conversion: its credit does not sum to the value.',
    month                  Date COMMENT 'First day of the month.',
    channel                LowCardinality(String) COMMENT 'Channel of the touch; (unattributed) for credit that has no touch.',
    currency               LowCardinality(String) COMMENT 'Reporting currency, ISO 4217.',
    spend_minor            Int64 COMMENT 'Spend in minor units of the reporting currency.',
    spend                  Decimal(18, 4) COMMENT 'Spend in the reporting currency.',
    spend_without_rate     UInt64 COMMENT 'Reports of spend left out because no rate was known.',
    clicks                 UInt64 COMMENT 'Clicks bought.',
    impressions            UInt64 COMMENT 'Impressions bought.',
    won                    Float64 COMMENT 'Won deals credited, by month of conversion.',
    won_new                Float64 COMMENT 'Of those, deals of new customers.',
    won_without_rate       Float64 COMMENT 'Of those, deals whose revenue is left out because no rate is known.',
    revenue_minor          Int64 COMMENT 'Won revenue credited, by month of conversion, in minor units.',
    revenue                Decimal(18, 4) COMMENT 'Won revenue credited, by month of conversion.',
    realised_won           Float64 COMMENT 'Won deals credited to touches of the month.',
    realised_revenue_minor Int64 COMMENT 'Won revenue credited to touches of the month, in minor units.',
    realised_revenue       Decimal(18, 4) COMMENT 'Won revenue credited to touches of the month.',
    realised_without_rate  Float64 COMMENT 'Won deals credited to touches of the month whose revenue is left out because no rate is known.',
    roas                   Nullable(Float64) COMMENT 'revenue / spend; null without spend, and where revenue is left out.',
    roi                    Nullable(Float64) COMMENT '(revenue - spend) / spend; null likewise.',
    realised_roas          Nullable(Float64) COMMENT 'realised_revenue / spend; null without spend, and where realised revenue is left out.',
    realised_roi           Nullable(Float64) COMMENT '(realised_revenue - spend) / spend; null likewise.',
    cac                    Nullable(Decimal(18, 4)) COMMENT 'Spend a new customer; null without a new customer.'
) AS
WITH
    reporting AS
    (
        SELECT workspace, argMax(reporting_currency, opened_at) AS currency, argMax(reporting_exponent, opened_at) AS exponent
        FROM $views.deals
        GROUP BY workspace
    ),
    spending AS
    (
        SELECT
            s.workspace AS workspace, s.channel AS channel, s.day AS day, s.clicks AS clicks,
            s.impressions AS impressions, if(r.currency = '', s.currency, r.currency) AS currency,
            if(r.currency = '', s.exponent, r.exponent) AS exponent,
            multiIf(s.currency = currency, toDecimal256(1, 12), x.rate > 0, toDecimal256(x.rate, 12), toDecimal256(0, 12)) AS rate,
            toInt64(round(toDecimal256(s.amount_minor, 12) * rate * intExp10(exponent) / intExp10(s.exponent))) AS minor
        FROM $views.ad_spend AS s
        LEFT JOIN reporting AS r ON r.workspace = s.workspace
        ASOF LEFT JOIN $views.exchange_rates AS x
            ON x.workspace = s.workspace AND x.currency = s.currency AND x.day <= s.day
    ),
    models AS (SELECT DISTINCT workspace, model FROM $views.conversion_credits)
SELECT
    workspace, model, month, channel, currency,
    sum(f.spent) AS spend_minor, $major(spend_minor, exponent) AS spend, sum(f.unrated) AS spend_without_rate,
    sum(f.clicks) AS clicks, sum(f.impressions) AS impressions,
    sum(f.micro) / 1000000 AS won, sum(f.micro_new) / 1000000 AS won_new,
    sum(f.micro_unrated) / 1000000 AS won_without_rate,
    sum(f.earned) AS revenue_minor, $major(revenue_minor, exponent) AS revenue,
    sum(f.realised_micro) / 1000000 AS realised_won,
    sum(f.realised) AS realised_revenue_minor, $major(realised_revenue_minor, exponent) AS realised_revenue,
    sum(f.realised_unrated) / 1000000 AS realised_without_rate,
    revenue_minor / nullIf(if(won_without_rate > 0, 0, spend_minor), 0) AS roas, roas - 1 AS roi,
    realised_revenue_minor / nullIf(if(realised_without_rate > 0, 0, spend_minor), 0) AS realised_roas,
    realised_roas - 1 AS realised_roi,
    if(won_new > 0, toDecimal64(toFloat64(spend) / won_new, 4), NULL) AS cac
FROM
(
    SELECT
        s.workspace AS workspace, if(m.model = '', '(none)', m.model) AS model, toStartOfMonth(day) AS month, channel, currency, exponent,
        minor AS spent, toUInt64(rate = 0) AS unrated, clicks, impressions,
        0 AS micro, 0 AS micro_new, 0 AS micro_unrated, 0 AS earned, 0 AS realised_micro, 0 AS realised_unrated, 0 AS realised
    FROM spending AS s
    LEFT JOIN models AS m ON m.workspace = s.workspace
    UNION ALL
    SELECT
        workspace, model, toStartOfMonth(conversion_day) AS month, channel, reporting_currency AS currency,
        reporting_exponent AS exponent, 0 AS spent, 0 AS unrated, 0 AS clicks, 0 AS impressions,
        micro_credits AS micro, if(deal_type = 'new', micro_credits, 0) AS micro_new,
        micro_credits * without_rate AS micro_unrated, reporting_credit_minor AS earned, 0 AS realised_micro,
        0 AS realised_unrated, 0 AS realised
    FROM $views.credits
    WHERE kind = 'won'
    UNION ALL
    SELECT
        workspace, model, toStartOfMonth(if(touch_id = '', conversion_day, toDate(touch_at))) AS month, channel,
        reporting_currency AS currency, reporting_exponent AS exponent, 0 AS spent, 0 AS unrated, 0 AS clicks,
        0 AS impressions, 0 AS micro, 0 AS micro_new, 0 AS micro_unrated, 0 AS earned,
        micro_credits AS realised_micro, micro_credits * without_rate AS realised_unrated, reporting_credit_minor AS realised
    FROM $views.credits
    WHERE kind = 'won'
) AS f
GROUP BY workspace, model, month, channel, currency, exponent
COMMENT 'Advertising spend beside the won revenue credited to it, in the reporting currency, by month: simple (by day of conversion) and realised (by day of touch).'
