//! One append as it lies in a segment.
//!
//! ```text
//! magic:u32 format:u32 first:u64 synced:u64 count:u32 raw_len:u32 packed_len:u32
//! packed_crc:u32 header_crc:u32 packed[packed_len]
//! packed = lz4 of: len:u32 of each entry, then the entries' bytes
//! ```
//! Integers are little-endian. `synced` is how many bytes of the segment were durable
//! when the block was written: damage before that point cannot be the work of a crash.

use crate::log::{APPEND_BYTES_MAX, APPEND_ENTRIES_MAX};

const MAGIC: [u8; 4] = *b"smkj";
const FORMAT: u32 = 1;
pub(super) const HEADER_BYTES: usize = 44;
const RAW_BYTES_MAX: usize = APPEND_BYTES_MAX + 4 * APPEND_ENTRIES_MAX;

/// The facts at the head of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// The offset of the first entry.
    pub(super) first: u64,
    /// How many bytes of the segment were durable when the block was written.
    pub(super) synced: u64,
    /// How many entries, at least one.
    pub(super) count: u32,
    raw_len: u32,
    packed_len: u32,
    packed_crc: u32,
}

impl Header {
    /// Reads a header, or says what is wrong with it.
    pub(super) fn parse(bytes: &[u8; HEADER_BYTES]) -> Result<Self, &'static str> {
        let u32_at = |at: usize| le(&bytes[at..at + 4]) as u32;
        if bytes[..4] != MAGIC {
            return Err("no block starts here");
        }
        if crc32fast::hash(&bytes[..HEADER_BYTES - 4]) != u32_at(HEADER_BYTES - 4) {
            return Err("the checksum of a block's header differs");
        }
        if u32_at(4) != FORMAT {
            return Err("a block has a format this program does not know");
        }
        let header = Self {
            first: le(&bytes[8..16]),
            synced: le(&bytes[16..24]),
            count: u32_at(24),
            raw_len: u32_at(28),
            packed_len: u32_at(32),
            packed_crc: u32_at(36),
        };
        header.within_limits().then_some(header).ok_or("a block is over the limits")
    }

    fn within_limits(&self) -> bool {
        let packed_max = lz4_flex::block::get_maximum_output_size(RAW_BYTES_MAX);
        (1..=APPEND_ENTRIES_MAX).contains(&(self.count as usize))
            && self.raw_len as usize <= RAW_BYTES_MAX
            && self.packed_len as usize <= packed_max
    }

    /// The offset after the last entry.
    pub(super) fn next(&self) -> u64 {
        self.first + u64::from(self.count)
    }

    /// The length of what follows the header.
    pub(super) fn packed_len(&self) -> usize {
        self.packed_len as usize
    }

    /// The length of the whole block in the segment.
    pub(super) fn bytes(&self) -> u64 {
        HEADER_BYTES as u64 + u64::from(self.packed_len)
    }

    /// Verifies and unpacks what follows the header.
    pub(super) fn unpack(&self, packed: &[u8]) -> Result<Entries, &'static str> {
        if crc32fast::hash(packed) != self.packed_crc {
            return Err("the checksum of a block differs");
        }
        let raw = lz4_flex::block::decompress(packed, self.raw_len as usize);
        let entries = Entries { raw: raw.map_err(|_| "a block does not unpack")?, count: self.count as usize };
        entries.adds_up().then_some(entries).ok_or("the lengths in a block do not add up")
    }
}

/// A block ready to be written, but for its place.
pub(super) struct Packed {
    bytes: Vec<u8>,
    count: u32,
    raw_len: u32,
    packed_crc: u32,
}

impl Packed {
    /// Packs `entries`, which are within the limits and at least one.
    pub(super) fn new(entries: &[&[u8]]) -> Self {
        let all: usize = entries.iter().map(|entry| entry.len()).sum();
        let mut raw = Vec::with_capacity(4 * entries.len() + all);
        raw.extend(entries.iter().flat_map(|entry| (entry.len() as u32).to_le_bytes()));
        entries.iter().for_each(|entry| raw.extend_from_slice(entry));
        let packed = lz4_flex::block::compress(&raw);
        let packed_crc = crc32fast::hash(&packed);
        let mut bytes = vec![0; HEADER_BYTES];
        bytes.extend_from_slice(&packed);
        Self { bytes, count: entries.len() as u32, raw_len: raw.len() as u32, packed_crc }
    }

    /// The block's bytes at its place: `first` entry, `synced` bytes durable before it.
    pub(super) fn seal(&mut self, first: u64, synced: u64) -> &[u8] {
        let mut header = Vec::with_capacity(HEADER_BYTES);
        header.extend_from_slice(&MAGIC);
        header.extend(FORMAT.to_le_bytes());
        header.extend(first.to_le_bytes());
        header.extend(synced.to_le_bytes());
        for field in [self.count, self.raw_len, (self.bytes.len() - HEADER_BYTES) as u32, self.packed_crc] {
            header.extend(field.to_le_bytes());
        }
        header.extend(crc32fast::hash(&header).to_le_bytes());
        self.bytes[..HEADER_BYTES].copy_from_slice(&header);
        &self.bytes
    }

    pub(super) fn count(&self) -> u64 {
        u64::from(self.count)
    }
}

/// The entries of one block.
#[derive(Default)]
pub(super) struct Entries {
    raw: Vec<u8>,
    count: usize,
}

impl Entries {
    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let (lengths, mut rest) = self.raw.split_at(4 * self.count);
        lengths.chunks_exact(4).map(move |length| {
            let (entry, after) = rest.split_at(le(length) as usize);
            rest = after;
            entry
        })
    }

    /// Whether the lengths cover the bytes exactly; `iter` relies on it.
    fn adds_up(&self) -> bool {
        let Some((lengths, rest)) = self.raw.split_at_checked(4 * self.count) else { return false };
        lengths.chunks_exact(4).map(le).sum::<u64>() == rest.len() as u64
    }
}

/// At most eight bytes, little-endian.
fn le(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |n, byte| n << 8 | u64::from(*byte))
}
