//! Rows on their way in: packed step by step, sent many steps at once, acknowledged.
//!
//! A step's rows are encoded as soon as they are there, in ClickHouse's Native format: ClickHouse takes columns in at a
//! third of what rows cost it. Few large inserts cost it far less than many small ones, so parcels wait for each other;
//! what is sent together becomes one part a month. Writing is state, not change: the same rows written again, late or
//! twice change nothing, so whoever writes just repeats what was not acknowledged.

use crate::record::{Stamp, Stored};
use crate::{Error, Result, Warehouse};
use bytes::Bytes;
use smarketing_kernel::row::{Change, LedgerEntry, ModelCredit, Rows, Table};
use std::collections::{BTreeMap, BTreeSet};

/// Most rows of one block: few enough to stay in the processor's cache while they are turned into columns.
const BLOCK_ROWS: usize = 4_096;
/// Most bytes of one block, roughly.
const BLOCK_BYTES: usize = 8 << 20;
/// Most rows of one insert.
const INSERT_ROWS: usize = 200_000;
/// Most bytes of one insert.
const INSERT_BYTES: usize = 64 << 20;
/// Most monthly partitions of one insert, and so of one block; ClickHouse refuses more than 100 (code 252).
const MONTHS: usize = 90;

/// What a sealed envelope of a lead held.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Opened {
    /// The address.
    pub email: Option<String>,
    /// The CRM's id of the contact.
    pub contact_id: Option<String>,
}

/// Opens the envelopes of leads when their rows are delivered.
pub trait Opener: Send + Sync {
    /// What the envelope of `lead` holds; `None` when its key is gone, because the person was erased.
    fn open(&self, lead: &str, sealed: &[u8]) -> Option<Opened>;

    /// How many envelopes stayed shut although their key may only be out of reach for now. Rows written meanwhile are to
    /// be written again.
    fn doubts(&self) -> u64 {
        0
    }
}

/// The rows of a step, packed.
#[derive(Clone, Debug, Default)]
pub struct Parcel {
    tables: BTreeMap<Table, Vec<Block>>,
    /// Whether somebody is forgotten.
    forgets: bool,
}

/// Rows of one table in the Native format.
#[derive(Clone, Debug)]
struct Block {
    rows: usize,
    months: BTreeSet<(i32, u8)>,
    bytes: Bytes,
}

impl Parcel {
    /// Packs rows; from now on the secrets of leads stand open in them.
    ///
    /// # Errors
    /// Credit that is not as long as its journey: one such row would make every view over it fail.
    pub fn pack(rows: &Rows, opener: &dyn Opener) -> Result<Self> {
        rows.conversions.iter().try_for_each(|c| even(&c.row.conversion, c.row.journey.len(), &c.row.credits))?;
        rows.credit_ledger.iter().try_for_each(|e| even(&e.conversion, e.journey.len(), &e.credits))?;
        let forgets = rows.leads.iter().any(|change| change.row.erased);
        let mut parcel = Self { forgets, ..Self::default() };
        parcel.changes(rows, &rows.web_events, opener);
        parcel.changes(rows, &rows.touches, opener);
        parcel.changes(rows, &rows.conversions, opener);
        parcel.table(rows.credit_ledger.iter().map(|entry| entered(rows, entry)).collect(), opener);
        parcel.changes(rows, &rows.leads, opener);
        parcel.changes(rows, &rows.lead_events, opener);
        parcel.changes(rows, &rows.stage_entries, opener);
        parcel.changes(rows, &rows.handoffs, opener);
        parcel.changes(rows, &rows.deals, opener);
        parcel.changes(rows, &rows.deal_history, opener);
        parcel.changes(rows, &rows.ad_spend, opener);
        parcel.changes(rows, &rows.exchange_rates, opener);
        parcel.changes(rows, &rows.rejects, opener);
        Ok(parcel)
    }

    /// Whether somebody is forgotten: [`Warehouse::forget`] should follow.
    #[must_use]
    pub fn forgets(&self) -> bool {
        self.forgets
    }

    /// How many rows are in it.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.tables.values().flatten().map(|block| block.rows as u64).sum()
    }

    /// How many bytes they take.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.tables.values().flatten().map(|block| block.bytes.len()).sum()
    }

    fn changes<R: Stored>(&mut self, rows: &Rows, changes: &[Change<R>], opener: &dyn Opener) {
        let (partition, version) = (rows.partition, rows.version);
        let stamp = |change: &Change<R>| Stamp { partition, version, deleted: change.deleted, digest: change.digest };
        self.table(changes.iter().map(|change| (&change.row, stamp(change))).collect(), opener);
    }

    fn table<R: Stored>(&mut self, rows: Vec<(&R, Stamp)>, opener: &dyn Opener) {
        let block = |rows: Vec<(&R, Stamp)>| Block {
            rows: rows.len(),
            months: rows.iter().filter_map(|(row, _)| month(*row)).collect(),
            bytes: R::block(&rows, opener).into(),
        };
        let blocks: Vec<Block> = blocks(rows).into_iter().map(block).collect();
        if !blocks.is_empty() {
            self.tables.insert(R::TABLE, blocks);
        }
    }
}

