SELECT at, what, channel, source, campaign, content, rep, detail, event_id
FROM $views.lead_timeline
WHERE workspace = {workspace:String} AND lead = {lead:String}
ORDER BY
    at DESC, what = 'stage' DESC, indexOf(['lead', 'mql', 'sal', 'sql', 'opportunity', 'customer'], event_id) DESC, what DESC,
    event_id DESC
LIMIT $rows
