SELECT
    lead, email, contact_id, account, domain, persona, owner, stage, score, created_at, first_touch_at, last_touch_at,
    first_channel, first_source, first_campaign, touches, mqls, sqls, deals, won_deals, merged_into, erased
FROM $views.leads
WHERE workspace = {workspace:String} AND lead = {lead:String}
