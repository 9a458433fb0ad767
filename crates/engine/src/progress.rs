//! How far everything is: what workers and writers tell, what callers wait for.

use crate::limits::DRAIN;
use crate::limits::FAR_BEHIND;
use crate::metrics::Metrics;
use crate::reconciler::Repairs;
use smarketing_kernel::step::{State, Stream};
use smarketing_kernel::text::Text;
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What is known of one partition.
#[derive(Clone, Debug, Default)]
pub struct Lane {
    /// Journal offset up to which everything is in the warehouse and in the store.
    pub position: u64,
    /// Rows the warehouse acknowledged since the start.
    pub rows: u64,
    /// What came from each raw stream.
    pub streams: BTreeMap<Text, Stream>,
    /// Of that, what was delivered here since the start, however often the partition came and went.
    pub since: Stream,
    /// Why the partition stopped, if it did.
    pub halted: Option<String>,
    /// What the writer is waiting for, if it is.
    pub waiting: Option<String>,
    /// Whether this process works the partition.
    pub owned: bool,
    /// Since when it is about to stop working it.
    leaving: Option<Instant>,
    /// What the reconciler compared and mended since the start.
    pub repairs: Repairs,
    /// Number of the latest step that is committed.
    committed: u64,
    /// Whether the worker has settled everything in its journal.
    idle: bool,
    /// Appends that are not delivered yet: the offset behind each, and when it was durable. Bounded: beyond it appends
    /// are not timed.
    on_their_way: VecDeque<(u64, Instant)>,
}

/// Most appends of a partition that are timed at once.
const TIMED_MAX: usize = 1_024;

impl Lane {
    /// How long the oldest append that is not delivered yet has waited.
    #[must_use]
    pub fn waited(&self) -> Duration {
        self.on_their_way.front().map_or(Duration::ZERO, |(_, durable)| durable.elapsed())
    }

    /// Counts what is new: a partition that another process worked brings a past that is no news here.
    fn count(&mut self, state: &State) {
        let none = Stream::default();
        for (name, now) in &state.streams {
            let then = self.streams.get(name).unwrap_or(&none);
            self.since.applied += now.applied.saturating_sub(then.applied);
            self.since.duplicates += now.duplicates.saturating_sub(then.duplicates);
            self.since.rejected += now.rejected.saturating_sub(then.rejected);
            for (reason, count) in &now.reasons {
                let new = count.saturating_sub(then.reasons.get(reason).copied().unwrap_or_default());
                *self.since.reasons.entry(reason.clone()).or_default() += new;
            }
        }
    }

    /// What is left of it when it comes or goes.
    fn anew(&mut self) -> Self {
        Self { rows: self.rows, since: std::mem::take(&mut self.since), ..Self::default() }
    }

    fn stand(&mut self, state: &State) {
        self.position = state.position;
        self.streams.clone_from(&state.streams);
    }
}

/// Shared by the service, its workers and its writers.
pub struct Progress {
    lanes: Mutex<Vec<Lane>>,
    stopping: AtomicBool,
    hurry: AtomicU64,
    metrics: Option<Metrics>,
    /// Why something that is no partition stopped.
    failed: Mutex<Option<String>>,
    /// Messages of each raw topic that are not read yet.
    lags: Mutex<BTreeMap<String, u64>>,
}

impl Progress {
    /// Progress of `partitions` partitions that nothing is known of yet.
    #[must_use]
    pub fn new(partitions: u32) -> Self {
        let lanes = (0..partitions).map(|_| Lane::default()).collect();
        Self {
            lanes: Mutex::new(lanes),
            stopping: AtomicBool::new(false),
            hurry: AtomicU64::new(0),
            metrics: None,
            failed: Mutex::default(),
            lags: Mutex::default(),
        }
    }

    /// The same, measured.
    #[must_use]
    pub fn measured(partitions: u32, metrics: Metrics) -> Self {
        Self { metrics: Some(metrics), ..Self::new(partitions) }
    }

