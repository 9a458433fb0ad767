//! Two projections of a subject compared: the rows that changed, the credit that moved, the checksums that follow.

use crate::classify::Classifier;
use crate::journey::Recipe;
use crate::ledger;
use crate::projection::{Projection, Seen, Told, Touched};
use crate::row::{self, Change, Conversion, ConversionKind, Outcome, Reason, Rows, TABLES, Table};
use crate::subject::{Part, Subject};
use crate::text::Text;
use crate::time::{Day, Timestamp};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::hash::{Hash, Hasher};
use core::ops::Range;
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

/// A row, or what stands for one until it is known to differ.
trait Shown: PartialEq + Sized {
    const TABLE: Table;
    type Row: Hash;
    type Key<'a>: Ord
    where
        Self: 'a;
    fn key(&self) -> Self::Key<'_>;
    /// The month the table is partitioned by, 0 where it is not.
    fn month(&self) -> i32;
    fn row(self, rules: &Classifier<'_>, subject: &Subject) -> Self::Row;
}

macro_rules! shown {
    ($($shown:ty => $row:ident $table:ident ($self:ident) [$($field:ty = $key:expr),+] month $month:expr, $make:expr;)+) => {$(
        impl Shown for $shown {
            const TABLE: Table = Table::$table;
            type Row = row::$row;
            type Key<'a> = ($($field,)+);
            fn key(&self) -> Self::Key<'_> { let $self = self; ($($key,)+) }
            fn month(&self) -> i32 { let $self = self; let _ = $self; $month }
            fn row(self, rules: &Classifier<'_>, subject: &Subject) -> row::$row { $make(self, rules, subject) }
        }
    )+};
}

/// A row that stands for itself.
fn whole<R>(row: R, _: &Classifier<'_>, _: &Subject) -> R {
    row
}

shown! {
    Seen => WebEvent WebEvents (r) [Timestamp = r.fact.at, &'a Text = &r.fact.id, &'a Text = &r.visitor] month month(r.fact.at.day()), Seen::row;
    Touched => Touch Touches (r) [Timestamp = r.touch.at, &'a Text = &r.touch.id] month month(r.touch.at.day()), Touched::row;
    row::Lead => Lead Leads (r) [&'a Text = &r.lead] month 0, whole;
    Told => LeadEvent LeadEvents (r) [(Timestamp, &'a Text) = r.place()] month month(r.place().0.day()), Told::row;
    row::StageEntry => StageEntry StageEntries (r) [Timestamp = r.entered_at, crate::event::Stage = r.stage] month month(r.entered_at.day()), whole;
    row::Handoff => Handoff Handoffs (r) [Timestamp = r.mql_at] month month(r.mql_at.day()), whole;
    row::Deal => Deal Deals (r) [&'a Text = &r.deal] month 0, whole;
    row::DealChange => DealChange DealHistory (r) [Timestamp = r.changed_at, &'a Text = &r.event_id] month month(r.changed_at.day()), whole;
    row::AdSpend => AdSpend AdSpend (r) [Day = r.day, &'a Text = &r.event_id] month month(r.day), whole;
    row::ExchangeRate => ExchangeRate ExchangeRates (r) [Day = r.day] month month(r.day), whole;
}

pub(crate) fn month(day: Day) -> i32 {
    let (year, month) = day.year_month();
    year.saturating_mul(100).saturating_add(i32::from(month))
}

/// What the settles of a step have to say, subject by subject.
pub(crate) struct Ledger<'a> {
    rules: &'a Classifier<'a>,
    recorded_at: Timestamp,
    digester: Digester,
    rows: Rows,
    /// By how much buckets change, one a row.
    moved: Vec<((Table, i32), Checksum)>,
    withdrawn: Vec<Portion>,
}

/// What one settle said: where it begins and ends in every table, and in [`Ledger::moved`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Portion {
    from: [u32; TABLES + 1],
    to: [u32; TABLES + 1],
}

impl Portion {
    fn of(&self, list: usize) -> Range<usize> {
        let end = |ends: &[u32]| ends.get(list).map_or(0, |end| *end as usize);
        end(&self.from)..end(&self.to)
    }
}

impl<'a> Ledger<'a> {
    /// A ledger that goes on behind `rows`.
    pub(crate) fn new(rules: &'a Classifier<'a>, recorded_at: Timestamp, rows: Rows) -> Self {
        Self { rules, recorded_at, digester: Digester::default(), rows, moved: Vec::new(), withdrawn: Vec::new() }
    }

    /// Says everything that differs between two projections of one subject whose state is now `subject`.
    pub(crate) fn settle(&mut self, before: Projection, after: Projection, subject: &Subject) -> Portion {
        let from = self.ends();
        let merged = after.leads.iter().all(|lead| lead.created_at.is_none());
        self.credit(before.conversions, after.conversions, subject, merged);
        self.differ(before.web_events, after.web_events, subject, |rows| &mut rows.web_events);
        self.differ(before.touches, after.touches, subject, |rows| &mut rows.touches);
        self.differ(before.leads, after.leads, subject, |rows| &mut rows.leads);
        self.differ(before.lead_events, after.lead_events, subject, |rows| &mut rows.lead_events);
        self.differ(before.stage_entries, after.stage_entries, subject, |rows| &mut rows.stage_entries);
        self.differ(before.handoffs, after.handoffs, subject, |rows| &mut rows.handoffs);
        self.differ(before.deals, after.deals, subject, |rows| &mut rows.deals);
        self.differ(before.deal_history, after.deal_history, subject, |rows| &mut rows.deal_history);
        self.differ(before.ad_spend, after.ad_spend, subject, |rows| &mut rows.ad_spend);
        self.differ(before.exchange_rates, after.exchange_rates, subject, |rows| &mut rows.exchange_rates);
        Portion { from, to: self.ends() }
    }

    /// Takes back what a settle said: its subject is settled again.
    pub(crate) fn withdraw(&mut self, portion: Portion) {
        self.withdrawn.push(portion);
    }

    /// Everything that was said and not taken back; checksums move with it.
    pub(crate) fn close(mut self, checksums: &mut Checksums) -> Rows {
        self.withdrawn.sort_unstable();
        let withdrawn = |list: usize| self.withdrawn.iter().map(move |portion| portion.of(list));
        self.rows.cut(withdrawn);
        row::cut(&mut self.moved, withdrawn(TABLES));
        for (bucket, moved) in self.moved {
            let sum = checksums.entry(bucket).or_default();
            sum.rows += moved.rows;
            sum.digests = sum.digests.wrapping_add(moved.digests);
        }
        (0..).zip(&mut self.rows.credit_ledger).for_each(|(index, entry)| entry.index = index);
        self.rows
    }

    fn ends(&self) -> [u32; TABLES + 1] {
        let narrow = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        let mut ends = [narrow(self.moved.len()); TABLES + 1];
        ends.iter_mut().zip(self.rows.lengths()).for_each(|(end, length)| *end = narrow(length));
        ends
    }

    /// Merges two sorted tables: rows that are new or differ, and keys that are gone.
    fn differ<S: Shown>(&mut self, before: Vec<S>, after: Vec<S>, subject: &Subject, table: TableOf<S::Row>) {
        let mut old = before.into_iter().peekable();
        let mut new = after.into_iter().peekable();
        while let Some(order) = order(old.peek(), new.peek(), |a, b| a.key().cmp(&b.key())) {
            let gone = old.next_if(|_| order.is_le());
            let come = new.next_if(|_| order.is_ge());
            if gone != come {
                let month = come.as_ref().or(gone.as_ref()).map_or(0, S::month);
                let row = |shown: Option<S>| shown.map(|shown| shown.row(self.rules, subject));
                let (gone, come) = (row(gone), row(come));
                self.change((S::TABLE, month), gone, come, table);
            }
        }
    }

    /// Splits anew what differs, and enters into the ledger what moved.
    fn credit(&mut self, before: Vec<Recipe>, after: Vec<Recipe>, subject: &Subject, merged: bool) {
        let name = |recipe: &Recipe| recipe.head.conversion.clone();
        let (mut old, mut new) = (before.into_iter().peekable(), after.into_iter().peekable());
        while let Some(order) = order(old.peek(), new.peek(), |a, b| name(a).cmp(&name(b))) {
            let gone = old.next_if(|_| order.is_le());
            let come = new.next_if(|_| order.is_ge());
            if gone != come {
                let split = |recipe: Option<Recipe>| recipe.map(|recipe| recipe.split(self.rules));
                let (gone, come) = (split(gone), split(come));
                self.enter(gone.as_ref(), come.as_ref(), subject, merged);
                self.change((Table::Conversions, 0), gone, come, |rows| &mut rows.conversions);
            }
        }
    }

    /// Takes note of one key that is new, differs or is gone.
    fn change<R: Hash>(&mut self, bucket: (Table, i32), gone: Option<R>, come: Option<R>, table: TableOf<R>) {
        let mut sum = Checksum::default();
        if let Some(row) = &gone {
            sum.rows -= 1;
            sum.digests = sum.digests.wrapping_sub(self.digester.digest(row));
        }
        let change = match (gone, come) {
            (_, Some(row)) => {
                let digest = self.digester.digest(&row);
                sum.rows += 1;
                sum.digests = sum.digests.wrapping_add(digest);
                Change { row, deleted: false, digest }
            }
            (Some(row), None) => Change { row, deleted: true, digest: 0 },
            (None, None) => return,
        };
        self.moved.push((bucket, sum));
        table(&mut self.rows).push(change);
    }

    fn enter(&mut self, gone: Option<&Conversion>, come: Option<&Conversion>, subject: &Subject, merged: bool) {
        let why = |gone: &Conversion| match gone.kind {
            ConversionKind::Opportunity | ConversionKind::Won => ledger::why_gone(outcome_of(subject, &gone.subject)),
            _ if merged => Reason::IdentityChanged,
            _ => Reason::Withdrawn,
        };
        self.rows.credit_ledger.extend(ledger::entries(gone, come, why, self.recorded_at));
    }
}

/// Where changes of a table go.
type TableOf<R> = fn(&mut Rows) -> &mut Vec<Change<R>>;

/// Which of the heads of two sorted tables comes first; `None` when both are at their end.
fn order<T>(old: Option<&T>, new: Option<&T>, compare: impl Fn(&T, &T) -> Ordering) -> Option<Ordering> {
    match (old, new) {
        (None, None) => None,
        (Some(_), None) => Some(Ordering::Less),
        (None, Some(_)) => Some(Ordering::Greater),
        (Some(a), Some(b)) => Some(compare(a, b)),
    }
}

/// How the deal stands that the account knows by this name.
fn outcome_of(subject: &Subject, deal: &Text) -> Option<Outcome> {
    subject.inbox.values().find_map(|part| match &**part {
        Part::Deal(state) if state.deal == *deal => Some(state.outcome),
        _ => None,
    })
}

/// 64 bits of a key, never 0.
pub(crate) fn digest(key: &impl Hash) -> u64 {
    Digester::default().digest(key)
}

/// Digests rows: gathers a row's content and hashes it at once, which is much faster than field by field.
#[derive(Default)]
struct Digester(Vec<u8>);

impl Digester {
    /// 64 bits of the row's content, never 0.
    fn digest<R: Hash>(&mut self, row: &R) -> u64 {
        self.0.clear();
        row.hash(self);
        SipHasher13::new().hash(&self.0).max(1)
    }
}

impl Hasher for Digester {
    fn write(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn finish(&self) -> u64 {
        SipHasher13::new().hash(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Digests stand in tables and stores: gathering must not change them.
    #[test]
    fn a_digest_is_that_of_the_fields_one_by_one() {
        let row = (Text::from("v-1"), 7_u32, -1_i64, Some(true), [1_u16, 2].as_slice(), vec![Text::from("a"); 3]);
        let mut one_by_one = SipHasher13::new();
        row.hash(&mut one_by_one);
        assert_eq!(Digester::default().digest(&row), one_by_one.finish());
    }
}
