SELECT model
FROM $views.conversions
ARRAY JOIN models AS model, arrayEnumerate(models) AS position
WHERE workspace = {workspace:String}
GROUP BY model
ORDER BY min(position), model
