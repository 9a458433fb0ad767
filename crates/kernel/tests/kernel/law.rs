//! The one law: the projections are a function of the set of events.

use super::given::Happened;
use super::story::{dice, story};
use super::world::{Node, World, fingerprint, same};
use proptest::prelude::*;
use smarketing_kernel::entry::Entry;
use smarketing_kernel::rules::{ChannelRow, Definitions};
use smarketing_kernel::step::{Error, Partition, State, step};
use std::collections::BTreeSet;

/// Plain seeded chance for schedules.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound.max(1)
    }
}

/// Appends the events in some order, some of them twice, and settles now here, now there.
fn lived(events: &[Happened], partitions: u32, seed: u64) -> World {
    let mut chance = Chance(seed);
    let mut events = events.to_vec();
    for _ in 0..events.len() / 4 {
        let again = events[chance.below(events.len())].clone();
        events.push(again);
    }
    for index in (1..events.len()).rev() {
        events.swap(index, chance.below(index + 1));
    }
    let mut world = World::new(partitions);
    let eagerness = 1 + chance.below(30);
    for event in events {
        if chance.below(20) == 0 {
            world.append_reject(chance.below(partitions as usize));
        }
        world.append(event);
        if chance.below(eagerness) == 0 {
            world.tick(chance.below(partitions as usize));
        }
    }
    world.drain();
    world.audit();
    world
}

fn config() -> ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig {
        cases: asked.unwrap_or(96),
        failure_persistence: None,
        max_shrink_iters: 400,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn order_repetition_batching_and_partitions_change_nothing(
        dice in prop::collection::vec(dice(), 1..120),
        seeds in prop::array::uniform3(any::<u64>()),
    ) {
        let events = story(&dice);
        let expected = World::after(&events);
        expected.audit();
        for (partitions, seed) in (1..).zip(seeds) {
            let got = lived(&events, partitions, seed);
            same(&expected.tables.shown(), &got.tables.shown(), "row");
            same(&expected.balances(), &got.balances(), "balance");
        }
    }

    #[test]
    fn replaying_a_journal_gives_the_same_commits_and_a_lost_suffix_the_same_rows(
        dice in prop::collection::vec(dice(), 1..60),
        seed in any::<u64>(),
    ) {
        let world = lived(&story(&dice), 2, seed);
        for (index, node) in world.nodes.iter().enumerate() {
            let partition = Partition { index: index as u32, count: 2 };
            let mut replayed = Node { journal: node.journal.clone(), ..Node::default() };
            let mut before = Vec::new();
            for (offset, entry) in node.journal.iter().enumerate() {
                if matches!(entry, Entry::Tick { .. }) {
                    before.push(replayed.clone());
                    replayed.settle(&world.rules, partition, offset + 1).unwrap();
                }
            }
            prop_assert_eq!(&replayed.commits, &node.commits);
            prop_assert!(replayed.shelf == node.shelf && replayed.state == node.state);
            // A crash after any commit that the store had not kept: the older state goes the same way again.
            for (number, mut older) in before.into_iter().enumerate().skip(seed as usize % 5).step_by(5) {
                older.commits.clear();
                let until = node.journal.iter().enumerate().skip(older.state.position as usize);
                let (offset, _) = until.into_iter().find(|(_, entry)| matches!(entry, Entry::Tick { .. })).unwrap();
                older.settle(&world.rules, partition, offset + 1).unwrap();
                prop_assert_eq!(&older.commits[0], &node.commits[number]);
            }
        }
    }
}

/// A journal keeps what subjects told each other by the rules of then; who builds it anew says it again by its own.
#[test]
fn a_journal_that_was_worked_by_other_rules_tells_the_new_ones_the_same_story() {
    use super::given::*;
    let events: Vec<Happened> = (0..12)
        .flat_map(|n| {
            let browser = format!("v{n}");
            let visit = view(&format!("p-{n}"), &browser, at(0, n), "/blog?utm_source=google&utm_medium=cpc");
            [visit, form(&format!("f-{n}"), Some(&browser), at(1, n), lead(n as u8), "/demo")]
        })
        .collect();
    let renamed = |definitions: &mut Definitions| {
        let row = ChannelRow { channel: "Strange".into(), medium: "cpc".into(), ..ChannelRow::default() };
        definitions.channels.push(row);
    };
    let mut before = World::new(3);
    before.see(&events);
    let expected = {
        let mut fresh = World::with(3, renamed);
        fresh.see(&events);
        fresh
    };
    assert!(expected.tables.shown().values().any(|row| row.contains("Strange")));

    let journals = before.nodes.iter().map(|node| node.journal.clone());
    let told = |node: &Node| node.state.received.values().sum::<u64>();
    assert!(before.nodes.iter().map(told).sum::<u64>() > 0, "the story must cross partitions");
    let mut again = World::with(3, renamed);
    for (node, journal) in again.nodes.iter_mut().zip(journals) {
        node.journal = journal;
    }
    again.drain();
    same(&expected.tables.shown(), &again.tables.shown(), "row");
    same(&expected.balances(), &again.balances(), "balance");

    // The same rules in another generation do not take the words of the first for theirs either.
    let mut next = World::new(3);
    next.rules = next.rules.of_generation(2);
    for (node, journal) in next.nodes.iter_mut().zip(&before.nodes) {
        node.journal = journal.journal.clone();
    }
    next.drain();
    same(&before.tables.shown(), &next.tables.shown(), "row");
    let lineages: BTreeSet<u32> = next.nodes.iter().flat_map(|node| &node.journal).filter_map(generation).collect();
    assert_eq!(lineages, [0, 2].into());
}

fn generation(entry: &Entry) -> Option<u32> {
    match entry {
        Entry::Message { lineage, .. } => Some(lineage.generation),
        _ => None,
    }
}

#[test]
fn messages_and_records_that_come_again_are_dropped_and_a_gap_halts() {
    use super::given::*;
    let mut world = World::new(2);
    let browsers: Vec<String> = (0..8).map(|n| format!("v{n}")).collect();
    let forms = browsers.iter().map(|v| form(&format!("f-{v}"), Some(v), at(0, 0), lead(7), "/demo"));
    world.see(&forms.collect::<Vec<_>>());
    let (index, node) = world.nodes.iter().enumerate().find(|(_, node)| !node.state.received.is_empty()).unwrap();
    let partition = Partition { index: index as u32, count: 2 };
    let messages: Vec<Entry> = node.journal.iter().filter(|e| matches!(e, Entry::Message { .. })).cloned().collect();
    assert!(messages.len() > 1, "the story must cross partitions");

    let again = node.journal.iter().filter(|e| !matches!(e, Entry::Tick { .. })).cloned().collect();
    let commit = step(&world.rules, partition, node.state.clone(), again, &mut node.shelf.clone()).unwrap();
    assert!(
        commit.subjects.is_empty() && commit.messages.is_empty() && commit.rows.count() == 0,
        "{}",
        fingerprint(&commit)
    );
    let duplicates = |state: &State| state.streams.values().map(|stream| stream.duplicates).sum::<u64>();
    let events = node.journal.iter().filter(|e| matches!(e, Entry::Event { .. })).count() as u64;
    assert_eq!(duplicates(&commit.state), duplicates(&node.state) + events);

    let late = messages[1..].to_vec();
    let error = step(&world.rules, partition, State::default(), late, &mut Node::default().shelf).unwrap_err();
    assert!(matches!(error, Error::Gap { due: 1, came: 2, .. }), "{error:?}");
}
