//! Events a second on one core: typed events in, commits into a shelf in memory.
//!
//! `cargo bench -p smarketing-kernel --bench events -- [events]`. The second line has one account with 100 000 touches
//! among the ordinary ones; the third is their ratio.

use smarketing_kernel::email;
use smarketing_kernel::entry::{Entry, Source};
use smarketing_kernel::event::{Address, Event, LeadRef};
use smarketing_kernel::id::{LeadId, SubjectId};
use smarketing_kernel::rules::{Definitions, Rules};
use smarketing_kernel::step::{Partition, Shelf, State, step};
use smarketing_kernel::subject::Subject;
use smarketing_kernel::text::Text;
use smarketing_kernel::time::Timestamp;
use smarketing_sim::history::Plan;
use std::collections::HashMap;
use std::convert::Infallible;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

/// Entries settled at once, the tick among them.
const BATCH: usize = 65_536;
const EVENTS: u64 = 1_000_000;
const HEAVY_TOUCHES: u32 = 100_000;
const ENDS_AT: Timestamp = Timestamp(1_790_000_000_000);

fn main() {
    let events = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(EVENTS);
    let plan = Plan::demo(1, ENDS_AT).events(events);
    let plain = run("ordinary", plan.clone());
    let heavy = run("with one heavy account", plan.heavy_account(HEAVY_TOUCHES));
    println!("heavy / ordinary: {:.2}", heavy / plain);
}

fn run(name: &str, plan: Plan) -> f64 {
    let journal = journal(plan);
    let rules = Rules::new(&Definitions::default()).expect("the defaults are valid");
    let partition = Partition { index: 0, count: 1 };
    let (mut shelf, mut state) = (Memory::default(), State::default());
    let (mut events, mut rows, mut slowest, mut spent) = (0, 0, Duration::ZERO, Duration::ZERO);
    for entries in journal {
        events += entries.len() - 1;
        let started = Instant::now();
        let commit = step(&rules, partition, state, entries, &mut shelf).expect("a journal without gaps");
        rows += commit.rows.count();
        state = commit.state;
        for (id, subject) in commit.subjects {
            match subject {
                Some(subject) => drop(shelf.0.insert(id, subject)),
                None => drop(shelf.0.remove(&id)),
            }
        }
        drop(commit.rows);
        slowest = slowest.max(started.elapsed());
        spent += started.elapsed();
    }
    let rate = events as f64 / spent.as_secs_f64();
    println!(
        "{name}: {rate:.0} events/s ({events} events, {} subjects, {rows} rows, {spent:.2?}, slowest step {slowest:.2?})",
        shelf.0.len()
    );
    rate
}

fn journal(plan: Plan) -> Vec<Vec<Entry>> {
    let stream = Text::from("bench");
    let mut position = 0;
    let mut batches = Vec::new();
    let mut batch = Vec::with_capacity(BATCH);
    for event in plan.history() {
        let at = event.occurred_at;
        position += 1;
        batch.push(Entry::Event { source: Source { stream: stream.clone(), position }, event: named(event) });
        if batch.len() == BATCH - 1 {
            batch.push(Entry::Tick { at });
            batches.push(std::mem::replace(&mut batch, Vec::with_capacity(BATCH)));
        }
    }
    batch.push(Entry::Tick { at: ENDS_AT });
    batches.push(batch);
    batches
}

/// What the intake does with addresses, without the cryptography.
fn named(event: Event<Address>) -> Event<LeadRef> {
    let lead = |address: Address| -> Result<LeadRef, Infallible> {
        let by_email = address.email.as_ref().map(hashed);
        let by_contact = address.contact_id.as_ref().map(hashed);
        Ok(LeadRef {
            id: by_email.or(by_contact).unwrap_or(LeadId([0; 16])),
            alias: by_contact.filter(|_| by_email.is_some()),
            domain: address.email.as_deref().and_then(email::business_domain).map(Text::from),
            sealed: Some(vec![7; 64]),
        })
    };
    let Ok(body) = event.body.try_name(lead);
    Event { event_id: event.event_id, workspace: event.workspace, occurred_at: event.occurred_at, body }
}

fn hashed(name: &Text) -> LeadId {
    let half = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        (salt, name).hash(&mut hasher);
        u128::from(hasher.finish())
    };
    LeadId((half(1) << 64 | half(2)).to_le_bytes())
}

#[derive(Default)]
struct Memory(HashMap<SubjectId, Subject>);

impl Shelf for Memory {
    type Error = Infallible;

    fn load(&mut self, ids: &[SubjectId]) -> Result<Vec<Option<Subject>>, Infallible> {
        Ok(ids.iter().map(|id| self.0.get(id).cloned()).collect())
    }
}
