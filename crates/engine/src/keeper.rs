//! The keeper: copies of every partition's store, so that one that is damaged or gone is rebuilt from the latest copy
//! and the journal after it, not from the whole journal.
//!
//! A snapshot is a copy of state at one position; the journal leads. Without any snapshot nothing is lost but time.

use crate::delivery::{self, stored_state};
use crate::limits::{SNAPSHOT_ENTRIES, SNAPSHOTS_KEPT};
use crate::progress::Progress;
use crate::shelf::SharedStore;
use smarketing_store as store;
use smarketing_store::snapshot::{self, Snapshot};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

/// How often the keeper looks whether it is to stop.
const LOOK: Duration = Duration::from_millis(200);

/// Brings an empty partition to its latest good snapshot, if there is one that the journal reaches; says to where.
///
/// # Errors
/// What the store refuses. A damaged snapshot is passed over.
pub(crate) fn restore(
    directory: &Path,
    partition: u32,
    journal_end: u64,
    opened: &mut dyn store::Partition,
) -> Result<Option<u64>, delivery::Error> {
    for path in snapshot::list(directory, partition)? {
        match Snapshot::open(&path) {
            Ok(good) if good.position() <= journal_end => {
                opened.restore(&good)?;
                tracing::warn!(partition, position = good.position(), "the store was empty: restored from a snapshot");
                return Ok(Some(good.position()));
            }
            Ok(ahead) => tracing::warn!(partition, position = ahead.position(), "a snapshot is ahead of the journal"),
            Err(error) => tracing::warn!(partition, %error, "a snapshot is damaged, taking the one before"),
        }
    }
    Ok(None)
}

/// Takes snapshots of partitions while the service runs.
pub(crate) struct Keeper {
    pub(crate) directory: PathBuf,
    pub(crate) every: Duration,
    pub(crate) progress: Arc<Progress>,
    pub(crate) partitions: Vec<Kept>,
}

/// A partition, and how far its latest snapshot is.
pub(crate) struct Kept {
    pub(crate) partition: u32,
    pub(crate) store: SharedStore,
    pub(crate) position: u64,
}

impl Keeper {
    /// Takes snapshots when they are due, until it is told to stop; then what is due already.
    ///
    /// A snapshot that fails is no reason to stop: the journal has everything.
    pub(crate) fn run(mut self) {
        let mut latest = Instant::now();
        loop {
            let stopping = self.progress.stopping();
            if latest.elapsed() >= self.every {
                latest = Instant::now();
                for kept in &mut self.partitions {
                    if let Err(error) = kept.take(&self.directory) {
                        tracing::warn!(partition = kept.partition, %error, "could not take a snapshot");
                    }
                }
            }
            if stopping {
                return;
            }
            std::thread::sleep(LOOK.min(self.every));
        }
    }
}

impl Kept {
    fn take(&mut self, directory: &Path) -> Result<(), delivery::Error> {
        let (state, view) = {
            let store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
            (stored_state(store.as_ref())?, store.view()?)
        };
        if state.position < self.position + SNAPSHOT_ENTRIES {
            return Ok(());
        }
        let path = snapshot::write(view.as_ref(), self.partition, state.position, directory)?;
        tracing::info!(partition = self.partition, path = %path.display(), "took a snapshot");
        self.position = state.position;
        for old in snapshot::list(directory, self.partition)?.into_iter().skip(SNAPSHOTS_KEPT) {
            if let Err(error) = std::fs::remove_file(&old) {
                tracing::warn!(path = %old.display(), %error, "could not remove an old snapshot");
            }
        }
        Ok(())
    }
}
