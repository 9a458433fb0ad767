//! What the reconciler needs: everything a partition shows said again, and every row known by table, month and digest.
//!
//! Rows of subjects can be said again from the subjects alone. What is written once (ledger entries, rejects) is a
//! history: only a replay of the journal's steps says it again.

use crate::classify::Classifier;
use crate::entry::{Reject, Source};
use crate::id::SubjectId;
use crate::projection::{Projection, project};
use crate::row::{Change, LedgerEntry, RejectedRecord, Rows, Table};
use crate::rules::Rules;
use crate::settle::{Checksums, Ledger, digest, month};
use crate::subject::Subject;
use crate::text::Text;
use crate::time::Timestamp;
use alloc::vec::Vec;

/// Every row these subjects show, as if nothing had been shown before; what is written once is not among them.
///
/// `version` is the offset of the latest settle of the partition: no row of it has a higher one, and a row that was
/// written at it was written with the same content.
pub fn shown<'s>(
    rules: &Rules,
    partition: u32,
    version: u64,
    subjects: impl IntoIterator<Item = (SubjectId, &'s Subject)>,
) -> Rows {
    let rules = &Classifier::new(rules);
    let mut ledger = Ledger::new(rules, Timestamp(0), Rows { partition, version, ..Rows::default() });
    for (id, subject) in subjects {
        ledger.settle(Projection::default(), project(rules, id, subject, 0), subject);
    }
    let mut rows = ledger.close(&mut Checksums::new());
    rows.credit_ledger.clear();
    rows
}

impl Rows {
    /// Keeps the rows that `keep` wants. It is asked for each row that is there (not for a key that is gone) by table,
    /// month (year × 100 + month; 0 for tables without a time in their key) and digest; for a reject that is taken
    /// back it is asked as for the reject.
    pub fn retain(&mut self, keep: &mut dyn FnMut(Table, i32, u64) -> bool) {
        retain(&mut self.web_events, |row| (Table::WebEvents, month(row.viewed_at.day())), keep);
        retain(&mut self.touches, |row| (Table::Touches, month(row.touch_at.day())), keep);
        retain(&mut self.leads, |_| (Table::Leads, 0), keep);
        retain(&mut self.lead_events, |row| (Table::LeadEvents, month(row.occurred_at.day())), keep);
        retain(&mut self.stage_entries, |row| (Table::StageEntries, month(row.entered_at.day())), keep);
        retain(&mut self.handoffs, |row| (Table::Handoffs, month(row.mql_at.day())), keep);
        retain(&mut self.deals, |_| (Table::Deals, 0), keep);
        retain(&mut self.deal_history, |row| (Table::DealHistory, month(row.changed_at.day())), keep);
        retain(&mut self.conversions, |_| (Table::Conversions, 0), keep);
        retain(&mut self.ad_spend, |row| (Table::AdSpend, month(row.day)), keep);
        retain(&mut self.exchange_rates, |row| (Table::ExchangeRates, month(row.day)), keep);
        self.rejects.retain(|reject| keep(Table::Rejects, 0, reject.row.digest()));
        let version = self.version;
        self.credit_ledger.retain(|entry| keep(Table::CreditLedger, entry.month(), entry.digest(version)));
    }
}

fn retain<R>(rows: &mut Vec<Change<R>>, bucket: fn(&R) -> (Table, i32), keep: &mut dyn FnMut(Table, i32, u64) -> bool) {
    rows.retain(|change| {
        let (table, month) = bucket(&change.row);
        !change.deleted && keep(table, month, change.digest)
    });
}

/// The row of a reject.
#[must_use]
pub fn rejected(source: Source, reject: Reject) -> RejectedRecord {
    let Source { stream, position } = source;
    let Reject { reason, detail, bytes, length, rejected_at } = reject;
    RejectedRecord { stream, position, reason, detail, bytes, length, rejected_at }
}

/// Counts what is written once by the digests of its keys: nothing else of it can differ.
pub(crate) fn count_written(rows: &Rows, checksums: &mut Checksums) {
    for entry in &rows.credit_ledger {
        let sum = checksums.entry((Table::CreditLedger, entry.month())).or_default();
        sum.rows += 1;
        sum.digests = sum.digests.wrapping_add(entry.digest(rows.version));
    }
    for Change { row, deleted, .. } in &rows.rejects {
        let sum = checksums.entry((Table::Rejects, 0)).or_default();
        let (rows, digest) = if *deleted { (-1, row.digest().wrapping_neg()) } else { (1, row.digest()) };
        sum.rows += rows;
        sum.digests = sum.digests.wrapping_add(digest);
    }
}

impl LedgerEntry {
    /// Hash of the entry's key within its partition: the version of the settle that wrote it, and its number there.
    #[must_use]
    pub fn digest(&self, version: u64) -> u64 {
        digest(&(version, self.index))
    }

    fn month(&self) -> i32 {
        month(self.recorded_at.day())
    }
}

impl RejectedRecord {
    /// The key of a reject that is one no longer.
    pub(crate) fn resolved(reject: Source) -> Self {
        let (reason, detail) = (Text::from("resolved"), Text::default());
        rejected(reject, Reject { reason, detail, bytes: Vec::new(), length: 0, rejected_at: Timestamp(0) })
    }

    /// Hash of the reject's key.
    #[must_use]
    pub fn digest(&self) -> u64 {
        digest(&(&self.stream, self.position))
    }
}

impl Change<RejectedRecord> {
    pub(crate) fn written(row: RejectedRecord) -> Self {
        Self { digest: row.digest(), deleted: false, row }
    }

    pub(crate) fn taken_back(row: RejectedRecord) -> Self {
        Self { digest: 0, deleted: true, row }
    }
}
