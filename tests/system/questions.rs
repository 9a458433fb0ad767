//! One deal from its first page view to its ledger: every answer leads back to event ids.

use crate::home::Home;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;

/// The three lines of the contract's own example, and what surrounds them.
const STORY: &str = r#"{"event":"page_viewed","event_id":"e-1","occurred_at":"2026-03-01T09:30:00Z","visitor_id":"v-1","url":"https://acme.test/blog/ten-cures?utm_source=google&utm_medium=cpc","referrer":"https://www.google.com/"}
{"event":"form_submitted","event_id":"e-2","occurred_at":"2026-03-01T09:34:00Z","visitor_id":"v-1","email":"Ada@Copier.test","form_id":"ebook-costs","url":"https://acme.test/ebook/office-costs","fields":{"title":"Administrative assistant","full_name":"Ada Copier"}}
{"event":"email_engaged","event_id":"e-3","occurred_at":"2026-03-10T08:00:00Z","email":"ada@copier.test","kind":"clicked","campaign":"spring","link_url":"https://acme.test/pricing","visitor_id":"v-1"}
{"event":"page_viewed","event_id":"e-4","occurred_at":"2026-03-10T08:01:00Z","visitor_id":"v-1","url":"https://acme.test/pricing"}
{"event":"lead_reviewed","event_id":"e-5","occurred_at":"2026-03-11T08:00:00Z","email":"ada@copier.test","verdict":"qualified","rep":"sam"}
{"event":"deal_changed","event_id":"e-6","occurred_at":"2026-03-12T10:00:00Z","deal_id":"d-1","kind":"created","account_domain":"copier.test","contacts":[{"email":"ada@copier.test","role":"primary"}],"amount_minor":900000,"currency":"USD"}
{"event":"deal_changed","event_id":"e-9","occurred_at":"2026-04-02T10:00:00Z","deal_id":"d-1","kind":"won","account_domain":"copier.test","contacts":[{"email":"ada@copier.test","role":"primary"}],"amount_minor":1000000,"currency":"USD"}
"#;

#[test]
fn a_deal_is_explained_down_to_event_ids() {
    let home = Home::new();
    let file = home.file("story.jsonl", STORY);
    home.done(&["import", "events", file.to_str().unwrap()]);
    let deal = home.done(&["deal", "d-1", "--format", "json"]);
    deal.row(&json!({ "deal": "d-1", "account": "copier.test", "outcome": "won", "amount": "10000" }));
    // First touch, lead creation and opportunity creation are three touches: 30 / 30 / 30 and nothing in the middle.
    let journey = |touch: &str| deal.row(&json!({ "kind": "won", "touch_id": touch }));
    let credit = |touch: &str, model: &str| journey(touch)[model].as_str().unwrap().parse::<f64>().unwrap();
    assert_eq!((credit("e-1", "first"), credit("e-3", "first")), (10_000.0, 0.0));
    assert_eq!(journey("e-1")["channel"], "Paid Search");
    assert_eq!(journey("e-2")["touch_kind"], "form");
    assert_eq!((&journey("e-3")["channel"], &journey("e-3")["content"]), (&json!("Email"), &json!("/pricing")));
    assert_eq!(
        [credit("e-1", "w_shaped"), credit("e-2", "w_shaped"), credit("e-3", "w_shaped")],
        [3_333.34, 3_333.33, 3_333.33]
    );
    let lead = home.done(&["lead", "ADA@copier.test", "--format", "json"]);
    lead.row(&json!({ "email": "ada@copier.test", "stage": "customer", "touches": 3, "account": "copier.test" }));
    lead.row(&json!({ "what": "verdict_qualified", "event_id": "e-5", "rep": "sam" }));
    assert!(!lead.output.contains("Ada Copier"), "what names somebody stays sealed");
    assert_eq!(home.run(&["lead", "nobody@copier.test"]).code, 1);
    assert_eq!(home.run(&["deal", "d-2"]).code, 1);
}

