//! Largest remainder: integers that sum to the amount exactly.

use alloc::vec::Vec;
use core::cmp::Reverse;

/// Splits `amount` in proportion to `weights` into `out`, one part per weight, and returns what could not be placed.
///
/// Parts sum to `amount` exactly: the quotients are rounded down and the units left go to the largest remainders, ties
/// to the earliest. A negative amount is split by absolute value and the sign restored. The returned rest is 0, or the
/// whole amount when every weight is 0.
pub fn apportion(amount: i64, weights: &[u64], out: &mut Vec<i64>) -> i64 {
    let total: u128 = weights.iter().map(|weight| u128::from(*weight)).sum();
    out.clear();
    if total == 0 {
        out.resize(weights.len(), 0);
        return amount;
    }
    let scratch = &mut Vec::new();
    match u64::try_from(total) {
        Ok(total) => spread(amount, weights, total, out, scratch),
        Err(_) => {
            // Halving all weights until their sum fits moves a share by less than 2^-60.
            let halvings = total.ilog2() - 62;
            let halved: Vec<u64> = weights.iter().map(|weight| weight >> halvings).collect();
            spread(amount, &halved, halved.iter().sum(), out, scratch);
        }
    }
    0
}

/// A slot's remainder and number.
pub(crate) type Remainder = (u64, u32);

/// Up to this many slots the largest remainders are found by looking at all of them, one unit at a time.
const FEW: usize = 16;

/// Replaces `out` by the parts of `amount`; `total` is the sum of `weights` and above 0. `remainders` is scratch.
pub(crate) fn spread(amount: i64, weights: &[u64], total: u64, out: &mut Vec<i64>, remainders: &mut Vec<Remainder>) {
    out.clear();
    if let Some(only) = weights.iter().position(|weight| *weight == total) {
        out.resize(weights.len(), 0);
        out[only] = amount;
        return;
    }
    let size = amount.unsigned_abs();
    let narrow = size.checked_mul(total).is_some();
    let mut left = size;
    let mut divide = |weight: u64| {
        let (part, remainder) = match narrow {
            true => (size * weight / total, size * weight % total),
            false => wide(size, weight, total),
        };
        left -= part;
        (part as i64, remainder)
    };
    if weights.len() <= FEW {
        let mut few = [0; FEW];
        out.extend(weights.iter().zip(&mut few).map(|(weight, remainder)| {
            let (part, rest) = divide(*weight);
            *remainder = rest;
            part
        }));
        hand_out_to_few(left, &mut few, out);
    } else {
        remainders.clear();
        for (slot, weight) in (0u32..).zip(weights) {
            let (part, remainder) = divide(*weight);
            remainders.push((remainder, slot));
            out.push(part);
        }
        hand_out(left as usize, remainders, out);
    }
    if amount < 0 {
        for part in out.iter_mut() {
            *part = part.wrapping_neg();
        }
    }
}

/// Gives one unit each to the `left` largest remainders, ties to the earliest; fewer are left than are above 0.
fn hand_out(left: usize, remainders: &mut [Remainder], parts: &mut [i64]) {
    if left == 0 {
        return;
    }
    remainders.select_nth_unstable_by_key(left - 1, |(r, slot)| (Reverse(*r), *slot));
    for (_, slot) in &remainders[..left] {
        parts[*slot as usize] += 1;
    }
}

/// The same where looking at every remainder for each unit is cheaper than sorting.
fn hand_out_to_few(left: u64, remainders: &mut [u64; FEW], parts: &mut [i64]) {
    for _ in 0..left {
        let mut largest = 0;
        for slot in 1..parts.len().min(FEW) {
            if remainders[slot] > remainders[largest] {
                largest = slot;
            }
        }
        remainders[largest] = 0;
        parts[largest] += 1;
    }
}

/// size · weight ÷ total and what is left, through 128 bits.
fn wide(size: u64, weight: u64, total: u64) -> (u64, u64) {
    let product = u128::from(size) * u128::from(weight);
    let total = u128::from(total);
    // weight ≤ total, so the quotient is at most `size`; the remainder is below `total`.
    ((product / total) as u64, (product % total) as u64)
}
