//! Powers of two with the same bits on every machine.

/// ln 2 in units of 2^-64.
const LN_2: u64 = 0xB172_17F7_D1CF_79AC;
/// One in units of 2^-63.
const ONE: u64 = 1 << 63;
/// Terms of the series after the first; the first one left out is below 2^-66.
const TERMS: usize = 18;
/// (ln 2)^k / k! for k = 0, 1, …, in units of 2^-63.
const SERIES: [u64; TERMS + 1] = series();

const fn series() -> [u64; TERMS + 1] {
    let mut terms = [ONE; TERMS + 1];
    let mut k = 1;
    while k <= TERMS {
        terms[k] = high(terms[k - 1], LN_2) / k as u64;
        k += 1;
    }
    terms
}

/// 2^−(numerator/denominator) in units of 2^-40, rounded to the nearest unit.
///
/// Integer arithmetic only: the exponent's whole part is a shift, its fraction f goes through the series of
/// e^(−f·ln 2) in 2^-63 units, whose error stays below 2^-58. A denominator of 0 means immediate decay: one for
/// numerator 0, otherwise zero. From an exponent of 41 on the result is zero.
pub fn exp2_neg(numerator: u64, denominator: u64) -> u64 {
    if denominator == 0 {
        return u64::from(numerator == 0) << 40;
    }
    let whole = numerator / denominator;
    if whole > 40 {
        return 0;
    }
    let rest = u128::from(numerator % denominator);
    // The remainder is below the denominator, so the quotient is below 2^64.
    let fraction = ((rest << 64) / u128::from(denominator)) as u64;
    let shift = 23 + whole as u32;
    let rounded = u128::from(power(fraction)) + (1 << (shift - 1));
    (rounded >> shift) as u64
}

/// 2^−f = Σ (−f·ln 2)^k / k! for f in units of 2^-64, in units of 2^-63 (Horner's scheme; terms shrink, so no
/// difference is negative).
fn power(f: u64) -> u64 {
    let sum = |inner: u64, term: &u64| term - high(f, inner);
    SERIES.iter().rev().fold(0, sum)
}

/// The upper half of a product.
const fn high(a: u64, b: u64) -> u64 {
    ((a as u128 * b as u128) >> 64) as u64
}
