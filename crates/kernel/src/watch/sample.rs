//! Entries at risk and conversions by age, and what two such samples say of each other.
//!
//! An entry of day *d* has age *k* on day *d + k*. It is at risk at age *k* when that day is over and it had not
//! converted before it; a day that is not over yet censors it. So young entries count for exactly as long as they were
//! watched, and two samples are only ever compared at equal age. Everything is kept apart by the weekday of entry:
//! together with the age it fixes the weekday of the conversion, so that neither quiet week-ends nor busy Mondays are
//! taken for a change.
//!
//! Fractions are integers in units of [`ONE`]; each division loses less than one unit.

use super::{Cohort, Days, Rate};
use crate::time::Day;
use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;

/// One, as a fixed-point number with twelve decimals.
pub(crate) const ONE: i128 = 1_000_000_000_000;
/// Parts per million, as a divisor of [`ONE`].
const PPM: i128 = ONE / 1_000_000;
const WEEKDAYS: usize = 7;
/// From where on weeks are said to vary more than chance makes them: about one funnel in twenty gets there by chance.
const VARIED: i128 = ONE * 2;

/// Entries at risk at an age, and how many of them converted at it.
#[derive(Clone, Copy, Default)]
struct Cell {
    at_risk: i64,
    converted: i64,
}

/// Entries of a segment that may be looked at.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    pub(crate) cohorts: &'a [Cohort],
    /// Version of the definitions they were made under.
    pub(crate) definition: &'a str,
    /// Days of entry that are left out.
    pub(crate) left_out: Option<Days>,
    /// Day after the last day that is over.
    pub(crate) as_of: Day,
}

/// The entries of some days, by weekday of entry and age.
pub(crate) struct Sample {
    ages: usize,
    cells: Vec<Cell>,
    /// The same of all weekdays.
    totals: Vec<Cell>,
    /// How many entries there are.
    pub(crate) entered: u64,
}

/// Two samples held against each other at equal ages.
#[derive(Default)]
pub(crate) struct Comparison {
    /// Conversions of the recent sample.
    pub(crate) observed: i128,
    /// What they would be if both samples converted alike, given all conversions of both; in [`ONE`].
    pub(crate) expected: i128,
    /// Variance of `observed` under that assumption; in [`ONE`].
    pub(crate) variance: i128,
}

impl Source<'_> {
    /// Counts the entries of some days up to `ages` days of age. Entries that were not watched for a whole day still
    /// count as entered.
    pub(crate) fn sample(&self, days: Days, ages: usize) -> Sample {
        let mut sample = Sample::empty(ages);
        for cohort in self.of(days) {
            sample.add(cohort, self.as_of);
        }
        sample
    }

    /// The cohorts of some days that may be looked at.
    fn of(&self, days: Days) -> impl Iterator<Item = &Cohort> {
        self.cohorts.iter().filter(move |cohort| {
            let left_out = self.left_out.is_some_and(|days| days.contain(cohort.day));
            days.contain(cohort.day) && !left_out && *cohort.definition == *self.definition
        })
    }

    /// How much more conversions vary than those of independent entries would, in [`ONE`] and at least one: by the day
    /// of entry, and by the week.
    ///
    /// It is the sum of squares of what the baseline's days had too many or too few of, over the variance expected
    /// (Pearson's dispersion); for weeks, together with the products of neighbours (one lag of the estimator of
    /// W. Newey and K. West, Econometrica 55 (1987)). A hundred days tell it well, sixteen weeks do not: of weeks only
    /// what is hardly chance ([`VARIED`]) counts, and that twice.
    pub(crate) fn dispersion(&self, baseline: &Sample, days: Days, horizon: usize) -> i128 {
        let mut weeks: BTreeMap<i32, Comparison> = BTreeMap::new();
        let mut by_day = 0;
        for cohort in self.of(days) {
            let day = baseline.hold(cohort, self.as_of, horizon);
            by_day += day.surplus() * day.surplus();
            weeks.entry(days.until.0.saturating_sub(1 + cohort.day.0) / 7).or_default().add(&day);
        }
        let follows = |(at, week): (&i32, &Comparison)| Some(week.surplus() * weeks.get(&(at + 1))?.surplus());
        let squares: i128 = weeks.values().map(|week| week.surplus() * week.surplus()).sum();
        let products: i128 = weeks.iter().filter_map(follows).sum();
        let variance: i128 = weeks.values().map(|week| week.variance).sum::<i128>().max(1);
        let by_week = (squares + products) * ONE / variance;
        let by_week = if by_week < VARIED { ONE } else { 2 * by_week - ONE };
        by_week.max(by_day * ONE / variance)
    }
}

