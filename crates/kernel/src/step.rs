//! The one function that decides: entries up to a tick in, a commit out.
//!
//! Entries only add facts and statements to subjects. At the tick every touched subject is projected again; what it
//! now tells others in the same partition is delivered at once, until nobody has anything new to say; what it tells
//! others elsewhere leaves in the commit. Then the rows are compared with those before. The same entries give the same
//! commit, whatever was loaded from where.

use crate::classify::{Classifier, Lookup};
use crate::entry::{Entry, Message, Source};
use crate::id::{Kind, SubjectId};
use crate::projection::{Projection, Statement, project};
use crate::repair;
use crate::route::{Routed, route};
use crate::row::{Change, RejectedRecord, Rows};
use crate::rules::Rules;
use crate::settle::{Checksums, Ledger};
use crate::subject::{Fact, Part, Subject, Tag};
use crate::text::Text;
use crate::time::Timestamp;
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// Times a subject may be projected in one step before the partition is halted: far above any chain of merges.
const ROUNDS_MAX: u32 = 10_000;

/// Which partition this is, of how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Partition {
    pub index: u32,
    pub count: u32,
}

/// What a partition keeps beside its subjects; changes in the same atomic write as they do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Offset of the next journal entry to apply.
    pub position: u64,
    /// Event time of the latest event seen.
    pub watermark: Timestamp,
    /// What came from each raw stream.
    pub streams: BTreeMap<Text, Stream>,
    /// The last message taken from each partition.
    pub received: BTreeMap<u32, u64>,
    /// The last message sent to each partition.
    pub sent: BTreeMap<u32, u64>,
    /// Checksums of everything the partition shows.
    pub checksums: Checksums,
}

/// What came from a raw stream. `records = applied + duplicates + rejected`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stream {
    /// The least position not taken yet: one above the highest taken.
    pub mark: u64,
    /// Events that became facts.
    pub applied: u64,
    /// Events already known, or positions that came again.
    pub duplicates: u64,
    /// Records that could not become events.
    pub rejected: u64,
    /// Rejects by reason.
    pub reasons: BTreeMap<Text, u64>,
}

/// Everything a step changes; written whole or not at all.
#[derive(Clone, Debug, Default)]
pub struct Commit {
    /// The partition's own state after the step.
    pub state: State,
    /// Subjects as they now are; `None` for one that is empty.
    pub subjects: Vec<(SubjectId, Option<Subject>)>,
    /// What goes to the warehouse.
    pub rows: Rows,
    /// What goes to other partitions, in order of sending.
    pub messages: Vec<(u32, Entry)>,
}

/// Where subjects are loaded from.
pub trait Shelf {
    /// Why loading can fail.
    type Error;

    /// The subjects of these ids, in their order; `None` for one that is not there.
    ///
    /// # Errors
    /// Whatever keeps the shelf from answering.
    fn load(&mut self, ids: &[SubjectId]) -> Result<Vec<Option<Subject>>, Self::Error>;
}

/// Why a step did not happen.
#[derive(Debug, PartialEq, Eq)]
pub enum Error<E> {
    /// The shelf did not answer.
    Shelf(E),
    /// A message of a partition is missing: the journal lost an entry.
    Gap {
        /// The sending partition.
        from: u32,
        /// The number that was due.
        due: u64,
        /// The number that came.
        came: u64,
    },
    /// Subjects kept telling each other news for longer than any chain can be.
    Unsettled(SubjectId),
}

/// Applies `entries` (the journal from `state.position` on, ending where a settle is due) and settles.
///
/// # Errors
/// See [`Error`]; nothing has happened then.
pub fn step<S: Shelf>(
    rules: &Rules,
    partition: Partition,
    mut state: State,
    entries: Vec<Entry>,
    shelf: &mut S,
) -> Result<Commit, Error<S::Error>> {
    let next = state.position + entries.len() as u64;
    let mut rows = Rows { partition: partition.index, version: next.saturating_sub(1), ..Rows::default() };
    let classifier = Classifier::new(rules);
    let arrivals = sort_in(&classifier, &mut state, entries, &mut rows)?;
    let mut floor = Floor { rules: &classifier, partition, open: Lookup::default(), dirty: BTreeSet::new() };
    floor.take_in(arrivals, &mut state, shelf)?;
    floor.settle_all(shelf)?;
    state.position = next;
    let messages = floor.outgoing(&mut state);
    let subjects = floor.close(&mut state, &mut rows);
    Ok(Commit { state, subjects, rows, messages })
}

/// Something for a subject.
enum Arrival {
    Fact { workspace: Text, name: Text, fact: Fact, stream: Text },
    Said(Message),
}

/// What arrived for each subject, in order of subjects.
type Arrivals = Vec<(SubjectId, Vec<Arrival>)>;

