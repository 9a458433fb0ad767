//! What came for subjects in a step, handed out a few subjects at a time.

use crate::entry::Message;
use crate::id::{Kind, SubjectId};
use crate::subject::Fact;
use crate::text::Text;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::{self, Vec};
use core::iter::Peekable;

/// Subjects worked on at a time.
const PART: usize = 512;

/// Kinds in the order in which they are heard. Visitors speak to leads, deals to leads and accounts, leads to accounts:
/// in this order most settle once.
const ORDER: [Kind; 6] = [Kind::Visitor, Kind::Rates, Kind::Deal, Kind::Lead, Kind::Account, Kind::Spend];

/// Something for a subject.
pub(super) enum Arrival {
    /// A fact, with the number of the stream it came from, and the subject's workspace and name.
    Fact {
        workspace: Text,
        name: Text,
        fact: Arc<Fact>,
        stream: usize,
    },
    Said(Message),
}

/// What came for subjects and is not taken in yet.
#[derive(Default)]
pub(super) struct Post {
    boxes: BTreeMap<Kind, Pile>,
    /// What is handed out now.
    round: Option<Round>,
}

/// What came for subjects of one kind, in order of arrival.
#[derive(Default)]
struct Pile {
    arrivals: Vec<Option<Arrival>>,
    /// The hash of each one's subject, and its place among the arrivals: small, because this is what is sorted.
    places: Vec<(u128, usize)>,
}

/// A pile on its way out, by subject, each one's in order of arrival.
struct Round {
    kind: Kind,
    arrivals: Vec<Option<Arrival>>,
    places: Peekable<vec::IntoIter<(u128, usize)>>,
}

/// Some subjects, and what came for them.
#[derive(Default)]
pub(super) struct Delivery {
    /// The subjects, and how many of the arrivals are for each.
    pub(super) subjects: Vec<(SubjectId, usize)>,
    pub(super) arrivals: Vec<Arrival>,
}

impl Post {
    pub(super) fn add(&mut self, to: SubjectId, arrival: Arrival) {
        let pile = self.boxes.entry(to.kind).or_default();
        pile.places.push((u128::from_be_bytes(to.hash), pile.arrivals.len()));
        pile.arrivals.push(Some(arrival));
    }

    /// How many things wait for subjects of a kind.
    pub(super) fn waiting(&self, kind: Kind) -> usize {
        self.boxes.get(&kind).map_or(0, |pile| pile.arrivals.len())
    }

    /// Some of the subjects for whom something came, with all of it; none when nothing is left. What arrives for a kind
    /// while it is its turn waits for the next one.
    pub(super) fn next_part(&mut self) -> Delivery {
        let mut part = Delivery::default();
        let Some(mut round) = self.round.take().or_else(|| self.next_round()) else { return part };
        while let Some((id, arrival)) = round.next_if(|id| part.subjects.len() < PART || part.ends_with(id)) {
            match part.subjects.last_mut() {
                Some((last, count)) if *last == id => *count += 1,
                _ => part.subjects.push((id, 1)),
            }
            part.arrivals.push(arrival);
        }
        self.round = round.places.peek().is_some().then_some(round);
        part
    }

    fn next_round(&mut self) -> Option<Round> {
        let (kind, Pile { arrivals, mut places }) =
            ORDER.iter().find_map(|kind| Some((*kind, self.boxes.remove(kind)?)))?;
        places.sort_unstable();
        Some(Round { kind, arrivals, places: places.into_iter().peekable() })
    }
}

impl Round {
    fn next_if(&mut self, wanted: impl Fn(SubjectId) -> bool) -> Option<(SubjectId, Arrival)> {
        let id = |hash: u128| SubjectId { kind: self.kind, hash: hash.to_be_bytes() };
        let (hash, place) = self.places.next_if(|(hash, _)| wanted(id(*hash)))?;
        let arrival = self.arrivals.get_mut(place).and_then(Option::take)?;
        Some((id(hash), arrival))
    }
}

impl Delivery {
    /// The subjects with what came for each, in order of arrival.
    pub(super) fn iter(&self) -> impl Iterator<Item = (SubjectId, &[Arrival])> {
        let mut rest = self.arrivals.as_slice();
        self.subjects.iter().map(move |(id, count)| {
            let (own, others) = rest.split_at_checked(*count).unwrap_or((rest, &[]));
            rest = others;
            (*id, own)
        })
    }

    fn ends_with(&self, id: SubjectId) -> bool {
        self.subjects.last().is_some_and(|(last, _)| *last == id)
    }
}

impl Arrival {
    /// The fact it is, if it is one.
    pub(super) fn fact(&self) -> Option<&Fact> {
        match self {
            Self::Fact { fact, .. } => Some(fact),
            Self::Said(_) => None,
        }
    }

    /// Workspace and name of the subject it is for.
    pub(super) fn address(&self) -> (Text, Text) {
        match self {
            Self::Fact { workspace, name, .. } => (workspace.clone(), name.clone()),
            Self::Said(message) => (message.workspace.clone(), message.name.clone()),
        }
    }
}
