SELECT path, countIf(outcome = 'won') AS conversions, sumIf(toInt128(minor), outcome = 'won') AS value_minor,
    countIf(outcome = 'lost') AS nulls, countIf(outcome = 'won' AND unrated) AS won_without_rate
FROM
(
    SELECT
        d.outcome AS outcome, ifNull(d.reporting_minor, 0) AS minor,
        d.reporting_minor IS NULL AND d.amount_minor != 0 AS unrated, c.path AS path
    FROM $views.deals AS d
    INNER JOIN $views.conversions AS c ON c.workspace = d.workspace AND c.subject = d.deal
    WHERE d.workspace = {workspace:String} AND d.outcome IN ('won', 'lost')
        AND c.kind = if(d.outcome = 'won', 'won', 'opportunity')
        AND toDate(d.closed_at) BETWEEN {from:Date} AND {to:Date}
)
WHERE path != ''
GROUP BY path
ORDER BY path
