CREATE OR REPLACE VIEW $views.reconciliation (
    workspace               LowCardinality(String) COMMENT 'Workspace the row belongs to.',
    model                   LowCardinality(String) COMMENT 'Attribution model. One whose id ends in influenced or participation gives every touch the whole conversion: its credit does not sum to the value.',
    kind                    LowCardinality(String) COMMENT 'lead, mql, sql, opportunity or won.',
    conversion_day          Date COMMENT 'UTC day it converted.',
    currency                LowCardinality(String) COMMENT 'Currency of the amount, ISO 4217.',
    booked_minor            Int64 COMMENT 'Amount of the deals opened or won that day, in minor units.',
    credited_minor          Int64 COMMENT 'Credit of that day, in minor units.',
    difference_minor        Int64 COMMENT 'booked_minor - credited_minor: zero.',
    ledger_minor            Int64 COMMENT 'Balance of the ledger for that day, in minor units.',
    ledger_difference_minor Int64 COMMENT 'credited_minor - ledger_minor: zero.',
    booked_deals            UInt64 COMMENT 'Deals opened or won that day.',
    credited_micro          Int64 COMMENT 'Micro-credits of that day: 1 000 000 a deal.'
) AS
WITH models AS (SELECT DISTINCT workspace, model FROM $views.conversion_credits)
SELECT
    workspace, if(model = '', '(none)', model) AS model, kind, day AS conversion_day, currency,
    $total(b.booked) AS booked_minor, $total(b.credited) AS credited_minor, booked_minor - credited_minor AS difference_minor,
    $total(b.ledger) AS ledger_minor, credited_minor - ledger_minor AS ledger_difference_minor,
    sum(b.deals) AS booked_deals, sum(b.micro) AS credited_micro
FROM
(
    SELECT
        workspace, m.model AS model, deal.1 AS kind, deal.2 AS day, currency,
        amount_minor AS booked, 1 AS deals, 0 AS credited, 0 AS micro, 0 AS ledger
    FROM
    (
        SELECT
            workspace, currency, amount_minor,
            arrayConcat(
                if(outcome IN ('open', 'won', 'lost'), [('opportunity', toDate(opened_at))], []),
                if(outcome = 'won', [('won', toDate(ifNull(closed_at, opened_at)))], [])) AS bookings
        FROM $views.deals
    ) AS d
    ARRAY JOIN bookings AS deal
    LEFT JOIN models AS m ON m.workspace = d.workspace
    UNION ALL
    SELECT
        workspace, model, kind, conversion_day AS day, currency, 0 AS booked, 0 AS deals,
        arraySum(credit_minor) AS credited, arraySum(micro_credits) AS micro, 0 AS ledger
    FROM $views.conversion_credits
    WHERE kind IN ('opportunity', 'won')
    UNION ALL
    SELECT
        workspace, model, kind, conversion_day AS day, currency, 0 AS booked, 0 AS deals,
        0 AS credited, 0 AS micro, credit_minor AS ledger
    FROM $views.credit_ledger
    WHERE kind IN ('opportunity', 'won')
) AS b
WHERE NOT endsWith(model, 'influenced') AND NOT endsWith(model, 'participation')
GROUP BY workspace, model, kind, conversion_day, currency
-- A day that something was booked on and taken away from again is none: what came late would show.
HAVING booked_deals != 0 OR booked_minor != 0 OR credited_micro != 0 OR credited_minor != 0 OR ledger_minor != 0
COMMENT 'What was booked (from the deals alone) minus what every model credited and minus what the ledger holds: both differences must be zero in every row. Models that give every touch the whole conversion (their ids end in influenced or participation) cannot sum to it and are left out.'
