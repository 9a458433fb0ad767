//! Messages of several partitions, put in the order of their times.
//!
//! Whoever catches up on many topics would otherwise see all of one before the first of another: every result would be
//! the same, but the ledger would hold a correction for everything that came too early. So nothing is taken while a
//! partition that has more to give is silent, for a bounded time.

use crate::limits::{INTAKE_BYTES, MERGE_BUFFER, MERGE_BYTES};
use smarketing_kernel::text::Text;
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

/// A partition of a raw topic: number of the topic, number of the partition.
pub(crate) type Place = (usize, i32);

/// A message as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Raw {
    pub(crate) offset: i64,
    /// The record's time in milliseconds; the least there is if it has none.
    pub(crate) at: i64,
    pub(crate) bytes: Vec<u8>,
    /// Whether its header says that it is an envelope of CloudEvents.
    pub(crate) in_envelope: bool,
}

/// What waits, by partition.
pub(crate) struct Merge {
    lanes: BTreeMap<Place, Lane>,
    wait: Duration,
    starving: Option<Instant>,
}

/// One partition's messages.
pub(crate) struct Lane {
    /// Its name as a stream of the journal.
    pub(crate) stream: Text,
    queue: VecDeque<Raw>,
    /// Bytes of the messages in it.
    bytes: usize,
    /// Whether the broker has no more for now.
    at_end: bool,
    /// The offset after the last message taken in.
    next: i64,
}

impl Lane {
    fn starves(&self) -> bool {
        self.queue.is_empty() && !self.at_end
    }

    /// Whether there is room for more.
    pub(crate) fn has_room(&self) -> bool {
        self.queue.len() < MERGE_BUFFER && self.bytes < MERGE_BYTES
    }

    /// Takes a message in. False when it is older than one before it: the order is lost.
    pub(crate) fn push(&mut self, raw: Raw) -> bool {
        let in_order = raw.offset >= self.next;
        self.next = raw.offset + 1;
        self.at_end = false;
        self.bytes += raw.bytes.len();
        self.queue.push_back(raw);
        in_order
    }

    /// The first message, if it is not later than that.
    fn pop(&mut self, until: i64) -> Option<Raw> {
        let raw = self.queue.pop_front_if(|raw| raw.at <= until)?;
        self.bytes -= raw.bytes.len();
        Some(raw)
    }

    /// Gives the first message back.
    fn unpop(&mut self, raw: Raw) {
        self.bytes += raw.bytes.len();
        self.queue.push_front(raw);
    }

    /// The broker has no more for now.
    pub(crate) fn end(&mut self) {
        self.at_end = true;
    }
}

impl Merge {
    pub(crate) fn new(wait: Duration) -> Self {
        Self { lanes: BTreeMap::new(), wait, starving: None }
    }

    pub(crate) fn open(&mut self, place: Place, stream: Text) {
        let lane = Lane { stream, queue: VecDeque::new(), bytes: 0, at_end: false, next: 0 };
        let _before = self.lanes.insert(place, lane);
    }

    pub(crate) fn close(&mut self, place: Place) {
        let _gone = self.lanes.remove(&place);
    }

    pub(crate) fn lane(&mut self, place: Place) -> Option<&mut Lane> {
        self.lanes.get_mut(&place)
    }

    /// The next messages, at most `most` and some of [`INTAKE_BYTES`], the earliest first. Empty while a partition is
    /// waited for.
    pub(crate) fn take(&mut self, most: usize, now: Instant) -> Vec<(Place, Raw)> {
        let (mut taken, mut bytes) = (Vec::new(), 0);
        let waits = self.lanes.values().any(Lane::starves);
        let since = waits.then(|| *self.starving.get_or_insert(now));
        self.starving = since;
        let patient = since.is_some_and(|since| now.saturating_duration_since(since) < self.wait);
        while taken.len() < most && bytes < INTAKE_BYTES && !(patient && self.lanes.values().any(Lane::starves)) {
            let Some((place, until)) = self.earliest() else { break };
            let Some(lane) = self.lanes.get_mut(&place) else { break };
            while taken.len() < most && bytes < INTAKE_BYTES {
                let Some(raw) = lane.pop(until) else { break };
                bytes += raw.bytes.len();
                taken.push((place, raw));
            }
            if lane.starves() && taken.len() < most {
                // The rest may have to wait for it: look again with its next messages.
                break;
            }
        }
        taken
    }

    /// Whether everything was taken, and brokers have no more for now.
    pub(crate) fn is_at_end(&self) -> bool {
        self.lanes.values().all(|lane| lane.at_end && lane.queue.is_empty())
    }

    /// Gives back what was taken last and could not be used.
    pub(crate) fn give_back(&mut self, taken: Vec<(Place, Raw)>) {
        for (place, raw) in taken.into_iter().rev() {
            if let Some(lane) = self.lanes.get_mut(&place) {
                lane.unpop(raw);
            }
        }
    }

