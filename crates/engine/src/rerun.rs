//! A partition's journal worked off once more, beside the live state: the same steps give the same rows with the same
//! versions, to the byte. That is how what is written once is said again.

use crate::codec;
use crate::limits::{READ_BYTES, READ_ENTRIES, READ_WAIT};
use crate::log::Log;
use crate::reconciler::Error;
use crate::shelf::{Recent, SharedStore};
use crate::worker::{Halt, Pending, halted};
use smarketing_kernel::id::SubjectId;
use smarketing_kernel::row::Rows;
use smarketing_kernel::rules::Rules;
use smarketing_kernel::step::{Commit, Kept, Partition, State};
use smarketing_store as store;
use std::sync::{Arc, Mutex, PoisonError};

/// Partitions of the store from this number on are scratch: filled for a rerun, empty otherwise.
const SCRATCH: u32 = 1 << 31;

/// What a rerun reads and where it keeps subjects meanwhile.
pub(crate) struct Rerun<'a> {
    pub(crate) partition: Partition,
    pub(crate) rules: &'a Rules,
    pub(crate) log: &'a dyn Log,
    pub(crate) store: &'a dyn store::Store,
}

impl Rerun<'_> {
    /// Works off the journal up to the settle that ends at `until`, and shows the rows of every step in order.
    pub(crate) fn run(&self, until: u64, show: &mut dyn FnMut(Rows) -> Result<(), Error>) -> Result<(), Error> {
        let mut scratch = self.store.partition(SCRATCH | self.partition.index)?;
        scratch.wipe()?;
        let scratch: SharedStore = Arc::new(Mutex::new(scratch));
        let done = self.work(until, &scratch, show);
        scratch.lock().unwrap_or_else(PoisonError::into_inner).wipe()?;
        done
    }

    fn work(
        &self,
        until: u64,
        scratch: &SharedStore,
        show: &mut dyn FnMut(Rows) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let index = self.partition.index;
        let mut reader = self.log.reader(index, 0).map_err(Halt::from)?;
        let mut recent = Recent::new(Arc::clone(scratch));
        let (mut pending, mut state, mut number) = (Pending::default(), State::default(), 0);
        while state.position < until {
            let batch = reader.read(READ_ENTRIES, READ_BYTES, READ_WAIT).map_err(Halt::from)?;
            for (offset, bytes) in batch.iter().take_while(|(offset, _)| *offset < until) {
                let entry = codec::decode(bytes).map_err(|reason| Halt::Entry { partition: index, offset, reason })?;
                for due in pending.push(offset, entry) {
                    number += 1;
                    let commit = due.step(self.rules, self.partition, state, &mut recent);
                    let Commit { state: next, subjects, rows, .. } = commit.map_err(|error| halted(index, error))?;
                    state = next;
                    keep(subjects, number, scratch, &mut recent)?;
                    show(rows)?;
                }
            }
        }
        Ok(())
    }
}

fn keep(
    subjects: Vec<(SubjectId, Kept)>,
    number: u64,
    scratch: &SharedStore,
    recent: &mut Recent,
) -> Result<(), Error> {
    recent.remember(number, &subjects);
    let stored = |(id, kept): (SubjectId, Kept)| (id.key().to_vec(), kept);
    let commit = store::Commit { subjects: subjects.into_iter().map(stored).collect(), meta: Vec::new() };
    scratch.lock().unwrap_or_else(PoisonError::into_inner).commit(commit)?;
    recent.forget(number);
    Ok(())
}
