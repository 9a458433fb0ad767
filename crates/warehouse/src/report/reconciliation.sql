SELECT
    model, kind, currency, count() AS days, countIf(r.difference_minor != 0 OR r.ledger_difference_minor != 0) AS days_wrong,
    sum(r.booked_minor) AS booked_minor, sum(r.credited_minor) AS credited_minor,
    sum(r.difference_minor) AS difference_minor, sum(r.ledger_difference_minor) AS ledger_difference_minor
FROM $views.reconciliation AS r
WHERE workspace = {workspace:String} AND conversion_day BETWEEN {from:Date} AND {to:Date}
GROUP BY model, kind, currency
ORDER BY days_wrong DESC, model, kind, currency
