//! Money as integers: minor units, ISO 4217 currencies, exact decimal rates.

use core::fmt;
use serde::{Deserialize, Serialize};

/// An ISO 4217 alphabetic code that this build knows the exponent of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Currency([u8; 3]);

/// Codes whose minor unit is not 1/100 (ISO 4217 table A.1).
const EXPONENTS: &[(&str, u8)] = &[
    ("BHD", 3),
    ("BIF", 0),
    ("CLF", 4),
    ("CLP", 0),
    ("DJF", 0),
    ("GNF", 0),
    ("IQD", 3),
    ("ISK", 0),
    ("JOD", 3),
    ("JPY", 0),
    ("KMF", 0),
    ("KRW", 0),
    ("KWD", 3),
    ("LYD", 3),
    ("OMR", 3),
    ("PYG", 0),
    ("RWF", 0),
    ("TND", 3),
    ("UGX", 0),
    ("UYI", 0),
    ("UYW", 4),
    ("VND", 0),
    ("VUV", 0),
    ("XAF", 0),
    ("XOF", 0),
    ("XPF", 0),
];

/// Codes with two decimals (ISO 4217 table A.1).
const CENTS: &str = "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD \
CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD \
HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR \
MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE \
SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG";

impl Currency {
    /// US dollar: the reporting currency where none is configured.
    pub const USD: Self = Self(*b"USD");

    /// The currency of an upper-case ISO 4217 code, or `None` when the code is not one.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        let bytes: [u8; 3] = code.as_bytes().try_into().ok()?;
        let known = EXPONENTS.iter().any(|(name, _)| *name == code) || CENTS.split(' ').any(|name| name == code);
        known.then_some(Self(bytes))
    }

    /// Decimal places of the minor unit: JPY 0, USD 2, KWD 3.
    #[must_use]
    pub fn exponent(self) -> u8 {
        EXPONENTS.iter().find(|(name, _)| *name == self.code()).map_or(2, |(_, exponent)| *exponent)
    }

    /// The three letters; nothing for bytes that no [`Currency::parse`] ever let in.
    #[must_use]
    pub fn code(&self) -> &str {
        core::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// An exact positive decimal: `mantissa × 10^-scale` units of the reporting currency for one unit of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Rate {
    mantissa: u64,
    scale: u8,
}

/// Most digits after the point a rate may have.
const SCALE_MAX: u8 = 12;

impl Rate {
    /// One to one: the rate of the reporting currency itself.
    pub const ONE: Self = Self { mantissa: 1, scale: 0 };

    /// A rate from plain decimal text such as `0.1834`; `None` when it is not one, not positive,
    /// or longer than twelve decimals or 18 digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (mantissa, scale) = decimal(text, SCALE_MAX)?;
        let mantissa = u64::try_from(mantissa).ok()?;
        (mantissa > 0).then_some(Self { mantissa, scale })
    }

    /// `minor` units of `from` in minor units of `to`, rounded half away from zero;
    /// `None` when the result does not fit.
    #[must_use]
    pub fn convert(self, minor: i64, from: Currency, to: Currency) -> Option<i64> {
        let shift = i32::from(to.exponent()) - i32::from(from.exponent()) - i32::from(self.scale);
        let product = i128::from(minor).checked_mul(i128::from(self.mantissa))?;
        let power = 10_i128.checked_pow(shift.unsigned_abs())?;
        let exact = if shift >= 0 { product.checked_mul(power)? } else { round_half_away(product, power) };
        i64::try_from(exact).ok()
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let power = 10_u64.saturating_pow(u32::from(self.scale));
        let width = usize::from(self.scale);
        if width == 0 {
            return write!(f, "{}", self.mantissa);
        }
        write!(f, "{}.{:0width$}", self.mantissa / power, self.mantissa % power)
    }
}

fn round_half_away(value: i128, by: i128) -> i128 {
    let half = if value < 0 { -(by / 2) } else { by / 2 };
    value.saturating_add(half) / by
}

/// Plain decimal text as (digits without the point, digits after the point); no exponent, no grouping,
/// at most `scale_max` decimals and 18 digits. `"-12.50"` is `(-1250, 2)`.
#[must_use]
pub fn decimal(text: &str, scale_max: u8) -> Option<(i64, u8)> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let complete = !whole.is_empty() && (!digits.contains('.') || !fraction.is_empty());
    if !complete || !plain(whole) || !plain(fraction) || fraction.len() > usize::from(scale_max) {
        return None;
    }
    let joined = whole
        .bytes()
        .chain(fraction.bytes())
        .try_fold(0_i64, |sum, byte| sum.checked_mul(10)?.checked_add(i64::from(byte - b'0')))?;
    Some((if negative { -joined } else { joined }, u8::try_from(fraction.len()).ok()?))
}

/// Decimal text in major units as minor units of `currency`: exact, or `None`.
/// Trailing zeros beyond the exponent are accepted, other digits there are not: money is never rounded on the way in.
#[must_use]
pub fn minor_units(text: &str, currency: Currency) -> Option<i64> {
    let (mut digits, mut scale) = decimal(text, SCALE_MAX)?;
    while scale > currency.exponent() && digits % 10 == 0 {
        digits /= 10;
        scale -= 1;
    }
    let missing = currency.exponent().checked_sub(scale)?;
    digits.checked_mul(10_i64.checked_pow(u32::from(missing))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_text_becomes_minor_units_or_nothing() {
        let check =
            |text, code, expect| assert_eq!(minor_units(text, Currency::parse(code).unwrap()), expect, "{text} {code}");
        check("12.5", "USD", Some(1_250));
        check("-0.05", "USD", Some(-5));
        check("12.500", "USD", Some(1_250));
        check("12.505", "USD", None);
        check("100", "JPY", Some(100));
        check("1.234", "KWD", Some(1_234));
        check("", "USD", None);
        check("1.", "USD", None);
        check(".5", "USD", None);
        check("1e9", "USD", None);
        check("NaN", "USD", None);
        check("99999999999999999999", "USD", None);
        check("92233720368547758.07", "USD", Some(i64::MAX));
        check("92233720368547758.08", "USD", None);
    }

    #[test]
    fn rates_convert_exactly_and_round_half_away() {
        let (usd, jpy, kwd) = (Currency::USD, Currency::parse("JPY").unwrap(), Currency::parse("KWD").unwrap());
        assert_eq!(Rate::parse("0.0067").unwrap().convert(10_000, jpy, usd), Some(6_700));
        assert_eq!(Rate::parse("3.25").unwrap().convert(1_000, kwd, usd), Some(325));
        assert_eq!(Rate::parse("0.005").unwrap().convert(100, usd, usd), Some(1));
        assert_eq!(Rate::parse("0.005").unwrap().convert(-100, usd, usd), Some(-1));
        assert_eq!(Rate::parse("1000000").unwrap().convert(i64::MAX, usd, usd), None);
        for bad in ["0", "-1", "abc", "1.0000000000001", ""] {
            assert_eq!(Rate::parse(bad), None, "{bad}");
        }
        assert_eq!(Rate::parse("0.0067").unwrap().to_string(), "0.0067");
    }

    #[test]
    fn unknown_codes_are_not_currencies() {
        assert_eq!(Currency::parse("usd"), None);
        assert_eq!(Currency::parse("ZZZ"), None);
        assert_eq!(Currency::parse("USD "), None);
        assert_eq!(Currency::parse("BRL").map(Currency::exponent), Some(2));
    }
}
