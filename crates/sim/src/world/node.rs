//! The owner of a partition, as the engine drives one: a worker that reads the journal and steps the kernel, a writer
//! that sends messages, delivers rows, waits for the acknowledgement and only then commits.

use super::ground::Ground;
use super::store::{Recent, Store};
use super::{Fault, Invariant, Violation};
use crate::chance::mix;
use smarketing_kernel::entry::Entry;
use smarketing_kernel::id::SubjectId;
use smarketing_kernel::row::Rows;
use smarketing_kernel::step::{Commit, Error, Kept, Partition, State, step};
use std::collections::{BTreeMap, VecDeque};
use std::hash::Hasher as _;

/// A settle is due whenever the journal offset passes a multiple of this; part of the journal's format.
const SETTLE_EVERY: u64 = 24;

/// Settled steps that may wait for the writer; then the worker pauses.
const WAITING_MAX: usize = 2;

/// A step on its way to the writer.
struct Settled {
    state: State,
    subjects: Vec<(SubjectId, Kept)>,
    rows: Rows,
    messages: Vec<(u32, Entry)>,
    number: u64,
}

/// Steps being written together.
struct Writing {
    group: Vec<Settled>,
    /// Messages still to be sent, a lane and step at a time.
    unsent: VecDeque<(u32, Vec<Entry>)>,
    delivered: bool,
}

/// See the module.
pub(super) struct Node {
    partition: Partition,
    pub(super) store: Store,
    /// State after the latest step, committed or not.
    state: State,
    pending: Vec<Entry>,
    next: u64,
    /// What steps left that may not be committed yet, with their numbers.
    left: BTreeMap<SubjectId, (u64, Kept)>,
    number: u64,
    committed: u64,
    settled: VecDeque<Settled>,
    writing: Option<Writing>,
}

/// How a turn ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Something was done.
    Worked,
    /// There was nothing to do.
    Idle,
    /// The owner stopped: it starts again from its store.
    Died,
}

impl Node {
    /// An owner that starts from what its store holds.
    pub(super) fn start(partition: Partition, store: Store) -> Self {
        let state = store.held().state.clone();
        Self {
            partition,
            store,
            next: state.position,
            state,
            pending: Vec::new(),
            left: BTreeMap::new(),
            number: 0,
            committed: 0,
            settled: VecDeque::new(),
            writing: None,
        }
    }

    /// One step of the worker or of the writer.
    pub(super) fn turn(&mut self, ground: &mut Ground<'_>) -> Result<Turn, Violation> {
        let (work, write) = (self.settled.len() < WAITING_MAX, self.writing.is_some() || !self.settled.is_empty());
        if write && (!work || ground.chance.one_in(2)) {
            return self.write(ground);
        }
        let turn = if work { self.work(ground)? } else { Turn::Idle };
        if turn == Turn::Idle && write { self.write(ground) } else { Ok(turn) }
    }

    fn work(&mut self, ground: &mut Ground<'_>) -> Result<Turn, Violation> {
        let lane = &ground.lanes[self.partition.index as usize].entries;
        let many = ground.chance.index(12) + 1;
        let mut batch: Vec<(u64, Entry)> = (self.next..)
            .zip(lane.iter().skip(self.next as usize))
            .take(many)
            .map(|(offset, entry)| (offset, entry.clone()))
            .collect();
        if batch.is_empty() {
            if self.pending.is_empty() {
                return Ok(Turn::Idle);
            }
            let tick = Entry::Tick { at: self.state.watermark };
            ground.produce(self.partition.index, &[tick])?;
            return Ok(Turn::Worked);
        }
        if ground.strikes(Fault::OffsetJump, 60) {
            let pick = ground.chance.index(batch.len());
            if ground.chance.one_in(2) { drop(batch.remove(pick)) } else { batch.push(batch[pick].clone()) }
        }
        for (offset, entry) in batch {
            if offset < self.next {
                continue;
            }
            if offset > self.next {
                // An entry is missing: halt, and start again.
                return Ok(Turn::Died);
            }
            let is_tick = matches!(entry, Entry::Tick { .. });
            self.pending.push(entry);
            self.next = offset + 1;
            if is_tick || self.next.is_multiple_of(SETTLE_EVERY) {
                self.settle(ground)?;
            }
        }
        Ok(Turn::Worked)
    }

    fn settle(&mut self, ground: &mut Ground<'_>) -> Result<(), Violation> {
        let entries = std::mem::take(&mut self.pending);
        if self.state.position + entries.len() as u64 != self.next {
            let what = format!("partition {} applies entry {} twice or never", self.partition.index, self.next);
            return Err(Violation::new(Invariant::Contiguity, what));
        }
        let mut shelf = Recent { left: &self.left, held: self.store.held() };
        let commit = step(ground.rules, self.partition, self.state.clone(), entries, &mut shelf);
        let commit = commit.map_err(|error| match error {
            Error::Gap { from, due, came } => {
                Violation::new(Invariant::Hop, format!("message {due} of partition {from} is due, {came} came"))
            }
            Error::Shelf(error) => {
                Violation::new(Invariant::Determinism, format!("a subject does not decode: {error}"))
            }
            Error::Unsettled(id) => Violation::new(Invariant::Liveness, format!("{id:?} does not settle")),
            Error::Unheard { from, seq } => {
                Violation::new(Invariant::Determinism, format!("message {seq} of partition {from} does not come back"))
            }
            Error::Unkept(id) => Violation::new(Invariant::Determinism, format!("{id:?} does not come back")),
        })?;
        self.counted(&commit, ground)?;
        self.number += 1;
        let number = self.number;
        self.left.extend(commit.subjects.iter().map(|(id, subject)| (*id, (number, subject.clone()))));
        if ground.chance.one_in(2) {
            let committed = self.committed;
            self.left.retain(|_, (step, _)| *step > committed);
        }
        self.folded(&commit, ground)?;
        let Commit { state, subjects, rows, messages } = commit;
        self.state = state.clone();
        self.settled.push_back(Settled { state, subjects, rows, messages, number });
        Ok(())
    }

