//! The conversion watch from the outside: events in, an alarm out, on the command line and at the monitor.

use crate::home::{Home, Up};
use crate::monitor::Monitor;
use serde_json::json;
use std::fmt::Write as _;
use std::process::Command;
use std::time::{Duration, Instant};

/// Twelve leads a day are marketing-qualified from the first of March on, half of them by ads; three days later sales
/// qualifies six of them, until on the 140th day those by ads are all turned down. Sales says something every day.
fn history() -> String {
    const MARCH: u64 = 1_740_787_200_000;
    let day = |at: u64| MARCH + at * 86_400_000 + 36_000_000;
    let mut lines = String::new();
    for (at, number) in (0..175).flat_map(|at| (0..12).map(move |number| (at, number))) {
        let (id, ads) = (at * 100 + number, number % 2 == 0);
        let (medium, at_3) = (if ads { "cpc" } else { "email" }, day(at + 3));
        let verdict = if number < 6 && (at < 140 || !ads) { "qualified" } else { "rejected" };
        writeln!(
            lines,
            "{{\"event\":\"form_submitted\",\"event_id\":\"f-{id}\",\"occurred_at\":{},\"email\":\"p{id}@c{id}.test\",\
             \"form_id\":\"f\",\"url\":\"https://acme.test/demo?utm_source=google&utm_medium={medium}\"}}\n\
             {{\"event\":\"lead_updated\",\"event_id\":\"u-{id}\",\"occurred_at\":{},\"email\":\"p{id}@c{id}.test\",\"stage\":\"mql\"}}\n\
             {{\"event\":\"lead_reviewed\",\"event_id\":\"r-{id}\",\"occurred_at\":{at_3},\"email\":\"p{id}@c{id}.test\",\
             \"verdict\":\"{verdict}\",\"reason\":\"fit\",\"rep\":\"sam\"}}",
            day(at),
            day(at) + 60_000,
        )
        .unwrap();
    }
    lines
}

fn metrics(up: &Up) -> String {
    let url = format!("{}/metrics", up.url("collector"));
    let answer = Command::new("curl").args(["--silent", "--fail", &url]).output().expect("curl is needed");
    assert!(answer.status.success());
    String::from_utf8(answer.stdout).unwrap()
}

fn patiently(mut done: impl FnMut() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < Duration::from_secs(30), "waited in vain");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_drop_is_found_named_and_measured() {
    let home = Home::new();
    home.file("smarketing.toml", "[watch]\nevery_minutes = 0\n");
    let file = home.file("history.jsonl", history());
    home.done(&["import", "events", file.to_str().unwrap()]);
    // Before the drop all is quiet; from the 165th day on it is not.
    let quiet = home.done(&["watch", "--day", "2025-07-17", "--format", "json"]);
    quiet.row(&json!({ "stage": "mql", "next_stage": "sql", "value": "(all)", "state": "steady", "alarm": 0 }));
    home.done(&["watch", "--day", "2025-08-12", "--format", "json"]);
    let fallen = home.done(&["watch", "--day", "2025-08-13", "--format", "json"]);
    let step = fallen.row(&json!({ "stage": "mql", "next_stage": "sql", "value": "(all)" }));
    assert_eq!(
        (&step["state"], &step["alarm"], &step["alarm_since"]),
        (&json!("fell"), &json!(1), &json!("2025-08-13"))
    );
    assert_eq!(step["cause"], "channel Paid Search");

    let up = home.up();
    // What is right or wrong with the books is told whether or not the watch goes by itself.
    let books = "smarketing_reconciliation_wrong_rows 0";
    patiently(|| metrics(&up).lines().any(|line| line == books));
    let monitor = Monitor::start(up.url("collector").trim_start_matches("http://"));
    home.done(&["watch", "--day", "2025-07-17"]);
    monitor.scraped(4);
    assert!(!monitor.told("ConversionFell"), "a quiet funnel pages nobody");
    let told = home.done(&["watch", "--day", "2025-08-14", "--format", "json"]);
    told.row(&json!({ "stage": "mql", "next_stage": "sql", "value": "(all)", "alarm": 1 }));
    let text = metrics(&up);
    let alarm = "smarketing_watch_alarm{dimension=\"all\",next_stage=\"sql\",stage=\"mql\",value=\"(all)\"} 1";
    for line in [alarm, books, "smarketing_records_total{outcome=\"rejected\"} 0"] {
        assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
    }
    monitor.tells("ConversionFell");
    drop(monitor);
    // Another process delivered the 6 300 events.
    assert!(text.contains("smarketing_records_total{outcome=\"applied\"} 0"), "{text}");
    let applied = home.query("SELECT count() AS leads FROM leads");
    assert_eq!(applied, [json!({ "leads": 2_100 })]);
    // The clock of a hand-off that took three days runs out after a working day.
    let sla = home.done(&["report", "sla", "--format", "json"]).row(&json!({ "rep": "sam", "handoffs": 2_100 }));
    assert!(sla["late"].as_u64().unwrap() > 1_000, "{sla}");
    let content = home.done(&["report", "content", "--format", "json"]);
    content.row(&json!({ "content": "/demo", "leads": 2_100, "mqls": 2_100, "stands": "as its peers" }));
    for name in ["funnel", "velocity", "recycled", "verdicts", "lost", "spend"] {
        home.done(&["report", name, "--by", "channel", "--format", "json"]);
    }
    home.done(&["report", "goal", "--target", "100000"]);
    assert_eq!(home.run(&["report", "goal"]).code, 2);
    assert_eq!(up.stop(), Some(0));
}
