//! Many worlds, side by side.

use super::{Fault, Setup, run};
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::thread;

/// How a range of seeds went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sweep {
    /// Worlds run.
    pub worlds: u64,
    /// Steps of drivers, senders and faults in all of them.
    pub steps: u64,
    /// Faults that struck.
    pub injected: BTreeMap<Fault, u64>,
    /// Seeds of worlds that broke an invariant, in order.
    pub failed: Vec<u64>,
}

/// Runs the world of every seed on all processors; tells `done` how many are through.
pub fn sweep(seeds: Range<u64>, done: impl Fn(u64) + Sync) -> Sweep {
    let (next, sum) = (Mutex::new(seeds), Mutex::new(Sweep::default()));
    let work = || {
        loop {
            let seed = next.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some(seed) = seed else { return };
            let report = run(&Setup::new(seed));
            let mut sum = sum.lock().unwrap_or_else(PoisonError::into_inner);
            sum.worlds += 1;
            sum.steps += report.steps;
            report.injected.iter().for_each(|(fault, count)| *sum.injected.entry(*fault).or_default() += count);
            sum.failed.extend(report.violation.map(|_| seed));
            done(sum.worlds);
        }
    };
    thread::scope(|threads| {
        for _ in 0..thread::available_parallelism().map_or(1, NonZeroUsize::get) {
            threads.spawn(work);
        }
    });
    let mut sum = sum.into_inner().unwrap_or_else(PoisonError::into_inner);
    sum.failed.sort_unstable();
    sum
}
