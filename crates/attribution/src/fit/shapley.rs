//! Shapley values of channels, exact.
//!
//! The worth of a set of channels is what the paths within it converted. That game is a sum of unanimity games, one per
//! path, so each path's outcome is shared equally by its distinct channels; no coalition has to be enumerated.

use super::{Effect, Error, Fit, Grouped, Path};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// Most distinct channels of one path.
pub(super) const MAX_CHANNELS: usize = 24;

/// The least common multiple of 1 to [`MAX_CHANNELS`]: in this unit every part of a path is an integer.
const UNIT: u64 = 5_354_228_880;

/// Exact sums in units of 1/[`UNIT`].
#[derive(Clone, Copy, Default)]
struct Sum {
    conversions: u128,
    value: u128,
}

/// Fits the Shapley value over channel sets; `share` is the channel's part of conversions, `value` its part of value.
pub fn shapley(paths: &[Path]) -> Result<Fit, Error> {
    let grouped = Grouped::new(paths, false)?;
    let mut sums: BTreeMap<u32, Sum> = BTreeMap::new();
    for (channels, outcome) in &grouped.paths {
        let (distinct, part) = equal_parts(channels)?;
        for channel in distinct {
            let sum = sums.entry(channel).or_default();
            sum.conversions += u128::from(outcome.conversions) * part;
            sum.value += u128::from(outcome.value) * part;
        }
    }
    let all = u128::from(grouped.total.conversions) * u128::from(UNIT);
    let effect = |(channel, sum): (u32, Sum)| Effect {
        channel,
        removal_effect: None,
        share: sum.conversions as f64 / all.max(1) as f64,
        conversions: sum.conversions as f64 / UNIT as f64,
        value: sum.value as f64 / UNIT as f64,
    };
    Ok(grouped.fit(sums.into_iter().map(effect).collect()))
}

/// What one channel contributes at one place of the paths.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PositionCredit {
    /// The caller's channel number.
    pub channel: u32,
    /// The place, 0 for the first touch.
    pub position: u32,
    /// Conversions credited.
    pub conversions: f64,
    /// Value credited, in the unit of [`Path::value`].
    pub value: f64,
}

/// The ordered Shapley value: a channel's part of a path, shared equally by the places where the channel stands in it.
///
/// Ascending by channel, then position; a channel's credits sum to its credit over channel sets.
pub fn shapley_ordered(paths: &[Path]) -> Result<Vec<PositionCredit>, Error> {
    let grouped = Grouped::new(paths, false)?;
    let mut sums: BTreeMap<(u32, u32), (f64, f64)> = BTreeMap::new();
    for (channels, outcome) in &grouped.paths {
        let (distinct, _) = equal_parts(channels)?;
        for channel in &distinct {
            let places = (0u32..).zip(channels).filter(|(_, c)| *c == channel);
            let sharing = (places.clone().count() * distinct.len()) as f64;
            for (place, _) in places {
                let (conversions, value) = sums.entry((*channel, place)).or_default();
                *conversions += outcome.conversions as f64 / sharing;
                *value += outcome.value as f64 / sharing;
            }
        }
    }
    let credit = |((channel, position), (conversions, value))| PositionCredit { channel, position, conversions, value };
    Ok(sums.into_iter().map(credit).collect())
}

/// The distinct channels of a path, ascending, and the part of each in units of 1/[`UNIT`].
fn equal_parts(channels: &[u32]) -> Result<(Vec<u32>, u128), Error> {
    let mut distinct = channels.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    if distinct.len() > MAX_CHANNELS {
        return Err(Error::TooManyChannels(distinct.len()));
    }
    let part = UNIT / distinct.len().max(1) as u64;
    Ok((distinct, u128::from(part)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fit::tests::{any_paths, worked};
    use proptest::prelude::*;

    #[test]
    fn shares_the_worked_set() {
        let fit = shapley(&worked()).unwrap();
        let got: Vec<_> = fit.channels.iter().map(|e| (e.conversions, e.value)).collect();
        assert_eq!(got, [(3.5, 350_000.0), (3.5, 350_000.0), (1.0, 100_000.0)]);
        assert_eq!(fit.money(800_000), [350_000, 350_000, 100_000]);
    }

    #[test]
    fn every_number_of_channels_divides_the_unit() {
        assert!((1..=MAX_CHANNELS as u64).all(|n| UNIT.is_multiple_of(n)));
    }

    /// Conversions of the paths whose channels all lie in `set` (a bit per channel).
    fn worth(paths: &[Path], set: u32) -> f64 {
        let inside = |path: &&Path| path.channels.iter().all(|c| set >> c & 1 == 1);
        let held = paths.iter().filter(|p| !p.channels.is_empty()).filter(inside);
        held.map(|path| path.conversions as f64).sum()
    }

    fn factorial(n: u32) -> f64 {
        (1..=n).map(f64::from).product()
    }

    proptest! {
        #[test]
        fn equals_the_sum_over_all_coalitions(paths in any_paths()) {
            let players = 5;
            for effect in shapley(&paths).unwrap().channels {
                let rest = (0..1u32 << players).filter(|set| set >> effect.channel & 1 == 0);
                let marginal = rest.map(|set| {
                    let size = set.count_ones();
                    let orders = factorial(size) * factorial(players - size - 1) / factorial(players);
                    orders * (worth(&paths, set | 1 << effect.channel) - worth(&paths, set))
                });
                prop_assert!((marginal.sum::<f64>() - effect.conversions).abs() < 1e-9);
            }
        }

        #[test]
        fn positions_sum_to_the_set_form(paths in any_paths()) {
            let ordered = shapley_ordered(&paths).unwrap();
            for effect in shapley(&paths).unwrap().channels {
                let places = ordered.iter().filter(|p| p.channel == effect.channel);
                let (conversions, value) = places.fold((0.0, 0.0), |(c, v), p| (c + p.conversions, v + p.value));
                prop_assert!((conversions - effect.conversions).abs() < 1e-9);
                prop_assert!((value - effect.value).abs() < 1e-6);
            }
        }
    }
}
