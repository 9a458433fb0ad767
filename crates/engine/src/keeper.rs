//! The keeper: copies of a partition's store, so that one that is damaged or gone is rebuilt from the latest copy
//! and the journal after it, not from the whole journal.
//!
//! A snapshot is a copy of state at one position; the journal leads. Without any snapshot nothing is lost but time.

use crate::delivery::{self, stored_state};
use crate::limits::{SHELTER_PAUSE, SNAPSHOT_ENTRIES, SNAPSHOTS_KEPT};
use crate::progress::Progress;
use crate::shelf::SharedStore;
use crate::shelter::{self, Shelter};
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

/// Brings the latest snapshot of a partition from the shelter, if there is one and it is further than `position`.
/// Without an answer the partition starts where it is: then only time is lost.
pub(crate) fn fetch(
    shelter: Option<&Shelter>,
    directory: &Path,
    partition: u32,
    position: u64,
    journal_end: u64,
    progress: &Progress,
) {
    let Some(shelter) = shelter else { return };
    match shelter.fetch(partition, position, journal_end, directory) {
        Ok(Some(position)) => tracing::info!(partition, position, "fetched a snapshot from the object store"),
        Ok(None) => {}
        Err(error) => failed(progress, partition, "fetch", &error),
    }
}

/// Says that a snapshot could not be sent or fetched, and counts it.
fn failed(progress: &Progress, partition: u32, what: &str, error: &shelter::Error) {
    match error {
        // That we leave is no failure of the store's.
        shelter::Error::Left => return,
        shelter::Error::Differ { .. } | shelter::Error::Refused { .. } => {
            tracing::error!(partition, %error, "could not {what} a snapshot");
        }
        _ => tracing::warn!(partition, %error, "could not {what} a snapshot"),
    }
    progress.measure(|metrics| metrics.unsheltered(matches!(error, shelter::Error::Differ { .. })));
}

/// Takes snapshots of a partition while it is worked.
pub(crate) struct Keeper {
    pub(crate) every: Duration,
    pub(crate) kept: Kept,
}

/// A partition, where its snapshots go, and how far the latest is.
pub(crate) struct Kept {
    pub(crate) partition: u32,
    pub(crate) store: SharedStore,
    pub(crate) position: u64,
    pub(crate) directory: PathBuf,
    pub(crate) shelter: Option<Arc<Shelter>>,
    pub(crate) progress: Arc<Progress>,
    pub(crate) unsent: Unsent,
}

/// The latest snapshot, while the shelter has not taken it.
pub(crate) struct Unsent {
    path: Option<PathBuf>,
    again: Instant,
    pause: Duration,
}

impl Unsent {
    /// Nothing waits.
    pub(crate) fn nothing() -> Self {
        Self { path: None, again: Instant::now(), pause: SHELTER_PAUSE.0 }
    }
}

impl Keeper {
    /// Takes snapshots when they are due, until the partition is left; then what is due already. Gives back what a
    /// last one needs.
    ///
    /// A snapshot that fails is no reason to stop: the journal has everything.
    pub(crate) fn run(mut self) -> Kept {
        let mut latest = Instant::now();
        loop {
            let leaving = self.kept.progress.leaving(self.kept.partition);
            if latest.elapsed() >= self.every {
                latest = Instant::now();
                self.kept.keep(SNAPSHOT_ENTRIES);
            }
            if leaving {
                return self.kept;
            }
            if Instant::now() >= self.kept.unsent.again {
                self.kept.send();
            }
            std::thread::sleep(LOOK.min(self.every));
        }
    }
}

impl Kept {
    /// Takes a snapshot if there are that many entries since the last.
    pub(crate) fn keep(&mut self, entries_min: u64) {
        if let Err(error) = self.take(entries_min) {
            let differ = matches!(error, delivery::Error::Store(store::Error::Differ { .. }));
            if differ {
                tracing::error!(partition = self.partition, %error, "could not take a snapshot");
            } else {
                tracing::warn!(partition = self.partition, %error, "could not take a snapshot");
            }
            self.progress.measure(|metrics| metrics.unsheltered(differ));
        }
    }

