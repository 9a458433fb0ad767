//! The journal in a directory.
//!
//! ```text
//! <directory>/lock                             the process that has it
//! <directory>/journal                          format and number of partitions, in text
//! <directory>/partition-<n>/<offset>.segment   blocks; the name is the first entry's offset
//! ```
//! An append is one block (`block.rs`). A `Lane` writes one partition (`lane.rs`): blocks
//! are written at once and made durable together. A crash can only tear blocks that were
//! not yet durable; `recover.rs` tells those from damage by what later blocks say.

mod block;
mod lane;
mod reader;
mod recover;

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use smarketing_store::{DirectoryLock, sync_directory};

use super::{Error, Log, Reader, Result, Size};
use lane::Lane;
use reader::LaneReader;

const FORMAT: u32 = 1;

/// How the journal is laid out on disk.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// A segment is closed once it holds this many bytes. Default 128 MiB.
    pub segment_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { segment_bytes: 128 << 20 }
    }
}

/// A journal in a directory; one process at a time.
pub struct Local {
    lanes: Vec<Arc<Lane>>,
    _lock: DirectoryLock,
}

impl Local {
    /// Opens the journal in `directory`, creating it if absent.
    ///
    /// What a crash left half-written at the end is cut off, with a warning. Damage
    /// anywhere else is an error that names file and byte.
    pub fn open(directory: &Path, partitions: u32, options: Options) -> Result<Self> {
        let lock = DirectoryLock::acquire(directory)?;
        check_description(directory, partitions)?;
        let open = |number| Lane::open(number, lane_directory(directory, number), options).map(Arc::new);
        let lanes = (0..partitions).map(open).collect::<Result<_>>()?;
        Ok(Self { lanes, _lock: lock })
    }

    fn lane(&self, partition: u32) -> Result<&Arc<Lane>> {
        self.lanes.get(partition as usize).ok_or(Error::NoPartition { partition })
    }
}

impl Log for Local {
    fn partitions(&self) -> u32 {
        self.lanes.len() as u32
    }

    fn append(&self, partition: u32, entries: &[&[u8]]) -> Result<u64> {
        self.lane(partition)?.append(entries)
    }

    fn end(&self, partition: u32) -> Result<u64> {
        Ok(self.lane(partition)?.end())
    }

    fn reader(&self, partition: u32, from: u64) -> Result<Box<dyn Reader>> {
        Ok(Box::new(LaneReader::open(self.lane(partition)?.clone(), from)?))
    }

    fn size(&self) -> Size {
        self.lanes.iter().map(|lane| lane.size()).fold(Size::default(), |sum, size| Size {
            bytes: sum.bytes + size.bytes,
            segments: sum.segments + size.segments,
        })
    }
}

fn lane_directory(directory: &Path, partition: u32) -> PathBuf {
    directory.join(format!("partition-{partition:05}"))
}

/// Compares the directory's description with what was asked for; writes it if new.
fn check_description(directory: &Path, partitions: u32) -> Result<()> {
    let path = directory.join("journal");
    match fs::read_to_string(&path) {
        Ok(text) => match parse_description(&text) {
            Some(found) if found == partitions => Ok(()),
            Some(found) => Err(Error::Partitions { path: directory.into(), found, asked: partitions }),
            None => Err(unreadable(directory, format!("\"{}\"", text.chars().take(60).collect::<String>().trim()))),
        },
        Err(absent) if absent.kind() == io::ErrorKind::NotFound && !lane_directory(directory, 0).exists() => {
            describe(directory, partitions)
        }
        Err(absent) if absent.kind() == io::ErrorKind::NotFound => {
            Err(unreadable(directory, "its file \"journal\" is missing".into()))
        }
        Err(source) => Err(io_error("read", &path)(source)),
    }
}

fn parse_description(text: &str) -> Option<u32> {
    text.strip_prefix(&format!("format {FORMAT}\npartitions "))?.trim().parse().ok()
}

/// Written under another name first: the description is there whole or not at all.
fn describe(directory: &Path, partitions: u32) -> Result<()> {
    let (draft, path) = (directory.join("journal.draft"), directory.join("journal"));
    fs::write(&draft, format!("format {FORMAT}\npartitions {partitions}\n")).map_err(io_error("write", &draft))?;
    fs::File::open(&draft)
        .and_then(|file| file.sync_all())
        .and_then(|()| fs::rename(&draft, &path))
        .map_err(io_error("write", &path))?;
    Ok(sync_directory(directory)?)
}

fn unreadable(directory: &Path, found: String) -> Error {
    Error::Format { path: directory.into(), found }
}

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    move |source| Error::Io { action, path: path.into(), source }
}
