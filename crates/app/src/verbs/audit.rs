//! `smarketing audit`: everything worked out anew from the journal by the auditor, an implementation of its own, and
//! held against what ClickHouse shows, row for row.

use crate::End;
use crate::cli::Global;
use crate::config::Config;
use crate::house::{connect, open_disks, start_engine};
use crate::place::Place;
use crate::{render, shared};
use anyhow::{Context as _, bail, ensure};
use smarketing_engine::log::{self, Log};
use smarketing_engine::{Local, Vault, codec, limits};
use smarketing_kernel::entry::{Entry, Source};
use smarketing_kernel::event::{Event, LeadRef};
use smarketing_kernel::repair::rejected;
use smarketing_kernel::row::{Change, RejectedRecord, Rows};
use smarketing_sim::auditor::{self, Tables};
use smarketing_warehouse::{Cell, Column, Comparison, Kind, Table, Warehouse};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Rows of a table that are handed over at once.
const PART: usize = 50_000;

pub(crate) async fn run(place: &Place, config: &Config, global: &Global) -> anyhow::Result<End> {
    let case = Case::open(place, config).await?;
    let journal = tokio::task::block_in_place(|| Journal::read(&case))?;
    let engine = start_engine(place, config).await?;
    let warehouse = connect(&engine, config, case.generation).await?;
    let compared = compare(config, case.vault.as_ref(), journal, &warehouse).await;
    engine.stop().await;
    let compared = compared?;
    case.was_quiet()?;
    show(&compared, global)
}

/// What an audit goes by.
struct Case {
    generation: u32,
    log: Arc<dyn Log>,
    vault: Arc<Vault>,
    /// Where each partition of the journal ends; everything before is delivered.
    ends: Vec<u64>,
    /// Keeps others out of the directory meanwhile, where it holds the journal itself.
    _disks: Option<Local>,
}

impl Case {
    async fn open(place: &Place, config: &Config) -> anyhow::Result<Self> {
        let is_shared = shared::is_shared(place)?;
        if place.running().is_some() && !(is_shared && config.has_server()) {
            bail!("the service of this data directory is running; stop it for an audit");
        }
        if is_shared { Self::shared(place, config).await } else { Self::local(place, config) }
    }

    fn local(place: &Place, config: &Config) -> anyhow::Result<Self> {
        let layout = place.current(config)?;
        let disks = open_disks(place, config, &layout)?;
        let ends = ends(disks.log.as_ref())?;
        for (partition, end) in (0..).zip(&ends) {
            let left = end.saturating_sub(disks.position(partition)?);
            ensure!(
                left == 0,
                "{left} entries of the journal are not delivered yet: start the service (`smarketing up`) and stop it \
                 when it has worked them off, then audit",
            );
        }
        let (log, vault) = (Arc::clone(&disks.log), Arc::clone(&disks.vault));
        Ok(Self { generation: layout.generation, log, vault, ends, _disks: Some(disks) })
    }

    /// The journal is a topic, and others work it: they may go on, as long as nothing comes in.
    async fn shared(place: &Place, config: &Config) -> anyhow::Result<Self> {
        let layout = shared::current(place, config)?;
        let cluster = config.raw.kafka.cluster();
        shared::knock(&cluster, &layout.journal).await?;
        let (log, vault) = shared::describe(config, &layout, &cluster).look(layout.partitions).await?;
        let waiting = Instant::now();
        loop {
            let (ends, delivered) = tokio::task::block_in_place(|| {
                // Positions first: what is delivered is never more than what is journalled.
                let delivered = shared::delivered(config, &layout)?;
                anyhow::Ok((ends(log.as_ref())?, delivered))
            })?;
            let left: u64 = ends.iter().zip(&delivered).map(|(end, position)| end.saturating_sub(*position)).sum();
            if left == 0 {
                return Ok(Self { generation: layout.generation, log, vault, ends, _disks: None });
            }
            ensure!(
                waiting.elapsed() < TOLD,
                "{left} entries of the journal are not delivered yet, or nobody told: audit while processes work all \
                 partitions, or after they were stopped, when nothing comes in and all is worked off",
            );
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    /// Nothing came in while others may have written rows of it.
    fn was_quiet(&self) -> anyhow::Result<()> {
        let now = tokio::task::block_in_place(|| ends(self.log.as_ref()))?;
        let came: u64 = now.iter().zip(&self.ends).map(|(now, then)| now.saturating_sub(*then)).sum();
        ensure!(
            came == 0,
            "{came} entries came into the journal during the audit, and rows may be ahead of it: audit when nothing \
             comes in, or stop the processes that read raw topics and take events meanwhile"
        );
        Ok(())
    }
}

/// How long an audit waits to be told that everything is delivered. Workers tell every few seconds.
const TOLD: Duration = Duration::from_secs(30);

fn ends(log: &dyn Log) -> Result<Vec<u64>, log::Error> {
    (0..log.partitions()).map(|partition| log.end(partition)).collect()
}

/// What the journal says, and nothing that was made of it.
#[derive(Default)]
struct Journal {
    events: Vec<Event<LeadRef>>,
    /// Dead letters that were not resolved.
    rejects: BTreeMap<Source, RejectedRecord>,
}

impl Journal {
    /// Reads all of it.
    fn read(case: &Case) -> anyhow::Result<Self> {
        let (mut journal, mut resolved) = (Self::default(), BTreeSet::new());
        for (partition, end) in (0..).zip(&case.ends) {
            let mut reader = case.log.reader(partition, 0)?;
            let mut next = 0;
            while next < *end {
                let batch = reader.read(limits::READ_ENTRIES, limits::READ_BYTES, limits::READ_WAIT)?;
                for (offset, bytes) in batch.iter().take_while(|(offset, _)| offset < end) {
                    let entry = codec::decode(bytes);
                    match entry.with_context(|| format!("entry {offset} of partition {partition}"))? {
                        Entry::Event { event, .. } => journal.events.push(event),
                        Entry::Reject { source, reject } => {
                            journal.rejects.entry(source.clone()).or_insert_with(|| rejected(source, reject));
                        }
                        Entry::Resolved { reject, .. } => drop(resolved.insert(reject)),
                        Entry::Message { .. } | Entry::Stray | Entry::Tick { .. } => {}
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

async fn compare(config: &Config, vault: &Vault, journal: Journal, warehouse: &Warehouse) -> anyhow::Result<Compared> {
    let Journal { events, rejects } = journal;
    let tables = tokio::task::block_in_place(|| auditor::audit(&config.raw.definitions, &events));
    drop(events);
    let Ok(tables) = tables else { bail!("the definitions are not those of a configuration that was checked") };
    let expected = warehouse.expectation().await.context("could not make tables for what is expected")?;
    for rows in parts(tables, rejects) {
        expected.insert(&[rows], vault).await.context("could not write down what is expected")?;
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
    let table = Table { columns: columns.collect(), rows: compared.iter().map(row).collect(), cut: false };
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
