//! Conversions with their credit, and the ledger: one row with the journey and all models as arrays.

use crate::record::column::{Each, Moment};
use crate::record::record;
use smarketing_kernel::row::{Conversion, JourneyTouch, LedgerEntry, ModelCredit};

type Texts<'a> = Each<'a, JourneyTouch, &'a str>;
type Flags<'a> = Each<'a, JourneyTouch, u8>;
type Times<'a> = Each<'a, JourneyTouch, Moment>;
type Amounts<'a> = Each<'a, ModelCredit, &'a [i64]>;

/// Declares a record whose last columns are a journey and its credit.
macro_rules! credited {
    (
        $table:ident, one partition a $period:tt,
        |$row:ident: $kind:ty| { $($column:ident: $type:ty = $value:expr,)* }
    ) => {
        record! {
            $table, one partition a $period,
            |$row: $kind, _opener| {
                $($column: $type = $value,)*
                touch_id: Texts<'_> = Each(&$row.journey, |touch| &touch.touch_id),
                touch_at: Times<'_> = Each(&$row.journey, |touch| Moment(touch.touch_at)),
                touch_lead: Texts<'_> = Each(&$row.journey, |touch| &touch.lead),
                touch_persona: Texts<'_> = Each(&$row.journey, |touch| &touch.persona),
                touch_kind: Texts<'_> = Each(&$row.journey, |touch| touch.kind.word()),
                touch_repeat: Flags<'_> = Each(&$row.journey, |touch| u8::from(touch.repeat)),
                touch_channel: Texts<'_> = Each(&$row.journey, |touch| &touch.origin.channel),
                touch_subchannel: Texts<'_> = Each(&$row.journey, |touch| &touch.origin.subchannel),
                touch_source: Texts<'_> = Each(&$row.journey, |touch| &touch.origin.source),
                touch_medium: Texts<'_> = Each(&$row.journey, |touch| &touch.origin.medium),
                touch_campaign: Texts<'_> = Each(&$row.journey, |touch| &touch.origin.campaign),
                touch_content: Texts<'_> = Each(&$row.journey, |touch| &touch.page.content),
                touch_content_group: Texts<'_> = Each(&$row.journey, |touch| &touch.page.content_group),
                touch_buyer_stage: Texts<'_> = Each(&$row.journey, |touch| &touch.page.buyer_stage),
                models: Each<'_, ModelCredit, &str> = Each(&$row.credits, |credit| &credit.model),
                micro_credits: Amounts<'_> = Each(&$row.credits, |credit| &credit.micro),
                credit_minor: Amounts<'_> = Each(&$row.credits, |credit| &credit.minor),
                reporting_credit_minor: Amounts<'_> = Each(&$row.credits, |credit| &credit.reporting),
            }
            weighs 320 + $row.journey.len() * (160 + 24 * $row.credits.len());
        }
    };
}

credited! {
    Conversions, one partition a table,
    |row: Conversion| {
        workspace: &str = &row.workspace,
        owner: &str = &row.owner,
        conversion: &str = &row.conversion,
        kind: &str = row.kind.word(),
        subject: &str = &row.subject,
        account: &str = &row.account,
        persona: &str = &row.persona,
        deal_type: &str = &row.deal_type,
        rep: &str = &row.rep,
        converted_at: Moment = Moment(row.converted_at),
        value_minor: i64 = row.value_minor,
        currency: &str = row.currency.code(),
        exponent: u8 = row.currency.exponent(),
        reporting_minor: Option<i64> = row.reporting_minor,
        reporting_currency: &str = row.reporting_currency.code(),
        reporting_exponent: u8 = row.reporting_currency.exponent(),
        truncated: u8 = u8::from(row.truncated),
        definition_version: &str = &row.definition_version,
    }
}

credited! {
    CreditLedger, one partition a (month of row.recorded_at.day()),
    |row: LedgerEntry| {
        workspace: &str = &row.workspace,
        entry: u32 = row.index,
        conversion: &str = &row.conversion,
        kind: &str = row.kind.word(),
        subject: &str = &row.subject,
        persona: &str = &row.persona,
        deal_type: &str = &row.deal_type,
        converted_at: Moment = Moment(row.converted_at),
        currency: &str = row.currency.code(),
        exponent: u8 = row.currency.exponent(),
        reporting_currency: &str = row.reporting_currency.code(),
        reporting_exponent: u8 = row.reporting_currency.exponent(),
        reason: &str = row.reason.word(),
        recorded_at: Moment = Moment(row.recorded_at),
    }
}
