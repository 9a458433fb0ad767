SELECT changed_at, kind, stage, amount, currency, reason, event_id
FROM $views.deal_history
WHERE workspace = {workspace:String} AND deal = {deal:String}
ORDER BY changed_at, event_id
LIMIT 10000
