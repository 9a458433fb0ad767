//! `smarketing audit`: everything worked out anew from the journal by the auditor, an implementation of its own, and
//! held against what ClickHouse shows, row for row.

use crate::End;
use crate::cli::Global;
use crate::config::Config;
use crate::house::{connect, open_disks, start_engine};
use crate::place::Place;
use crate::render;
use anyhow::{Context as _, bail, ensure};
use smarketing_engine::{Local, codec, limits};
use smarketing_kernel::entry::{Entry, Source};
use smarketing_kernel::event::{Event, LeadRef};
use smarketing_kernel::repair::rejected;
use smarketing_kernel::row::{Change, RejectedRecord, Rows};
use smarketing_sim::auditor::{self, Tables};
use smarketing_warehouse::{Cell, Column, Comparison, Kind, Table, Warehouse};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Rows of a table that are handed over at once.
const PART: usize = 50_000;

pub(crate) async fn run(place: &Place, config: &Config, global: &Global) -> anyhow::Result<End> {
    if place.running().is_some() {
        bail!("the service of this data directory is running; stop it for an audit");
    }
    let layout = place.current(config)?;
    let disks = open_disks(place, config, &layout)?;
    let journal = tokio::task::block_in_place(|| Journal::read(&disks))?;
    let engine = start_engine(place, config).await?;
    let warehouse = connect(&engine, config, layout.generation).await?;
    let compared = compare(config, &disks, journal, &warehouse).await;
    engine.stop().await;
    show(&compared?, global)
}

/// What the journal says, and nothing that was made of it.
#[derive(Default)]
struct Journal {
    events: Vec<Event<LeadRef>>,
    /// Dead letters that were not resolved.
    rejects: BTreeMap<Source, RejectedRecord>,
}

impl Journal {
    /// Reads all of it; what is journalled must be delivered.
    fn read(disks: &Local) -> anyhow::Result<Self> {
        let (mut journal, mut resolved) = (Self::default(), BTreeSet::new());
        for partition in 0..disks.log.partitions() {
            let (end, delivered) = (disks.log.end(partition)?, disks.position(partition)?);
            ensure!(
                end == delivered,
                "{} entries of the journal are not delivered yet: start the service (`smarketing up`) and stop it \
                 when it has worked them off, then audit",
                end.saturating_sub(delivered)
            );
            let mut reader = disks.log.reader(partition, 0)?;
            let mut next = 0;
            while next < end {
                let batch = reader.read(limits::READ_ENTRIES, limits::READ_BYTES, Duration::ZERO)?;
                for (offset, bytes) in batch.iter() {
                    let entry = codec::decode(bytes);
                    match entry.with_context(|| format!("entry {offset} of partition {partition}"))? {
                        Entry::Event { event, .. } => journal.events.push(event),
                        Entry::Reject { source, reject } => {
                            journal.rejects.entry(source.clone()).or_insert_with(|| rejected(source, reject));
                        }
                        Entry::Resolved { reject, .. } => drop(resolved.insert(reject)),
                        Entry::Message { .. } | Entry::Stray { .. } | Entry::Tick { .. } => {}
                    }
                }
                next = batch.next();
            }
        }
        journal.rejects.retain(|source, _| !resolved.contains(source));
        Ok(journal)
    }
}

/// Every table with how it compares.
type Compared = Vec<(&'static str, Comparison)>;

async fn compare(config: &Config, disks: &Local, journal: Journal, warehouse: &Warehouse) -> anyhow::Result<Compared> {
    let Journal { events, rejects } = journal;
    let tables = tokio::task::block_in_place(|| auditor::audit(&config.raw.definitions, &events));
    drop(events);
    let Ok(tables) = tables else { bail!("the definitions are not those of a configuration that was checked") };
    let expected = warehouse.expectation().await.context("could not make tables for what is expected")?;
    for rows in parts(tables, rejects) {
        expected.insert(&[rows], disks.vault.as_ref()).await.context("could not write down what is expected")?;
    }
    let mut compared = Compared::new();
    for table in smarketing_kernel::row::Table::ALL {
        compared.push((table.word(), warehouse.compare(&expected, *table).await?));
    }
    expected.drop_tables().await?;
    Ok(compared)
}

/// The auditor's rows in portions.
fn parts(tables: Tables, rejects: BTreeMap<Source, RejectedRecord>) -> impl Iterator<Item = Rows> {
    macro_rules! tables {
        ($($table:ident)+) => {{
            let none: Box<dyn Iterator<Item = Rows>> = Box::new(std::iter::empty());
            $(let none: Box<dyn Iterator<Item = Rows>> = Box::new(none.chain(
                portions(tables.$table).map(|$table| Rows { $table, ..Rows::default() }),
            ));)+
            none
        }};
    }
    let keyed = tables!(web_events touches leads lead_events stage_entries handoffs deals deal_history conversions ad_spend exchange_rates);
    keyed.chain(portions(rejects).map(|rejects| Rows { rejects, ..Rows::default() }))
}

fn portions<K, R>(rows: BTreeMap<K, R>) -> impl Iterator<Item = Vec<Change<R>>> {
    let mut rows = rows.into_values().map(|row| Change { row, deleted: false, digest: 0 });
    std::iter::from_fn(move || {
        let portion: Vec<Change<R>> = rows.by_ref().take(PART).collect();
        (!portion.is_empty()).then_some(portion)
    })
}

fn show(compared: &Compared, global: &Global) -> anyhow::Result<End> {
    let format = render::format(global.format);
    let names = ["expected", "found", "missing", "extra", "different"];
    let column = |name: &str, kind| Column { name: name.to_owned(), kind };
    let columns = std::iter::once(column("table", Kind::Text)).chain(names.map(|name| column(name, Kind::Integer)));
    let row = |(table, c): &(&str, Comparison)| {
        let numbers = [c.expected, c.found, c.missing.0, c.extra.0, c.different.0];
        let numbers = numbers.map(|number| Cell::Integer(i128::from(number)));
        std::iter::once(Cell::Text((*table).to_owned())).chain(numbers).collect()
    };
    let table = Table { columns: columns.collect(), rows: compared.iter().map(row).collect() };
    render::print(format, "Audit", &table)?;
    for (table, comparison) in compared {
        let Comparison { missing, extra, different, .. } = comparison;
        for (what, (count, keys)) in [("missing", missing), ("extra", extra), ("different", different)] {
            if *count > 0 {
                eprintln!("found: {table}: {count} {what}, among them {}", keys.join(", "));
            }
        }
    }
    let equal = compared.iter().all(|(_, comparison)| comparison.is_equal());
    Ok(if equal { End::Done } else { End::Found })
}