#[test]
fn corrections_are_ledger_entries_and_a_replay_tells_the_same_story() {
    let home = Home::new();
    let story = home.file("story.jsonl", STORY);
    home.done(&["import", "events", story.to_str().unwrap()]);
    let raised = r#"{"event":"deal_changed","event_id":"e-10","occurred_at":"2026-04-03T10:00:00Z","deal_id":"d-1","kind":"updated","amount_minor":1234567}"#;
    home.pipe(&["import", "events", "-"], raised.as_bytes());
    let ledger = home.query(
        "SELECT reason, touch_id, sum(credit_minor) AS minor FROM credit_ledger \
         WHERE conversion = 'won:d-1' AND model = 'first' GROUP BY ALL ORDER BY reason",
    );
    assert_eq!(
        ledger,
        [
            json!({ "reason": "amount_changed", "touch_id": "e-1", "minor": 234567 }),
            json!({ "reason": "converted", "touch_id": "e-1", "minor": 1000000 }),
        ]
    );
    let before = home.digests();
    home.done(&["replay"]);
    assert_eq!(home.digests(), before);
    // Other definitions are refused until they are replayed.
    let config = home.file("other.toml", "[definitions]\nmodels = [\"first\", \"linear\"]\nversion = \"two\"\n");
    let config = config.to_str().unwrap();
    let refused = home.run(&["import", "events", story.to_str().unwrap(), "--config", config]);
    assert!(refused.code == 1 && refused.errors.contains("smarketing replay"), "{}", refused.errors);
    home.done(&["replay", "--config", config]);
    assert_eq!(home.query("SELECT uniqExact(model) AS models FROM credits"), [json!({ "models": 2 })]);
}

#[test]
fn readers_may_read_and_nothing_else() {
    let home = Home::new();
    let file = home.file("story.jsonl", STORY);
    home.done(&["import", "events", file.to_str().unwrap()]);
    for sql in [
        "DROP TABLE smarketing_g1.touches",
        "SELECT * FROM file('/etc/passwd')",
        "INSERT INTO smarketing_g1.rejects (stream) VALUES ('x')",
    ] {
        assert_eq!(home.run(&["query", sql]).code, 1, "{sql}");
    }
    assert_eq!(home.query("SELECT count() AS touches FROM touches"), [json!({ "touches": 3 })]);
}

#[test]
fn models_run_on_a_path_file_without_the_service() {
    let home = Home::new();
    let paths = home.file(
        "paths.csv",
        "path,conversions,value,nulls\nsearch > email,3,3000,1\nsearch,1,1000,3\n\
        social > search,2,2000,2\nsocial,0,0,4\nemail,2,2000,2\n",
    );
    let ran = home.done(&["attribute", "--paths", paths.to_str().unwrap(), "--model", "markov", "--format", "json"]);
    let answer: serde_json::Value = serde_json::from_str(&ran.output).unwrap();
    let value = |index: usize| (answer["channels"][index]["value"].as_f64().unwrap() * 100.0).round() / 100.0;
    assert_eq!([value(0), value(1), value(2)], [3_243.24, 3_567.57, 1_189.19]);
    assert_eq!((&answer["model"], &answer["order"]), (&json!("markov"), &json!(1)));
    assert_eq!(home.run(&["attribute", "--paths", paths.to_str().unwrap(), "--model", "best"]).code, 1);
}

/// The views show nothing of them at once; what readers of the tables behind them could still find goes, too.
#[test]
fn who_was_forgotten_is_in_no_version_of_a_row() {
    let home = Home::new();
    let file = home.file("story.jsonl", STORY);
    home.done(&["import", "events", file.to_str().unwrap()]);
    let named = || home.query("SELECT count() AS rows FROM smarketing_g1.leads WHERE email != ''")[0]["rows"].clone();
    assert_eq!(named(), 1);
    let forget = r#"{"event":"erasure_requested","event_id":"e-10","occurred_at":"2026-05-01T00:00:00Z","email":"ada@copier.test"}"#;
    home.done(&["import", "events", home.file("forget.jsonl", forget).to_str().unwrap()]);
    assert_eq!(named(), 0);
    assert_eq!(home.query("SELECT erased FROM leads"), [json!({ "erased": 1 })]);
}

