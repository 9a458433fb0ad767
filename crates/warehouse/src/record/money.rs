//! Spend, rates, and the records nobody could apply.

use crate::record::column::{Bytes, Date, Moment, Twelfths};
use crate::record::record;
use smarketing_kernel::money::{Rate, decimal};
use smarketing_kernel::row::{AdSpend, ExchangeRate, RejectedRecord};

/// Digits after the point of the column `rate`.
const RATE_SCALE: u8 = 12;

record! {
    AdSpend, one partition a (month of row.day),
    |row: AdSpend, _opener| {
        workspace: &str = &row.workspace,
        day: Date = Date(row.day),
        event_id: &str = &row.event_id,
        channel: &str = &row.origin.channel,
        subchannel: &str = &row.origin.subchannel,
        source: &str = &row.origin.source,
        medium: &str = &row.origin.medium,
        campaign: &str = &row.origin.campaign,
        amount_minor: i64 = row.amount_minor,
        currency: &str = row.currency.code(),
        exponent: u8 = row.currency.exponent(),
        clicks: u64 = row.clicks,
        impressions: u64 = row.impressions,
    }
}

record! {
    ExchangeRates, one partition a table,
    |row: ExchangeRate, _opener| {
        workspace: &str = &row.workspace,
        currency: &str = row.currency.code(),
        day: Date = Date(row.day),
        rate: Twelfths = Twelfths(twelfths(row.rate)),
    }
}

record! {
    Rejects, one partition a table,
    |row: RejectedRecord, _opener| {
        stream: &str = &row.stream,
        position: u64 = row.position,
        reason: &str = &row.reason,
        detail: &str = &row.detail,
        bytes: Bytes<'_> = Bytes(&row.bytes),
        length: u64 = row.length,
        rejected_at: Moment = Moment(row.rejected_at),
    }
    weighs 256 + row.bytes.len();
}

/// A rate as the digits of a decimal with [`RATE_SCALE`] places; a rate never has more.
fn twelfths(rate: Rate) -> i128 {
    let (digits, scale) = decimal(&rate.to_string(), RATE_SCALE).unwrap_or_default();
    i128::from(digits) * 10_i128.pow(u32::from(RATE_SCALE.saturating_sub(scale)))
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
