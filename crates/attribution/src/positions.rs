//! Position models: weight for the touches that hold a milestone, weight for the middle.

use crate::journey::{Journey, Kind};
use crate::model::{Error, Missing, Model};
use crate::shares::{Held, Shares};
use alloc::vec::Vec;

/// A place in a journey that a model gives weight to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// FT: the earliest touch.
    First,
    /// The last touch.
    Last,
    /// LC: the last touch at or before the earliest lead creation.
    LeadCreation,
    /// OC: the last touch at or before the deal's creation.
    OpportunityCreation,
    /// CW: the last touch at or before close.
    Close,
    /// The last touch at or before a stage transition, by the caller's stage number.
    Stage(u32),
    /// Every form and event touch; they share the weight equally.
    Converting,
}

impl Position {
    /// When the milestone was reached: `None` when it was not, or only after the conversion. First, last and
    /// converting touches wait for nothing but the conversion itself.
    fn reached_at(self, journey: &Journey<'_>) -> Option<i64> {
        let at = match self {
            Self::First | Self::Last | Self::Converting => Some(journey.converts_at),
            Self::LeadCreation => journey.lead_created_at,
            Self::OpportunityCreation => journey.opened_at,
            Self::Close => journey.closed_at,
            Self::Stage(stage) => {
                let reached = journey.stages.iter().filter(|(number, _)| *number == stage);
                reached.map(|(_, at)| *at).min()
            }
        };
        at.filter(|at| *at <= journey.converts_at)
    }

    /// Whether the position is a milestone of a person or deal, which a bare path cannot know.
    pub(crate) fn needs_milestone(self) -> bool {
        !matches!(self, Self::First | Self::Last)
    }
}

/// What happens to the middle's weight when no touch is in the middle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EmptyMiddle {
    /// Equal parts to the positions present (W over two touches FT+LC and OC: ⅔ and ⅓).
    #[default]
    Equal,
    /// Pro rata to the weights of the positions present (20/20/60 over two touches: ¼ and ¾).
    ProRata,
}

/// Weights over positions and the middle.
///
/// Invariant: at most [`Positions::MAX`] positions, no weight of zero among them, all weights together
/// 1 to [`Positions::MAX_WEIGHT`]. Weights are relative: 30/30/30/10 and 3/3/3/1 are the same model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Positions {
    held: Vec<(Position, u64)>,
    middle: u64,
    empty_middle: EmptyMiddle,
}

impl Positions {
    /// Most positions one model can weigh.
    pub const MAX: usize = 32;
    /// Largest sum of all weights of one model.
    pub const MAX_WEIGHT: u64 = 100_000;

    /// Weights over positions and the middle; positions of weight zero are left out and hold nothing.
    ///
    /// Errors: too many positions, no weight at all, or more than [`Positions::MAX_WEIGHT`].
    pub fn new(held: &[(Position, u32)], middle: u32, empty_middle: EmptyMiddle) -> Result<Self, Error> {
        if held.len() > Self::MAX {
            return Err(Error::TooManyPositions(held.len()));
        }
        let sum = held.iter().map(|(_, w)| u64::from(*w)).sum::<u64>() + u64::from(middle);
        if sum == 0 || sum > Self::MAX_WEIGHT {
            return Err(Error::Weights(sum));
        }
        let held = held.iter().filter(|(_, weight)| *weight > 0);
        Ok(Self { held: held.map(|(p, w)| (*p, u64::from(*w))).collect(), middle: u64::from(middle), empty_middle })
    }

    /// The same weights with another way of sharing an empty middle.
    #[must_use]
    pub fn with_empty_middle(self, empty_middle: EmptyMiddle) -> Self {
        Self { empty_middle, ..self }
    }

    /// How an empty middle is shared.
    pub fn empty_middle(&self) -> EmptyMiddle {
        self.empty_middle
    }

    /// The positions that hold weight, in the order given.
    pub fn held(&self) -> &[(Position, u64)] {
        &self.held
    }

    /// The weight of the middle.
    pub fn middle(&self) -> u64 {
        self.middle
    }

    /// Weighs the counted touches of a journey.
    ///
    /// With P the weight of all positions, S of those present, M of the middle: a missing position's weight goes to
    /// the positions present, each times P/S, and never to the middle. All fractions are cleared by multiplying
    /// through, so the weights stay integers.
    pub(crate) fn weigh(&self, model: &Model, journey: &Journey<'_>, shares: &mut Shares) {
        let present = self.take(journey, shares);
        let all: u64 = self.held.iter().map(|(_, weight)| weight).sum();
        let (stretch, base) = match model.missing {
            Missing::Renormalise if present.weight > 0 => reduced(all, present.weight),
            _ => (1, 1),
        };
        let middle = self.middle * base;
        let missing = match model.missing {
            Missing::Renormalise => 0,
            Missing::Unattributed => all - present.weight,
        };
        let eligible = match self.middle {
            0 => 0,
            _ => shares.find_middle(model, journey.touches),
        };
        if eligible > 0 {
            shares.fill_middle(middle * present.split);
            shares.hold(|held| held.weight * stretch * eligible);
            shares.leave(missing * present.split * eligible);
            return;
        }
        match self.empty_middle {
            EmptyMiddle::Equal => {
                shares.hold(|held| held.weight * stretch * present.places + held.part * middle);
                shares.leave(missing * present.split * present.places.max(1));
            }
            EmptyMiddle::ProRata => {
                let held_sum = present.weight * stretch;
                let (grown, from) = reduced(held_sum + middle, held_sum.max(1));
                shares.hold(|held| held.weight * stretch * grown);
                shares.leave(missing * present.split * from);
            }
        }
    }

    /// Finds who holds which position, into `shares.held`; weights are in units of 1/`split`.
    fn take(&self, journey: &Journey<'_>, shares: &mut Shares) -> Present {
        let converting = |touch: &usize| converts(journey, *touch);
        let mut present = Present { weight: 0, places: 0, split: 1 };
        if self.held.iter().any(|(p, _)| *p == Position::Converting) {
            let holders = shares.counted().iter().copied().filter(converting);
            present.split = holders.count().max(1) as u64;
        }
        for &(position, weight) in &self.held {
            let holder = match position {
                Position::First => shares.counted().first().copied(),
                Position::Last => shares.counted().last().copied(),
                Position::Converting => {
                    let holders = shares.hold_together(converting, weight);
                    present.weight += if holders > 0 { weight } else { 0 };
                    present.places += u64::from(holders > 0);
                    continue;
                }
                _ => {
                    let reached_at = position.reached_at(journey);
                    reached_at.and_then(|at| shares.last_counted(journey.touches, at))
                }
            };
            if let Some(touch) = holder {
                shares.held.push(Held { touch, weight: weight * present.split, part: present.split });
                present.weight += weight;
                present.places += 1;
            }
        }
        present
    }
}

/// The positions of a model that a journey has.
struct Present {
    /// Their weights together.
    weight: u64,
    /// How many.
    places: u64,
    /// How many touches share [`Position::Converting`]; 1 without it.
    split: u64,
}

fn converts(journey: &Journey<'_>, touch: usize) -> bool {
    let kind = journey.touches.get(touch).map(|touch| touch.kind);
    matches!(kind, Some(Kind::Form | Kind::Event))
}

/// a/b in lowest terms.
fn reduced(a: u64, b: u64) -> (u64, u64) {
    let (mut x, mut y) = (a, b);
    while y > 0 {
        (x, y) = (y, x % y);
    }
    let divisor = x.max(1);
    (a / divisor, b / divisor)
}