/// Whoever reads our output may leave when it has read enough: that is no error, and no reason to stop serving.
#[test]
fn a_reader_that_leaves_is_no_error() {
    let home = Home::new();
    let paths = home.file("paths.csv", "path,conversions,value,null_conversions\na > b,1,100,0\n");
    let file = home.file("story.jsonl", STORY);
    home.done(&["import", "events", file.to_str().unwrap()]);
    let attribute = ["attribute", "--paths", paths.to_str().unwrap(), "--model", "linear"];
    let verbs: [&[&str]; 4] = [&attribute, &["migrate"], &["rejects", "retry"], &["report", "channels"]];
    for arguments in verbs {
        let mut child = home.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let ended = child.wait_with_output().unwrap();
        assert!(ended.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&ended.stderr));
    }
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = home.command(&["up"]);
    let up = home.up_beside(command.stdout(writer));
    up.settle();
    assert_eq!(up.stop(), Some(0));
}

/// Whether these words are anywhere below a folder.
fn holds(folder: &Path, words: &str) -> bool {
    std::fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        let found = |bytes: Vec<u8>| bytes.windows(words.len()).any(|window| window == words.as_bytes());
        if path.is_dir() { holds(&path, words) } else { found(std::fs::read(&path).unwrap()) }
    })
}

#[test]
fn what_names_somebody_is_nowhere_in_the_data_directory() {
    // Words that no compression shortens: what is readable is found.
    let told = r#"{"event":"lead_updated","event_id":"e-1","occurred_at":"2026-03-01T09:30:00Z","email":"ada@copier.test","attributes":{"full_name":"Jq9Zx7Wv2KpU","Mobile":"Hf3Lr8Tb6YdN","title":"VP Vk5Qm1Xz8GwR","origin_source":"Ps4Cn9Ej2ToB","declared_monthly_revenue":"Dw6Ua3Iy7MhF"}}
{"event":"form_submitted","event_id":"e-2","occurred_at":"2026-03-01T09:34:00Z","email":"ada@copier.test","form_id":"f","fields":{"full_name":"Bt8Xe2Gz5RqL","company_size":"201-500 Nk7Sv4Oc9AjP"}}"#;
    let home = Home::new();
    let file = home.file("told.jsonl", told);
    home.done(&["import", "events", file.to_str().unwrap()]);
    for clear in ["Vk5Qm1Xz8GwR", "Ps4Cn9Ej2ToB", "Dw6Ua3Iy7MhF", "Nk7Sv4Oc9AjP"] {
        assert!(holds(&home.data(), clear), "{clear} is to stay readable");
    }
    for private in ["Jq9Zx7Wv2KpU", "Hf3Lr8Tb6YdN", "Bt8Xe2Gz5RqL"] {
        assert!(!holds(&home.data(), private), "{private} lies in the clear");
    }
    let lead = home.done(&["lead", "ada@copier.test", "--format", "json"]);
    lead.row(&json!({ "email": "ada@copier.test", "persona": "executive" }));
}

/// Rows of an answer by the table they say they are of.
fn tables(rows: &[Value]) -> BTreeMap<&str, usize> {
    let mut tables = BTreeMap::new();
    rows.iter().for_each(|row| *tables.entry(row["table"].as_str().unwrap()).or_default() += 1);
    tables
}

