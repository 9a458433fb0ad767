//! Where an importer puts what it read: events, rejects, and the counts in which nothing is missing.

use super::table::{Fate, Row, Table};
use super::{Count, Error, Import, Imported, Options};
use crate::{Decoded, EARLIEST, EVENT_ID_MAX, KEPT_MAX, Reason, Record, Rejected};
use siphasher::sip128::SipHasher13;
use smarketing_kernel::event::{Address, Body, Event};
use smarketing_kernel::text::Text;
use smarketing_kernel::time::{DAY_MS, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// What one row says happened.
#[derive(Debug)]
pub(super) struct Fact {
    pub(super) id: String,
    pub(super) at: Timestamp,
    pub(super) body: Body<Address>,
}

impl Fact {
    /// A fact whose id is made of `parts`: it must be the same in every import of the same row, and no other's.
    pub(super) fn new(parts: &[&str], at: Timestamp, body: Body<Address>) -> Self {
        Self { id: event_id(parts), at, body }
    }
}

/// The parts joined by `:`; where that would be too long or ambiguous, the first part and a hash of all.
fn event_id(parts: &[&str]) -> String {
    let joined = parts.join(":");
    let is_plain = parts.iter().all(|part| !part.contains(|c: char| c == ':' || c.is_control() || c.is_whitespace()));
    if is_plain && joined.len() <= EVENT_ID_MAX {
        return joined;
    }
    let bytes: Vec<u8> = parts.iter().flat_map(|part| part.bytes().chain([0xFF])).collect();
    format!("{}:{:032x}", parts.first().copied().unwrap_or_default(), SipHasher13::new().hash(&bytes).as_u128())
}

/// Collects an import.
#[derive(Debug)]
pub(super) struct Sink<'o> {
    pub(super) options: &'o Options,
    records: Vec<Imported>,
    counts: Vec<Count>,
    events: BTreeMap<Text, u64>,
}

impl<'o> Sink<'o> {
    pub(super) fn new(options: &'o Options) -> Self {
        Self { options, records: Vec::new(), counts: Vec::new(), events: BTreeMap::new() }
    }

    /// Turns every row of a table that nobody spoke for.
    pub(super) fn turn_all<'t>(
        &mut self,
        table: &'t Table,
        mut say: impl FnMut(Row<'t>) -> Result<Vec<Fact>, Rejected>,
    ) {
        for row in table.rows().filter(|row| row.fate() == Fate::Untold) {
            self.turn(table, row, row.check().and_then(|()| say(row)));
        }
    }

    /// Takes what a row says: events, nothing (then its fate is said elsewhere), or why it is malformed.
    pub(super) fn turn(&mut self, table: &Table, row: Row<'_>, said: Result<Vec<Fact>, Rejected>) {
        match row.check().and(said).and_then(|facts| self.timely(row, facts)) {
            Ok(facts) if facts.is_empty() => {}
            Ok(facts) => {
                row.ended(Fate::Turned);
                *self.events.entry(table.file.clone()).or_default() += facts.len() as u64;
                for fact in facts {
                    let event = self.event(fact);
                    self.record(table, row, Ok(Decoded { event, unknown_fields: Vec::new() }));
                }
            }
            Err(rejected) => {
                row.ended(Fate::Rejected);
                self.record(table, row, Err(rejected));
            }
        }
    }

    fn timely(&self, row: Row<'_>, facts: Vec<Fact>) -> Result<Vec<Fact>, Rejected> {
        let latest = self.options.context.now.plus(DAY_MS);
        match facts.iter().find(|fact| fact.at < EARLIEST || fact.at > latest) {
            None => Ok(facts),
            Some(fact) => {
                Err(row.refuse(Reason::TimeOutOfRange, &format!("{} is before 1990 or more than a day ahead", fact.at)))
            }
        }
    }

