//! Files on their way into the journal: decode on one thread, journal on another, counts at the end.

use crate::bar::Bar;
use crate::cli::Dialect;
use anyhow::{Context as _, bail, ensure};
use serde::{Deserialize, Serialize};
use smarketing_engine::intake::stream_name;
use smarketing_engine::limits::INTAKE_BATCH;
use smarketing_engine::{Incoming, Intake, Service};
use smarketing_kernel::event::{Address, Event};
use smarketing_kernel::money::Currency;
use smarketing_kernel::step::Stream;
use smarketing_kernel::text::Text;
use smarketing_kernel::time::Timestamp;
use smarketing_schema::{Context, dialect, read_events};
use smarketing_warehouse::{Cell, Column, Kind, Table};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Batches between the decoder and the intake.
const BUFFERED: usize = 4;

/// What an import did: for its reader, or for the command line that asked a running service for it.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Outcome {
    /// Where the rows of each file went.
    pub(crate) files: Vec<FileCount>,
    /// What became of the records; `None` where other processes work some of the partitions, who count them.
    pub(crate) stream: Option<Stream>,
    /// Records handed to the journal.
    pub(crate) records: u64,
    /// Fields no event knows, with how many records had them.
    pub(crate) unknown_fields: BTreeMap<String, u64>,
}

/// Where the rows of a file went: read = converted + joined + ignored + rejected.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct FileCount {
    file: String,
    read: u64,
    /// Rows that became events.
    converted: u64,
    /// Rows that only add to the events of other rows.
    joined: u64,
    ignored: u64,
    rejected: u64,
    /// Events the converted rows became.
    events: u64,
    ignored_because: String,
}

/// The clock, for the bounds of event times.
#[expect(clippy::disallowed_methods, reason = "the front door tells everybody behind it what time it is")]
pub(crate) fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// Journals records in batches, on a thread of its own, as they come.
pub(crate) struct Feed {
    records: Option<SyncSender<Vec<Incoming>>>,
    batch: Vec<Incoming>,
    position: u64,
    thread: std::thread::JoinHandle<Result<(), smarketing_engine::intake::Error>>,
}

impl Feed {
    pub(crate) fn start(intake: Arc<Intake>, stream: Text) -> std::io::Result<Self> {
        let (send, receive): (_, Receiver<Vec<Incoming>>) = sync_channel(BUFFERED);
        let run = move || receive.iter().try_for_each(|batch| intake.append(&stream, batch, now()));
        let thread = std::thread::Builder::new().name("intake".into()).spawn(run)?;
        Ok(Self { records: Some(send), batch: Vec::with_capacity(INTAKE_BATCH), position: 0, thread })
    }

    /// Takes a record; false when the journal refused an earlier one (see [`Feed::finish`]).
    pub(crate) fn push(
        &mut self,
        outcome: Result<Event<Address>, smarketing_schema::Rejected>,
        bytes: Vec<u8>,
        length: u64,
    ) -> bool {
        self.position += 1;
        self.batch.push(Incoming { position: self.position, outcome, bytes, length });
        self.batch.len() < INTAKE_BATCH || self.flush()
    }

    fn flush(&mut self) -> bool {
        let batch = std::mem::replace(&mut self.batch, Vec::with_capacity(INTAKE_BATCH));
        self.records.as_ref().is_some_and(|records| records.send(batch).is_ok())
    }

    /// Waits until everything is durable in the journal; how many records there were.
    pub(crate) fn finish(mut self) -> anyhow::Result<u64> {
        self.flush();
        self.records = None;
        match self.thread.join() {
            Ok(done) => {
                done.context("the journal did not take the records; nothing of the import is lost, run it again")?;
            }
            Err(_) => bail!("the intake stopped unexpectedly"),
        }
        Ok(self.position)
    }
}

/// Imports files or folders and waits until the warehouse has acknowledged everything.
pub(crate) fn import(
    service: &Service,
    dialect: Dialect,
    paths: &[PathBuf],
    currency: Currency,
    context: &Context,
) -> anyhow::Result<Outcome> {
    let stream = stream_name(&format!("import-{}", word(dialect)), now())?;
    let mut feed = Feed::start(service.intake(), stream.clone())?;
    let mut files = Vec::new();
    let mut unknown_fields = BTreeMap::new();
    for path in paths {
        match foreign(dialect) {
            None => read_file(path, context, &mut feed, &mut files, &mut unknown_fields)?,
            Some(dialect) => read_tables(dialect, path, currency, context, &mut feed, &mut files)?,
        }
    }
    let records = feed.finish()?;
    Ok(Outcome { files, stream: counted(service, &stream, records)?, records, unknown_fields })
}

/// What became of records, once the warehouse has acknowledged them all; `None` where other processes work some of the
/// partitions.
pub(crate) fn counted(service: &Service, stream: &str, records: u64) -> anyhow::Result<Option<Stream>> {
    if !service.works_all() {
        return Ok(None);
    }
    settle(service)?;
    let counted = service.progress().stream(stream);
    let sum = counted.applied + counted.duplicates + counted.rejected;
    // A partition may have moved away meanwhile.
    if !service.works_all() {
        return Ok(None);
    }
    ensure!(sum == records, "{records} records were journalled, but {sum} are accounted for: please report this");
    Ok(Some(counted))
}

/// Waits, with a progress bar, until everything journalled is in the warehouse.
pub(crate) fn settle(service: &Service) -> anyhow::Result<()> {
    let (all, done) = service.positions()?;
    let bar = Bar::new("delivering", all - done);
    service.settle(&mut |all, now| {
        bar.length(all.saturating_sub(done));
        bar.set(now.saturating_sub(done));
        true
    })?;
    bar.finish();
    Ok(())
}

