//! ClickHouse as it was measured to behave: replacing by version, blocks that land alone, parts that can be lost.

use super::{Invariant, Violation};
use crate::auditor::{Key, Row, Tables, sums_to_value};
use smarketing_kernel::row::{Change, Conversion, LedgerEntry, Rows, Table};
use smarketing_kernel::time::Day;
use smarketing_kernel::{Checksum, Checksums};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A table: of every key the row of the highest version.
type Kept<R> = BTreeMap<Key, Stamped<R>>;

#[derive(Clone, Debug)]
struct Stamped<R> {
    partition: u32,
    version: u64,
    change: Change<R>,
}

/// What has been written under a key and version: by whom, what.
type Written = BTreeMap<(Table, Key, u64), (u32, u64, bool)>;

/// The warehouse.
#[derive(Debug, Default)]
pub(super) struct ClickHouse {
    /// Parts, each the blocks merged into it.
    parts: Vec<Vec<Arc<Rows>>>,
    shown: Shown,
    written: Written,
    entries: BTreeMap<(u32, u64, u32), LedgerEntry>,
}

impl ClickHouse {
    /// A block lands: whole, or not at all.
    pub(super) fn land(&mut self, block: Arc<Rows>) -> Result<(), Violation> {
        for change in block.conversions.iter().filter(|change| !change.deleted) {
            sums_up(&change.row)?;
        }
        for entry in &block.credit_ledger {
            let key = (block.partition, block.version, entry.index);
            match self.entries.get(&key) {
                Some(known) if known != entry => {
                    let what = format!("ledger entry {key:?} is now\n  {entry:?}\nbut was\n  {known:?}");
                    return Err(Violation::new(Invariant::Version, what));
                }
                _ => drop(self.entries.insert(key, entry.clone())),
            }
        }
        self.shown.write(&mut self.written, &block)?;
        self.parts.push(vec![block]);
        Ok(())
    }

    /// Two parts become one: what is lost of them is lost together.
    pub(super) fn merge(&mut self, pick: usize) {
        if self.parts.len() > 1 {
            let part = self.parts.remove(pick % self.parts.len());
            let into = pick % self.parts.len();
            self.parts[into].extend(part);
        }
    }

    /// A power cut takes one of the latest parts; whether there was one.
    pub(super) fn lose(&mut self, pick: usize) -> bool {
        let recent = self.parts.len().min(6);
        if recent == 0 {
            return false;
        }
        self.parts.remove(self.parts.len() - 1 - pick % recent);
        self.shown = Shown::default();
        for block in self.parts.iter().flatten() {
            self.shown.apply(block);
        }
        true
    }

    pub(super) fn tables(&self) -> Tables {
        self.shown.tables()
    }

    pub(super) fn checksums(&self, partition: u32) -> Checksums {
        let mut sums = self.shown.checksums(partition);
        let mut add = |bucket, digest: u64| {
            let sum: &mut Checksum = sums.entry(bucket).or_default();
            sum.rows += 1;
            sum.digests = sum.digests.wrapping_add(digest);
        };
        for ((_, version, _), entry) in self.ledger().into_iter().filter(|((from, ..), _)| *from == partition) {
            add((Table::CreditLedger, month(entry.recorded_at.day())), entry.digest(version));
        }
        let blocks = self.parts.iter().flatten().filter(|block| block.partition == partition);
        let rejects = blocks.flat_map(|block| block.rejects.iter().map(|reject| (&reject.row, reject.digest)));
        let rejects: BTreeMap<_, _> =
            rejects.map(|(row, digest)| ((row.stream.clone(), row.position), digest)).collect();
        rejects.into_values().for_each(|digest| add((Table::Rejects, 0), digest));
        sums
    }

    /// The ledger there is.
    pub(super) fn ledger(&self) -> BTreeMap<(u32, u64, u32), &LedgerEntry> {
        let blocks = self.parts.iter().flatten();
        let all = blocks.flat_map(|block| {
            block.credit_ledger.iter().map(move |entry| ((block.partition, block.version, entry.index), entry))
        });
        all.collect()
    }
}

/// Σ credit = value under every model but those that give everybody everything.
fn sums_up(row: &Conversion) -> Result<(), Violation> {
    for credit in row.credits.iter().filter(|credit| sums_to_value(&credit.model)) {
        let sums = [&credit.micro, &credit.minor, &credit.reporting]
            .map(|amounts| amounts.iter().map(|amount| i128::from(*amount)).sum::<i128>());
        let values = [1_000_000, i128::from(row.value_minor), i128::from(row.reporting_minor.unwrap_or(0))];
        if sums != values {
            let what = format!("{} under {}: credit {sums:?}, value {values:?}", row.conversion, credit.model);
            return Err(Violation::new(Invariant::Money, what));
        }
    }
    Ok(())
}

