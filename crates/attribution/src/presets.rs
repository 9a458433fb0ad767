//! The models that ship, and those that follow a vendor's definitions.

use crate::model::{Counted, DAY_S, Dedupe, Eligibility, Model, Rule};
use crate::positions::{EmptyMiddle, Position, Positions};
use alloc::format;
use alloc::vec::Vec;

use Position::{Close as CW, Converting, First as FT, Last, LeadCreation as LC, OpportunityCreation as OC};

/// Half-life of `time_decay`: with 7 days and a deal of 120 days the last touch would take 97 %.
const HALF_LIFE_S: u64 = 30 * DAY_S;

/// The rule-based models that ship, in the order reports list them.
const RULE_BASED: [&str; 15] = [
    "first",
    "last",
    "last_non_direct",
    "first_paid",
    "last_paid",
    "lead_creation",
    "linear",
    "position",
    "j_shaped",
    "inverse_j",
    "time_decay",
    "u_shaped",
    "w_shaped",
    "full_path",
    "influenced",
];

impl Model {
    /// A rule-based model that ships, by id; `None` for any other id, the data-driven ones included.
    pub fn builtin(id: &str) -> Option<Self> {
        let (held, middle): (&[(Position, u32)], u32) = match id {
            "first" | "first_paid" => (&[(FT, 1)], 0),
            "last" | "last_non_direct" | "last_paid" => (&[(Last, 1)], 0),
            "lead_creation" => (&[(LC, 1)], 0),
            "linear" => (&[], 1),
            "position" => (&[(FT, 40), (Last, 40)], 20),
            "j_shaped" => (&[(FT, 20), (Last, 60)], 20),
            "inverse_j" => (&[(FT, 60), (Last, 20)], 20),
            "u_shaped" => (&[(FT, 40), (LC, 40)], 20),
            "w_shaped" => (&[(FT, 30), (LC, 30), (OC, 30)], 10),
            "full_path" => (&[(FT, 225), (LC, 225), (OC, 225), (CW, 225)], 100),
            "time_decay" => return Some(decay(id, HALF_LIFE_S)),
            "influenced" => return Some(Self::new(id, Rule::Influenced)),
            _ => return None,
        };
        let mut model = Self::custom(id, held, middle).ok()?;
        model.counted = match id {
            "last_non_direct" => Counted::NotDirect,
            "first_paid" | "last_paid" => Counted::Paid,
            _ => Counted::Any,
        };
        Some(model)
    }

    /// The fifteen rule-based models that ship.
    pub fn rule_based() -> Vec<Self> {
        RULE_BASED.into_iter().filter_map(Self::builtin).collect()
    }
}

impl Model {
    /// The models of another product, as that product defines them; `None` for an unknown name.
    ///
    /// Ids are `<preset>_<model>`. What is set, and why:
    /// - `hubspot`: every interaction counts (no de-duplication), no look-back; U 40/40/20 over FT and LC, W
    ///   30/30/30/10, full path 22.5 × 4 + 10, J 20/20/60 and its inverse over first and last, half-life 7 days.
    /// - `marketo_measure`: U is 50/50 over FT and LC without a middle; in W and full path only forms and attended
    ///   events are eligible for the middle.
    /// - `ga4`: Direct counts only when nothing else is there, look-back 90 days; the models still offered (last click)
    ///   and those retired in 2023 (first click, linear, position 40/20/40, half-life 7 days).
    /// - `adobe`: look-back 90 days, its longest; U 40/20/40, J 20/20/60 and inverse J over first and last, and with
    ///   two touches the middle goes to both pro rata (J is ¼ and ¾); half-life 7 days; participation.
    /// - `dreamdata`: W is 30 first, 30 last, 30 shared by the touches holding a conversion (forms, attended events),
    ///   10 the rest; U 40/20/40.
    pub fn preset(name: &str) -> Option<Vec<Self>> {
        let rows = match name {
            "hubspot" => HUBSPOT,
            "marketo_measure" => MARKETO_MEASURE,
            "ga4" => GA4,
            "adobe" => ADOBE,
            "dreamdata" => DREAMDATA,
            _ => return None,
        };
        rows.iter().map(|row| adopted(name, row)).collect()
    }
}

