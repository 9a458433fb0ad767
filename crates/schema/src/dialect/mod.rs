//! Dialects: the tables of others as our events.
//!
//! Start at [`Dialect::read`]; then one importer ([`olist`] is the shortest, [`hubspot`] the longest) and `table`, the
//! CSV reader under all of them. An importer is a pure function of the files: the same files give the same events with
//! the same ids, so importing twice only gives duplicates. It must not know the journal, journeys or ClickHouse tables.
//!
//! Every row of every CSV file ends in exactly one place, and [`Count`] says in which: it became events, it was joined
//! into the events of another row, it was ignored for a named reason, or it was rejected.

mod bare;
mod crm;
mod hubspot;
mod moment;
mod olist;
mod rates;
mod sink;
mod spend;
mod table;
#[cfg(test)]
mod tests;

use crate::{Context, Record};
use smarketing_kernel::money::Currency;
use smarketing_kernel::text::Text;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Whose tables they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// The public marketing-funnel data set of a marketplace: a folder.
    Olist,
    /// The export tables of HubSpot, as warehouse connectors write them: a folder.
    Hubspot,
    /// A sales pipeline with accounts, products and agents: a folder.
    Crm,
    /// Advertising spend: one file.
    Spend,
    /// Exchange rates to the reporting currency: one file.
    Rates,
}

impl Dialect {
    /// The dialect of a word of the command line.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "olist" => Self::Olist,
            "hubspot" => Self::Hubspot,
            "crm" => Self::Crm,
            "spend" => Self::Spend,
            "rates" => Self::Rates,
            _ => return None,
        })
    }

    /// Reads a folder of tables (for spend and rates: a file) into events. All of it is held in memory,
    /// at most 1 GiB a file.
    ///
    /// # Errors
    /// When a required table or column is not there, or a file cannot be read. A malformed row is no error:
    /// it is rejected and the import goes on.
    pub fn read(self, path: &Path, options: &Options) -> Result<Import, Error> {
        match self {
            Self::Olist => olist::read(path, options),
            Self::Hubspot => hubspot::read(path, options),
            Self::Crm => crm::read(path, options),
            Self::Spend => spend::read(path, options),
            Self::Rates => rates::read(path, options),
        }
    }
}

/// What the tables themselves do not say.
#[derive(Clone, Debug)]
pub struct Options {
    /// The clock, and the workspace of every event. What lies more than a day ahead is rejected, as from everywhere.
    pub context: Context,
    /// Currency of amounts whose table names none (HubSpot, CRM).
    pub currency: Currency,
}

/// What an import gave. `counts` is complete: see [`Import::balanced`].
#[derive(Clone, Debug)]
pub struct Import {
    /// Events and rejects, in the order of the files and their rows.
    pub records: Vec<Imported>,
    /// Where the rows of each file went, in the order the files were used.
    pub counts: Vec<Count>,
}

impl Import {
    /// Whether every row read is accounted for, and every event and reject is in `records`.
    #[must_use]
    pub fn balanced(&self) -> bool {
        let rejects = self.records.iter().filter(|record| record.record.outcome.is_err()).count() as u64;
        let events = self.records.len() as u64 - rejects;
        self.counts.iter().all(Count::balanced)
            && self.counts.iter().map(|count| count.events).sum::<u64>() == events
            && self.counts.iter().map(|count| count.rejected).sum::<u64>() == rejects
    }
}

/// One event, or one row that could not become any.
#[derive(Clone, Debug)]
pub struct Imported {
    /// Name of the file, without its folder.
    pub file: Text,
    /// The row: its line (the header is line 1), and its event or why there is none.
    pub record: Record,
}

/// Where the rows of one file went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// Name of the file, without its folder.
    pub file: Text,
    /// Rows read, the header not among them.
    pub read: u64,
    /// Rows that became one event or more.
    pub turned: u64,
    /// Rows that only add to the events of other rows.
    pub joined: u64,
    /// Rows that say nothing we use, by reason.
    pub ignored: BTreeMap<&'static str, u64>,
    /// Rows that are malformed.
    pub rejected: u64,
    /// Events the `turned` rows became.
    pub events: u64,
}

impl Count {
    /// Whether the rows read are the rows accounted for.
    #[must_use]
    pub fn balanced(&self) -> bool {
        self.read == self.turned + self.joined + self.rejected + self.ignored.values().sum::<u64>()
    }
}

/// Why an import could not begin.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The path is not there or may not be read.
    #[error("cannot read \"{path}\": {source}")]
    Read {
        /// What was to be read.
        path: PathBuf,
        /// Why it could not.
        source: std::io::Error,
    },
    /// A table the dialect cannot do without.
    #[error("folder \"{folder}\" has no table \"{table}.csv\"; required: {required}; used when there: {optional}")]
    MissingTable {
        /// Where it was looked for.
        folder: PathBuf,
        /// The table.
        table: &'static str,
        /// Every table the dialect requires.
        required: String,
        /// Every table it uses when it is there.
        optional: String,
    },
    /// A column the table cannot do without.
    #[error("file \"{file}\" has no column \"{column}\"; its columns are: {columns}")]
    MissingColumn {
        /// The file.
        file: Text,
        /// The column.
        column: &'static str,
        /// What the header says.
        columns: String,
    },
    /// A file beyond the limit.
    #[error(
        "file \"{file}\" has {bytes} bytes, more than {limit}; split it by rows, or move it away if it is not needed"
    )]
    TooLarge {
        /// The file.
        file: Text,
        /// Its size.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// Too many rows whose quotes do not close: the file is no CSV, or another dialect of it.
    #[error("file \"{file}\" has more than {limit} rows with quotes that do not close; export it as RFC 4180 CSV")]
    Quotes {
        /// The file.
        file: Text,
        /// The limit.
        limit: usize,
    },
}
