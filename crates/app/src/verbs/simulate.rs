//! `smarketing simulate`: seeded worlds with every fault, each checked against the auditor.

use crate::End;
use crate::bar::Bar;
use crate::cli::Simulate;
use crate::render::say;
use smarketing_sim::world::{Setup, shrink, sweep};
use std::time::Instant;

/// Failing seeds that are shrunk and shown; the others are only named.
const SHOWN_MAX: usize = 3;

pub(crate) fn run(asked: &Simulate) -> std::io::Result<End> {
    let seeds = asked.seeds.clone();
    let bar = Bar::new("worlds", seeds.end - seeds.start);
    let started = Instant::now();
    let sum = sweep(seeds, |worlds| bar.set(worlds));
    bar.finish();
    let seconds = started.elapsed().as_secs_f64().max(0.001);
    say!(
        "{} worlds in {seconds:.1} s, {} steps ({:.0} a second), {} failed",
        sum.worlds,
        sum.steps,
        sum.steps as f64 / seconds,
        sum.failed.len()
    );
    for (fault, count) in &sum.injected {
        say!("{count:>12}  {fault}");
    }
    for seed in sum.failed.iter().take(SHOWN_MAX) {
        explain(*seed)?;
    }
    for seed in sum.failed.iter().skip(SHOWN_MAX) {
        say!("smarketing simulate --seeds {seed}..{}", seed + 1);
    }
    Ok(if sum.failed.is_empty() { End::Done } else { End::Found })
}

/// A failing seed as a command, and the smallest world found in it that fails.
fn explain(seed: u64) -> std::io::Result<()> {
    say!("\nsmarketing simulate --seeds {seed}..{}", seed + 1);
    let Some((small, report)) = shrink(&Setup::new(seed)) else { return Ok(()) };
    if let Some(violation) = report.violation {
        say!("{violation}");
    }
    say!("still fails with {} events:", small.events.len());
    for event in &small.events {
        say!("  {event:?}");
    }
    let needed: Vec<String> = report.injected.keys().map(ToString::to_string).collect();
    say!("and these faults: {}", needed.join(", "));
    Ok(())
}
