//! Events a second on one core: typed events in, commits into a shelf in memory. Time is time on the processor, so
//! that a busy machine measures the same as an idle one.
//!
//! `cargo bench -p smarketing-kernel --bench events -- [events]`. The second line has one account with 100 000 touches
//! among the ordinary ones; the third is their ratio. The argument `ordinary` leaves these two out.

use smarketing_kernel::entry::{Entry, Source};
use smarketing_kernel::event::{Address, Event, LeadRef};
use smarketing_kernel::id::SubjectId;
use smarketing_kernel::rules::{Definitions, Rules};
use smarketing_kernel::step::{Partition, Shelf, State, step};
use smarketing_kernel::subject::Subject;
use smarketing_kernel::text::Text;
use smarketing_kernel::time::Timestamp;
use smarketing_sim::history::Plan;
use smarketing_sim::pseudonym::pseudonymise;
use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

/// The allocator of the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Entries settled at once, the tick among them.
const BATCH: usize = 65_536;
const EVENTS: u64 = 1_000_000;
const HEAVY_TOUCHES: u32 = 100_000;
const ENDS_AT: Timestamp = Timestamp(1_790_000_000_000);

fn main() {
    // As the binary does.
    let _ignored = rustix::thread::disable_transparent_huge_pages(true);
    let events = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(EVENTS);
    let plan = Plan::demo(1, ENDS_AT).events(events);
    let plain = run("ordinary", plan.clone());
    if std::env::args().any(|argument| argument == "ordinary") {
        return;
    }
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
        let started = worked();
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
        let taken = worked().saturating_sub(started);
        slowest = slowest.max(taken);
        spent += taken;
    }
    let rate = events as f64 / spent.as_secs_f64();
    println!(
        "{name}: {rate:.0} events/s ({events} events, {} subjects, {rows} rows, {spent:.2?}, slowest step {slowest:.2?})",
        shelf.0.len()
    );
    rate
}

/// How long this thread has been on a processor; elapsed time where Linux does not say.
fn worked() -> Duration {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    let scheduled = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let on_cpu = scheduled.as_deref().and_then(|text| text.split(' ').next()?.parse().ok());
    on_cpu.map_or_else(|| START.elapsed(), Duration::from_nanos)
}

fn journal(plan: Plan) -> Vec<Vec<Entry>> {
    let stream = Text::from("bench");
    let mut batches = Vec::new();
    let mut batch = Vec::with_capacity(BATCH);
    for (position, event) in (0..).zip(plan.history()) {
        let at = event.occurred_at;
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

/// People as the intake leaves them, with an envelope of the usual size.
fn named(event: Event<Address>) -> Event<LeadRef> {
    let Event { event_id, workspace, occurred_at, body } = pseudonymise(event);
    let sealed = |lead| Ok::<_, Infallible>(LeadRef { sealed: Some(vec![7; 64]), ..lead });
    let Ok(body) = body.try_name(sealed);
    Event { event_id, workspace, occurred_at, body }
}

/// Subjects as the store keeps them: bytes.
#[derive(Default)]
struct Memory(HashMap<SubjectId, Arc<[u8]>>);

impl Shelf for Memory {
    type Error = Infallible;

    fn load(&mut self, ids: &[SubjectId]) -> Result<Vec<Option<Subject>>, Infallible> {
        let decode = |bytes: &Arc<[u8]>| Subject::decode(bytes).expect("bytes of the kernel itself");
        Ok(ids.iter().map(|id| self.0.get(id).map(decode)).collect())
    }
}
