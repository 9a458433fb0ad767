SELECT
    content, content_group, buyer_stage, views, visitors, new_leads, influenced_mql, influenced_opportunity, influenced_won,
    leads, mqls, round(rate, 4) AS rate, round(rate_low, 4) AS rate_low, round(rate_high, 4) AS rate_high,
    round(peer_rate, 4) AS peer_rate, stands, customers, shared, shared_before_win
FROM $views.content_conversion
WHERE workspace = {workspace:String} AND content != '(none)'
ORDER BY indexOf(['better', 'as its peers', 'worse'], stands), rate_low DESC, leads DESC, content
LIMIT $rows
