//! Deals as they stand and how they got there.

use crate::record::column::{Each, Moment, ms};
use crate::record::record;
use smarketing_kernel::money::Currency;
use smarketing_kernel::row::{Deal, DealChange};
use smarketing_kernel::text::Text;

record! {
    Deals, one partition a table,
    |row: Deal, _opener| {
        workspace: &str = &row.workspace,
        deal: &str = &row.deal,
        account: &str = &row.account,
        outcome: &str = row.outcome.word(),
        amount_minor: i64 = row.amount_minor,
        currency: &str = row.currency.code(),
        exponent: u8 = row.currency.exponent(),
        reporting_minor: Option<i64> = row.reporting_minor,
        reporting_currency: &str = row.reporting_currency.code(),
        reporting_exponent: u8 = row.reporting_currency.exponent(),
        opened_at: Moment = Moment(row.opened_at),
        closed_at: Option<Moment> = ms(row.closed_at),
        stage: &str = &row.stage,
        pipeline: &str = &row.pipeline,
        owner: &str = &row.owner,
        lost_reason: &str = &row.lost_reason,
        deal_type: &str = row.deal_type.word(),
        merged_into: &str = &row.merged_into,
        contacts: Each<'_, Text, &str> = Each(&row.contacts, |contact| &**contact),
    }
    weighs 256 + 40 * row.contacts.len();
}

record! {
    DealHistory, one partition a (month of row.changed_at.day()),
    |row: DealChange, _opener| {
        workspace: &str = &row.workspace,
        deal: &str = &row.deal,
        changed_at: Moment = Moment(row.changed_at),
        event_id: &str = &row.event_id,
        kind: &str = row.kind.word(),
        stage: &str = &row.stage,
        amount_minor: Option<i64> = row.amount_minor,
        currency: &str = &row.currency,
        exponent: u8 = Currency::parse(&row.currency).map_or(0, Currency::exponent),
        reason: &str = &row.reason,
    }
}
