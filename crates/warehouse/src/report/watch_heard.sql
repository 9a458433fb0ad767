SELECT next_stage, toDate(at) AS day
FROM
(
    SELECT touch_at AS at, ['mql'] AS stages
    FROM $views.touches
    WHERE workspace = {workspace:String} AND touch_at >= {from:Date} AND touch_at < {to:Date} + 1
    UNION ALL
    SELECT occurred_at AS at, ['sal', 'sql'] AS stages
    FROM $views.lead_events
    WHERE workspace = {workspace:String} AND occurred_at >= {from:Date} AND occurred_at < {to:Date} + 1
        AND (event LIKE 'verdict_%' OR event IN ('call', 'meeting', 'demo', 'email', 'content_shared', 'updated'))
    UNION ALL
    SELECT changed_at AS at, ['opportunity', 'customer'] AS stages
    FROM $views.deal_history
    WHERE workspace = {workspace:String} AND changed_at >= {from:Date} AND changed_at < {to:Date} + 1
)
ARRAY JOIN stages AS next_stage
GROUP BY next_stage, day
ORDER BY next_stage, day