    /// Sends the latest snapshot to the shelter, if it is not there yet. Where that fails it waits for the next time,
    /// longer and longer; a newer one takes its place.
    pub(crate) fn send(&mut self) {
        let (Some(shelter), Some(path)) = (&self.shelter, self.unsent.path.take()) else { return };
        match shelter.send(&path, &|| !self.progress.overdue(self.partition)) {
            Ok(()) => {
                tracing::info!(partition = self.partition, path = %path.display(), "the object store has a snapshot");
                self.unsent = Unsent::nothing();
            }
            Err(error) => {
                failed(&self.progress, self.partition, "send", &error);
                let again = Instant::now() + self.unsent.pause;
                let pause = (2 * self.unsent.pause).min(SHELTER_PAUSE.1);
                self.unsent = Unsent { path: Some(path), again, pause };
            }
        }
    }

    /// The last snapshot, for whoever takes the partition next, who waits for it only so long.
    pub(crate) fn part(&mut self) {
        self.keep(1);
        self.send();
        if let Some(path) = &self.unsent.path {
            let (partition, path) = (self.partition, path.display());
            tracing::warn!(partition, %path, "left before the object store had this: an older one and the journal must do");
        }
    }

    fn take(&mut self, entries_min: u64) -> Result<(), delivery::Error> {
        let (state, view) = {
            let store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
            (stored_state(store.as_ref())?, store.view()?)
        };
        if state.position < self.position + entries_min {
            return Ok(());
        }
        let path = snapshot::write(view.as_ref(), self.partition, state.position, &self.directory)?;
        tracing::info!(partition = self.partition, path = %path.display(), "took a snapshot");
        self.position = state.position;
        self.unsent.path = Some(path);
        for old in snapshot::list(&self.directory, self.partition)?.into_iter().skip(SNAPSHOTS_KEPT) {
            if let Err(error) = std::fs::remove_file(&old) {
                tracing::warn!(path = %old.display(), %error, "could not remove an old snapshot");
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shelter::tests::Server;
    use smarketing_kernel::step::State;
    use smarketing_store::{Commit, Memory, Store as _};
    use std::sync::Mutex;
    use tempfile::TempDir;

    /// A process that keeps partition 3 in a directory of its own.
    fn kept(opened: Box<dyn store::Partition>, directory: &TempDir, shelter: Shelter) -> Kept {
        Kept {
            partition: 3,
            store: Arc::new(Mutex::new(opened)),
            position: 0,
            directory: directory.path().to_owned(),
            shelter: Some(Arc::new(shelter)),
            progress: Arc::new(Progress::new(4)),
            unsent: Unsent::nothing(),
        }
    }

    #[test]
    fn a_partition_whose_process_is_gone_is_restored_from_the_object_store() {
        let server = Server::new();
        let [here, there] = [(); 2].map(|()| TempDir::new().unwrap());
        let state = State { position: 40, ..State::default() };
        let meta = vec![(b"state".to_vec(), Some(Arc::from(postcard::to_allocvec(&state).unwrap())))];
        let subjects = vec![(b"subject".to_vec(), Some(Arc::from(b"value".as_slice())))];
        let mut lost = Memory::default().partition(3).unwrap();
        lost.commit(Commit { subjects, meta }).unwrap();
        let mut kept = kept(lost, &here, server.shelter());
        kept.keep(1);
        kept.send();
        assert!(kept.unsent.path.is_none() && snapshot::list(here.path(), 3).unwrap().len() == 1);
        drop((kept, here));

        let (progress, mut opened) = (Progress::new(4), Memory::default().partition(3).unwrap());
        // A journal that is shorter was not this one.
        for (journal_end, restored) in [(39, None), (50, Some(40))] {
            fetch(Some(&server.shelter()), there.path(), 3, 0, journal_end, &progress);
            assert_eq!(restore(there.path(), 3, 0, journal_end, opened.as_mut()).unwrap(), restored);
        }
        assert_eq!(stored_state(opened.as_ref()).unwrap(), state);
        assert_eq!(opened.get_many(&[b"subject"]).unwrap(), [Some(b"value".to_vec())]);
    }

    #[test]
    fn a_snapshot_that_differs_or_cannot_be_taken_is_counted() {
        let (server, here) = (Server::new(), TempDir::new().unwrap());
        let opened = |subject: &[u8]| {
            let state = State { position: 40, ..State::default() };
            let meta = vec![(b"state".to_vec(), Some(Arc::from(postcard::to_allocvec(&state).unwrap())))];
            let subjects = vec![(subject.to_vec(), Some(Arc::from(b"value".as_slice())))];
            let mut partition = Memory::default().partition(3).unwrap();
            partition.commit(Commit { subjects, meta }).unwrap();
            partition
        };
        let progress = Arc::new(Progress::measured(4, crate::Metrics::new().unwrap()));
        let take = |subject: &[u8], directory: &TempDir| {
            let mut kept = kept(opened(subject), directory, server.shelter());
            kept.progress = Arc::clone(&progress);
            kept.keep(1);
        };
        let counted = || {
            let (lanes, lags) = (progress.lanes(), progress.lags());
            let state = crate::metrics::State { lanes: &lanes, ends: Some(&[0; 4]), lags: &lags, failed: false };
            let text = progress.metrics().unwrap().text(&state).unwrap();
            ["smarketing_snapshots_differ_total ", "smarketing_snapshot_errors_total "]
                .map(|name| text.lines().find_map(|line| line.strip_prefix(name)).unwrap().to_owned())
        };
        take(b"one", &here);
        take(b"one", &here);
        assert_eq!(counted(), ["0", "0"]);
        take(b"other", &here);
        assert_eq!(counted(), ["1", "0"]);
        let mut gone = TempDir::new().unwrap();
        std::fs::remove_dir(gone.path()).unwrap();
        std::fs::write(gone.path(), "no directory").unwrap();
        gone.disable_cleanup(true);
        take(b"one", &gone);
        assert_eq!(counted(), ["1", "1"]);
        std::fs::remove_file(gone.path()).unwrap();
    }

    #[test]
    fn what_could_not_be_sent_waits_longer_and_longer() {
        let (server, here) = (Server::new(), TempDir::new().unwrap());
        let opened = Memory::default().partition(3).unwrap();
        let path = snapshot::write(opened.view().unwrap().as_ref(), 3, 7, here.path()).unwrap();
        let mut kept = kept(opened, &here, server.shelter_of("a-stranger"));
        kept.unsent.path = Some(path.clone());
        for pauses in [2, 4] {
            kept.send();
            assert_eq!(kept.unsent.path.as_ref(), Some(&path));
            assert_eq!(kept.unsent.pause, pauses * SHELTER_PAUSE.0);
        }
        kept.shelter = Some(Arc::new(server.shelter()));
        kept.send();
        assert!(kept.unsent.path.is_none());
        assert_eq!(server.shelter().fetch(3, 0, 7, here.path()).unwrap(), Some(7));
    }

    #[test]
    fn whoever_leaves_does_not_wait_for_a_store_that_is_silent() {
        let (server, here) = (Server::new(), TempDir::new().unwrap());
        let opened = Memory::default().partition(3).unwrap();
        let path = snapshot::write(opened.view().unwrap().as_ref(), 3, 7, here.path()).unwrap();
        let mut kept = kept(opened, &here, server.shelter());
        kept.unsent.path = Some(path.clone());
        server.bucket.signal("STOP");
        server.patience.ends_in(Duration::from_millis(300));
        let began = Instant::now();
        kept.part();
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        assert_eq!(kept.unsent.path, Some(path));
    }
}
