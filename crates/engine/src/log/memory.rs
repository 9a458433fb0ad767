use std::{
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::Duration,
};

use super::{Batch, Error, Log, Reader, Result, Size, check_limits, hold};

/// A journal in memory: the same answers as [`super::Local`], for simulations and tests.
///
/// Clones share the content, so that a "restarted" process finds what was appended.
#[derive(Clone, Debug)]
pub struct Memory {
    lanes: Vec<Arc<Lane>>,
}

#[derive(Debug, Default)]
struct Lane {
    entries: Mutex<Vec<Vec<u8>>>,
    grown: Condvar,
}

impl Memory {
    /// An empty journal.
    pub fn new(partitions: u32) -> Self {
        Self { lanes: (0..partitions).map(|_| Arc::default()).collect() }
    }

    fn lane(&self, partition: u32) -> Result<&Arc<Lane>> {
        self.lanes.get(partition as usize).ok_or(Error::NoPartition { partition })
    }
}

impl Log for Memory {
    fn partitions(&self) -> u32 {
        self.lanes.len() as u32
    }

    fn append(&self, partition: u32, entries: &[&[u8]]) -> Result<u64> {
        check_limits(entries)?;
        let lane = self.lane(partition)?;
        let mut kept = hold(&lane.entries);
        let first = kept.len() as u64;
        kept.extend(entries.iter().map(|entry| entry.to_vec()));
        lane.grown.notify_all();
        Ok(first)
    }

    fn end(&self, partition: u32) -> Result<u64> {
        Ok(hold(&self.lane(partition)?.entries).len() as u64)
    }

    fn reader(&self, partition: u32, from: u64) -> Result<Box<dyn Reader>> {
        let end = self.end(partition)?;
        if from > end {
            return Err(Error::PastEnd { partition, from, end });
        }
        Ok(Box::new(MemoryReader { lane: self.lane(partition)?.clone(), next: from }))
    }

    fn size(&self) -> Size {
        let bytes = |lane: &Arc<Lane>| hold(&lane.entries).iter().map(|entry| entry.len() as u64).sum::<u64>();
        Size { bytes: self.lanes.iter().map(bytes).sum(), segments: self.lanes.len() as u64 }
    }
}

struct MemoryReader {
    lane: Arc<Lane>,
    next: u64,
}

impl Reader for MemoryReader {
    fn read(&mut self, entries_max: usize, bytes_max: usize, wait: Duration) -> Result<Batch> {
        let at_end = |kept: &mut Vec<Vec<u8>>| kept.len() as u64 <= self.next;
        let waited = self.lane.grown.wait_timeout_while(hold(&self.lane.entries), wait, at_end);
        let (kept, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let mut batch = Batch::starting_at(self.next);
        for entry in kept.iter().skip(self.next as usize) {
            if !batch.has_room(entry.len(), entries_max, bytes_max) {
                break;
            }
            batch.push(entry);
        }
        self.next = batch.next();
        Ok(batch)
    }
}
