SELECT
    channel, money AS currency, model,
    if({kind:String} IN ('opportunity', 'won'),
        $major(sum(toInt128(minor)), max(decimals)), toDecimal128(sum(micro), 4) / 1000000) AS credit
FROM
(
    SELECT
        channel, model, micro,
        if(reporting_minor IS NULL, currency, reporting_currency) AS money,
        if(reporting_minor IS NULL, exponent, reporting_exponent) AS decimals,
        if(reporting_minor IS NULL, credited, reporting) AS minor
    FROM $views.conversion_credits
    ARRAY JOIN
        touch_channel AS channel, micro_credits AS micro, credit_minor AS credited, reporting_credit_minor AS reporting
    WHERE workspace = {workspace:String} AND kind = {kind:String} AND conversion_day BETWEEN {from:Date} AND {to:Date}
        AND (micro, credited) != (0, 0)
)
GROUP BY channel, money, model
ORDER BY indexOf((
    SELECT argMax(models, converted_at)
    FROM $views.conversions
    WHERE workspace = {workspace:String} AND kind = {kind:String}
), model), credit DESC, channel, currency
