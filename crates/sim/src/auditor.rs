//! The auditor: what must be true of a set of events, worked out in the simplest way there is.
//!
//! Start at [`audit`]. It sorts all events and reads domain.md and attribution.md word by word: no state is kept, no
//! message sent, nothing updated. It answers in [`Tables`]: the kernel's own rows, absolute, each under its [`Key`], so
//! that they can be compared one by one ([`Tables::differences`]) with what a settle said ([`Tables::apply`]) or with
//! what a warehouse holds (by the columns of [`Row::KEY`], row by row or by [`Row::digest`], which is the column
//! `row_digest`). [`Tables::balances`] is what the ledger must sum to ([`ledger_balances`]), [`Tables::reconciliation`]
//! what was booked.
//!
//! It shares no code with the kernel's projections or with the attribution crate; only the pure rules that have golden
//! vectors of their own are used as they are: splitting URLs and paths, reading a source, classifying channels and
//! content, telling bots, converting at a rate.
//!
//! Where the definitions are silent, these hold:
//! - An event id names one event of its holder (browser, person, deal, day of spend, currency). Of two that differ the
//!   earlier stays.
//! - A bot's page view names nobody and ties nothing.
//! - A deal list names a lead for good: a lead dropped from it later stays created, and stays the one of its contact id.
//! - A merge's `into` is not introduced by it: its domain and envelope come from events about itself or about leads
//!   merged into it, its own before theirs, the earliest first.
//! - A lead's account by deal role is that of the deal whose list of contacts was written last, if the CRM named one;
//!   a deal without takes that of its primary contact, and everybody on it is in its journey wherever they belong.
//! - Fit at a moment is that of what all events up to it say, that of one instant together; a rise of it may cross the
//!   threshold, a fall takes nothing back.
//! - A hand-off is answered by the first verdict, CRM stage beyond MQL or deal (opened or won) from the signal on that
//!   made the MQL and before the one that makes the next; of one instant a verdict is the first.
//! - To and fro between stages within one instant is one entry, the first.
//! - A person once erased stays so. Outcomes, reasons of verdicts, and a persona or segment that the definitions do not
//!   know go with it, whenever they were written.
//! - Of interactions that are one touch the first has the strongest kind in every model, the others keep theirs.
//! - A stage of a deal is entered with the first event that names it, the deal's creation included; a stage of several
//!   people with the first of them.
//! - A browser once erased has another name in everything it ever did, and its views name nobody; up to the request
//!   touches stay with the leads that ties up to then give them to, later ones are nobody's.

mod balance;
mod credit;
mod deal;
mod decay;
mod fraction;
mod identity;
mod journey;
mod judge;
mod life;
mod model;
mod money;
mod person;
mod session;
mod tables;
mod timeline;
mod touch;

pub use balance::{Account, Balances, Bookings, Reconciled, Sums, ledger_balances};
pub use model::sums_to_value;
pub use tables::{Difference, Key, Row, Tables, differences};

use smarketing_kernel::event::{Body, ErasureRequested, Event, FormSubmitted, LeadRef};
use smarketing_kernel::rules::{Definitions, Problem};
use smarketing_kernel::text::Text;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use tables::put;

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
pub fn audit(definitions: &Definitions, events: &[Event<LeadRef>]) -> Result<Tables, Vec<Problem>> {
    let judge = judge::Judge::new(definitions)?;
    let mut workspaces: BTreeMap<&Text, Vec<&Event<LeadRef>>> = BTreeMap::new();
    for event in events {
        workspaces.entry(&event.workspace).or_default().push(event);
    }
    let mut tables = Tables::default();
    for (workspace, events) in workspaces {
        Books::open(&judge, workspace, events).fill(&mut tables);
    }
    Ok(tables)
}

impl<'a> Books<'a> {
    fn open(judge: &'a judge::Judge, workspace: &Text, mut events: Vec<&'a Event<LeadRef>>) -> Self {
        let spelled = |event: &Event<LeadRef>| format!("{:?}", event.body);
        events.sort_by(|a, b| {
            let time = (a.occurred_at, &a.event_id).cmp(&(b.occurred_at, &b.event_id));
            time.then_with(|| if a == b { Ordering::Equal } else { spelled(a).cmp(&spelled(b)) })
        });
        let mut seen = BTreeSet::new();
        events.retain(|event| seen.insert((holder(&event.body), &event.event_id)));
        let identity = identity::Identity::of(&events);
        Self { judge, workspace: workspace.clone(), events, identity }
    }

    fn fill(&self, tables: &mut Tables) {
        let deals = deal::all(self);
        let sessions = session::all(self);
        let people = person::all(self, &deals, &sessions);
        let accounts = deal::accounts(self, &deals, &people);
        put(&mut tables.web_events, session::rows(self, &sessions));
        put(&mut tables.lead_events, timeline::rows(self));
        put(&mut tables.leads, self.identity.merged().map(|(lead, root)| person::merged_row(self, lead, root)));
        for person in people.values() {
            put(&mut tables.touches, person.touch_rows(self));
            put(&mut tables.leads, [person.row(self)]);
            put(&mut tables.stage_entries, person.stage_rows(self));
            put(&mut tables.handoffs, person.handoff_rows(self));
            put(&mut tables.conversions, journey::of_person(self, person));
        }
        put(&mut tables.deals, deals.values().map(|deal| deal.row(self, &accounts[&deal.id])));
        put(&mut tables.deal_history, deal::history(self));
        put(&mut tables.conversions, journey::of_deals(self, &deals, &accounts, &people));
        put(&mut tables.ad_spend, money::spend(self));
        put(&mut tables.exchange_rates, money::rates(self));
    }
}

/// What an event is of: a browser, a person, a deal, a day of spend, a currency. One event id there is one event.
fn holder(body: &Body<LeadRef>) -> (u8, Text) {
    match body {
        Body::PageViewed(e) => (0, e.visitor_id.clone()),
        Body::FormSubmitted(FormSubmitted { visitor_id: Some(visitor), .. })
        | Body::ErasureRequested(ErasureRequested::Visitor(visitor)) => (0, visitor.clone()),
        Body::DealChanged(e) => (1, e.deal_id.clone()),
        Body::AdSpent(e) => (2, Text::from(e.day.to_string())),
        Body::ExchangeRateSet(e) => (3, Text::from(e.currency.code())),
        body => (4, identity::named(body).first().map_or_else(judge::none, |lead| lead.id.text())),
    }
}

#[cfg(test)]
mod tests;
