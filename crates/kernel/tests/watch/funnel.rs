//! Funnels drawn by chance from a seed: what enters, what converts, and after how many days.

use smarketing_kernel::event::Stage;
use smarketing_kernel::text::Text;
use smarketing_kernel::time::Day;
use smarketing_kernel::watch::{Cohort, Dimension, Evaluation, Segment, Series, Settings, Step, evaluate};
use std::collections::BTreeMap;

/// Day 0 of every funnel: a Monday.
pub(crate) const START: i32 = 20_458;
/// Days of history before the first evaluation: two windows and the baseline.
pub(crate) const HISTORY: i32 = 200;

/// How a funnel behaves.
#[derive(Clone, Copy)]
pub(crate) struct Funnel {
    /// Entries a day at the start, on an average weekday.
    pub(crate) daily: f64,
    /// By how much the volume grows in a week.
    pub(crate) growth: f64,
    /// Whether entries and conversions keep office days.
    pub(crate) seasonal: bool,
    /// Share that converts.
    pub(crate) rate: f64,
    /// Mean days it takes.
    pub(crate) days: f64,
    /// Day from which entries convert at a part of the rate, and that part.
    pub(crate) drop: Option<(i32, f64)>,
    /// Channels the entries spread over evenly.
    pub(crate) channels: u32,
    /// Leads of an account, of which either most convert or none does; 1 for leads that have nothing to do with each
    /// other.
    pub(crate) cluster: u32,
    /// Days within which the leads of an account enter.
    pub(crate) spread: i32,
    /// How much the rate varies, as the standard deviation of its factor, and for how many days a factor holds.
    pub(crate) wobble: f64,
    /// See `wobble`.
    pub(crate) wobble_days: i32,
}

pub(crate) const STEADY: Funnel = Funnel {
    daily: 20.0,
    growth: 0.0,
    seasonal: false,
    rate: 0.25,
    days: 6.0,
    drop: None,
    channels: 0,
    cluster: 1,
    spread: 1,
    wobble: 0.0,
    wobble_days: 1,
};

/// Share of the leads of an account that converts where any does.
const TOGETHER: f64 = 0.75;

/// A sequence of chances (G. Steele and others, "Fast splittable pseudorandom number generators", 2014).
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Between 0 and 1.
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A number around one with that standard deviation, never below 0: twelve uniform ones make a normal one.
    fn around_one(&mut self, deviation: f64) -> f64 {
        let normal = (0..12).map(|_| self.unit()).sum::<f64>() - 6.0;
        (1.0 + deviation * normal).max(0.0)
    }

    /// A Poisson number, by waiting times.
    fn poisson(&mut self, mean: f64) -> u32 {
        let (mut left, mut count) = (mean, 0);
        loop {
            left += self.unit().max(1e-300).ln();
            if left < 0.0 {
                return count;
            }
            count += 1;
        }
    }
}

/// Whom an entry belongs to, the day it entered, and the day it converts.
pub(crate) struct Entry {
    pub(crate) channel: u32,
    /// Its account.
    pub(crate) account: u64,
    pub(crate) day: i32,
    pub(crate) converts: Option<i32>,
}

impl Funnel {
    /// Every entry of so many days.
    pub(crate) fn draw(&self, days: i32, chance: &mut Chance) -> Vec<Entry> {
        let mut entries = Vec::new();
        let mut factor = 1.0;
        for day in 0..days {
            if self.wobble > 0.0 && day % self.wobble_days == 0 {
                factor = chance.around_one(self.wobble);
            }
            let weekday = [1.3, 1.25, 1.2, 1.2, 1.1, 0.5, 0.45][usize::try_from(day % 7).unwrap()];
            let volume = self.daily * (1.0 + self.growth).powf(f64::from(day) / 7.0) / f64::from(self.cluster);
            for _ in 0..chance.poisson(if self.seasonal { volume * weekday } else { volume }) {
                let part = self.drop.filter(|(from, _)| day >= *from).map_or(1.0, |(_, part)| part);
                self.account(day, self.rate * part * factor, chance, &mut entries);
            }
        }
        entries.retain(|entry| entry.day < days);
        entries
    }

