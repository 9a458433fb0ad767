CREATE OR REPLACE VIEW $views.attribution (
    workspace              LowCardinality(String) COMMENT 'Workspace the row belongs to.',
    model                  LowCardinality(String) COMMENT 'Attribution model. One whose id ends in influenced or participation gives every touch the whole conversion: its credit does not sum to the value.',
    kind                   LowCardinality(String) COMMENT 'lead, mql, sql, opportunity or won.',
    conversion_day         Date COMMENT 'UTC day it converted.',
    channel                LowCardinality(String) COMMENT 'Channel of the touch; (unattributed) for credit that has no touch.',
    source                 LowCardinality(String) COMMENT 'Source, as in UTM.',
    medium                 LowCardinality(String) COMMENT 'Medium, as in UTM.',
    campaign               LowCardinality(String) COMMENT 'Campaign, as in UTM.',
    content                LowCardinality(String) COMMENT 'Normalised path or asset id.',
    persona                LowCardinality(String) COMMENT 'Persona of the lead that was touched.',
    deal_type              LowCardinality(String) COMMENT 'new, expansion or renewal; (none) for conversions of leads.',
    currency               LowCardinality(String) COMMENT 'Currency of the amount, ISO 4217.',
    conversions            Float64 COMMENT 'Conversions credited: micro-credits / 1 000 000.',
    credit_minor           Int64 COMMENT 'Credit in minor units of the currency.',
    credit                 Decimal(38, 4) COMMENT 'Credit in the currency.',
    reporting_currency     LowCardinality(String) COMMENT 'Reporting currency, ISO 4217.',
    reporting_credit_minor Int64 COMMENT 'Credit in minor units of the reporting currency; zero while no rate is known.',
    reporting_credit       Decimal(38, 4) COMMENT 'Credit in the reporting currency.'
) AS
SELECT
    workspace, model, kind, conversion_day, channel, source, medium, campaign, content, persona, deal_type, currency,
    sum(c.micro_credits) / 1000000 AS conversions,
    $total(c.credit_minor) AS credit_minor, $major(credit_minor, exponent) AS credit,
    reporting_currency, $total(c.reporting_credit_minor) AS reporting_credit_minor,
    $major(reporting_credit_minor, reporting_exponent) AS reporting_credit
FROM $views.credits AS c
GROUP BY
    workspace, model, kind, conversion_day, channel, source, medium, campaign, content, persona, deal_type,
    currency, exponent, reporting_currency, reporting_exponent
COMMENT 'Credit by model, kind, day of conversion, channel, source, medium, campaign, content, persona and deal type.'
