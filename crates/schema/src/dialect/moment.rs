//! Times as exports spell them. Without an offset they are UTC.

use crate::instant;
use smarketing_kernel::time::Timestamp;

/// `2018-02-01`, `2018-02-26 19:58:54`, `2021-01-07 6:49:18`, `2023-06-22 11:37:07.210000 UTC`,
/// `2023-11-02T11:00:00+02:00` or milliseconds since 1970 (twelve digits or more). Finer than a millisecond is cut.
pub(super) fn time(text: &str) -> Option<Timestamp> {
    if text.len() >= 12 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok().map(Timestamp);
    }
    let (date, rest) = text.split_once([' ', 'T']).unwrap_or((text, "0:00"));
    let end = rest.find([' ', 'Z', '+', '-']).unwrap_or(rest.len());
    let (clock, zone) = rest.split_at_checked(end)?;
    let start = instant::day(date)?.start();
    Some(start.plus(clock_ms(clock)?).plus(-offset_ms(zone.trim())?))
}

fn clock_ms(text: &str) -> Option<i64> {
    let (clock, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let mut parts = clock.split(':');
    let (hour, minute) = (digits(parts.next()?)?, digits(parts.next()?)?);
    let second = parts.next().map_or(Some(0), digits)?;
    if parts.next().is_some() || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let whole = i64::from((hour * 60 + minute) * 60 + second) * 1_000;
    let ms = fraction.bytes().all(|byte| byte.is_ascii_digit()).then(|| format!("{fraction:0<3}"))?;
    Some(whole + i64::from(digits(ms.get(..3)?)?))
}

fn offset_ms(zone: &str) -> Option<i64> {
    if matches!(zone, "" | "Z" | "UTC") {
        return Some(0);
    }
    let (sign, rest) = zone.strip_prefix('+').map(|rest| (1, rest)).or_else(|| Some((-1, zone.strip_prefix('-')?)))?;
    let (hours, minutes) = rest.split_once(':').or_else(|| rest.split_at_checked(2))?;
    let minutes = if minutes.is_empty() { 0 } else { digits(minutes)? };
    let hours = digits(hours).filter(|hours| *hours < 24 && minutes < 60)?;
    Some(sign * i64::from(hours * 60 + minutes) * 60_000)
}

/// One to four digits.
fn digits(text: &str) -> Option<i32> {
    let plain = (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_instant() {
        let check = |text: &str, expect: Option<&str>| {
            assert_eq!(time(text).map(|at| at.to_string()).as_deref(), expect, "{text}");
        };
        check("2018-02-01", Some("2018-02-01T00:00:00.000Z"));
        check("2021-01-07 6:49:18", Some("2021-01-07T06:49:18.000Z"));
        check("2021-01-07 6:49", Some("2021-01-07T06:49:00.000Z"));
        check("2020-03-16 19:06:20.2", Some("2020-03-16T19:06:20.200Z"));
        check("2023-06-22 11:37:07.210999", Some("2023-06-22T11:37:07.210Z"));
        check("2023-11-11 08:18:16.519000 UTC", Some("2023-11-11T08:18:16.519Z"));
        check("2023-11-02T11:00:00Z", Some("2023-11-02T11:00:00.000Z"));
        check("2023-11-02T11:00:00+02:00", Some("2023-11-02T09:00:00.000Z"));
        check("2023-11-02 11:00:00 -0330", Some("2023-11-02T14:30:00.000Z"));
        check("2023-11-02 11:00:00+00", Some("2023-11-02T11:00:00.000Z"));
        check("1772357400001", Some("2026-03-01T09:30:00.001Z"));
        for bad in
            ["", "2018-02-30", "2018-13-01", "18-02-01", "02/01/2018", "2018-02-01 24:00:00", "2018-02-01 1:2:3:4"]
        {
            check(bad, None);
        }
        for bad in
            ["2018-02-01 10:00:00.x", "2018-02-01 10:00:00 CET", "2018-02-01T10:00+99:00", "12345", "2018-02-01é"]
        {
            check(bad, None);
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "[-0-9:. TZ+é]{0,32}|\\PC{0,24}") {
            let found = time(&text);
            proptest::prop_assert!(found.is_none() || text.bytes().any(|byte| byte.is_ascii_digit()));
        }
    }
}
