//! The reconciler: holds what ClickHouse shows against what the partition believes, and sends again what differs.
//!
//! Every partition keeps, in the same atomic write as everything else, how many rows it shows by table and month and
//! the sum of their digests. ClickHouse is asked for the same. Where they differ, the digests of that bucket are
//! compared one by one: rows that are missing are sent again, rows that should not be there are buried. It runs on the
//! writer's thread, between two writes: then everything that was sent is committed, and nobody else writes.

use crate::delivery::{self, stored_state};
use crate::limits::{RECONCILE_ROWS, RESEND_ROWS};
use crate::log::Log;
use crate::progress::Progress;
use crate::rerun::Rerun;
use crate::shelf::SharedStore;
use crate::worker::Halt;
use smarketing_kernel::Checksum;
use smarketing_kernel::id::SubjectId;
use smarketing_kernel::repair::shown;
use smarketing_kernel::row::{Rows, Table};
use smarketing_kernel::rules::Rules;
use smarketing_kernel::step::{Partition, State};
use smarketing_kernel::subject::Subject;
use smarketing_store as store;
use smarketing_warehouse::{Bucket, Opener, Warehouse};
use std::collections::{BTreeMap, HashSet};
use std::ops::ControlFlow;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// Subjects projected at once.
const SUBJECTS: usize = 500;

/// How long a writer with nothing to write waits for the warehouse to forget.
const FORGET: Duration = Duration::from_secs(10);

