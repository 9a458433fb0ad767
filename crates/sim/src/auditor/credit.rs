//! Models at work, in plain fractions: which touches count, what share each has, what sum that makes.

use super::decay;
use super::fraction::Fraction;
use super::model::{Model, Place, Rule};
use smarketing_kernel::channel;
use smarketing_kernel::row::TouchKind;
use smarketing_kernel::text::Text;
use smarketing_kernel::time::{DAY_MS, Timestamp};
use std::collections::BTreeMap;

/// A touch as a model sees it.
#[derive(Clone, Debug)]
pub(super) struct Weighed<'a> {
    pub(super) at: Timestamp,
    pub(super) kind: TouchKind,
    pub(super) channel: &'a str,
    pub(super) repeat: bool,
}

/// The moments positions hang on.
#[derive(Clone, Debug, Default)]
pub(super) struct Moments {
    pub(super) created_at: Option<Timestamp>,
    pub(super) mql_at: Option<Timestamp>,
    pub(super) sql_at: Option<Timestamp>,
    pub(super) opened_at: Option<Timestamp>,
    /// When the deal came to each stage first.
    pub(super) staged_at: BTreeMap<Text, Timestamp>,
    pub(super) won_at: Option<Timestamp>,
    pub(super) converts_at: Timestamp,
    pub(super) previous_close: Option<Timestamp>,
}