/// Checks marks, counts, and addresses every entry to its subject. A subject's arrivals stay in journal order.
fn sort_in<E>(
    rules: &Classifier<'_>,
    state: &mut State,
    entries: Vec<Entry>,
    rows: &mut Rows,
) -> Result<Arrivals, Error<E>> {
    let mut arrivals: Lookup<SubjectId, Vec<Arrival>> = Lookup::default();
    for entry in entries {
        match entry {
            Entry::Tick { at } => state.watermark = state.watermark.max(at),
            Entry::Reject { source, reject } => {
                if let Some(stream) = advance(state, &source) {
                    stream.rejected += 1;
                    *stream.reasons.entry(reject.reason.clone()).or_default() += 1;
                    rows.rejects.push(Change::written(repair::rejected(source, reject)));
                }
            }
            Entry::Resolved { source, reject } => {
                if advance(state, &source).is_some() {
                    rows.rejects.push(Change::taken_back(RejectedRecord::resolved(reject)));
                }
            }
            Entry::Event { source, event } => {
                if advance(state, &source).is_some() {
                    state.watermark = state.watermark.max(event.occurred_at);
                    let Routed { to, name, workspace, fact } = route(rules, event);
                    let arrival = Arrival::Fact { workspace, name, fact, stream: source.stream };
                    arrivals.entry(to).or_default().push(arrival);
                }
            }
            Entry::Message { from, seq, message } => {
                let mark = state.received.entry(from).or_default();
                if seq > *mark + 1 {
                    return Err(Error::Gap { from, due: *mark + 1, came: seq });
                }
                if seq == *mark + 1 {
                    *mark = seq;
                    arrivals.entry(message.to).or_default().push(Arrival::Said(message));
                }
            }
        }
    }
    let mut arrivals: Arrivals = arrivals.into_iter().collect();
    arrivals.sort_unstable_by_key(|(id, _)| *id);
    Ok(arrivals)
}

/// Moves the stream's mark; `None` (and a duplicate counted) for a position that was taken before.
fn advance<'s>(state: &'s mut State, source: &Source) -> Option<&'s mut Stream> {
    if !state.streams.contains_key(&source.stream) {
        state.streams.insert(source.stream.clone(), Stream::default());
    }
    let stream = state.streams.get_mut(&source.stream)?;
    if source.position < stream.mark {
        stream.duplicates += 1;
        return None;
    }
    stream.mark = source.position.saturating_add(1);
    Some(stream)
}

/// A subject on the floor: as it was at the last tick, and as it is becoming.
struct Open {
    subject: Subject,
    before: Projection,
    /// `None` until it is projected in this step.
    now: Option<Projection>,
    rounds: u32,
}

/// The subjects being worked on.
struct Floor<'r> {
    rules: &'r Classifier<'r>,
    partition: Partition,
    open: Lookup<SubjectId, Box<Open>>,
    dirty: BTreeSet<SubjectId>,
}

