//! The one function that decides: entries up to a tick in, a commit out.
//!
//! Entries only add facts and statements to subjects. At the tick every touched subject is projected again; what it
//! now tells others in the same partition is delivered at once, until nobody has anything new to say; what it tells
//! others elsewhere leaves in the commit, with the rows that differ from those before. The same entries give the same
//! commit, whatever was loaded from where.
//!
//! A step works on a part of its subjects at a time and puts the others away in the bytes the store keeps, so that its
//! memory hangs on what it says, not on how long the histories are that it touches.

mod post;
mod streams;

use crate::classify::{Classifier, Lookup};
use crate::entry::{Entry, Message, Said};
use crate::id::{Kind, SubjectId};
use crate::projection::{Projection, Statement, project, untouched};
use crate::repair;
use crate::route::{Routed, route};
use crate::row::{Change, RejectedRecord, Rows};
use crate::rules::Rules;
use crate::settle::{Checksums, Ledger, Portion};
use crate::subject::{Fact, Part, Subject, Tag};
use crate::text::Text;
use crate::time::Timestamp;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use post::{Arrival, Delivery, Post};
use serde::{Deserialize, Serialize};
use streams::Streams;

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

/// A subject in the bytes the store keeps ([`Subject::decode`]), shared by all who hold it: encoded, it is several times
/// smaller than alive. `None` for one that is empty.
pub type Kept = Option<Arc<[u8]>>;

/// Everything a step changes; written whole or not at all.
#[derive(Clone, Debug, Default)]
pub struct Commit {
    /// The partition's own state after the step.
    pub state: State,
    /// Subjects as they now are.
    pub subjects: Vec<(SubjectId, Kept)>,
    /// What goes to the warehouse.
    pub rows: Rows,
    /// What goes to other partitions, in order of sending.
    pub messages: Vec<(u32, Entry)>,
}

/// Where subjects are loaded from.
pub trait Shelf {
    /// Why loading can fail.
    type Error;

    /// The subjects of these ids, in their order; `None` for one that is not there. A step may ask for a subject again
    /// and must get it as it was before the step.
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
    /// A message of this lineage is none.
    Unheard {
        /// The sending partition.
        from: u32,
        /// The message's number.
        seq: u64,
    },
    /// Subjects kept telling each other news for longer than any chain can be.
    Unsettled(SubjectId),
    /// A subject has no bytes, or its bytes are no subject.
    Unkept(SubjectId),
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
    let mut streams = Streams::open(&mut state);
    let post = sort_in(&classifier, &mut state, &mut streams, entries, &mut rows)?;
    // Most of what a browser did is a view.
    rows.web_events.reserve(post.waiting(Kind::Visitor));
    let ledger = Ledger::new(&classifier, state.watermark, rows);
    let mut floor = Floor {
        rules: &classifier,
        partition,
        ledger,
        post,
        streams,
        seats: Lookup::default(),
        facts: Vec::new(),
        bytes: Vec::new(),
    };
    floor.settle_all(shelf)?;
    state.position = next;
    floor.close(state)
}

/// Checks marks, counts, and addresses every entry to its subject.
fn sort_in<E>(
    rules: &Classifier<'_>,
    state: &mut State,
    streams: &mut Streams,
    entries: Vec<Entry>,
    rows: &mut Rows,
) -> Result<Post, Error<E>> {
    let mut post = Post::default();
    for entry in entries {
        match entry {
            Entry::Tick { at } => state.watermark = state.watermark.max(at),
            Entry::Reject { source, reject } => {
                if let Some(stream) = streams.advance(&source) {
                    streams.rejected(stream, &reject.reason);
                    rows.rejects.push(Change::written(repair::rejected(source, reject)));
                }
            }
            Entry::Resolved { source, reject } => {
                if streams.advance(&source).is_some() {
                    rows.rejects.push(Change::taken_back(RejectedRecord::resolved(reject)));
                }
            }
            Entry::Event { source, event } => {
                if let Some(stream) = streams.advance(&source) {
                    state.watermark = state.watermark.max(event.occurred_at);
                    let Routed { to, name, workspace, fact } = route(rules, event);
                    post.add(to, Arrival::Fact { workspace, name, fact, stream });
                }
            }
            Entry::Message { lineage, .. } if lineage != rules.lineage() => {}
            Entry::Stray => {}
            Entry::Message { from, seq, message, .. } => {
                let mark = state.received.entry(from).or_default();
                if seq > *mark + 1 {
                    return Err(Error::Gap { from, due: *mark + 1, came: seq });
                }
                if seq == *mark + 1 {
                    *mark = seq;
                    let message = message.message().map_err(|_| Error::Unheard { from, seq })?;
                    post.add(message.to, Arrival::Said(message));
                }
            }
        }
    }
    Ok(post)
}

