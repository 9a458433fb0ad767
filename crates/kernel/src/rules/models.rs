//! The models to credit with: those that ship, those of presets, and the operator's own.

use super::{Check, Definitions, OwnModel, Weights};
use crate::attribution::{
    Counted, Dedupe, Eligibility, EmptyMiddle, Error, Expansion, Missing, Model, Position, Positions, Rule,
};
use crate::event::Stage;
use crate::text::Text;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

/// Most models one set of definitions may have: every conversion is split under each.
const MODELS_MAX: usize = 64;

/// Most letters of an own model's id.
const ID_LEN_MAX: usize = 64;

/// How the id of a model ends that gives every touch the whole conversion, and of no other: its credit does not sum to
/// the value, and whoever reads or reconciles its numbers has only the id to know it by.
const WHOLE: [&str; 2] = ["influenced", "participation"];

/// What stands for a rule that a problem was found in.
const NO_RULE: Rule = Rule::TimeDecay { half_life_s: 1 };

/// The models, and what they must be told of a journey beyond what all models need.
#[derive(Clone, Debug, Default)]
pub(crate) struct Models {
    pub(crate) all: Vec<Model>,
    /// Their ids, in the same order.
    pub(crate) ids: Vec<Text>,
    /// The stages that some model weighs; a stage's number is its place.
    stages: Vec<Staged>,
}

/// A stage that a position hangs on: of leads, or of deals by the CRM's name of it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Staged {
    Lead(Stage),
    Deal(Text),
}

impl Models {
    /// Whether some model counts each of the interactions that are one touch to the others.
    pub(crate) fn count_repeats(&self) -> bool {
        self.all.iter().any(|model| model.dedupe == Dedupe::None)
    }

    /// The stages of leads that some model weighs, with their numbers.
    pub(crate) fn lead_stages(&self) -> impl Iterator<Item = (u32, Stage)> {
        self.numbered().filter_map(|(number, stage)| match stage {
            Staged::Lead(stage) => Some((number, *stage)),
            Staged::Deal(_) => None,
        })
    }

    /// The stages of deals that some model weighs, with their numbers.
    pub(crate) fn deal_stages(&self) -> impl Iterator<Item = (u32, &Text)> {
        self.numbered().filter_map(|(number, stage)| match stage {
            Staged::Deal(name) => Some((number, name)),
            Staged::Lead(_) => None,
        })
    }

    fn numbered(&self) -> impl Iterator<Item = (u32, &Staged)> {
        (0..).zip(&self.stages)
    }

    /// The position that hangs on a stage.
    fn position(&mut self, stage: Staged) -> Position {
        if !self.stages.contains(&stage) {
            self.stages.push(stage.clone());
        }
        let number = self.numbered().find(|(_, known)| **known == stage).map(|(number, _)| number);
        Position::Stage(number.unwrap_or_default())
    }

    fn has(&self, id: &str) -> bool {
        self.all.iter().any(|model| model.id == id)
    }
}

/// A model that ships, or a preset's; of a preset's name all its models.
fn shipped(name: &str) -> Option<Vec<Model>> {
    Model::named(name).map(|model| vec![model]).or_else(|| Model::preset(name))
}

impl Check {
    pub(super) fn models(&mut self, definitions: &Definitions) -> Models {
        let mut models = Models::default();
        if definitions.models.is_empty() && definitions.own_models.is_empty() {
            self.problem("models", "name at least one model, such as \"linear\"");
        }
        for (index, name) in definitions.models.iter().enumerate() {
            self.named(&format!("models[{index}]"), name, &mut models);
        }
        for (index, own) in definitions.own_models.iter().enumerate() {
            let model = self.own(&format!("own_models[{index}]"), own, &mut models);
            models.all.push(model);
        }
        if models.all.len() > MODELS_MAX {
            let hint = format!("{} models in all are too many, at most {MODELS_MAX} are possible", models.all.len());
            self.problem("own_models", hint);
        }
        models.ids = models.all.iter().map(|model| Text::from(model.id.as_str())).collect();
        models
    }

