SELECT *
FROM
(
    SELECT 'reconciliation' AS about, '' AS breach, toUInt8(0) AS open,
        sum(abs(r.difference_minor)) + sum(abs(r.ledger_difference_minor)) AS amount,
        countIf(r.difference_minor != 0 OR r.ledger_difference_minor != 0) AS times
    FROM $views.reconciliation AS r
    UNION ALL
    SELECT 'sla' AS about, toString(breach) AS breach, open, 0 AS amount, count() AS times
    FROM $views.sla_breaches
    WHERE mql_at >= {day:Date} - 30
    GROUP BY breach, open
)
ORDER BY about, breach, open