/// A subject that takes part in the step.
enum Seat {
    /// At hand: as it was at the last settle, as it is, and what follows from both.
    Open(Box<Open>),
    /// Done with, as far as anybody knows, and put away: alive it takes several times the room.
    Folded(Box<Folded>),
}

struct Open {
    subject: Subject,
    before: Projection,
    /// `None` until it is projected in this step.
    now: Option<Projection>,
    /// Facts that are left out of both projections: what hangs on them is as it was.
    untouched: usize,
    rounds: u32,
}

/// What a step changes about a subject.
struct Folded {
    kept: Kept,
    /// Where the ledger has what it shows.
    shown: Portion,
    /// What subjects of other partitions are told.
    told: Vec<Message>,
    rounds: u32,
}

/// The subjects being worked on.
struct Floor<'r> {
    rules: &'r Classifier<'r>,
    partition: Partition,
    ledger: Ledger<'r>,
    post: Post,
    streams: Streams,
    seats: Lookup<SubjectId, Seat>,
    /// Room for the facts of one subject.
    facts: Vec<(Arc<Fact>, usize)>,
    /// Room for the bytes of one subject.
    bytes: Vec<u8>,
}

impl Floor<'_> {
    /// Lets every subject take in what came for it, and delivers what it says then, until nobody has news.
    fn settle_all<S: Shelf>(&mut self, shelf: &mut S) -> Result<(), Error<S::Error>> {
        loop {
            let part = self.post.next_part();
            if part.subjects.is_empty() {
                return Ok(());
            }
            let opened = self.open(&part, shelf)?;
            let mut arrivals = part.arrivals.into_iter();
            for ((id, count), mut open) in part.subjects.into_iter().zip(opened) {
                self.take_in(arrivals.by_ref().take(count), &mut open.subject);
                self.project(id, &mut open)?;
                let seat = if folds(id.kind) { Seat::Folded(self.fold(id, open)?) } else { Seat::Open(Box::new(open)) };
                self.seats.insert(id, seat);
            }
        }
    }

    /// Adds what arrived, and counts what was new.
    fn take_in(&mut self, arrivals: impl Iterator<Item = Arrival>, subject: &mut Subject) {
        for arrival in arrivals {
            match arrival {
                Arrival::Fact { fact, stream, .. } => self.facts.push((fact, stream)),
                Arrival::Said(message) => subject.hear((message.tag, message.from), message.part),
            }
        }
        subject.learn(&mut self.facts, |stream, is_new| self.streams.taken(stream, is_new));
    }

    /// The subjects of `part`, in its order: from where they sit, or from the shelf.
    fn open<S: Shelf>(&mut self, part: &Delivery, shelf: &mut S) -> Result<Vec<Open>, Error<S::Error>> {
        let ids = part.subjects.iter().map(|(id, _)| *id);
        let away = ids.filter(|id| !matches!(self.seats.get(id), Some(Seat::Open(_))));
        let away: Vec<SubjectId> = away.collect();
        let loaded = if away.is_empty() { Vec::new() } else { shelf.load(&away).map_err(Error::Shelf)? };
        let mut loaded = loaded.into_iter();
        let mut opened = Vec::with_capacity(part.subjects.len());
        for (id, arrivals) in part.iter() {
            let seat = match self.seats.remove(&id) {
                Some(Seat::Open(open)) => {
                    opened.push(*open);
                    continue;
                }
                Some(Seat::Folded(folded)) => Some(folded),
                None => None,
            };
            let stored = loaded.next().flatten();
            let news = || arrivals.iter().map(Arrival::fact);
            let untouched = stored.as_ref().filter(|_| seat.is_none()).map_or(0, |held| untouched(id, held, news()));
            let before = stored.as_ref().filter(|_| untouched == 0);
            let before = before.map(|subject| project(self.rules, id, subject, 0)).unwrap_or_default();
            let subject = stored.unwrap_or_else(|| new(arrivals));
            let mut open = Open { subject, before, now: None, untouched, rounds: 0 };
            if let Some(folded) = seat {
                self.ledger.withdraw(folded.shown);
                let kept = folded.kept.map(|kept| Subject::decode(&kept)).transpose();
                open.subject = kept.map_err(|_| Error::Unkept(id))?.unwrap_or_else(|| new(arrivals));
                open.now = Some(project(self.rules, id, &open.subject, 0));
                open.rounds = folded.rounds;
            }
            opened.push(open);
        }
        Ok(opened)
    }

    /// Projects a subject anew; what it tells others of this partition waits for them.
    fn project<E>(&mut self, id: SubjectId, open: &mut Open) -> Result<(), Error<E>> {
        open.rounds += 1;
        if open.rounds > ROUNDS_MAX {
            return Err(Error::Unsettled(id));
        }
        let now = project(self.rules, id, &open.subject, open.untouched);
        let old = open.now.as_ref().unwrap_or(&open.before);
        for message in statements(id, &open.subject, &old.said, &now.said) {
            if message.to.partition(self.partition.count) == self.partition.index {
                self.post.add(message.to, Arrival::Said(message));
            }
        }
        open.now = Some(now);
        Ok(())
    }

    /// What the step has changed about a subject so far.
    fn fold<E>(&mut self, id: SubjectId, open: Open) -> Result<Box<Folded>, Error<E>> {
        let Open { subject, before, now, untouched: _, rounds } = open;
        let now = now.unwrap_or_default();
        let elsewhere = |message: &Message| message.to.partition(self.partition.count) != self.partition.index;
        let told = statements(id, &subject, &before.said, &now.said).filter(elsewhere).collect();
        let kept = if subject.is_empty() { None } else { Some(self.encode(&subject).map_err(|_| Error::Unkept(id))?) };
        Ok(Box::new(Folded { kept, shown: self.ledger.settle(before, now, &subject), told, rounds }))
    }

    /// The subject as the store keeps it.
    fn encode(&mut self, subject: &Subject) -> Result<Arc<[u8]>, postcard::Error> {
        self.bytes.clear();
        self.bytes = subject.encode_into(core::mem::take(&mut self.bytes))?;
        Ok(Arc::from(self.bytes.as_slice()))
    }

    /// Clears the floor: rows, ledger, checksums; messages numbered densely and subjects, in order of subjects.
    fn close<E>(mut self, mut state: State) -> Result<Commit, Error<E>> {
        let mut seats: Vec<(SubjectId, Seat)> = core::mem::take(&mut self.seats).into_iter().collect();
        seats.sort_unstable_by_key(|(id, _)| *id);
        let (mut subjects, mut messages) = (Vec::with_capacity(seats.len()), Vec::new());
        for (id, seat) in seats {
            let folded = match seat {
                Seat::Open(open) => self.fold(id, *open)?,
                Seat::Folded(folded) => folded,
            };
            let Folded { kept, told, .. } = *folded;
            subjects.push((id, kept));
            for message in told {
                let partition = message.to.partition(self.partition.count);
                let seq = state.sent.entry(partition).or_default();
                *seq += 1;
                let (lineage, from) = (self.rules.lineage(), self.partition.index);
                let message = Said::new(&message).map_err(|_| Error::Unkept(id))?;
                messages.push((partition, Entry::Message { lineage, from, seq: *seq, message }));
            }
        }
        self.streams.close(&mut state);
        let rows = self.ledger.close(&mut state.checksums);
        repair::count_written(&rows, &mut state.checksums);
        Ok(Commit { state, subjects, rows, messages })
    }
}