    fn named(&mut self, path: &str, name: &str, models: &mut Models) {
        let Some(found) = shipped(name) else {
            let hint = format!("\"{name}\" is neither a model that ships nor a preset; own models are `own_models`");
            return self.problem(path, hint);
        };
        for model in found {
            if models.has(&model.id) {
                self.problem(path, format!("\"{}\" is named twice", model.id));
            } else {
                models.all.push(model);
            }
        }
    }

    fn own(&mut self, path: &str, own: &OwnModel, models: &mut Models) -> Model {
        let like = self.like(path, own);
        let rule = self.rule(path, own, like.as_ref(), models);
        let rule = self.positions(path, own, like.as_ref(), rule);
        let mut model = Model { id: own.id.clone(), ..like.unwrap_or_else(|| Model::new("", NO_RULE)) };
        model.rule = rule;
        if let Some(days) = own.lookback_days {
            model.lookback_s = self.days(&format!("{path}.lookback_days"), days);
        }
        self.switches(path, own, &mut model);
        self.own_id(path, &model, models);
        model
    }

    fn own_id(&mut self, path: &str, model: &Model, models: &Models) {
        let (id, path) = (model.id.as_str(), format!("{path}.id"));
        let plain = |letter: u8| matches!(letter, b'a'..=b'z' | b'0'..=b'9' | b'_');
        let whole = WHOLE.iter().any(|end| id.ends_with(end));
        if id.is_empty() || id.len() > ID_LEN_MAX || !id.bytes().all(plain) {
            let hint = format!("\"{id}\" is not 1 to {ID_LEN_MAX} lower-case letters, digits and _");
            self.problem(path, hint);
        } else if shipped(id).is_some() {
            self.problem(path, format!("\"{id}\" is a model or preset that ships: choose another id"));
        } else if models.has(id) {
            self.problem(path, format!("\"{id}\" is named twice"));
        } else if whole == model.sums_to_one() && model.rule != NO_RULE {
            let hint = format!(
                "\"{id}\": the id ends in \"influenced\" or \"participation\" where, and only where, every touch gets \
                 the whole conversion, because such credit does not sum to the value"
            );
            self.problem(path, hint);
        }
    }

    /// The model it starts from, if it names one.
    fn like(&mut self, path: &str, own: &OwnModel) -> Option<Model> {
        let id = own.like.as_deref()?;
        Some(Model::named(id).unwrap_or_else(|| {
            self.problem(format!("{path}.like"), format!("\"{id}\" is not a model that ships, or one of a preset"));
            Model::new("", NO_RULE)
        }))
    }

    fn rule(&mut self, path: &str, own: &OwnModel, like: Option<&Model>, models: &mut Models) -> Rule {
        match (&own.weights, own.half_life_days) {
            (Some(_), Some(days)) => {
                let hint =
                    format!("{days} beside `weights`: a model has weights or a half-life, leave one of them out");
                self.problem(format!("{path}.half_life_days"), hint);
                NO_RULE
            }
            (Some(weights), None) => self.weights(&format!("{path}.weights"), weights, models),
            (None, Some(days)) => Rule::TimeDecay { half_life_s: self.days(&format!("{path}.half_life_days"), days) },
            (None, None) => match like {
                Some(like) => like.rule.clone(),
                None => {
                    self.problem(path, format!("\"{}\" has none of `weights`, `half_life_days` and `like`", own.id));
                    NO_RULE
                }
            },
        }
    }