impl Floor<'_> {
    /// Brings subjects onto the floor that are not there yet.
    fn fetch<'i, S: Shelf>(
        &mut self,
        wanted: impl Iterator<Item = (SubjectId, &'i Text, &'i Text)>,
        shelf: &mut S,
    ) -> Result<(), Error<S::Error>> {
        let mut missing: Vec<(SubjectId, &Text, &Text)> =
            wanted.filter(|(id, ..)| !self.open.contains_key(id)).collect();
        missing.dedup_by_key(|(id, ..)| *id);
        let ids: Vec<SubjectId> = missing.iter().map(|(id, ..)| *id).collect();
        if ids.is_empty() {
            return Ok(());
        }
        let loaded = shelf.load(&ids).map_err(Error::Shelf)?;
        for ((id, workspace, name), loaded) in missing.into_iter().zip(loaded) {
            let (subject, before) = match loaded {
                Some(subject) => {
                    let before = project(self.rules, id, &subject);
                    (subject, before)
                }
                None => (Subject::new(workspace.clone(), name.clone()), Projection::default()),
            };
            self.open.insert(id, Box::new(Open { subject, before, now: None, rounds: 0 }));
        }
        Ok(())
    }

    /// Adds what arrived, and counts what was new.
    fn take_in<S: Shelf>(
        &mut self,
        arrivals: Arrivals,
        state: &mut State,
        shelf: &mut S,
    ) -> Result<(), Error<S::Error>> {
        let first = arrivals.iter().filter_map(|(id, all)| Some((*id, all.first()?.address())));
        self.fetch(first.map(|(id, (workspace, name))| (id, workspace, name)), shelf)?;
        for (id, arrivals) in arrivals {
            let Some(open) = self.open.get_mut(&id) else { continue };
            let mut facts = Vec::new();
            for arrival in arrivals {
                match arrival {
                    Arrival::Fact { fact, stream, .. } => facts.push((fact, stream)),
                    Arrival::Said(message) => open.subject.hear((message.tag, message.from), message.part),
                }
            }
            for (stream, is_new) in open.subject.learn(facts) {
                if let Some(stream) = state.streams.get_mut(&stream) {
                    *(if is_new { &mut stream.applied } else { &mut stream.duplicates }) += 1;
                }
            }
            self.dirty.insert(id);
        }
        Ok(())
    }

    /// Projects every dirty subject and delivers its news, until there is none.
    fn settle_all<S: Shelf>(&mut self, shelf: &mut S) -> Result<(), Error<S::Error>> {
        while let Some(round) = self.next_round() {
            let mut news: Vec<News> = Vec::new();
            for id in round {
                self.dirty.remove(&id);
                self.project_one(id, &mut news)?;
            }
            news.sort_by_key(|news| news.to);
            self.fetch(news.iter().map(|news| (news.to, &news.workspace, &news.name)), shelf)?;
            for News { to, tag, from, part, .. } in news {
                if let Some(open) = self.open.get_mut(&to) {
                    open.subject.hear((tag, from), part);
                    self.dirty.insert(to);
                }
            }
        }
        Ok(())
    }

    /// The dirty subjects of the first kind that has any. Visitors speak to leads, deals to leads and accounts, leads
    /// to accounts: in this order most settle once.
    fn next_round(&self) -> Option<Vec<SubjectId>> {
        let order = [Kind::Visitor, Kind::Rates, Kind::Deal, Kind::Lead, Kind::Account, Kind::Spend];
        let of = |kind| self.dirty.range(SubjectId::first(kind)..=SubjectId::last(kind)).copied().collect();
        order.into_iter().map(of).find(|round: &Vec<SubjectId>| !round.is_empty())
    }

    fn project_one<E>(&mut self, id: SubjectId, news: &mut Vec<News>) -> Result<(), Error<E>> {
        let Some(open) = self.open.get_mut(&id) else { return Ok(()) };
        open.rounds += 1;
        if open.rounds > ROUNDS_MAX {
            return Err(Error::Unsettled(id));
        }
        let now = project(self.rules, id, &open.subject);
        let old = open.now.as_ref().unwrap_or(&open.before);
        for (to, tag, name, part) in statements(&old.said, &now.said) {
            if to.partition(self.partition.count) == self.partition.index {
                news.push(News { workspace: open.subject.workspace.clone(), to, tag, name, from: id, part });
            }
        }
        open.now = Some(now);
        Ok(())
    }

    /// What other partitions are told: the difference over the whole step, numbered densely.
    fn outgoing(&self, state: &mut State) -> Vec<(u32, Entry)> {
        let mut messages = Vec::new();
        let mut told: Vec<(&SubjectId, &Box<Open>)> = self.open.iter().collect();
        told.sort_unstable_by_key(|(id, _)| **id);
        for (id, open) in told {
            let Some(now) = &open.now else { continue };
            for (to, tag, name, part) in statements(&open.before.said, &now.said) {
                let partition = to.partition(self.partition.count);
                if partition != self.partition.index {
                    let seq = state.sent.entry(partition).or_default();
                    *seq += 1;
                    let workspace = open.subject.workspace.clone();
                    let message = Message { workspace, to, name, from: *id, tag, part };
                    messages.push((partition, Entry::Message { from: self.partition.index, seq: *seq, message }));
                }
            }
        }
        messages
    }

    /// Clears the floor: rows, ledger, checksums, subjects.
    fn close(self, state: &mut State, rows: &mut Rows) -> Vec<(SubjectId, Option<Subject>)> {
        let recorded_at = state.watermark;
        let mut ledger = Ledger::new(self.rules, rows, &mut state.checksums, recorded_at);
        let mut subjects = Vec::with_capacity(self.open.len());
        let mut open: Vec<(SubjectId, Box<Open>)> = self.open.into_iter().collect();
        open.sort_unstable_by_key(|(id, _)| *id);
        for (id, open) in open {
            let open = *open;
            let Some(now) = open.now else { continue };
            ledger.settle(open.before, now, &open.subject);
            subjects.push((id, (!open.subject.is_empty()).then_some(open.subject)));
        }
        repair::count_written(rows, &mut state.checksums);
        subjects
    }
}

/// A statement on its way to a subject of this partition.
struct News {
    workspace: Text,
    to: SubjectId,
    tag: Tag,
    name: Text,
    from: SubjectId,
    part: Option<Arc<Part>>,
}

impl Arrival {
    fn address(&self) -> (&Text, &Text) {
        match self {
            Self::Fact { workspace, name, .. } => (workspace, name),
            Self::Said(message) => (&message.workspace, &message.name),
        }
    }
}

/// What is said now and was not before, and what is taken back, in order of receiver and tag.
fn statements<'s>(
    old: &'s BTreeMap<(SubjectId, Tag), Statement>,
    new: &'s BTreeMap<(SubjectId, Tag), Statement>,
) -> impl Iterator<Item = (SubjectId, Tag, Text, Option<Arc<Part>>)> + 's {
    let said = new.iter().filter(|(key, statement)| old.get(key) != Some(statement));
    let said = said.map(|((to, tag), statement)| (*to, *tag, statement.name.clone(), Some(statement.part.clone())));
    let taken_back = old.iter().filter(|(key, _)| !new.contains_key(key));
    said.chain(taken_back.map(|((to, tag), statement)| (*to, *tag, statement.name.clone(), None)))
}