/// The share of every touch, and of nobody in the last slot; they sum to one unless everybody gets everything.
/// `touches` are those of the journey, in order, none after the conversion.
pub(super) fn shares(model: &Model, touches: &[Weighed<'_>], moments: &Moments) -> Vec<Fraction> {
    let counted = counted(model, touches, moments);
    let mut shares = vec![Fraction::ZERO; touches.len() + 1];
    let eligible = |touch: &usize| eligible(model, &touches[*touch]);
    match &model.rule {
        Rule::Whole => counted.iter().filter(|touch| eligible(touch)).for_each(|touch| shares[*touch] = Fraction::ONE),
        Rule::Fade(days) => {
            let last = counted.last().map(|last| touches[*last].at);
            let faded: Vec<usize> = counted.into_iter().filter(eligible).collect();
            fade(touches, &faded, last, *days, &mut shares);
        }
        Rule::Places(places, middle) => place(model, touches, moments, &counted, (places, *middle), &mut shares),
    }
    if shares.iter().all(|share| share.is_zero()) {
        shares[touches.len()] = Fraction::ONE;
    }
    shares
}

/// Rules 8 to 11, and what the model itself leaves out.
fn counted(model: &Model, touches: &[Weighed<'_>], moments: &Moments) -> Vec<usize> {
    let usable = |touch: &Weighed<'_>| {
        (model.self_reported || touch.kind != TouchKind::SelfReported)
            && (model.dedupe == "none" || !touch.repeat)
            && (model.counted != "paid" || channel::is_paid(touch.channel))
    };
    let usable: Vec<usize> = (0..touches.len()).filter(|touch| usable(&touches[*touch])).collect();
    let first = usable.first().copied();
    let created = moments.created_at.and_then(|at| usable.iter().copied().rfind(|touch| touches[*touch].at <= at));
    let carried = |touch: usize| model.expansion == "carry" && (Some(touch) == first || Some(touch) == created);
    let fresh = |touch: usize| match moments.previous_close {
        Some(close) => model.expansion == "full" || touches[touch].at > close || carried(touch),
        None => true,
    };
    let age = |touch: usize| moments.converts_at.since(touches[touch].at);
    let recent = |touch: usize| model.lookback_days.is_none_or(|days| age(touch) <= i64::from(days) * DAY_MS);
    let counted: Vec<usize> = usable.iter().copied().filter(|touch| recent(*touch) && fresh(*touch)).collect();
    let named: Vec<usize> =
        counted.iter().copied().filter(|touch| !channel::is_direct(touches[*touch].channel)).collect();
    if model.counted == "not_direct" && !named.is_empty() { named } else { counted }
}

/// Whether the middle, and models without places, may credit it.
fn eligible(model: &Model, touch: &Weighed<'_>) -> bool {
    match model.eligible.as_str() {
        "engaged" => touch.kind != TouchKind::Visit,
        "form_or_event" => converts(touch),
        _ => true,
    }
}

fn converts(touch: &Weighed<'_>) -> bool {
    matches!(touch.kind, TouchKind::Form | TouchKind::Event)
}

fn fade(touches: &[Weighed<'_>], faded: &[usize], last: Option<Timestamp>, days: u32, shares: &mut [Fraction]) {
    let Some(last) = last else { return };
    let half_life = u64::from(days) * DAY_MS.unsigned_abs();
    let weight = |touch: usize| decay::left(last.since(touches[touch].at).unsigned_abs(), half_life);
    let sum: i128 = faded.iter().map(|touch| weight(*touch)).sum();
    for touch in faded.iter().filter(|_| sum > 0) {
        shares[*touch] = Fraction::new(weight(*touch), sum);
    }
}

/// Rules 2 to 7.
fn place(
    model: &Model,
    touches: &[Weighed<'_>],
    moments: &Moments,
    counted: &[usize],
    (places, middle): (&[(Place, i128)], i128),
    shares: &mut [Fraction],
) {
    let held: Vec<(Vec<usize>, i128)> =
        places.iter().map(|(place, weight)| (holders(place, touches, moments, counted), *weight)).collect();
    let held: Vec<(Vec<usize>, i128)> = held.into_iter().filter(|(holders, _)| !holders.is_empty()).collect();
    let free = |touch: &usize| held.iter().all(|(holders, _)| !holders.contains(touch));
    let free: Vec<usize> = counted
        .iter()
        .copied()
        .filter(|touch| middle > 0 && free(touch) && eligible(model, &touches[*touch]))
        .collect();
    let all: i128 = places.iter().map(|(_, weight)| weight).sum();
    let present: i128 = held.iter().map(|(_, weight)| weight).sum();
    let part = |weight: i128| Fraction::new(weight, all + middle);
    let renormalised = model.missing == "renormalise" && present > 0;
    let grown = if renormalised { Fraction::new(all, present) } else { Fraction::ONE };
    let mut give = |holders: &[usize], share: Fraction| {
        for touch in holders {
            shares[*touch] = shares[*touch] + share * Fraction::new(1, holders.len() as i128);
        }
    };
    held.iter().for_each(|(holders, weight)| give(holders, part(*weight) * grown));
    if !free.is_empty() {
        // Without any position everything is the middle's.
        give(&free, if present == 0 && model.missing == "renormalise" { Fraction::ONE } else { part(middle) });
    } else if model.empty_middle == "pro_rata" {
        held.iter().for_each(|(holders, weight)| give(holders, part(middle) * Fraction::new(*weight, present)));
    } else {
        let each = Fraction::new(1, held.len().max(1) as i128);
        held.iter().for_each(|(holders, _)| give(holders, part(middle) * each));
    }
    if model.missing == "unattributed" && (!held.is_empty() || !free.is_empty()) {
        shares[touches.len()] = part(all - present);
    }
}

/// Who holds a place; of most at most one does.
fn holders(place: &Place, touches: &[Weighed<'_>], moments: &Moments, counted: &[usize]) -> Vec<usize> {
    let reached_at = match place {
        Place::First => return counted.first().copied().into_iter().collect(),
        Place::Last => return counted.last().copied().into_iter().collect(),
        Place::Converting => return counted.iter().copied().filter(|touch| converts(&touches[*touch])).collect(),
        Place::Creation => moments.created_at,
        Place::Mql => moments.mql_at,
        Place::Sql => moments.sql_at,
        Place::Opening => moments.opened_at,
        Place::Deal(stage) => moments.staged_at.get(stage).copied(),
        Place::Close => moments.won_at,
    };
    let reached_at = reached_at.filter(|at| *at <= moments.converts_at);
    let holder = reached_at.and_then(|at| counted.iter().copied().rfind(|touch| touches[*touch].at <= at));
    holder.into_iter().collect()
}

/// Rules 12 and 13: whole units by largest remainder, ties to the earliest slot. Shares that do not sum to one (where
/// everybody gets everything) are each taken of the whole amount.
pub(super) fn split(rule: &Rule, amount: i64, shares: &[Fraction]) -> Vec<i64> {
    let size = Fraction::new(i128::from(amount.unsigned_abs()), 1);
    let parts: Vec<(i128, Fraction)> = shares.iter().map(|share| (size * *share).floor()).collect();
    let mut units: Vec<i128> = parts.iter().map(|(whole, _)| *whole).collect();
    if !matches!(rule, Rule::Whole) {
        let left = i128::from(amount.unsigned_abs()) - units.iter().sum::<i128>();
        let mut order: Vec<usize> = (0..parts.len()).collect();
        order.sort_by(|a, b| parts[*b].1.cmp(&parts[*a].1).then(a.cmp(b)));
        order.iter().take(left as usize).for_each(|slot| units[*slot] += 1);
    }
    units.into_iter().map(|unit| unit as i64 * amount.signum()).collect()
}