    fn weights(&mut self, path: &str, weights: &Weights, models: &mut Models) -> Rule {
        let mut held = vec![
            (Position::First, weights.first),
            (Position::Last, weights.last),
            (Position::LeadCreation, weights.lead_creation),
            (Position::OpportunityCreation, weights.opportunity_creation),
            (Position::Close, weights.close),
            (Position::Converting, weights.converting),
        ];
        let leads = [(Stage::Mql, weights.mql), (Stage::Sql, weights.sql)];
        let leads = leads.map(|(stage, weight)| (Staged::Lead(stage), weight));
        let deals = weights.stages.iter().map(|(name, weight)| (Staged::Deal(Text::from(name.as_str())), *weight));
        let stages = leads.into_iter().chain(deals).filter(|(_, weight)| *weight > 0);
        held.extend(stages.map(|(stage, weight)| (models.position(stage), weight)));
        held.retain(|(_, weight)| *weight > 0);
        if weights.stages.contains_key("") {
            self.problem(format!("{path}.stages"), "\"\" is no stage: name it as the CRM does");
        }
        match Positions::new(&held, weights.middle, EmptyMiddle::default()) {
            Ok(positions) => Rule::Positions(positions),
            Err(error @ Error::TooManyPositions(_)) => {
                self.problem(format!("{path}.stages"), error.to_string());
                NO_RULE
            }
            Err(error) => {
                self.problem(path, error.to_string());
                NO_RULE
            }
        }
    }

    /// What only a model with weights can say.
    fn positions(&mut self, path: &str, own: &OwnModel, like: Option<&Model>, rule: Rule) -> Rule {
        let words = [("equal", EmptyMiddle::Equal), ("pro_rata", EmptyMiddle::ProRata)];
        let said = self.word(format!("{path}.empty_middle"), own.empty_middle.as_ref(), &words);
        if let Rule::Positions(positions) = rule {
            let liked = like.and_then(|like| match &like.rule {
                Rule::Positions(liked) => Some(liked.empty_middle()),
                _ => None,
            });
            return Rule::Positions(positions.with_empty_middle(said.or(liked).unwrap_or_default()));
        }
        for (key, value) in [("empty_middle", &own.empty_middle), ("missing", &own.missing)] {
            if let Some(value) = value.as_ref().filter(|_| rule != NO_RULE) {
                let hint = format!("\"{value}\" is for a model with weights, and this one has none: leave it out");
                self.problem(format!("{path}.{key}"), hint);
            }
        }
        rule
    }

    fn switches(&mut self, path: &str, own: &OwnModel, model: &mut Model) {
        let at = |key: &str| format!("{path}.{key}");
        let words = [("any", Counted::Any), ("not_direct", Counted::NotDirect), ("paid", Counted::Paid)];
        model.counted = self.word(at("counted"), own.counted.as_ref(), &words).unwrap_or(model.counted);
        let words =
            [("any", Eligibility::Any), ("engaged", Eligibility::Engaged), ("form_or_event", Eligibility::FormOrEvent)];
        model.eligibility = self.word(at("eligible"), own.eligible.as_ref(), &words).unwrap_or(model.eligibility);
        let words = [("renormalise", Missing::Renormalise), ("unattributed", Missing::Unattributed)];
        model.missing = self.word(at("missing"), own.missing.as_ref(), &words).unwrap_or(model.missing);
        let words = [("carry", Expansion::Carry), ("fresh", Expansion::Fresh), ("full", Expansion::Full)];
        model.expansion = self.word(at("expansion"), own.expansion.as_ref(), &words).unwrap_or(model.expansion);
        let words = [("session", Dedupe::Session), ("none", Dedupe::None)];
        model.dedupe = self.word(at("dedupe"), own.dedupe.as_ref(), &words).unwrap_or(model.dedupe);
        model.self_reported = own.self_reported.unwrap_or(model.self_reported);
    }

    /// What one of a few words stands for.
    fn word<T: Copy>(&mut self, path: String, said: Option<&String>, words: &[(&str, T)]) -> Option<T> {
        let said = said?;
        let meant = words.iter().find(|(word, _)| word == said).map(|(_, meant)| *meant);
        if meant.is_none() {
            let words: Vec<String> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
            self.problem(path, format!("\"{said}\" is not one of {}", words.join(", ")));
        }
        meant
    }

    /// Days in seconds.
    fn days(&mut self, path: &str, days: u32) -> u64 {
        if days == 0 {
            self.problem(path, "must be above 0");
        }
        u64::from(days.max(1)) * 86_400
    }
}

#[cfg(test)]
mod tests;
