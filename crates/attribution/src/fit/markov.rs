//! Removal effects in a Markov chain over the last k channels.

use super::elimination::Chain;
use super::{Effect, Error, Fit, Grouped, MAX_STATES, Outcome, Path};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// Fits removal effects of order 1 to 4.
///
/// A state is the last `order` channels (a shorter path is one shorter state); start, conversion and null are added.
/// Transitions are counted over conversions and nulls. Without a channel, every state that contains it is null; its
/// removal effect is 1 − P(conversion without it) / P(conversion), solved by elimination. `collapse_repeats` drops
/// consecutive repeats of a channel, which otherwise stay.
pub fn markov(paths: &[Path], order: u8, collapse_repeats: bool) -> Result<Fit, Error> {
    if !(1..=4).contains(&order) {
        return Err(Error::Order(order));
    }
    let grouped = Grouped::new(paths, collapse_repeats)?;
    let graph = Graph::new(&grouped, usize::from(order))?;
    let total = grouped.total;
    let base = total.conversions as f64 / (total.conversions + total.nulls).max(1) as f64;
    let removal = |channel: u32| {
        let effect = 1.0 - graph.conversion_without(Some(channel)) / base;
        if base > 0.0 { effect.max(0.0) } else { 0.0 }
    };
    let removed: Vec<(u32, f64)> = grouped.channels().into_iter().map(|channel| (channel, removal(channel))).collect();
    let sum: f64 = removed.iter().map(|(_, effect)| effect).sum();
    let credit = |&(channel, removal): &(u32, f64)| {
        let share = if sum > 0.0 { removal / sum } else { 0.0 };
        Effect {
            channel,
            removal_effect: Some(removal),
            share,
            conversions: share * total.conversions as f64,
            value: share * total.value as f64,
        }
    };
    Ok(grouped.fit(removed.iter().map(credit).collect()))
}

/// Transition counts between the states of one order.
struct Graph<'a> {
    /// The channels of each state; states are numbered in the order the grouped paths show them.
    states: Vec<&'a [u32]>,
    /// Counts from start into a state.
    starts: BTreeMap<u32, u64>,
    /// Counts from state to state; a state's loop to itself changes no probability and is left out.
    moves: BTreeMap<(u32, u32), u64>,
    /// Counts from a state to conversion and to null.
    ends: Vec<Outcome>,
}

impl<'a> Graph<'a> {
    fn new(grouped: &'a Grouped, order: usize) -> Result<Self, Error> {
        let mut graph = Self { states: Vec::new(), starts: BTreeMap::new(), moves: BTreeMap::new(), ends: Vec::new() };
        let mut numbers = BTreeMap::new();
        for (channels, outcome) in &grouped.paths {
            // Every grouped total fits 64 bits, and no transition occurs in a path more often than it has touches.
            let seen = outcome.conversions + outcome.nulls;
            let mut from = None;
            for state in channels.windows(order.min(channels.len())) {
                let state = graph.number(&mut numbers, state)?;
                let count = match from {
                    None => graph.starts.entry(state).or_default(),
                    Some(from) if from == state => continue,
                    Some(from) => graph.moves.entry((from, state)).or_default(),
                };
                *count = count.checked_add(seen).ok_or(Error::Overflow)?;
                from = Some(state);
            }
            let end = from.and_then(|state| graph.ends.get_mut(state as usize));
            if let Some(end) = end {
                end.conversions += outcome.conversions;
                end.nulls += outcome.nulls;
            }
        }
        Ok(graph)
    }

    fn number(&mut self, numbers: &mut BTreeMap<&'a [u32], u32>, state: &'a [u32]) -> Result<u32, Error> {
        if let Some(number) = numbers.get(state) {
            return Ok(*number);
        }
        if self.states.len() >= MAX_STATES {
            return Err(Error::TooManyStates);
        }
        let number = self.states.len() as u32;
        numbers.insert(state, number);
        self.states.push(state);
        self.ends.push(Outcome::default());
        Ok(number)
    }

