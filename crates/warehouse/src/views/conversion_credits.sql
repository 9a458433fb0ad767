CREATE OR REPLACE VIEW $views.conversion_credits (
    workspace              LowCardinality(String) COMMENT 'Workspace the row belongs to.',
    conversion             String COMMENT 'The conversion, such as won:d-1.',
    kind                   LowCardinality(String) COMMENT 'lead, mql, sql, opportunity or won.',
    model                  LowCardinality(String) COMMENT 'Attribution model. One whose id ends in influenced or participation gives every touch the whole conversion: its credit does not sum to the value.',
    subject                String COMMENT 'The lead (hexadecimal) or the deal that converted.',
    account                String COMMENT 'Account of the subject.',
    persona                LowCardinality(String) COMMENT 'Persona of the converting lead.',
    deal_type              LowCardinality(String) COMMENT 'new, expansion or renewal; (none) for conversions of leads.',
    rep                    LowCardinality(String) COMMENT 'Rep who owns the deal or lead.',
    converted_at           DateTime64(3, 'UTC') COMMENT 'When it converted.',
    conversion_day         Date COMMENT 'UTC day it converted.',
    value_minor            Int64 COMMENT 'Value in minor units of the currency; 0 for conversions of leads.',
    currency               LowCardinality(String) COMMENT 'Currency of the amount, ISO 4217.',
    exponent               UInt8 COMMENT 'Decimals of the currency''s minor unit.',
    reporting_minor        Nullable(Int64) COMMENT 'Value in minor units of the reporting currency; null while no rate is known.',
    reporting_currency     LowCardinality(String) COMMENT 'Reporting currency, ISO 4217.',
    reporting_exponent     UInt8 COMMENT 'Decimals of the reporting currency''s minor unit.',
    touch_id               Array(String) COMMENT 'Of each touch: event that made it; empty in the slot of credit that has no touch.',
    touch_at               Array(DateTime64(3, 'UTC')) COMMENT 'Of each touch: when it happened.',
    touch_lead             Array(String) COMMENT 'Of each touch: the lead, as hexadecimal id.',
    touch_persona          Array(LowCardinality(String)) COMMENT 'Of each touch: persona of the lead.',
    touch_kind             Array(LowCardinality(String)) COMMENT 'Of each touch: visit, email_click, form, event, enablement or self_reported.',
    touch_repeat           Array(UInt8) COMMENT 'Of each touch: 1 where it is one with an earlier touch of its session, and only models that count each know it.',
    touch_channel          Array(LowCardinality(String)) COMMENT 'Of each touch: channel the interaction came through.',
    touch_subchannel       Array(LowCardinality(String)) COMMENT 'Of each touch: finer channel, such as the network.',
    touch_source           Array(LowCardinality(String)) COMMENT 'Of each touch: source, as in UTM.',
    touch_medium           Array(LowCardinality(String)) COMMENT 'Of each touch: medium, as in UTM.',
    touch_campaign         Array(LowCardinality(String)) COMMENT 'Of each touch: campaign, as in UTM.',
    touch_content          Array(LowCardinality(String)) COMMENT 'Of each touch: normalised path or asset id.',
    touch_content_group    Array(LowCardinality(String)) COMMENT 'Of each touch: group of the content, such as blog or ebook.',
    touch_buyer_stage      Array(LowCardinality(String)) COMMENT 'Of each touch: stage of the buyer''s journey the content serves.',
    micro_credits          Array(Int64) COMMENT 'Of each touch: micro-credits, 1 000 000 a conversion.',
    credit_minor           Array(Int64) COMMENT 'Of each touch: minor units of the currency.',
    reporting_credit_minor Array(Int64) COMMENT 'Of each touch: minor units of the reporting currency.'
) AS
SELECT
    workspace, conversion, kind, split.1 AS model, subject, account, persona, deal_type, rep,
    converted_at, toDate(converted_at) AS conversion_day,
    value_minor, currency, exponent, reporting_minor, reporting_currency, reporting_exponent,
    touch_id, touch_at, touch_lead, touch_persona, touch_kind, touch_repeat,
    touch_channel, touch_subchannel, touch_source, touch_medium, touch_campaign,
    touch_content, touch_content_group, touch_buyer_stage,
    split.2 AS micro_credits, split.3 AS credit_minor, split.4 AS reporting_credit_minor
FROM
(
    SELECT * EXCEPT (models, micro_credits, credit_minor, reporting_credit_minor),
        arrayJoin(arrayZip(models, micro_credits, credit_minor, reporting_credit_minor)) AS split
    FROM $data.conversions FINAL
)
SETTINGS do_not_merge_across_partitions_select_final = 1
COMMENT 'One row per conversion and model, with the credit of every touch of the journey as arrays.'