impl Sample {
    fn empty(ages: usize) -> Self {
        let cells = vec![Cell::default(); WEEKDAYS * ages];
        Self { ages, cells, totals: vec![Cell::default(); ages], entered: 0 }
    }

    /// A cohort of this sample against the sample's daily chances.
    fn hold(&self, cohort: &Cohort, as_of: Day, horizon: usize) -> Comparison {
        let mut sum = Comparison::default();
        let weekday = usize::try_from(cohort.day.0.rem_euclid(7)).unwrap_or(0);
        for (age, (at_risk, converted)) in course(cohort, as_of).take(horizon).enumerate() {
            let whole = self.cell(weekday, age);
            if whole.converted == 0 || whole.at_risk < 2 {
                continue;
            }
            let (n, d, mine) = (i128::from(whole.at_risk), i128::from(whole.converted), i128::from(at_risk));
            let expected = d * mine * ONE / n;
            sum.observed += i128::from(converted);
            sum.expected += expected;
            sum.variance += expected * (n - mine) / n * (n - d) / (n - 1);
        }
        sum
    }

    fn add(&mut self, cohort: &Cohort, as_of: Day) {
        self.entered += u64::from(cohort.entered);
        let weekday = usize::try_from(cohort.day.0.rem_euclid(7)).unwrap_or(0);
        let cells = self.cells.iter_mut().skip(weekday * self.ages).take(self.ages).zip(&mut self.totals);
        for ((cell, total), (at_risk, converted)) in cells.zip(course(cohort, as_of)) {
            for cell in [cell, total] {
                cell.at_risk += at_risk;
                cell.converted += converted;
            }
        }
    }

    fn cell(&self, weekday: usize, age: usize) -> Cell {
        self.cells.get(weekday * self.ages + age).copied().unwrap_or_default()
    }

    /// How many ages, from the first, have at least `least` entries at risk.
    pub(crate) fn horizon(&self, least: u32) -> usize {
        self.totals.iter().take_while(|age| age.at_risk >= i64::from(least)).count()
    }

    /// Conversions up to the horizon.
    pub(crate) fn converted(&self, horizon: usize) -> i128 {
        self.totals.iter().take(horizon).map(|age| i128::from(age.converted)).sum()
    }

    /// Conversions these entries would have had up to the horizon at the daily chances of `others`, in [`ONE`].
    /// A weekday and age that nobody of the others reached takes the chance of its age.
    pub(crate) fn expected_after(&self, others: &Self, horizon: usize) -> i128 {
        let mut expected = 0;
        for (age, whole) in others.totals.iter().take(horizon).enumerate() {
            for weekday in 0..WEEKDAYS {
                let (mine, theirs) = (self.cell(weekday, age), others.cell(weekday, age));
                let theirs = if theirs.at_risk > 0 { theirs } else { *whole };
                let chances = i128::from(mine.at_risk) * i128::from(theirs.converted);
                if chances > 0 {
                    expected += chances * ONE / i128::from(theirs.at_risk.max(1));
                }
            }
        }
        expected
    }

