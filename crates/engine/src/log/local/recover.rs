//! What a crash left at the end of a partition.
//!
//! Blocks that were not yet durable may be missing, short or wrong, in any order. The
//! last segment is therefore read whole at open, and cut at the first block that is not
//! right, unless a later block says (`synced`) that this place was durable once: then it
//! is damage, and nothing is cut.

use std::{
    fs::{self, File},
    os::unix::fs::FileExt,
    path::Path,
};

use super::{
    block::{HEADER_BYTES, Header},
    io_error,
};
use crate::log::{Error, Result};

/// The last segment, ready to be written on.
pub(super) struct Tail {
    pub(super) file: File,
    pub(super) bytes: u64,
    pub(super) end: u64,
}

/// The first offsets of the segments in `directory`, ascending.
pub(super) fn list_segments(directory: &Path) -> Result<Vec<u64>> {
    let mut segments = Vec::new();
    for entry in fs::read_dir(directory).map_err(io_error("list", directory))? {
        let name = entry.map_err(io_error("list", directory))?.file_name();
        let first = name.to_str().and_then(|name| name.strip_suffix(".segment"));
        segments.extend(first.and_then(|first| first.parse::<u64>().ok()));
    }
    segments.sort_unstable();
    Ok(segments)
}

/// Verifies the last segment and cuts off what is torn.
pub(super) fn tail(path: &Path, first: u64) -> Result<Tail> {
    let file = File::options().read(true).write(true).open(path).map_err(io_error("open for writing", path))?;
    let content = fs::read(path).map_err(io_error("read", path))?;
    let (bytes, end, wrong) = sound_prefix(&content, first);
    if let Some(what) = wrong {
        if was_durable(&content, bytes) {
            return Err(Error::Corrupt { path: path.into(), at: bytes as u64, what: what.into() });
        }
        let torn = content.len() - bytes;
        tracing::warn!(segment = %path.display(), at = bytes, torn_bytes = torn, next_offset = end,
            "cut off a torn end of the journal that was never acknowledged: {what}");
        file.set_len(bytes as u64).map_err(io_error("cut back", path))?;
    }
    // Blocks may be right and yet not durable: readers are about to see them.
    file.sync_all().map_err(io_error("sync", path))?;
    Ok(Tail { file, bytes: bytes as u64, end })
}

/// The closed segment at `path` must end with the entry before `first`, the last
/// segment's name; otherwise that is a stray file, or entries are missing.
pub(super) fn must_follow(path: &Path, first: u64) -> Result<()> {
    let file = File::open(path).map_err(io_error("open", path))?;
    let length = file.metadata().map_err(io_error("read", path))?.len();
    let (mut at, mut end) = (0, None);
    while at + HEADER_BYTES as u64 <= length {
        let header = read_header(&file, path, at)?;
        (at, end) = (at + header.bytes(), Some(header.next()));
    }
    if at == length && end == Some(first) {
        return Ok(());
    }
    let what = format!("it does not end with the entry before {first}, where the last segment starts");
    Err(Error::Corrupt { path: path.into(), at, what })
}

/// How many bytes are right, the offset after them, and what is wrong with the rest.
fn sound_prefix(content: &[u8], first: u64) -> (usize, u64, Option<&'static str>) {
    let (mut at, mut end) = (0, first);
    while at < content.len() {
        match sound_block(&content[at..], end) {
            Ok(header) => (at, end) = (at + header.bytes() as usize, header.next()),
            Err(what) => return (at, end, Some(what)),
        }
    }
    (at, end, None)
}

fn sound_block(content: &[u8], first: u64) -> std::result::Result<Header, &'static str> {
    let (head, rest) = content.split_first_chunk::<HEADER_BYTES>().ok_or("a block's header is cut")?;
    let header = Header::parse(head)?;
    if header.first != first {
        return Err("a block has another offset than expected");
    }
    header.unpack(rest.get(..header.packed_len()).ok_or("a block is cut")?)?;
    Ok(header)
}

/// Whether any block after `at` was written when `at` was durable already.
fn was_durable(content: &[u8], at: usize) -> bool {
    let later = content.get(at + 1..).unwrap_or_default();
    let heads = later.windows(HEADER_BYTES).filter_map(|head| head.first_chunk::<HEADER_BYTES>());
    heads.filter_map(|head| Header::parse(head).ok()).any(|header| header.synced > at as u64)
}

/// Reads the header at `at`, which must be there: readers stay before the durable end.
pub(super) fn read_header(file: &File, path: &Path, at: u64) -> Result<Header> {
    let mut head = [0; HEADER_BYTES];
    file.read_exact_at(&mut head, at).map_err(io_error("read", path))?;
    Header::parse(&head).map_err(|what| Error::Corrupt { path: path.into(), at, what: what.into() })
}
