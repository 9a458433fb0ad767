//! Data-driven models: what each channel contributes, learned from path counts.
//!
//! Train on closed journeys only, won and lost: an open journey is censored, not a negative. The same paths in any
//! order give the same bytes: equal paths are grouped into an ordered map before anything else.

mod elimination;
mod markov;
mod shapley;

pub use markov::markov;
pub use shapley::{PositionCredit, shapley, shapley_ordered};

use crate::apportion::apportion;
use crate::model::Rule;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

/// Why paths cannot be fitted or attributed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The Markov order is not 1 to 4.
    #[error("markov order {0}, it must be 1 to 4")]
    Order(u8),
    /// The paths have more than [`MAX_STATES`] states of this order.
    #[error("paths have more than {MAX_STATES} states, fit a lower order")]
    TooManyStates,
    /// A path holds more distinct channels than the Shapley value is exact for.
    #[error("a path has {0} distinct channels, at most {max} are possible", max = shapley::MAX_CHANNELS)]
    TooManyChannels(usize),
    /// Counts or values do not fit 64 bits.
    #[error("counts of all paths together exceed 64 bits")]
    Overflow,
    /// No model of that name.
    #[error("unknown model \"{0}\"")]
    UnknownModel(alloc::string::String),
    /// The model weighs milestones, which a path does not have.
    #[error("model \"{0}\" needs milestones, which a path does not have")]
    NeedsMilestones(alloc::string::String),
}

/// Most states a Markov fit can have; 12 channels have 22 620 up to order 4.
pub const MAX_STATES: usize = 1 << 15;

/// How often one sequence of channels was seen, and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// The channels in order of time; a path without channels is nobody's, and left out of fits.
    pub channels: Vec<u32>,
    /// How often it converted.
    pub conversions: u64,
    /// The value of those conversions together, in the caller's minor unit.
    pub value: u64,
    /// How often it was lost.
    pub nulls: u64,
}

/// The outcomes of one distinct path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) conversions: u64,
    pub(crate) value: u64,
    pub(crate) nulls: u64,
}

impl Outcome {
    fn add(&mut self, conversions: u64, value: u64, nulls: u64) -> Option<()> {
        self.conversions = self.conversions.checked_add(conversions)?;
        self.value = self.value.checked_add(value)?;
        self.nulls = self.nulls.checked_add(nulls)?;
        self.conversions.checked_add(self.nulls).map(|_| ())
    }
}

/// Distinct paths with their outcomes, in the order of their channels.
pub(crate) struct Grouped {
    pub(crate) paths: BTreeMap<Vec<u32>, Outcome>,
    pub(crate) total: Outcome,
}

impl Grouped {
    /// Groups equal paths; with `collapse_repeats` consecutive repeats of a channel become one touch first.
    pub(crate) fn new(paths: &[Path], collapse_repeats: bool) -> Result<Self, Error> {
        let mut grouped = Self { paths: BTreeMap::new(), total: Outcome::default() };
        for path in paths.iter().filter(|path| !path.channels.is_empty()) {
            let mut channels = path.channels.clone();
            if collapse_repeats {
                channels.dedup();
            }
            let (conversions, value, nulls) = (path.conversions, path.value, path.nulls);
            let outcome = grouped.paths.entry(channels).or_default();
            let added = outcome.add(conversions, value, nulls);
            added.and_then(|()| grouped.total.add(conversions, value, nulls)).ok_or(Error::Overflow)?;
        }
        Ok(grouped)
    }

    /// Every channel of every path, ascending.
    pub(crate) fn channels(&self) -> BTreeSet<u32> {
        self.paths.keys().flatten().copied().collect()
    }