    /// The log-rank comparison with a baseline, stratified by weekday of entry (N. Mantel, "Evaluation of survival
    /// data …", Cancer Chemother. Rep. 50 (1966)): at every age the conversions of both are shared out as a
    /// hypergeometric draw would.
    pub(crate) fn compare(&self, baseline: &Self, horizon: usize) -> Comparison {
        let mut sum = Comparison { observed: 0, expected: 0, variance: 0 };
        for (weekday, age) in (0..WEEKDAYS).flat_map(|weekday| (0..horizon).map(move |age| (weekday, age))) {
            let (recent, base) = (self.cell(weekday, age), baseline.cell(weekday, age));
            let (n, d) = (recent.at_risk + base.at_risk, recent.converted + base.converted);
            if recent.at_risk == 0 || base.at_risk == 0 || d == 0 {
                continue;
            }
            let (n, d, others) = (i128::from(n), i128::from(d), i128::from(base.at_risk));
            let expected = d * i128::from(recent.at_risk) * ONE / n;
            sum.observed += i128::from(recent.converted);
            sum.expected += expected;
            sum.variance += expected * others / n * (n - d) / (n - 1);
        }
        sum
    }

    /// The share that converts within the horizon, by Kaplan and Meier over all weekdays, with Greenwood's standard
    /// error (E. Kaplan, P. Meier, "Nonparametric estimation from incomplete observations", JASA 53 (1958)).
    pub(crate) fn rate(&self, horizon: usize) -> Rate {
        let (mut left, mut spread) = (ONE, 0);
        for cell in self.totals.iter().take(horizon).filter(|cell| cell.at_risk > 0) {
            let (at_risk, converted) = (i128::from(cell.at_risk), i128::from(cell.converted));
            let stay = at_risk - converted;
            left = left * stay / at_risk;
            // Where all convert nothing is left, and its error is nothing.
            spread += if stay > 0 { converted * ONE / (at_risk * stay) } else { 0 };
        }
        let error = (spread * ONE).isqrt() * left / ONE;
        let ppm = |fraction: i128| u32::try_from(fraction / PPM).unwrap_or(u32::MAX);
        Rate { ppm: ppm(ONE - left), error_ppm: ppm(error) }
    }
}

/// Entries of a cohort at risk at each age whose day is over, and how many of them converted at it.
fn course(cohort: &Cohort, as_of: Day) -> impl Iterator<Item = (i64, i64)> {
    let watched = usize::try_from(as_of.0.saturating_sub(cohort.day.0)).unwrap_or(0);
    let mut conversions = cohort.converted.iter().peekable();
    let mut left = i64::from(cohort.entered);
    (0..watched).map(move |age| {
        let (at_risk, mut converted) = (left, 0);
        while let Some((_, count)) = conversions.next_if(|(at, _)| usize::from(*at) <= age) {
            converted += i64::from(*count);
        }
        left -= converted;
        (at_risk, converted)
    })
}

impl Comparison {
    fn add(&mut self, other: &Self) {
        self.observed += other.observed;
        self.expected += other.expected;
        self.variance += other.variance;
    }

    /// Conversions above what is expected, in millionths.
    fn surplus(&self) -> i128 {
        (self.observed * ONE - self.expected) / PPM
    }

