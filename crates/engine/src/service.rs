//! The service: intake, journal, a worker and a writer a partition, started and stopped together.

use crate::delivery::{self, Writer, stored_state};
use crate::intake::Intake;
use crate::keeper::{self, Keeper, Kept, Unsent};
use crate::limits::{IN_FLIGHT_MAX, RECONCILE_FIRST};
use crate::log::{self, Log};
use crate::metrics::{self, Metrics};
use crate::progress::Progress;
use crate::reconciler::Reconciler;
use crate::shelf::SharedStore;
use crate::shelter::Shelter;
use crate::vault::Vault;
use crate::worker::{Halt, Worker};
use smarketing_kernel::rules::Rules;
use smarketing_kernel::step::Partition;
use smarketing_store::Store;
use smarketing_warehouse::{Opener, Warehouse};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// What a service is made of.
pub struct Parts {
    /// The journal.
    pub log: Arc<dyn Log>,
    /// Subjects and positions.
    pub store: Arc<dyn Store>,
    /// Pepper and person keys.
    pub vault: Arc<Vault>,
    /// Where rows go; migrated already.
    pub warehouse: Warehouse,
    /// What decides.
    pub rules: Arc<Rules>,
    /// Form fields that stay in clear.
    pub clear_fields: Vec<String>,
    /// Runs the inserts.
    pub runtime: Handle,
    /// Least time between two comparisons of a partition with the warehouse.
    pub reconcile_every: Duration,
    /// Where copies of the store are kept.
    pub snapshots: PathBuf,
    /// Where snapshots go besides, for partitions that move; none where processes share the directory itself.
    pub shelter: Option<Arc<Shelter>>,
    /// Least time between two snapshots of a partition.
    pub snapshot_every: Duration,
    /// Whether partitions move between processes, with the directory of snapshots shared by all.
    pub moves: bool,
}

