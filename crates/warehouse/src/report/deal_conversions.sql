SELECT kind, conversion, converted_at, value, currency, reporting, reporting_currency, journey_length, path, truncated, definition_version
FROM $views.conversions
WHERE workspace = {workspace:String} AND subject = {deal:String} AND kind IN ('opportunity', 'won')
ORDER BY converted_at, kind
