CREATE OR REPLACE VIEW $views.content_performance (
    workspace               LowCardinality(String) COMMENT 'Workspace the row belongs to.',
    model                   LowCardinality(String) COMMENT 'Attribution model. One whose id ends in influenced or participation gives every touch the whole conversion: its credit does not sum to the value.',
    content                 LowCardinality(String) COMMENT 'Normalised path or asset id.',
    content_group           LowCardinality(String) COMMENT 'Group of the content, such as blog or ebook.',
    buyer_stage             LowCardinality(String) COMMENT 'Stage of the buyer''s journey the content serves.',
    currency                LowCardinality(String) COMMENT 'Currency of the amount, ISO 4217.',
    views                   UInt64 COMMENT 'Page views, without bots.',
    visitors                UInt64 COMMENT 'Visitors that viewed it, without bots.',
    leads                   Float64 COMMENT 'Conversions of kind lead credited to it.',
    mqls                    Float64 COMMENT 'Conversions of kind mql credited to it.',
    sqls                    Float64 COMMENT 'Conversions of kind sql credited to it.',
    opportunities           Float64 COMMENT 'Conversions of kind opportunity credited to it.',
    won                     Float64 COMMENT 'Conversions of kind won credited to it.',
    pipeline_minor          Int64 COMMENT 'Credit of opportunities in minor units of the currency.',
    revenue_minor           Int64 COMMENT 'Credit of won deals in minor units of the currency.',
    revenue                 Decimal(38, 4) COMMENT 'Credit of won deals in the currency.',
    reporting_currency      LowCardinality(String) COMMENT 'Reporting currency, ISO 4217.',
    reporting_revenue_minor Int64 COMMENT 'Credit of won deals in minor units of the reporting currency.'
) AS
SELECT
    c.workspace AS workspace, model, c.content AS content, c.content_group AS content_group, c.buyer_stage AS buyer_stage,
    currency, audience.views AS views, audience.visitors AS visitors,
    sumIf(c.conversions, kind = 'lead') AS leads,
    sumIf(c.conversions, kind = 'mql') AS mqls,
    sumIf(c.conversions, kind = 'sql') AS sqls,
    sumIf(c.conversions, kind = 'opportunity') AS opportunities,
    sumIf(c.conversions, kind = 'won') AS won,
    $total(c.credit_minor, kind = 'opportunity') AS pipeline_minor,
    $total(c.credit_minor, kind = 'won') AS revenue_minor, $major(revenue_minor, exponent) AS revenue,
    reporting_currency, $total(c.reporting_credit_minor, kind = 'won') AS reporting_revenue_minor
FROM $views.credits AS c
LEFT JOIN
(
    SELECT workspace, content, content_group, buyer_stage, count() AS views, uniqExact(visitor) AS visitors
    FROM $views.web_events
    WHERE NOT bot
    GROUP BY workspace, content, content_group, buyer_stage
) AS audience ON audience.workspace = c.workspace AND audience.content = c.content
    AND audience.content_group = c.content_group AND audience.buyer_stage = c.buyer_stage
GROUP BY
    workspace, model, content, content_group, buyer_stage, currency, exponent, reporting_currency, views, visitors
COMMENT 'What each piece of content is credited with under each model, beside its audience.'
