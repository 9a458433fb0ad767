use super::*;
use crate::rules::Rules;
use alloc::borrow::ToOwned;

fn found(definitions: &Definitions) -> Vec<(String, String)> {
    let problems = Rules::new(definitions).err().unwrap_or_default();
    problems.into_iter().map(|problem| (problem.path, problem.hint)).collect()
}

fn owning(own_models: Vec<OwnModel>) -> Definitions {
    Definitions { own_models, ..Definitions::default() }
}

fn own(id: &str, say: impl FnOnce(&mut OwnModel)) -> OwnModel {
    let mut model = OwnModel { id: id.into(), ..OwnModel::default() };
    say(&mut model);
    model
}

fn linear(id: &str) -> OwnModel {
    own(id, |model| model.like = Some("linear".into()))
}

/// The rule of a model that has weights.
fn weighing(say: impl FnOnce(&mut Weights)) -> OwnModel {
    let mut weights = Weights::default();
    say(&mut weights);
    own("mine", |model| model.weights = Some(weights))
}

fn built(own: OwnModel) -> Model {
    Rules::new(&owning(vec![own])).unwrap().models.all.pop().unwrap()
}

#[test]
fn presets_and_their_models_stand_beside_those_that_ship() {
    let ids = |models: &[&str]| {
        let models = models.iter().map(|id| (*id).to_owned()).collect();
        let rules = Rules::new(&Definitions { models, own_models: vec![linear("mine")], ..Definitions::default() });
        rules.unwrap().models().map(ToOwned::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(ids(&["linear", "hubspot_w_shaped"]), ["linear", "hubspot_w_shaped", "mine"]);
    let first = ["dreamdata_first", "dreamdata_last", "dreamdata_linear", "dreamdata_u_shaped", "dreamdata_w_shaped"];
    assert_eq!(ids(&["dreamdata"])[..5], first);
    assert_eq!(ids(&[]), ["mine"]);
}

#[test]
fn what_is_not_said_is_as_in_the_model_it_is_like() {
    let plain = built(weighing(|weights| (weights.first, weights.middle) = (3, 1)));
    assert_eq!(plain, Model::custom("mine", &[(Position::First, 3)], 1).unwrap());
    let adobe = Model::named("adobe_j_shaped").unwrap();
    let mine = |say: fn(&mut OwnModel)| {
        built(own("mine", |model| {
            model.like = Some("adobe_j_shaped".into());
            say(model);
        }))
    };
    assert_eq!(mine(|_| {}), Model { id: "mine".into(), ..adobe.clone() });
    let changed = mine(|model| {
        model.weights = Some(Weights { last: 1, ..Weights::default() });
        model.lookback_days = Some(30);
        model.dedupe = Some("session".into());
        model.missing = Some("unattributed".into());
    });
    let rule = Rule::Positions(Positions::new(&[(Position::Last, 1)], 0, EmptyMiddle::ProRata).unwrap());
    let expect = Model { rule, lookback_s: 30 * 86_400, dedupe: Dedupe::Session, ..adobe };
    assert_eq!(changed, Model { id: "mine".into(), missing: Missing::Unattributed, ..expect });
    let decay = mine(|model| model.half_life_days = Some(7)).rule;
    assert_eq!(decay, Rule::TimeDecay { half_life_s: 7 * 86_400 });
}

#[test]
fn a_stage_that_several_models_weigh_has_one_number() {
    let stages = |names: &[&str]| weighing(|weights| weights.stages = names.iter().map(|n| ((*n).into(), 1)).collect());
    let second = OwnModel { id: "second".into(), ..stages(&["proposal", "signature"]) };
    let lead = OwnModel { id: "lead".into(), ..weighing(|weights| (weights.mql, weights.sql) = (0, 1)) };
    let rules = Rules::new(&owning(vec![stages(&["signature"]), second, lead])).unwrap();
    let deals: Vec<(u32, &str)> = rules.models.deal_stages().map(|(number, name)| (number, &**name)).collect();
    assert_eq!(deals, [(0, "signature"), (1, "proposal")]);
    assert_eq!(rules.models.lead_stages().collect::<Vec<_>>(), [(2, Stage::Sql)]);
    assert!(!rules.models.count_repeats());
}

#[test]
fn the_id_tells_of_the_models_that_ship_whether_credit_sums_to_the_value() {
    let presets = ["hubspot", "marketo_measure", "ga4", "adobe", "dreamdata"].into_iter().filter_map(Model::preset);
    for model in Model::rule_based().into_iter().chain(presets.flatten()) {
        assert_eq!(model.sums_to_one(), !WHOLE.iter().any(|end| model.id.ends_with(end)), "{}", model.id);
    }
}

#[test]
fn models_that_are_unknown_or_named_twice_are_problems() {
    let named = |models: &[&str]| {
        let models = models.iter().map(|id| (*id).to_owned()).collect();
        found(&Definitions { models, ..Definitions::default() })
    };
    for (models, path, hint) in [
        (&[][..], "models", "name at least one model, such as \"linear\""),
        (
            &["best"][..],
            "models[0]",
            "\"best\" is neither a model that ships nor a preset; own models are `own_models`",
        ),
        (&["linear", "linear"], "models[1]", "\"linear\" is named twice"),
        (&["ga4_first", "ga4"], "models[1]", "\"ga4_first\" is named twice"),
    ] {
        assert_eq!(named(models), [(path.to_owned(), hint.to_owned())]);
    }
    let many = owning((0..50).map(|number| linear(&format!("mine_{number}"))).collect());
    let hint = "65 models in all are too many, at most 64 are possible";
    assert_eq!(found(&many), [("own_models".to_owned(), hint.to_owned())]);
}

#[test]
fn every_problem_of_an_own_model_names_its_path() {
    type Say = fn(&mut OwnModel, String);
    let words: [(&str, Say, &str); 6] = [
        ("counted", |model, word| model.counted = Some(word), "\"any\", \"not_direct\", \"paid\""),
        ("eligible", |model, word| model.eligible = Some(word), "\"any\", \"engaged\", \"form_or_event\""),
        ("missing", |model, word| model.missing = Some(word), "\"renormalise\", \"unattributed\""),
        ("empty_middle", |model, word| model.empty_middle = Some(word), "\"equal\", \"pro_rata\""),
        ("expansion", |model, word| model.expansion = Some(word), "\"carry\", \"fresh\", \"full\""),
        ("dedupe", |model, word| model.dedupe = Some(word), "\"session\", \"none\""),
    ];
    for (key, say, known) in words {
        let mut model = linear("mine");
        say(&mut model, "some".into());
        let problem = (format!("own_models[0].{key}"), format!("\"some\" is not one of {known}"));
        assert_eq!(found(&owning(vec![model])), [problem]);
    }
}

#[test]
fn contradictions_of_an_own_model_are_problems() {
    let check = |model: OwnModel, path: &str, hint: &str| {
        let problems = found(&owning(vec![model]));
        assert!(problems.len() == 1 && problems[0].0 == path && problems[0].1.contains(hint), "{problems:?}");
    };
    let all = "own_models[0]";
    for id in ["", "Mine", "my model", &"a".repeat(65)] {
        check(linear(id), "own_models[0].id", "is not 1 to 64 lower-case letters");
    }
    for id in ["linear", "hubspot", "hubspot_w_shaped"] {
        check(linear(id), "own_models[0].id", "choose another id");
    }
    check(linear("forms_influenced"), "own_models[0].id", "the id ends in");
    let whole = |id: &str| own(id, |model| model.like = Some("influenced".into()));
    check(whole("mine"), "own_models[0].id", "the id ends in");
    assert_eq!(found(&owning(vec![whole("recently_influenced")])), []);
    check(own("mine", |model| model.like = Some("best".into())), "own_models[0].like", "\"best\" is not a model");
    check(own("mine", |_| {}), all, "\"mine\" has none of `weights`, `half_life_days` and `like`");
    let both = OwnModel { half_life_days: Some(7), ..weighing(|weights| weights.first = 1) };
    check(both, "own_models[0].half_life_days", "7 beside `weights`");
    check(own("mine", |model| model.half_life_days = Some(0)), "own_models[0].half_life_days", "must be above 0");
    check(OwnModel { lookback_days: Some(0), ..linear("mine") }, "own_models[0].lookback_days", "must be above 0");
    check(weighing(|_| {}), "own_models[0].weights", "weights sum to 0");
    check(weighing(|weights| weights.first = 100_001), "own_models[0].weights", "weights sum to 100001");
    let stages = |number: u32| (0..number).map(|stage| (format!("s{stage}"), 1)).collect();
    check(weighing(|weights| weights.stages = stages(33)), "own_models[0].weights.stages", "33 positions");
    assert_eq!(found(&owning(vec![weighing(|weights| weights.stages = stages(32))])), []);
    let unnamed = weighing(|weights| weights.stages = [(String::new(), 1)].into());
    check(unnamed, "own_models[0].weights.stages", "\"\" is no stage");
    let fading = |say: fn(&mut OwnModel)| {
        own("mine", |model| {
            model.half_life_days = Some(7);
            say(model);
        })
    };
    let missing = fading(|model| model.missing = Some("unattributed".into()));
    check(missing, "own_models[0].missing", "\"unattributed\" is for a model with weights");
    let middle = fading(|model| model.empty_middle = Some("equal".into()));
    check(middle, "own_models[0].empty_middle", "\"equal\" is for a model with weights");
    let twice = found(&owning(vec![linear("mine"), linear("mine")]));
    assert_eq!(twice, [("own_models[1].id".to_owned(), "\"mine\" is named twice".to_owned())]);
}