/// The presets.
const PRESETS: [&str; 5] = ["hubspot", "marketo_measure", "ga4", "adobe", "dreamdata"];

impl Model {
    /// A rule-based model by id: one that ships, or `<preset>_<model>` of a preset.
    pub fn named(id: &str) -> Option<Self> {
        let presets = PRESETS.into_iter().filter_map(Self::preset).flatten();
        Self::builtin(id).or_else(|| presets.into_iter().find(|model| model.id == id))
    }
}

/// A preset's model: its name, and the weights where it has some.
type Row = (&'static str, Shape);

/// The rule of a preset's model.
enum Shape {
    /// Weights over positions, and the middle.
    Weights(&'static [(Position, u32)], u32),
    Decay,
    Influenced,
}

use Shape::{Decay, Influenced, Weights};

const FIRST: Row = ("first", Weights(&[(FT, 1)], 0));
const LAST: Row = ("last", Weights(&[(Last, 1)], 0));
const LEAD_CREATION: Row = ("lead_creation", Weights(&[(LC, 1)], 0));
const LINEAR: Row = ("linear", Weights(&[], 1));
const POSITION: Row = ("u_shaped", Weights(&[(FT, 40), (Last, 40)], 20));
const J: Row = ("j_shaped", Weights(&[(FT, 20), (Last, 60)], 20));
const INVERSE_J: Row = ("inverse_j", Weights(&[(FT, 60), (Last, 20)], 20));
const TIME_DECAY: Row = ("time_decay", Decay);
const W: Row = ("w_shaped", Weights(&[(FT, 30), (LC, 30), (OC, 30)], 10));
const FULL_PATH: Row = ("full_path", Weights(&[(FT, 225), (LC, 225), (OC, 225), (CW, 225)], 100));

const HUBSPOT: &[Row] =
    &[FIRST, LAST, LINEAR, ("u_shaped", Weights(&[(FT, 40), (LC, 40)], 20)), W, FULL_PATH, J, INVERSE_J, TIME_DECAY];
const MARKETO_MEASURE: &[Row] = &[FIRST, LEAD_CREATION, ("u_shaped", Weights(&[(FT, 50), (LC, 50)], 0)), W, FULL_PATH];
const GA4: &[Row] = &[LAST, FIRST, LINEAR, ("position", Weights(&[(FT, 40), (Last, 40)], 20)), TIME_DECAY];
const ADOBE: &[Row] = &[FIRST, LAST, LINEAR, POSITION, J, INVERSE_J, TIME_DECAY, ("participation", Influenced)];
const DREAMDATA: &[Row] =
    &[FIRST, LAST, LINEAR, POSITION, ("w_shaped", Weights(&[(FT, 30), (Last, 30), (Converting, 30)], 10))];

/// A preset's model with the switches of its vendor.
fn adopted(preset: &str, (name, shape): &Row) -> Option<Model> {
    let empty_middle = match preset {
        "adobe" => EmptyMiddle::ProRata,
        _ => EmptyMiddle::Equal,
    };
    let rule = match shape {
        Weights(held, middle) => Rule::Positions(Positions::new(held, *middle, empty_middle).ok()?),
        Decay => Rule::TimeDecay { half_life_s: 7 * DAY_S },
        Influenced => Rule::Influenced,
    };
    let mut model = Model::new(&format!("{preset}_{name}"), rule);
    match preset {
        "hubspot" => {
            model.lookback_s = u64::MAX;
            model.dedupe = Dedupe::None;
        }
        "marketo_measure" => model.eligibility = Eligibility::FormOrEvent,
        "ga4" => {
            model.lookback_s = 90 * DAY_S;
            model.counted = Counted::NotDirect;
        }
        "adobe" => {
            model.lookback_s = 90 * DAY_S;
            model.dedupe = Dedupe::None;
        }
        _ => {}
    }
    Some(model)
}

fn decay(id: &str, half_life_s: u64) -> Model {
    Model::new(id, Rule::TimeDecay { half_life_s })
}
