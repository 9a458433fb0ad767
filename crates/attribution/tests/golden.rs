//! The worked journeys: what every model pays, to the cent.

use smarketing_attribution::*;

const DAY_MS: i64 = 86_400_000;
/// When every worked deal closes.
const CLOSE: i64 = 1000 * DAY_MS;

/// A worked journey: the positions of each touch ("FT+LC"), days before close, the amount in cents.
struct Worked {
    touches: Vec<Touch>,
    lead_created_at: i64,
    opened_at: Option<i64>,
}

/// Builds a journey in which each milestone happens right at its touch; one that no touch holds happens before all.
fn worked(positions: &str, days: &[i64]) -> Worked {
    let labels: Vec<&str> = positions.split(',').collect();
    assert_eq!(labels.len(), days.len());
    let touches: Vec<Touch> = days.iter().map(|d| touch(CLOSE - d * DAY_MS)).collect();
    let holder = |milestone| {
        let at = labels.iter().position(|l| l.split('+').any(|p| p == milestone));
        at.map_or(0, |i| touches[i].at)
    };
    let (lead_created_at, opened_at) = (holder("LC"), Some(holder("OC")));
    Worked { touches, lead_created_at, opened_at }
}

fn touch(at: i64) -> Touch {
    Touch { at, channel: 0, direct: false, paid: false, kind: Kind::Form, repeat: false }
}

impl Worked {
    fn journey(&self) -> Journey<'_> {
        Journey {
            touches: &self.touches,
            lead_created_at: Some(self.lead_created_at),
            opened_at: self.opened_at,
            closed_at: Some(CLOSE),
            stages: &[],
            converts_at: CLOSE,
            previous_close: None,
        }
    }
}

/// Cents of "3333.34", exactly.
fn cents(decimal: &str) -> i64 {
    let (whole, part) = decimal.split_once('.').unwrap_or((decimal, "00"));
    format!("{whole}{part:0<2}").parse().unwrap()
}

fn split(model: &Model, journey: &Journey<'_>, amount: i64) -> (Vec<i64>, i64) {
    let (mut shares, mut credits) = (Shares::new(), Vec::new());
    model.shares(journey, &mut shares);
    let rest = shares.split(amount, &mut credits);
    (credits, rest)
}

fn model(id: &str) -> Model {
    let marketo = || Model::preset("marketo_measure")?.into_iter().find(|m| m.id == id);
    Model::builtin(id).or_else(marketo).unwrap()
}

/// The columns of the table of worked journeys.
const COLUMNS: [&str; 7] =
    ["first", "marketo_measure_u_shaped", "u_shaped", "w_shaped", "full_path", "position", "time_decay"];

fn check(positions: &str, days: &[i64], amount: &str, rows: [&str; 7]) {
    let worked = worked(positions, days);
    for (id, expect) in COLUMNS.into_iter().zip(rows) {
        let expect: Vec<i64> = expect.split('/').map(cents).collect();
        let got = split(&model(id), &worked.journey(), cents(amount));
        assert_eq!(got, (expect, 0), "{id} of {positions}");
    }
}

#[test]
fn j1_to_j5() {
    check(
        "FT,LC,mid,OC,CW",
        &[120, 90, 60, 40, 3],
        "10000",
        [
            "10000/0/0/0/0",
            "5000/5000/0/0/0",
            "4000/4000/666.67/666.67/666.66",
            "3000/3000/500/3000/500",
            "2250/2250/1000/2250/2250",
            "4000/666.67/666.67/666.66/4000",
            "353.63/707.26/1414.52/2245.41/5279.18",
        ],
    );
    check("FT+LC+OC+CW", &[30], "10000", ["10000"; 7]);
    check(
        "FT+LC,OC+CW",
        &[60, 10],
        "10000",
        ["10000/0", "10000/0", "8000/2000", "6666.67/3333.33", "5000/5000", "5000/5000", "2395.32/7604.68"],
    );
    check(
        "FT,LC+OC+CW",
        &[60, 10],
        "10000",
        ["10000/0", "5000/5000", "5000/5000", "3333.33/6666.67", "2500/7500", "5000/5000", "2395.32/7604.68"],
    );
    check(
        "FT,LC,OC+CW",
        &[90, 60, 20],
        "10000",
        [
            "10000/0/0",
            "5000/5000/0",
            "4000/4000/2000",
            "3333.34/3333.33/3333.33",
            "2500/2500/5000",
            "4000/2000/4000",
            "1243.83/2487.66/6268.51",
        ],
    );
}