fn read_file(
    path: &Path,
    context: &Context,
    feed: &mut Feed,
    files: &mut Vec<FileCount>,
    unknown: &mut BTreeMap<String, u64>,
) -> anyhow::Result<()> {
    let read = Arc::new(AtomicU64::new(0));
    let (input, length): (Box<dyn Read>, u64) = if path == Path::new("-") {
        (Box::new(std::io::stdin().lock()), 0)
    } else {
        let file = File::open(path).with_context(|| format!("could not open \"{}\"", path.display()))?;
        let length = file.metadata().with_context(|| format!("could not read \"{}\"", path.display()))?.len();
        (Box::new(file), length)
    };
    let bar = Bar::bytes(&path.display().to_string(), length);
    let counted = Counted { input, read: Arc::clone(&read) };
    let mut count = FileCount { file: path.display().to_string(), ..FileCount::default() };
    for record in read_events(counted, context) {
        bar.set(read.load(Ordering::Relaxed));
        count.read += 1;
        let outcome = match record.outcome {
            Ok(decoded) => {
                count.converted += 1;
                count.events += 1;
                decoded.unknown_fields.into_iter().for_each(|field| *unknown.entry(field).or_default() += 1);
                Ok(decoded.event)
            }
            Err(mut rejected) => {
                count.rejected += 1;
                rejected.detail = format!("\"{}\" record {}: {}", path.display(), record.position, rejected.detail);
                Err(rejected)
            }
        };
        if !feed.push(outcome, record.bytes, record.length) {
            break;
        }
    }
    bar.finish();
    files.push(count);
    Ok(())
}

fn read_tables(
    dialect: dialect::Dialect,
    path: &Path,
    currency: Currency,
    context: &Context,
    feed: &mut Feed,
    files: &mut Vec<FileCount>,
) -> anyhow::Result<()> {
    let options = dialect::Options { context: context.clone(), currency };
    let import = dialect.read(path, &options)?;
    ensure!(import.balanced(), "rows of \"{}\" are unaccounted for: please report this", path.display());
    for count in &import.counts {
        let ignored: u64 = count.ignored.values().sum();
        let why = count.ignored.iter().map(|(why, rows)| format!("{rows} {why}")).collect::<Vec<_>>().join("; ");
        files.push(FileCount {
            file: count.file.to_string(),
            read: count.read,
            converted: count.turned,
            joined: count.joined,
            ignored,
            rejected: count.rejected,
            events: count.events,
            ignored_because: why,
        });
    }
    for dialect::Imported { record, .. } in import.records {
        if !feed.push(record.outcome.map(|decoded| decoded.event), record.bytes, record.length) {
            break;
        }
    }
    Ok(())
}

fn foreign(dialect: Dialect) -> Option<dialect::Dialect> {
    dialect::Dialect::parse(word(dialect))
}

/// The word of a dialect on the command line.
pub(crate) fn word(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Events => "events",
        Dialect::Hubspot => "hubspot",
        Dialect::Olist => "olist",
        Dialect::Crm => "crm",
        Dialect::Spend => "spend",
        Dialect::Rates => "rates",
    }
}

/// Counts the bytes that are read through it.
struct Counted<R> {
    input: R,
    read: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let bytes = self.input.read(buffer)?;
        self.read.fetch_add(bytes as u64, Ordering::Relaxed);
        Ok(bytes)
    }
}

impl Outcome {
    /// Where the rows of each file went.
    pub(crate) fn files(&self) -> Table {
        let column = |name: &str, kind| Column { name: name.to_owned(), kind };
        let numbers = ["read", "converted", "joined", "ignored", "rejected", "events"];
        let columns = [column("file", Kind::Text)].into_iter().chain(numbers.map(|name| column(name, Kind::Integer)));
        let row = |count: &FileCount| {
            let numbers = [count.read, count.converted, count.joined, count.ignored, count.rejected, count.events];
            let numbers = numbers.map(|number| Cell::Integer(i128::from(number)));
            let ends = |text: &String| [Cell::Text(text.clone())];
            ends(&count.file).into_iter().chain(numbers).chain(ends(&count.ignored_because)).collect()
        };
        Table {
            columns: columns.chain([column("ignored_because", Kind::Text)]).collect(),
            rows: self.files.iter().map(row).collect(),
            cut: false,
        }
    }

    /// Records = applied + duplicates + rejected.
    pub(crate) fn summary(&self) -> Table {
        let parts = |stream: &Stream| {
            [("applied", stream.applied), ("duplicates", stream.duplicates), ("rejected", stream.rejected)]
        };
        let counts = [("records", self.records)].into_iter().chain(self.stream.iter().flat_map(parts));
        let (columns, row) = counts
            .map(|(name, count)| {
                (Column { name: name.to_owned(), kind: Kind::Integer }, Cell::Integer(i128::from(count)))
            })
            .unzip();
        Table { columns, rows: vec![row], cut: false }
    }

    /// Rejects by reason.
    pub(crate) fn reasons(&self) -> Table {
        let row =
            |(reason, count): (&Text, &u64)| vec![Cell::Text(reason.to_string()), Cell::Integer(i128::from(*count))];
        Table {
            columns: vec![
                Column { name: "reason".to_owned(), kind: Kind::Text },
                Column { name: "records".to_owned(), kind: Kind::Integer },
            ],
            rows: self.stream.iter().flat_map(|stream| &stream.reasons).map(row).collect(),
            cut: false,
        }
    }
}
