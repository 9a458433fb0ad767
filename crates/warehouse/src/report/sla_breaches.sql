SELECT
    breach, open, lead, mql_at, round(working_hours, 2) AS working_hours, target_hours, rep, account, persona, channel
FROM $views.sla_breaches
WHERE workspace = {workspace:String} AND toDate(mql_at) BETWEEN {from:Date} AND {to:Date}
ORDER BY open DESC, mql_at DESC, lead, breach
LIMIT $rows
