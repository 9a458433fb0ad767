//! The schedule: who moves next, what goes wrong before, and how it ends.

use super::ground::Ground;
use super::node::{Node, Turn};
use super::store::{Held, Snapshot, Store};
use super::{Fault, Invariant, Report, Setup, Violation, rest};
use smarketing_kernel::entry::{Entry, Reject, Source};
use smarketing_kernel::owner;
use smarketing_kernel::rules::Rules;
use smarketing_kernel::step::Partition;
use smarketing_kernel::text::Text;
use smarketing_kernel::time::Timestamp;
use std::collections::BTreeMap;

/// Turns at rest after which a world should have been quiet long ago.
const REST_TURNS_MAX: u64 = 40_000;

/// Most steps with faults after everything was sent.
const STEPS_MORE_MAX: u64 = 300;

/// A sender: its records in order, addressed to lanes, and how many were acknowledged.
struct Sender {
    records: Vec<(u32, Entry)>,
    next: usize,
}

/// A partition: its owner, owners that should be gone, and its snapshots.
struct Place {
    owner: Node,
    ghosts: Vec<Node>,
    snapshots: Vec<Snapshot>,
}

/// See the module.
pub(super) struct Scene<'s> {
    setup: &'s Setup,
    partitions: u32,
}

impl<'s> Scene<'s> {
    pub(super) fn new(setup: &'s Setup) -> Self {
        Self { setup, partitions: 1 + (setup.seed % 3) as u32 }
    }

    pub(super) fn run(&self) -> Report {
        let rules = match Rules::new(&self.setup.definitions) {
            Ok(rules) => rules,
            Err(problems) => {
                let violation = Some(Violation::new(Invariant::Auditor, format!("definitions: {problems:?}")));
                return Report { steps: 0, trace: 0, injected: BTreeMap::new(), violation };
            }
        };
        let mut ground = Ground::new(&rules, self.setup.seed, self.partitions, self.setup.faults);
        let violation = self.live(&mut ground).err();
        Report { steps: ground.steps, trace: ground.trace, injected: ground.injected, violation }
    }

    fn partition(&self, index: usize) -> Partition {
        Partition { index: index as u32, count: self.partitions }
    }

    fn live(&self, ground: &mut Ground<'_>) -> Result<(), Violation> {
        let mut senders = self.senders(ground);
        let fresh = |index| Place {
            owner: Node::start(self.partition(index), Store::of(Held::default())),
            ghosts: Vec::new(),
            snapshots: Vec::new(),
        };
        let mut places: Vec<Place> = (0..self.partitions as usize).map(fresh).collect();
        let mut more = ground.chance.below(STEPS_MORE_MAX) + 1;
        while more > 0 {
            ground.steps += 1;
            let sending = senders.iter().any(|sender| sender.next < sender.records.len());
            more -= u64::from(!sending);
            match ground.chance.below(10) {
                0..2 => {
                    let pick = ground.chance.index(senders.len());
                    send(&mut senders[pick], ground)?;
                }
                2 => ground.land_late()?,
                3 => ground.stir(),
                _ => {
                    let index = ground.chance.index(places.len());
                    self.move_on(index, &mut places[index], ground)?;
                }
            }
        }
        self.settle_down(&mut places, ground)?;
        let held: Vec<&Held> = places.iter().map(|place| place.owner.store.held()).collect();
        rest::check(self.setup, ground, &held)
    }

    /// A partition's owner, or a ghost of one, takes a step; before or after it something may go wrong.
    fn move_on(&self, index: usize, place: &mut Place, ground: &mut Ground<'_>) -> Result<(), Violation> {
        if !place.ghosts.is_empty() && ground.chance.one_in(3) {
            let pick = ground.chance.index(place.ghosts.len());
            let dies = place.ghosts[pick].turn(ground)? == Turn::Died || ground.chance.one_in(8);
            if dies {
                drop(place.ghosts.remove(pick));
            }
            return Ok(());
        }
        if ground.chance.one_in(12) {
            place.snapshots.push(Snapshot::of(place.owner.store.held()));
        }
        if ground.strikes(Fault::Takeover, 60) {
            let store = restored(place, ground);
            let ghost = std::mem::replace(&mut place.owner, Node::start(self.partition(index), store));
            place.ghosts.push(ghost);
        }
        let died = place.owner.turn(ground)? == Turn::Died;
        if died || ground.strikes(Fault::Crash, 15) {
            let mut store = place.owner.store.clone();
            if ground.strikes(Fault::CommitsLost, 4) {
                let commits = ground.chance.index(4) + 1;
                store.lose(commits);
            }
            if ground.strikes(Fault::StoreWiped, 8) {
                store = restored(place, ground);
            }
            place.owner = Node::start(self.partition(index), store);
        }
        Ok(())
    }

