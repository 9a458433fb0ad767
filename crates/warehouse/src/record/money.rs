//! Spend, rates, and the records nobody could apply.

use crate::record::{date, record};
use smarketing_kernel::money::{Rate, decimal};
use smarketing_kernel::row::{AdSpend, ExchangeRate, RejectedRecord};

/// Digits after the point of the column `rate`.
const RATE_SCALE: u8 = 12;

record! {
    AdSpendRecord: AdSpend, one partition a (month of row.day),
    |row: AdSpend, _opener| {
        workspace: &'a str = &row.workspace,
        day: u16 = date(row.day),
        event_id: &'a str = &row.event_id,
        channel: &'a str = &row.origin.channel,
        subchannel: &'a str = &row.origin.subchannel,
        source: &'a str = &row.origin.source,
        medium: &'a str = &row.origin.medium,
        campaign: &'a str = &row.origin.campaign,
        amount_minor: i64 = row.amount_minor,
        currency: &'a str = row.currency.code(),
        exponent: u8 = row.currency.exponent(),
        clicks: u64 = row.clicks,
        impressions: u64 = row.impressions,
    }
}

record! {
    ExchangeRateRecord: ExchangeRates, one partition a table,
    |row: ExchangeRate, _opener| {
        workspace: &'a str = &row.workspace,
        currency: &'a str = row.currency.code(),
        day: u16 = date(row.day),
        rate: i128 = twelfths(row.rate),
    }
}

record! {
    RejectRecord: Rejects, one partition a table,
    |row: RejectedRecord, _opener| {
        stream: &'a str = &row.stream,
        position: u64 = row.position,
        reason: &'a str = &row.reason,
        detail: &'a str = &row.detail,
        bytes: Bytes<'a> = Bytes(&row.bytes),
        length: u64 = row.length,
        rejected_at: i64 = row.rejected_at.0,
    }
    weighs 256 + row.bytes.len();
}

/// A rate as the digits of a decimal with [`RATE_SCALE`] places; a rate never has more.
fn twelfths(rate: Rate) -> i128 {
    let (digits, scale) = decimal(&rate.to_string(), RATE_SCALE).unwrap_or_default();
    i128::from(digits) * 10_i128.pow(u32::from(RATE_SCALE.saturating_sub(scale)))
}

/// Bytes that need not be text, in a column of type `String`.
pub(crate) struct Bytes<'a>(&'a [u8]);

impl serde::Serialize for Bytes<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_become_digits_with_twelve_places() {
        let check = |text: &str, expect| assert_eq!(twelfths(Rate::parse(text).unwrap()), expect, "{text}");
        check("1", 1_000_000_000_000);
        check("0.1834", 183_400_000_000);
        check("0.000000000001", 1);
        check("999999999999999999", 999_999_999_999_999_999_000_000_000_000);
    }
}