    /// The lane with the earliest message, and until which time it may be read before another's turn.
    fn earliest(&self) -> Option<(Place, i64)> {
        let heads = self.lanes.iter().filter_map(|(place, lane)| Some((lane.queue.front()?.at, *place)));
        let mut first: Option<(i64, Place)> = None;
        let mut second = i64::MAX;
        for head in heads {
            match first {
                Some(best) if head >= best => second = second.min(head.0),
                best => {
                    second = best.map_or(second, |(at, _)| at);
                    first = Some(head);
                }
            }
        }
        first.map(|(at, place)| (place, second.max(at)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAIT: Duration = Duration::from_millis(100);

    fn raw(offset: i64, at: i64) -> Raw {
        Raw { offset, at, bytes: Vec::new(), in_envelope: false }
    }

    fn times(taken: &[(Place, Raw)]) -> Vec<i64> {
        taken.iter().map(|(_, raw)| raw.at).collect()
    }

    fn merge(lanes: &[&[i64]]) -> Merge {
        let mut merge = Merge::new(WAIT);
        for (place, times) in lanes.iter().enumerate() {
            merge.open((place, 0), Text::from("s"));
            let lane = merge.lane((place, 0)).unwrap();
            (0..).zip(*times).for_each(|(offset, at)| assert!(lane.push(raw(offset, *at))));
        }
        merge
    }

    #[test]
    fn partitions_come_out_in_the_order_of_time() {
        let mut merge = merge(&[&[1, 4, 9], &[2, 3, 8], &[5, 6, 7]]);
        for place in 0..3 {
            merge.lane((place, 0)).unwrap().end();
        }
        let now = Instant::now();
        assert_eq!(times(&merge.take(4, now)), [1, 2, 3, 4]);
        assert!(!merge.is_at_end());
        assert_eq!(times(&merge.take(9, now)), [5, 6, 7, 8, 9]);
        assert!(merge.is_at_end());
        assert!(merge.lane((0, 0)).unwrap().push(raw(3, 10)));
        assert!(!merge.is_at_end());
    }

    #[test]
    fn a_silent_partition_is_waited_for_but_not_for_ever() {
        let mut merge = merge(&[&[5, 6], &[]]);
        let now = Instant::now();
        assert_eq!(times(&merge.take(9, now)), [] as [i64; 0]);
        assert!(merge.lane((1, 0)).unwrap().push(raw(0, 3)));
        // The lane is empty again after this one, and has not said that it is at its end.
        assert_eq!(times(&merge.take(9, now)), [3]);
        assert_eq!(times(&merge.take(9, now + WAIT / 2)), [] as [i64; 0]);
        assert_eq!(times(&merge.take(9, now + WAIT * 2)), [5, 6]);
        merge.lane((1, 0)).unwrap().end();
        merge.close((0, 0));
        assert!(merge.lane((1, 0)).unwrap().push(raw(1, 1)));
        assert_eq!(times(&merge.take(9, now)), [1]);
    }

    #[test]
    fn what_is_given_back_comes_again() {
        let mut merge = merge(&[&[1, 2], &[1, 3]]);
        merge.lane((0, 0)).unwrap().end();
        merge.lane((1, 0)).unwrap().end();
        let taken = merge.take(3, Instant::now());
        merge.give_back(taken.clone());
        assert_eq!(merge.take(3, Instant::now()), taken);
    }

    #[test]
    fn lost_order_is_noticed_and_buffers_end() {
        let mut merge = merge(&[&[1, 2, 3]]);
        let lane = merge.lane((0, 0)).unwrap();
        assert!(!lane.push(raw(1, 9)));
        (3..).take(MERGE_BUFFER).for_each(|offset| assert!(lane.push(raw(offset, 9))));
        assert!(!lane.has_room());
    }

    #[test]
    fn large_messages_leave_in_small_batches() {
        let mut merge = Merge::new(WAIT);
        merge.open((0, 0), Text::from("s"));
        let lane = merge.lane((0, 0)).unwrap();
        let large = |offset| Raw { bytes: vec![0; MERGE_BYTES / 4], ..raw(offset, 1) };
        let came = (0..).take_while(|offset| lane.has_room() && lane.push(large(*offset))).count();
        assert_eq!(came, 4);
        let batches = [(); 3].map(|()| merge.take(9, Instant::now() + WAIT * 2).len());
        assert_eq!(batches.iter().sum::<usize>(), came);
        assert!(batches.iter().all(|batch| batch * MERGE_BYTES / 4 <= INTAKE_BYTES), "{batches:?}");
        assert!(merge.lane((0, 0)).unwrap().has_room());
    }
}