    fn event(&self, fact: Fact) -> Event<Address> {
        let workspace = self.options.context.workspace.clone();
        Event { event_id: fact.id.into(), workspace, occurred_at: fact.at, body: fact.body }
    }

    fn record(&mut self, table: &Table, row: Row<'_>, outcome: Result<Decoded, Rejected>) {
        let raw = if outcome.is_err() { row.raw() } else { &[] };
        let bytes = raw.iter().copied().take(KEPT_MAX).collect();
        let record = Record { position: row.number(), bytes, length: row.raw().len() as u64, outcome };
        self.records.push(Imported { file: table.file.clone(), record });
    }

    /// Counts where the rows of a table went; those nobody spoke for are ignored for the reason of the rest.
    pub(super) fn close(&mut self, table: &Table, rest: &'static str) {
        for row in table.rows() {
            row.ignored(rest);
            if let (Err(rejected), false) = (row.check(), matches!(row.fate(), Fate::Turned | Fate::Rejected)) {
                self.turn(table, row, Err(rejected));
            }
        }
        let events = self.events.remove(&table.file).unwrap_or_default();
        let (ignored, file) = (BTreeMap::new(), table.file.clone());
        let mut count = Count { file, read: 0, turned: 0, joined: 0, ignored, rejected: 0, events };
        for row in table.rows() {
            count.read += 1;
            match row.fate() {
                Fate::Untold => {}
                Fate::Turned => count.turned += 1,
                Fate::Joined => count.joined += 1,
                Fate::Rejected => count.rejected += 1,
                Fate::Ignored(reason) => *count.ignored.entry(reason).or_default() += 1,
            }
        }
        self.counts.push(count);
    }

    /// The import, when every table is closed.
    pub(super) fn done(self) -> Import {
        Import { records: self.records, counts: self.counts }
    }
}

/// A folder of tables, each `<name>.csv` or `<name>_data.csv`.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    required: &'static [&'static str],
    optional: &'static [&'static str],
    /// Names of the CSV files nobody asked for yet.
    left: BTreeSet<String>,
}

impl Folder {
    /// Lists a folder, of which the named tables will be asked for.
    pub(super) fn open(
        path: &Path,
        required: &'static [&'static str],
        optional: &'static [&'static str],
    ) -> Result<Self, Error> {
        let failed = |source| Error::Read { path: path.to_owned(), source };
        let mut left = BTreeSet::new();
        for entry in fs::read_dir(path).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name().to_string_lossy().into_owned();
            if name.to_ascii_lowercase().ends_with(".csv") {
                left.insert(name);
            }
        }
        Ok(Self { path: path.to_owned(), required, optional, left })
    }

    /// A table the dialect cannot do without, with columns it cannot do without.
    pub(super) fn required(&mut self, table: &'static str, columns: &[&'static str]) -> Result<Table, Error> {
        self.optional(table, columns)?.ok_or_else(|| Error::MissingTable {
            folder: self.path.clone(),
            table,
            required: self.required.join(", "),
            optional: self.optional.join(", "),
        })
    }

    /// A table that is used when it is there.
    pub(super) fn optional(&mut self, table: &str, columns: &[&'static str]) -> Result<Option<Table>, Error> {
        let is_it = |file: &&String| {
            let stem = file.to_ascii_lowercase();
            let stem = stem.strip_suffix(".csv").unwrap_or_default();
            stem == table || stem.strip_suffix("_data") == Some(table)
        };
        let Some(file) = self.left.iter().find(is_it).cloned() else { return Ok(None) };
        self.left.remove(&file);
        Table::read(&self.path.join(file))?.with_columns(columns).map(Some)
    }

    /// Counts the rows of the CSV files nobody asked for as ignored.
    pub(super) fn close(self, sink: &mut Sink<'_>, reason: &'static str) -> Result<(), Error> {
        for file in &self.left {
            sink.close(&Table::read(&self.path.join(file))?, reason);
        }
        Ok(())
    }
}
