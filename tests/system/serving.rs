//! The running service: collector in, answers out while it runs, a stop that loses nothing.

use crate::home::Home;
use serde_json::json;
use std::process::Command;

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

/// Every report over HTTP is, byte by byte, what the command line prints; what is wrong is told with what is allowed.
#[test]
fn consoles_read_what_the_command_line_prints() {
    let home = Home::new();
    let history = home.done(&["generate", "--events", "3000", "--seed", "5", "--ends", "2026-06-30"]).output;
    let file = home.file("history.jsonl", history);
    home.done(&["import", "events", file.to_str().unwrap()]);
    let up = home.up();
    let ended = "&to=2026-06-30";
    let mut answered = 0;
    for (name, options) in [
        ("channels", "by=campaign&model=linear"),
        ("content", "model=last"),
        ("funnel", "by=account_segment"),
        ("velocity", "by=rep&from=2026-02-01"),
        ("recycled", ""),
        ("sla", "hours=8"),
        ("verdicts", "by=score"),
        ("lost", "by=account_segment"),
        ("goal", "target=1000000"),
        ("spend", "by=month"),
        ("roi", ""),
        ("models", "kind=won"),
        ("watch", ""),
        ("paths", ""),
        ("reconciliation", ""),
    ] {
        let flags = format!("{options}{ended}").replace("&&", "&");
        let flags = flags.split('&').filter(|flag| !flag.is_empty()).map(|flag| format!("--{flag}"));
        let flags: Vec<String> = flags.collect();
        let mut words = vec!["report", name, "--format", "json"];
        words.extend(flags.iter().map(String::as_str));
        let printed = home.done(&words).output;
        let (status, answer) = up.ask(&format!("/v1/reports/{name}?{options}{ended}"));
        assert_eq!(status, 200, "{name}: {answer}");
        // The clock of hand-offs that wait goes on from one answer to the next.
        let comparable = |text: &str| if name == "sla" { text.lines().count().to_string() } else { text.to_owned() };
        assert_eq!(comparable(&answer), comparable(&printed), "{name}");
        answered += usize::from(!printed.is_empty());
    }
    assert!(answered > 10, "most reports say something: {answered}");
    let refused = |path: &str, expect: u16, said: &[&str]| {
        let (status, answer) = up.ask(path);
        assert_eq!(status, expect, "{answer}");
        assert!(said.iter().all(|word| answer.contains(word)), "{answer}");
    };
    refused("/v1/reports/fun", 400, &["funnel", "velocity", "goal"]);
    refused("/v1/reports/funnel?by=colour", 400, &["channel", "account_segment"]);
    refused("/v1/reports/funnel?by=score", 400, &["score", "channel, source"]);
    refused("/v1/reports/roi?model=best", 400, &["first, last"]);
    refused("/v1/reports/roi?config=/etc/passwd", 400, &["--config", "model, by, kind"]);
    refused("/v1/reports/goal", 400, &["target"]);
    refused("/v1/reports/models?kind=deal", 400, &["lead, mql, sql, opportunity, won"]);
    refused("/v1/reports/roi?hours=8", 400, &["report roi does not take --hours; it takes --model, --from, --to"]);
    refused("/v1/reports/roi?from=2026-03-02&to=2026-03-01", 400, &["--from 2026-03-02 is after --to 2026-03-01"]);
    refused("/v1/reports/funnel?from=yesterday", 400, &["yesterday"]);
    refused("/v1/leads/nobody%40copier.test", 404, &["nobody@copier.test"]);
    refused("/v1/deals/--help", 404, &["--help"]);
    let deals = home.query("SELECT deal, contacts[1] AS lead FROM deals WHERE outcome = 'won' ORDER BY deal LIMIT 1");
    for (verb, path, id) in [("deal", "deals", &deals[0]["deal"]), ("lead", "leads", &deals[0]["lead"])] {
        let id = id.as_str().unwrap();
        let printed = home.done(&[verb, id, "--format", "json"]).output;
        assert_eq!(up.ask(&format!("/v1/{path}/{id}")), (200, printed));
    }
    assert!(up.get("/v1/reports/funnel")["remedy"].is_string(), "not without a token");
    assert_eq!(up.stop(), Some(0));
}

/// What a browser asks before a page of another origin may send, and what it looks for in the answer.
#[test]
fn pages_of_configured_origins_may_send_events() {
    let home = Home::new();
    home.file("smarketing.toml", "[collector]\norigins = [\"https://acme.test\"]\n");
    let up = home.up();
    let preflight = |origin: &str| {
        let url = format!("{}/v1/events", up.url("collector"));
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--include", "--request", "OPTIONS", "--header", &format!("Origin: {origin}")]);
        curl.args(["--header", "Access-Control-Request-Method: POST"]);
        curl.args(["--header", "Access-Control-Request-Headers: content-type", &url]);
        String::from_utf8(curl.output().expect("curl is needed").stdout).unwrap().to_lowercase()
    };
    let allowed = preflight("https://acme.test");
    for said in ["204", "access-control-allow-origin: https://acme.test", "allow-headers: content-type"] {
        assert!(allowed.contains(said), "{said} in {allowed}");
    }
    let refused = preflight("https://evil.test");
    assert!(refused.contains("403") && refused.contains("collector.origins"), "{refused}");
    assert!(!refused.contains("access-control-allow"), "{refused}");
    assert_eq!(up.stop(), Some(0));
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
