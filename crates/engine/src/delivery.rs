//! One writer a partition: what a step decided leaves, is acknowledged, and only then is committed.
//!
//! Messages go to the journal, rows to the warehouse; both repeat harmlessly (a number that was taken, a version that
//! is there). The store's position advances last, in one write with everything else: whatever dies before that is done
//! again from the journal, with the same numbers and versions.

use crate::codec;
use crate::limits::{GATHER, RETRY};
use crate::log::{self, Log};
use crate::progress::Progress;
use crate::reconciler::Reconciler;
use crate::shelf::{SharedStore, advice};
use crate::worker::Settled;
use smarketing_kernel::entry::Entry;
use smarketing_kernel::id::SubjectId;
use smarketing_kernel::step::{Kept, State};
use smarketing_store as store;
use smarketing_warehouse::{Parcel, Remedy, Warehouse};
use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// How long the writer waits before it looks whether more is coming.
const PATIENCE: Duration = Duration::from_millis(10);

/// How long the writer waits for a step before it looks whether a reconciliation is due.
const IDLE: Duration = Duration::from_millis(200);

/// How long a writer that ends waits for the warehouse to forget: somebody may wait for its partition.
const FAREWELL: Duration = Duration::from_secs(2);

/// The meta cell that holds a partition's [`State`].
const STATE: &[u8] = b"state";

/// Why a writer stopped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The journal refused a message.
    #[error(transparent)]
    Log(#[from] log::Error),
    /// The store refused.
    #[error("{0}{hint}", hint = advice(.0))]
    Store(#[from] store::Error),
    /// The warehouse refused for good.
    #[error(transparent)]
    Warehouse(#[from] smarketing_warehouse::Error),
    /// Something did not encode.
    #[error("a {what} does not encode: {reason}")]
    Encode {
        /// What it was.
        what: &'static str,
        /// What the encoder said.
        reason: String,
    },
    /// The service was stopped while the warehouse was away; nothing was committed, nothing is lost.
    #[error("stopped before the warehouse acknowledged")]
    Stopped,
}

pub(crate) struct Writer {
    pub(crate) partition: u32,
    pub(crate) log: Arc<dyn Log>,
    pub(crate) store: SharedStore,
    pub(crate) warehouse: Warehouse,
    pub(crate) progress: Arc<Progress>,
    pub(crate) runtime: Handle,
    pub(crate) reconciler: Reconciler,
}

/// The state a partition's store holds; a new one's if it holds none.
pub(crate) fn stored_state(partition: &dyn store::Partition) -> Result<State, Error> {
    let encoded = partition.meta(STATE)?;
    let decode = |bytes: Vec<u8>| postcard::from_bytes(&bytes);
    let state = encoded.map(decode).transpose();
    Ok(state
        .map_err(|reason| Error::Encode { what: "partition state", reason: reason.to_string() })?
        .unwrap_or_default())
}

impl Writer {
    /// Writes what comes until the worker is gone.
    pub(crate) fn run(mut self, settled: Receiver<Settled>) -> Result<(), Error> {
        loop {
            let busy = match settled.recv_timeout(IDLE) {
                Ok(first) => self.write(self.gather(first, &settled)).map(|()| true)?,
                Err(RecvTimeoutError::Timeout) => false,
                Err(RecvTimeoutError::Disconnected) => {
                    self.reconciler.forget(FAREWELL);
                    return Ok(());
                }
            };
            self.reconciler.look(busy);
        }
    }

    /// Steps to write together: until there is enough of them, it has waited long enough, or no more are coming.
    fn gather(&self, first: Settled, settled: &Receiver<Settled>) -> Vec<Settled> {
        let (bytes_max, wait) = GATHER;
        let started = Instant::now();
        let mut bytes = first.bytes();
        let mut group = vec![first];
        while bytes < bytes_max && started.elapsed() < wait {
            match settled.recv_timeout(PATIENCE) {
                Ok(next) => {
                    bytes += next.bytes();
                    group.push(next);
                }
                Err(RecvTimeoutError::Timeout) if !self.progress.rests(self.partition) => {}
                Err(_) => break,
            }
        }
        group
    }

    fn write(&mut self, group: Vec<Settled>) -> Result<(), Error> {
        // Of a subject that several steps changed, the last state counts.
        let mut subjects: BTreeMap<SubjectId, Kept> = BTreeMap::new();
        let mut parcels: Vec<Parcel> = Vec::with_capacity(group.len());
        let mut last = None;
        for settled in group {
            self.send(settled.messages)?;
            subjects.extend(settled.subjects);
            parcels.push(settled.parcel);
            last = Some((settled.state, settled.number));
        }
        let Some((state, number)) = last else { return Ok(()) };
        let encoded = postcard::to_allocvec(&state);
        let encoded =
            encoded.map_err(|reason| Error::Encode { what: "partition state", reason: reason.to_string() })?;
        self.deliver(&parcels)?;
        let rows = parcels.iter().map(Parcel::rows).sum();
        self.reconciler.forgets |= parcels.iter().any(Parcel::forgets);
        // Their room is needed for what the store does now.
        drop(parcels);
        let commit = store::Commit {
            subjects: subjects.into_iter().map(|(id, kept)| (id.key().to_vec(), kept)).collect(),
            meta: vec![(STATE.to_vec(), Some(encoded.into()))],
        };
        self.store.lock().unwrap_or_else(PoisonError::into_inner).commit(commit)?;
        self.progress.commit(self.partition, number, &state, rows);
        Ok(())
    }

    /// Messages to other partitions: to their journals, in order of their numbers.
    fn send(&self, messages: Vec<(u32, Entry)>) -> Result<(), Error> {
        let mut lanes: BTreeMap<u32, Vec<Vec<u8>>> = BTreeMap::new();
        for (partition, entry) in messages {
            let bytes = codec::encode(&entry, Vec::new());
            let bytes = bytes.map_err(|reason| Error::Encode { what: "message", reason: reason.to_string() })?;
            lanes.entry(partition).or_default().push(bytes);
        }
        for (partition, entries) in lanes {
            let entries: Vec<&[u8]> = entries.iter().map(Vec::as_slice).collect();
            for part in entries.chunks(crate::limits::INTAKE_BATCH) {
                self.log.append(partition, part)?;
            }
        }
        Ok(())
    }

    /// Rows to the warehouse, until it acknowledges: for ever while it is away, never again what it refuses for good.
    fn deliver(&self, parcels: &[Parcel]) -> Result<(), Error> {
        let (mut pause, longest) = RETRY;
        loop {
            match self.runtime.block_on(self.warehouse.send(parcels)) {
                Ok(()) => return Ok(()),
                Err(error) if error.remedy() == Remedy::Halt => return Err(error.into()),
                Err(error) => {
                    tracing::warn!(partition = self.partition, %error, "the warehouse is away, trying again");
                    self.progress.wait_for(self.partition, &error.to_string());
                }
            }
            if !self.progress.pause(self.partition, pause) {
                return Err(Error::Stopped);
            }
            pause = (pause * 2).min(longest);
        }
    }
}
