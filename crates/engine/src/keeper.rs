//! The keeper: copies of a partition's store, so that one that is damaged or gone is rebuilt from the latest copy
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

/// Brings a partition at `position` to its latest good snapshot, if there is one further on that the journal reaches;
/// says to where.
///
/// # Errors
/// What the store refuses. A damaged snapshot is passed over.
pub(crate) fn restore(
    directory: &Path,
    partition: u32,
    position: u64,
    journal_end: u64,
    opened: &mut dyn store::Partition,
) -> Result<Option<u64>, delivery::Error> {
    for path in snapshot::list(directory, partition)? {
        if path.file_name().and_then(|name| name.to_str()) <= Some(&snapshot::file_name(partition, position)) {
            return Ok(None);
        }
        match Snapshot::open(&path) {
            Ok(good) if good.position() <= journal_end => {
                opened.restore(&good)?;
                tracing::warn!(partition, position = good.position(), "the store was behind: restored from a snapshot");
                return Ok(Some(good.position()));
            }
            Ok(ahead) => tracing::warn!(partition, position = ahead.position(), "a snapshot is ahead of the journal"),
            Err(error) => tracing::warn!(partition, %error, "a snapshot is damaged, taking the one before"),
        }
    }
    Ok(None)
}

/// Takes snapshots of a partition while it is worked.
pub(crate) struct Keeper {
    pub(crate) directory: PathBuf,
    pub(crate) every: Duration,
    pub(crate) progress: Arc<Progress>,
    pub(crate) kept: Kept,
}

/// A partition, and how far its latest snapshot is.
pub(crate) struct Kept {
    pub(crate) partition: u32,
    pub(crate) store: SharedStore,
    pub(crate) position: u64,
}

impl Keeper {
    /// Takes snapshots when they are due, until the partition is left; then what is due already. Gives back what a
    /// last one needs.
    ///
    /// A snapshot that fails is no reason to stop: the journal has everything.
    pub(crate) fn run(mut self) -> Kept {
        let mut latest = Instant::now();
        loop {
            let leaving = self.progress.leaving(self.kept.partition);
            if latest.elapsed() >= self.every {
                latest = Instant::now();
                self.kept.keep(&self.directory, SNAPSHOT_ENTRIES);
            }
            if leaving {
                return self.kept;
            }
            std::thread::sleep(LOOK.min(self.every));
        }
    }
}

impl Kept {
    /// Takes a snapshot if there are that many entries since the last.
    pub(crate) fn keep(&mut self, directory: &Path, entries_min: u64) {
        if let Err(error) = self.take(directory, entries_min) {
            tracing::warn!(partition = self.partition, %error, "could not take a snapshot");
        }
    }

    fn take(&mut self, directory: &Path, entries_min: u64) -> Result<(), delivery::Error> {
        let (state, view) = {
            let store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
            (stored_state(store.as_ref())?, store.view()?)
        };
        if state.position < self.position + entries_min {
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
