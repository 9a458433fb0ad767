//! What is written once: ledger entries and rejects are counted as they leave, and a retried reject is taken back.

use super::given::*;
use super::world::{World, checksums};
use smarketing_kernel::Checksum;
use smarketing_kernel::entry::{Entry, Reject, Source};
use smarketing_kernel::id::{Kind, SubjectId};
use smarketing_kernel::row::{Rows, Table};
use smarketing_kernel::rules::Rules;
use smarketing_kernel::step::{Partition, State, step};
use smarketing_kernel::time::Timestamp;

#[test]
fn a_subject_is_known_by_its_key() {
    for kind in [Kind::Visitor, Kind::Lead, Kind::Account, Kind::Deal, Kind::Rates, Kind::Spend] {
        let id = SubjectId::named(kind, "w", "n");
        assert_eq!(SubjectId::of_key(&id.key()), Some(id));
        assert_eq!(SubjectId::of_key(&id.key()[..16]), None);
    }
    assert_eq!(SubjectId::of_key(&[0; 17]), None);
    assert_eq!(SubjectId::of_key(&[]), None);
}

fn source(stream: &str, position: u64) -> Source {
    Source { stream: stream.into(), position }
}

fn rejected(position: u64) -> Entry {
    let (reason, detail) = ("invalid_json".into(), "".into());
    let reject = Reject { reason, detail, bytes: vec![1], length: 1, rejected_at: Timestamp(0) };
    Entry::Reject { source: source("web", position), reject }
}

fn resolved(retry: u64, position: u64) -> Entry {
    Entry::Resolved { source: source("retry", retry), reject: source("web", position) }
}

fn settled(state: State, entries: Vec<Entry>) -> (State, Rows) {
    let rules = Rules::new(&Default::default()).unwrap();
    let shelf = &mut super::world::Encoded::default();
    let commit = step(&rules, Partition { index: 0, count: 1 }, state, entries, shelf).unwrap();
    (commit.state, commit.rows)
}

#[test]
fn a_resolved_reject_is_taken_back_once() {
    let held = |state: &State| state.checksums.get(&(Table::Rejects, 0)).copied().unwrap_or_default();
    let (state, mut rows) = settled(State::default(), vec![rejected(1), rejected(2)]);
    assert_eq!(held(&state).rows, 2);
    assert_eq!(checksums(&mut rows)[&(Table::Rejects, 0)], held(&state));
    // The retry was journalled twice: the second time is a repetition of its stream.
    let (state, rows) = settled(state, vec![resolved(1, 2), resolved(1, 2)]);
    let gone: Vec<_> = rows.rejects.iter().map(|change| (change.row.position, change.deleted)).collect();
    assert_eq!(gone, [(2, true)]);
    assert_eq!(held(&state), checksums(&mut settled(State::default(), vec![rejected(1)]).1)[&(Table::Rejects, 0)]);
    let (state, _) = settled(state, vec![resolved(2, 1)]);
    assert_eq!(held(&state), Checksum::default());
    assert_eq!(state.streams["retry"].duplicates, 1);
    assert_eq!(state.streams["retry"].applied, 0, "a resolution is no event");
}

#[test]
fn the_ledger_is_counted_by_the_month_it_is_recorded_in() {
    let mut world = World::new(1);
    world.see(&[form("f", Some("v"), at(0, 0), lead(1), "/demo")]);
    let node = &world.nodes[0];
    let entries = world.ledger.len() as i64;
    assert!(entries > 0, "a lead is a conversion");
    let sums = node.state.checksums.iter().filter(|((table, _), _)| *table == Table::CreditLedger);
    let sums: Vec<_> = sums.map(|((_, month), sum)| (*month, sum.rows, sum.digests)).collect();
    let version = node.state.position - 1;
    let digests = world.ledger.iter().fold(0_u64, |sum, entry| sum.wrapping_add(entry.digest(version)));
    let (year, month) = world.ledger[0].recorded_at.day().year_month();
    assert_eq!(sums, [(year * 100 + i32::from(month), entries, digests)]);
}
