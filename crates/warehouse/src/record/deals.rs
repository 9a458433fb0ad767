//! Deals as they stand and how they got there.

use crate::record::{ms, record};
use smarketing_kernel::money::Currency;
use smarketing_kernel::row::{Deal, DealChange};
use smarketing_kernel::text::Text;

record! {
    DealRecord: Deals, one partition a table,
    |row: Deal, _opener| {
        workspace: &'a str = &row.workspace,
        deal: &'a str = &row.deal,
        account: &'a str = &row.account,
        outcome: &'a str = row.outcome.word(),
        amount_minor: i64 = row.amount_minor,
        currency: &'a str = row.currency.code(),
        exponent: u8 = row.currency.exponent(),
        reporting_minor: Option<i64> = row.reporting_minor,
        reporting_currency: &'a str = row.reporting_currency.code(),
        reporting_exponent: u8 = row.reporting_currency.exponent(),
        opened_at: i64 = row.opened_at.0,
        closed_at: Option<i64> = ms(row.closed_at),
        stage: &'a str = &row.stage,
        pipeline: &'a str = &row.pipeline,
        owner: &'a str = &row.owner,
        lost_reason: &'a str = &row.lost_reason,
        deal_type: &'a str = row.deal_type.word(),
        merged_into: &'a str = &row.merged_into,
        contacts: &'a [Text] = &row.contacts,
    }
    weighs 256 + 40 * row.contacts.len();
}

record! {
    DealChangeRecord: DealHistory, one partition a (month of row.changed_at.day()),
    |row: DealChange, _opener| {
        workspace: &'a str = &row.workspace,
        deal: &'a str = &row.deal,
        changed_at: i64 = row.changed_at.0,
        event_id: &'a str = &row.event_id,
        kind: &'a str = row.kind.word(),
        stage: &'a str = &row.stage,
        amount_minor: Option<i64> = row.amount_minor,
        currency: &'a str = &row.currency,
        exponent: u8 = Currency::parse(&row.currency).map_or(0, Currency::exponent),
        reason: &'a str = &row.reason,
    }
}
