//! A store in a directory, on an LSM tree.
//!
//! ```text
//! <directory>/lock      the process that has it
//! <directory>/format    this room's format, in text
//! <directory>/tree/     the database; in it
//!     root                       partition number → generation
//!     p<n>.g<generation>.subjects, .meta
//!     c.<name>                   cells
//! ```
//! A partition is replaced (restore, wipe) by filling the keyspaces of a new generation
//! and then switching `root` in one durable write: a crash before the switch leaves the
//! old generation whole, and what is not named in `root` is removed at the next open.

mod options;
mod partition;

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::Arc,
};

use fjall::{Database, Keyspace, PersistMode};

pub use options::Options;

use crate::{Cells, Commit, DirectoryLock, Error, FORMAT, Partition, Result, Store, Visit, check_key, sync_directory};
use partition::DiskPartition;

/// A store in a directory; one process at a time.
///
/// Clones share the database; it is synced when the last one is dropped.
#[derive(Clone)]
pub struct Disk {
    shared: Arc<Shared>,
}

struct Shared {
    database: Database,
    root: Keyspace,
    path: PathBuf,
    options: Options,
    // Dropped last: the directory is free only when the database is closed.
    _lock: DirectoryLock,
}

impl Disk {
    /// Opens `directory`, creating it if absent.
    ///
    /// Errors: `Locked` by another process, `Format` of another version, `Corrupt`, `Io`.
    pub fn open(directory: &Path, options: Options) -> Result<Self> {
        let lock = DirectoryLock::acquire(directory)?;
        check_format(directory)?;
        let path = directory.to_path_buf();
        let database = options.database(&directory.join("tree")).open().map_err(|e| read_error(&path, e))?;
        let root = database.keyspace("root", || options.small()).map_err(|e| read_error(&path, e))?;
        let disk = Self { shared: Arc::new(Shared { database, root, path, options, _lock: lock }) };
        disk.shared.remove_orphans()?;
        Ok(disk)
    }

    /// The numbers of the partitions that were ever written, ascending.
    pub fn partitions(&self) -> Result<Vec<u32>> {
        let mut numbers: Vec<u32> = self.shared.keyspaces().iter().filter_map(|name| Some(parse(name)?.0)).collect();
        numbers.sort_unstable();
        numbers.dedup();
        Ok(numbers)
    }
}

impl Store for Disk {
    fn partition(&self, number: u32) -> Result<Box<dyn Partition>> {
        Ok(Box::new(DiskPartition::open(self.shared.clone(), number)?))
    }

    fn cells(&self, name: &str) -> Result<Box<dyn Cells>> {
        check_name(name)?;
        let keyspace = self.shared.keyspace(&format!("c.{name}"), Options::small)?;
        Ok(Box::new(DiskCells { shared: self.shared.clone(), keyspace }))
    }

    fn sync(&self) -> Result<()> {
        self.shared.sync()
    }

    fn bytes(&self) -> Result<u64> {
        self.shared.database.disk_space().map_err(|e| read_error(&self.shared.path, e))
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // Nobody is left to tell, and nothing is lost that the journal does not have.
        let _ignored = self.sync();
    }
}

impl Shared {
    fn sync(&self) -> Result<()> {
        self.database.persist(PersistMode::SyncAll).map_err(|e| self.write_error(e))
    }

    fn keyspaces(&self) -> Vec<String> {
        let names = self.database.list_keyspace_names();
        names.iter().map(|name| name.to_string()).collect()
    }

    fn keyspace(&self, name: &str, kind: fn(&Options) -> fjall::KeyspaceCreateOptions) -> Result<Keyspace> {
        self.database.keyspace(name, || kind(&self.options)).map_err(|e| self.write_error(e))
    }

    /// The generation of a partition that counts: 0 until it is first replaced.
    fn generation(&self, partition: u32) -> Result<u64> {
        let cell = self.root.get(partition.to_be_bytes()).map_err(|e| read_error(&self.path, e))?;
        let Some(cell) = cell else { return Ok(0) };
        let bytes: [u8; 8] = cell.as_ref().try_into().map_err(|_| {
            Error::corrupt(&self.path, format!("the generation of partition {partition} is not a number"))
        })?;
        Ok(u64::from_be_bytes(bytes))
    }

    /// Removes the keyspaces of replacements that did not finish, and of the replaced.
    fn remove_orphans(&self) -> Result<()> {
        for name in self.keyspaces() {
            let Some((partition, generation)) = parse(&name) else { continue };
            if generation != self.generation(partition)? {
                let keyspace = self.keyspace(&name, Options::small)?;
                self.database.delete_keyspace(keyspace).map_err(|e| self.write_error(e))?;
            }
        }
        Ok(())
    }