/// Why the service could not start, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The journal.
    #[error(transparent)]
    Log(#[from] log::Error),
    /// The store.
    #[error(transparent)]
    Store(#[from] smarketing_store::Error),
    /// A partition's state.
    #[error(transparent)]
    Delivery(#[from] delivery::Error),
    /// The metrics.
    #[error(transparent)]
    Metrics(#[from] metrics::Error),
    /// No thread.
    #[error("could not start a thread: {0}")]
    Thread(#[from] std::io::Error),
    /// The service is being stopped; what is journalled is worked off at the next start.
    #[error("the service is stopping; what is journalled is worked off at the next start")]
    Stopping,
    /// A partition stopped: its data is kept, nothing is lost.
    #[error("stopped: {0}")]
    Halted(String),
}

impl Error {
    /// Whether this is only that the process ends: nothing is wrong, and nothing is lost.
    #[must_use]
    pub fn is_stop(&self) -> bool {
        matches!(self, Self::Log(error) if error.is_stop())
    }
}

/// A running service.
pub struct Service {
    parts: Parts,
    intake: Arc<Intake>,
    progress: Arc<Progress>,
    /// What works each partition that is worked here.
    lanes: Mutex<BTreeMap<u32, Lane>>,
}

/// The threads of a partition.
struct Lane {
    worker: JoinHandle<()>,
    writer: JoinHandle<()>,
    keeper: JoinHandle<Kept>,
}

impl Service {
    /// Opens every partition where it stopped and starts to work.
    ///
    /// # Errors
    /// What the journal or the store refuse.
    pub fn start(parts: Parts) -> Result<Self, Error> {
        let service = Self::idle(parts)?;
        (0..service.parts.log.partitions()).try_for_each(|partition| service.take(partition))?;
        Ok(service)
    }

    /// A service that takes records but works no partition until it is told to [`Service::take`] one.
    ///
    /// # Errors
    /// Metrics that cannot be registered.
    pub fn idle(parts: Parts) -> Result<Self, Error> {
        let progress = Arc::new(Progress::measured(parts.log.partitions(), Metrics::new()?));
        let intake = Intake::new(Arc::clone(&parts.log), Arc::clone(&parts.vault), parts.clear_fields.clone())
            .telling(Arc::clone(&progress));
        Ok(Self { parts, intake: Arc::new(intake), progress, lanes: Mutex::default() })
    }

    /// Opens a partition where it stopped, or at a snapshot that is further, and starts to work it.
    ///
    /// # Errors
    /// What the journal, the store or the snapshots refuse.
    pub fn take(&self, partition: u32) -> Result<(), Error> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        if self.progress.stopping() || lanes.contains_key(&partition) {
            return Ok(());
        }
        let lane = self.open(Partition { index: partition, count: self.parts.log.partitions() })?;
        lanes.insert(partition, lane);
        Ok(())
    }

    /// Tells partitions that they are about to be left: all finish what they have begun in the same time.
    pub fn give_notice(&self, partitions: &[u32]) {
        partitions.iter().for_each(|partition| self.progress.leave(*partition));
    }

    /// Stops to work a partition: what is decided is written, the rest is left to whoever takes it. Says up to where
    /// it is delivered; `None` for a partition that was not worked.
    ///
    /// # Errors
    /// A thread that panicked.
    pub fn leave(&self, partition: u32) -> Result<Option<u64>, Error> {
        let lane = self.lanes.lock().unwrap_or_else(PoisonError::into_inner).remove(&partition);
        self.progress.leave(partition);
        let mut left = None;
        if let Some(Lane { worker, writer, keeper }) = lane {
            let panicked = |_| Error::Halted("a thread of the service panicked".to_owned());
            worker.join().map_err(panicked)?;
            writer.join().map_err(panicked)?;
            let mut kept = keeper.join().map_err(panicked)?;
            if self.parts.moves {
                kept.part();
            }
            left = (0..).zip(self.progress.lanes()).find(|(index, _)| *index == partition);
        }
        self.progress.left(partition);
        Ok(left.map(|(_, lane)| lane.position))
    }

    fn open(&self, partition: Partition) -> Result<Lane, Error> {
        let parts = &self.parts;
        let mut opened = parts.store.partition(partition.index)?;
        let end = parts.log.end(partition.index)?;
        let mut state = stored_state(opened.as_ref())?;
        let mut kept = state.position;
        // One machine's store is behind its snapshots only when it was lost.
        if end > 0 && (parts.moves || state.position == 0) {
            keeper::fetch(parts.shelter.as_deref(), &parts.snapshots, partition.index, kept, end, &self.progress);
            kept = keeper::restore(&parts.snapshots, partition.index, kept, end, opened.as_mut())?.unwrap_or(kept);
            state = stored_state(opened.as_ref())?;
        }
        self.progress.opened(partition.index, &state);
        let store = Arc::new(Mutex::new(opened));
        let (send, receive) = std::sync::mpsc::sync_channel(IN_FLIGHT_MAX);
        let worker = Worker {
            partition,
            rules: Arc::clone(&parts.rules),
            log: Arc::clone(&parts.log),
            store: Arc::clone(&store),
            opener: Arc::clone(&parts.vault) as Arc<dyn Opener>,
            progress: Arc::clone(&self.progress),
            settled: send,
        };
        let reconciler = Reconciler {
            partition,
            rules: Arc::clone(&parts.rules),
            log: Arc::clone(&parts.log),
            stores: Arc::clone(&parts.store),
            store: Arc::clone(&store),
            warehouse: parts.warehouse.clone(),
            opener: Arc::clone(&parts.vault) as Arc<dyn Opener>,
            progress: Arc::clone(&self.progress),
            runtime: parts.runtime.clone(),
            every: parts.reconcile_every,
            caught_up: end,
            due: Instant::now() + RECONCILE_FIRST.min(parts.reconcile_every),
            forgets: false,
        };
        let writer = Writer {
            partition: partition.index,
            log: Arc::clone(&parts.log),
            store: Arc::clone(&store),
            warehouse: parts.warehouse.clone(),
            progress: Arc::clone(&self.progress),
            runtime: parts.runtime.clone(),
            reconciler,
        };
        let work = move || match worker.run(state) {
            Err(Halt::Log(error)) if error.is_stop() => Ok(Some(error.to_string())),
            done => done.map(|()| None).map_err(|halt| halt.to_string()),
        };
        let write = move || match writer.run(receive) {
            Err(error @ delivery::Error::Stopped) => Ok(Some(error.to_string())),
            Err(delivery::Error::Log(error)) if error.is_stop() => Ok(Some(error.to_string())),
            done => done.map(|()| None).map_err(|error| error.to_string()),
        };
        let keeper = Keeper { every: parts.snapshot_every, kept: self.kept(partition.index, store, kept) };
        Ok(Lane {
            worker: self.spawn("worker", partition.index, work)?,
            writer: self.spawn("writer", partition.index, write)?,
            keeper: std::thread::Builder::new().name("keeper".to_owned()).spawn(move || keeper.run())?,
        })
    }

    fn kept(&self, partition: u32, store: SharedStore, position: u64) -> Kept {
        Kept {
            partition,
            store,
            position,
            directory: self.parts.snapshots.clone(),
            shelter: self.parts.shelter.clone(),
            progress: Arc::clone(&self.progress),
            unsent: Unsent::nothing(),
        }
    }

    /// Runs `work` on a thread of its own; what it fails with halts the partition and is said aloud, as is why it left
    /// something behind.
    fn spawn(
        &self,
        role: &'static str,
        partition: u32,
        work: impl FnOnce() -> Result<Option<String>, String> + Send + 'static,
    ) -> Result<JoinHandle<()>, Error> {
        let progress = Arc::clone(&self.progress);
        let run = move || match work() {
            Ok(None) => {}
            Ok(Some(why)) => {
                let position = (0..).zip(progress.lanes()).find(|(index, _)| *index == partition);
                let position = position.map(|(_, lane)| lane.position);
                tracing::warn!(
                    partition,
                    role,
                    position,
                    why,
                    "left in the middle; whoever works it next goes on there"
                );
            }
            Err(why) => {
                tracing::error!(partition, role, why, "the partition stopped; its data is kept");
                progress.halt(partition, &why);
            }
        };
        Ok(std::thread::Builder::new().name(format!("{role}-{partition}")).spawn(run)?)
    }

    /// Whether every partition is worked here, so that [`Service::settle`] speaks for all of them.
    #[must_use]
    pub fn works_all(&self) -> bool {
        self.progress.lanes().iter().all(|lane| lane.owned)
    }

    /// The door for records.
    #[must_use]
    pub fn intake(&self) -> Arc<Intake> {
        Arc::clone(&self.intake)
    }

    /// How far everything is.
    #[must_use]
    pub fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }

    /// Entries in the journal's partitions that are worked here, and of those how many are in the warehouse and in the
    /// store.
    ///
    /// # Errors
    /// A journal that does not answer.
    pub fn positions(&self) -> Result<(u64, u64), Error> {
        // Positions first: a message on its way is in the journal before its sender's position passes it.
        let (mut all, mut done) = (0, 0);
        for (partition, lane) in (0..).zip(self.progress.lanes()).filter(|(_, lane)| lane.owned) {
            done += lane.position;
            all += self.parts.log.end(partition)?;
        }
        Ok((all, done))
    }

    /// Waits until everything journalled so far is acknowledged by the warehouse and committed; tells `watch` how far
    /// it is meanwhile, which may give up by answering false.
    ///
    /// # Errors
    /// A partition that halted.
    pub fn settle(&self, watch: &mut dyn FnMut(u64, u64) -> bool) -> Result<(), Error> {
        let _hurry = Hurry::new(&self.progress);
        loop {
            if let Some(why) = self.progress.halted() {
                return Err(Error::Halted(why));
            }
            if self.progress.stopping() {
                return Err(Error::Stopping);
            }
            let (all, done) = self.positions()?;
            if all == done || !watch(all, done) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Takes no more work; whoever waits in [`Service::settle`] is told so. [`Service::stop`] must follow.
    pub fn cease(&self) {
        self.progress.stop();
    }

    /// Stops taking work, lets writers finish what is decided, and makes the store durable.
    ///
    /// # Errors
    /// A store that cannot be made durable; a partition that had halted.
    pub fn stop(self) -> Result<(), Error> {
        self.progress.stop();
        let lanes: Vec<u32> = self.lanes.lock().unwrap_or_else(PoisonError::into_inner).keys().copied().collect();
        self.give_notice(&lanes);
        lanes.into_iter().try_for_each(|partition| self.leave(partition).map(drop))?;
        self.parts.store.sync()?;
        self.progress.halted().map_or(Ok(()), |why| Err(Error::Halted(why)))
    }
}

/// Ticks come without delay while one of these lives.
struct Hurry<'a>(&'a Progress);

impl<'a> Hurry<'a> {
    fn new(progress: &'a Progress) -> Self {
        progress.hurry(true);
        Self(progress)
    }
}

impl Drop for Hurry<'_> {
    fn drop(&mut self) {
        self.0.hurry(false);
    }
}