    /// What is measured, where it is.
    #[must_use]
    pub fn metrics(&self) -> Option<&Metrics> {
        self.metrics.as_ref()
    }

    fn hold(&self) -> MutexGuard<'_, Vec<Lane>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, partition: u32, change: impl FnOnce(&mut Lane)) {
        let mut lanes = self.hold();
        if let Some(lane) = usize::try_from(partition).ok().and_then(|index| lanes.get_mut(index)) {
            change(lane);
        }
    }

    /// Every partition as it is now.
    #[must_use]
    pub fn lanes(&self) -> Vec<Lane> {
        self.hold().clone()
    }

    /// What came from one stream, over all partitions.
    #[must_use]
    pub fn stream(&self, name: &str) -> Stream {
        let mut sum = Stream::default();
        for stream in self.hold().iter().filter_map(|lane| lane.streams.get(name)) {
            sum.mark = sum.mark.max(stream.mark);
            sum.applied += stream.applied;
            sum.duplicates += stream.duplicates;
            sum.rejected += stream.rejected;
            for (reason, count) in &stream.reasons {
                *sum.reasons.entry(reason.clone()).or_default() += count;
            }
        }
        sum
    }

    /// The first partition, or whatever else, that stopped, and why.
    #[must_use]
    pub fn halted(&self) -> Option<String> {
        let lane = self.hold().iter().find_map(|lane| lane.halted.clone());
        lane.or_else(|| self.failed.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    /// Tells that something which is no partition stopped, and why.
    pub fn fail(&self, why: &str) {
        *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(why.to_owned());
    }

    /// Whether something that is no partition stopped.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// How many messages of each raw topic this process has not read yet, of those it is to read.
    #[must_use]
    pub fn lags(&self) -> BTreeMap<String, u64> {
        self.lags.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn lag(&self, lags: impl Iterator<Item = (String, u64)>) {
        self.lags.lock().unwrap_or_else(PoisonError::into_inner).extend(lags);
    }

    /// Whether raw topics are far ahead: nobody waits for what was read just now, and large steps cost less than early
    /// ones.
    pub(crate) fn catches_up(&self) -> bool {
        self.lags.lock().unwrap_or_else(PoisonError::into_inner).values().sum::<u64>() > FAR_BEHIND
    }

    pub(crate) fn committed(&self, partition: u32) -> u64 {
        usize::try_from(partition).ok().and_then(|index| self.hold().get(index).map(|lane| lane.committed)).unwrap_or(0)
    }

    pub(crate) fn opened(&self, partition: u32, state: &State) {
        self.change(partition, |lane| {
            *lane = Lane { owned: true, ..lane.anew() };
            lane.stand(state);
        });
    }

    /// Asks a partition's worker and writer to stop.
    pub(crate) fn leave(&self, partition: u32) {
        self.change(partition, |lane| {
            lane.leaving.get_or_insert_with(Instant::now);
        });
    }

    /// They have stopped.
    pub(crate) fn left(&self, partition: u32) {
        self.change(partition, |lane| *lane = Lane { halted: lane.halted.take(), ..lane.anew() });
    }

    pub(crate) fn commit(&self, partition: u32, number: u64, state: &State, rows: u64) {
        self.change(partition, |lane| {
            lane.count(state);
            lane.stand(state);
            lane.committed = number;
            lane.rows += rows;
            lane.waiting = None;
            while lane.on_their_way.front().is_some_and(|(end, _)| *end <= state.position) {
                let arrived = lane.on_their_way.pop_front().map(|(_, durable)| durable.elapsed());
                self.measure(|metrics| arrived.into_iter().for_each(|after| metrics.queryable(after)));
            }
        });
        self.measure(|metrics| metrics.delivered(rows));
    }

    pub(crate) fn measure(&self, measure: impl FnOnce(&Metrics)) {
        if let Some(metrics) = &self.metrics {
            measure(metrics);
        }
    }

    /// Tells that a partition's journal is durable up to `end` since now.
    pub(crate) fn appended(&self, partition: u32, end: u64) {
        self.change(partition, |lane| {
            if lane.on_their_way.len() < TIMED_MAX {
                lane.on_their_way.push_back((end, Instant::now()));
            }
        });
    }

    /// Tells how long a settle took to decide.
    pub(crate) fn settled(&self, after: Duration) {
        self.measure(|metrics| metrics.settled(after));
    }

    pub(crate) fn rest(&self, partition: u32, idle: bool) {
        self.change(partition, |lane| lane.idle = idle);
    }

    /// Whether the worker has read all there is: the next step comes with the next tick, not at once.
    pub(crate) fn rests(&self, partition: u32) -> bool {
        usize::try_from(partition).ok().and_then(|index| self.hold().get(index).map(|lane| lane.idle)).unwrap_or(false)
    }

    pub(crate) fn repaired(&self, partition: u32, change: impl FnOnce(&mut Repairs)) {
        self.change(partition, |lane| change(&mut lane.repairs));
    }

    pub(crate) fn wait_for(&self, partition: u32, what: &str) {
        self.change(partition, |lane| lane.waiting = Some(what.to_owned()));
        self.measure(Metrics::refused);
    }

    /// Waits before another try, but not through a stop: whether to go on.
    pub(crate) fn pause(&self, partition: u32, pause: Duration) -> bool {
        let step = Duration::from_millis(50);
        let mut left = pause;
        while !left.is_zero() && !self.leaving(partition) {
            std::thread::sleep(left.min(step));
            left = left.saturating_sub(step);
        }
        left.is_zero()
    }

    /// Tells that a partition stopped, and why.
    pub fn halt(&self, partition: u32, why: &str) {
        self.change(partition, |lane| lane.halted = Some(why.to_owned()));
    }

    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
    }

    pub(crate) fn stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    /// Whether a partition's worker and writer are to stop.
    pub(crate) fn leaving(&self, partition: u32) -> bool {
        let lane = |index: usize| self.hold().get(index).map(|lane| lane.leaving.is_some());
        self.stopping() || usize::try_from(partition).ok().and_then(lane).unwrap_or(true)
    }

    /// Whether whoever takes a partition next should not be kept waiting any longer.
    pub(crate) fn overdue(&self, partition: u32) -> bool {
        let lane = |index: usize| self.hold().get(index).and_then(|lane| lane.leaving);
        usize::try_from(partition).ok().and_then(lane).is_some_and(|since| since.elapsed() >= DRAIN)
    }

    /// While somebody waits for quiet, ticks are not spaced out.
    pub(crate) fn hurried(&self) -> bool {
        self.hurry.load(Ordering::SeqCst) > 0
    }

    pub(crate) fn hurry(&self, on: bool) {
        if on {
            self.hurry.fetch_add(1, Ordering::SeqCst);
        } else {
            self.hurry.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(applied: u64, rejected: u64) -> State {
        let reasons = [(Text::from("invalid_json"), rejected)].into();
        let stream = Stream { applied, rejected, reasons, ..Stream::default() };
        State { streams: [(Text::from("views-0"), stream)].into(), ..State::default() }
    }

    #[test]
    fn a_partition_that_is_taken_over_is_no_news() {
        let progress = Progress::new(1);
        let since = || progress.lanes()[0].since.clone();
        progress.opened(0, &state(1_000, 900));
        assert_eq!(since(), Stream::default());
        progress.commit(0, 1, &state(1_007, 902), 1);
        progress.left(0);
        progress.opened(0, &state(5_000, 950));
        progress.commit(0, 1, &state(5_001, 950), 1);
        assert_eq!((since().applied, since().rejected, since().reasons["invalid_json"]), (8, 2, 2));
        assert_eq!(progress.stream("views-0").applied, 5_001);
    }
}
