//! Two projections of a subject compared: the rows that changed, the credit that moved, the checksums that follow.

use crate::journey::Recipe;
use crate::ledger;
use crate::projection::Projection;
use crate::row::{self, Change, Conversion, ConversionKind, Outcome, Reason, Rows, Table};
use crate::rules::Rules;
use crate::subject::{Part, Subject};
use crate::text::Text;
use crate::time::{Day, Timestamp};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::hash::{Hash, Hasher as _};
use serde::{Deserialize, Serialize};
use siphasher::sip::SipHasher13;

/// What a bucket of a table holds: how many rows, and the wrapping sum of their digests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checksum {
    /// Rows there are.
    pub rows: i64,
    /// Wrapping sum of their digests.
    pub digests: u64,
}

/// Checksums by table and month (year × 100 + month; 0 for tables without a time in their key).
pub type Checksums = BTreeMap<(Table, i32), Checksum>;

/// A row with a key.
trait Keyed: Hash + PartialEq + Clone {
    const TABLE: Table;
    type Key<'a>: Ord
    where
        Self: 'a;
    fn key(&self) -> Self::Key<'_>;
    /// The month the table is partitioned by, 0 where it is not.
    fn month(&self) -> i32;
}

macro_rules! keyed {
    ($($row:ident $table:ident ($self:ident) [$($field:ty = $key:expr),+] month $month:expr;)+) => {$(
        impl Keyed for row::$row {
            const TABLE: Table = Table::$table;
            type Key<'a> = ($($field,)+);
            fn key(&self) -> Self::Key<'_> { let $self = self; ($($key,)+) }
            fn month(&self) -> i32 { let $self = self; let _ = $self; $month }
        }
    )+};
}

