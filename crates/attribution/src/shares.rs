//! The weights of one conversion, and their way into money.

use crate::apportion::{Remainder, spread};
use crate::exp2::exp2_neg;
use crate::journey::{Journey, Kind, MAX_TOUCHES, Touch};
use crate::model::{Counted, Dedupe, Eligibility, Expansion, Model, Rule};
use alloc::vec::Vec;
use core::ops::Range;

/// The weights of one conversion under one model: one per touch, and one for nobody.
///
/// A reusable buffer: fill it with [`Model::shares`], then [`Shares::split`] any number of amounts. The share of touch
/// i is `weights()[i] / total()`, exact; touch shares and the unattributed share sum to 1 unless the model is
/// `influenced`.
#[derive(Clone, Debug, Default)]
pub struct Shares {
    /// One weight per touch, then the unattributed one.
    weights: Vec<u64>,
    total: u64,
    /// Every weighted touch gets the whole amount.
    whole: bool,
    /// The touches that count, ascending.
    counted: Vec<usize>,
    /// The counted touches in the middle, ascending.
    middle: Vec<usize>,
    /// Positions and who holds them.
    pub(crate) held: Vec<Held>,
    remainders: Vec<Remainder>,
}

/// A touch that holds a position.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    pub(crate) touch: usize,
    /// The position's weight, in the unit of the position model.
    pub(crate) weight: u64,
    /// The position's part of an empty middle, where one is split equally.
    pub(crate) part: u64,
}

impl Shares {
    /// An empty buffer.
    pub fn new() -> Self {
        Self::default()
    }

    /// One weight per touch of the journey, in its order.
    pub fn weights(&self) -> &[u64] {
        self.weights.split_last().map_or(&[], |(_, touches)| touches)
    }

    /// The weight that no touch has earned.
    pub fn unattributed(&self) -> u64 {
        self.weights.last().copied().unwrap_or(0)
    }

    /// All weights together, the unattributed one included; above 0 once filled.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Splits an amount: `credits` becomes one part per touch, and the unattributed part is returned.
    ///
    /// Parts and the unattributed part sum to `amount` exactly (largest remainder, ties to the earliest touch, the
    /// unattributed part last, negatives by absolute value). Under `influenced` every eligible touch gets the whole
    /// amount. The unit is the caller's: minor units of money, or micro-credits.
    pub fn split(&mut self, amount: i64, credits: &mut Vec<i64>) -> i64 {
        credits.clear();
        if self.total == 0 {
            return amount;
        }
        if self.whole {
            let all = |weight: &u64| if *weight > 0 { amount } else { 0 };
            credits.extend(self.weights.iter().map(all));
        } else {
            spread(amount, &self.weights, self.total, credits, &mut self.remainders);
        }
        credits.pop().unwrap_or(0)
    }

    fn reset(&mut self, touches: usize) {
        self.weights.clear();
        self.weights.resize(touches + 1, 0);
        self.held.clear();
        self.whole = false;
        self.total = 0;
    }

    /// Leaves weight unattributed.
    pub(crate) fn leave(&mut self, weight: u64) {
        if let Some(unattributed) = self.weights.last_mut() {
            *unattributed += weight;
            self.total += weight;
        }
    }

    /// The touches that count, ascending.
    pub(crate) fn counted(&self) -> &[usize] {
        &self.counted
    }

    /// The last counted touch at or before a time.
    pub(crate) fn last_counted(&self, touches: &[Touch], at: i64) -> Option<usize> {
        let early = |touch: &&usize| touches.get(**touch).is_some_and(|touch| touch.at <= at);
        self.counted.iter().rev().find(early).copied()
    }

    /// Lets every counted touch that qualifies hold one position, together; returns how many do.
    pub(crate) fn hold_together(&mut self, qualifies: impl Fn(&usize) -> bool, weight: u64) -> usize {
        let before = self.held.len();
        let holders = self.counted.iter().copied().filter(qualifies);
        self.held.extend(holders.map(|touch| Held { touch, weight, part: 1 }));
        self.held.len() - before
    }

