//! Conversions with their credit, and the ledger: one row with the journey and all models as arrays.

use crate::record::record;
use serde::{Serialize, Serializer};
use smarketing_kernel::row::{Conversion, JourneyTouch, LedgerEntry, ModelCredit};

/// One field of every element of a list, as an array.
pub(crate) struct Each<'a, T, V>(&'a [T], fn(&'a T) -> V);

impl<'a, T, V: Serialize> Serialize for Each<'a, T, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(self.1))
    }
}

type Texts<'a> = Each<'a, JourneyTouch, &'a str>;
type Times<'a> = Each<'a, JourneyTouch, i64>;
type Amounts<'a> = Each<'a, ModelCredit, &'a [i64]>;

/// Declares a record whose last columns are a journey and its credit.
macro_rules! credited {
    (
        $record:ident: $table:ident, one partition a $period:tt,
        |$row:ident: $kind:ty| { $($column:ident: $type:ty = $value:expr,)* }
    ) => {
        record! {
            $record: $table, one partition a $period,
            |$row: $kind, _opener| {
                $($column: $type = $value,)*
                touch_id: Texts<'a> = Each(&$row.journey, |touch| &touch.touch_id),
                touch_at: Times<'a> = Each(&$row.journey, |touch| touch.touch_at.0),
                touch_lead: Texts<'a> = Each(&$row.journey, |touch| &touch.lead),
                touch_persona: Texts<'a> = Each(&$row.journey, |touch| &touch.persona),
                touch_kind: Texts<'a> = Each(&$row.journey, |touch| touch.kind.word()),
                touch_channel: Texts<'a> = Each(&$row.journey, |touch| &touch.origin.channel),
                touch_subchannel: Texts<'a> = Each(&$row.journey, |touch| &touch.origin.subchannel),
                touch_source: Texts<'a> = Each(&$row.journey, |touch| &touch.origin.source),
                touch_medium: Texts<'a> = Each(&$row.journey, |touch| &touch.origin.medium),
                touch_campaign: Texts<'a> = Each(&$row.journey, |touch| &touch.origin.campaign),
                touch_content: Texts<'a> = Each(&$row.journey, |touch| &touch.page.content),
                touch_content_group: Texts<'a> = Each(&$row.journey, |touch| &touch.page.content_group),
                touch_buyer_stage: Texts<'a> = Each(&$row.journey, |touch| &touch.page.buyer_stage),
                models: Each<'a, ModelCredit, &'a str> = Each(&$row.credits, |credit| &credit.model),
                micro_credits: Amounts<'a> = Each(&$row.credits, |credit| &credit.micro),
                credit_minor: Amounts<'a> = Each(&$row.credits, |credit| &credit.minor),
                reporting_credit_minor: Amounts<'a> = Each(&$row.credits, |credit| &credit.reporting),
            }
            weighs 320 + $row.journey.len() * (160 + 24 * $row.credits.len());
        }
    };
}

credited! {
    ConversionRecord: Conversions, one partition a table,
    |row: Conversion| {
        workspace: &'a str = &row.workspace,
        owner: &'a str = &row.owner,
        conversion: &'a str = &row.conversion,
        kind: &'a str = row.kind.word(),
        subject: &'a str = &row.subject,
        account: &'a str = &row.account,
        persona: &'a str = &row.persona,
        deal_type: &'a str = &row.deal_type,
        rep: &'a str = &row.rep,
        converted_at: i64 = row.converted_at.0,
        value_minor: i64 = row.value_minor,
        currency: &'a str = row.currency.code(),
        exponent: u8 = row.currency.exponent(),
        reporting_minor: Option<i64> = row.reporting_minor,
        reporting_currency: &'a str = row.reporting_currency.code(),
        reporting_exponent: u8 = row.reporting_currency.exponent(),
        truncated: u8 = u8::from(row.truncated),
        definition_version: &'a str = &row.definition_version,
    }
}

credited! {
    LedgerRecord: CreditLedger, one partition a (month of row.recorded_at.day()),
    |row: LedgerEntry| {
        workspace: &'a str = &row.workspace,
        entry: u32 = row.index,
        conversion: &'a str = &row.conversion,
        kind: &'a str = row.kind.word(),
        subject: &'a str = &row.subject,
        persona: &'a str = &row.persona,
        deal_type: &'a str = &row.deal_type,
        converted_at: i64 = row.converted_at.0,
        currency: &'a str = row.currency.code(),
        exponent: u8 = row.currency.exponent(),
        reporting_currency: &'a str = row.reporting_currency.code(),
        reporting_exponent: u8 = row.reporting_currency.exponent(),
        reason: &'a str = row.reason.word(),
        recorded_at: i64 = row.recorded_at.0,
    }
}
