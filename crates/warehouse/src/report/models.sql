SELECT
    channel, currency, model,
    if({kind:String} IN ('opportunity', 'won'),
        $major(sum(c.credit_minor), exponent), toDecimal64(sum(c.micro_credits), 4) / 1000000) AS credit
FROM $views.credits AS c
WHERE workspace = {workspace:String} AND kind = {kind:String} AND conversion_day BETWEEN {from:Date} AND {to:Date}
GROUP BY channel, currency, exponent, model
ORDER BY indexOf((
    SELECT argMax(models, converted_at)
    FROM $views.conversions
    WHERE workspace = {workspace:String} AND kind = {kind:String}
), model), credit DESC, channel, currency
