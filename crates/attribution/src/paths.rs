//! Any model on paths: what each channel earns, without people, deals or times.

use crate::fit::{self, Error, Fit, Path};
use crate::journey::{Journey, Kind, Touch};
use crate::model::{DAY_S, Model, Rule};
use crate::shares::Shares;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

/// How a model reads paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Markov order, 1 to 4.
    pub order: u8,
    /// Count consecutive repeats of a channel once.
    pub collapse_repeats: bool,
    /// Half-life of `time_decay`, in seconds; `None` is the model's own.
    pub half_life_s: Option<u64>,
    /// Time between two touches, in seconds, for models that need times: a path has none.
    pub step_s: u64,
    /// The channels that are Direct.
    pub direct: BTreeSet<u32>,
    /// The channels that are paid.
    pub paid: BTreeSet<u32>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            order: 1,
            collapse_repeats: false,
            half_life_s: None,
            step_s: DAY_S,
            direct: BTreeSet::new(),
            paid: BTreeSet::new(),
        }
    }
}

/// What one channel earns under one model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChannelCredit {
    /// The caller's channel number; `None` is what no channel earned.
    pub channel: Option<u32>,
    /// The place in the path, 0 for the first touch, where the model tells places apart.
    pub position: Option<u32>,
    /// Conversions credited.
    pub conversions: f64,
    /// Value credited, in the unit of [`Path::value`].
    pub value: f64,
    /// Markov's removal effect, 0 to 1.
    pub removal_effect: Option<f64>,
}

/// Credits the channels of the paths under a model: `markov`, `shapley`, `shapley_ordered`, or a rule-based model, of ours
/// or of a preset, that needs no milestone.
///
/// Every channel of the paths is listed, by ascending number; unattributed credit comes last, if there is any: that of
/// paths without channels, too. Under `influenced` a channel gets each path that holds it once.
pub fn attribute(model: &str, paths: &[Path], options: &Options) -> Result<Vec<ChannelCredit>, Error> {
    let mut credits = match model {
        "markov" => fit::markov(paths, options.order, options.collapse_repeats).map(listed)?,
        "shapley" => fit::shapley(paths).map(listed)?,
        "shapley_ordered" => fit::shapley_ordered(paths)?.into_iter().map(placed).collect(),
        _ => by_rule(rule_based(model, options)?, paths, options)?,
    };
    let nobodys = paths.iter().filter(|path| path.channels.is_empty());
    let (conversions, value) =
        nobodys.fold((0.0, 0.0), |sum, path| (sum.0 + path.conversions as f64, sum.1 + path.value as f64));
    if conversions > 0.0 || value > 0.0 {
        match credits.last_mut().filter(|credit| credit.channel.is_none()) {
            Some(rest) => (rest.conversions, rest.value) = (rest.conversions + conversions, rest.value + value),
            None => credits.push(credit(None, conversions, value)),
        }
    }
    Ok(credits)
}

fn credit(channel: Option<u32>, conversions: f64, value: f64) -> ChannelCredit {
    ChannelCredit { channel, position: None, conversions, value, removal_effect: None }
}

fn placed(of: fit::PositionCredit) -> ChannelCredit {
    ChannelCredit { position: Some(of.position), ..credit(Some(of.channel), of.conversions, of.value) }
}

fn listed(fit: Fit) -> Vec<ChannelCredit> {
    let credit = |effect: fit::Effect| ChannelCredit {
        removal_effect: effect.removal_effect,
        ..credit(Some(effect.channel), effect.conversions, effect.value)
    };
    fit.channels.into_iter().map(credit).collect()
}

/// A rule-based model that works on bare paths.
fn rule_based(id: &str, options: &Options) -> Result<Model, Error> {
    let mut model = Model::named(id).ok_or_else(|| Error::UnknownModel(id.into()))?;
    model.lookback_s = u64::MAX;
    match &mut model.rule {
        Rule::Positions(positions) => {
            if positions.held().iter().any(|(p, _)| p.needs_milestone()) {
                return Err(Error::NeedsMilestones(id.into()));
            }
        }
        Rule::TimeDecay { half_life_s } => {
            *half_life_s = options.half_life_s.unwrap_or(*half_life_s);
        }
        Rule::Influenced | Rule::Effects(_) => {}
    }
    Ok(model)
}

fn by_rule(model: Model, paths: &[Path], options: &Options) -> Result<Vec<ChannelCredit>, Error> {
    let grouped = fit::Grouped::new(paths, options.collapse_repeats)?;
    let channels = grouped.channels();
    let mut earned: BTreeMap<u32, (f64, f64)> = channels.iter().map(|channel| (*channel, (0.0, 0.0))).collect();
    let mut unattributed = (0.0, 0.0);
    let mut shares = Shares::new();
    for (channels, outcome) in &grouped.paths {
        let touches = touches(channels, &model, options);
        model.shares(&journey(&touches), &mut shares);
        let total = if model.sums_to_one() { shares.total() as f64 } else { 1.0 };
        let pay = |to: &mut (f64, f64), weight: u64| {
            let share = weight as f64 / total;
            to.0 += outcome.conversions as f64 * share;
            to.1 += outcome.value as f64 * share;
        };
        for (touch, weight) in touches.iter().zip(shares.weights()) {
            pay(earned.entry(touch.channel).or_default(), *weight);
        }
        pay(&mut unattributed, shares.unattributed());
    }
    let credit = |(channel, (conversions, value))| credit(channel, conversions, value);
    let rest = Some((None, unattributed)).filter(|(_, (conversions, _))| *conversions > 0.0);
    let earned = earned.into_iter().map(|(channel, sums)| (Some(channel), sums));
    Ok(earned.chain(rest).map(credit).collect())
}

