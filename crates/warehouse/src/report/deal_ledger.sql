SELECT recorded_at, kind, reason, model, channel, touch_id, micro_credits, credit, currency, entry_id
FROM $views.credit_ledger
WHERE workspace = {workspace:String} AND subject = {deal:String} AND kind IN ('opportunity', 'won')
ORDER BY recorded_at DESC, kind DESC, model DESC, position DESC, entry_id DESC
LIMIT $rows
