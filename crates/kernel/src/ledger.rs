//! The ledger: what a settle changed in the credit of a conversion, as signed entries with a reason.
//!
//! entry = new share − old share, touch by touch and model by model; the sum of a conversion's entries is its credit.

use crate::money::Currency;
use crate::row::{Conversion, JourneyTouch, LedgerEntry, ModelCredit, Outcome, Reason};
use crate::text::Text;
use crate::time::Timestamp;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::cmp::Ordering;

/// Micro-credits, minor units, reporting units of one touch under one model.
type Credit = [i64; 3];

/// A touch as the places it has in the journey before and in the one after.
type Place = (Option<usize>, Option<usize>);

/// The entries that take a conversion from `before` to `after`; none when no credit moved.
/// `gone` tells why a conversion is no longer there.
///
/// What is booked under another day, currency, persona or deal type is taken back whole and booked anew, so that the
/// balance is right under each of them; anything else is one entry of differences.
pub(crate) fn entries(
    before: Option<&Conversion>,
    after: Option<&Conversion>,
    gone: impl FnOnce(&Conversion) -> Reason,
    recorded_at: Timestamp,
) -> impl Iterator<Item = LedgerEntry> {
    let reason = match (before, after) {
        (None, _) => Reason::Converted,
        (Some(old), None) => gone(old),
        (Some(old), Some(new)) => changed(old, new),
    };
    let rebooked = before.zip(after).is_some_and(|(old, new)| heading(old) != heading(new));
    let moves = if rebooked { [(before, None), (None, after)] } else { [(before, after), (None, None)] };
    moves.into_iter().filter_map(move |(before, after)| entry(before, after, reason, recorded_at))
}

fn heading(conversion: &Conversion) -> (Timestamp, Currency, Currency, &Text, &Text) {
    let Conversion { converted_at, currency, reporting_currency, persona, deal_type, .. } = conversion;
    (*converted_at, *currency, *reporting_currency, persona, deal_type)
}

fn entry(
    before: Option<&Conversion>,
    after: Option<&Conversion>,
    reason: Reason,
    recorded_at: Timestamp,
) -> Option<LedgerEntry> {
    let shown = after.or(before)?;
    let mut places = places(journey(before), journey(after));
    let models = 0..shown.credits.len();
    places.retain(|place| models.clone().any(|model| moved(before, after, model, *place) != [0; 3]));
    if places.is_empty() {
        return None;
    }
    let credits = shown.credits.iter().enumerate().map(|(model, credit)| {
        let column = |unit: usize| places.iter().map(|place| moved(before, after, model, *place)[unit]).collect();
        ModelCredit { model: credit.model.clone(), micro: column(0), minor: column(1), reporting: column(2) }
    });
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
        journey: places.iter().filter_map(|place| touch_at(before, after, *place)).map(ledger_touch).collect(),
        credits: credits.collect(),
    })
}

/// Why the credit of a conversion that stays has moved: the first of these that differs.
fn changed(old: &Conversion, new: &Conversion) -> Reason {
    if (old.value_minor, old.currency) != (new.value_minor, new.currency) {
        Reason::AmountChanged
    } else if old.reporting_minor != new.reporting_minor {
        Reason::RateChanged
    } else if old.converted_at != new.converted_at {
        Reason::DateChanged
    } else if !people(old).is_subset(&people(new)) {
        Reason::IdentityChanged
    } else if old.journey.iter().map(|touch| &touch.touch_id).ne(new.journey.iter().map(|touch| &touch.touch_id)) {
        Reason::LateTouch
    } else {
        Reason::Reclassified
    }
}

fn people(conversion: &Conversion) -> BTreeSet<&Text> {
    conversion.journey.iter().filter(|touch| !touch.touch_id.is_empty()).map(|touch| &touch.lead).collect()
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

fn journey(conversion: Option<&Conversion>) -> &[JourneyTouch] {
    conversion.map_or(&[], |conversion| &conversion.journey)
}

/// Walks two journeys side by side, in order of time, nobody last. A touch is the same if all of it is: one that now
/// shows another channel loses its credit under the old and earns it under the new.
fn places(before: &[JourneyTouch], after: &[JourneyTouch]) -> Vec<Place> {
    let (mut old, mut new) = (0, 0);
    let mut places = Vec::with_capacity(before.len().max(after.len()));
    loop {
        let order = match (before.get(old), after.get(new)) {
            (None, None) => return places,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(a), Some(b)) => rank(a).cmp(&rank(b)),
        };
        places.push((order.is_le().then_some(old), order.is_ge().then_some(new)));
        old += usize::from(order.is_le());
        new += usize::from(order.is_ge());
    }
}

/// The slot of nobody moves with the close; in the ledger it is one and the same.
fn rank(touch: &JourneyTouch) -> (bool, Option<(Timestamp, &Text, &JourneyTouch)>) {
    let nobody = touch.touch_id.is_empty();
    (nobody, (!nobody).then_some((touch.touch_at, &touch.touch_id, touch)))
}

fn touch_at<'c>(
    before: Option<&'c Conversion>,
    after: Option<&'c Conversion>,
    (old, new): Place,
) -> Option<&'c JourneyTouch> {
    new.and_then(|new| journey(after).get(new)).or_else(|| journey(before).get(old?))
}

fn ledger_touch(touch: &JourneyTouch) -> JourneyTouch {
    let mut touch = touch.clone();
    if touch.touch_id.is_empty() {
        touch.touch_at = Timestamp(0);
    }
    touch
}

/// New share − old share of one touch under one model. One generation's models are the same, in the same order.
fn moved(before: Option<&Conversion>, after: Option<&Conversion>, model: usize, (old, new): Place) -> Credit {
    let (old, new) = (share(before, model, old), share(after, model, new));
    core::array::from_fn(|unit| new[unit] - old[unit])
}

fn share(conversion: Option<&Conversion>, model: usize, place: Option<usize>) -> Credit {
    let of = |credit: &ModelCredit, place: usize| {
        let amount = |amounts: &[i64]| amounts.get(place).copied().unwrap_or(0);
        [amount(&credit.micro), amount(&credit.minor), amount(&credit.reporting)]
    };
    let credit = conversion.and_then(|conversion| conversion.credits.get(model));
    credit.zip(place).map_or([0; 3], |(credit, place)| of(credit, place))
}
