//! A believable history of a business that sells to businesses: who came, by what way, who gave a name, what sales
//! said, and what was bought.
//!
//! Start at [`Plan`], then `history/market.rs` (where visitors come from and what becomes of them) and
//! `history/lead.rs` (a lead's life). It is a simulation by events: actors wake in the order of time, tell what
//! happens, and plan their next step. Memory grows with leads and companies, not with events.

mod calendar;
mod heavy;
mod lead;
mod mail;
mod market;
mod people;
mod queue;
mod sales;
mod site;
mod visit;
mod world;

use smarketing_kernel::event::{Address, Event};
use smarketing_kernel::text::Text;
use smarketing_kernel::time::Timestamp;
use std::collections::BTreeMap;
use world::World;

/// What history to invent. Equal plans give equal histories, on every machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The seed of all chance.
    pub seed: u64,
    /// About how many leads come from the site; some more come from sales, shows and deals.
    pub leads: u32,
    /// Days of history before `ends_at`.
    pub days: u32,
    /// No event is later.
    pub ends_at: Timestamp,
    /// The workspace of every event.
    pub workspace: Text,
    /// Touches of one account out of proportion, for measuring; 0 for none.
    pub heavy_account_touches: u32,
}

/// Leads of the demo.
const DEMO_LEADS: u32 = 1_500;
/// Days of the demo.
const DEMO_DAYS: u32 = 180;
/// Events of the demo for each of its leads, as measured.
const EVENTS_A_LEAD: u64 = 130;

impl Plan {
    /// The history the demo shows: about 200 000 events over half a year.
    #[must_use]
    pub fn demo(seed: u64, ends_at: Timestamp) -> Self {
        Self {
            seed,
            leads: DEMO_LEADS,
            days: DEMO_DAYS,
            ends_at,
            workspace: Text::from("default"),
            heavy_account_touches: 0,
        }
    }

    /// The same with so many leads that about `events` events happen over half a year, give or take a tenth.
    #[must_use]
    pub fn events(self, events: u64) -> Self {
        let leads = u32::try_from(events / EVENTS_A_LEAD).unwrap_or(u32::MAX).max(1);
        Self { leads, days: DEMO_DAYS, ..self }
    }

    /// The same with one account whose people leave this many touches.
    #[must_use]
    pub fn heavy_account(self, touches: u32) -> Self {
        Self { heavy_account_touches: touches, ..self }
    }

    /// The events, in the order of time.
    #[must_use]
    pub fn history(self) -> History {
        History { world: World::new(self), counts: BTreeMap::new() }
    }
}

/// The events of a plan, in the order of time, made as they are asked for.
#[derive(Debug)]
pub struct History {
    world: World,
    counts: BTreeMap<&'static str, u64>,
}

impl History {
    /// How many events of each name were given out so far.
    #[must_use]
    pub fn describe(&self) -> &BTreeMap<&'static str, u64> {
        &self.counts
    }

    /// How many events and actors are held at the moment.
    #[must_use]
    pub fn held(&self) -> usize {
        self.world.held()
    }
}

impl Iterator for History {
    type Item = Event<Address>;

    fn next(&mut self) -> Option<Event<Address>> {
        while self.world.act() {}
        let (at, event) = self.world.events.pop()?;
        if at > self.world.plan.ends_at {
            return None;
        }
        *self.counts.entry(event.body.name()).or_default() += 1;
        Some(*event)
    }
}

#[cfg(test)]
mod tests;
