//! The normal distribution's upper tail, and which of many readings are low for certain.

use alloc::vec;
use alloc::vec::Vec;

/// P(Z > z) of a standard normal Z for z = 2.00, 2.05 … 6.50, in units of 10⁻¹², rounded up.
const TAIL: [i128; 91] = [
    22_750_131_949,
    20_182_215_406,
    17_864_420_563,
    15_777_607_392,
    13_903_447_514,
    12_224_472_656,
    10_724_110_022,
    9_386_705_535,
    8_197_535_925,
    7_142_810_736,
    6_209_665_326,
    5_386_145_955,
    4_661_188_024,
    4_024_588_543,
    3_466_973_804,
    2_979_763_236,
    2_555_130_331,
    2_185_961_455,
    1_865_813_301,
    1_588_869_648,
    1_349_898_032,
    1_144_206_832,
    967_603_214,
    816_352_313,
    687_137_938,
    577_025_043,
    483_424_143,
    404_057_802,
    336_929_266,
    280_293_277,
    232_629_080,
    192_615_576,
    159_108_591,
    131_120_155,
    107_799_734,
    88_417_286,
    72_348_044,
    59_058_913,
    48_096_345,
    39_075_597,
    31_671_242,
    25_608_817,
    20_657_507,
    16_623_764,
    13_345_750,
    10_688_526,
    8_539_906,
    6_806_877,
    5_412_544,
    4_293_515,
    3_397_674,
    2_682_296,
    2_112_455,
    1_659_676,
    1_300_808,
    1_017_084,
    793_329,
    617_308,
    479_184,
    371_068,
    286_652,
    220_906,
    169_827,
    130_244,
    99_645,
    76_050,
    57_902,
    43_978,
    33_321,
    25_185,
    18_990,
    14_284,
    10_718,
    8_023,
    5_991,
    4_463,
    3_316,
    2_458,
    1_818,
    1_341,
    987,
    725,
    531,
    388,
    283,
    206,
    149,
    108,
    78,
    56,
    41,
];

/// The unit of [`TAIL`].
const UNIT: i128 = 1_000_000_000_000;
/// First z of [`TAIL`] and the step from one to the next, in thousandths.
const FIRST: i64 = 2_000;
/// See [`FIRST`].
const STEP: i64 = 50;

/// The smallest z of the table, in thousandths, whose upper tail is at most 1 / `one_in`. At most 0.05 above the exact
/// quantile, never below it; 6.5 where the table ends.
pub(crate) fn quantile_milli(one_in: i128) -> i64 {
    let reached = TAIL.partition_point(|tail| tail.saturating_mul(one_in) > UNIT).min(TAIL.len() - 1);
    FIRST + STEP * i64::try_from(reached).unwrap_or_default()
}

/// Holm's step-down test: which of the readings (z in thousandths, low is what is looked for) are so low that, were
/// none of them truly low, even one such finding would come up in at most one of `one_in` rounds; and the z each was
/// held against. Holds however the readings depend on each other.
///
/// S. Holm, "A simple sequentially rejective multiple test procedure", Scand. J. Statist. 6 (1979).
pub(crate) fn holm(readings: &[i64], one_in: u32) -> Vec<(bool, i64)> {
    let mut order: Vec<usize> = (0..readings.len()).collect();
    order.sort_by_key(|at| (readings.get(*at).copied(), *at));
    let mut found = vec![(false, 0); readings.len()];
    let mut open = true;
    for (left, at) in (1..=readings.len()).rev().zip(order) {
        let limit = -quantile_milli(i128::from(one_in) * i128::try_from(left).unwrap_or(i128::MAX));
        open &= readings.get(at).is_some_and(|reading| *reading <= limit);
        if let Some(place) = found.get_mut(at) {
            *place = (open, limit);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_never_below_the_exact_ones() {
        // Exact: 2.3263, 3.0902, 3.7190, 4.7534.
        for (one_in, exact) in [(100, 2_327), (1_000, 3_091), (10_000, 3_720), (1_000_000, 4_754)] {
            let found = quantile_milli(one_in);
            assert!((exact..exact + 50).contains(&found), "{one_in}: {found}");
        }
        assert_eq!(quantile_milli(10), 2_000);
        assert_eq!(quantile_milli(i128::MAX), 6_500);
        assert!(TAIL.is_sorted_by(|a, b| a > b));
    }

    #[test]
    fn holm_stops_at_the_first_that_holds() {
        // Three readings at 1 in 1 000: held against 3.45, 3.30 and 3.10 in this order.
        let found = |readings: &[i64]| holm(readings, 1_000).iter().map(|(low, _)| *low).collect::<Vec<_>>();
        assert_eq!(found(&[-3_460, -3_100, -3_310]), [true, true, true]);
        assert_eq!(found(&[-3_460, -3_100, -3_290]), [true, false, false]);
        assert_eq!(found(&[-3_440, -3_440, 0]), [false, false, false]);
        assert_eq!(found(&[]), [false; 0]);
        assert_eq!(holm(&[-3_000], 1_000), [(false, -3_100)]);
    }
}
