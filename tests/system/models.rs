//! Models that an operator defines himself, from the configuration to the reports.

use crate::home::Home;
use serde_json::json;

/// A form filled in twice in one session, and a deal that comes to a stage after the first mail.
const STORY: &str = r#"{"event":"page_viewed","event_id":"e-1","occurred_at":"2026-03-01T09:30:00Z","visitor_id":"v-1","url":"https://acme.test/blog/ten-cures?utm_source=google&utm_medium=cpc"}
{"event":"form_submitted","event_id":"e-2","occurred_at":"2026-03-01T09:34:00Z","visitor_id":"v-1","email":"ada@copier.test","form_id":"ebook-costs","url":"https://acme.test/ebook/office-costs"}
{"event":"form_submitted","event_id":"e-3","occurred_at":"2026-03-01T09:36:00Z","visitor_id":"v-1","email":"ada@copier.test","form_id":"ebook-costs","url":"https://acme.test/ebook/office-costs"}
{"event":"deal_changed","event_id":"e-4","occurred_at":"2026-03-02T10:00:00Z","deal_id":"d-1","kind":"created","account_domain":"copier.test","contacts":[{"email":"ada@copier.test"}],"amount_minor":1000000,"currency":"USD"}
{"event":"email_engaged","event_id":"e-5","occurred_at":"2026-03-10T08:00:00Z","email":"ada@copier.test","kind":"clicked","campaign":"spring","link_url":"https://acme.test/pricing"}
{"event":"deal_changed","event_id":"e-6","occurred_at":"2026-03-12T10:00:00Z","deal_id":"d-1","kind":"stage_changed","stage":"Proposal sent"}
{"event":"deal_changed","event_id":"e-7","occurred_at":"2026-04-02T10:00:00Z","deal_id":"d-1","kind":"won"}
"#;

const MODELS: &str = r#"[definitions]
models = ["linear", "ga4_first"]

[[definitions.own_models]]
id = "proposal"
weights = { first = 1, stages = { "Proposal sent" = 3 } }

[[definitions.own_models]]
id = "each_time"
like = "linear"
dedupe = "none"
"#;

#[test]
fn own_models_stand_in_reports_beside_those_that_ship() {
    let home = Home::new();
    let (story, config) = (home.file("story.jsonl", STORY), home.file("smarketing.toml", MODELS));
    let config = config.to_str().unwrap();
    home.done(&["import", "events", story.to_str().unwrap(), "--config", config]);
    let asked = |arguments: &[&str]| home.done(&[arguments, &["--format", "json", "--config", config]].concat());
    let shown = asked(&["report", "models"]);
    let credit = |channel: &str, model: &str| {
        let row = shown.row(&json!({ "channel": channel }));
        row[model].as_str().unwrap().parse::<f64>().unwrap()
    };
    let models = ["linear", "ga4_first", "proposal", "each_time"];
    assert_eq!(models.map(|model| credit("Paid Search", model)), [6_666.67, 10_000.0, 2_500.0, 7_500.0]);
    assert_eq!(models[2..].iter().map(|model| credit("Email", model)).collect::<Vec<_>>(), [7_500.0, 2_500.0]);
    asked(&["report", "channels", "--model", "proposal"]).row(&json!({ "name": "Email", "credited_revenue": "7500" }));
    let unknown = home.run(&["report", "channels", "--model", "w_shaped", "--config", config]);
    assert!(unknown.code != 0 && unknown.errors.contains(&models.join(", ")), "{}", unknown.errors);
    // What one model counts each time is one touch everywhere else.
    let counted = "SELECT journey_length, (SELECT count() FROM touches) AS touches FROM conversions WHERE kind = 'won'";
    asked(&["query", counted]).row(&json!({ "journey_length": 3, "touches": 3 }));
    let deal = asked(&["deal", "d-1"]);
    let repeats = ["e-1", "e-2", "e-3"]
        .map(|touch| deal.row(&json!({ "kind": "won", "touch_id": touch }))["touch_repeat"].clone());
    assert_eq!(repeats, [json!(0), json!(0), json!(1)]);
    home.done(&["audit", "--config", config]);
}
