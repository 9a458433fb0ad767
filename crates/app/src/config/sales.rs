//! What concerns both halves of the loop: the hand-off clock and the conversion watch.

use crate::verbs::parse_day;
use serde::{Deserialize, Serialize};
use smarketing_kernel::watch::Settings;
use smarketing_warehouse::Calendar;

/// How fast sales answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Sla {
    /// Name of the time zone sales works in.
    pub(crate) time_zone: String,
    /// Days of the week it works on, Monday is 1.
    pub(crate) weekdays: Vec<u8>,
    /// When it begins and ends.
    pub(crate) opens: String,
    /// See `opens`.
    pub(crate) closes: String,
    /// Days it does not work on.
    pub(crate) holidays: Vec<String>,
    /// Working hours within which it must act on a hand-off.
    pub(crate) first_touch_hours: u32,
    /// Working hours within which it must judge it.
    pub(crate) verdict_hours: u32,
}

/// When the conversion watch looks, and what it says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Watch {
    /// Minutes between two evaluations of a running service; 0 for none.
    pub(crate) every_minutes: u32,
    /// Smallest relative drop that is worth an alarm, in percent.
    pub(crate) drop_percent: u32,
    /// Evaluations of which one may find a drop by chance.
    pub(crate) one_in: u32,
}

impl Default for Sla {
    fn default() -> Self {
        Self {
            time_zone: "UTC".into(),
            weekdays: vec![1, 2, 3, 4, 5],
            opens: "09:00".into(),
            closes: "17:00".into(),
            holidays: Vec::new(),
            first_touch_hours: 8,
            verdict_hours: 24,
        }
    }
}

impl Default for Watch {
    fn default() -> Self {
        let settings = Settings::default();
        Self { every_minutes: 60, drop_percent: settings.drop_ppm / 10_000, one_in: settings.one_in }
    }
}

/// The calendar, and what is wrong with it.
pub(super) fn calendar(sla: &Sla, problem: &mut dyn FnMut(&str, &str)) -> Calendar {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '_' | '-' | '+');
    if sla.time_zone.is_empty() || !sla.time_zone.chars().all(plain) {
        problem("sla.time_zone", "the name of a time zone such as \"Europe/Berlin\"");
    }
    if sla.weekdays.is_empty() || sla.weekdays.iter().any(|day| !(1..=7).contains(day)) {
        problem("sla.weekdays", "a list of 1 (Monday) to 7 (Sunday)");
    }
    match (minute(&sla.opens), minute(&sla.closes)) {
        (Some(opens), Some(closes)) if opens < closes => {}
        _ => problem("sla.opens", "sla.opens and sla.closes are times such as \"09:00\", the first before the second"),
    }
    if sla.first_touch_hours == 0 || sla.verdict_hours == 0 {
        problem("sla.first_touch_hours", "sla.first_touch_hours and sla.verdict_hours must be above 0");
    }
    let mut holidays = Vec::new();
    for (index, text) in sla.holidays.iter().enumerate() {
        match parse_day(text) {
            Ok(day) => holidays.push(day),
            Err(error) => problem(&format!("sla.holidays[{index}]"), &error.to_string()),
        }
    }
    Calendar {
        time_zone: sla.time_zone.clone(),
        weekdays: sla.weekdays.clone(),
        opens: sla.opens.clone(),
        closes: sla.closes.clone(),
        holidays,
        first_touch_hours: sla.first_touch_hours,
        verdict_hours: sla.verdict_hours,
    }
}

/// Minutes from midnight of a time such as `09:00`.
fn minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':').filter(|_| text.len() == 5)?;
    let (hour, minute) = (hour.parse::<u16>().ok()?, minute.parse::<u16>().ok()?);
    (hour < 24 && minute < 60).then_some(hour * 60 + minute)
}

/// The thresholds, and what is wrong with them.
pub(super) fn settings(watch: &Watch, problem: &mut dyn FnMut(&str, &str)) -> Settings {
    if !(1..=90).contains(&watch.drop_percent) {
        problem("watch.drop_percent", "must be between 1 and 90");
    }
    if !(100..=1_000_000).contains(&watch.one_in) {
        problem("watch.one_in", "must be between 100 and 1000000");
    }
    Settings { drop_ppm: watch.drop_percent.saturating_mul(10_000), one_in: watch.one_in, ..Settings::default() }
}
