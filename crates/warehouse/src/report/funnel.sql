SELECT
    stage, next_stage, sum(f.entered) AS entered, sum(f.converted) AS converted,
    round(converted / entered, 4) AS conversion_rate
FROM $views.funnel_daily AS f
WHERE workspace = {workspace:String} AND cohort_day BETWEEN {from:Date} AND {to:Date}
GROUP BY stage, next_stage
ORDER BY indexOf(['lead', 'mql', 'sal', 'sql', 'opportunity', 'customer'], stage), next_stage
