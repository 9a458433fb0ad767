//! Splits one value exactly over the touches of one journey, and fits the data-driven models on path counts.
//!
//! Start at [`Model`]: `model.shares(&journey, &mut shares)` weighs the touches, `shares.split(amount, &mut credits)`
//! turns the weights into money or micro-credits. [`fit`] learns channel effects from paths and [`paths`] answers
//! "model M on this path file".
//!
//! This room must not know: people, deals, events, currencies, storage, clocks or configuration files. Everything it
//! needs is in its arguments, the same arguments give the same bits on every machine, and it never panics on them.
//! Floating point appears in [`fit`] and [`paths`] only; credit is integer arithmetic.
#![cfg_attr(not(test), no_std)]

extern crate alloc;

mod apportion;
mod exp2;
pub mod fit;
mod journey;
mod model;
pub mod paths;
mod positions;
mod presets;
mod shares;

pub use apportion::apportion;
pub use exp2::exp2_neg;
pub use journey::{Journey, Kind, MAX_TOUCHES, Touch};
pub use model::{Counted, DEFAULT_LOOKBACK_S, Dedupe, Eligibility, Error, Expansion, Missing, Model, Rule};
pub use positions::{EmptyMiddle, Position, Positions};
pub use shares::Shares;

/// Micro-credits of one whole conversion: counts are split like money, in millionths.
pub const MICRO_CREDITS: i64 = 1_000_000;
