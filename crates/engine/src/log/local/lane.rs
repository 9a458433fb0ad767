//! The writer of one partition.
//!
//! Locks, always taken in this order: `syncing` (one fsync at a time), `writer` (where
//! the next block goes), `published` (what is durable, which is what readers see).
//! Appends write under `writer` and then meet in `sync`: the first makes durable what all
//! of them wrote, the others find it done.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::Duration,
};

use smarketing_store::sync_directory;

use super::{Options, block::Packed, io_error, recover};
use crate::log::{Error, Result, Size, check_limits, hold};

pub(super) struct Lane {
    number: u32,
    directory: PathBuf,
    options: Options,
    syncing: Mutex<()>,
    writer: Mutex<Writer>,
    published: Mutex<Published>,
    grown: Condvar,
}

/// Where the next block goes: written, but not yet durable, up to here.
struct Writer {
    file: Arc<File>,
    path: PathBuf,
    bytes: u64,
    end: u64,
    /// The file may be longer than `bytes`: cut it before the next write.
    ragged: bool,
    /// Where the partition was cut back to after each sync that failed.
    cuts: Vec<u64>,
}

/// What is durable.
struct Published {
    end: u64,
    /// Bytes of the last segment.
    bytes: u64,
    closed_bytes: u64,
    /// The first offset of every segment; never empty.
    segments: Vec<u64>,
}

/// A written block that waits to become durable.
struct Ticket {
    first: u64,
    end: u64,
    cuts_before: usize,
}

impl Lane {
    pub(super) fn open(number: u32, directory: PathBuf, options: Options) -> Result<Self> {
        fs::create_dir_all(&directory).map_err(io_error("create the directory", &directory))?;
        if let Some(parent) = directory.parent() {
            sync_directory(parent)?;
        }
        let mut segments = recover::list_segments(&directory)?;
        if segments.is_empty() {
            drop(create_segment(&directory, 0)?);
            segments.push(0);
        }
        let last = segments.last().copied().unwrap_or(0);
        let path = segment_path(&directory, last);
        let closed: Vec<_> = segments.iter().rev().skip(1).map(|first| segment_path(&directory, *first)).collect();
        if let Some(before) = closed.first() {
            recover::must_follow(before, last)?;
        }
        let tail = recover::tail(&path, last)?;
        let length = |path: &PathBuf| fs::metadata(path).map(|data| data.len()).map_err(io_error("read", path));
        let closed_bytes = closed.iter().map(length).sum::<Result<u64>>()?;
        let published = Published { end: tail.end, bytes: tail.bytes, closed_bytes, segments };
        let file = Arc::new(tail.file);
        let writer = Writer { file, path, bytes: tail.bytes, end: tail.end, ragged: false, cuts: Vec::new() };
        Ok(Self {
            number,
            directory,
            options,
            syncing: Mutex::new(()),
            writer: Mutex::new(writer),
            published: Mutex::new(published),
            grown: Condvar::new(),
        })
    }

    pub(super) fn append(&self, entries: &[&[u8]]) -> Result<u64> {
        check_limits(entries)?;
        if entries.is_empty() {
            return Ok(self.end());
        }
        let mut block = Packed::new(entries);
        if hold(&self.writer).bytes >= self.options.segment_bytes {
            self.next_segment()?;
        }
        let ticket = self.write(&mut block)?;
        self.sync(&ticket)?;
        Ok(ticket.first)
    }

    fn write(&self, block: &mut Packed) -> Result<Ticket> {
        let mut writer = hold(&self.writer);
        writer.trim()?;
        let synced = hold(&self.published).bytes;
        let bytes = block.seal(writer.end, synced);
        if let Err(source) = writer.file.write_all_at(bytes, writer.bytes) {
            writer.ragged = true;
            return Err(io_error("write", &writer.path)(source));
        }
        let first = writer.end;
        writer.bytes += bytes.len() as u64;
        writer.end += block.count();
        Ok(Ticket { first, end: writer.end, cuts_before: writer.cuts.len() })
    }

