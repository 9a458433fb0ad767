//! The journal: what was accepted, in order, for ever.
//!
//! [`Log`] is what producers and workers see of it. A partition is a sequence of
//! entries; an entry's *offset* grows along that sequence and never changes. In our own
//! journals it is the entry's index; a topic's offsets may jump. An entry is readable
//! only once it is durable, so that no worker is ever ahead of what a restart will find.
//!
//! [`Local`] keeps the partitions in a directory, [`Memory`] is its twin for simulations,
//! [`Kafka`] keeps them in a topic.

mod kafka;
mod local;
mod memory;

use std::{
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

pub use self::kafka::Kafka;
pub use local::{Local, Options};
pub use memory::Memory;
pub use smarketing_store::Remedy;

/// The largest entry, in bytes: 8 MiB.
pub const ENTRY_BYTES_MAX: usize = 8 << 20;

/// The most entries of one append.
pub const APPEND_ENTRIES_MAX: usize = 1 << 20;

/// The most bytes of one append: 64 MiB.
pub const APPEND_BYTES_MAX: usize = 64 << 20;

/// The answer of everything that may fail here.
pub type Result<T> = std::result::Result<T, Error>;

/// The journal as its producers and readers see it.
pub trait Log: Send + Sync {
    /// How many partitions there are; fixed when the journal is created, because the
    /// number decides which partition owns which subject.
    fn partitions(&self) -> u32;

    /// Appends `entries` next to each other and answers the offset of the first.
    ///
    /// They are durable when it returns. After an error none of them is in the journal; in
    /// a topic they may be, and whoever appended must be able to append them again.
    /// Concurrent appends share the cost of becoming durable.
    fn append(&self, partition: u32, entries: &[&[u8]]) -> Result<u64>;

    /// Sends entries, one at least, to each of several partitions, as [`Log::append`] does to one, without waiting until
    /// they are durable. What is sent later to a partition stands behind what was sent earlier.
    fn send(&self, lanes: &[(u32, Vec<&[u8]>)]) -> Result<Receipt> {
        let landed = lanes.iter().map(|(partition, entries)| self.append(*partition, entries));
        let landed = landed.collect::<Result<Vec<u64>>>()?;
        Ok(Receipt::new(|| Ok(landed)))
    }

    /// The offset the next entry will get; the number of durable entries where offsets are dense.
    fn end(&self, partition: u32) -> Result<u64>;

    /// Reads from the entry at `from` on, which may be at most [`Log::end`].
    fn reader(&self, partition: u32, from: u64) -> Result<Box<dyn Reader>>;

    /// What the journal takes up.
    fn size(&self) -> Size;
}

/// Entries that were sent. Dropped before it was waited for, they may land or not.
#[must_use]
pub struct Receipt(Box<dyn FnOnce() -> Result<Vec<u64>> + Send>);

impl Receipt {
    /// A receipt for entries that are durable when `landing` returns.
    pub fn new(landing: impl FnOnce() -> Result<Vec<u64>> + Send + 'static) -> Self {
        Self(Box::new(landing))
    }

    /// Waits until all are durable; the offset of the first entry in each of the partitions they were sent to.
    ///
    /// # Errors
    /// As [`Log::append`].
    pub fn wait(self) -> Result<Vec<u64>> {
        self.0()
    }
}

/// A place in one partition that moves forward.
pub trait Reader: Send {
    /// The next entries, at most `entries_max` and about `bytes_max` bytes, but at least
    /// one if there is one. At the end it waits up to `wait` for more; an empty batch
    /// says that none came. (Over a network, what there is takes a moment to come.)
    fn read(&mut self, entries_max: usize, bytes_max: usize, wait: Duration) -> Result<Batch>;
}

/// Bytes and files of a journal, for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Bytes, compressed.
    pub bytes: u64,
    /// Segment files.
    pub segments: u64,
}

/// Consecutive entries of one partition, in one buffer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    first: u64,
    next: u64,
    bytes: Vec<u8>,
    /// Offset of each entry, and where its bytes end.
    entries: Vec<(u64, usize)>,
}

impl Batch {
    pub(crate) fn starting_at(first: u64) -> Self {
        Self { first, next: first, ..Self::default() }
    }

    pub(crate) fn push(&mut self, entry: &[u8]) {
        self.push_at(self.next, entry);
    }

    /// Adds an entry whose offset is at or after [`Batch::next`].
    pub(crate) fn push_at(&mut self, offset: u64, entry: &[u8]) {
        self.bytes.extend_from_slice(entry);
        self.entries.push((offset, self.bytes.len()));
        self.next = offset + 1;
    }