impl Warehouse {
    /// Packs and sends the rows of all `batches`; see [`Warehouse::send`].
    ///
    /// # Errors
    /// Those of [`Parcel::pack`] and [`Warehouse::send`].
    pub async fn insert(&self, batches: &[Rows], opener: &dyn Opener) -> Result<()> {
        let parcels = batches.iter().map(|rows| Parcel::pack(rows, opener)).collect::<Result<Vec<_>>>()?;
        self.send(&parcels).await
    }

    /// Writes all rows of all parcels and returns when the server has acknowledged every one of them.
    ///
    /// # Errors
    /// After an error any part of the rows may have been written; send them all again.
    pub async fn send(&self, parcels: &[Parcel]) -> Result<()> {
        use Table::*;
        // A server that makes every part durable lets the disk wait: side by side they wait at once.
        tokio::try_join!(
            self.send_tables(&[WebEvents, Touches], parcels),
            self.send_tables(&[Conversions, CreditLedger], parcels),
            self.send_tables(&[Leads, Deals], parcels),
            self.send_tables(&[LeadEvents, DealHistory], parcels),
            self.send_tables(&[StageEntries, Handoffs], parcels),
            self.send_tables(&[AdSpend, ExchangeRates, Rejects], parcels),
        )
        .map(|_| ())
    }

    /// Writes some tables, one after the other.
    async fn send_tables(&self, tables: &[Table], parcels: &[Parcel]) -> Result<()> {
        for table in tables {
            let blocks = parcels.iter().filter_map(|parcel| parcel.tables.get(table)).flatten();
            for insert in inserts(blocks) {
                self.send_blocks(*table, &insert).await.map_err(|error| Error::from_client(table.word(), &error))?;
            }
        }
        Ok(())
    }

    async fn send_blocks(&self, table: Table, blocks: &[&Block]) -> clickhouse::error::Result<()> {
        let timeout = Some(self.options.insert_timeout);
        let mut insert = self
            .service
            .insert_formatted_with(format!("INSERT INTO {}.{} FORMAT Native", self.names.data, table.word()))
            .with_timeouts(timeout, timeout)
            .with_setting("async_insert", "0")
            .with_setting("optimize_on_insert", "0")
            .with_setting("deduplicate_insert", "disable");
        for block in blocks {
            insert.send(block.bytes.clone()).await?;
        }
        insert.end().await
    }
}

/// An entry of the ledger: never changed nor deleted.
fn entered<'r>(rows: &Rows, entry: &'r LedgerEntry) -> (&'r LedgerEntry, Stamp) {
    let (partition, version) = (rows.partition, rows.version);
    (entry, Stamp { partition, version, deleted: false, digest: entry.digest(version) })
}

fn month<R: Stored>(row: &R) -> Option<(i32, u8)> {
    row.day().map(|day| day.year_month())
}

/// Cuts rows into blocks of bounded rows, bytes and months. Rows keep their order, unless there are more months than
/// a block may have; then they are ordered by month first, so that a month is written in as few blocks as possible.
fn blocks<R: Stored>(mut rows: Vec<(&R, Stamp)>) -> Vec<Vec<(&R, Stamp)>> {
    let months: BTreeSet<_> = rows.iter().filter_map(|(row, _)| month(*row)).collect();
    if months.len() > MONTHS {
        rows.sort_by_key(|(row, _)| month(*row));
    }
    let mut blocks = Vec::new();
    let mut block = Vec::new();
    let (mut bytes, mut seen) = (0, BTreeSet::new());
    for (row, stamp) in rows {
        seen.extend(month(row));
        bytes += row.weight();
        let full = block.len() == BLOCK_ROWS || bytes > BLOCK_BYTES || seen.len() > MONTHS;
        if full && !block.is_empty() {
            blocks.push(std::mem::take(&mut block));
            (bytes, seen) = (row.weight(), BTreeSet::from_iter(month(row)));
        }
        block.push((row, stamp));
    }
    blocks.extend((!block.is_empty()).then_some(block));
    blocks
}

/// Which blocks are sent with one insert.
fn inserts<'b>(blocks: impl Iterator<Item = &'b Block>) -> Vec<Vec<&'b Block>> {
    let mut inserts: Vec<Vec<&Block>> = Vec::new();
    let (mut rows, mut bytes, mut months) = (0, 0, BTreeSet::new());
    for block in blocks {
        rows += block.rows;
        bytes += block.bytes.len();
        months.extend(&block.months);
        let full = rows > INSERT_ROWS || bytes > INSERT_BYTES || months.len() > MONTHS;
        match inserts.last_mut().filter(|_| !full) {
            Some(insert) => insert.push(block),
            None => {
                inserts.push(vec![block]);
                (rows, bytes, months) = (block.rows, block.bytes.len(), block.months.clone());
            }
        }
    }
    inserts
}

fn even(conversion: &str, touches: usize, credits: &[ModelCredit]) -> Result<()> {
    let odd =
        |credit: &&ModelCredit| [&credit.micro, &credit.minor, &credit.reporting].iter().any(|c| c.len() != touches);
    credits.iter().find(odd).map_or(Ok(()), |credit| {
        Err(Error::Uneven { conversion: conversion.to_owned(), model: credit.model.to_string() })
    })
}
