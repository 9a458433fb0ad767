use std::{
    fs::File,
    io::{self, BufReader, Read},
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use super::{
    BLOCK_BYTES, BLOCK_BYTES_MAX, BLOCK_HEADER_BYTES, END, ENTRY_HEADER_BYTES, HEADER_BYTES, Kind, MAGIC, block_crc,
};
use crate::{Error, FORMAT, KEY_BYTES_MAX, Result, VALUE_BYTES_MAX};

/// A snapshot file that was read to its end and found to be what was written.
#[derive(Clone, Debug)]
pub struct Snapshot {
    path: PathBuf,
    partition: u32,
    position: u64,
    entries: u64,
    digest: [u8; 32],
}

impl Snapshot {
    /// Reads and verifies the whole of `path`: magic, format, every block's checksum,
    /// the order of the keys, the number of entries, the digest, and that nothing follows.
    pub fn open(path: &Path) -> Result<Self> {
        let mut entries = Entries::open(path)?;
        for entry in entries.by_ref() {
            entry?;
        }
        let (partition, position) = entries.header;
        Ok(Self { path: path.into(), partition, position, entries: entries.count, digest: entries.sha256 })
    }

    /// The partition it was taken of.
    pub fn partition(&self) -> u32 {
        self.partition
    }

    /// The position the writer gave it: the journal offset of the next entry to apply.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// How many subjects and meta cells it holds.
    pub fn len(&self) -> u64 {
        self.entries
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.entries == 0
    }

    /// SHA-256 of the file's content: the state hash at this position.
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// Streams the content: subjects, then meta cells, each in ascending order of keys.
    /// The checks are made again, should the file have changed since it was opened.
    pub fn entries(&self) -> Result<Entries> {
        Entries::open(&self.path)
    }
}

/// Which map, the key, the value.
pub type Entry = (Kind, Vec<u8>, Vec<u8>);

/// The content of a snapshot file, one entry at a time; ends after the first error.
pub struct Entries {
    file: BufReader<File>,
    path: PathBuf,
    at: u64,
    digest: Sha256,
    header: (u32, u64),
    block: Vec<u8>,
    used: usize,
    last: Option<(Kind, Vec<u8>)>,
    kind: Kind,
    count: u64,
    sha256: [u8; 32],
    ended: bool,
}

impl Entries {
    fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(Error::io("open", path))?;
        let mut entries = Self {
            file: BufReader::with_capacity(BLOCK_BYTES, file),
            path: path.into(),
            at: 0,
            digest: Sha256::new(),
            header: (0, 0),
            block: Vec::new(),
            used: 0,
            last: None,
            kind: Kind::Subject,
            count: 0,
            sha256: [0; 32],
            ended: false,
        };
        entries.read_header()?;
        Ok(entries)
    }

    fn read_header(&mut self) -> Result<()> {
        let header: [u8; HEADER_BYTES] = self.take()?;
        if header[..8] != MAGIC {
            return Err(self.corrupt("it is not a snapshot"));
        }
        let format = le_u32(&header[8..12]);
        if format != FORMAT {
            return Err(Error::Format { path: self.path.clone(), found: format.to_string(), expected: FORMAT });
        }
        if crc32fast::hash(&header[..24]) != le_u32(&header[24..]) {
            return Err(self.corrupt("the header's checksum differs"));
        }
        self.header = (le_u32(&header[12..16]), le_u64(&header[16..24]));
        Ok(())
    }

    /// Reads the next block, or the end; `false` at the end.
    fn read_block(&mut self) -> Result<bool> {
        let [kind] = self.take()?;
        let kind = match kind {
            END => return self.read_end().map(|()| false),
            1 => Kind::Subject,
            2 => Kind::Meta,
            other => return Err(self.corrupt(&format!("there is no block kind {other}"))),
        };
        let header: [u8; BLOCK_HEADER_BYTES - 1] = self.take()?;
        let (raw_len, packed_len) = (le_u32(&header[..4]), le_u32(&header[4..8]));
        let packed_max = lz4_flex::block::get_maximum_output_size(BLOCK_BYTES_MAX);
        if raw_len as usize > BLOCK_BYTES_MAX || packed_len as usize > packed_max {
            return Err(self.corrupt("a block is over the limit"));
        }
        let packed = self.take_vec(packed_len as usize)?;
        if block_crc(kind as u8, raw_len, &packed) != le_u32(&header[8..]) {
            return Err(self.corrupt("a block's checksum differs"));
        }
        let unpacked = lz4_flex::block::decompress(&packed, raw_len as usize);
        self.block = unpacked.map_err(|e| self.corrupt(&format!("a block does not unpack: {e}")))?;
        (self.kind, self.used) = (kind, 0);
        Ok(true)
    }

    fn read_end(&mut self) -> Result<()> {
        let entries = u64::from_le_bytes(self.take()?);
        if entries != self.count {
            return Err(self.corrupt(&format!("it holds {} of {entries} entries", self.count)));
        }
        let expected: [u8; 32] = self.digest.clone().finalize().into();
        self.sha256 = self.take()?;
        if self.sha256 != expected {
            return Err(self.corrupt("the digest differs"));
        }
        match self.file.read(&mut [0]).map_err(Error::io("read", &self.path))? {
            0 => Ok(()),
            _ => Err(self.corrupt("bytes follow its end")),
        }
    }

    fn read_entry(&mut self) -> Result<Option<Entry>> {
        while self.used == self.block.len() {
            if !self.read_block()? {
                return Ok(None);
            }
        }
        let Some((key, value)) = split_entry(&self.block[self.used..]) else {
            return Err(self.corrupt("an entry is cut or over the limits"));
        };
        let (key, value) = (key.to_vec(), value.to_vec());
        self.used += ENTRY_HEADER_BYTES + key.len() + value.len();
        self.count += 1;
        if self.last.as_ref().is_some_and(|(kind, last)| (*kind, last) >= (self.kind, &key)) {
            return Err(self.corrupt("its keys do not ascend"));
        }
        self.last = Some((self.kind, key.clone()));
        Ok(Some((self.kind, key, value)))
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    /// Grows with what is really there: a false length costs no memory.
    fn take_vec(&mut self, len: usize) -> Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(len.min(BLOCK_BYTES));
        let read = (&mut self.file).take(len as u64).read_to_end(&mut bytes);
        if read.map_err(Error::io("read", &self.path))? < len {
            return Err(self.corrupt("it is cut short"));
        }
        self.digest.update(&bytes);
        self.at += len as u64;
        Ok(bytes)
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<()> {
        self.file.read_exact(bytes).map_err(|e| match e.kind() {
            io::ErrorKind::UnexpectedEof => self.corrupt("it is cut short"),
            _ => Error::io("read", &self.path)(e),
        })?;
        self.digest.update(&*bytes);
        self.at += bytes.len() as u64;
        Ok(())
    }

    fn corrupt(&self, what: &str) -> Error {
        Error::corrupt(&self.path, format!("{what} (near byte {})", self.at))
    }
}

impl Iterator for Entries {
    type Item = Result<Entry>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let entry = self.read_entry().transpose();
        self.ended = !matches!(entry, Some(Ok(_)));
        entry
    }
}

fn split_entry(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (header, rest) = bytes.split_at_checked(ENTRY_HEADER_BYTES)?;
    let key_len = usize::from(u16::from_le_bytes([header[0], header[1]]));
    let value_len = le_u32(&header[2..]) as usize;
    let (key, rest) = rest.split_at_checked(key_len)?;
    let value = rest.get(..value_len)?;
    ((1..=KEY_BYTES_MAX).contains(&key_len) && value_len <= VALUE_BYTES_MAX).then_some((key, value))
}

/// Of exactly four bytes; the callers slice arrays of fixed length.
fn le_u32(bytes: &[u8]) -> u32 {
    bytes.iter().rev().fold(0, |n, byte| n << 8 | u32::from(*byte))
}

fn le_u64(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |n, byte| n << 8 | u64::from(*byte))
}
