//! Seeded worlds: the real kernel among everything that can go wrong around it.
//!
//! Start at [`run`]. A world has a journal, a store and an owner for every partition, one warehouse, and senders who
//! repeat what was not acknowledged. `node` is the driver: its order is that of the engine's worker and writer. Faults
//! come by chance between any two of its steps; invariants are checked at every step, and when faults stop everything
//! must settle into what the auditor works out.

mod clickhouse;
mod fault;
mod ground;
mod journal;
mod node;
mod rest;
mod scene;
mod shrink;
mod store;
mod sweep;

pub use fault::{Fault, Faults};
pub use shrink::shrink;
pub use sweep::{Sweep, sweep};

use crate::workload::{self, Happened};
use smarketing_kernel::rules::Definitions;
use std::collections::BTreeMap;
use std::fmt;

/// What must hold, and did not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Invariant {
    /// Same offset, same bytes (I1).
    Determinism,
    /// Entries are applied in their order, each once (I3).
    Contiguity,
    /// One key and version, one row, of one partition; versions only grow (I4).
    Version,
    /// Messages come densely numbered, one number one message (I5).
    Hop,
    /// Credit sums to the value in every row (I6).
    Money,
    /// `records = applied + duplicates + rejected` (I6).
    Records,
    /// With nothing to do, checksums of the warehouse are those of the partitions (I10).
    Convergence,
    /// What is shown is what the auditor works out.
    Auditor,
    /// The ledger sums to the credit.
    Ledger,
    /// Subjects are those of a run without faults.
    State,
    /// Once faults stop, everything settles.
    Liveness,
}

/// A broken invariant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub invariant: Invariant,
    /// Where and how.
    pub what: String,
}

impl Violation {
    fn new(invariant: Invariant, what: impl Into<String>) -> Self {
        Self { invariant, what: what.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.invariant, self.what)
    }
}

/// A world to run: everything follows from it.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Seed of the schedule and of the faults.
    pub seed: u64,
    /// What the kernel decides with.
    pub definitions: Definitions,
    /// What happens.
    pub events: Vec<Happened>,
    /// What may go wrong.
    pub faults: Faults,
}

/// How a world went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Steps of drivers, senders and faults.
    pub steps: u64,
    /// Hash of everything that was done: the same seed gives the same.
    pub trace: u64,
    /// Faults that struck.
    pub injected: BTreeMap<Fault, u64>,
    /// What broke first, if anything did.
    pub violation: Option<Violation>,
}

/// Most events of a seed's world.
const EVENTS_MAX: usize = 60;

impl Setup {
    /// The world of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let events = workload::events(seed, EVENTS_MAX);
        Self { seed, definitions: workload::definitions(seed), events, faults: Faults::all() }
    }
}

/// Runs a world to its end.
#[must_use]
pub fn run(setup: &Setup) -> Report {
    scene::Scene::new(setup).run()
}
