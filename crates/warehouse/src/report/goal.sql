WITH
    (
        SELECT max(entered_at)
        FROM $views.stage_entries
        WHERE workspace = {workspace:String}
    ) AS latest,
    (
        SELECT (countIf(outcome = 'won'), countIf(outcome = 'lost'), avgIf(worth, rated),
            stddevSampIf(worth, rated) / sqrt(countIf(rated)), countIf(rated),
            length(arrayDistinct(arrayFlatten(groupArray(contacts)))) / countIf(notEmpty(contacts)))
        FROM
        (
            -- What is not known in the reporting currency says nothing about the size of a deal.
            SELECT
                outcome, toFloat64(ifNull(reporting, 0)) AS worth, contacts,
                outcome = 'won' AND (reporting IS NOT NULL OR amount_minor = 0) AS rated
            FROM $views.deals
            WHERE workspace = {workspace:String} AND toDate(closed_at) BETWEEN {from:Date} AND {to:Date}
        )
    ) AS closed,
    (
        SELECT mapFromArrays(groupArray(concat(stage, '>', next_stage)), groupArray((entered, ripe, converted)))
        FROM
        (
            SELECT stage, next_stage, count() AS entered, countIf(old) AS ripe, countIf(old AND converted_at IS NOT NULL) AS converted
            FROM
            (
                -- Whoever entered later than nine of ten take to go on has not had the time, whether gone on or not.
                SELECT
                    toString(s.stage) AS stage, toString(s.next_stage) AS next_stage, s.converted_at AS converted_at,
                    ifNull(dateDiff('millisecond', s.entered_at, latest) >= 86400000 * quantileExact(0.9)(s.days) OVER (PARTITION BY s.stage, s.next_stage), 1) AS old
                FROM $views.stage_steps AS s
                WHERE s.workspace = {workspace:String} AND toDate(s.entered_at) BETWEEN {from:Date} AND {to:Date}
            )
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
    -- Opportunities are deals, sales-qualified leads are people: some of them are on one deal together.
    if(isFinite(closed.6) AND closed.6 > 0, closed.6, 1) AS people,
    [
        ('opportunities', (closed.1 + closed.2, closed.1 + closed.2, closed.1), 1),
        ('sqls', steps['sql>opportunity'], people),
        ('mqls', steps['mql>sql'], 1),
        ('leads', steps['lead>mql'], 1),
        ('visitors', (ifNull(visitors, 0), ifNull(visitors, 0), least(ifNull(visitors, 0), ifNull(leads, 0))), 1)
    ] AS chain,
    -- Student's quantile from the normal one: M. Abramowitz, I. Stegun, "Handbook of Mathematical Functions", 26.7.5.
    greatest(closed.5 - 1, 0) AS freedom,
    1.96 + 2.372 / freedom + 2.823 / (freedom * freedom) AS student,
    arrayMap((name, counts, each) -> (name, counts.1, counts.3 / counts.2, $wilson_low(counts.3, counts.2), $wilson_high(counts.3, counts.2), each,
        counts.1 - counts.2), chain.1, chain.2, chain.3) AS rates,
    arrayConcat([('won deals', closed.1, NULL, NULL, NULL, NULL, NULL)], rates) AS links,
    arrayMap(f -> assumeNotNull(f), arrayConcat([1 / closed.3], arrayMap(r -> r.6 / r.3, rates))) AS factors,
    -- How far each may be off, as a logarithm, up and down. Limits of a product from limits of its factors: G. Zou,
    -- A. Donner, "Construction of confidence limits about effect measures", Statistics in Medicine 27 (2008).
    student * closed.4 / closed.3 AS size,
    arrayMap(u -> assumeNotNull(u), arrayConcat([size], arrayMap(r -> log(r.3 / r.4), rates))) AS ups,
    arrayMap(d -> assumeNotNull(d), arrayConcat([size], arrayMap(r -> log(r.5 / r.3), rates))) AS downs
SELECT
    (links[place]).1 AS step, (links[place]).2 AS in_this_time,
    round((links[place]).3, 4) AS rate, round((links[place]).4, 4) AS rate_low, round((links[place]).5, 4) AS rate_high,
    if(isFinite({target:Float64} * arrayProduct(arraySlice(factors, 1, place)) AS exact), ceil(exact - 1e-6), NULL) AS needed,
    if(isFinite(exact * exp(-sqrt(arraySum(d -> d * d, arraySlice(downs, 1, place)))) AS exact_low), ceil(exact_low - 1e-6), NULL) AS needed_low,
    if(isFinite(exact * exp(sqrt(arraySum(u -> u * u, arraySlice(ups, 1, place)))) AS exact_high), ceil(exact_high - 1e-6), NULL) AS needed_high,
    if(place = 3, round(people, 2), NULL) AS people_per_deal, if(place = 1, closed.1 - closed.5, NULL) AS won_without_rate,
    if(place BETWEEN 3 AND 5, (links[place]).7, NULL) AS too_young
FROM (SELECT arrayJoin(range(1, 7)) AS place)
ORDER BY place