    /// The offset it was read from.
    pub fn first(&self) -> u64 {
        self.first
    }

    /// The offset after the last entry: where to read on.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All entries' bytes together.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// The entries with their offsets, in order.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let mut start = 0;
        self.entries.iter().filter_map(move |&(offset, end)| {
            let entry = self.bytes.get(start..end)?;
            start = end;
            Some((offset, entry))
        })
    }

    /// Whether another entry of `bytes` fits under the limits; the first always does.
    pub(crate) fn has_room(&self, bytes: usize, entries_max: usize, bytes_max: usize) -> bool {
        self.is_empty() || (self.len() < entries_max && self.bytes.len() + bytes <= bytes_max)
    }
}

/// Why the journal could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused; the journal is as it was before.
    #[error("could not {action} \"{}\": {source}", path.display())]
    Io {
        /// What was tried, as a verb phrase.
        action: &'static str,
        /// The file or directory it was tried on.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// Bytes are not what was written. Nothing is skipped: a person must decide.
    #[error("journal segment \"{}\" is corrupt at byte {at}: {what}", path.display())]
    Corrupt {
        /// The segment file.
        path: PathBuf,
        /// The position in the file, in bytes.
        at: u64,
        /// What was found.
        what: String,
    },
    /// The directory could not be taken: another process has it, or the system refused.
    #[error(transparent)]
    Directory(#[from] smarketing_store::Error),
    /// The directory was written by another version of this program, or by no version.
    #[error("\"{}\" holds no journal this program can read: {found}", path.display())]
    Format {
        /// The directory.
        path: PathBuf,
        /// What its description says.
        found: String,
    },
    /// The journal was created with another number of partitions.
    #[error("the journal \"{}\" has {found} partitions, not {asked}; their number cannot change", path.display())]
    Partitions {
        /// The directory.
        path: PathBuf,
        /// How many it has.
        found: u32,
        /// How many were asked for.
        asked: u32,
    },
    /// The topic.
    #[error(transparent)]
    Kafka(#[from] crate::kafka::Error),
    /// There is no such partition.
    #[error("there is no partition {partition} in the journal")]
    NoPartition {
        /// Its number.
        partition: u32,
    },
    /// A reader asked for more than there is: a store is ahead of its journal.
    #[error(
        "offset {from} of partition {partition} is after the journal's end {end}: the journal lost its end, or was \
         restored from an older copy; rebuild what was made of it with `smarketing replay`"
    )]
    PastEnd {
        /// The partition.
        partition: u32,
        /// The offset asked for.
        from: u64,
        /// The journal's end.
        end: u64,
    },
    /// An entry or append is over [`ENTRY_BYTES_MAX`], [`APPEND_BYTES_MAX`] or
    /// [`APPEND_ENTRIES_MAX`].
    #[error("an append of {entries} entries and {bytes} bytes is over the limits of the journal")]
    TooLarge {
        /// How many entries.
        entries: usize,
        /// Bytes of all of them, or of the one that is too large.
        bytes: usize,
    },
}

impl Error {
    /// Retry what the system refused, reject what is too large, halt on all else.
    pub fn remedy(&self) -> Remedy {
        match self {
            Self::Io { .. } => Remedy::Retry,
            Self::Directory(error) => error.remedy(),
            Self::Kafka(error) => error.remedy(),
            Self::TooLarge { .. } => Remedy::Reject,
            _ => Remedy::Halt,
        }
    }

    /// Whether this is only that the process ends while brokers are away.
    pub(crate) fn is_stop(&self) -> bool {
        matches!(self, Self::Kafka(crate::kafka::Error::Stopped { .. }))
    }
}

/// Refuses appends outside the limits.
fn check_limits(entries: &[&[u8]]) -> Result<()> {
    let largest = entries.iter().map(|entry| entry.len()).max().unwrap_or(0);
    let all: usize = entries.iter().map(|entry| entry.len()).sum();
    let bytes = if largest > ENTRY_BYTES_MAX { largest } else { all };
    if largest > ENTRY_BYTES_MAX || all > APPEND_BYTES_MAX || entries.len() > APPEND_ENTRIES_MAX {
        return Err(Error::TooLarge { entries: entries.len(), bytes });
    }
    Ok(())
}

/// A thread that panicked while it held a lock left nothing half-changed: every change
/// under a lock here is made by statements that cannot panic.
fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
