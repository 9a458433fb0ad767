//! Snapshots of partitions in a directory that processes share: what a partition takes along when it moves.
//!
//! A snapshot is a partition's whole content at one journal position. Names carry the position and files never change,
//! so the highest wins and a late one of a process that lost the partition harms nobody.

use crate::limits::{SNAPSHOT_ENTRIES, SNAPSHOTS_KEPT};
use crate::shelf::SharedStore;
use smarketing_store::snapshot::{self, Snapshot};
use smarketing_store::{Partition, Result};
use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use std::thread::JoinHandle;

/// The snapshots of one partition.
pub(crate) struct Shelter {
    directory: PathBuf,
    partition: u32,
    /// Position of the latest snapshot, and of the latest commit.
    kept: u64,
    position: u64,
    writing: Option<JoinHandle<()>>,
}

/// Brings a partition's store to the furthest snapshot there is, if that is further than `position`. A damaged
/// snapshot is passed over: the journal has what it held.
pub(crate) fn restore(directory: &Path, number: u32, partition: &mut dyn Partition, position: u64) -> Result<()> {
    for path in snapshot::list(directory, number)? {
        if path.file_name().and_then(|name| name.to_str()) <= Some(&snapshot::file_name(number, position)) {
            return Ok(());
        }
        match Snapshot::open(&path) {
            Ok(found) => {
                tracing::info!(partition = number, position = found.position(), "restored from a snapshot");
                return partition.restore(&found);
            }
            Err(error) => tracing::error!(%error, "a snapshot cannot be used, trying the one before it"),
        }
    }
    Ok(())
}

impl Shelter {
    pub(crate) fn new(directory: &Path, partition: u32, position: u64) -> Self {
        Self { directory: directory.to_path_buf(), partition, kept: position, position, writing: None }
    }

    /// Takes a snapshot, beside the work, when the last one is long ago.
    pub(crate) fn keep_now_and_then(&mut self, store: &SharedStore, position: u64) -> Result<()> {
        self.position = position;
        let is_busy = self.writing.as_ref().is_some_and(|writing| !writing.is_finished());
        if position < self.kept.saturating_add(SNAPSHOT_ENTRIES) || is_busy {
            return Ok(());
        }
        self.keep(store)
    }

    /// Takes a snapshot before the partition is left, if there is something new, and waits for it.
    pub(crate) fn keep_last(mut self, store: &SharedStore) -> Result<()> {
        self.wait();
        if self.position > self.kept {
            self.keep(store)?;
        }
        self.wait();
        Ok(())
    }

    fn keep(&mut self, store: &SharedStore) -> Result<()> {
        let view = store.lock().unwrap_or_else(PoisonError::into_inner).view()?;
        let (directory, partition, position) = (self.directory.clone(), self.partition, self.position);
        self.kept = position;
        let write = move || {
            let written = snapshot::write(&*view, partition, position, &directory);
            if let Err(error) = written.map(drop).and_then(|()| clear(&directory, partition)) {
                tracing::error!(partition, position, %error, "no snapshot; a move of the partition takes longer");
            }
        };
        match std::thread::Builder::new().name(format!("snapshot-{partition}")).spawn(write) {
            Ok(thread) => self.writing = Some(thread),
            Err(error) => tracing::error!(partition, %error, "no thread for a snapshot"),
        }
        Ok(())
    }

    fn wait(&mut self) {
        if let Some(writing) = self.writing.take() {
            let _said_already = writing.join();
        }
    }
}

/// Removes all but the latest snapshots.
fn clear(directory: &Path, partition: u32) -> Result<()> {
    for old in snapshot::list(directory, partition)?.into_iter().skip(SNAPSHOTS_KEPT) {
        // Another process may have removed it.
        let _gone = std::fs::remove_file(old);
    }
    Ok(())
}
