//! The auditor: what must be true of a set of events, worked out in the simplest way there is.
//!
//! Start at [`audit`]. It sorts all events and reads domain.md and attribution.md word by word: no state is kept, no
//! message sent, nothing updated. It answers in the kernel's own rows, so that a test can compare them one by one. It
//! shares no code with the kernel's projections or with the attribution crate; only the pure rules that have golden
//! vectors of their own are used as they are: splitting URLs and paths, reading a source, classifying channels and
//! content, telling bots, converting at a rate.

mod credit;
mod deal;
mod decay;
mod fraction;
mod identity;
mod journey;
mod judge;
mod life;
mod person;
mod session;
mod touch;

use smarketing_kernel::event::{Event, LeadRef};
use smarketing_kernel::row::{Conversion, Deal, StageEntry, Touch};
use smarketing_kernel::rules::{Definitions, Problem};
use smarketing_kernel::text::Text;
use std::collections::{BTreeMap, BTreeSet};

/// What the events amount to; every list is sorted by the key of its row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audit {
    /// The touches of every lead that owns its own.
    pub touches: Vec<Touch>,
    /// Every entry into a stage, skipped stages included.
    pub stage_entries: Vec<StageEntry>,
    /// Every deal as it stands.
    pub deals: Vec<Deal>,
    /// Every conversion with its journey and its credit under every model.
    pub conversions: Vec<Conversion>,
}

/// Everything one workspace's events say, as the steps of the audit need it.
struct Books<'a> {
    judge: &'a judge::Judge,
    workspace: Text,
    /// In order of (time, event id), each event once.
    events: Vec<&'a Event<LeadRef>>,
    identity: identity::Identity,
}

/// Works out everything from the events, in any order, repeated or not.
///
/// # Errors
/// What is wrong with the definitions.
pub fn audit(definitions: &Definitions, events: &[Event<LeadRef>]) -> Result<Audit, Vec<Problem>> {
    let judge = judge::Judge::new(definitions)?;
    let mut workspaces: BTreeMap<&Text, Vec<&Event<LeadRef>>> = BTreeMap::new();
    for event in events {
        workspaces.entry(&event.workspace).or_default().push(event);
    }
    let mut audit = Audit::default();
    for (workspace, events) in workspaces {
        audit.add(&Books::open(&judge, workspace, events));
    }
    audit.sort();
    Ok(audit)
}

impl<'a> Books<'a> {
    fn open(judge: &'a judge::Judge, workspace: &Text, mut events: Vec<&'a Event<LeadRef>>) -> Self {
        events.sort_by(|a, b| (a.occurred_at, &a.event_id).cmp(&(b.occurred_at, &b.event_id)));
        let mut seen = BTreeSet::new();
        events.retain(|event| seen.insert(&event.event_id));
        let identity = identity::Identity::of(&events);
        Self { judge, workspace: workspace.clone(), events, identity }
    }
}

impl Audit {
    fn add(&mut self, books: &Books<'_>) {
        let deals = deal::all(books);
        let people = person::all(books, &deals);
        let accounts = deal::accounts(books, &deals, &people);
        for person in people.values() {
            self.touches.extend(person.touch_rows(books));
            self.stage_entries.extend(person.stage_rows(books));
            self.conversions.extend(journey::of_person(books, person));
        }
        self.deals.extend(deals.values().map(|deal| deal.row(books, &accounts[&deal.id])));
        self.conversions.extend(journey::of_deals(books, &deals, &accounts, &people));
    }

    fn sort(&mut self) {
        self.touches.sort_by(|a, b| touch_key(a).cmp(&touch_key(b)));
        self.stage_entries.sort_by(|a, b| stage_key(a).cmp(&stage_key(b)));
        self.deals.sort_by(|a, b| (&a.workspace, &a.deal).cmp(&(&b.workspace, &b.deal)));
        self.conversions
            .sort_by(|a, b| (&a.workspace, &a.owner, &a.conversion).cmp(&(&b.workspace, &b.owner, &b.conversion)));
    }
}

fn touch_key(row: &Touch) -> impl Ord {
    (row.workspace.clone(), row.lead.clone(), row.touch_at, row.touch_id.clone())
}

fn stage_key(row: &StageEntry) -> impl Ord {
    (row.workspace.clone(), row.lead.clone(), row.entered_at, row.stage)
}

#[cfg(test)]
mod tests;
