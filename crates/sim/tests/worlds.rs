//! A thousand worlds and more, whatever goes wrong in them.

use smarketing_sim::world::{Fault, Setup, run, shrink, sweep};

/// Worlds run by default; more with `SIM_SEEDS`.
const SEEDS: u64 = 1_200;

#[test]
fn no_schedule_of_faults_changes_a_number() {
    let seeds = std::env::var("SIM_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(SEEDS);
    let sum = sweep(0..seeds, |_| {});
    println!("{} worlds, {} steps, {:?}", sum.worlds, sum.steps, sum.injected);
    if let Some(seed) = sum.failed.first() {
        let (small, report) = shrink(&Setup::new(*seed)).unwrap();
        small.events.iter().for_each(|event| println!("{event:?}"));
        let (count, violation) = (sum.failed.len(), report.violation.unwrap());
        panic!("{count} of {seeds} seeds fail: smarketing simulate --seeds {seed}..{}: {violation}", seed + 1);
    }
    let struck = |fault: &Fault| sum.injected.get(fault).is_some_and(|count| *count > 40);
    assert!(Fault::ALL.iter().all(struck), "{:?}", sum.injected);
}

#[test]
fn the_same_seed_is_the_same_world() {
    let traces: Vec<u64> = (0..40).map(|seed| run(&Setup::new(seed)).trace).collect();
    let again: Vec<u64> = (0..40).map(|seed| run(&Setup::new(seed)).trace).collect();
    assert_eq!(traces, again);
}
