SELECT at, what, channel, source, campaign, content, rep, detail, event_id
FROM $views.lead_timeline
WHERE workspace = {workspace:String} AND lead = {lead:String}
ORDER BY
    at, what = 'stage', indexOf(['lead', 'mql', 'sal', 'sql', 'opportunity', 'customer'], event_id), what, event_id
LIMIT 10000
