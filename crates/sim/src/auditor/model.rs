//! Models as the definitions name them, read word by word: those that ship, those of presets, own ones.

use smarketing_kernel::rules::{Definitions, OwnModel, Weights};
use smarketing_kernel::text::Text;

/// A model. What is a word in the definitions is the word here.
#[derive(Clone, Debug)]
pub(super) struct Model {
    pub(super) id: String,
    pub(super) rule: Rule,
    pub(super) lookback_days: Option<u32>,
    pub(super) counted: String,
    pub(super) eligible: String,
    pub(super) missing: String,
    pub(super) empty_middle: String,
    pub(super) expansion: String,
    pub(super) dedupe: String,
    pub(super) self_reported: bool,
}

/// How touches are weighed.
#[derive(Clone, Debug)]
pub(super) enum Rule {
    /// Weights of places, and of everything else.
    Places(Vec<(Place, i128)>, i128),
    /// A half-life in days.
    Fade(u32),
    /// Everybody gets everything.
    Whole,
}

/// A place that has weight of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    First,
    Last,
    Creation,
    Mql,
    Sql,
    Opening,
    /// The deal comes to a stage.
    Deal(Text),
    Close,
    /// Forms and events.
    Converting,
}

use Place::{Close, Converting, Creation, First, Last, Opening};

/// The models of every vendor.
const PRESETS: [(&str, &str); 5] = [
    ("hubspot", "first last linear u_shaped w_shaped full_path j_shaped inverse_j time_decay"),
    ("marketo_measure", "first lead_creation u_shaped w_shaped full_path"),
    ("ga4", "last first linear position time_decay"),
    ("adobe", "first last linear u_shaped j_shaped inverse_j time_decay participation"),
    ("dreamdata", "first last linear u_shaped w_shaped"),
];

/// Whether credit under a model sums to the value: its id says so.
#[must_use]
pub fn sums_to_value(model: &str) -> bool {
    !model.ends_with("influenced") && !model.ends_with("participation")
}

/// The models to credit with, in order.
pub(super) fn all(definitions: &Definitions) -> Vec<Model> {
    let named = definitions.models.iter().flat_map(|name| {
        let preset = PRESETS.iter().find(|(preset, _)| preset == name);
        let names = preset.map_or_else(|| vec![name.clone()], |(preset, models)| names(preset, models));
        names.into_iter().filter_map(|name| shipped(&name))
    });
    named.chain(definitions.own_models.iter().map(own)).collect()
}

fn names(preset: &str, models: &str) -> Vec<String> {
    models.split(' ').map(|model| format!("{preset}_{model}")).collect()
}

fn shipped(id: &str) -> Option<Model> {
    let of_preset = |(preset, models): &(&'static str, &str)| {
        let model = id.strip_prefix(preset)?.strip_prefix('_')?;
        models.split(' ').any(|name| name == model).then(|| adopted(preset, model))?
    };
    let rule = rule(id).map(|rule| plain(id, rule));
    rule.or_else(|| PRESETS.iter().find_map(of_preset))
}

fn plain(id: &str, rule: Rule) -> Model {
    let counted = match id {
        "last_non_direct" => "not_direct",
        "first_paid" | "last_paid" => "paid",
        _ => "any",
    };
    Model {
        id: id.into(),
        rule,
        lookback_days: Some(365),
        counted: counted.into(),
        eligible: "any".into(),
        missing: "renormalise".into(),
        empty_middle: "equal".into(),
        expansion: "carry".into(),
        dedupe: "session".into(),
        self_reported: false,
    }
}

/// The table of attribution.md, in thousandths.
fn rule(id: &str) -> Option<Rule> {
    let (places, middle) = match id {
        "first" | "first_paid" => (vec![(First, 1000)], 0),
        "last" | "last_non_direct" | "last_paid" => (vec![(Last, 1000)], 0),
        "lead_creation" => (vec![(Creation, 1000)], 0),
        "linear" => (vec![], 1000),
        "position" => (vec![(First, 400), (Last, 400)], 200),
        "j_shaped" => (vec![(First, 200), (Last, 600)], 200),
        "inverse_j" => (vec![(First, 600), (Last, 200)], 200),
        "u_shaped" => (vec![(First, 400), (Creation, 400)], 200),
        "w_shaped" => (vec![(First, 300), (Creation, 300), (Opening, 300)], 100),
        "full_path" => (vec![(First, 225), (Creation, 225), (Opening, 225), (Close, 225)], 100),
        "time_decay" => return Some(Rule::Fade(30)),
        "influenced" => return Some(Rule::Whole),
        _ => return None,
    };
    Some(Rule::Places(places, middle))
}

/// A model as a vendor has it.
fn adopted(preset: &str, name: &str) -> Option<Model> {
    let theirs = match (preset, name) {
        ("marketo_measure", "u_shaped") => Rule::Places(vec![(First, 1), (Creation, 1)], 0),
        ("adobe" | "dreamdata", "u_shaped") => rule("position")?,
        ("dreamdata", "w_shaped") => Rule::Places(vec![(First, 30), (Last, 30), (Converting, 30)], 10),
        (_, "participation") => Rule::Whole,
        (_, "time_decay") => Rule::Fade(7),
        (_, other) => rule(other)?,
    };
    let mut model = plain(&format!("{preset}_{name}"), theirs);
    if matches!(preset, "hubspot" | "adobe") {
        model.dedupe = "none".into();
    }
    match preset {
        "hubspot" => model.lookback_days = None,
        "ga4" | "adobe" => model.lookback_days = Some(90),
        "marketo_measure" => model.eligible = "form_or_event".into(),
        _ => {}
    }
    match preset {
        "ga4" => model.counted = "not_direct".into(),
        "adobe" => model.empty_middle = "pro_rata".into(),
        _ => {}
    }
    Some(model)
}

/// What is said, over what it is like.
fn own(own: &OwnModel) -> Model {
    let like = own.like.as_deref().and_then(shipped).unwrap_or_else(|| plain("", Rule::Whole));
    let weights = own.weights.as_ref().map(places);
    let fade = own.half_life_days.map(Rule::Fade);
    let word = |said: &Option<String>, like: String| said.clone().unwrap_or(like);
    Model {
        id: own.id.clone(),
        rule: weights.or(fade).unwrap_or(like.rule),
        lookback_days: own.lookback_days.or(like.lookback_days),
        counted: word(&own.counted, like.counted),
        eligible: word(&own.eligible, like.eligible),
        missing: word(&own.missing, like.missing),
        empty_middle: word(&own.empty_middle, like.empty_middle),
        expansion: word(&own.expansion, like.expansion),
        dedupe: word(&own.dedupe, like.dedupe),
        self_reported: own.self_reported.unwrap_or(like.self_reported),
    }
}

fn places(weights: &Weights) -> Rule {
    let mut places = vec![
        (First, weights.first),
        (Last, weights.last),
        (Creation, weights.lead_creation),
        (Place::Mql, weights.mql),
        (Place::Sql, weights.sql),
        (Opening, weights.opportunity_creation),
        (Close, weights.close),
        (Converting, weights.converting),
    ];
    places.extend(weights.stages.iter().map(|(name, weight)| (Place::Deal(Text::from(name.as_str())), *weight)));
    places.retain(|(_, weight)| *weight > 0);
    let places = places.into_iter().map(|(place, weight)| (place, i128::from(weight))).collect();
    Rule::Places(places, weights.middle.into())
}
