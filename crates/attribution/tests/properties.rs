//! What holds for every model on every journey.

use proptest::collection::vec;
use proptest::prelude::*;
use smarketing_attribution::*;

/// A journey that owns what [`Journey`] borrows.
#[derive(Clone, Debug)]
struct Story {
    touches: Vec<Touch>,
    stages: Vec<(u32, i64)>,
    lead_created_at: Option<i64>,
    opened_at: Option<i64>,
    closed_at: Option<i64>,
    previous_close: Option<i64>,
    converts_at: i64,
}

impl Story {
    fn journey(&self) -> Journey<'_> {
        Journey {
            touches: &self.touches,
            lead_created_at: self.lead_created_at,
            opened_at: self.opened_at,
            closed_at: self.closed_at,
            stages: &self.stages,
            converts_at: self.converts_at,
            previous_close: self.previous_close,
        }
    }
}

fn any_touch() -> impl Strategy<Value = Touch> {
    let kind = prop::sample::select(vec![
        Kind::Visit,
        Kind::Click,
        Kind::Form,
        Kind::Event,
        Kind::Enablement,
        Kind::SelfReported,
    ]);
    let flags = (prop::bool::weighted(0.2), prop::bool::weighted(0.3), prop::bool::weighted(0.1));
    (0i64..40_000_000_000, 0u32..6, flags, kind).prop_map(|(at, channel, flags, kind)| Touch {
        at,
        channel,
        direct: flags.0,
        paid: flags.1,
        kind,
        repeat: flags.2,
    })
}

fn any_story() -> impl Strategy<Value = Story> {
    let time = || prop::option::of(0i64..40_000_000_000);
    let stages = vec((0u32..3, 0i64..40_000_000_000), 0..3);
    let times = (time(), time(), time(), time(), 0i64..40_000_000_000);
    (vec(any_touch(), 0..12), stages, times).prop_map(|(mut touches, stages, times)| {
        touches.sort_by_key(|touch| touch.at);
        Story {
            touches,
            stages,
            lead_created_at: times.0,
            opened_at: times.1,
            closed_at: times.2,
            previous_close: times.3,
            converts_at: times.4,
        }
    })
}

/// Every model that ships, every preset, a custom and a data-driven one.
fn models() -> Vec<Model> {
    let presets = ["hubspot", "marketo_measure", "ga4", "adobe", "dreamdata"];
    let presets = presets.into_iter().filter_map(Model::preset).flatten();
    let held = [(Position::Stage(1), 3), (Position::Converting, 5), (Position::Close, 7)];
    let custom = Model::custom("custom", &held, 11).unwrap();
    let effects = Rule::Effects([(0, 0), (1, 1 << 40), (2, 12_345), (3, 1)].into());
    let more = [custom, Model::new("markov", effects)];
    let all = Model::rule_based().into_iter().chain(presets).chain(more);
    let with_switches = all.flat_map(|model| {
        let mut other = model.clone();
        other.missing = Missing::Unattributed;
        other.dedupe = Dedupe::None;
        other.self_reported = true;
        other.expansion = Expansion::Full;
        other.eligibility = Eligibility::Engaged;
        other.lookback_s = 15_000_000;
        [model, other]
    });
    with_switches.collect()
}

fn split(model: &Model, story: &Story, amount: i64) -> (Vec<i64>, i64) {
    let (mut shares, mut credits) = (Shares::new(), Vec::new());
    model.shares(&story.journey(), &mut shares);
    let rest = shares.split(amount, &mut credits);
    (credits, rest)
}

