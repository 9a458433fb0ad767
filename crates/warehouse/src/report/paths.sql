SELECT path, countIf(outcome = 'won') AS conversions, sumIf(amount_minor, outcome = 'won') AS value_minor,
    countIf(outcome = 'lost') AS nulls
FROM
(
    SELECT
        d.outcome AS outcome, if(d.reporting_minor IS NULL, d.amount_minor, d.reporting_minor) AS amount_minor, c.path AS path
    FROM $views.deals AS d
    INNER JOIN $views.conversions AS c ON c.workspace = d.workspace AND c.subject = d.deal
    WHERE d.workspace = {workspace:String} AND d.outcome IN ('won', 'lost')
        AND c.kind = if(d.outcome = 'won', 'won', 'opportunity')
        AND toDate(d.closed_at) BETWEEN {from:Date} AND {to:Date}
)
WHERE path != ''
GROUP BY path
ORDER BY path
