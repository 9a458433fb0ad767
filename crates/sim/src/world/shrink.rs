//! A failing world made small: few events, few kinds of faults.

use super::{Fault, Report, Setup, run};

/// Runs a shrink may take.
const RUNS_MAX: usize = 600;

/// The smallest failing world found by leaving out events and kinds of faults; `None` if the world does not fail.
#[must_use]
pub fn shrink(setup: &Setup) -> Option<(Setup, Report)> {
    let mut report = run(setup);
    report.violation.as_ref()?;
    let mut best = setup.clone();
    let mut runs = 0;
    let mut attempt = |smaller: Setup, best: &mut Setup| {
        runs += 1;
        let tried = if runs <= RUNS_MAX { run(&smaller) } else { return false };
        let fails = tried.violation.is_some();
        if fails {
            (*best, report) = (smaller, tried);
        }
        fails
    };
    for fault in Fault::ALL {
        attempt(Setup { faults: best.faults.without(fault), ..best.clone() }, &mut best);
    }
    let mut size = best.events.len() / 2;
    while size > 0 {
        let (mut start, mut shrunk) = (0, false);
        while start < best.events.len() {
            let mut smaller = best.clone();
            smaller.events.drain(start..(start + size).min(best.events.len()));
            if attempt(smaller, &mut best) { shrunk = true } else { start += size }
        }
        if !shrunk || size > 1 {
            size /= 2;
        }
    }
    Some((best, report))
}
