CREATE OR REPLACE VIEW $views.spend_and_credit (
    workspace     LowCardinality(String) COMMENT 'Workspace the row belongs to.',
    what          LowCardinality(String) COMMENT 'spend: a report of spend, by its day; credit: by day of conversion; realised: credit of won deals once more, by day of touch.',
    model         LowCardinality(String) COMMENT 'Attribution model; spend has a row for each, or (none) where nothing has converted. One whose id ends in influenced or participation gives every touch the whole conversion: its credit does not sum to the value.',
    day           Date COMMENT 'UTC day, as what says.',
    channel       LowCardinality(String) COMMENT 'Channel of the touch; (unattributed) for credit that has no touch.',
    source        LowCardinality(String) COMMENT 'Source, as in UTM.',
    campaign      LowCardinality(String) COMMENT 'Campaign, as in UTM.',
    kind          LowCardinality(String) COMMENT 'lead, mql, sql, opportunity or won; (none) for spend.',
    deal_type     LowCardinality(String) COMMENT 'new, expansion or renewal; (none) for conversions of leads and for spend.',
    currency      LowCardinality(String) COMMENT 'Reporting currency, ISO 4217.',
    exponent      UInt8 COMMENT 'Decimals of the currency''s minor unit.',
    clicks        UInt64 COMMENT 'Clicks bought.',
    impressions   UInt64 COMMENT 'Impressions bought.',
    micro_credits Int64 COMMENT 'Micro-credits: 1 000 000 a conversion.',
    amount_minor  Int128 COMMENT 'Spend or credit in minor units of the reporting currency; zero while no rate is known.',
    without_rate  UInt8 COMMENT '1 where the amount is not known in the reporting currency, because there is no rate.'
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
            s.workspace AS workspace, s.channel AS channel, s.source AS source, s.campaign AS campaign, s.day AS day,
            s.clicks AS clicks, s.impressions AS impressions, if(r.currency = '', s.currency, r.currency) AS currency,
            if(r.currency = '', s.exponent, r.exponent) AS exponent,
            multiIf(s.currency = currency, toDecimal256(1, 12), x.rate > 0, toDecimal256(x.rate, 12), toDecimal256(0, 12)) AS rate,
            toInt128(round(toDecimal256(s.amount_minor, 12) * rate * intExp10(exponent) / intExp10(s.exponent))) AS minor
        FROM $views.ad_spend AS s
        LEFT JOIN reporting AS r ON r.workspace = s.workspace
        ASOF LEFT JOIN $views.exchange_rates AS x
            ON x.workspace = s.workspace AND x.currency = s.currency AND x.day <= s.day
    ),
    models AS (SELECT DISTINCT workspace, model FROM $views.conversion_credits)
SELECT
    s.workspace AS workspace, 'spend' AS what, if(m.model = '', '(none)', m.model) AS model, day, channel, source, campaign,
    '(none)' AS kind, '(none)' AS deal_type, currency, exponent, clicks, impressions, 0 AS micro_credits,
    minor AS amount_minor, rate = 0 AS without_rate
FROM spending AS s
LEFT JOIN models AS m ON m.workspace = s.workspace
UNION ALL
SELECT
    workspace, 'credit' AS what, model, conversion_day AS day, channel, source, campaign, toString(kind) AS kind,
    deal_type, reporting_currency AS currency, reporting_exponent AS exponent, 0 AS clicks, 0 AS impressions,
    micro_credits, reporting_credit_minor AS amount_minor, without_rate
FROM $views.credits
UNION ALL
SELECT
    workspace, 'realised' AS what, model, if(touch_id = '', conversion_day, toDate(touch_at)) AS day, channel, source,
    campaign, toString(kind) AS kind, deal_type, reporting_currency AS currency, reporting_exponent AS exponent,
    0 AS clicks, 0 AS impressions, micro_credits, reporting_credit_minor AS amount_minor, without_rate
FROM $views.credits
WHERE kind = 'won'
COMMENT 'Advertising spend and everything credited, row by row in the reporting currency: what campaign_spend and channel_roi sum up by month, for any other stretch of days.'
