//! Where a worker finds subjects: what it wrote lately, then the store.

use crate::limits::SUBJECTS_CACHED;
use smarketing_kernel::id::SubjectId;
use smarketing_kernel::step::{Kept, Shelf};
use smarketing_kernel::subject::Subject;
use smarketing_store::Partition;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Why a subject could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store did not answer.
    #[error("{0}{hint}", hint = advice(.0))]
    Store(#[from] smarketing_store::Error),
    /// Stored bytes are no subject.
    #[error("subject \"{id:?}\" does not decode: {reason}")]
    Corrupt {
        /// Whose bytes they are.
        id: SubjectId,
        /// What the decoder said.
        reason: postcard::Error,
    },
}

/// What to do about a store that is damaged while it is open.
pub(crate) fn advice(error: &smarketing_store::Error) -> &'static str {
    match error {
        smarketing_store::Error::Corrupt { .. } => {
            "; stop the service, move the store's directory away and start again: \
             all it held is rebuilt from snapshots and the journal"
        }
        smarketing_store::Error::Broken { .. } => "; free space on the disk and start again: nothing is lost",
        _ => "",
    }
}

/// A partition's store, shared between its worker (who loads) and its writer (who commits).
pub type SharedStore = Arc<Mutex<Box<dyn Partition>>>;

/// The worker's view: subjects of steps that are not committed yet stand before the store's.
pub struct Recent {
    store: SharedStore,
    /// The number of the step that left a subject, and the subject.
    left: HashMap<SubjectId, (u64, Kept)>,
}

impl Recent {
    /// A view of `store` with nothing before it.
    #[must_use]
    pub fn new(store: SharedStore) -> Self {
        Self { store, left: HashMap::new() }
    }

    /// Remembers what step number `step` left.
    pub fn remember(&mut self, step: u64, subjects: &[(SubjectId, Kept)]) {
        self.left.extend(subjects.iter().map(|(id, kept)| (*id, (step, kept.clone()))));
    }

    /// Forgets, when there are many, what is in the store: everything up to step number `committed`.
    pub fn forget(&mut self, committed: u64) {
        if self.left.len() > SUBJECTS_CACHED {
            self.left.retain(|_, (step, _)| *step > committed);
        }
    }
}

impl Shelf for Recent {
    type Error = Error;

    fn load(&mut self, ids: &[SubjectId]) -> Result<Vec<Option<Subject>>, Error> {
        let mut found: Vec<Option<Subject>> = Vec::with_capacity(ids.len());
        let mut missing: Vec<(usize, [u8; 17])> = Vec::new();
        for (index, id) in ids.iter().enumerate() {
            match self.left.get(id) {
                Some((_, kept)) => found.push(kept.as_deref().map(|bytes| decode(*id, bytes)).transpose()?),
                None => {
                    missing.push((index, id.key()));
                    found.push(None);
                }
            }
        }
        let keys: Vec<&[u8]> = missing.iter().map(|(_, key)| key.as_slice()).collect();
        let stored = self.store.lock().unwrap_or_else(PoisonError::into_inner).get_many(&keys)?;
        for ((index, _), bytes) in missing.iter().zip(stored) {
            if let (Some(bytes), Some(slot), Some(id)) = (bytes, found.get_mut(*index), ids.get(*index)) {
                *slot = Some(decode(*id, &bytes)?);
            }
        }
        Ok(found)
    }
}

fn decode(id: SubjectId, bytes: &[u8]) -> Result<Subject, Error> {
    Subject::decode(bytes).map_err(|reason| Error::Corrupt { id, reason })
}
