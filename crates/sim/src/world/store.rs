//! The store's twin: commits that are whole or not there, of which the latest can be lost, and snapshots.

use smarketing_kernel::id::SubjectId;
use smarketing_kernel::step::{Kept, Shelf, State};
use smarketing_kernel::subject::Subject;
use std::collections::BTreeMap;
use std::hash::Hasher as _;
use std::sync::Arc;

/// Commits that a crash can still take.
const VOLATILE: usize = 5;

/// What a store holds after a commit.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Held {
    pub(super) subjects: BTreeMap<SubjectId, Arc<[u8]>>,
    pub(super) state: State,
}

/// A partition's store.
#[derive(Clone, Debug)]
pub(super) struct Store {
    /// The latest commits, the newest last; never empty.
    commits: Vec<Held>,
}

impl Store {
    pub(super) fn of(held: Held) -> Self {
        Self { commits: vec![held] }
    }

    pub(super) fn held(&self) -> &Held {
        &self.commits[self.commits.len() - 1]
    }

    pub(super) fn commit(&mut self, subjects: Vec<(SubjectId, Kept)>, state: State) {
        let mut held = self.held().clone();
        for (id, subject) in subjects {
            match subject {
                Some(bytes) => held.subjects.insert(id, bytes),
                None => held.subjects.remove(&id),
            };
        }
        held.state = state;
        self.commits.push(held);
        if self.commits.len() > VOLATILE {
            self.commits.remove(0);
        }
    }

    /// Loses up to so many commits; whether there were any.
    pub(super) fn lose(&mut self, commits: usize) -> bool {
        let lost = commits.min(self.commits.len() - 1);
        self.commits.truncate(self.commits.len() - lost);
        lost > 0
    }
}

/// A snapshot: what the store held, and the checksum it was written with.
#[derive(Clone, Debug)]
pub(super) struct Snapshot {
    pub(super) held: Held,
    sum: u64,
}

impl Snapshot {
    pub(super) fn of(held: &Held) -> Self {
        Self { held: held.clone(), sum: sum(held) }
    }

    /// Some of it is not what was written.
    pub(super) fn damage(&mut self) {
        if self.held.subjects.pop_last().is_none() {
            self.sum ^= 1;
        }
    }

    pub(super) fn is_whole(&self) -> bool {
        self.sum == sum(&self.held)
    }
}

fn sum(held: &Held) -> u64 {
    let mut hasher = siphasher::sip::SipHasher13::new();
    hasher.write(&postcard::to_allocvec(&held.state).unwrap_or_default());
    for (id, bytes) in &held.subjects {
        hasher.write(&id.key());
        hasher.write(bytes);
    }
    hasher.finish()
}

/// The worker's view: what it wrote lately, then the store.
pub(super) struct Recent<'s> {
    pub(super) left: &'s BTreeMap<SubjectId, (u64, Kept)>,
    pub(super) held: &'s Held,
}

impl Shelf for Recent<'_> {
    type Error = postcard::Error;

    fn load(&mut self, ids: &[SubjectId]) -> Result<Vec<Option<Subject>>, postcard::Error> {
        let load = |id: &SubjectId| match self.left.get(id) {
            Some((_, kept)) => kept.as_ref(),
            None => self.held.subjects.get(id),
        };
        ids.iter().map(|id| load(id).map(|bytes| Subject::decode(bytes)).transpose()).collect()
    }
}
