//! What the watch says in situations people know.

use super::funnel::{Chance, Entry, Funnel, HISTORY, START, STEADY, series, watched};
use smarketing_kernel::event::Stage;
use smarketing_kernel::text::Text;
use smarketing_kernel::time::Day;
use smarketing_kernel::watch::{Dimension, Evaluation, Segment, Settings, State, Step, evaluate};

const BUSY: Funnel = Funnel { daily: 60.0, channels: 4, ..STEADY };

fn alarms(rounds: &[Vec<Evaluation>]) -> Vec<bool> {
    rounds.iter().map(|round| round[0].alarm).collect()
}

#[test]
fn the_same_arguments_find_the_same() {
    let entries = BUSY.draw(HISTORY, &mut Chance(1));
    let step = [BUSY.step(&entries)];
    let once = evaluate(&Settings::default(), Day(START + HISTORY), &[], &step);
    let again = evaluate(&Settings::default(), Day(START + HISTORY), &once, &step);
    assert_eq!(once, again, "an evaluation of the same day is no evaluation before");
}

#[test]
fn a_lasting_drop_stays_an_alarm_and_a_recovery_ends_it() {
    let mut entries = BUSY.draw(HISTORY, &mut Chance(2));
    let fallen = Funnel { rate: STEADY.rate * 0.6, ..BUSY };
    let later = |by: i32| {
        move |entry: Entry| Entry { day: entry.day + by, converts: entry.converts.map(|at| at + by), ..entry }
    };
    entries.extend(fallen.draw(63, &mut Chance(3)).into_iter().map(later(HISTORY)));
    entries.extend(BUSY.draw(40, &mut Chance(4)).into_iter().map(later(HISTORY + 63)));
    let alarms = alarms(&watched(&Settings::default(), &BUSY.step(&entries), HISTORY..HISTORY + 100));
    let changes: Vec<usize> = (1..alarms.len()).filter(|day| alarms[*day] != alarms[day - 1]).collect();
    let [raised, ended] = changes[..] else { panic!("it flaps: {changes:?}") };
    assert!(raised < 21, "{raised}");
    assert!((64..95).contains(&ended), "{ended}");
}

#[test]
fn a_drop_that_lasts_becomes_the_new_normal() {
    let funnel = Funnel { drop: Some((HISTORY, 0.6)), channels: 0, ..BUSY };
    let entries = funnel.draw(HISTORY + 130, &mut Chance(5));
    let rounds = watched(&Settings::default(), &funnel.step(&entries), HISTORY..HISTORY + 130);
    let raised = rounds.iter().position(|round| round[0].alarm).unwrap();
    let ended = raised + rounds[raised..].iter().position(|round| !round[0].alarm).unwrap();
    assert_eq!(ended - raised, 90);
    assert!(rounds[ended..].iter().all(|round| !round[0].alarm));
}

/// Conversions stop being told: the stream that brings them is silent from a day on.
#[test]
fn a_silent_stream_is_late_and_not_a_drop() {
    let mut entries = BUSY.draw(HISTORY + 20, &mut Chance(6));
    for entry in &mut entries {
        entry.converts = entry.converts.filter(|at| *at < HISTORY);
    }
    let mut step = BUSY.step(&entries);
    let told = watched(&Settings::default(), &step, HISTORY..HISTORY + 20);
    assert!(told[19][0].alarm, "the stream speaks and nobody converts: that is a drop");

    step.heard.retain(|day| day.0 <= START + HISTORY);
    let silent = watched(&Settings::default(), &step, HISTORY..HISTORY + 20);
    assert!(silent.iter().flatten().all(|evaluation| !evaluation.alarm && evaluation.state != State::Fell));
    assert_eq!((silent[3][0].state, silent[4][0].state), (State::Steady, State::Late));
}