/// Why a comparison or a repair did not come to its end. It is tried again; nothing is lost meanwhile.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The partition's state.
    #[error(transparent)]
    State(#[from] delivery::Error),
    /// The warehouse did not answer.
    #[error(transparent)]
    Warehouse(#[from] smarketing_warehouse::Error),
    /// The journal could not be worked off again.
    #[error(transparent)]
    Journal(#[from] Halt),
    /// Stored bytes are no subject, or a subject has no bytes.
    #[error("subject \"{id:?}\" does not decode: {reason}")]
    Subject {
        /// Whose bytes they are.
        id: SubjectId,
        /// What the decoder said.
        reason: postcard::Error,
    },
    /// A key of the store that is no subject's.
    #[error("the store holds a key that is no subject's")]
    Key,
    /// The service is being stopped.
    #[error("the service is stopping")]
    Stopping,
}

/// What was compared and mended since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repairs {
    /// Comparisons that came to their end.
    pub comparisons: u64,
    /// Rows that were missing and were sent again, by table.
    pub sent: BTreeMap<&'static str, u64>,
    /// Rows that should not have been there and were taken out, by table.
    pub buried: BTreeMap<&'static str, u64>,
    /// What could not be compared, or differs still.
    pub trouble: Option<String>,
}

pub(crate) struct Reconciler {
    pub(crate) partition: Partition,
    pub(crate) rules: Arc<Rules>,
    pub(crate) log: Arc<dyn Log>,
    pub(crate) stores: Arc<dyn store::Store>,
    pub(crate) store: SharedStore,
    pub(crate) warehouse: Warehouse,
    pub(crate) opener: Arc<dyn Opener>,
    pub(crate) progress: Arc<Progress>,
    pub(crate) runtime: Handle,
    /// Least time between two comparisons.
    pub(crate) every: Duration,
    /// End of the journal at the start: what a killed owner sent and did not commit is from before it.
    pub(crate) caught_up: u64,
    /// When the next comparison is due.
    pub(crate) due: Instant,
    /// Whether somebody was forgotten since the warehouse forgot last.
    pub(crate) forgets: bool,
}

/// A part of what a partition shows: table and month.
type Place = (Table, i32);

/// Places that differ, with how many rows there are on both sides together.
type Differing = BTreeMap<Place, u64>;

/// The digests ClickHouse holds, of places that differ; those that are met are taken out.
type Found = BTreeMap<Place, HashSet<u64>>;

impl Reconciler {
    /// Compares when it is due. A writer that is `busy` is let go on for as long again.
    pub(crate) fn look(&mut self, busy: bool) {
        if !busy {
            self.forget(FORGET);
        }
        let due = if busy { self.due + self.every } else { self.due };
        if Instant::now() < due {
            return;
        }
        match self.reconcile() {
            Ok(true) => {
                self.due = Instant::now() + self.every;
                // What a crash left out is made up for.
                self.forgets = true;
                self.forget(FORGET);
            }
            Ok(false) | Err(Error::Stopping) => {}
            Err(error) => {
                tracing::warn!(partition = self.partition.index, %error, "could not reconcile, trying again later");
                self.progress.repaired(self.partition.index, |repairs| repairs.trouble = Some(error.to_string()));
                self.due = Instant::now() + self.every;
            }
        }
    }

    /// Has the warehouse forget what it was told to: as soon as nothing else is to be written, because it reads much. It
    /// is not waited for longer than that; it goes on by itself, and the next comparison looks again.
    pub(crate) fn forget(&mut self, wait: Duration) {
        if !std::mem::take(&mut self.forgets) {
            return;
        }
        let forgot = self.runtime.block_on(async { tokio::time::timeout(wait, self.warehouse.forget()).await });
        if let Ok(Err(error)) = forgot {
            tracing::warn!(partition = self.partition.index, %error, "the warehouse could not forget, trying again later");
        }
    }

    /// Compares and repairs; false when it is too early for that.
    fn reconcile(&self) -> Result<bool, Error> {
        let (state, view) = {
            let store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
            (stored_state(store.as_ref())?, store.view()?)
        };
        if state.position == 0 || state.position < self.caught_up {
            return Ok(false);
        }
        let differing = self.differing(&state)?;
        let (written, shown): (Differing, Differing) = differing.iter().partition(|((table, _), _)| is_written(*table));
        for group in groups(&written).into_iter().chain(groups(&shown)) {
            self.repair(&state, view.as_ref(), &group)?;
        }
        let left = if differing.is_empty() { Differing::new() } else { self.differing(&state)? };
        let trouble = left.first_key_value().map(|((table, month), _)| {
            format!(
                "{} places of the warehouse differ after a repair, among them {} of month {month}: rows were written \
                 by somebody else, or the journal is older than the warehouse; rebuild it with `smarketing replay`",
                left.len(),
                table.word()
            )
        });
        if let Some(trouble) = &trouble {
            tracing::error!(partition = self.partition.index, trouble);
        }
        self.progress.repaired(self.partition.index, |repairs| {
            repairs.comparisons += 1;
            repairs.trouble = trouble;
        });
        Ok(true)
    }

    /// Where ClickHouse does not hold what it should.
    fn differing(&self, state: &State) -> Result<Differing, Error> {
        let mut differing = Differing::new();
        for table in Table::ALL {
            let expected = state.checksums.range((*table, i32::MIN)..=(*table, i32::MAX));
            let mut sums: BTreeMap<i32, (Checksum, Checksum)> =
                expected.map(|((_, month), sum)| (*month, (*sum, Checksum::default()))).collect();
            for found in self.runtime.block_on(self.warehouse.checksums(*table, self.partition.index))? {
                let rows = i64::try_from(found.rows).unwrap_or(i64::MAX);
                sums.entry(found.month).or_default().1 = Checksum { rows, digests: found.digests };
            }
            let rows =
                |(expected, found): (Checksum, Checksum)| expected.rows.saturating_add(found.rows).unsigned_abs();
            let unequal = sums.into_iter().filter(|(_, (expected, found))| expected != found);
            differing.extend(unequal.map(|(month, sums)| ((*table, month), rows(sums))));
        }
        Ok(differing)
    }

    fn repair(&self, state: &State, view: &dyn store::View, places: &[Place]) -> Result<(), Error> {
        let mut found = Found::new();
        for place in places {
            let digests = self.runtime.block_on(self.warehouse.digests(self.bucket(*place)))?;
            found.insert(*place, digests.into_iter().map(|(digest, _)| digest).collect());
        }
        let mut resend = Resend { reconciler: self, found, batch: Vec::new(), rows: 0, sent: BTreeMap::new() };
        if places.iter().any(|(table, _)| is_written(*table)) {
            let (rules, log, store) = (&*self.rules, &*self.log, &*self.stores);
            let rerun = Rerun { partition: self.partition, rules, log, store };
            rerun.run(state.position, &mut |rows| resend.take(rows))?;
        } else {
            self.say_again(state, view, &mut |rows| resend.take(rows))?;
        }
        resend.flush()?;
        let Resend { found, sent, .. } = resend;
        let mut buried: BTreeMap<&'static str, u64> = BTreeMap::new();
        for (place, unknown) in found {
            *buried.entry(place.0.word()).or_default() += self.bury(state, place, &unknown)?;
        }
        buried.retain(|_, rows| *rows > 0);
        tracing::warn!(partition = self.partition.index, ?sent, ?buried, "the warehouse differed and was repaired");
        self.progress.repaired(self.partition.index, |repairs| {
            sent.into_iter().for_each(|(table, rows)| *repairs.sent.entry(table).or_default() += rows);
            buried.into_iter().for_each(|(table, rows)| *repairs.buried.entry(table).or_default() += rows);
        });
        Ok(())
    }

    /// Takes out what is unknown to the partition and still there: an older row of a key went when its key was sent.
    fn bury(&self, state: &State, place: Place, unknown: &HashSet<u64>) -> Result<u64, Error> {
        if unknown.is_empty() {
            return Ok(0);
        }
        let (bucket, version) = (self.bucket(place), state.position - 1);
        let still = self.runtime.block_on(self.warehouse.digests(bucket))?;
        let still = still.into_iter().filter(|(digest, at)| *at <= version && unknown.contains(digest));
        let digests: Vec<u64> = still.map(|(digest, _)| digest).collect();
        self.runtime.block_on(self.warehouse.bury(bucket, version, &digests))?;
        Ok(digests.len() as u64)
    }

    /// Everything the stored subjects show, in parts.
    fn say_again(
        &self,
        state: &State,
        view: &dyn store::View,
        show: &mut dyn FnMut(Rows) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let (mut subjects, mut done) = (Vec::with_capacity(SUBJECTS), Ok(()));
        let mut say = |subjects: &mut Vec<(SubjectId, Subject)>| {
            let said = subjects.iter().map(|(id, subject)| (*id, subject));
            let rows = shown(&self.rules, self.partition.index, state.position - 1, said);
            subjects.clear();
            show(rows)
        };
        view.scan(&mut |key, value| {
            done = subject(key, value).and_then(|found| {
                subjects.push(found);
                if subjects.len() < SUBJECTS { Ok(()) } else { say(&mut subjects) }
            });
            if done.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        done?;
        say(&mut subjects)
    }

    fn bucket(&self, (table, month): Place) -> Bucket {
        Bucket { table, partition: self.partition.index, month }
    }
}

fn subject(key: &[u8], value: &[u8]) -> Result<(SubjectId, Subject), Error> {
    let id = SubjectId::of_key(key).ok_or(Error::Key)?;
    Ok((id, Subject::decode(value).map_err(|reason| Error::Subject { id, reason })?))
}

/// Whether rows of a table are written once, and so are a history that only the journal knows.
fn is_written(table: Table) -> bool {
    matches!(table, Table::CreditLedger | Table::Rejects)
}

/// Places to repair together: their digests fit in memory.
fn groups(differing: &Differing) -> Vec<Vec<Place>> {
    let mut groups: Vec<Vec<Place>> = Vec::new();
    let mut room = 0;
    for (place, rows) in differing {
        match groups.last_mut().filter(|_| *rows <= room) {
            Some(group) => group.push(*place),
            None => {
                groups.push(vec![*place]);
                room = RECONCILE_ROWS;
            }
        }
        room = room.saturating_sub(*rows);
    }
    groups
}

/// Rows on their way back to ClickHouse: of all that are said, those that were not found.
struct Resend<'a> {
    reconciler: &'a Reconciler,
    found: Found,
    batch: Vec<Rows>,
    rows: u64,
    sent: BTreeMap<&'static str, u64>,
}

impl Resend<'_> {
    fn take(&mut self, mut rows: Rows) -> Result<(), Error> {
        if self.reconciler.progress.leaving(self.reconciler.partition.index) {
            return Err(Error::Stopping);
        }
        let (found, sent) = (&mut self.found, &mut self.sent);
        rows.retain(&mut |table, month, digest| {
            let missing = found.get_mut(&(table, month)).is_some_and(|found| !found.remove(&digest));
            if missing {
                *sent.entry(table.word()).or_default() += 1;
            }
            missing
        });
        self.rows += rows.count();
        self.batch.push(rows);
        if self.rows < RESEND_ROWS { Ok(()) } else { self.flush() }
    }

    fn flush(&mut self) -> Result<(), Error> {
        let Reconciler { warehouse, opener, runtime, .. } = self.reconciler;
        runtime.block_on(warehouse.insert(&self.batch, opener.as_ref()))?;
        self.batch.clear();
        self.rows = 0;
        Ok(())
    }
}