keyed! {
    WebEvent WebEvents (r) [Timestamp = r.viewed_at, &'a Text = &r.event_id] month month(r.viewed_at.day());
    Touch Touches (r) [Timestamp = r.touch_at, &'a Text = &r.touch_id] month month(r.touch_at.day());
    Lead Leads (r) [&'a Text = &r.lead] month 0;
    LeadEvent LeadEvents (r) [Timestamp = r.occurred_at, &'a Text = &r.event_id] month month(r.occurred_at.day());
    StageEntry StageEntries (r) [Timestamp = r.entered_at, crate::event::Stage = r.stage] month month(r.entered_at.day());
    Handoff Handoffs (r) [Timestamp = r.mql_at] month month(r.mql_at.day());
    Deal Deals (r) [&'a Text = &r.deal] month 0;
    DealChange DealHistory (r) [Timestamp = r.changed_at, &'a Text = &r.event_id] month month(r.changed_at.day());
    Conversion Conversions (r) [&'a Text = &r.conversion] month 0;
    AdSpend AdSpend (r) [Day = r.day, &'a Text = &r.event_id] month month(r.day);
    ExchangeRate ExchangeRates (r) [Day = r.day] month month(r.day);
}

fn month(day: Day) -> i32 {
    let (year, month) = day.year_month();
    year.saturating_mul(100).saturating_add(i32::from(month))
}

/// Collects what settles of one step have to say to the warehouse.
pub(crate) struct Ledger<'a> {
    pub(crate) rules: &'a Rules,
    pub(crate) rows: &'a mut Rows,
    pub(crate) checksums: &'a mut Checksums,
    pub(crate) recorded_at: Timestamp,
}

impl Ledger<'_> {
    /// Everything that differs between two projections of one subject whose state is now `subject`.
    pub(crate) fn settle(&mut self, before: Projection, after: Projection, subject: &Subject) {
        let merged = after.leads.iter().all(|lead| lead.created_at.is_none());
        self.credit(before.conversions, after.conversions, subject, merged);
        let sums = &mut *self.checksums;
        let rows = &mut *self.rows;
        difference(before.web_events, after.web_events, &mut rows.web_events, sums);
        difference(before.touches, after.touches, &mut rows.touches, sums);
        difference(before.leads, after.leads, &mut rows.leads, sums);
        difference(before.lead_events, after.lead_events, &mut rows.lead_events, sums);
        difference(before.stage_entries, after.stage_entries, &mut rows.stage_entries, sums);
        difference(before.handoffs, after.handoffs, &mut rows.handoffs, sums);
        difference(before.deals, after.deals, &mut rows.deals, sums);
        difference(before.deal_history, after.deal_history, &mut rows.deal_history, sums);
        difference(before.ad_spend, after.ad_spend, &mut rows.ad_spend, sums);
        difference(before.exchange_rates, after.exchange_rates, &mut rows.exchange_rates, sums);
    }

    /// Splits anew what differs, and enters into the ledger what moved.
    fn credit(&mut self, before: Vec<Recipe>, after: Vec<Recipe>, subject: &Subject, merged: bool) {
        let (mut old, mut new) = (before.into_iter().peekable(), after.into_iter().peekable());
        loop {
            let name = |recipe: &Recipe| recipe.head.conversion.clone();
            let order = match (old.peek(), new.peek()) {
                (None, None) => return,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(a), Some(b)) => name(a).cmp(&name(b)),
            };
            let gone = if order.is_le() { old.next() } else { None };
            let come = if order.is_ge() { new.next() } else { None };
            if gone != come {
                let split = |recipe: Option<Recipe>| recipe.map(|recipe| recipe.split(self.rules));
                let (gone, come) = (split(gone), split(come));
                self.enter(gone.as_ref(), come.as_ref(), subject, merged);
                change(gone, come, &mut self.rows.conversions, self.checksums);
            }
        }
    }

    fn enter(&mut self, gone: Option<&Conversion>, come: Option<&Conversion>, subject: &Subject, merged: bool) {
        let why = |gone: &Conversion| match gone.kind {
            ConversionKind::Opportunity | ConversionKind::Won => ledger::why_gone(outcome_of(subject, &gone.subject)),
            _ if merged => Reason::IdentityChanged,
            _ => Reason::Withdrawn,
        };
        for mut entry in ledger::entries(gone, come, why, self.recorded_at) {
            entry.index = u32::try_from(self.rows.credit_ledger.len()).unwrap_or(u32::MAX);
            self.rows.credit_ledger.push(entry);
        }
    }
}

/// Which of the heads of two sorted tables comes first; `None` when both are at their end.
fn order<R: Keyed>(old: Option<&R>, new: Option<&R>) -> Option<Ordering> {
    match (old, new) {
        (None, None) => None,
        (Some(_), None) => Some(Ordering::Less),
        (None, Some(_)) => Some(Ordering::Greater),
        (Some(a), Some(b)) => Some(a.key().cmp(&b.key())),
    }
}

/// How the deal stands that the account knows by this name.
fn outcome_of(subject: &Subject, deal: &Text) -> Option<Outcome> {
    subject.inbox.values().find_map(|part| match &**part {
        Part::Deal(state) if state.deal == *deal => Some(state.outcome),
        _ => None,
    })
}

/// Merges two sorted tables: rows that are new or differ, and keys that are gone.
fn difference<R: Keyed>(before: Vec<R>, after: Vec<R>, out: &mut Vec<Change<R>>, sums: &mut Checksums) {
    let mut old = before.into_iter().peekable();
    let mut new = after.into_iter().peekable();
    while let Some(order) = order(old.peek(), new.peek()) {
        let gone = if order.is_le() { old.next() } else { None };
        let come = if order.is_ge() { new.next() } else { None };
        if gone != come {
            change(gone, come, out, sums);
        }
    }
}

/// Takes note of one key that is new, differs or is gone.
fn change<R: Keyed>(gone: Option<R>, come: Option<R>, out: &mut Vec<Change<R>>, sums: &mut Checksums) {
    if let Some(row) = &gone {
        count(sums, row, -1, digest(row));
    }
    match (gone, come) {
        (_, Some(row)) => {
            let digest = digest(&row);
            count(sums, &row, 1, digest);
            out.push(Change { row, deleted: false, digest });
        }
        (Some(row), None) => out.push(Change { row, deleted: true, digest: 0 }),
        (None, None) => {}
    }
}

fn count<R: Keyed>(sums: &mut Checksums, row: &R, rows: i64, digest: u64) {
    let sum = sums.entry((R::TABLE, row.month())).or_default();
    sum.rows += rows;
    sum.digests = if rows > 0 { sum.digests.wrapping_add(digest) } else { sum.digests.wrapping_sub(digest) };
}

/// 64 bits of the row's content, never 0.
fn digest<R: Hash>(row: &R) -> u64 {
    let mut hasher = SipHasher13::new();
    row.hash(&mut hasher);
    hasher.finish().max(1)
}
