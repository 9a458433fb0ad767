//! Attribution models: one rule for weighing touches, and the switches that say which touches count.

use crate::positions::{EmptyMiddle, Position, Positions};
use alloc::collections::BTreeMap;
use alloc::string::String;

/// Look-back of a model that sets none: 365 days, in seconds.
pub const DEFAULT_LOOKBACK_S: u64 = 365 * DAY_S;
pub(crate) const DAY_S: u64 = 86_400;

/// Why a model cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// More than [`Positions::MAX`] positions.
    #[error("{0} positions, at most {max} are possible", max = Positions::MAX)]
    TooManyPositions(usize),
    /// The weights sum to 0 or to more than [`Positions::MAX_WEIGHT`].
    #[error("weights sum to {0}, they must sum to 1 to {max}", max = Positions::MAX_WEIGHT)]
    Weights(u64),
}

/// How counted touches get their weight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Weights over positions and the middle.
    Positions(Positions),
    /// 2^(−Δt/half-life), Δt being the time to the last counted touch. The half-life is in seconds.
    TimeDecay {
        /// The time over which a touch loses half its weight.
        half_life_s: u64,
    },
    /// Every eligible touch gets the whole conversion; the only rule whose shares do not sum to 1.
    Influenced,
    /// The effect of a touch's channel, by channel number, at most [`Rule::MAX_EFFECT`]; a channel without one earns
    /// nothing. [`crate::fit::Fit::effects`] makes the table.
    Effects(BTreeMap<u32, u64>),
}

impl Rule {
    /// The largest effect a channel can have: one, in units of 2^-40.
    pub const MAX_EFFECT: u64 = 1 << 40;
}

/// Which channels' touches count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Counted {
    /// All.
    #[default]
    Any,
    /// All but Direct; a journey of nothing but Direct keeps it.
    NotDirect,
    /// Paid channels; without one the conversion is unattributed.
    Paid,
}

/// Which touches the middle, and the rules without positions, may credit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Eligibility {
    /// All.
    #[default]
    Any,
    /// All but bare visits.
    Engaged,
    /// Forms and attended events.
    FormOrEvent,
}

/// What happens to the weight of a position that no touch holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Missing {
    /// It goes to the positions present, pro rata; to the middle when none is.
    #[default]
    Renormalise,
    /// It stays unattributed.
    Unattributed,
}

/// What a later deal of the same people takes from the time before the previous deal's close.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Expansion {
    /// The FT and LC touches, when the look-back still reaches them.
    #[default]
    Carry,
    /// Nothing.
    Fresh,
    /// Everything.
    Full,
}

/// Whether later duplicates of a touch count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dedupe {
    /// Once per (lead, session, channel, campaign, content).
    #[default]
    Session,
    /// Each one.
    None,
}

/// An attribution model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    /// What rows and reports call it.
    pub id: String,
    /// How counted touches get their weight.
    pub rule: Rule,
    /// Only touches this many seconds before the conversion or less count; inclusive.
    pub lookback_s: u64,
    /// Which channels' touches count.
    pub counted: Counted,
    /// Which touches the middle may credit.
    pub eligibility: Eligibility,
    /// What happens to the weight of a position that no touch holds.
    pub missing: Missing,
    /// What a later deal takes from before the previous close.
    pub expansion: Expansion,
    /// Whether later duplicates of a touch count.
    pub dedupe: Dedupe,
    /// Whether self-reported touches count.
    pub self_reported: bool,
}

impl Model {
    /// A model with a rule and every switch at its default.
    pub fn new(id: &str, rule: Rule) -> Self {
        Self {
            id: id.into(),
            rule,
            lookback_s: DEFAULT_LOOKBACK_S,
            counted: Counted::default(),
            eligibility: Eligibility::default(),
            missing: Missing::default(),
            expansion: Expansion::default(),
            dedupe: Dedupe::default(),
            self_reported: false,
        }
    }

    /// A model over any positions; weights are relative.
    pub fn custom(id: &str, held: &[(Position, u32)], middle: u32) -> Result<Self, Error> {
        let positions = Positions::new(held, middle, EmptyMiddle::Equal)?;
        Ok(Self::new(id, Rule::Positions(positions)))
    }

    /// Whether touch shares and the unattributed share sum to 1: true for every rule but [`Rule::Influenced`].
    pub fn sums_to_one(&self) -> bool {
        self.rule != Rule::Influenced
    }
}
