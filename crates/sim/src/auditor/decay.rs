//! Halving: 2^−(age ÷ half-life) in units of 2^-40, by square roots instead of a series.

use std::sync::LazyLock;

/// One, in the unit the work is done in.
const ONE: u128 = 1 << 63;
/// Half-lives are cut into so many binary digits: the last one moves the result by less than 2^-60.
const DIGITS: usize = 60;

/// 2^-½ is the root of ½, 2^-¼ the root of that: one factor for each binary digit of the exponent.
static ROOTS: LazyLock<[u128; DIGITS]> = LazyLock::new(|| {
    let mut root = ONE / 2;
    std::array::from_fn(|_| {
        root = (root * ONE).isqrt();
        root
    })
});

/// What is left of one after `age` at this half-life, rounded to the nearest 2^-40.
pub(super) fn left(age: u64, half_life: u64) -> i128 {
    let (whole, mut rest) = (age / half_life, u128::from(age % half_life));
    if whole > 40 {
        return 0;
    }
    let mut factor = ONE;
    for root in ROOTS.iter() {
        rest *= 2;
        if rest >= u128::from(half_life) {
            rest -= u128::from(half_life);
            factor = (factor * root + ONE / 2) / ONE;
        }
    }
    let shift = 23 + whole as u32;
    ((factor + (1 << (shift - 1))) >> shift) as i128
}

#[cfg(test)]
mod tests {
    use super::*;
    use smarketing_kernel::attribution::exp2_neg;

    #[test]
    fn halves_are_halved_and_two_ways_of_reckoning_agree() {
        assert_eq!((left(0, 7), left(7, 7), left(14, 7), left(1, 2)), (1 << 40, 1 << 39, 1 << 38, 777_472_127_994));
        let half_life = 30 * 86_400_000;
        for age in (0..400 * 86_400_000_u64).step_by(777_777_777) {
            assert_eq!(left(age, half_life), i128::from(exp2_neg(age, half_life)), "{age}");
        }
    }
}