fn write<R: Row>(written: &mut Written, rows: &Rows, changes: &[Change<R>]) -> Result<(), Violation> {
    for change in changes {
        let row = (rows.partition, change.digest, change.deleted);
        let key = (R::TABLE, change.row.key(), rows.version);
        if !change.deleted && change.digest != change.row.digest() {
            return Err(Violation::new(Invariant::Version, format!("{key:?} carries the hash of another row")));
        }
        let known = *written.entry(key.clone()).or_insert(row);
        if known != row {
            let what = format!("{key:?} is written with two contents: {row:?}, before {known:?}");
            return Err(Violation::new(Invariant::Version, what));
        }
    }
    Ok(())
}

fn owned<R: Row>(kept: &Kept<R>, rows: &Rows, changes: &[Change<R>]) -> Result<(), Violation> {
    for key in changes.iter().map(|change| change.row.key()) {
        if kept.get(&key).is_some_and(|held| held.partition != rows.partition) {
            return Err(Violation::new(Invariant::Version, format!("{key:?} is written by two partitions")));
        }
    }
    Ok(())
}

fn apply<R: Row>(kept: &mut Kept<R>, rows: &Rows, changes: &[Change<R>]) {
    for change in changes {
        let key = change.row.key();
        if kept.get(&key).is_none_or(|held| held.version < rows.version) {
            let stamped = Stamped { partition: rows.partition, version: rows.version, change: change.clone() };
            kept.insert(key, stamped);
        }
    }
}

fn live<R: Row>(kept: &Kept<R>) -> BTreeMap<Key, R> {
    let live = kept.iter().filter(|(_, held)| !held.change.deleted);
    live.map(|(key, held)| (key.clone(), held.change.row.clone())).collect()
}

fn sum<R: Row>(kept: &Kept<R>, partition: u32, month: impl Fn(&R) -> i32, sums: &mut Checksums) {
    for held in kept.values().filter(|held| held.partition == partition && !held.change.deleted) {
        let sum: &mut Checksum = sums.entry((R::TABLE, month(&held.change.row))).or_default();
        sum.rows += 1;
        sum.digests = sum.digests.wrapping_add(held.change.row.digest());
    }
}

fn month(day: Day) -> i32 {
    let (year, month) = day.year_month();
    year * 100 + i32::from(month)
}

macro_rules! shown {
    ($($table:ident: $row:ident |$r:ident| $month:expr;)+) => {
        #[derive(Debug, Default)]
        struct Shown { $($table: Kept<smarketing_kernel::row::$row>,)+ }

        impl Shown {
            fn write(&mut self, written: &mut Written, rows: &Rows) -> Result<(), Violation> {
                $(write(written, rows, &rows.$table)?; owned(&self.$table, rows, &rows.$table)?;)+
                self.apply(rows);
                Ok(())
            }

            fn apply(&mut self, rows: &Rows) {
                $(apply(&mut self.$table, rows, &rows.$table);)+
            }

            fn tables(&self) -> Tables {
                Tables { $($table: live(&self.$table),)+ }
            }

            fn checksums(&self, partition: u32) -> Checksums {
                let mut sums = Checksums::new();
                $(sum(&self.$table, partition, |$r| { let _ = $r; $month }, &mut sums);)+
                sums
            }
        }

        /// The blocks an insert falls into: a table at least, now and then in two.
        pub(super) fn blocks(rows: &Rows, mut cut: impl FnMut(usize) -> usize) -> Vec<Arc<Rows>> {
            let bare = || Rows { partition: rows.partition, version: rows.version, ..Rows::default() };
            let mut blocks = Vec::new();
            $({
                let (first, second) = rows.$table.split_at(cut(rows.$table.len()));
                for part in [first, second].into_iter().filter(|part| !part.is_empty()) {
                    blocks.push(Arc::new(Rows { $table: part.to_vec(), ..bare() }));
                }
            })+
            if !rows.credit_ledger.is_empty() {
                blocks.push(Arc::new(Rows { credit_ledger: rows.credit_ledger.clone(), ..bare() }));
            }
            if !rows.rejects.is_empty() {
                blocks.push(Arc::new(Rows { rejects: rows.rejects.clone(), ..bare() }));
            }
            blocks
        }
    };
}

shown! {
    web_events: WebEvent |r| month(r.viewed_at.day());
    touches: Touch |r| month(r.touch_at.day());
    leads: Lead |r| 0;
    lead_events: LeadEvent |r| month(r.occurred_at.day());
    stage_entries: StageEntry |r| month(r.entered_at.day());
    handoffs: Handoff |r| month(r.mql_at.day());
    deals: Deal |r| 0;
    deal_history: DealChange |r| month(r.changed_at.day());
    conversions: Conversion |r| 0;
    ad_spend: AdSpend |r| month(r.day);
    exchange_rates: ExchangeRate |r| month(r.day);
}
