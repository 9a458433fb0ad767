//! One worker a partition: reads the journal, steps the kernel at every settle, hands commits to its writer.

use crate::codec;
use crate::limits::{READ_BYTES, READ_ENTRIES, READ_WAIT, RETRY, SETTLE_EVERY};
use crate::limits::{TICK_EVERY, TICK_EVERY_BEHIND, TICK_EVERY_HOP};
use crate::log::{self, Log};
use crate::progress::Progress;
use crate::shelf::{self, Recent, SharedStore};
use smarketing_kernel::entry::Entry;
use smarketing_kernel::id::SubjectId;
use smarketing_kernel::row::Rows;
use smarketing_kernel::rules::Rules;
use smarketing_kernel::step::{self, Commit, Kept, Partition, State, step};
use smarketing_warehouse::{Opener, Parcel};
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Instant;

/// A step on its way to the writer.
pub(crate) struct Settled {
    pub(crate) state: State,
    pub(crate) subjects: Vec<(SubjectId, Kept)>,
    /// Its rows; alive they take several times the room.
    pub(crate) parcel: Parcel,
    pub(crate) messages: Vec<(u32, Entry)>,
    /// Number of the step, counted since the start.
    pub(crate) number: u64,
}

impl Settled {
    /// What its rows and subjects take.
    pub(crate) fn bytes(&self) -> usize {
        let subjects = self.subjects.iter().filter_map(|(_, kept)| kept.as_ref());
        self.parcel.bytes() + subjects.map(|kept| kept.len()).sum::<usize>()
    }
}

