//! The conversion watch over the real engine: cohorts counted by it, evaluations kept in it.

use crate::report::text;
use crate::rows::{day, entry, lead, now, text as word};
use crate::server::{Envelopes, ask, holding, run};
use smarketing_kernel::event::Stage;
use smarketing_kernel::row::{LeadEvent, Rows};
use smarketing_kernel::time::Timestamp;
use smarketing_kernel::watch::{Dimension, Settings, State};
use smarketing_warehouse::report::Scope;

/// Twenty leads a day for 160 days, half of them from ads; eight are qualified by sales three days later. Of the last
/// 28 days' ads none is.
fn funnel() -> Rows {
    let mut rows = Rows { partition: 0, version: 1, ..Rows::default() };
    for (at, number) in (0..160).flat_map(|at| (0..20).map(move |number| (at, number))) {
        let id = format!("{:032x}", at * 100 + number);
        let channel = if number % 2 == 0 { "Paid Search" } else { "Email" };
        let mut mql = entry(&id, day(at), Stage::Mql, Stage::Lead);
        mql.channel = word(channel);
        let mut sql = entry(&id, day(at + 3), Stage::Sql, Stage::Mql);
        sql.channel = word(channel);
        rows.leads.push(now(lead(&id, "", channel, "any")));
        rows.stage_entries.push(now(mql));
        if number < 8 && at + 3 < 160 && (number % 2 == 1 || at < 132) {
            rows.stage_entries.push(now(sql));
        }
    }
    rows
}

/// A verdict of some lead on each of some days: the stream of sales is alive.
fn heard(days: std::ops::Range<i64>) -> Rows {
    let said = |at: i64| LeadEvent {
        workspace: word("w"),
        lead: word("0f"),
        occurred_at: day(at),
        event_id: word(&format!("e-{at}")),
        event: word("verdict_rejected"),
        campaign: word("(none)"),
        content: word("(none)"),
        rep: word("rep-1"),
        detail: word("(none)"),
    };
    Rows { partition: 0, version: 2, lead_events: days.map(|at| now(said(at))).collect(), ..Rows::default() }
}

#[test]
fn a_drop_becomes_an_alarm_that_names_its_channel() {
    run(async {
        let warehouse = holding("watch", &[funnel(), heard(0..160)]).await;
        let settings = Settings::default();
        let today = day(159).day();
        let yesterday = day(158).day();
        let first = warehouse.watch("w", &settings, yesterday, Timestamp(1)).await.unwrap();
        let second = warehouse.watch("w", &settings, today, Timestamp(2)).await.unwrap();
        let whole = |found: &[smarketing_kernel::watch::Evaluation]| {
            let whole = |one: &&smarketing_kernel::watch::Evaluation| {
                one.segment.dimension == Dimension::All && one.next_stage == Stage::Sql && one.stage == Stage::Mql
            };
            found.iter().find(whole).unwrap().clone()
        };
        assert_eq!((whole(&first).state, whole(&first).alarm), (State::Fell, false));
        assert_eq!((whole(&second).state, whole(&second).alarm), (State::Fell, true));
        let again = warehouse.watch("w", &settings, today, Timestamp(3)).await.unwrap();
        assert_eq!(again, second, "the same day again finds the same");

        let sql = "SELECT state, alarm, alarm_since, cause_dimension, cause_value, round(cause_share, 2) FROM conversion_watch
            WHERE day = '2026-08-07' AND stage = 'mql' AND next_stage = 'sql' AND dimension = 'all'";
        assert_eq!(ask(&warehouse, sql).await, "fell\t1\t2026-08-07\tchannel\tPaid Search\t1");
        let report = text(&warehouse.watched(&Scope::all("w")).await.unwrap());
        assert!(report[1].starts_with("2026-08-07|mql|sql|all|(all)|fell|1|2026-08-07|"), "{report:?}");
        assert!(report.iter().any(|line| line.contains("|channel|Paid Search|fell|1|")), "{report:?}");
        assert!(!report.iter().any(|line| line.contains("|channel|Email|")), "{report:?}");
        assert!(warehouse.watch("x", &settings, today, Timestamp(4)).await.unwrap().is_empty());
    });
}

#[test]
fn a_stream_that_is_silent_raises_nothing() {
    run(async {
        let warehouse = holding("silent", &[funnel(), heard(0..130)]).await;
        for at in 158..160 {
            let found = warehouse.watch("w", &Settings::default(), day(at).day(), Timestamp(at)).await.unwrap();
            let sql = found.iter().filter(|one| one.next_stage == Stage::Sql);
            assert!(sql.clone().count() > 1);
            assert!(sql.clone().all(|one| one.state == State::Late && !one.alarm));
        }
        // The stream catches up: what it brings is judged.
        warehouse.insert(&[heard(130..160)], &Envelopes).await.unwrap();
        let found = warehouse.watch("w", &Settings::default(), day(159).day(), Timestamp(200)).await.unwrap();
        assert!(found.iter().any(|one| one.state == State::Fell));
    });
}