proptest! {
    #[test]
    fn sums_are_exact_with_the_sign_of_the_amount(story in any_story(), amount in any::<i64>()) {
        for model in models() {
            let (credits, rest) = split(&model, &story, amount);
            prop_assert_eq!(credits.len(), story.touches.len());
            let signed = credits.iter().chain([&rest]).all(|c| c.signum() * amount.signum() >= 0);
            prop_assert!(signed, "{}", model.id);
            if model.sums_to_one() {
                let sum: i128 = credits.iter().chain([&rest]).map(|c| i128::from(*c)).sum();
                prop_assert_eq!(sum, i128::from(amount), "{}", &model.id);
            } else {
                prop_assert!(credits.iter().chain([&rest]).all(|c| *c == amount || *c == 0));
            }
        }
    }

    #[test]
    fn each_part_is_within_one_unit_of_its_share(story in any_story(), amount in -1_000_000_000i64..1_000_000_000) {
        for model in models().into_iter().filter(Model::sums_to_one) {
            let mut shares = Shares::new();
            model.shares(&story.journey(), &mut shares);
            let total: u128 = shares.weights().iter().chain([&shares.unattributed()]).map(|w| u128::from(*w)).sum();
            prop_assert_eq!(total, u128::from(shares.total()), "{}", &model.id);
            let weights = shares.weights().to_vec();
            let mut credits = Vec::new();
            shares.split(amount, &mut credits);
            for (credit, weight) in credits.iter().zip(weights) {
                let exact = i128::from(amount) * i128::from(weight);
                let off = (i128::from(*credit) * total as i128 - exact).unsigned_abs();
                prop_assert!(off < total, "{}", model.id);
            }
        }
    }

    #[test]
    fn negative_amounts_mirror_and_scaling_scales(story in any_story(), amount in 1i64..1_000_000_000, factor in 2i64..50) {
        for model in models().into_iter().filter(Model::sums_to_one) {
            let (credits, rest) = split(&model, &story, amount);
            let (negative, negative_rest) = split(&model, &story, -amount);
            prop_assert_eq!(negative.iter().map(|c| -c).collect::<Vec<_>>(), credits.clone());
            prop_assert_eq!(-negative_rest, rest);
            let (scaled, _) = split(&model, &story, amount * factor);
            for (scaled, credit) in scaled.iter().zip(&credits) {
                prop_assert!((scaled - credit * factor).abs() <= factor, "{}", model.id);
            }
        }
    }

    #[test]
    fn a_touch_after_the_milestone_changes_nothing(story in any_story(), late in vec(any_touch(), 1..4)) {
        let mut longer = story.clone();
        let from = story.converts_at.max(story.touches.last().map_or(0, |touch| touch.at)) + 1;
        longer.touches.extend((0i64..).zip(&late).map(|(i, touch)| Touch { at: from + i, ..*touch }));
        for model in models() {
            let ((before, rest), (after, rest_after)) = (split(&model, &story, 99_999), split(&model, &longer, 99_999));
            prop_assert_eq!(&after[..before.len()], &before[..], "{}", &model.id);
            prop_assert!(after[before.len()..].iter().all(|credit| *credit == 0));
            prop_assert_eq!(rest, rest_after);
        }
    }

    #[test]
    fn what_is_missing_matters_only_when_something_is(story in any_story()) {
        let mut full = story.clone();
        let Some(first) = full.touches.iter_mut().find(|touch| touch.at <= story.converts_at) else { return Ok(()) };
        // One paid form that every model counts, before every milestone: no position can be missing.
        *first = Touch { channel: 1, direct: false, paid: true, kind: Kind::Form, repeat: false, at: first.at };
        let held_from = first.at;
        let inside = |at: Option<i64>| Some(at.unwrap_or(held_from).clamp(held_from, story.converts_at));
        full.lead_created_at = inside(full.lead_created_at);
        full.opened_at = inside(full.opened_at);
        full.closed_at = inside(full.closed_at);
        full.stages = vec![(1, story.converts_at)];
        full.previous_close = None;
        for model in models() {
            let mut model = model;
            model.lookback_s = u64::MAX;
            let mut other = model.clone();
            (model.missing, other.missing) = (Missing::Renormalise, Missing::Unattributed);
            prop_assert_eq!(split(&model, &full, 1_000_003), split(&other, &full, 1_000_003), "{}", &model.id);
        }
    }

    #[test]
    fn a_reused_buffer_and_a_zero_weight_change_nothing(a in any_story(), b in any_story(), weights in vec(0u32..50, 4)) {
        let mut shares = Shares::new();
        let mut credits = Vec::new();
        for model in models() {
            for story in [&a, &b, &a] {
                model.shares(&story.journey(), &mut shares);
                let rest = shares.split(77_777, &mut credits);
                prop_assert_eq!((credits.clone(), rest), split(&model, story, 77_777), "{}", &model.id);
            }
        }
        let (models, mut at) = (models(), 0);
        Model::each_shares(&models, &a.journey(), &mut shares, |model, shares| {
            let rest = shares.split(77_777, &mut credits);
            assert_eq!((credits.clone(), rest), split(&models[at], &a, 77_777), "{}", model.id);
            at += 1;
        });
        prop_assert_eq!(at, models.len());
        let held = [Position::First, Position::LeadCreation, Position::Close].into_iter().zip(weights.iter().copied());
        let held: Vec<(Position, u32)> = held.collect();
        let Ok(plain) = Model::custom("plain", &held, weights[3]) else { return Ok(()) };
        let mut more = held;
        more.insert(1, (Position::OpportunityCreation, 0));
        let padded = Model::custom("plain", &more, weights[3]).unwrap();
        prop_assert_eq!(&plain, &padded);
    }

    #[test]
    fn apportioned_parts_sum(amount in any::<i64>(), weights in vec(any::<u64>(), 1..20)) {
        let mut out = Vec::new();
        let rest = apportion(amount, &weights, &mut out);
        let sum: i128 = out.iter().map(|part| i128::from(*part)).sum();
        prop_assert_eq!(sum + i128::from(rest), i128::from(amount));
    }

    #[test]
    fn halving_follows_the_real_exponential(numerator in 0u64..400_000, denominator in 1u64..10_000) {
        let real = (-(numerator as f64) / denominator as f64).exp2() * (1u64 << 40) as f64;
        prop_assert!((exp2_neg(numerator, denominator) as f64 - real).abs() <= 0.51);
    }
}

