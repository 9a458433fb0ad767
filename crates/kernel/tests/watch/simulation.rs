//! How often the watch cries wolf, and how soon it sees the wolf; beside it the ratio that everybody begins with.

use super::funnel::{Chance, Entry, Funnel, HISTORY, STEADY, watched};
use smarketing_kernel::watch::{Settings, State};

/// Funnels a scenario, and days each is evaluated on.
const FUNNELS: u64 = 120;
const DAYS: i32 = 20;

/// The naive measure: conversions by entries of the last 28 days, by the same of the 84 days before.
fn naive(entries: &[Entry], today: i32) -> f64 {
    let ratio = |days: std::ops::Range<i32>| {
        let entered = entries.iter().filter(|entry| days.contains(&entry.day)).count();
        let known = |entry: &&Entry| days.contains(&entry.day) && entry.converts.is_some_and(|at| at < today);
        entries.iter().filter(known).count() as f64 / entered.max(1) as f64
    };
    ratio(today - 28..today) / ratio(today - 112..today - 28)
}

/// Evaluations with a false alarm anywhere, naive ones, and all.
fn false_alarms(funnel: Funnel, seed: u64) -> (usize, usize, usize) {
    let (mut ours, mut theirs, mut all) = (0, 0, 0);
    for number in 0..FUNNELS {
        let entries = funnel.draw(HISTORY + DAYS, &mut Chance(seed * 100_000 + number));
        let step = funnel.step(&entries);
        let rounds = watched(&Settings::default(), &step, HISTORY..HISTORY + DAYS);
        ours += rounds.iter().filter(|round| round.iter().any(|evaluation| evaluation.alarm)).count();
        theirs += (HISTORY..HISTORY + DAYS).filter(|day| naive(&entries, *day) < 0.75).count();
        all += rounds.len();
    }
    (ours, theirs, all)
}

const SLOW: Funnel = Funnel { days: 45.0, ..STEADY };

#[test]
fn stationary_funnels_raise_at_most_one_alarm_in_two_hundred_evaluations() {
    let scenarios = [
        ("steady", STEADY),
        ("growing by a tenth a week", Funnel { daily: 6.0, growth: 0.1, ..STEADY }),
        ("week-ends off", Funnel { seasonal: true, ..STEADY }),
        ("slow cycle", SLOW),
        (
            "all of it, by channel",
            Funnel { daily: 12.0, growth: 0.05, seasonal: true, days: 30.0, channels: 4, ..STEADY },
        ),
        ("accounts of four that convert together", Funnel { cluster: 4, spread: 10, ..STEADY }),
        ("a rate that varies by the day", Funnel { wobble: 0.3, daily: 40.0, ..STEADY }),
    ];
    for (seed, (name, funnel)) in (1..).zip(scenarios) {
        let (ours, theirs, all) = false_alarms(funnel, seed);
        println!("{name}: an alarm in {ours} of {all} evaluations, the naive ratio in {theirs}");
        assert!(ours * 200 <= all, "{name}: {ours} of {all}");
        assert!(theirs * 200 > all, "{name}: the naive ratio would do, {theirs} of {all}");
    }
}

/// The power curve: a drop by 30 % four weeks ago, looked at once, by the conversions that were to be expected since.
#[test]
fn a_drop_by_a_third_is_seen_as_soon_as_the_sample_allows() {
    const LOOKS: u64 = 150;
    let curve = [(50_u32, 2..15), (100, 15..35), (150, 45..70), (200, 70..90), (300, 93..101)];
    for (expected, share) in curve {
        // Of 28 days of entries, a quarter converts, and 0.78 of those within the days that are over.
        let daily = f64::from(expected) / (28.0 * 0.25 * 0.78);
        let funnel = Funnel { daily, drop: Some((HISTORY - 28, 0.7)), ..STEADY };
        let mut seen = 0;
        for number in 0..LOOKS {
            let entries = funnel.draw(HISTORY, &mut Chance(u64::from(expected) * 1_000 + number));
            let found = &watched(&Settings::default(), &funnel.step(&entries), HISTORY..HISTORY + 1)[0][0];
            seen += u64::from(found.state == State::Fell);
        }
        println!("{expected} conversions expected: seen in {} of 100", seen * 100 / LOOKS);
        assert!(share.contains(&(seen * 100 / LOOKS)), "{expected}: {seen} of {LOOKS}");
    }
}

/// A threshold of the ratio that is quiet on a slow funnel is deaf on a fast one.
#[test]
fn an_alarm_comes_within_four_weeks_where_the_naive_ratio_sleeps() {
    const STORIES: u64 = 40;
    let mut calm: Vec<f64> = (0..STORIES)
        .flat_map(|number| {
            let entries = SLOW.draw(HISTORY + 5, &mut Chance(70_000 + number));
            (HISTORY..HISTORY + 5).map(move |day| naive(&entries, day))
        })
        .collect();
    calm.sort_by(f64::total_cmp);
    let quiet = calm[calm.len() / 200];

    let funnel = Funnel { daily: 60.0, drop: Some((HISTORY, 0.7)), ..STEADY };
    let (mut waits, mut naively) = (Vec::new(), 0);
    for number in 0..STORIES {
        let entries = funnel.draw(HISTORY + 28, &mut Chance(80_000 + number));
        let rounds = watched(&Settings::default(), &funnel.step(&entries), HISTORY..HISTORY + 28);
        waits.push(rounds.iter().position(|round| round[0].alarm).unwrap_or(usize::MAX));
        naively += usize::from((HISTORY..HISTORY + 28).any(|day| naive(&entries, day) < quiet));
    }
    waits.sort_unstable();
    let (half, most) = (waits[waits.len() / 2], waits[waits.len() * 9 / 10]);
    println!("alarm after {half} days in half, {most} in 9 of 10; naive below {quiet:.2}: {naively} of {STORIES}");
    assert!(most <= 28, "{waits:?}");
    assert!(naively * 10 < waits.len(), "{naively}");
}