    /// Every record up to here was applied, a duplicate or rejected.
    fn counted(&self, commit: &Commit, ground: &Ground<'_>) -> Result<(), Violation> {
        let streams = commit.state.streams.values();
        let counted: u64 = streams.map(|stream| stream.applied + stream.duplicates + stream.rejected).sum();
        let records = ground.lanes[self.partition.index as usize].records(commit.state.position);
        if counted == records {
            return Ok(());
        }
        let what = format!("partition {} has counted {counted} of {records} records", self.partition.index);
        Err(Violation::new(Invariant::Records, what))
    }

    /// A step that ends at an offset is the same whoever takes it.
    fn folded(&self, commit: &Commit, ground: &mut Ground<'_>) -> Result<(), Violation> {
        let mut hasher = siphasher::sip::SipHasher13::new();
        hasher.write(&bytes(&(&commit.state, &commit.subjects, &commit.messages)));
        hasher.write_u64(digests(&commit.rows));
        let hash = hasher.finish();
        ground.note(hash);
        let key = (self.partition.index, commit.state.position);
        if *ground.fold.entry(key).or_insert(hash) == hash {
            return Ok(());
        }
        let what = format!("the step of partition {} that ends at {} comes out another way", key.0, key.1);
        Err(Violation::new(Invariant::Determinism, what))
    }

    /// The writer's next step: messages, then rows, then the commit.
    fn write(&mut self, ground: &mut Ground<'_>) -> Result<Turn, Violation> {
        let Some(writing) = &mut self.writing else {
            self.gather(ground);
            return Ok(Turn::Worked);
        };
        if let Some((lane, entries)) = writing.unsent.pop_front() {
            let acknowledged = ground.produce(lane, &entries)?;
            return Ok(if acknowledged { Turn::Worked } else { Turn::Died });
        }
        if !writing.delivered {
            let rows: Vec<&Rows> = writing.group.iter().map(|settled| &settled.rows).collect();
            writing.delivered = ground.insert(&rows)?;
            return Ok(Turn::Worked);
        }
        self.commit(ground)
    }

    fn commit(&mut self, ground: &mut Ground<'_>) -> Result<Turn, Violation> {
        let Some(Writing { group, .. }) = self.writing.take() else { return Ok(Turn::Idle) };
        let mut subjects = Vec::new();
        let mut last = None;
        for settled in group {
            subjects.extend(settled.subjects);
            last = Some((settled.state, settled.number));
        }
        let Some((state, number)) = last else { return Ok(Turn::Idle) };
        for (to, sent) in &state.sent {
            let landed = ground.lanes[*to as usize].landed(self.partition.index);
            if landed < *sent {
                let what = format!(
                    "partition {} commits message {sent} to {to}, of which {landed} landed",
                    self.partition.index
                );
                return Err(Violation::new(Invariant::Hop, what));
            }
        }
        self.store.commit(subjects, state);
        self.committed = number;
        Ok(Turn::Worked)
    }

    /// Steps to write together.
    fn gather(&mut self, ground: &mut Ground<'_>) {
        let many = ground.chance.index(self.settled.len()) + 1;
        let group: Vec<Settled> = self.settled.drain(..many).collect();
        let mut unsent = VecDeque::new();
        for settled in &group {
            let mut lanes: BTreeMap<u32, Vec<Entry>> = BTreeMap::new();
            for (to, entry) in &settled.messages {
                lanes.entry(*to).or_default().push(entry.clone());
            }
            unsent.extend(lanes);
        }
        self.writing = Some(Writing { group, unsent, delivered: false });
    }
}

fn bytes<T: serde::Serialize>(what: &T) -> Vec<u8> {
    postcard::to_allocvec(what).unwrap_or_default()
}

/// One number for all rows of a step.
fn digests(rows: &Rows) -> u64 {
    let mut all = mix(rows.version);
    let mut fold = |deleted: bool, digest: u64| all = mix(all ^ digest ^ u64::from(deleted));
    macro_rules! each {
        ($($table:ident),+) => {
            $(rows.$table.iter().for_each(|change| fold(change.deleted, change.digest));)+
        };
    }
    each!(web_events, touches, leads, lead_events, stage_entries, handoffs, deals, deal_history, conversions);
    each!(ad_spend, exchange_rates);
    fold(false, rows.credit_ledger.len() as u64);
    all
}