#[test]
fn a_new_definition_is_not_a_drop() {
    let funnel = Funnel { drop: Some((HISTORY, 0.5)), channels: 0, ..BUSY };
    let entries = funnel.draw(HISTORY + 60, &mut Chance(7));
    let mut step = funnel.step(&entries);
    for cohort in step.series[0].cohorts.iter_mut().filter(|cohort| cohort.day.0 >= START + HISTORY) {
        cohort.definition = Text::from("2");
    }
    let rounds = watched(&Settings::default(), &step, HISTORY..HISTORY + 60);
    assert_eq!(rounds[0][0].state, State::Steady);
    assert_eq!(rounds[1][0].state, State::Redefined);
    assert!(alarms(&rounds).iter().all(|alarm| !alarm));
    assert_eq!(rounds[59][0].state, State::Steady, "by now there is history under the new ones");
}

#[test]
fn few_leads_say_nothing() {
    let funnel = Funnel { daily: 0.3, drop: Some((HISTORY - 30, 0.0)), ..STEADY };
    let entries = funnel.draw(HISTORY, &mut Chance(8));
    let found = watched(&Settings::default(), &funnel.step(&entries), HISTORY..HISTORY + 1);
    assert_eq!((found[0][0].state, found[0][0].reading), (State::Few, None));
}

/// The cause of a drop four weeks ago, when `change` was made to the entries since.
fn cause(change: impl Fn(&mut Vec<Entry>)) -> Option<(Segment, bool)> {
    let mut entries = Funnel { daily: 120.0, ..BUSY }.draw(HISTORY, &mut Chance(9));
    change(&mut entries);
    let mut step = BUSY.step(&entries);
    // By persona everybody fares alike.
    let persona = |number: u32| {
        let its = entries.iter().enumerate().filter(move |(at, _)| u32::try_from(at % 2).unwrap() == number);
        series(Dimension::Persona, &format!("persona {number}"), its.map(|(_, entry)| entry))
    };
    step.series.extend([persona(0), persona(1)]);
    let found = evaluate(&Settings::default(), Day(START + HISTORY), &[], &[step]);
    assert_eq!(found[0].state, State::Fell, "{:?}", found[0]);
    found[0].cause.clone().map(|cause| (cause.segment, cause.mix))
}

fn channel(number: u32) -> Segment {
    Segment { dimension: Dimension::Channel, value: Text::from(format!("channel {number}")) }
}

#[test]
fn the_channel_that_fell_is_named() {
    let fell = |entries: &mut Vec<Entry>| {
        for entry in entries.iter_mut().filter(|entry| entry.channel == 2 && entry.day >= HISTORY - 28) {
            entry.converts = None;
        }
    };
    assert_eq!(cause(fell), Some((channel(2), false)));
}

#[test]
fn a_flood_of_bad_leads_is_named_as_such() {
    // Channel 3 never converted; in the last weeks it brings four times as many.
    let flood = |entries: &mut Vec<Entry>| {
        entries.iter_mut().filter(|entry| entry.channel == 3).for_each(|entry| entry.converts = None);
        let more: Vec<Entry> = entries
            .iter()
            .filter(|entry| entry.channel == 3 && entry.day >= HISTORY - 28)
            .flat_map(|entry| (0..3).map(|_| Entry { converts: None, ..*entry }))
            .collect();
        entries.extend(more);
    };
    assert_eq!(cause(flood), Some((channel(3), true)));
}

#[test]
fn a_drop_that_all_share_has_no_culprit() {
    let even = |entries: &mut Vec<Entry>| {
        let since = entries.iter_mut().filter(|entry| entry.day >= HISTORY - 28 && entry.converts.is_some());
        since.enumerate().filter(|(at, _)| at % 5 < 2).for_each(|(_, entry)| entry.converts = None);
    };
    assert_eq!(cause(even), None);
}

#[test]
fn segments_alarm_on_their_own() {
    let mut entries = Funnel { daily: 200.0, ..BUSY }.draw(HISTORY + 30, &mut Chance(10));
    for entry in entries.iter_mut().filter(|entry| entry.channel == 1 && entry.day >= HISTORY) {
        entry.converts = None;
    }
    let step: Step = BUSY.step(&entries);
    let rounds = watched(&Settings::default(), &step, HISTORY..HISTORY + 30);
    let standing: Vec<_> = rounds[29].iter().filter(|found| found.alarm).map(|found| &*found.segment.value).collect();
    assert_eq!(standing, ["(all)", "channel 1"]);
    assert_eq!(rounds[29][0].stage, Stage::Mql);
}
