SELECT changed_at, kind, stage, amount, currency, reason, event_id
FROM $views.deal_history
WHERE workspace = {workspace:String} AND deal = {deal:String}
ORDER BY changed_at DESC, event_id DESC
LIMIT $rows