    /// No more faults: everything must come to rest; what the warehouse lost is found by its checksums and sent again.
    fn settle_down(&self, places: &mut [Place], ground: &mut Ground<'_>) -> Result<(), Violation> {
        ground.calm()?;
        let mut turns = 0;
        loop {
            let mut quiet = true;
            for (index, place) in places.iter_mut().enumerate() {
                place.ghosts.clear();
                loop {
                    turns += 1;
                    ground.steps += 1;
                    match place.owner.turn(ground)? {
                        Turn::Idle => break,
                        Turn::Worked => quiet = false,
                        Turn::Died => {
                            let store = place.owner.store.clone();
                            place.owner = Node::start(self.partition(index), store);
                        }
                    }
                    if turns > REST_TURNS_MAX {
                        return Err(Violation::new(Invariant::Liveness, format!("still busy after {turns} turns")));
                    }
                }
            }
            if quiet && !self.repair(places, ground)? {
                return Ok(());
            }
        }
    }

    /// Partitions whose checksums differ from the warehouse's, which only a loss can do, are replayed; whether there
    /// were any.
    fn repair(&self, places: &mut [Place], ground: &mut Ground<'_>) -> Result<bool, Violation> {
        let lossy = std::mem::take(&mut ground.lossy);
        let mut repaired = false;
        for (index, place) in places.iter_mut().enumerate() {
            let difference = rest::unlike(index as u32, place.owner.store.held(), ground);
            let Some(difference) = difference else { continue };
            if !lossy {
                return Err(Violation::new(Invariant::Convergence, difference));
            }
            place.owner = Node::start(self.partition(index), Store::of(Held::default()));
            repaired = true;
        }
        Ok(repaired)
    }

    /// Two streams, told in some order, with a record now and then that is none.
    fn senders(&self, ground: &mut Ground<'_>) -> Vec<Sender> {
        let mut events = self.setup.events.clone();
        if ground.chance.one_in(4) {
            events.sort_by_key(|event| event.occurred_at);
        }
        let mut senders = [Text::from("web"), Text::from("crm")].map(|stream| (stream, Vec::new()));
        for event in events {
            let (stream, records) = &mut senders[ground.chance.index(2)];
            let position = records.len() as u64 + 1;
            let source = Source { stream: stream.clone(), position };
            let lane = owner(&event).0.partition(self.partitions);
            records.push((lane, Entry::Event { source, event }));
            if ground.chance.one_in(20) {
                let source = Source { stream: stream.clone(), position: position + 1 };
                records.push((ground.chance.below(u64::from(self.partitions)) as u32, rejected(source)));
            }
        }
        senders.map(|(_, records)| Sender { records, next: 0 }).into()
    }
}

fn rejected(source: Source) -> Entry {
    let reject = Reject {
        reason: Text::from("invalid_json"),
        detail: Text::from("no JSON"),
        bytes: vec![1],
        length: 1,
        rejected_at: Timestamp(0),
    };
    Entry::Reject { source, reject }
}

/// The store a new owner starts from: the newest snapshot that is there and whole, else nothing.
fn restored(place: &Place, ground: &mut Ground<'_>) -> Store {
    for snapshot in place.snapshots.iter().rev() {
        if ground.strikes(Fault::SnapshotMissing, 6) {
            continue;
        }
        let corrupt = ground.strikes(Fault::SnapshotCorrupt, 6);
        let mut snapshot = snapshot.clone();
        if corrupt {
            snapshot.damage();
        }
        if snapshot.is_whole() {
            return Store::of(snapshot.held);
        }
    }
    Store::of(Held::default())
}

/// The next records of a stream, in order, again until all of them are acknowledged.
fn send(sender: &mut Sender, ground: &mut Ground<'_>) -> Result<(), Violation> {
    if ground.strikes(Fault::SentAgain, 15) {
        sender.next = ground.chance.index(sender.next + 1);
    }
    let many = ground.chance.index(8) + 1;
    let end = (sender.next + many).min(sender.records.len());
    let mut lanes: BTreeMap<u32, Vec<Entry>> = BTreeMap::new();
    for (lane, entry) in &sender.records[sender.next..end] {
        lanes.entry(*lane).or_default().push(entry.clone());
    }
    for (lane, entries) in lanes {
        if !ground.produce(lane, &entries)? {
            return Ok(());
        }
    }
    sender.next = end;
    Ok(())
}