/// The touches of a path, one step apart.
fn touches(channels: &[u32], model: &Model, options: &Options) -> Vec<Touch> {
    let step_ms = i64::try_from(options.step_s.saturating_mul(1000)).unwrap_or(i64::MAX);
    let mut seen = BTreeSet::new();
    let touch = |(place, channel): (i64, &u32)| Touch {
        at: place.saturating_mul(step_ms),
        channel: *channel,
        direct: options.direct.contains(channel),
        paid: options.paid.contains(channel),
        kind: Kind::Click,
        repeat: !seen.insert(*channel) && !model.sums_to_one(),
    };
    (0i64..).zip(channels).map(touch).collect()
}

fn journey(touches: &[Touch]) -> Journey<'_> {
    Journey {
        touches,
        lead_created_at: None,
        opened_at: None,
        closed_at: None,
        stages: &[],
        converts_at: i64::MAX,
        previous_close: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fit::tests::{any_paths, worked};
    use proptest::prelude::*;

    /// Value per channel (email, search, social) in cents, over the worked set.
    fn check(model: &str, expect: [f64; 3]) {
        let options = Options { paid: [1].into(), half_life_s: Some(DAY_S), ..Options::default() };
        let credits = attribute(model, &worked(), &options).unwrap();
        let named = credits.iter().filter(|credit| credit.channel.is_some());
        for (credit, expect) in named.zip(expect) {
            assert!((credit.value - expect).abs() < 0.005, "{model}: {credits:?}");
        }
        if Model::builtin(model).is_none_or(|model| model.sums_to_one()) {
            let conversions: f64 = credits.iter().map(|credit| credit.conversions).sum();
            assert!((conversions - 8.0).abs() < 1e-12, "{model}: {credits:?}");
        }
    }

    #[test]
    fn credits_the_worked_set() {
        check("last", [500_000.0, 300_000.0, 0.0]);
        check("first", [200_000.0, 400_000.0, 200_000.0]);
        check("linear", [350_000.0, 350_000.0, 100_000.0]);
        check("position", [350_000.0, 350_000.0, 100_000.0]);
        check("j_shaped", [410_000.0, 330_000.0, 60_000.0]);
        check("time_decay", [400_000.0, 333_333.33, 66_666.67]);
        check("last_paid", [0.0, 600_000.0, 0.0]);
        check("influenced", [500_000.0, 600_000.0, 200_000.0]);
        check("markov", [324_324.32, 356_756.76, 118_918.92]);
        check("shapley", [350_000.0, 350_000.0, 100_000.0]);
        check("adobe_j_shaped", [425_000.0, 325_000.0, 50_000.0]);
    }

    #[test]
    fn refuses_models_a_path_cannot_serve() {
        let refused = |model| attribute(model, &worked(), &Options::default()).unwrap_err();
        assert_eq!(refused("w_shaped"), Error::NeedsMilestones("w_shaped".into()));
        assert_eq!(refused("hubspot_full_path"), Error::NeedsMilestones("hubspot_full_path".into()));
        for unknown in ["astrology", "hubspot", "hubspot_astrology", "adobe_"] {
            assert_eq!(refused(unknown), Error::UnknownModel(unknown.into()));
        }
    }

    /// Places of a channel sum to what it earns, and a path without channels earns for nobody.
    #[test]
    fn no_conversion_disappears() {
        let nobodys = Path { channels: Vec::new(), conversions: 3, value: 7, nulls: 1 };
        let paths = [worked(), Vec::from([nobodys])].concat();
        for model in ["linear", "markov", "shapley", "shapley_ordered", "last_paid"] {
            let credits = attribute(model, &paths, &Options::default()).unwrap();
            let rest: Vec<_> = credits.iter().filter(|credit| credit.channel.is_none()).collect();
            let sum: f64 = credits.iter().map(|credit| credit.value).sum();
            assert!(
                rest.len() == 1 && rest[0].conversions >= 3.0 && (sum - 800_007.0).abs() < 1e-6,
                "{model}: {credits:?}"
            );
        }
        let ordered = attribute("shapley_ordered", &worked(), &Options::default()).unwrap();
        let first: f64 = ordered.iter().filter(|credit| credit.position == Some(0)).map(|credit| credit.value).sum();
        assert!((first - 550_000.0).abs() < 1e-6, "{ordered:?}");
    }

    proptest! {
        #[test]
        fn credit_is_what_was_booked(paths in any_paths()) {
            let booked: u64 = paths.iter().map(|p| p.value).sum();
            for model in Model::rule_based().iter().filter(|model| model.sums_to_one()) {
                let Ok(credits) = attribute(&model.id, &paths, &Options::default()) else { continue };
                let credited: f64 = credits.iter().map(|credit| credit.value).sum();
                prop_assert!((credited - booked as f64).abs() < 1e-6, "{}", model.id);
            }
        }
    }
}
