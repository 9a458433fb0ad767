SELECT recorded_at, kind, reason, model, channel, touch_id, micro_credits, credit, currency, entry_id
FROM $views.credit_ledger
WHERE workspace = {workspace:String} AND subject = {deal:String} AND kind IN ('opportunity', 'won')
ORDER BY recorded_at, kind, model, position, entry_id
LIMIT 10000
