//! One million journeys of four touches under every rule-based model: weights, money and micro-credits, one core.
//!
//! `cargo bench -p smarketing-attribution` prints the seconds at the pace of the fastest slice (what a core that is not
//! shared would take), the target divided by them (1 or more is good), and the time on the clock.

use smarketing_attribution::{Journey, Kind, MICRO_CREDITS, Model, Shares, Touch};
use std::hint::black_box;
use std::time::Instant;

const JOURNEYS: usize = 1_000_000;
const SLICES: usize = 1000;
const TOUCHES: usize = 4;
const TARGET_S: f64 = 1.5;
const DAY_MS: i64 = 86_400_000;

fn main() {
    // Distinct journeys, cycled: more than the branch predictor can learn.
    let stories: Vec<[Touch; TOUCHES]> = (0..4096).map(story).collect();
    let models = Model::rule_based();
    let (mut shares, mut money, mut credits) = (Shares::new(), Vec::new(), Vec::new());
    let mut checksum = 0i64;
    let began = Instant::now();
    let mut fastest = f64::INFINITY;
    for slice in 0..SLICES {
        let slice_began = Instant::now();
        for i in (slice..JOURNEYS).step_by(SLICES) {
            let touches = &stories[i % stories.len()];
            let journey = journey(touches, i);
            let amount = 1_000_000 + (i as i64 % 977) * 1013;
            Model::each_shares(&models, black_box(&journey), &mut shares, |_, shares| {
                checksum += shares.split(amount, &mut money);
                checksum += shares.split(MICRO_CREDITS, &mut credits);
                checksum += money[i % TOUCHES] + credits[0];
            });
        }
        fastest = fastest.min(slice_began.elapsed().as_secs_f64() * SLICES as f64);
    }
    let clock = began.elapsed().as_secs_f64();
    println!(
        "{JOURNEYS} journeys x {} models: {fastest:.3} s, target/time {:.2} (clock {clock:.3} s, checksum {checksum})",
        models.len(),
        TARGET_S / fastest
    );
}

/// A won deal over the touches; which touch holds OC alternates.
fn journey(touches: &[Touch; TOUCHES], i: usize) -> Journey<'_> {
    let close = touches[3].at + DAY_MS;
    Journey {
        touches,
        lead_created_at: Some(touches[1].at),
        opened_at: Some(touches[2 + i % 2].at),
        closed_at: Some(close),
        stages: &[],
        converts_at: close,
        previous_close: None,
    }
}

/// A journey that differs from its neighbours in gaps and channels.
fn story(seed: usize) -> [Touch; TOUCHES] {
    let mut state = seed as u64 ^ 0x9e37_79b9_7f4a_7c15;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state >> 33
    };
    let mut at = 1_700_000_000_000;
    std::array::from_fn(|_| {
        at += (next() % 40) as i64 * DAY_MS + 1;
        Touch {
            at,
            channel: (next() % 8) as u32,
            direct: next() % 4 == 0,
            paid: next() % 3 == 0,
            kind: if next() % 3 == 0 { Kind::Form } else { Kind::Visit },
            repeat: next() % 10 == 0,
        }
    })
}
