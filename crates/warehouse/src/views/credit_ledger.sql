CREATE OR REPLACE VIEW $views.credit_ledger (
    entry_id               String COMMENT 'The entry: partition, journal offset of its tick, number in the tick, model and place.',
    workspace              LowCardinality(String) COMMENT 'Workspace the row belongs to.',
    conversion             String COMMENT 'The conversion, such as won:d-1.',
    kind                   LowCardinality(String) COMMENT 'lead, mql, sql, opportunity or won.',
    model                  LowCardinality(String) COMMENT 'Attribution model. One whose id ends in influenced or participation gives every touch the whole conversion: its credit does not sum to the value.',
    subject                String COMMENT 'The lead (hexadecimal) or the deal that converted.',
    reason                 LowCardinality(String) COMMENT 'Why the entry was written: converted, amount_changed, late_touch …',
    recorded_at            DateTime64(3, 'UTC') COMMENT 'Event time of the tick that wrote it.',
    converted_at           DateTime64(3, 'UTC') COMMENT 'When it converted.',
    conversion_day         Date COMMENT 'UTC day it converted.',
    position               UInt32 COMMENT 'Place of the touch in the journey, starting with 1.',
    touch_id               String COMMENT 'Event that made the touch; empty for credit that has no touch.',
    touch_at               DateTime64(3, 'UTC') COMMENT 'When the touch happened.',
    lead                   String COMMENT 'Lead that was touched, as hexadecimal id.',
    persona                LowCardinality(String) COMMENT 'Persona of the lead that was touched.',
    touch_kind             LowCardinality(String) COMMENT 'visit, email_click, form, event, enablement or self_reported.',
    touch_repeat           UInt8 COMMENT '1 where it is one with an earlier touch of its session, and only models that count each know it.',
    channel                LowCardinality(String) COMMENT 'Channel of the touch; (unattributed) for credit that has no touch.',
    subchannel             LowCardinality(String) COMMENT 'Finer channel, such as the network.',
    source                 LowCardinality(String) COMMENT 'Source, as in UTM.',
    medium                 LowCardinality(String) COMMENT 'Medium, as in UTM.',
    campaign               LowCardinality(String) COMMENT 'Campaign, as in UTM.',
    content                LowCardinality(String) COMMENT 'Normalised path or asset id.',
    content_group          LowCardinality(String) COMMENT 'Group of the content, such as blog or ebook.',
    buyer_stage            LowCardinality(String) COMMENT 'Stage of the buyer''s journey the content serves.',
    deal_type              LowCardinality(String) COMMENT 'new, expansion or renewal; (none) for conversions of leads.',
    currency               LowCardinality(String) COMMENT 'Currency of the amount, ISO 4217.',
    exponent               UInt8 COMMENT 'Decimals of the currency''s minor unit.',
    micro_credits          Int64 COMMENT 'Micro-credits: 1 000 000 a conversion.',
    conversions            Float64 COMMENT 'Conversions credited: micro-credits / 1 000 000.',
    credit_minor           Int64 COMMENT 'Credit in minor units of the currency.',
    credit                 Decimal(38, 4) COMMENT 'Credit in the currency.',
    reporting_currency     LowCardinality(String) COMMENT 'Reporting currency, ISO 4217.',
    reporting_exponent     UInt8 COMMENT 'Decimals of the reporting currency''s minor unit.',
    reporting_credit_minor Int64 COMMENT 'Credit in minor units of the reporting currency; zero while no rate is known.',
    reporting_credit       Decimal(38, 4) COMMENT 'Credit in the reporting currency.'
) AS
SELECT
    concat(toString(partition), '-', toString(version), '-', toString(entry), '-', split.1, '-', toString(position)) AS entry_id,
    workspace, conversion, kind, split.1 AS model, subject, reason, recorded_at, converted_at, toDate(converted_at) AS conversion_day,
    position, id AS touch_id, at AS touch_at, touched AS lead, touched_persona AS persona, touched_kind AS touch_kind,
    repeat AS touch_repeat,
    channel, subchannel, source, medium, campaign, content, content_group, buyer_stage, deal_type,
    currency, exponent, micro AS micro_credits, micro / 1000000 AS conversions,
    minor AS credit_minor, $major(minor, exponent) AS credit,
    reporting_currency, reporting_exponent,
    reporting AS reporting_credit_minor, $major(reporting, reporting_exponent) AS reporting_credit
FROM
(
    SELECT * EXCEPT (models, micro_credits, credit_minor, reporting_credit_minor),
        arrayJoin(arrayZip(models, micro_credits, credit_minor, reporting_credit_minor)) AS split
    FROM $data.credit_ledger FINAL
)
ARRAY JOIN
    arrayEnumerate(touch_id) AS position, touch_id AS id, touch_at AS at, touch_lead AS touched,
    touch_persona AS touched_persona, touch_kind AS touched_kind, touch_repeat AS repeat,
    touch_channel AS channel, touch_subchannel AS subchannel, touch_source AS source, touch_medium AS medium,
    touch_campaign AS campaign, touch_content AS content, touch_content_group AS content_group,
    touch_buyer_stage AS buyer_stage,
    split.2 AS micro, split.3 AS minor, split.4 AS reporting
WHERE (micro, minor, reporting) != (0, 0, 0)
SETTINGS do_not_merge_across_partitions_select_final = 1
COMMENT 'One row per signed credit entry; entries are never edited, and the sum of the entries of a conversion is its credit.'
