//! A snapshot: one immutable file that holds a whole partition at one position.
//!
//! [`write()`] streams a [`View`] into a file; [`Snapshot::open`] believes a file only
//! after it has read all of it. Equal content at equal positions gives equal bytes, so
//! [`Snapshot::digest`] doubles as the partition's state hash.
//!
//! ```text
//! header   magic[8] format:u32 partition:u32 position:u64 crc32:u32
//! block    kind:u8 raw_len:u32 packed_len:u32 crc32:u32 packed[packed_len]      (repeated)
//!          packed = lz4 of: (key_len:u16 value_len:u32 key value)*
//!          crc32 covers kind, both lengths and packed; keys ascend within a kind
//! end      kind:u8 = 0 entries:u64 sha256[32] of all bytes before the digest
//! ```
//! Integers are little-endian. Subjects come first, then meta cells.

mod read;
mod write;

pub use read::{Entries, Entry, Snapshot};
pub use write::write;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::{Error, KEY_BYTES_MAX, Result, VALUE_BYTES_MAX};

const MAGIC: [u8; 8] = *b"smktsnap";
const HEADER_BYTES: usize = 28;
const BLOCK_HEADER_BYTES: usize = 13;
const ENTRY_HEADER_BYTES: usize = 6;
/// A block is closed once it holds this much.
const BLOCK_BYTES: usize = 256 << 10;
/// No block can be larger: one that was almost full, and the largest entry.
const BLOCK_BYTES_MAX: usize = BLOCK_BYTES + ENTRY_HEADER_BYTES + KEY_BYTES_MAX + VALUE_BYTES_MAX;
const END: u8 = 0;

/// Which of a partition's two maps an entry belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The subjects.
    Subject = 1,
    /// The meta cells.
    Meta = 2,
}

/// The name of the snapshot of `partition` at `position`: names sort by position.
pub fn file_name(partition: u32, position: u64) -> String {
    format!("partition-{partition:05}-{position:020}.snapshot")
}

/// The snapshots of `partition` in `directory`, the highest position first.
pub fn list(directory: &Path, partition: u32) -> Result<Vec<PathBuf>> {
    let prefix = format!("partition-{partition:05}-");
    let named = |entry: io::Result<fs::DirEntry>| {
        let path = entry.map_err(Error::io("list", directory))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        Ok((name.starts_with(&prefix) && name.ends_with(".snapshot")).then_some(path))
    };
    let entries = match fs::read_dir(directory) {
        Err(absent) if absent.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(Error::io("list", directory))?,
    };
    let mut found: Vec<PathBuf> = entries.filter_map(|e| named(e).transpose()).collect::<Result<_>>()?;
    found.sort_unstable_by(|a, b| b.cmp(a));
    Ok(found)
}

fn block_crc(kind: u8, raw_len: u32, packed: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&[kind]);
    crc.update(&raw_len.to_le_bytes());
    crc.update(&(packed.len() as u32).to_le_bytes());
    crc.update(packed);
    crc.finalize()
}