#[test]
fn j6_to_j10() {
    check(
        "FT+LC,mid,mid,OC,CW",
        &[100, 80, 50, 30, 5],
        "10000",
        [
            "10000/0/0/0/0",
            "10000/0/0/0/0",
            "8000/500/500/500/500",
            "6000/333.34/333.33/3000/333.33",
            "4500/500/500/2250/2250",
            "4000/666.67/666.67/666.66/4000",
            "505.52/802.46/1604.93/2547.67/4539.42",
        ],
    );
    check(
        "FT+LC,mid,CW",
        &[40, 20, 2],
        "10000",
        [
            "10000/0/0",
            "10000/0/0",
            "8000/1000/1000",
            "9000/500/500",
            "6000/1000/3000",
            "4000/2000/4000",
            "2002.62/3178.97/4818.41",
        ],
    );
    check(
        "FT,OC+CW",
        &[40, 20],
        "10000",
        ["10000/0", "10000/0", "8000/2000", "5000/5000", "3333.33/6666.67", "5000/5000", "3864.88/6135.12"],
    );
    check(
        "FT,LC,OC+CW",
        &[9, 6, 3],
        "100",
        ["100/0/0", "50/50/0", "40/40/20", "33.34/33.33/33.33", "25/25/50", "40/20/40", "31.05/33.28/35.67"],
    );
    check(
        "FT,LC,mid,mid,mid,OC,CW",
        &[7, 6, 5, 4, 3, 2, 1],
        "0.05",
        [
            "0.05/0/0/0/0/0/0",
            "0.03/0.02/0/0/0/0/0",
            "0.02/0.02/0.01/0/0/0/0",
            "0.02/0.02/0/0/0/0.01/0",
            "0.01/0.01/0.01/0/0/0.01/0.01",
            "0.02/0.01/0/0/0/0/0.02",
            "0/0/0.01/0.01/0.01/0.01/0.01",
        ],
    );
}

#[test]
fn j7_unattributed() {
    let worked = worked("FT+LC,mid,CW", &[40, 20, 2]);
    for (id, credits, rest) in [
        ("first", [10_000, 0, 0], 0),
        ("marketo_measure_u_shaped", [10_000, 0, 0], 0),
        ("u_shaped", [8000, 1000, 1000], 0),
        ("w_shaped", [6000, 500, 500], 3000),
        ("full_path", [4500, 1000, 2250], 2250),
    ] {
        let mut model = model(id);
        model.missing = Missing::Unattributed;
        let got = split(&model, &worked.journey(), 10_000);
        assert_eq!(got, (credits.to_vec(), rest), "{id}");
    }
}

#[test]
fn published_decay() {
    let worked = worked("FT,mid,mid,CW", &[9, 6, 0, 0]);
    let mut model = model("time_decay");
    model.rule = Rule::TimeDecay { half_life_s: 7 * 86_400 };
    let got = split(&model, &worked.journey(), 5000);
    assert_eq!(got, (vec![692, 932, 1688, 1688], 0));
}

