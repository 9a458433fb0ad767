WITH
    (
        SELECT (countIf(outcome = 'won'), countIf(outcome = 'lost'), avgIf(worth, outcome = 'won'),
            ifNotFinite(stddevSampIf(worth, outcome = 'won') / sqrt(countIf(outcome = 'won')), 0))
        FROM
        (
            SELECT outcome, ifNull(toFloat64(reporting), toFloat64(amount)) AS worth
            FROM $views.deals
            WHERE workspace = {workspace:String} AND toDate(closed_at) BETWEEN {from:Date} AND {to:Date}
        )
    ) AS closed,
    (
        SELECT mapFromArrays(groupArray(concat(stage, '>', next_stage)), groupArray((entered, converted)))
        FROM
        (
            SELECT toString(stage) AS stage, toString(next_stage) AS next_stage, count() AS entered, countIf(converted_at IS NOT NULL) AS converted
            FROM $views.stage_steps
            WHERE workspace = {workspace:String} AND toDate(entered_at) BETWEEN {from:Date} AND {to:Date}
            GROUP BY stage, next_stage
        )
    ) AS steps,
    (
        SELECT uniqExact(visitor)
        FROM $views.web_events
        WHERE workspace = {workspace:String} AND NOT bot AND toDate(viewed_at) BETWEEN {from:Date} AND {to:Date}
    ) AS visitors,
    (
        SELECT count()
        FROM $views.leads
        WHERE workspace = {workspace:String} AND merged_into = '(none)' AND toDate(created_at) BETWEEN {from:Date} AND {to:Date}
    ) AS leads,
    [
        ('opportunities', closed.1 + closed.2, closed.1),
        ('sqls', (steps['sql>opportunity']).1, (steps['sql>opportunity']).2),
        ('mqls', (steps['mql>sql']).1, (steps['mql>sql']).2),
        ('leads', (steps['lead>mql']).1, (steps['lead>mql']).2),
        ('visitors', ifNull(visitors, 0), least(ifNull(visitors, 0), ifNull(leads, 0)))
    ] AS chain,
    arrayConcat(
        [('won deals', closed.1, 1 / closed.3, 1 / (closed.3 + 1.96 * closed.4), 1 / greatest(closed.3 - 1.96 * closed.4, 0))],
        arrayMap(s -> (s.1, s.2, s.3 / s.2, $wilson_low(s.3, s.2), $wilson_high(s.3, s.2)), chain)) AS links,
    arrayMap(l -> assumeNotNull(if(l.1 = 'won deals', l.3, 1 / l.3)), links) AS factors,
    arrayMap(l -> assumeNotNull(if(l.1 = 'won deals', l.4, 1 / l.5)), links) AS factors_low,
    arrayMap(l -> assumeNotNull(if(l.1 = 'won deals', l.5, 1 / l.4)), links) AS factors_high
SELECT
    (links[place]).1 AS step, (links[place]).2 AS in_this_time,
    if(place = 1, NULL, round((links[place]).3, 4)) AS rate, if(place = 1, NULL, round((links[place]).4, 4)) AS rate_low,
    if(place = 1, NULL, round((links[place]).5, 4)) AS rate_high,
    if(isFinite({target:Float64} * arrayProduct(arraySlice(factors, 1, place)) AS needed_exact), ceil(needed_exact - 1e-6), NULL) AS needed,
    if(isFinite({target:Float64} * arrayProduct(arraySlice(factors_low, 1, place)) AS needed_low_exact), ceil(needed_low_exact - 1e-6), NULL) AS needed_low,
    if(isFinite({target:Float64} * arrayProduct(arraySlice(factors_high, 1, place)) AS needed_high_exact), ceil(needed_high_exact - 1e-6), NULL) AS needed_high
FROM (SELECT arrayJoin(range(1, 7)) AS place)
ORDER BY place
