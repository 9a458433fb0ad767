//! Rows on their way in: merged per table, cut into blocks, acknowledged.
//!
//! A block is one `INSERT` and becomes one part a month. It is sent in the Native format: ClickHouse takes columns in at
//! a third of what rows cost it. Writing is state, not change: the same rows written again,
//! late or twice change nothing, so whoever writes just repeats what was not acknowledged.

use crate::record::{Stamp, Stored};
use crate::{Error, Result, Warehouse};
use clickhouse::error::Error as Client;
use clickhouse::native::builder::BlockBuilder;
use smarketing_kernel::row::{Change, LedgerEntry, ModelCredit, Rows};
use std::collections::BTreeSet;

/// Most rows of one insert.
const BLOCK_ROWS: usize = 200_000;
/// Most bytes of one insert, roughly.
const BLOCK_BYTES: usize = 64 << 20;
/// Rows that are turned into columns at once: few enough to stay in the processor's cache.
const CHUNK_ROWS: usize = 4_096;
/// Most monthly partitions of one insert; ClickHouse refuses more than 100 (code 252).
const BLOCK_MONTHS: usize = 90;

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

impl Warehouse {
    /// Writes all rows of all `batches` and returns when the server has acknowledged every one of them.
    ///
    /// # Errors
    /// After an error any part of the rows may have been written; write them all again.
    pub async fn insert(&self, batches: &[Rows], opener: &dyn Opener) -> Result<()> {
        even(batches)?;
        let views = async {
            self.changes(batches, |rows| &rows.web_events, opener).await?;
            self.changes(batches, |rows| &rows.touches, opener).await
        };
        let credit = async {
            self.changes(batches, |rows| &rows.conversions, opener).await?;
            self.write(batches.iter().flat_map(entries).collect(), opener).await
        };
        let rest = async {
            self.changes(batches, |rows| &rows.leads, opener).await?;
            self.changes(batches, |rows| &rows.lead_events, opener).await?;
            self.changes(batches, |rows| &rows.stage_entries, opener).await?;
            self.changes(batches, |rows| &rows.handoffs, opener).await?;
            self.changes(batches, |rows| &rows.deals, opener).await?;
            self.changes(batches, |rows| &rows.deal_history, opener).await?;
            self.changes(batches, |rows| &rows.ad_spend, opener).await?;
            self.changes(batches, |rows| &rows.exchange_rates, opener).await?;
            self.changes(batches, |rows| &rows.rejects, opener).await
        };
        tokio::try_join!(views, credit, rest).map(|_| ())
    }

    async fn changes<'r, R: Stored>(
        &self,
        batches: &'r [Rows],
        table: fn(&'r Rows) -> &'r Vec<Change<R>>,
        opener: &dyn Opener,
    ) -> Result<()> {
        let stamped = |rows: &'r Rows| {
            let (partition, version) = (rows.partition, rows.version);
            table(rows).iter().map(move |change| {
                let stamp = Stamp { partition, version, deleted: change.deleted, digest: change.digest };
                (&change.row, stamp)
            })
        };
        self.write(batches.iter().flat_map(stamped).collect(), opener).await
    }

    /// Writes the rows of one table, block by block.
    async fn write<R: Stored>(&self, rows: Vec<(&R, Stamp)>, opener: &dyn Opener) -> Result<()> {
        for block in blocks(rows) {
            self.block(&block, opener).await.map_err(|error| Error::from_client(R::TABLE.word(), &error))?;
        }
        Ok(())
    }

    async fn block<R: Stored>(&self, rows: &[(&R, Stamp)], opener: &dyn Opener) -> clickhouse::error::Result<()> {
        let timeout = Some(self.options.insert_timeout);
        let table = format!("{}.{}", self.names.data, R::TABLE.word());
        let mut insert = self
            .service
            .insert_native_unescaped(&table)
            .with_timeouts(timeout, timeout)
            .with_setting("async_insert", "0")
            .with_setting("optimize_on_insert", "0")
            .with_setting("deduplicate_insert", "disable");
        for rows in rows.chunks(CHUNK_ROWS) {
            let mut block = BlockBuilder::new();
            R::columns(rows, opener, &mut block).map_err(Client::InvalidParams)?;
            let block = block.build().map_err(|error| Client::InvalidParams(Box::new(error)))?;
            insert.write(&block).await?;
        }
        insert.end().await
    }
}

/// The ledger's entries: never changed nor deleted.
fn entries(rows: &Rows) -> impl Iterator<Item = (&LedgerEntry, Stamp)> {
    let (partition, version) = (rows.partition, rows.version);
    let stamp = move |digest| Stamp { partition, version, deleted: false, digest };
    rows.credit_ledger.iter().map(move |entry| (entry, stamp(entry.digest(version))))
}

/// Cuts rows into blocks of bounded rows, bytes and months. Rows keep their order, unless there are more months than
/// a block may have; then they are ordered by month first, so that a month is written in as few blocks as possible.
fn blocks<R: Stored>(mut rows: Vec<(&R, Stamp)>) -> Vec<Vec<(&R, Stamp)>> {
    let month = |row: &R| row.day().map(|day| day.year_month());
    let months: BTreeSet<_> = rows.iter().filter_map(|(row, _)| month(row)).collect();
    if months.len() > BLOCK_MONTHS {
        rows.sort_by_key(|(row, _)| month(row));
    }
    let mut blocks = Vec::new();
    let mut block = Vec::new();
    let (mut bytes, mut seen) = (0, BTreeSet::new());
    for (row, stamp) in rows {
        seen.extend(month(row));
        bytes += row.weight();
        let full = block.len() == BLOCK_ROWS || bytes > BLOCK_BYTES || seen.len() > BLOCK_MONTHS;
        if full && !block.is_empty() {
            blocks.push(std::mem::take(&mut block));
            (bytes, seen) = (row.weight(), BTreeSet::from_iter(month(row)));
        }
        block.push((row, stamp));
    }
    blocks.extend((!block.is_empty()).then_some(block));
    blocks
}

/// Refuses credit that is not as long as its journey: one such row would make every view over it fail.
fn even(batches: &[Rows]) -> Result<()> {
    let check = |conversion: &str, touches: usize, credits: &[ModelCredit]| {
        let odd = |credit: &&ModelCredit| {
            [&credit.micro, &credit.minor, &credit.reporting].iter().any(|c| c.len() != touches)
        };
        credits.iter().find(odd).map_or(Ok(()), |credit| {
            Err(Error::Uneven { conversion: conversion.to_owned(), model: credit.model.to_string() })
        })
    };
    for rows in batches {
        rows.conversions.iter().try_for_each(|c| check(&c.row.conversion, c.row.journey.len(), &c.row.credits))?;
        rows.credit_ledger.iter().try_for_each(|e| check(&e.conversion, e.journey.len(), &e.credits))?;
    }
    Ok(())
}