#[test]
fn amount_changes_and_reopening() {
    let mut worked = worked("FT,LC,mid,OC,CW", &[120, 90, 60, 40, 3]);
    let w = |amount| split(&model("w_shaped"), &worked.journey(), amount).0;
    let (old, new) = (w(1_000_000), w(1_234_567));
    assert_eq!(new, [370_370, 370_370, 61_729, 370_370, 61_728]);
    let entries: Vec<i64> = new.iter().zip(&old).map(|(new, old)| new - old).collect();
    assert_eq!(entries, [70_370, 70_370, 11_729, 70_370, 11_728]);
    let taken_back = split(&model("full_path"), &worked.journey(), -1_000_000).0;
    assert_eq!(taken_back, [-225_000, -225_000, -100_000, -225_000, -225_000]);
    worked.touches.push(touch(CLOSE));
    let again = split(&model("full_path"), &worked.journey(), 800_000).0;
    assert_eq!(again, [180_000, 180_000, 40_000, 180_000, 40_000, 180_000]);
}

#[test]
fn largest_remainder() {
    let mut out = Vec::new();
    for (amount, weights, parts, rest) in [
        (1_800_000, &[31, 31, 30, 17][..], &[511_927, 511_926, 495_413, 280_734][..], 0),
        (-5, &[1, 1], &[-3, -2], 0),
        (7, &[0, 0], &[0, 0], 7),
        (7, &[], &[], 7),
        (i64::MIN, &[1], &[i64::MIN], 0),
        (i64::MIN, &[u64::MAX, u64::MAX], &[i64::MIN / 2, i64::MIN / 2], 0),
    ] {
        assert_eq!(apportion(amount, weights, &mut out), rest);
        assert_eq!(out, parts);
    }
}

/// Four touches 400, 300, 200 and 100 days before a close; the lead was created at the second, a deal of the same
/// people closed 250 days before, and nothing opened this one.
fn second_deal(model: &Model) -> (Vec<i64>, i64) {
    let worked = worked("FT,LC,mid,CW", &[400, 300, 200, 100]);
    let journey = Journey { previous_close: Some(CLOSE - 250 * DAY_MS), opened_at: None, ..worked.journey() };
    split(model, &journey, 1200)
}

#[test]
fn a_later_deal_expands_as_told() {
    let linear = |lookback_days: u64, expansion| {
        let mut model = model("linear");
        model.lookback_s = lookback_days * 86_400;
        model.expansion = expansion;
        second_deal(&model).0
    };
    assert_eq!(linear(1000, Expansion::Full), [300, 300, 300, 300]);
    assert_eq!(linear(1000, Expansion::Fresh), [0, 0, 600, 600]);
    assert_eq!(linear(1000, Expansion::Carry), [300, 300, 300, 300]);
    assert_eq!(linear(400, Expansion::Carry), [300, 300, 300, 300], "inclusive");
    assert_eq!(linear(399, Expansion::Carry), [0, 400, 400, 400]);
    let mut u_shaped = model("u_shaped");
    u_shaped.expansion = Expansion::Fresh;
    assert_eq!(second_deal(&u_shaped).0, [0, 0, 960, 240], "LC is gone, FT is the first fresh touch");
}

#[test]
fn switches_decide_who_counts() {
    let mut worked = worked("FT,LC,mid,OC,CW", &[5, 4, 3, 2, 1]);
    worked.touches[4].direct = true;
    worked.touches[1].paid = true;
    worked.touches[2].paid = true;
    worked.touches[0].repeat = true;
    worked.touches[3].kind = Kind::SelfReported;
    let check = |id: &str, change: fn(&mut Model), expect: [i64; 5], rest: i64| {
        let mut model = model(id);
        change(&mut model);
        let got = split(&model, &worked.journey(), 1200);
        assert_eq!(got, (expect.to_vec(), rest), "{id}");
    };
    check("first", |_| (), [0, 1200, 0, 0, 0], 0);
    check("first", |m| m.dedupe = Dedupe::None, [1200, 0, 0, 0, 0], 0);
    check("last", |_| (), [0, 0, 0, 0, 1200], 0);
    check("last_non_direct", |_| (), [0, 0, 1200, 0, 0], 0);
    check("last_non_direct", |m| m.self_reported = true, [0, 0, 0, 1200, 0], 0);
    check("last_non_direct", |m| m.lookback_s = 86_400, [0, 0, 0, 0, 1200], 0);
    check("first_paid", |_| (), [0, 1200, 0, 0, 0], 0);
    check("last_paid", |_| (), [0, 0, 1200, 0, 0], 0);
    check("last_paid", |m| m.lookback_s = 86_400, [0; 5], 1200);
    check("linear", |_| (), [0, 400, 400, 0, 400], 0);
    check("linear", |m| m.lookback_s = 0, [0; 5], 1200);
    check("influenced", |_| (), [0, 1200, 1200, 0, 1200], 0);
    check("influenced", |m| m.lookback_s = 0, [0; 5], 1200);
    let effects = |m: &mut Model| m.rule = Rule::Effects([(0, 7)].into());
    check("linear", effects, [0, 400, 400, 0, 400], 0);
    check("linear", |m| m.rule = Rule::Effects([(9, 7)].into()), [0; 5], 1200);
}

