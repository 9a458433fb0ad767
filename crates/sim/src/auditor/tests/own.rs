//! Own models and presets: worked journeys, and that they leave everything else alone.

use super::*;
use crate::workload;
use smarketing_kernel::row::{Conversion, TouchKind};
use smarketing_kernel::rules::{OwnModel, Weights};

/// Revenue per touch under an own model; the last slot is nobody's.
fn credit(story: &Story, model: OwnModel) -> Vec<i64> {
    credit_of(story.events(), model)
}

fn credit_of(events: Vec<Event<LeadRef>>, model: OwnModel) -> Vec<i64> {
    let own_models = vec![OwnModel { id: "own".into(), ..model }];
    revenue_by(&Definitions { own_models, ..Definitions::default() }, events, "own")
}

fn weighing(weights: Weights) -> OwnModel {
    OwnModel { weights: Some(weights), ..OwnModel::default() }
}

fn like(id: &str) -> OwnModel {
    OwnModel { like: Some(id.into()), ..OwnModel::default() }
}

/// The journeys of attribution.md under models that only a configuration can name.
#[test]
fn worked_journeys_come_out_to_the_cent_under_own_models() {
    let fifty = || weighing(Weights { first: 1, lead_creation: 1, ..Weights::default() });
    let j1 = || story(&[120, 90, 60, 40, 3], 1, Some(3), 1_000_000);
    assert_eq!(credit(&j1(), fifty()), [500_000, 500_000, 0, 0, 0, 0]);
    assert_eq!(credit(&story(&[60, 10], 0, Some(1), 1_000_000), fifty()), [1_000_000, 0, 0]);
    assert_eq!(credit(&story(&[60, 10], 1, Some(1), 1_000_000), fifty()), [500_000, 500_000, 0]);
    let j10 = story(&[70, 60, 50, 40, 30, 20, 10], 1, Some(5), 5);
    assert_eq!(credit(&j10, fifty()), [3, 2, 0, 0, 0, 0, 0, 0]);
    let strict = |id| OwnModel { missing: Some("unattributed".into()), ..like(id) };
    let j7 = || story(&[40, 20, 2], 0, None, 1_000_000);
    assert_eq!(credit(&j7(), strict("u_shaped")), [800_000, 100_000, 100_000, 0]);
    assert_eq!(credit(&j7(), strict("w_shaped")), [600_000, 50_000, 50_000, 300_000]);
    assert_eq!(credit(&j7(), strict("full_path")), [450_000, 100_000, 225_000, 225_000]);
    // The published check of a half-life of seven days.
    let weekly = || OwnModel { half_life_days: Some(7), ..OwnModel::default() };
    assert_eq!(credit(&story(&[9, 6, 0, 0], 0, Some(0), 5_000), weekly()), [692, 932, 1_688, 1_688, 0]);
    let recent = OwnModel { lookback_days: Some(60), ..like("linear") };
    assert_eq!(credit(&j1(), recent), [0, 0, 333_334, 333_333, 333_333, 0]);
    let forms = OwnModel { eligible: Some("form_or_event".into()), ..like("linear") };
    assert_eq!(credit(&j1(), forms), [0, 1_000_000, 0, 0, 0, 0]);
    let pro_rata = OwnModel { empty_middle: Some("pro_rata".into()), ..like("j_shaped") };
    assert_eq!(credit(&story(&[60, 10], 0, Some(1), 1_000_000), pro_rata), [250_000, 750_000, 0]);
}

/// J1, whose deal comes to a stage between its touches, again before the close.
fn staged(stages: &[(i64, &str)]) -> Vec<Event<LeadRef>> {
    let mut events = story(&[120, 90, 60, 40, 3], 1, Some(3), 1_000_000).events();
    for (days, stage) in stages {
        let mut event = deal(&format!("staged-{days}"), CLOSE - days * DAY, DealKind::StageChanged, 1_000_000, &[]);
        if let Body::DealChanged(change) = &mut event.body {
            change.stage = Some(Text::from(*stage));
        }
        events.push(event);
    }
    events
}

#[test]
fn a_stage_of_the_deal_is_reached_with_the_first_event_that_names_it() {
    let proposal = |missing: Option<&str>| {
        let stages = [("proposal".to_owned(), 3)].into();
        let weights = Weights { first: 1, stages, ..Weights::default() };
        OwnModel { missing: missing.map(Into::into), ..weighing(weights) }
    };
    let twice = [(20, "proposal"), (10, "negotiation"), (1, "proposal")];
    assert_eq!(credit_of(staged(&twice), proposal(None)), [250_000, 0, 0, 750_000, 0, 0]);
    assert_eq!(credit_of(staged(&twice[1..]), proposal(None)), [250_000, 0, 0, 0, 750_000, 0]);
    assert_eq!(credit_of(staged(&[(10, "negotiation")]), proposal(None)), [1_000_000, 0, 0, 0, 0, 0]);
    assert_eq!(credit_of(staged(&[]), proposal(Some("unattributed"))), [250_000, 0, 0, 0, 0, 750_000]);
}