/// Whether subjects of a kind are put away as soon as they are settled. Visitors and leads are many, and few are spoken
/// to again in the same step; the others are few, and spoken to all the time.
fn folds(kind: Kind) -> bool {
    matches!(kind, Kind::Visitor | Kind::Lead)
}

/// A subject nobody has heard of, as those address it who have something for it.
fn new(arrivals: &[Arrival]) -> Subject {
    let (workspace, name) = arrivals.first().map(Arrival::address).unwrap_or_default();
    Subject::new(workspace, name)
}

/// What a subject says now and did not before, and what it takes back, in order of receiver and tag.
fn statements<'s>(
    from: SubjectId,
    subject: &'s Subject,
    old: &'s BTreeMap<(SubjectId, Tag), Statement>,
    new: &'s BTreeMap<(SubjectId, Tag), Statement>,
) -> impl Iterator<Item = Message> + 's {
    let message = move |to: &SubjectId, tag: &Tag, statement: &Statement, part: Option<Arc<Part>>| {
        let (workspace, name) = (subject.workspace.clone(), statement.name.clone());
        Message { workspace, to: *to, name, from, tag: *tag, part }
    };
    let said = new.iter().filter(|(key, statement)| old.get(key) != Some(statement));
    let said = said.map(move |((to, tag), said)| message(to, tag, said, Some(Arc::clone(&said.part))));
    let taken_back = old.iter().filter(|(key, _)| !new.contains_key(key));
    said.chain(taken_back.map(move |((to, tag), said)| message(to, tag, said, None)))
}