#[test]
fn of_several_tables_every_row_says_which_it_is_of() {
    let home = Home::new();
    let file = home.file("story.jsonl", STORY);
    home.done(&["import", "events", file.to_str().unwrap()]);
    let deal = home.done(&["deal", "d-1", "--format", "json"]).rows();
    let found = tables(&deal);
    assert_eq!(found.keys().copied().collect::<Vec<_>>(), ["changes", "conversions", "deal", "journey", "ledger"]);
    assert_eq!((found["deal"], found["changes"], found["conversions"], found["journey"]), (1, 2, 2, 8));
    let lead = home.done(&["lead", "ada@copier.test", "--format", "json"]).rows();
    assert_eq!(tables(&lead)["lead"], 1);
    let channels = home.done(&["report", "channels", "--format", "json"]).rows();
    assert_eq!(tables(&channels).keys().copied().collect::<Vec<_>>(), ["by_channel", "by_source"]);
    // One table is told apart from none.
    let channels = home.done(&["report", "channels", "--by", "channel", "--format", "json"]);
    assert!(channels.output.starts_with("{\"name\":"), "{}", channels.output);
    // Spreadsheets want one header, and as many cells in every row.
    let csv = home.done(&["deal", "d-1", "--format", "csv"]).output;
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    assert_eq!(reader.headers().unwrap().iter().take(3).collect::<Vec<_>>(), ["table", "deal", "account"]);
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let named = rows.iter().map(|row| row.get(0).unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(named, deal.iter().map(|row| row["table"].as_str().unwrap().to_owned()).collect::<Vec<_>>());
}

#[test]
fn a_question_that_makes_no_sense_is_wrong_usage() {
    let home = Home::new();
    let file = home.file("story.jsonl", STORY);
    home.done(&["import", "events", file.to_str().unwrap()]);
    for (words, said) in [
        ("report models --kind deal", "[possible values: lead, mql, sql, opportunity, won]"),
        ("report roi --model best", "there is no model \"best\"; there are first, last, "),
        ("report funnel --model first", "report funnel does not take --model; it takes --by, --from, --to"),
        ("report spend --hours 4", "report spend does not take --hours; it takes --model, --by, --from, --to"),
        ("report sla --hours 0", "0 is not in 1.."),
        (
            "report channels --by score",
            "report channels does not tell \"score\" apart; it knows channel, source, campaign",
        ),
        ("report lost --from 2026-03-02 --to 2026-03-01", "--from 2026-03-02 is after --to 2026-03-01"),
        ("report lost --from 1.3.2026", "\"1.3.2026\" is not a day such as"),
        ("report goal", "a goal needs a revenue to reach: --target"),
    ] {
        let ran = home.run(&words.split(' ').collect::<Vec<_>>());
        assert!(ran.code == 2 && ran.errors.contains(said), "{words}: {} {}", ran.code, ran.errors);
        assert!(ran.output.is_empty(), "{words}: {}", ran.output);
    }
    // Days are days: the deal was won on the second of the month.
    let won = |from: &str, to: &str| {
        let ran = home.done(&["report", "roi", "--from", from, "--to", to, "--format", "json"]);
        ran.rows().iter().map(|row| row["won"].as_str().unwrap().parse::<f64>().unwrap()).sum::<f64>()
    };
    assert_eq!([won("2026-04-01", "2026-04-01"), won("2026-04-02", "2026-04-02")], [0.0, 1.0]);
}

/// Three deals of as much as 64 bits hold, won by one channel.
#[test]
fn sums_of_large_amounts_lose_no_digit() {
    let home = Home::new();
    let won = |number: u32| {
        STORY.lines().last().unwrap().replace("e-9", &format!("w-{number}")).replace("d-1", &format!("d-{number}"))
    };
    let deals: String = (1..=3).map(|number| won(number).replace("1000000", &i64::MAX.to_string()) + "\n").collect();
    let before: String = STORY.lines().take(4).map(|line| line.to_owned() + "\n").collect();
    let file = home.file("large.jsonl", before + &deals);
    home.done(&["import", "events", file.to_str().unwrap()]);
    let booked = home.done(&["report", "reconciliation", "--format", "json"]);
    assert_eq!(
        booked.output.matches("\"booked_minor\":27670116110564327421,\"credited_minor\":27670116110564327421").count(),
        28
    );
    let channels = ["report", "channels", "--by", "channel", "--format"];
    let (json, table) =
        (home.done(&[&channels[..], &["json"]].concat()), home.done(&[&channels[..], &["table"]].concat()));
    let row = json.row(&json!({ "name": "Paid Search" }));
    assert_eq!(row["revenue"], "276701161105643274.21");
    assert_eq!(row["credited_revenue"], "276701161105643274.21");
    assert!(table.output.contains("276,701,161,105,643,274.21"), "{}", table.output);
    let credit =
        home.query("SELECT toString(credit_minor) AS minor FROM attribution WHERE model = 'first' AND kind = 'won'");
    assert_eq!(credit, [json!({ "minor": "27670116110564327421" })]);
    home.audited();
}
