//! Instants and days as integers: UTC milliseconds and days since 1970-01-01.

use core::fmt;
use serde::{Deserialize, Serialize};

/// An instant in UTC milliseconds since 1970-01-01. Before 1970 it is negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Timestamp(pub i64);

/// A UTC calendar day as days since 1970-01-01.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Day(pub i32);

/// Milliseconds in a day.
pub const DAY_MS: i64 = 86_400_000;

impl Timestamp {
    /// The UTC day this instant falls on.
    #[must_use]
    pub fn day(self) -> Day {
        Day(i32::try_from(self.0.div_euclid(DAY_MS)).unwrap_or(i32::MAX))
    }

    /// This instant moved by `ms` milliseconds, saturating.
    #[must_use]
    pub fn plus(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Milliseconds from `earlier` to this instant, saturating.
    #[must_use]
    pub fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl Day {
    /// Midnight UTC at which this day begins.
    #[must_use]
    pub fn start(self) -> Timestamp {
        Timestamp(i64::from(self.0) * DAY_MS)
    }

    /// Year and month (1–12) of this day in the proleptic Gregorian calendar
    /// (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`).
    #[must_use]
    pub fn year_month(self) -> (i32, u8) {
        let (year, month, _) = self.civil();
        (year, month)
    }

    /// Year, month (1–12) and day of the month (1–31); same source as [`Day::year_month`].
    #[must_use]
    pub fn civil(self) -> (i32, u8, u8) {
        let z = i64::from(self.0) + 719_468;
        let era = z.div_euclid(146_097);
        let doe = z.rem_euclid(146_097);
        let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
        let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
        let mp = (5 * doy + 2) / 153;
        let day = doy - (153 * mp + 2) / 5 + 1;
        let month = if mp < 10 { mp + 3 } else { mp - 9 };
        let year = yoe + era * 400 + i64::from(month <= 2);
        let narrow = |n: i64| u8::try_from(n).unwrap_or(0);
        (i32::try_from(year).unwrap_or(0), narrow(month), narrow(day))
    }

    /// The day of a civil date, or `None` when there is no such date.
    #[must_use]
    pub fn from_civil(year: i32, month: u8, day: u8) -> Option<Self> {
        let y = i64::from(year) - i64::from(month <= 2);
        let era = y.div_euclid(400);
        let yoe = y.rem_euclid(400);
        let mp = (i64::from(month) + 9) % 12;
        let doy = (153 * mp + 2) / 5 + i64::from(day) - 1;
        let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
        let found = Self(i32::try_from(era * 146_097 + doe - 719_468).ok()?);
        (found.civil() == (year, month, day)).then_some(found)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.civil();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 with milliseconds: `2026-03-01T09:30:00.000Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0.rem_euclid(DAY_MS);
        let (h, m, s) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1_000 % 60);
        write!(f, "{}T{h:02}:{m:02}:{s:02}.{:03}Z", self.day(), ms % 1_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn civil_dates_round_trip() {
        for (day, text) in [(0, "1970-01-01"), (-1, "1969-12-31"), (20_513, "2026-03-01"), (19_782, "2024-02-29")] {
            assert_eq!(Day(day).to_string(), text);
            let (y, m, d) = Day(day).civil();
            assert_eq!(Day::from_civil(y, m, d), Some(Day(day)));
        }
        assert_eq!(Day::from_civil(2025, 2, 29), None);
        assert_eq!(Day::from_civil(2025, 13, 1), None);
        assert_eq!(Timestamp(1_772_357_400_001).to_string(), "2026-03-01T09:30:00.001Z");
    }
}
