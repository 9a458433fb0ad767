CREATE OR REPLACE VIEW $views.lost_reasons (
    workspace       LowCardinality(String) COMMENT 'Workspace the row belongs to.',
    lost            LowCardinality(String) COMMENT 'deal or handoff.',
    lost_reason     LowCardinality(String) COMMENT 'Reason given.',
    model           LowCardinality(String) COMMENT 'Attribution model. One whose id ends in influenced or participation gives every touch the whole conversion: its credit does not sum to the value.',
    channel         LowCardinality(String) COMMENT 'Channel of the touch; (unattributed) for credit that has no touch.',
    source          LowCardinality(String) COMMENT 'Source, as in UTM.',
    campaign        LowCardinality(String) COMMENT 'Campaign, as in UTM.',
    content         LowCardinality(String) COMMENT 'Normalised path or asset id.',
    persona         LowCardinality(String) COMMENT 'Persona of the lead that was touched.',
    account_segment LowCardinality(String) COMMENT 'Segment of the account, such as mid-market: what its leads said last.',
    lost_day        Date COMMENT 'UTC day it was lost.',
    lost_month      Date COMMENT 'First day of that month.',
    currency        LowCardinality(String) COMMENT 'Currency of the amount, ISO 4217.',
    times           Float64 COMMENT 'Losses, split over touches as the model splits the opportunity; of hand-offs whole, by the lead''s first touch.',
    amount_minor    Int64 COMMENT 'Amount lost in minor units of the currency, split likewise.',
    amount          Decimal(38, 4) COMMENT 'Amount lost in the currency.'
) AS
SELECT
    c.workspace AS workspace, 'deal' AS lost, d.lost_reason AS lost_reason, model, channel, source, campaign, content, persona,
    if(a.account_segment = '', '(none)', a.account_segment) AS account_segment,
    toDate(assumeNotNull(d.closed_at)) AS lost_day, toStartOfMonth(lost_day) AS lost_month, c.currency AS currency,
    sum(c.micro_credits) / 1000000 AS times, $total(c.credit_minor) AS amount_minor,
    $major(amount_minor, c.exponent) AS amount
FROM $views.credits AS c
INNER JOIN
(
    SELECT workspace, deal, account, lost_reason, closed_at
    FROM $views.deals
    WHERE outcome = 'lost' AND closed_at IS NOT NULL
) AS d ON d.workspace = c.workspace AND d.deal = c.subject
LEFT JOIN $views.account_segments AS a ON a.workspace = d.workspace AND a.account = d.account
WHERE c.kind = 'opportunity'
GROUP BY workspace, lost_reason, model, channel, source, campaign, content, persona, account_segment, lost_day, currency, c.exponent
UNION ALL
SELECT
    v.workspace AS workspace, 'handoff' AS lost, v.reason AS lost_reason, 'first' AS model, v.channel AS channel,
    v.source AS source, v.campaign AS campaign, v.content AS content, v.persona AS persona,
    v.account_segment AS account_segment, toDate(assumeNotNull(v.verdict_at)) AS lost_day,
    toStartOfMonth(lost_day) AS lost_month, '(none)' AS currency, count() AS times, 0 AS amount_minor, 0 AS amount
FROM $views.verdicts AS v
WHERE v.refused AND v.verdict_at IS NOT NULL
GROUP BY workspace, lost_reason, channel, source, campaign, content, persona, account_segment, lost_day
COMMENT 'Why deals were lost and hand-offs turned down, by the touches that had brought them.'
