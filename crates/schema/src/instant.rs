//! Times and days as text: RFC 3339 to UTC milliseconds, `YYYY-MM-DD` to days.

use smarketing_kernel::time::{Day, Timestamp};

/// The UTC instant of an RFC 3339 text with any offset; digits beyond the millisecond are dropped.
/// A leap second is the first instant of the next minute.
pub(crate) fn timestamp(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let (date, rest) = bytes.split_at_checked(10)?;
    let (clock, rest) = rest.split_at_checked(9)?;
    let day = civil(date)?;
    let [b'T' | b't' | b' ', h1, h2, b':', m1, m2, b':', s1, s2] = clock else { return None };
    let (hour, minute, second) = (number(&[*h1, *h2])?, number(&[*m1, *m2])?, number(&[*s1, *s2])?);
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let (millis, zone) = fraction(rest)?;
    let of_day = ((hour * 60 + minute) * 60 + second) * 1_000 + millis;
    Some(day.start().plus(i64::from(of_day) - offset_ms(zone)?))
}

/// The day of a `YYYY-MM-DD` text.
pub(crate) fn day(text: &str) -> Option<Day> {
    civil(text.as_bytes())
}

fn civil(text: &[u8]) -> Option<Day> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = text else { return None };
    let year = number(&[*y1, *y2, *y3, *y4])?;
    let narrow = |n: u32| u8::try_from(n).ok();
    Day::from_civil(i32::try_from(year).ok()?, narrow(number(&[*m1, *m2])?)?, narrow(number(&[*d1, *d2])?)?)
}

/// The decimal number of ASCII digits; too few of them to overflow.
fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0_u32, |sum, byte| {
        let digit = u32::from(byte.wrapping_sub(b'0'));
        (digit <= 9).then_some(sum * 10 + digit)
    })
}

/// Splits `.123456Z` into 123 milliseconds and `Z`.
fn fraction(text: &[u8]) -> Option<(u32, &[u8])> {
    let Some(text) = text.strip_prefix(b".") else { return Some((0, text)) };
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).filter(|end| *end > 0)?;
    let (digits, zone) = text.split_at(end);
    let digit = |at: usize| u32::from(digits.get(at).map_or(0, |byte| byte - b'0'));
    Some((digit(0) * 100 + digit(1) * 10 + digit(2), zone))
}

fn offset_ms(zone: &[u8]) -> Option<i64> {
    let (sign, clock) = match zone {
        [b'Z' | b'z'] => return Some(0),
        [b'+', clock @ ..] => (1, clock),
        [b'-', clock @ ..] => (-1, clock),
        _ => return None,
    };
    let [h1, h2, b':', m1, m2] = clock else { return None };
    let (hour, minute) = (number(&[*h1, *h2])?, number(&[*m1, *m2])?);
    (hour <= 23 && minute <= 59).then_some(sign * i64::from(hour * 60 + minute) * 60_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_3339_becomes_utc_milliseconds() {
        let nine_thirty = Some(Timestamp(1_772_357_400_000));
        for (text, expect) in [
            ("2026-03-01T09:30:00Z", nine_thirty),
            ("2026-03-01t09:30:00z", nine_thirty),
            ("2026-03-01 09:30:00+00:00", nine_thirty),
            ("2026-03-01T15:00:00+05:30", nine_thirty),
            ("2026-03-01T01:30:00-08:00", nine_thirty),
            ("2026-03-01T09:29:60Z", nine_thirty),
            ("2026-03-01T09:30:00.1Z", Some(Timestamp(1_772_357_400_100))),
            ("2026-03-01T09:30:00.123999999Z", Some(Timestamp(1_772_357_400_123))),
            ("1969-12-31T23:59:59.999Z", Some(Timestamp(-1))),
            ("2026-03-01T09:30:00", None),
            ("2026-03-01T09:30:00.Z", None),
            ("2026-03-01T09:30Z", None),
            ("2026-02-29T09:30:00Z", None),
            ("2026-03-01T24:00:00Z", None),
            ("2026-03-01T09:30:00+0530", None),
            ("2026-03-01T09:30:00Z ", None),
            ("2026-03-0é 09:30:00Z", None),
            ("", None),
        ] {
            assert_eq!(timestamp(text), expect, "{text}");
        }
    }
}
