//! How fast a history is made: `cargo bench -p smarketing-sim`.
#![allow(clippy::print_stdout)]

use smarketing_kernel::time::Timestamp;
use smarketing_sim::history::Plan;
use std::hint::black_box;
use std::time::Instant;

fn main() {
    let mut history = Plan::demo(1, Timestamp(1_795_305_600_000)).events(5_000_000).history();
    let (start, mut events, mut most) = (Instant::now(), 0_u64, 0);
    while let Some(event) = history.next() {
        black_box(event);
        events += 1;
        most = most.max(history.held());
    }
    let spent = start.elapsed();
    println!(
        "{events} events in {spent:?}: {} a second, at most {most} held",
        events * 1_000 / (spent.as_millis() as u64).max(1)
    );
}