    /// FNV-1a over the grouped paths: names the training set.
    fn digest(&self) -> u64 {
        let mut digest = 0xcbf2_9ce4_8422_2325_u64;
        let mut eat = |word: u64| {
            for byte in word.to_le_bytes() {
                digest = (digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            }
        };
        for (channels, outcome) in &self.paths {
            eat(channels.len() as u64);
            channels.iter().for_each(|channel| eat(u64::from(*channel)));
            [outcome.conversions, outcome.value, outcome.nulls].into_iter().for_each(&mut eat);
        }
        digest
    }

    /// The fit these effects make.
    fn fit(&self, channels: Vec<Effect>) -> Fit {
        Fit {
            training_set: self.digest(),
            distinct_paths: self.paths.len() as u64,
            conversions: self.total.conversions,
            value: self.total.value,
            nulls: self.total.nulls,
            channels,
        }
    }
}

/// What one channel contributes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Effect {
    /// The caller's channel number.
    pub channel: u32,
    /// Markov: 1 − P(conversion without the channel) / P(conversion); 0 to 1. Shapley has none.
    pub removal_effect: Option<f64>,
    /// The channel's part of all conversions; parts sum to 1 when anything converted.
    pub share: f64,
    /// Conversions credited.
    pub conversions: f64,
    /// Value credited, in the unit of [`Path::value`].
    pub value: f64,
}

/// Channel effects learned from one training set.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    /// Hash of the grouped training paths (FNV-1a): equal for equal training sets, whatever their order.
    pub training_set: u64,
    /// Paths after grouping.
    pub distinct_paths: u64,
    /// Conversions of all paths.
    pub conversions: u64,
    /// Value of all paths.
    pub value: u64,
    /// Lost journeys of all paths.
    pub nulls: u64,
    /// One effect per channel, by ascending channel number.
    pub channels: Vec<Effect>,
}

impl Fit {
    /// The effects as a table for [`Rule::Effects`], in units of 2^-40.
    pub fn effects(&self) -> BTreeMap<u32, u64> {
        let fixed = |share: f64| (share * Rule::MAX_EFFECT as f64 + 0.5) as u64;
        let effects = self.channels.iter();
        effects.map(|e| (e.channel, fixed(e.share))).collect()
    }

    /// An amount split over the channels in the order of `channels`, in proportion to their value (their share when
    /// nothing has value); parts sum to `amount` exactly when anything converted.
    pub fn money(&self, amount: i64) -> Vec<i64> {
        let weight = |e: &Effect| if self.value > 0 { e.value / self.value as f64 } else { e.share };
        let fixed = |e: &Effect| (weight(e) * (1u64 << 52) as f64 + 0.5) as u64;
        let weights: Vec<u64> = self.channels.iter().map(fixed).collect();
        let mut parts = Vec::with_capacity(weights.len());
        apportion(amount, &weights, &mut parts);
        parts
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    /// The worked set of the design: email 0, search 1, social 2; value in cents.
    pub(crate) fn worked() -> Vec<Path> {
        let path = |channels: &[u32], conversions, nulls, value| Path {
            channels: channels.to_vec(),
            conversions,
            value,
            nulls,
        };
        alloc::vec![
            path(&[1, 0], 3, 1, 300_000),
            path(&[1], 1, 3, 100_000),
            path(&[2, 1], 2, 2, 200_000),
            path(&[2], 0, 4, 0),
            path(&[0], 2, 2, 200_000),
        ]
    }

    /// Paths over five channels, with repeats and loops.
    pub(crate) fn any_paths() -> impl Strategy<Value = Vec<Path>> {
        let path = (vec(0u32..5, 0..9), 0u64..20, 0u64..1000, 0u64..20);
        let path = path.prop_map(|(channels, conversions, value, nulls)| Path {
            channels,
            conversions,
            value: if conversions > 0 { value } else { 0 },
            nulls,
        });
        vec(path, 1..30)
    }

    #[test]
    fn refuses_what_it_cannot_fit() {
        let huge = Path { channels: alloc::vec![1], conversions: u64::MAX, value: 0, nulls: 1 };
        let wide = Path { channels: (0..25).collect(), conversions: 1, value: 1, nulls: 0 };
        assert_eq!(markov(&[], 5, false), Err(Error::Order(5)));
        assert_eq!(markov(&[huge], 1, false), Err(Error::Overflow));
        assert_eq!(shapley(&[wide]), Err(Error::TooManyChannels(25)));
    }

    #[test]
    fn fits_nothing_from_nothing() {
        let lost = Path { channels: alloc::vec![7], conversions: 0, value: 0, nulls: 3 };
        let fit = markov(&[lost], 2, false).unwrap();
        assert_eq!((fit.channels[0].share, fit.channels[0].conversions), (0.0, 0.0));
        assert_eq!(markov(&[], 1, false).unwrap().channels, []);
    }
}