    /// Adds the weight of each position to its touch.
    pub(crate) fn hold(&mut self, weight: impl Fn(&Held) -> u64) {
        for held in &self.held {
            if let Some(slot) = self.weights.get_mut(held.touch) {
                let weight = weight(held);
                *slot += weight;
                self.total += weight;
            }
        }
    }

    /// Finds the eligible touches that hold no position, and says how many there are.
    pub(crate) fn find_middle(&mut self, model: &Model, touches: &[Touch]) -> u64 {
        let held = &self.held;
        let free = |touch: &usize| held.iter().all(|held| held.touch != *touch);
        let eligible = |touch: &usize| touches.get(*touch).is_some_and(|t| model.eligible(t));
        self.middle.clear();
        let middle = self.counted.iter().copied();
        self.middle.extend(middle.filter(|touch| free(touch) && eligible(touch)));
        self.middle.len() as u64
    }

    /// Gives every touch of the middle one weight.
    pub(crate) fn fill_middle(&mut self, weight: u64) {
        for touch in &self.middle {
            if let Some(slot) = self.weights.get_mut(*touch) {
                *slot = weight;
                self.total += weight;
            }
        }
    }
}

impl Model {
    /// Weighs the touches of a journey into `shares`; no allocation once the buffer has grown.
    pub fn shares(&self, journey: &Journey<'_>, shares: &mut Shares) {
        self.count(journey, shares);
        self.weigh(journey, shares);
    }

    /// Weighs one journey under many models and hands out each model's shares, in order: the same as
    /// [`Model::shares`] for each, but neighbours that count the same touches look for them once.
    pub fn each_shares<'m>(
        models: &'m [Self],
        journey: &Journey<'_>,
        shares: &mut Shares,
        mut each: impl FnMut(&'m Self, &mut Shares),
    ) {
        let mut counted_by: Option<&Self> = None;
        for model in models {
            if !counted_by.is_some_and(|counted_by| counted_by.counts_like(model)) {
                model.count(journey, shares);
                counted_by = Some(model);
            }
            model.weigh(journey, shares);
            each(model, shares);
        }
    }

    /// Whether the same touches count under both models, in every journey.
    fn counts_like(&self, other: &Self) -> bool {
        let switches = |m: &Self| (m.lookback_s, m.counted, m.expansion, m.dedupe, m.self_reported);
        switches(self) == switches(other)
    }

    /// Weighs the counted touches.
    fn weigh(&self, journey: &Journey<'_>, shares: &mut Shares) {
        shares.reset(journey.touches.len());
        match &self.rule {
            Rule::Positions(positions) => positions.weigh(self, journey, shares),
            Rule::TimeDecay { half_life_s } => {
                let half_life = half_life_s.saturating_mul(1000);
                // Counting from the last touch scales all weights alike, and keeps the last one from vanishing.
                let last = shares.last_counted(journey.touches, journey.converts_at);
                let last_at = last.and_then(|i| journey.touches.get(i)).map_or(0, |t| t.at);
                self.weigh_each(journey, shares, |touch| exp2_neg(last_at.abs_diff(touch.at), half_life));
            }
            Rule::Influenced => {
                self.weigh_each(journey, shares, |_| 1);
                shares.whole = true;
            }
            Rule::Effects(effects) => self.weigh_each(journey, shares, |touch| {
                let effect = effects.get(&touch.channel).copied();
                effect.unwrap_or(0).min(Rule::MAX_EFFECT)
            }),
        }
        if shares.total == 0 {
            shares.leave(1);
        }
    }

