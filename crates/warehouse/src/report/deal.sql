SELECT
    deal, account, outcome, amount, currency, reporting, reporting_currency, stage, pipeline, owner, deal_type,
    opened_at, closed_at, lost_reason, merged_into, contacts
FROM $views.deals
WHERE workspace = {workspace:String} AND deal = {deal:String}
