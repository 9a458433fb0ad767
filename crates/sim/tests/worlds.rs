//! A thousand worlds and more, whatever goes wrong in them.

use smarketing_sim::world::{Fault, Setup, run, shrink};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// Worlds run by default; more with `SIM_SEEDS`.
const SEEDS: u64 = 1_200;

#[test]
fn no_schedule_of_faults_changes_a_number() {
    let seeds = std::env::var("SIM_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(SEEDS);
    let (next, failed) = (AtomicU64::new(0), Mutex::new(Vec::new()));
    let injected: Mutex<BTreeMap<Fault, u64>> = Mutex::new(BTreeMap::new());
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds {
                return;
            }
            let report = run(&Setup::new(seed));
            if seed % 16 == 0 {
                assert_eq!(run(&Setup::new(seed)), report, "seed {seed} is not the same world twice");
            }
            let mut sums = injected.lock().unwrap();
            report.injected.iter().for_each(|(fault, count)| *sums.entry(*fault).or_default() += count);
            drop(sums);
            if report.violation.is_some() {
                failed.lock().unwrap().push(seed);
            }
        }
    };
    thread::scope(|threads| {
        threads.spawn(work);
        threads.spawn(work);
    });
    let mut failed = failed.into_inner().unwrap();
    failed.sort_unstable();
    if let Some(seed) = failed.first() {
        let (small, report) = shrink(&Setup::new(*seed)).unwrap();
        for event in &small.events {
            println!("{event:?}");
        }
        let violation = report.violation.unwrap();
        panic!("{} of {seeds} seeds fail: smarketing simulate --seeds {seed}..{}: {violation}", failed.len(), seed + 1);
    }
    let injected = injected.into_inner().unwrap();
    assert!(Fault::ALL.iter().all(|fault| injected.get(fault).is_some_and(|count| *count > 20)), "{injected:?}");
}