#[test]
fn halves_exactly() {
    for whole in 0..=40 {
        assert_eq!(exp2_neg(whole * 977, 977), 1 << (40 - whole));
    }
    // 2^40·2^-½ = 777 472 127 993.81…, 2^40·2^-⅓ = 872 687 552 …: the published digits of √½ and ∛½, scaled.
    assert_eq!(exp2_neg(1, 2), 777_472_127_994);
    assert_eq!((exp2_neg(41, 1), exp2_neg(u64::MAX, 1)), (0, 0));
    assert_eq!((exp2_neg(0, 0), exp2_neg(1, 0)), (1 << 40, 0));
    assert_eq!(exp2_neg(1, u64::MAX), 1 << 40);
}

/// Amounts at the edges of what an integer can be.
fn any_amount() -> impl Strategy<Value = i64> {
    prop_oneof![Just(0), Just(1), Just(-1), Just(i64::MAX), Just(-i64::MAX), Just(i64::MIN), any::<i64>()]
}

proptest! {
    #[test]
    fn nothing_is_split_into_nothing_and_the_largest_amount_whole(story in any_story(), amount in any_amount()) {
        for model in models().into_iter().filter(Model::sums_to_one) {
            let (credits, rest) = split(&model, &story, amount);
            let sum: i128 = credits.iter().chain([&rest]).map(|credit| i128::from(*credit)).sum();
            prop_assert_eq!(sum, i128::from(amount), "{}", &model.id);
            prop_assert!(amount != 0 || credits.iter().all(|credit| *credit == 0), "{}", &model.id);
        }
    }

    #[test]
    fn equal_touches_may_change_places(mut story in any_story(), at in 0usize..12) {
        // Two touches that differ in nothing a model sees get what the other got.
        prop_assume!(story.touches.len() > 1);
        let at = at % (story.touches.len() - 1);
        story.touches[at + 1] = story.touches[at];
        let mut other = story.clone();
        other.touches.swap(at, at + 1);
        for model in models() {
            prop_assert_eq!(split(&model, &story, 99_991), split(&model, &other, 99_991), "{}", &model.id);
        }
    }

    #[test]
    fn ranks_decide_and_not_the_clock(story in any_story(), shift in -1_000_000i64..1_000_000) {
        // The same journey at another time of the world is the same split.
        let later = |at: i64| at + shift;
        let moved = Story {
            touches: story.touches.iter().map(|touch| Touch { at: later(touch.at), ..*touch }).collect(),
            stages: story.stages.iter().map(|(stage, at)| (*stage, later(*at))).collect(),
            lead_created_at: story.lead_created_at.map(later),
            opened_at: story.opened_at.map(later),
            closed_at: story.closed_at.map(later),
            previous_close: story.previous_close.map(later),
            converts_at: later(story.converts_at),
        };
        for model in models() {
            prop_assert_eq!(split(&model, &story, 77_777), split(&model, &moved, 77_777), "{}", &model.id);
        }
    }

    #[test]
    fn decay_never_favours_the_earlier(mut story in any_story(), amount in 1i64..1_000_000_000) {
        story.previous_close = None;
        let model = Model::builtin("time_decay").unwrap();
        let (credits, _) = split(&model, &story, amount);
        let counted = story.touches.iter().zip(&credits).filter(|(touch, _)| {
            let inside = touch.at <= story.converts_at && story.converts_at - touch.at <= 365 * 86_400_000;
            inside && touch.kind != Kind::SelfReported && !touch.repeat
        });
        let credits: Vec<i64> = counted.map(|(_, credit)| *credit).collect();
        // A unit of rounding may go to the earlier of two that are as good as equal.
        prop_assert!(credits.windows(2).all(|pair| pair[0] <= pair[1] + 1), "{credits:?}");
    }

    #[test]
    fn what_is_outside_the_look_back_gets_nothing(story in any_story(), days in 1u64..400) {
        for model in models() {
            let model = Model { lookback_s: days * 86_400, ..model };
            let (credits, _) = split(&model, &story, 1_000_003);
            let start = story.converts_at - i64::try_from(days).unwrap() * 86_400_000;
            for (touch, credit) in story.touches.iter().zip(credits) {
                prop_assert!(credit == 0 || (start..=story.converts_at).contains(&touch.at), "{}", &model.id);
            }
        }
    }

    #[test]
    fn more_to_share_takes_from_nobody(story in any_story(), amount in 1i64..1_000_000_000, more in 1i64..1_000_000) {
        // Largest remainders may move one unit, never more.
        for model in models().into_iter().filter(Model::sums_to_one) {
            let ((less, _), (greater, _)) = (split(&model, &story, amount), split(&model, &story, amount + more));
            prop_assert!(less.iter().zip(&greater).all(|(less, greater)| greater + 1 >= *less), "{}", &model.id);
        }
    }
}
