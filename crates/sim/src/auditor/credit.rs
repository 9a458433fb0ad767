//! Models, said once more in plain fractions: which touches count, what share each has, what sum that makes.

use super::decay;
use super::fraction::Fraction;
use smarketing_kernel::channel;
use smarketing_kernel::row::TouchKind;
use smarketing_kernel::time::{DAY_MS, Timestamp};

/// A touch as a model sees it.
#[derive(Clone, Debug)]
pub(super) struct Weighed<'a> {
    pub(super) at: Timestamp,
    pub(super) kind: TouchKind,
    pub(super) channel: &'a str,
}

/// The moments positions hang on.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Moments {
    pub(super) created_at: Option<Timestamp>,
    pub(super) opened_at: Option<Timestamp>,
    pub(super) won_at: Option<Timestamp>,
    pub(super) converts_at: Timestamp,
    pub(super) previous_close: Option<Timestamp>,
}

/// A place that has weight of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    First,
    Last,
    Creation,
    Opening,
    Close,
}

use Place::{Close, Creation, First, Last, Opening};

const LOOKBACK_MS: i64 = 365 * DAY_MS;
const HALF_LIFE_MS: u64 = 30 * DAY_MS.unsigned_abs();

/// The weights of a model over places and over everything else, in thousandths; `None` for one without places.
fn weights(model: &str) -> Option<(&'static [(Place, i128)], i128)> {
    Some(match model {
        "first" | "first_paid" => (&[(First, 1000)], 0),
        "last" | "last_non_direct" | "last_paid" => (&[(Last, 1000)], 0),
        "lead_creation" => (&[(Creation, 1000)], 0),
        "linear" => (&[], 1000),
        "position" => (&[(First, 400), (Last, 400)], 200),
        "j_shaped" => (&[(First, 200), (Last, 600)], 200),
        "inverse_j" => (&[(First, 600), (Last, 200)], 200),
        "u_shaped" => (&[(First, 400), (Creation, 400)], 200),
        "w_shaped" => (&[(First, 300), (Creation, 300), (Opening, 300)], 100),
        "full_path" => (&[(First, 225), (Creation, 225), (Opening, 225), (Close, 225)], 100),
        _ => return None,
    })
}

/// The share of every touch, and of nobody in the last slot; they sum to one unless the model is `influenced`.
/// `touches` are those of the journey, in order, none after the conversion.
pub(super) fn shares(model: &str, touches: &[Weighed<'_>], moments: Moments) -> Vec<Fraction> {
    let counted = counted(model, touches, moments);
    let mut shares = vec![Fraction::ZERO; touches.len() + 1];
    match (model, weights(model)) {
        ("influenced", _) => counted.iter().for_each(|touch| shares[*touch] = Fraction::ONE),
        ("time_decay", _) => fade(touches, &counted, &mut shares),
        (_, Some((places, middle))) => place(touches, moments, &counted, places, middle, &mut shares),
        _ => {}
    }
    if shares.iter().all(|share| share.is_zero()) {
        shares[touches.len()] = Fraction::ONE;
    }
    shares
}

/// Rules 9 to 11, and what the model itself leaves out.
fn counted(model: &str, touches: &[Weighed<'_>], moments: Moments) -> Vec<usize> {
    let usable = |touch: &Weighed<'_>| {
        touch.kind != TouchKind::SelfReported && (!model.ends_with("_paid") || channel::is_paid(touch.channel))
    };
    let usable: Vec<usize> = (0..touches.len()).filter(|touch| usable(&touches[*touch])).collect();
    let first = usable.first().copied();
    let created = moments.created_at.and_then(|at| usable.iter().copied().rfind(|touch| touches[*touch].at <= at));
    let fresh = |touch: usize| match moments.previous_close {
        Some(close) => touches[touch].at > close || Some(touch) == first || Some(touch) == created,
        None => true,
    };
    let recent = |touch: usize| moments.converts_at.since(touches[touch].at) <= LOOKBACK_MS;
    let counted: Vec<usize> = usable.iter().copied().filter(|touch| recent(*touch) && fresh(*touch)).collect();
    let named: Vec<usize> =
        counted.iter().copied().filter(|touch| !channel::is_direct(touches[*touch].channel)).collect();
    if model == "last_non_direct" && !named.is_empty() { named } else { counted }
}

fn fade(touches: &[Weighed<'_>], counted: &[usize], shares: &mut [Fraction]) {
    let Some(last) = counted.last() else { return };
    let weight = |touch: usize| decay::left(touches[*last].at.since(touches[touch].at).unsigned_abs(), HALF_LIFE_MS);
    let sum: i128 = counted.iter().map(|touch| weight(*touch)).sum();
    for touch in counted {
        shares[*touch] = Fraction::new(weight(*touch), sum);
    }
}

/// Rules 2 to 7.
fn place(
    touches: &[Weighed<'_>],
    moments: Moments,
    counted: &[usize],
    places: &[(Place, i128)],
    middle: i128,
    shares: &mut [Fraction],
) {
    let last_by = |at: Option<Timestamp>| {
        let at = at.filter(|at| *at <= moments.converts_at)?;
        counted.iter().copied().rfind(|touch| touches[*touch].at <= at)
    };
    let holder = |place: Place| match place {
        First => counted.first().copied(),
        Last => counted.last().copied(),
        Creation => last_by(moments.created_at),
        Opening => last_by(moments.opened_at),
        Close => last_by(moments.won_at),
    };
    let held: Vec<(usize, i128)> = places.iter().filter_map(|(p, weight)| Some((holder(*p)?, *weight))).collect();
    let free: Vec<usize> =
        counted.iter().copied().filter(|touch| middle > 0 && held.iter().all(|(holder, _)| holder != touch)).collect();
    let (all, present) = (1000 - middle, held.iter().map(|(_, weight)| weight).sum::<i128>());
    for (touch, weight) in &held {
        shares[*touch] = shares[*touch] + Fraction::new(weight * all, present * 1000);
    }
    let heirs: Vec<usize> = if free.is_empty() { held.iter().map(|(touch, _)| *touch).collect() } else { free };
    let whole = if held.is_empty() { 1000 } else { middle };
    for touch in &heirs {
        shares[*touch] = shares[*touch] + Fraction::new(whole, 1000 * heirs.len() as i128);
    }
}

/// Rules 12 and 13: whole units by largest remainder, ties to the earliest slot. Shares that do not sum to one (of
/// `influenced`) are each taken of the whole amount.
pub(super) fn split(model: &str, amount: i64, shares: &[Fraction]) -> Vec<i64> {
    let size = Fraction::new(i128::from(amount.unsigned_abs()), 1);
    let parts: Vec<(i128, Fraction)> = shares.iter().map(|share| (size * *share).floor()).collect();
    let mut units: Vec<i128> = parts.iter().map(|(whole, _)| *whole).collect();
    if model != "influenced" {
        let left = i128::from(amount.unsigned_abs()) - units.iter().sum::<i128>();
        let mut order: Vec<usize> = (0..parts.len()).collect();
        order.sort_by(|a, b| parts[*b].1.cmp(&parts[*a].1).then(a.cmp(b)));
        order.iter().take(left as usize).for_each(|slot| units[*slot] += 1);
    }
    units.into_iter().map(|unit| unit as i64 * amount.signum()).collect()
}