    /// Returns when the ticket's block is durable, or is certain not to be in the journal.
    fn sync(&self, ticket: &Ticket) -> Result<()> {
        let one_at_a_time = hold(&self.syncing);
        let writer = hold(&self.writer);
        if let Some(cut) = writer.cuts.get(ticket.cuts_before) {
            return if ticket.end <= *cut { Ok(()) } else { Err(lost(&writer.path)) };
        }
        if ticket.end <= hold(&self.published).end {
            return Ok(());
        }
        let (file, bytes, end) = (writer.file.clone(), writer.bytes, writer.end);
        drop(writer);
        let synced = file.sync_data();
        let settled = self.settle(synced, bytes, end);
        drop(one_at_a_time);
        settled
    }

    /// Publishes what a sync made durable. A sync that failed may have lost any of the
    /// bytes since the one before: they are cut off, and every append among them fails.
    fn settle(&self, synced: io::Result<()>, bytes: u64, end: u64) -> Result<()> {
        match synced {
            Ok(()) => {
                let mut published = hold(&self.published);
                (published.bytes, published.end) = (bytes, end);
                self.grown.notify_all();
                Ok(())
            }
            Err(source) => {
                let mut writer = hold(&self.writer);
                let published = hold(&self.published);
                (writer.bytes, writer.end, writer.ragged) = (published.bytes, published.end, true);
                writer.cuts.push(published.end);
                Err(io_error("sync", &writer.path)(source))
            }
        }
    }

    /// Closes the segment, durably, and starts the next; no more than one caller does.
    fn next_segment(&self) -> Result<()> {
        let _one_at_a_time = hold(&self.syncing);
        let (file, bytes, end) = {
            let writer = hold(&self.writer);
            if writer.bytes < self.options.segment_bytes {
                return Ok(());
            }
            (writer.file.clone(), writer.bytes, writer.end)
        };
        self.settle(file.sync_data(), bytes, end)?;
        let mut writer = hold(&self.writer);
        if writer.end != end {
            // Others wrote meanwhile; whoever appends next closes the segment.
            return Ok(());
        }
        writer.trim()?;
        let file = create_segment(&self.directory, end)?;
        (writer.file, writer.path, writer.bytes) = (Arc::new(file), segment_path(&self.directory, end), 0);
        let mut published = hold(&self.published);
        published.closed_bytes += published.bytes;
        published.bytes = 0;
        published.segments.push(end);
        Ok(())
    }

    pub(super) fn number(&self) -> u32 {
        self.number
    }

    pub(super) fn end(&self) -> u64 {
        hold(&self.published).end
    }

    /// The durable end, after waiting up to `wait` for it to pass `offset`.
    pub(super) fn end_after(&self, offset: u64, wait: Duration) -> u64 {
        let at_end = |published: &mut Published| published.end <= offset;
        let waited = self.grown.wait_timeout_while(hold(&self.published), wait, at_end);
        waited.unwrap_or_else(PoisonError::into_inner).0.end
    }

    /// The segment that holds `offset`, or that will: its first offset and its path.
    pub(super) fn segment_of(&self, offset: u64) -> Option<(u64, PathBuf)> {
        let published = hold(&self.published);
        let after = published.segments.partition_point(|first| *first <= offset);
        let first = *published.segments.get(after.checked_sub(1)?)?;
        Some((first, segment_path(&self.directory, first)))
    }

    pub(super) fn size(&self) -> Size {
        let published = hold(&self.published);
        Size { bytes: published.closed_bytes + published.bytes, segments: published.segments.len() as u64 }
    }
}

impl Writer {
    /// Cuts off what a failed write or sync left behind.
    fn trim(&mut self) -> Result<()> {
        if self.ragged {
            self.file.set_len(self.bytes).map_err(io_error("cut back", &self.path))?;
            self.ragged = false;
        }
        Ok(())
    }
}

fn lost(path: &Path) -> Error {
    io_error("sync", path)(io::Error::other("the sync it shared with another append failed"))
}

pub(super) fn segment_path(directory: &Path, first: u64) -> PathBuf {
    directory.join(format!("{first:020}.segment"))
}

/// A segment is used only once its name is durable; a name that is not is taken back.
fn create_segment(directory: &Path, first: u64) -> Result<File> {
    let path = segment_path(directory, first);
    let create = File::options().create_new(true).read(true).write(true).open(&path);
    let file = create.map_err(io_error("create", &path))?;
    if let Err(error) = sync_directory(directory) {
        // Should this fail too, `recover::must_follow` finds the stray file at the next open.
        let _ignored = fs::remove_file(&path);
        return Err(error.into());
    }
    Ok(file)
}
