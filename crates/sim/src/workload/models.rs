//! Attribution models of a seed's world beside those that ship: presets, and own ones with any of the switches.

use crate::chance::Chance;
use smarketing_kernel::rules::{Definitions, OwnModel, Weights};

/// Stages that deals come to; no deal comes to the last one.
pub(super) const STAGES: [&str; 3] = ["negotiation", "proposal", "signature"];

const PRESETS: [&str; 6] = ["hubspot", "marketo_measure", "ga4", "adobe", "dreamdata", "hubspot_w_shaped"];
const LIKED: [&str; 6] =
    ["w_shaped", "last_paid", "adobe_j_shaped", "hubspot_full_path", "ga4_position", "dreamdata_w_shaped"];
const WHOLE: [&str; 2] = ["influenced", "adobe_participation"];

/// In every other world models are added, now and then instead of those that ship.
pub(super) fn add(chance: &mut Chance, definitions: &mut Definitions) {
    if chance.one_in(2) {
        return;
    }
    if chance.one_in(2) {
        definitions.models.truncate(chance.index(4));
    }
    if chance.one_in(3) {
        definitions.models.push(chance.pick(&PRESETS).into());
    }
    definitions.own_models = (0..=chance.index(3)).map(|number| own(chance, number)).collect();
}

fn own(chance: &mut Chance, number: usize) -> OwnModel {
    let mut model = OwnModel { id: format!("own_{number}"), ..OwnModel::default() };
    match chance.below(6) {
        0 => model.half_life_days = Some(chance.pick(&[1, 7, 90])),
        1 => model.like = Some(chance.pick(&LIKED).into()),
        2 => {
            model.like = Some(chance.pick(&WHOLE).into());
            model.id.push_str("_influenced");
        }
        3 => {
            model.like = Some(chance.pick(&LIKED).into());
            model.weights = Some(weights(chance));
        }
        _ => model.weights = Some(weights(chance)),
    }
    let places = model.weights.is_some() || model.like.as_deref().is_some_and(|like| LIKED.contains(&like));
    let mut said = |words: &[&str]| chance.one_in(3).then(|| chance.pick(words).to_owned());
    model.missing = said(&["renormalise", "unattributed"]).filter(|_| places);
    model.empty_middle = said(&["equal", "pro_rata"]).filter(|_| places);
    model.counted = said(&["any", "not_direct", "paid"]);
    model.eligible = said(&["any", "engaged", "form_or_event"]);
    model.expansion = said(&["carry", "fresh", "full"]);
    model.dedupe = said(&["session", "none", "none"]);
    model.lookback_days = chance.one_in(3).then(|| chance.pick(&[1, 20, 90]));
    model.self_reported = chance.one_in(4).then_some(true);
    model
}

fn weights(chance: &mut Chance) -> Weights {
    let mut weight = || if chance.one_in(2) { chance.pick(&[1, 10, 25, 40]) } else { 0 };
    let stages = STAGES.map(|stage| (stage.to_owned(), weight()));
    let mut weights = Weights {
        first: weight(),
        last: weight(),
        lead_creation: weight(),
        mql: weight(),
        sql: weight(),
        opportunity_creation: weight(),
        stages: stages.into(),
        close: weight(),
        converting: weight(),
        middle: weight(),
    };
    // All together must be something.
    weights.close += 1;
    weights
}
