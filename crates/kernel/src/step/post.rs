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
    /// By kind, in order of arrival.
    boxes: BTreeMap<Kind, Vec<(SubjectId, Arrival)>>,
    /// What is handed out now: of one kind, by subject, each one's in order of arrival.
    round: Option<Peekable<vec::IntoIter<(SubjectId, Arrival)>>>,
}

impl Post {
    pub(super) fn add(&mut self, to: SubjectId, arrival: Arrival) {
        self.boxes.entry(to.kind).or_default().push((to, arrival));
    }

    /// Some of the subjects for whom something came, with all of it; none when nothing is left. What arrives for a kind
    /// while it is its turn waits for the next one.
    pub(super) fn next_part(&mut self) -> Vec<(SubjectId, Vec<Arrival>)> {
        let mut part: Vec<(SubjectId, Vec<Arrival>)> = Vec::new();
        let Some(mut round) = self.round.take().or_else(|| self.next_round()) else { return part };
        while let Some((id, arrival)) = round.next_if(|(id, _)| part.len() < PART || is_last(&part, *id)) {
            match part.last_mut() {
                Some((last, arrivals)) if *last == id => arrivals.push(arrival),
                _ => part.push((id, Vec::from([arrival]))),
            }
        }
        self.round = round.peek().is_some().then_some(round);
        part
    }

    fn next_round(&mut self) -> Option<Peekable<vec::IntoIter<(SubjectId, Arrival)>>> {
        let mut arrivals = ORDER.iter().find_map(|kind| self.boxes.remove(kind))?;
        arrivals.sort_by_key(|(id, _)| *id);
        Some(arrivals.into_iter().peekable())
    }
}

fn is_last(part: &[(SubjectId, Vec<Arrival>)], id: SubjectId) -> bool {
    part.last().is_some_and(|(last, _)| *last == id)
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
