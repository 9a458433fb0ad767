//! The ledger: what a settle changed in the credit of a conversion, as signed entries with a reason.
//!
//! entry = new share − old share, touch by touch and model by model; the sum of a conversion's entries is its credit.

use crate::row::{Conversion, JourneyTouch, LedgerEntry, ModelCredit, Outcome, Reason};
use crate::text::Text;
use crate::time::Timestamp;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

/// Micro-credits, minor units, reporting units of one touch under one model.
type Credit = [i64; 3];

/// The entry that takes a conversion from `before` to `after`; `None` when no credit moved.
/// `gone` tells why a conversion is no longer there.
pub(crate) fn entry(
    before: Option<&Conversion>,
    after: Option<&Conversion>,
    gone: impl FnOnce(&Conversion) -> Reason,
    recorded_at: Timestamp,
) -> Option<LedgerEntry> {
    let shown = after.or(before)?;
    let reason = match (before, after) {
        (None, _) => Reason::Converted,
        (Some(old), None) => gone(old),
        (Some(old), Some(new)) => changed(old, new),
    };
    let (journey, credits) = difference(before, after);
    if journey.is_empty() {
        return None;
    }
    Some(LedgerEntry {
        index: 0,
        workspace: shown.workspace.clone(),
        conversion: shown.conversion.clone(),
        kind: shown.kind,
        subject: shown.subject.clone(),
        persona: shown.persona.clone(),
        deal_type: shown.deal_type.clone(),
        converted_at: shown.converted_at,
        currency: shown.currency,
        reporting_currency: shown.reporting_currency,
        reason,
        recorded_at,
        journey,
        credits,
    })
}

/// Why the credit of a conversion that stays has moved: the first of these that differs.
fn changed(old: &Conversion, new: &Conversion) -> Reason {
    let people = |conversion: &Conversion| -> BTreeSet<Text> {
        conversion.journey.iter().filter(|touch| !touch.touch_id.is_empty()).map(|touch| touch.lead.clone()).collect()
    };
    if (old.value_minor, old.currency) != (new.value_minor, new.currency) {
        Reason::AmountChanged
    } else if old.reporting_minor != new.reporting_minor {
        Reason::RateChanged
    } else if old.converted_at != new.converted_at {
        Reason::DateChanged
    } else if people(old).iter().any(|lead| !people(new).contains(lead)) {
        Reason::IdentityChanged
    } else {
        Reason::LateTouch
    }
}

/// Why a deal's conversion is gone, by how the deal stands now (`None`: the account has it no more).
pub(crate) fn why_gone(outcome: Option<Outcome>) -> Reason {
    match outcome {
        Some(Outcome::Open) => Reason::Reopened,
        Some(Outcome::Lost) => Reason::Lost,
        Some(Outcome::Deleted) => Reason::Deleted,
        Some(Outcome::Merged) => Reason::Merged,
        Some(Outcome::Won) => Reason::Withdrawn,
        None => Reason::IdentityChanged,
    }
}

/// The touches whose credit moved under any model, and by how much under each.
fn difference(before: Option<&Conversion>, after: Option<&Conversion>) -> (Vec<JourneyTouch>, Vec<ModelCredit>) {
    let mut moved: BTreeMap<JourneyTouch, BTreeMap<usize, Credit>> = BTreeMap::new();
    let mut models: Vec<Text> = Vec::new();
    for (conversion, sign) in [(before, -1), (after, 1)] {
        let Some(conversion) = conversion else { continue };
        for credit in &conversion.credits {
            let model = position(&mut models, &credit.model);
            for (touch, amounts) in conversion.journey.iter().zip(amounts(credit)) {
                if amounts != [0; 3] {
                    let sum = moved.entry(ledger_touch(touch)).or_default().entry(model).or_default();
                    sum.iter_mut().zip(amounts).for_each(|(sum, amount)| *sum += sign * amount);
                }
            }
        }
    }
    moved.retain(|_, by_model| by_model.values().any(|sum| *sum != [0; 3]));
    let mut order: Vec<_> = moved.into_iter().collect();
    order.sort_by(|(a, _), (b, _)| place(a).cmp(&place(b)));
    let credits = models.iter().enumerate().map(|(index, model)| column(index, model, &order)).collect();
    (order.into_iter().map(|(touch, _)| touch).collect(), credits)
}

/// The slot of nobody moves with the close; in the ledger it is one and the same.
fn ledger_touch(touch: &JourneyTouch) -> JourneyTouch {
    let mut touch = touch.clone();
    if touch.touch_id.is_empty() {
        touch.touch_at = Timestamp(0);
    }
    touch
}

/// Touches in order of time, nobody last.
fn place(touch: &JourneyTouch) -> (bool, Timestamp, &Text, &JourneyTouch) {
    (touch.touch_id.is_empty(), touch.touch_at, &touch.touch_id, touch)
}

fn position(models: &mut Vec<Text>, model: &Text) -> usize {
    models.iter().position(|known| known == model).unwrap_or_else(|| {
        models.push(model.clone());
        models.len() - 1
    })
}

fn amounts(credit: &ModelCredit) -> impl Iterator<Item = Credit> {
    let money = credit.minor.iter().zip(&credit.reporting);
    credit.micro.iter().zip(money).map(|(micro, (minor, reporting))| [*micro, *minor, *reporting])
}

fn column(model: usize, name: &Text, moved: &[(JourneyTouch, BTreeMap<usize, Credit>)]) -> ModelCredit {
    let of = |slot: usize| moved.iter().map(move |(_, by)| by.get(&model).map_or(0, |sum| sum[slot])).collect();
    ModelCredit { model: name.clone(), micro: of(0), minor: of(1), reporting: of(2) }
}