    fn write_error(&self, error: fjall::Error) -> Error {
        Error::Broken { path: self.path.clone(), reason: reason(&error) }
    }
}

/// `p<partition>.g<generation>.<map>`, as a generation names its keyspaces.
fn parse(name: &str) -> Option<(u32, u64)> {
    let mut parts = name.split('.');
    let partition = parts.next()?.strip_prefix('p')?.parse().ok()?;
    let generation = parts.next()?.strip_prefix('g')?.parse().ok()?;
    Some((partition, generation))
}

pub(crate) fn check_name(name: &str) -> Result<()> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if (1..=64).contains(&name.len()) && name.chars().all(allowed) {
        return Ok(());
    }
    Err(Error::Name { name: name.chars().take(80).collect() })
}

/// Refuses a directory of another format; marks a new one before anything else is in it.
fn check_format(directory: &Path) -> Result<()> {
    let path = directory.join("format");
    match fs::read_to_string(&path) {
        Ok(found) if found.trim() == FORMAT.to_string() => Ok(()),
        Ok(found) => {
            let found = format!("\"{}\"", found.trim().chars().take(20).collect::<String>());
            Err(Error::Format { path: directory.into(), found, expected: FORMAT })
        }
        Err(absent) if absent.kind() == ErrorKind::NotFound && !directory.join("tree").exists() => {
            write_format(directory, &path)
        }
        Err(absent) if absent.kind() == ErrorKind::NotFound => {
            Err(Error::Format { path: directory.into(), found: "none".into(), expected: FORMAT })
        }
        Err(source) => Err(Error::io("read", &path)(source)),
    }
}

fn write_format(directory: &Path, path: &Path) -> Result<()> {
    let draft = directory.join("format.draft");
    fs::write(&draft, format!("{FORMAT}\n")).map_err(Error::io("write", &draft))?;
    fs::File::open(&draft)
        .and_then(|file| file.sync_all())
        .and_then(|()| fs::rename(&draft, path))
        .map_err(Error::io("write", path))?;
    sync_directory(directory)
}

fn read_error(path: &Path, error: fjall::Error) -> Error {
    match error {
        fjall::Error::Io(source) | fjall::Error::Storage(fjall::LsmError::Io(source)) => {
            Error::io("read", path)(source)
        }
        fjall::Error::Locked => Error::Locked { path: path.into(), pid: None },
        fjall::Error::InvalidVersion(found) => {
            let found = found.map_or_else(|| "none".into(), |version| format!("of the tree {version:?}"));
            Error::Format { path: path.into(), found, expected: FORMAT }
        }
        other => Error::corrupt(path, reason(&other)),
    }
}

fn reason(error: &fjall::Error) -> String {
    match error {
        fjall::Error::Io(source) | fjall::Error::Storage(fjall::LsmError::Io(source)) => source.to_string(),
        fjall::Error::Poisoned => "an earlier write failed".into(),
        other => format!("{other:?}"),
    }
}

struct DiskCells {
    keyspace: Keyspace,
    shared: Arc<Shared>,
}

impl Cells for DiskCells {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        check_key(key)?;
        let value = self.keyspace.get(key).map_err(|e| read_error(&self.shared.path, e))?;
        Ok(value.map(|value| value.to_vec()))
    }

    fn put(&self, key: &[u8], value: &[u8]) -> Result<()> {
        self.put_many(&[(key.to_vec(), value.to_vec())])
    }

    fn put_many(&self, entries: &[(Vec<u8>, Vec<u8>)]) -> Result<()> {
        let subjects = entries.iter().map(|(key, value)| (key.clone(), Some(value.as_slice().into()))).collect();
        self.change(Commit { subjects, meta: Vec::new() })
    }

    fn delete(&self, key: &[u8]) -> Result<()> {
        self.change(Commit { subjects: vec![(key.to_vec(), None)], meta: Vec::new() })
    }

    fn scan(&self, visit: &mut Visit<'_>) -> Result<()> {
        partition::walk(&self.shared.path, self.keyspace.iter(), visit)
    }
}

impl DiskCells {
    fn change(&self, changes: Commit) -> Result<()> {
        changes.check()?;
        let mut batch = self.shared.database.batch().durability(Some(PersistMode::SyncAll));
        partition::stage(&mut batch, &self.keyspace, changes.subjects);
        batch.commit().map_err(|e| self.shared.write_error(e))
    }
}