#[test]
fn the_middle_credits_who_is_eligible() {
    let mut worked = worked("FT+LC,mid,mid,mid,OC+CW", &[9, 8, 7, 6, 5]);
    worked.touches[1].kind = Kind::Visit;
    worked.touches[2].kind = Kind::Click;
    let w = |eligibility| {
        let mut model = model("w_shaped");
        model.eligibility = eligibility;
        split(&model, &worked.journey(), 1200).0
    };
    assert_eq!(w(Eligibility::Any), [720, 40, 40, 40, 360]);
    assert_eq!(w(Eligibility::Engaged), [720, 0, 60, 60, 360]);
    assert_eq!(w(Eligibility::FormOrEvent), [720, 0, 0, 120, 360]);
}

#[test]
fn vendors_differ_where_they_say() {
    let preset = |name: &str, id: &str| {
        let models = Model::preset(name).unwrap();
        models.into_iter().find(|model| model.id == id).unwrap()
    };
    let two = worked("FT+LC,OC+CW", &[60, 10]);
    let adobe = split(&preset("adobe", "adobe_j_shaped"), &two.journey(), 1200);
    assert_eq!(adobe, (vec![300, 900], 0));
    let ours = split(&model("j_shaped"), &two.journey(), 1200);
    assert_eq!(ours, (vec![360, 840], 0));
    let mut five = worked("FT,LC,mid,OC,CW", &[50, 40, 30, 20, 10]);
    five.touches[0].kind = Kind::Visit;
    five.touches[2].kind = Kind::Visit;
    five.touches[4].kind = Kind::Visit;
    let w = split(&preset("dreamdata", "dreamdata_w_shaped"), &five.journey(), 1000);
    assert_eq!(w, (vec![300, 150, 100, 150, 300], 0));
}

#[test]
fn custom_models_name_any_stage() {
    let worked = worked("FT,mid,mid,CW", &[40, 30, 20, 10]);
    let stages = [(7, CLOSE - 15 * DAY_MS), (8, CLOSE + 1)];
    let journey = Journey { stages: &stages, ..worked.journey() };
    let held = [(Position::Stage(7), 50), (Position::Stage(8), 30), (Position::Close, 20)];
    let model = Model::custom("ours", &held, 0).unwrap();
    assert_eq!(split(&model, &journey, 700), (vec![0, 0, 500, 200], 0));
    assert_eq!(Model::custom("none", &[], 0), Err(Error::Weights(0)));
}

#[test]
fn lead_conversions_lack_what_has_not_happened() {
    let worked = worked("FT,LC,OC,CW", &[40, 30, 20, 10]);
    let journey = Journey { converts_at: CLOSE - 30 * DAY_MS, ..worked.journey() };
    assert_eq!(split(&model("full_path"), &journey, 1200).0, [600, 600, 0, 0]);
    assert_eq!(split(&model("last"), &journey, 1200).0, [0, 1200, 0, 0]);
}