    /// The leads of an account whose first one enters on a day.
    fn account(&self, day: i32, rate: f64, chance: &mut Chance, entries: &mut Vec<Entry>) {
        let alone = self.cluster == 1;
        let buys = alone || chance.unit() < rate / TOGETHER;
        let each = if alone { rate } else { TOGETHER };
        let account = chance.next();
        let channel = u32::try_from(account % 1_000).unwrap() % self.channels.max(1);
        for _ in 0..self.cluster {
            let day = day + i32::try_from(chance.next() % 1_000).unwrap() % self.spread;
            let converts = (buys && chance.unit() < each).then(|| self.delayed(day, chance));
            entries.push(Entry { channel, account, day, converts });
        }
    }

    /// The day of a conversion: exponential waiting, and never on a week-end where office days are kept.
    fn delayed(&self, day: i32, chance: &mut Chance) -> i32 {
        let at = day + (-chance.unit().max(1e-300).ln() * self.days) as i32;
        match at % 7 {
            5 if self.seasonal => at + 2,
            6 if self.seasonal => at + 1,
            _ => at,
        }
    }

    /// The step with a series of everybody and one a channel.
    pub(crate) fn step(&self, entries: &[Entry]) -> Step {
        let everybody = series(Dimension::All, "(all)", entries.iter());
        let channels = (0..self.channels).map(|channel| {
            let its = entries.iter().filter(move |entry| entry.channel == channel);
            series(Dimension::Channel, &format!("channel {channel}"), its)
        });
        Step {
            stage: Stage::Mql,
            next_stage: Stage::Sql,
            heard: (0..1_000).map(|day| Day(START + day)).collect(),
            series: std::iter::once(everybody).chain(channels).collect(),
        }
    }
}

pub(crate) fn series<'e>(dimension: Dimension, value: &str, entries: impl Iterator<Item = &'e Entry>) -> Series {
    let mut days: BTreeMap<i32, (u32, BTreeMap<u16, u32>)> = BTreeMap::new();
    let mut accounts: BTreeMap<u64, (f64, f64)> = BTreeMap::new();
    for entry in entries {
        let (its, won) = accounts.entry(entry.account).or_default();
        *its += 1.0;
        *won += f64::from(u8::from(entry.converts.is_some()));
        let (entered, converted) = days.entry(entry.day).or_default();
        *entered += 1;
        if let Some(at) = entry.converts {
            *converted.entry(u16::try_from(at - entry.day).unwrap()).or_default() += 1;
        }
    }
    let cohort = |(day, (entered, converted)): (i32, (u32, BTreeMap<u16, u32>))| Cohort {
        day: Day(START + day),
        definition: Text::from("1"),
        entered,
        converted: converted.into_iter().collect(),
    };
    let segment = Segment { dimension, value: Text::from(value) };
    let clustering_milli = clustering_milli(accounts.values());
    Series { segment, cohorts: days.into_iter().map(cohort).collect(), clustering_milli }
}

/// As the warehouse works it out: the squares of what accounts converted too many or too few of, over the variance of
/// independent entries.
fn clustering_milli<'a>(accounts: impl Iterator<Item = &'a (f64, f64)> + Clone) -> u32 {
    let (entered, converted) = accounts.clone().fold((0.0, 0.0), |sum, each| (sum.0 + each.0, sum.1 + each.1));
    let rate = converted / entered;
    let squares: f64 = accounts.map(|(its, won)| (won - its * rate).powi(2)).sum();
    (1_000.0 * (squares / (entered * rate * (1.0 - rate))).max(1.0)) as u32
}

/// The evaluations of so many days in a row, each knowing those before.
pub(crate) fn watched(settings: &Settings, step: &Step, days: std::ops::Range<i32>) -> Vec<Vec<Evaluation>> {
    let mut all: Vec<Vec<Evaluation>> = Vec::new();
    for day in days {
        let before = all.last().map_or(&[][..], Vec::as_slice);
        all.push(evaluate(settings, Day(START + day), before, std::slice::from_ref(step)));
    }
    all
}
