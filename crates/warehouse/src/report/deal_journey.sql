SELECT
    kind, position, touch_at, channel, source, medium, campaign, content, touch_kind, touch_repeat, lead, touch_id,
    model, $major(minor, exponent) AS credit
FROM $views.conversion_credits
ARRAY JOIN
    arrayEnumerate(touch_id) AS position, touch_id AS touch_id, touch_at AS touch_at, touch_kind AS touch_kind,
    touch_repeat AS touch_repeat, touch_lead AS lead, touch_channel AS channel, touch_source AS source, touch_medium AS medium,
    touch_campaign AS campaign, touch_content AS content, credit_minor AS minor
WHERE workspace = {workspace:String} AND subject = {deal:String} AND kind IN ('opportunity', 'won')
ORDER BY indexOf((
    SELECT argMax(models, converted_at)
    FROM $views.conversions
    WHERE workspace = {workspace:String} AND subject = {deal:String}
), model), converted_at, kind, position