#[test]
fn a_stage_of_the_lead_is_reached_with_its_first_entry() {
    let mut story = story(&[120, 90, 60, 40, 3], 1, Some(3), 1_000_000).events();
    let update = |id: &str, days: i64, stage| {
        event(id, CLOSE - days * DAY, Body::LeadUpdated(LeadUpdated { stage: Some(stage), ..known() }))
    };
    use smarketing_kernel::event::Stage;
    story.push(update("mql", 50, Stage::Mql));
    story.push(update("sql", 1, Stage::Sql));
    let weights = Weights { mql: 1, sql: 1, ..Weights::default() };
    // The deal that opens after the fourth touch makes an SQL of everybody on it.
    assert_eq!(credit_of(story, weighing(weights)), [0, 0, 500_000, 500_000, 0, 0]);
}

#[test]
fn what_is_one_touch_counts_each_time_where_a_model_says_so() {
    let j1 = || story(&[120, 90, 60, 40, 3], 1, Some(3), 600_000);
    let each = |id| OwnModel { dedupe: Some("none".into()), ..like(id) };
    // The form of the second touch is the third in the journey.
    assert_eq!(credit(&j1(), each("linear")), [100_000, 100_000, 100_000, 100_000, 100_000, 100_000, 0]);
    assert_eq!(credit(&j1(), each("u_shaped")), [240_000, 30_000, 240_000, 30_000, 30_000, 30_000, 0]);
    assert_eq!(credit(&j1(), like("linear")), [120_000, 120_000, 120_000, 120_000, 120_000, 0]);
    let preset = |models: &[&str], model: &str| {
        let models = models.iter().map(|id| (*id).to_owned()).collect();
        revenue_by(&Definitions { models, ..Definitions::default() }, j1().events(), model)
    };
    assert_eq!(preset(&["hubspot"], "hubspot_linear"), [100_000; 6].into_iter().chain([0]).collect::<Vec<_>>());
    let both = ["linear", "hubspot_w_shaped", "ga4"];
    assert_eq!(preset(&both, "linear"), [120_000, 120_000, 0, 120_000, 120_000, 120_000, 0]);
    assert_eq!(preset(&both, "hubspot_w_shaped"), [180_000, 20_000, 180_000, 20_000, 180_000, 20_000, 0]);
}

#[test]
fn repeats_have_only_the_room_that_touches_leave() {
    let journey = |max| {
        let own_models = vec![OwnModel { id: "each".into(), dedupe: Some("none".into()), ..like("linear") }];
        let definitions = Definitions { journey_touches_max: max, own_models, ..Definitions::default() };
        let events = story(&[120, 90, 60, 40, 3], 1, Some(3), 600_000).events();
        let audit = audit(&definitions, &events).unwrap();
        same(&kernel(&definitions, events, 4).0, &audit);
        let won = audit.conversions.into_values().find(|conversion| conversion.kind == ConversionKind::Won).unwrap();
        let repeats: Vec<bool> = won.journey.iter().map(|touch| touch.repeat).collect();
        (repeats, won.truncated)
    };
    assert_eq!(journey(6), (vec![false, false, true, false, false, false, false], false));
    assert_eq!(journey(5), (vec![false; 6], true));
    assert_eq!(journey(4), (vec![false; 5], true));
}

/// A conversion as models see it that count a touch once.
fn without_repeats(mut row: Conversion) -> Conversion {
    let once: Vec<bool> = row.journey.iter().map(|touch| !touch.repeat).collect();
    let mut keep = once.iter().cycle();
    row.journey.retain(|_| *keep.next().unwrap());
    for amounts in row.credits.iter_mut().flat_map(|c| [&mut c.micro, &mut c.minor, &mut c.reporting]) {
        let mut keep = once.iter();
        amounts.retain(|_| *keep.next().unwrap());
    }
    row.truncated = false;
    row
}

#[test]
fn an_added_model_changes_nothing_of_the_others() {
    let (mut repeats, mut forms) = (0, 0);
    for seed in 0..200 {
        let definitions = workload::definitions(seed);
        let few = Definitions { models: vec!["linear".into()], own_models: vec![], ..definitions };
        let each = OwnModel { id: "each".into(), dedupe: Some("none".into()), ..like("last") };
        let more = Definitions { own_models: vec![each], ..few.clone() };
        let events = workload::events(seed, 70);
        let (before, _) = kernel(&few, events.clone(), 7);
        let (mut after, _) = kernel(&more, events, 7);
        let all = after.conversions.values().flat_map(|row| &row.journey);
        repeats += all.clone().filter(|touch| touch.repeat).count();
        forms += all.filter(|touch| touch.repeat && touch.kind == TouchKind::Form).count();
        for row in after.conversions.values_mut() {
            row.credits.truncate(1);
            *row = without_repeats(row.clone());
        }
        let mut before = before;
        before.conversions.values_mut().for_each(|row| row.truncated = false);
        let differences = before.differences(&after);
        assert!(differences.is_empty(), "seed {seed}: {}", differences[0]);
    }
    assert!(repeats > 100 && forms > 50, "{repeats} repeats, {forms} of them forms");
}