/// Why a partition stopped.
#[derive(Debug, thiserror::Error)]
pub enum Halt {
    /// The journal did not answer, or is damaged.
    #[error(transparent)]
    Log(#[from] log::Error),
    /// An entry does not decode.
    #[error("entry {offset} of partition {partition}: {reason}")]
    Entry {
        /// The partition.
        partition: u32,
        /// Offset of the entry.
        offset: u64,
        /// What is wrong with it.
        reason: codec::Error,
    },
    /// The store did not answer, or is damaged.
    #[error(transparent)]
    Shelf(#[from] shelf::Error),
    /// The kernel refused to go on.
    #[error("partition {partition}: {reason}")]
    Kernel {
        /// The partition.
        partition: u32,
        /// Why.
        reason: String,
    },
    /// Rows do not pack.
    #[error(transparent)]
    Rows(#[from] smarketing_warehouse::Error),
}

pub(crate) struct Worker {
    pub(crate) partition: Partition,
    pub(crate) rules: Arc<Rules>,
    pub(crate) log: Arc<dyn Log>,
    pub(crate) store: SharedStore,
    pub(crate) opener: Arc<dyn Opener>,
    pub(crate) progress: Arc<Progress>,
    pub(crate) settled: SyncSender<Settled>,
}

/// Entries read and not settled yet.
#[derive(Default)]
pub(crate) struct Pending {
    pub(crate) entries: Vec<Entry>,
    next: u64,
}

impl Worker {
    /// Works until it is told to stop, the writer is gone, or something halts the partition.
    pub(crate) fn run(self, state: State) -> Result<(), Halt> {
        let mut reader = self.log.reader(self.partition.index, state.position)?;
        let mut recent = Recent::new(Arc::clone(&self.store));
        let mut pending = Pending { entries: Vec::new(), next: state.position };
        let (mut state, mut number, mut ticked) = (state, 0, Instant::now());
        while !self.progress.leaving(self.partition.index) {
            let batch = reader.read(READ_ENTRIES, READ_BYTES, READ_WAIT)?;
            let caught_up = batch.has_room(0, READ_ENTRIES, READ_BYTES);
            self.progress.rest(self.partition.index, caught_up && !self.progress.catches_up());
            for (offset, bytes) in batch.iter() {
                let entry = codec::decode(bytes).map_err(|reason| Halt::Entry {
                    partition: self.partition.index,
                    offset,
                    reason,
                })?;
                for due in pending.push(offset, entry) {
                    number += 1;
                    let Some(settled) = self.settle(state, due, &mut recent, number)? else { return Ok(()) };
                    state = settled.state.clone();
                    if self.settled.send(settled).is_err() {
                        return Ok(());
                    }
                }
            }
            // Behind, a worker settles where the journal says; a tick would stand at its end and help nobody.
            if caught_up && !pending.entries.is_empty() && self.tick_is_due(&pending, ticked) {
                self.append_tick(&state)?;
                ticked = Instant::now();
            }
        }
        Ok(())
    }

    fn tick_is_due(&self, pending: &Pending, ticked: Instant) -> bool {
        let every = match self.progress.catches_up() {
            true => TICK_EVERY_BEHIND,
            false if pending.is_said() => TICK_EVERY_HOP,
            false => TICK_EVERY,
        };
        self.progress.hurried() || ticked.elapsed() >= every
    }

    /// The owner of a partition lets event time pass in its journal: what came so far is settled.
    fn append_tick(&self, state: &State) -> Result<(), Halt> {
        let tick = codec::encode(&Entry::Tick { at: state.watermark }, Vec::new());
        let tick = tick.map_err(|reason| Halt::Entry { partition: self.partition.index, offset: 0, reason })?;
        self.log.append(self.partition.index, &[&tick])?;
        Ok(())
    }

    /// `None` when it was told to stop meanwhile.
    fn settle(&self, state: State, due: Due, recent: &mut Recent, number: u64) -> Result<Option<Settled>, Halt> {
        let started = Instant::now();
        let commit = due.step(&self.rules, self.partition, state, recent);
        let commit = commit.map_err(|error| halted(self.partition.index, error))?;
        let Commit { state, subjects, rows, messages } = commit;
        self.progress.settled(started.elapsed());
        recent.remember(number, &subjects);
        recent.forget(self.progress.committed(self.partition.index));
        let packed = self.pack(&rows)?;
        Ok(packed.map(|parcel| Settled { state, subjects, parcel, messages, number }))
    }

    /// Packs rows; `None` when it was told to stop while keys of persons were out of reach.
    fn pack(&self, rows: &Rows) -> Result<Option<Parcel>, Halt> {
        let (mut pause, longest) = RETRY;
        loop {
            let doubts = self.opener.doubts();
            let parcel = Parcel::pack(rows, self.opener.as_ref())?;
            if self.opener.doubts() == doubts {
                return Ok(Some(parcel));
            }
            self.progress.wait_for(self.partition.index, "the keys of persons are out of reach");
            if !self.progress.pause(self.partition.index, pause) {
                return Ok(None);
            }
            pause = (pause * 2).min(longest);
        }
    }
}

/// Why the kernel stopped a partition, in words.
pub(crate) fn halted(partition: u32, error: step::Error<shelf::Error>) -> Halt {
    let reason = match error {
        step::Error::Shelf(error) => return Halt::Shelf(error),
        step::Error::Gap { from, due, came } => {
            format!("message {due} of partition {from} is missing in the journal, message {came} came instead")
        }
        step::Error::Unheard { from, seq } => format!("message {seq} of partition {from} does not decode"),
        step::Error::Unsettled(id) => format!("\"{id:?}\" does not settle"),
        step::Error::Unkept(id) => format!("\"{id:?}\" does not encode"),
    };
    Halt::Kernel { partition, reason }
}

/// Entries that are settled together, and the position after them.
pub(crate) struct Due {
    position: u64,
    entries: Vec<Entry>,
}

impl Due {
    /// Settles them.
    pub(crate) fn step<S: step::Shelf>(
        self,
        rules: &Rules,
        partition: Partition,
        mut state: State,
        shelf: &mut S,
    ) -> Result<Commit, step::Error<S::Error>> {
        // The kernel counts entries; where offsets jump, it starts so that it ends at the position after the last one.
        state.position = self.position.saturating_sub(self.entries.len() as u64);
        step(rules, partition, state, self.entries, shelf)
    }
}

impl Pending {
    /// Whether all of it is what other partitions said: the end of a chain of news, and no load.
    fn is_said(&self) -> bool {
        self.entries.iter().all(|entry| matches!(entry, Entry::Message { .. } | Entry::Stray))
    }

    fn take(&mut self) -> Due {
        // The next settle mostly has as many as this one.
        let room = Vec::with_capacity(self.entries.len());
        Due { position: self.next, entries: std::mem::replace(&mut self.entries, room) }
    }

    /// Takes an entry and gives what is to be settled now.
    ///
    /// A settle is due after a tick, and wherever the journal passes a multiple of [`SETTLE_EVERY`]: after the entry
    /// before it, or, where offsets jump over it, before the first entry behind it.
    pub(crate) fn push(&mut self, offset: u64, entry: Entry) -> Vec<Due> {
        let mut due = Vec::new();
        if !self.entries.is_empty() && offset / SETTLE_EVERY > self.next.saturating_sub(1) / SETTLE_EVERY {
            due.push(self.take());
        }
        let is_tick = matches!(entry, Entry::Tick { .. });
        self.entries.push(entry);
        self.next = offset + 1;
        if is_tick || self.next.is_multiple_of(SETTLE_EVERY) {
            due.push(self.take());
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use smarketing_kernel::time::Timestamp;

    /// Where settles fall and how many entries each has, for entries at these offsets; a tick where `true`.
    fn settles(offsets: &[(u64, bool)]) -> Vec<(u64, usize)> {
        let mut pending = Pending::default();
        let entry = |tick| match tick {
            true => Entry::Tick { at: Timestamp(0) },
            false => Entry::Reject {
                source: smarketing_kernel::entry::Source { stream: "s".into(), position: 1 },
                reject: smarketing_kernel::entry::Reject {
                    reason: "r".into(),
                    detail: "d".into(),
                    bytes: Vec::new(),
                    length: 0,
                    rejected_at: Timestamp(0),
                },
            },
        };
        let due = offsets.iter().flat_map(|(offset, tick)| pending.push(*offset, entry(*tick)));
        due.map(|due| (due.position, due.entries.len())).collect()
    }

    #[test]
    fn settles_follow_from_offsets_alone() {
        let every = SETTLE_EVERY;
        assert_eq!(settles(&[(0, false), (1, true), (2, false)]), [(2, 2)]);
        assert_eq!(settles(&[(every - 2, false), (every - 1, false), (every, false)]), [(every, 2)]);
        // The offset before the multiple is missing: the settle is not.
        assert_eq!(settles(&[(every - 2, false), (every, false), (every + 1, true)]), [(every - 1, 1), (every + 2, 2)]);
        // The entry behind the gap may end a settle of its own.
        assert_eq!(settles(&[(5, false), (3 * every, true)]), [(6, 1), (3 * every + 1, 1)]);
        assert_eq!(settles(&[(5, false), (2 * every - 1, false)]), [(6, 1), (2 * every, 1)]);
        assert_eq!(settles(&[(0, true), (3 * every, false)]), [(1, 1)]);
    }
}
