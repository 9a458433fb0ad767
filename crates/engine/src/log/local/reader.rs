//! A reader of one partition: block by block, segment by segment.
//!
//! It reads at positions and never ahead, because what follows the durable end may still
//! be cut off and written anew.

use std::{fs::File, io, os::unix::fs::FileExt, path::PathBuf, sync::Arc, time::Duration};

use super::{
    block::{Entries, HEADER_BYTES, Header},
    io_error,
    lane::Lane,
    recover::read_header,
};
use crate::log::{Batch, Error, Reader, Result};

pub(super) struct LaneReader {
    lane: Arc<Lane>,
    segment: Segment,
    /// The entries of the block read last, and how many of them were handed out.
    block: Entries,
    used: usize,
    /// The offset of the next entry to hand out.
    next: u64,
}

/// An open segment and the place of the next block in it.
struct Segment {
    file: File,
    path: PathBuf,
    at: u64,
    /// The offset the next block must start with.
    first: u64,
}

impl LaneReader {
    pub(super) fn open(lane: Arc<Lane>, from: u64) -> Result<Self> {
        let end = lane.end();
        if from > end {
            return Err(Error::PastEnd { partition: lane.number(), from, end });
        }
        let segment = Segment::open(&lane, from)?;
        let mut reader = Self { lane, segment, block: Entries::default(), used: 0, next: from };
        reader.seek(from, end)?;
        Ok(reader)
    }

    /// Walks the headers up to the block that holds `from`.
    fn seek(&mut self, from: u64, end: u64) -> Result<()> {
        while self.segment.first < from {
            let header = self.segment.header(end)?;
            if header.next() > from {
                self.used = (from - header.first) as usize;
                self.block = self.segment.take(&header)?;
                return Ok(());
            }
            self.segment.skip(&header);
        }
        Ok(())
    }

    /// Moves to the next block; there is one, because `self.next` is before `end`.
    fn next_block(&mut self, end: u64) -> Result<()> {
        let here = self.lane.segment_of(self.next);
        if here.as_ref().is_some_and(|(first, path)| *first == self.next && *path != self.segment.path) {
            self.segment.must_be_at_end()?;
            self.segment = Segment::open(&self.lane, self.next)?;
        }
        let header = self.segment.header(end)?;
        self.block = self.segment.take(&header)?;
        self.used = 0;
        Ok(())
    }
}

impl Reader for LaneReader {
    fn read(&mut self, entries_max: usize, bytes_max: usize, wait: Duration) -> Result<Batch> {
        let end = self.lane.end_after(self.next, wait);
        let mut batch = Batch::starting_at(self.next);
        while self.next < end {
            let before = self.used;
            for entry in self.block.iter().skip(before) {
                if !batch.has_room(entry.len(), entries_max, bytes_max) {
                    return Ok(batch);
                }
                batch.push(entry);
                self.used += 1;
                self.next += 1;
            }
            if self.next < end {
                if !batch.has_room(0, entries_max, bytes_max) {
                    return Ok(batch);
                }
                self.next_block(end)?;
            }
        }
        Ok(batch)
    }
}

impl Segment {
    /// Opens the segment that holds `offset`, at its start.
    fn open(lane: &Lane, offset: u64) -> Result<Self> {
        let absent = || Error::PastEnd { partition: lane.number(), from: offset, end: lane.end() };
        let (first, path) = lane.segment_of(offset).ok_or_else(absent)?;
        let file = File::open(&path).map_err(io_error("open", &path))?;
        Ok(Self { file, path, at: 0, first })
    }

    fn header(&self, end: u64) -> Result<Header> {
        let header = read_header(&self.file, &self.path, self.at).map_err(|error| self.cut(error))?;
        if header.first != self.first || header.next() > end {
            return Err(self.corrupt("a block has another offset than expected"));
        }
        Ok(header)
    }

    fn take(&mut self, header: &Header) -> Result<Entries> {
        let mut packed = vec![0; header.packed_len()];
        let read = self.file.read_exact_at(&mut packed, self.at + HEADER_BYTES as u64);
        read.map_err(io_error("read", &self.path)).map_err(|error| self.cut(error))?;
        let entries = header.unpack(&packed).map_err(|what| self.corrupt(what))?;
        self.skip(header);
        Ok(entries)
    }

    fn skip(&mut self, header: &Header) {
        self.at += header.bytes();
        self.first = header.next();
    }

    /// A closed segment must end where its last block does.
    fn must_be_at_end(&self) -> Result<()> {
        let length = self.file.metadata().map_err(io_error("read", &self.path))?.len();
        if length == self.at { Ok(()) } else { Err(self.corrupt("bytes follow the last block of a closed segment")) }
    }

    /// A file that ends where a durable block should be is damage, not an I/O error.
    fn cut(&self, error: Error) -> Error {
        match error {
            Error::Io { source, .. } if source.kind() == io::ErrorKind::UnexpectedEof => {
                self.corrupt("a block is missing")
            }
            other => other,
        }
    }

    fn corrupt(&self, what: &str) -> Error {
        Error::Corrupt { path: self.path.clone(), at: self.at, what: what.into() }
    }
}
