//! Keeps subjects, marks and positions, and changes them only all together;
//! snapshots and restores them.
//!
//! Start at [`Partition`]: a partition's state is two ordered maps of bytes, the
//! *subjects* (one value a visitor, lead, account, …) and the *meta* cells (position,
//! marks, counters, rate books). A [`Commit`] changes both in one atomic write, so that
//! whatever survives a crash is the state after some prefix of the commits. A lost
//! suffix is made good by replaying the journal; a mixture could not be.
//!
//! [`Disk`] keeps partitions in a directory, [`Memory`] is its twin for simulations;
//! one conformance suite holds them to the same answers. [`snapshot`] is the file that
//! moves a partition to another host.
//!
//! This room must not know what an event means, nor tokio, nor ClickHouse. Keys and
//! values are bytes to it.

mod directory;
mod disk;
mod error;
mod memory;
pub mod snapshot;

use std::ops::ControlFlow;
use std::sync::Arc;

pub use directory::{DirectoryLock, sync_directory};
pub use disk::{Disk, Options};
pub use error::{Error, Remedy};
pub use memory::Memory;

/// The answer of everything that may fail here.
pub type Result<T> = std::result::Result<T, Error>;

/// The longest key of a subject or name of a meta cell, in bytes.
pub const KEY_BYTES_MAX: usize = 64;

/// The largest value, in bytes: 64 MiB.
pub const VALUE_BYTES_MAX: usize = 64 << 20;

/// The version of everything this room writes: directory layout and snapshot file.
pub const FORMAT: u32 = 1;

/// Keys and what they become: a value, shared with whoever still needs it, or `None` to delete.
pub type Changes = Vec<(Vec<u8>, Option<Arc<[u8]>>)>;

/// One step of a partition, written whole or not at all.
///
/// Of two changes to one key the later wins. Keys are 1 to [`KEY_BYTES_MAX`] bytes,
/// values at most [`VALUE_BYTES_MAX`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Commit {
    /// Subjects by key.
    pub subjects: Changes,
    /// Small named cells: position, marks, counters, rate books.
    pub meta: Changes,
}

impl Commit {
    /// Refuses keys and values outside the limits, before anything is written.
    pub(crate) fn check(&self) -> Result<()> {
        for (key, value) in self.subjects.iter().chain(&self.meta) {
            check_key(key)?;
            let bytes = value.as_ref().map_or(0, |value| value.len());
            if bytes > VALUE_BYTES_MAX {
                return Err(Error::TooLarge { bytes });
            }
        }
        Ok(())
    }
}

pub(crate) fn check_key(key: &[u8]) -> Result<()> {
    match key.len() {
        1..=KEY_BYTES_MAX => Ok(()),
        bytes => Err(Error::KeyLength { bytes }),
    }
}

/// What a visitor of keys and values is called with; `Break` ends the walk.
pub type Visit<'a> = dyn FnMut(&[u8], &[u8]) -> ControlFlow<()> + 'a;

/// A partition's content at one moment; later commits do not show in it.
pub trait View: Send {
    /// Visits every subject in ascending order of keys.
    fn scan(&self, visit: &mut Visit<'_>) -> Result<()>;

    /// Visits every meta cell whose name starts with `prefix`, in ascending order.
    fn scan_meta(&self, prefix: &[u8], visit: &mut Visit<'_>) -> Result<()>;
}

/// The state of one partition; its one owner reads and commits.
///
/// After a crash the content is that of some prefix of the commits, never a mixture.
pub trait Partition: Send {
    /// The subjects' values, in the order of `keys`; `None` where there is none.
    fn get_many(&self, keys: &[&[u8]]) -> Result<Vec<Option<Vec<u8>>>>;

    /// The value of one meta cell.
    fn meta(&self, name: &[u8]) -> Result<Option<Vec<u8>>>;

    /// The content as it is now, to be read (on any thread) while commits go on.
    fn view(&self) -> Result<Box<dyn View>>;

    /// Writes one step, whole or not at all. Survives the process at once, the machine
    /// only after [`Store::sync`] or once it is older than some tens of megabytes.
    fn commit(&mut self, commit: Commit) -> Result<()>;

    /// Replaces the content by that of a verified snapshot, durably, whole or not at all.
    fn restore(&mut self, from: &snapshot::Snapshot) -> Result<()>;

    /// Replaces the content by nothing, durably, whole or not at all.
    fn wipe(&mut self) -> Result<()>;
}

/// A plain durable map apart from the partitions and never in a snapshot: what must be
/// destroyable, like the keys of persons, lives here.
pub trait Cells: Send + Sync {
    /// The value of `key`.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>>;

    /// Sets `key`; durable when it returns.
    fn put(&self, key: &[u8], value: &[u8]) -> Result<()>;

    /// Sets many keys in one atomic write; durable when it returns.
    fn put_many(&self, entries: &[(Vec<u8>, Vec<u8>)]) -> Result<()>;

    /// Forgets `key`; durable when it returns.
    fn delete(&self, key: &[u8]) -> Result<()>;

    /// Visits every cell in ascending order of keys.
    fn scan(&self, visit: &mut Visit<'_>) -> Result<()>;
}

/// All partitions and cells of one process.
pub trait Store: Send + Sync {
    /// Opens a partition, empty if it was never written. One handle at a time.
    fn partition(&self, number: u32) -> Result<Box<dyn Partition>>;

    /// Opens the cells called `name` (ASCII letters, digits, dashes), empty at first.
    fn cells(&self, name: &str) -> Result<Box<dyn Cells>>;

    /// Makes every commit so far survive a loss of power.
    fn sync(&self) -> Result<()>;

    /// Bytes on disk (in memory for [`Memory`]), roughly.
    fn bytes(&self) -> Result<u64>;
}