    /// Decides which touches count at all.
    fn count(&self, journey: &Journey<'_>, shares: &mut Shares) {
        let touches = journey.touches;
        shares.counted.clear();
        let end = leading(touches, |touch| touch.at <= journey.converts_at);
        let from = self.window_start(journey.converts_at);
        let mut start = leading(touches, |touch| touch.at < from);
        start = start.max(end.saturating_sub(MAX_TOUCHES));
        if let Some(close) = journey.previous_close
            && self.expansion != Expansion::Full
        {
            let fresh = leading(touches, |touch| touch.at <= close);
            if self.expansion == Expansion::Carry {
                let carried = self.carried(journey, touches.get(..end).unwrap_or_default());
                let reached = carried.filter(|i| (start..fresh).contains(i));
                shares.counted.extend(reached);
            }
            start = start.max(fresh);
        }
        self.count_usable(touches, start..end, &mut shares.counted);
        if self.counted == Counted::NotDirect {
            skip_direct(touches, &mut shares.counted);
        }
    }

    /// Appends the usable touches of a range. Whether a touch is usable is a coin toss to the processor, so each is
    /// written and only the length depends on it.
    fn count_usable(&self, touches: &[Touch], range: Range<usize>, counted: &mut Vec<usize>) {
        let mut len = counted.len();
        counted.resize(len + range.len(), 0);
        for i in range {
            if let (Some(touch), Some(slot)) = (touches.get(i), counted.get_mut(len)) {
                *slot = i;
                len += usize::from(self.usable(touch));
            }
        }
        counted.truncate(len);
    }

    /// The FT and LC touches of the first deal, ascending, each once.
    fn carried(&self, journey: &Journey<'_>, touches: &[Touch]) -> impl Iterator<Item = usize> {
        let first = touches.iter().position(|touch| self.usable(touch));
        let until = |at| {
            let created = |touch: &Touch| touch.at <= at && self.usable(touch);
            touches.iter().rposition(created)
        };
        let created = journey.lead_created_at.and_then(until);
        let created = created.filter(|touch| Some(*touch) != first);
        first.into_iter().chain(created)
    }

    /// The earliest time inside the look-back.
    fn window_start(&self, converts_at: i64) -> i64 {
        let lookback_ms = i64::try_from(self.lookback_s.saturating_mul(1000)).unwrap_or(i64::MAX);
        converts_at.saturating_sub(lookback_ms)
    }

    fn usable(&self, touch: &Touch) -> bool {
        ((self.dedupe == Dedupe::None) | !touch.repeat)
            & (self.self_reported | (touch.kind != Kind::SelfReported))
            & ((self.counted != Counted::Paid) | touch.paid)
    }

    /// Whether the middle, and models without positions, may credit a touch.
    pub(crate) fn eligible(&self, touch: &Touch) -> bool {
        match self.eligibility {
            Eligibility::Any => true,
            Eligibility::Engaged => touch.kind != Kind::Visit,
            Eligibility::FormOrEvent => matches!(touch.kind, Kind::Form | Kind::Event),
        }
    }

    fn weigh_each(&self, journey: &Journey<'_>, shares: &mut Shares, weight: impl Fn(&Touch) -> u64) {
        for &i in &shares.counted {
            if let (Some(touch), Some(slot)) = (journey.touches.get(i), shares.weights.get_mut(i))
                && self.eligible(touch)
            {
                *slot = weight(touch);
                shares.total += *slot;
            }
        }
    }
}

/// How many touches come before the first one that is not `early`.
fn leading(touches: &[Touch], early: impl Fn(&Touch) -> bool) -> usize {
    // Mostly all of them do, or none.
    if touches.last().is_none_or(&early) {
        touches.len()
    } else if touches.first().is_some_and(&early) {
        touches.partition_point(early)
    } else {
        0
    }
}

/// Drops Direct touches unless nothing else counts.
fn skip_direct(touches: &[Touch], counted: &mut Vec<usize>) {
    let named = |i: &usize| touches.get(*i).is_some_and(|touch| !touch.direct);
    if counted.iter().any(named) {
        counted.retain(named);
    }
}