    /// How many standard deviations `observed` is above `expected`, in thousandths; 0 where nothing can vary. Entries
    /// that depend on each other vary by `dispersion` more, in [`ONE`].
    pub(crate) fn z_milli(&self, dispersion: i128) -> i64 {
        let deviation = (self.variance * dispersion).isqrt();
        if deviation == 0 {
            return 0;
        }
        i64::try_from((self.observed * ONE - self.expected) * 1_000 / deviation).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Text;

    fn cohort(day: i32, entered: u32, converted: &[(u16, u32)]) -> Cohort {
        Cohort { day: Day(day), definition: Text::from("1"), entered, converted: converted.to_vec() }
    }

    fn sample(cohorts: &[Cohort], as_of: i32) -> Sample {
        let source = Source { cohorts, definition: "1", left_out: None, as_of: Day(as_of) };
        source.sample(Days { from: Day(0), until: Day(1_000) }, 10)
    }

    /// Day 0: 10 entries watched for 4 days, 2 convert at age 0 and 3 at age 2. Day 3: 10 entries watched for 1 day,
    /// 1 converts at age 0, and 5 at age 1, which is not over.
    #[test]
    fn the_young_are_censored_and_rates_are_those_of_kaplan_and_meier() {
        let both = sample(&[cohort(0, 10, &[(0, 2), (2, 3)]), cohort(3, 10, &[(0, 1), (1, 5)])], 4);
        assert_eq!((both.entered, both.converted(10)), (20, 6));
        let at_risk: Vec<_> = both.totals.iter().take(5).map(|age| age.at_risk).collect();
        assert_eq!(at_risk, [20, 8, 8, 5, 0]);
        assert_eq!(both.horizon(8), 3);
        // 1 - 17/20 * 5/8 = 0.46875; Greenwood: 0.53125 * sqrt(3/(20*17) + 3/(8*5)) = 0.153809.
        assert_eq!(both.rate(4), Rate { ppm: 468_750, error_ppm: 153_809 });
        assert_eq!(sample(&[cohort(0, 5, &[(0, 5)])], 9).rate(9), Rate { ppm: 1_000_000, error_ppm: 0 });
    }

    /// One weekday, ages 0 and 1. Recent: 10 at risk, 1 converts; 9, 1. Baseline: 20, 6; 14, 4.
    /// Expected 7·10/30 + 5·9/23 = 4.289855; variance 7·10·20·23/(900·29) + 5·9·14·18/(529·22) = 2.208110.
    #[test]
    fn the_log_rank_test_is_mantels() {
        let recent = sample(&[cohort(7, 10, &[(0, 1), (1, 1)])], 9);
        let baseline = sample(&[cohort(0, 20, &[(0, 6), (1, 4)])], 9);
        let found = recent.compare(&baseline, 2);
        assert_eq!(found.observed, 2);
        assert_eq!(found.expected / 1_000_000, 4_289_855);
        assert_eq!(found.variance / 1_000_000, 2_208_110);
        assert_eq!((found.z_milli(ONE), found.z_milli(4 * ONE)), (-1_540, -770));
        assert_eq!(recent.expected_after(&baseline, 2) / 1_000_000, 10 * 6 * 1_000_000 / 20 + 9 * 4 * 1_000_000 / 14);
    }

    /// Eight Mondays of 100 entries, of which 40 and 10 convert: 25 are expected, with a variance of
    /// 100 · 1/4 · 3/4 · 7/8 · 800/799 = 16.4268. By the day 15² / 16.4268 = 13.697. By the week neighbours take
    /// 7/8 away where they alternate; where they come in pairs they add 4/8 and take 3/8: 15.409, less one, twice.
    #[test]
    fn days_and_weeks_that_vary_more_than_chance_makes_them_are_seen() {
        let weeks = |converted: [u32; 8]| {
            let cohorts: Vec<Cohort> =
                (0..).zip(converted).map(|(week, converted)| cohort(week * 7, 100, &[(0, converted)])).collect();
            let source = Source { cohorts: &cohorts, definition: "1", left_out: None, as_of: Day(60) };
            let days = Days { from: Day(0), until: Day(56) };
            source.dispersion(&source.sample(days, 5), days, 1) * 1_000 / ONE
        };
        assert_eq!(weeks([25; 8]), 1_000);
        assert_eq!(weeks([40, 10, 40, 10, 40, 10, 40, 10]), 13_697);
        assert_eq!(weeks([40, 40, 10, 10, 40, 40, 10, 10]), 1_000 + 2 * 14_409);
    }

    #[test]
    fn weekdays_are_not_mixed() {
        let recent = sample(&[cohort(7, 10, &[(0, 1)])], 9);
        let other_weekday = sample(&[cohort(1, 20, &[(0, 20)])], 9);
        assert_eq!(recent.compare(&other_weekday, 2).z_milli(ONE), 0);
    }
}
