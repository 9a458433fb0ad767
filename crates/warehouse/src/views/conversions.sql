CREATE OR REPLACE VIEW $views.conversions (
    workspace          LowCardinality(String) COMMENT 'Workspace the row belongs to.',
    conversion         String COMMENT 'The conversion, such as won:d-1.',
    kind               LowCardinality(String) COMMENT 'lead, mql, sql, opportunity or won.',
    subject            String COMMENT 'The lead (hexadecimal) or the deal that converted.',
    account            String COMMENT 'Account of the subject.',
    persona            LowCardinality(String) COMMENT 'Persona of the converting lead.',
    deal_type          LowCardinality(String) COMMENT 'new, expansion or renewal; (none) for conversions of leads.',
    rep                LowCardinality(String) COMMENT 'Rep who owns the deal or lead.',
    converted_at       DateTime64(3, 'UTC') COMMENT 'When it converted.',
    conversion_day     Date COMMENT 'UTC day it converted.',
    value_minor        Int64 COMMENT 'Value in minor units of the currency; 0 for conversions of leads.',
    currency           LowCardinality(String) COMMENT 'Currency of the amount, ISO 4217.',
    exponent           UInt8 COMMENT 'Decimals of the currency''s minor unit.',
    value              Decimal(38, 4) COMMENT 'Value in the currency.',
    reporting_minor    Nullable(Int64) COMMENT 'Value in minor units of the reporting currency; null while no rate is known.',
    reporting_currency LowCardinality(String) COMMENT 'Reporting currency, ISO 4217.',
    reporting_exponent UInt8 COMMENT 'Decimals of the reporting currency''s minor unit.',
    reporting          Nullable(Decimal(38, 4)) COMMENT 'Value in the reporting currency; null while no rate is known.',
    journey_length     UInt32 COMMENT 'Touches of the journey.',
    channels           Array(LowCardinality(String)) COMMENT 'Channels of the journey, in order.',
    path               String COMMENT 'Channels of the journey as text, such as Paid Search > Email.',
    truncated          UInt8 COMMENT '1 where the journey had more touches than the limit.',
    models             Array(LowCardinality(String)) COMMENT 'Attribution models, in the order of the configuration.',
    definition_version LowCardinality(String) COMMENT 'Version of the definitions and models the row was made with.'
) AS
SELECT
    workspace, conversion, kind, subject, account, persona, deal_type, rep,
    converted_at, toDate(converted_at) AS conversion_day,
    value_minor, currency, exponent, $major(value_minor, exponent) AS value,
    reporting_minor, reporting_currency, reporting_exponent, $major(reporting_minor, reporting_exponent) AS reporting,
    length(channels) AS journey_length,
    arrayFilter((channel, id, repeat) -> id != '' AND NOT repeat, touch_channel, touch_id, touch_repeat) AS channels,
    arrayStringConcat(channels, ' > ') AS path,
    truncated, models, definition_version
FROM $data.conversions FINAL
SETTINGS do_not_merge_across_partitions_select_final = 1
COMMENT 'One row per conversion with its journey and its credit under every model; replaced as a whole, so that no read sees credit that does not sum to the value.'
