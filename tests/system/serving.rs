//! The running service: collector in, answers out while it runs, a stop that loses nothing.

use crate::home::Home;
use serde_json::json;

fn lead(number: u32) -> String {
    format!(
        "{{\"event\":\"form_submitted\",\"event_id\":\"f-{number}\",\"occurred_at\":\"2026-03-01T09:30:00Z\",\
         \"email\":\"p{number}@copier.test\",\"form_id\":\"f\",\"url\":\"https://acme.test/demo?utm_source=google&utm_medium=cpc\"}}\n"
    )
}

#[test]
fn what_the_collector_takes_is_there_after_a_restart() {
    let home = Home::new();
    let body = home.file("body", (0..50).map(lead).collect::<String>() + "{broken\n");
    let up = home.up();
    let (status, answer) = up.post("/v1/events", &["Content-Type: application/x-ndjson"], &body);
    assert_eq!((status, &answer["accepted"], &answer["rejected"]), (200, &json!(50), &json!(1)), "{answer}");
    up.settle();
    // The command line asks the running service's engine.
    assert_eq!(home.query("SELECT count() AS leads FROM leads"), [json!({ "leads": 50 })]);
    home.done(&["report", "channels", "--by", "channel", "--format", "json"])
        .row(&json!({ "name": "Paid Search", "leads": 50 }));
    // And has it import for it.
    let more = home.file("more.jsonl", (40..60).map(lead).collect::<String>());
    let imported = home.done(&["import", "events", more.to_str().unwrap(), "--format", "json"]);
    imported.row(&json!({ "records": 20, "applied": 10, "duplicates": 10 }));
    assert_eq!(up.stop(), Some(0));
    assert!(!home.data().join("service.json").exists());
    assert_eq!(home.query("SELECT count() AS leads FROM leads"), [json!({ "leads": 60 })]);
}

#[test]
fn only_one_process_has_the_data() {
    let home = Home::new();
    let up = home.up();
    let second = home.run(&["up"]);
    assert_eq!(second.code, 1);
    assert!(second.errors.contains(&up.child.id().to_string()), "the other process is named: {}", second.errors);
    assert_eq!(home.run(&["replay"]).code, 1);
    assert_eq!(up.stop(), Some(0));
}
