//! Sums over credit: what the ledger must amount to, and what was booked.

use super::model::{self, sums_to_value};
use super::tables::Tables;
use smarketing_kernel::money::Currency;
use smarketing_kernel::row::{Conversion, ConversionKind, Deal, JourneyTouch, LedgerEntry, ModelCredit, Outcome};
use smarketing_kernel::rules::Definitions;
use smarketing_kernel::text::Text;
use smarketing_kernel::time::{Day, Timestamp};
use std::collections::BTreeMap;

/// What a balance of the ledger is kept under: everything an entry says beside amounts, reason and when it was written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub struct Account {
    pub workspace: Text,
    pub conversion: Text,
    pub model: Text,
    pub kind: ConversionKind,
    /// Day of the conversion is that of this instant.
    pub converted_at: Timestamp,
    pub currency: Currency,
    pub reporting_currency: Currency,
    pub persona: Text,
    pub deal_type: Text,
    /// The touch credited; that of nobody has an empty id and the instant 0.
    pub touch: JourneyTouch,
}

/// Sums of micro-credits, of minor units, and of minor units of the reporting currency.
pub type Sums = [i128; 3];

/// Balances that are not zero.
pub type Balances = BTreeMap<Account, Sums>;

impl Tables {
    /// What the ledger's entries must sum to: the credit of the conversions.
    #[must_use]
    pub fn balances(&self) -> Balances {
        let mut balances = Balances::new();
        for row in self.conversions.values() {
            let Conversion { workspace, conversion, kind, converted_at, currency, .. } = row;
            let account = |model: &Text, touch: &JourneyTouch| Account {
                workspace: workspace.clone(),
                conversion: conversion.clone(),
                model: model.clone(),
                kind: *kind,
                converted_at: *converted_at,
                currency: *currency,
                reporting_currency: row.reporting_currency,
                persona: row.persona.clone(),
                deal_type: row.deal_type.clone(),
                touch: ledger_touch(touch),
            };
            add(&mut balances, &row.journey, &row.credits, account);
        }
        balances.retain(|_, sums| *sums != [0; 3]);
        balances
    }
}

/// What entries of the ledger sum to.
#[must_use]
pub fn ledger_balances<'e>(entries: impl IntoIterator<Item = &'e LedgerEntry>) -> Balances {
    let mut balances = Balances::new();
    for entry in entries {
        let account = |model: &Text, touch: &JourneyTouch| Account {
            workspace: entry.workspace.clone(),
            conversion: entry.conversion.clone(),
            model: model.clone(),
            kind: entry.kind,
            converted_at: entry.converted_at,
            currency: entry.currency,
            reporting_currency: entry.reporting_currency,
            persona: entry.persona.clone(),
            deal_type: entry.deal_type.clone(),
            touch: touch.clone(),
        };
        add(&mut balances, &entry.journey, &entry.credits, account);
    }
    balances.retain(|_, sums| *sums != [0; 3]);
    balances
}

fn add(
    balances: &mut Balances,
    journey: &[JourneyTouch],
    credits: &[ModelCredit],
    account: impl Fn(&Text, &JourneyTouch) -> Account,
) {
    for credit in credits {
        for (index, touch) in journey.iter().enumerate() {
            let amounts = [credit.micro[index], credit.minor[index], credit.reporting[index]];
            let sums = balances.entry(account(&credit.model, touch)).or_default();
            sums.iter_mut().zip(amounts).for_each(|(sum, amount)| *sum += i128::from(amount));
        }
    }
}

/// The slot of nobody moves with the conversion; in the ledger it is one and the same.
fn ledger_touch(touch: &JourneyTouch) -> JourneyTouch {
    let mut touch = touch.clone();
    if touch.touch_id.is_empty() {
        touch.touch_at = Timestamp(0);
    }
    touch
}

/// What a row of the reconciliation is about: the bookings of a day.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub struct Bookings {
    pub workspace: Text,
    pub model: Text,
    /// Opportunity or won; lead-level conversions book nothing.
    pub kind: ConversionKind,
    pub conversion_day: Day,
    pub currency: Currency,
}

/// A row of the reconciliation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// Amounts of the deals opened or won that day, in minor units, from the deals alone.
    pub booked_minor: i128,
    /// Credit of that day, in minor units: the same.
    pub credited_minor: i128,
    /// Deals opened or won that day.
    pub booked_deals: u64,
    /// Micro-credits of that day: 1 000 000 a deal.
    pub credited_micro: i128,
}

impl Tables {
    /// Booked against credited, of every model whose credit sums to the value.
    #[must_use]
    pub fn reconciliation(&self, definitions: &Definitions) -> BTreeMap<Bookings, Reconciled> {
        let mut rows: BTreeMap<Bookings, Reconciled> = BTreeMap::new();
        let bookings = |workspace: &Text, model: &str, kind, at: Timestamp, currency| Bookings {
            workspace: workspace.clone(),
            model: Text::from(model),
            kind,
            conversion_day: at.day(),
            currency,
        };
        let models = model::all(definitions).into_iter().map(|model| model.id);
        for model in models.filter(|model| sums_to_value(model)) {
            for deal in self.deals.values() {
                for (kind, at) in booked(deal) {
                    let row = rows.entry(bookings(&deal.workspace, &model, kind, at, deal.currency)).or_default();
                    row.booked_minor += i128::from(deal.amount_minor);
                    row.booked_deals += 1;
                }
            }
        }
        for row in self.conversions.values() {
            if !matches!(row.kind, ConversionKind::Opportunity | ConversionKind::Won) {
                continue;
            }
            for credit in row.credits.iter().filter(|credit| sums_to_value(&credit.model)) {
                let key = bookings(&row.workspace, &credit.model, row.kind, row.converted_at, row.currency);
                let sum = |amounts: &[i64]| amounts.iter().map(|amount| i128::from(*amount)).sum::<i128>();
                let reconciled = rows.entry(key).or_default();
                reconciled.credited_minor += sum(&credit.minor);
                reconciled.credited_micro += sum(&credit.micro);
            }
        }
        rows
    }
}

/// What a deal books: pipeline when it opened, revenue when it was won.
fn booked(deal: &Deal) -> Vec<(ConversionKind, Timestamp)> {
    let won = |at| (ConversionKind::Won, at);
    let opened = (ConversionKind::Opportunity, deal.opened_at);
    match deal.outcome {
        Outcome::Deleted | Outcome::Merged => vec![],
        Outcome::Open | Outcome::Lost => vec![opened],
        Outcome::Won => [opened].into_iter().chain(deal.closed_at.map(won)).collect(),
    }
}