    /// P(conversion from start) when every state that contains `channel` is null.
    fn conversion_without(&self, channel: Option<u32>) -> f64 {
        let kept = |state: u32| {
            let channels = self.states.get(state as usize);
            channels.is_some_and(|c| channel.is_none_or(|channel| !c.contains(&channel)))
        };
        let mut chain = Chain::new(self.states.len());
        for (&state, &count) in &self.starts {
            let target = Some(state).filter(|state| kept(*state));
            chain.add(chain.start(), target, count as f64);
        }
        for (&(from, to), &count) in self.moves.iter().filter(|((from, _), _)| kept(*from)) {
            let target = Some(to).filter(|to| kept(*to));
            chain.add(from, target, count as f64);
        }
        for (state, end) in (0u32..).zip(&self.ends).filter(|(state, _)| kept(*state)) {
            chain.add(state, Some(chain.conversion()), end.conversions as f64);
            chain.add(state, None, end.nulls as f64);
        }
        chain.conversion_probability()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fit::tests::{any_paths, worked};
    use proptest::prelude::*;

    #[test]
    fn removes_channels_from_the_worked_set() {
        let fit = markov(&worked(), 1, false).unwrap();
        let expect = [(0, 5.0 / 8.0), (1, 11.0 / 16.0), (2, 11.0 / 48.0)];
        for (effect, (channel, removal)) in fit.channels.iter().zip(expect) {
            assert_eq!(effect.channel, channel);
            assert!((effect.removal_effect.unwrap() - removal).abs() < 1e-15);
        }
        let shares: Vec<f64> = fit.channels.iter().map(|e| e.share).collect();
        assert!((shares[0] - 15.0 / 37.0).abs() < 1e-15, "{shares:?}");
        assert_eq!(fit.money(800_000), [324_324, 356_757, 118_919]);
        assert_eq!((fit.conversions, fit.nulls, fit.value), (8, 12, 800_000));
    }

    proptest! {
        #[test]
        fn keeps_the_conversion_rate(paths in any_paths(), order in 1usize..=4) {
            let grouped = Grouped::new(&paths, false).unwrap();
            let (won, lost) = (grouped.total.conversions, grouped.total.nulls);
            prop_assume!(won + lost > 0);
            let solved = Graph::new(&grouped, order).unwrap().conversion_without(None);
            prop_assert!((solved - won as f64 / (won + lost) as f64).abs() < 1e-15, "{solved}");
        }

        #[test]
        fn order_and_grouping_of_paths_change_nothing(paths in any_paths(), order in 1u8..=4) {
            let mut split: Vec<Path> = paths.iter().rev().cloned().collect();
            for path in paths.iter().filter(|path| path.nulls > 0) {
                split.push(Path { conversions: 0, value: 0, nulls: 1, ..path.clone() });
            }
            for path in split.iter_mut().take(paths.len()) {
                path.nulls = path.nulls.saturating_sub(1);
            }
            prop_assert_eq!(markov(&paths, order, false), markov(&split, order, false));
        }

        #[test]
        fn loops_of_states_change_no_effect(paths in any_paths()) {
            let (kept, collapsed) = (markov(&paths, 1, false).unwrap(), markov(&paths, 1, true).unwrap());
            for (a, b) in kept.channels.iter().zip(&collapsed.channels) {
                prop_assert!((a.share - b.share).abs() < 1e-12, "{} {}", a.share, b.share);
            }
        }

        #[test]
        fn credit_is_what_was_booked(paths in any_paths(), order in 1u8..=4, amount in any::<i64>()) {
            let fit = markov(&paths, order, false).unwrap();
            prop_assume!(fit.conversions > 0);
            let credited: f64 = fit.channels.iter().map(|e| e.conversions).sum();
            prop_assert!((credited - fit.conversions as f64).abs() < 1e-9);
            prop_assert_eq!(fit.money(amount).iter().map(|part| i128::from(*part)).sum::<i128>(), i128::from(amount));
        }
    }
}
