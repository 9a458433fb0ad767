//! Data directories of other releases: opened, or refused with the command that rebuilds them.

use crate::home::Home;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

fn layout(home: &Home) -> PathBuf {
    home.data().join("layout.json")
}

fn change(home: &Home, key: &str, value: &Value) {
    let mut layout_now: Value = serde_json::from_slice(&std::fs::read(layout(home)).unwrap()).unwrap();
    layout_now[key] = value.clone();
    std::fs::write(layout(home), layout_now.to_string()).unwrap();
}

fn filled() -> (Home, String) {
    let home = Home::peppered();
    let generated = home.done(&["generate", "--events", "2000", "--seed", "14", "--ends", "2026-06-30"]).output;
    let file = home.file("history.jsonl", generated).to_str().unwrap().to_owned();
    home.done(&["import", "events", &file]);
    (home, file)
}

#[test]
fn what_another_logic_built_is_refused_until_it_is_replayed() {
    let (home, file) = filled();
    let before = home.digests();
    change(&home, "logic", &json!(1));
    change(&home, "release", &json!("0.0.9"));
    for verb in [&["import", "events", file.as_str()][..], &["up"], &["audit"], &["migrate"]] {
        let refused = home.run(verb);
        assert_eq!(refused.code, 1, "{verb:?}: {}", refused.output);
        assert!(refused.errors.contains("0.0.9") && refused.errors.contains("smarketing replay"), "{}", refused.errors);
    }
    let checked = home.run(&["check"]);
    assert_eq!(checked.code, 3);
    assert!(checked.errors.contains("smarketing replay"), "{}", checked.errors);
    // Readers are not kept waiting for it.
    assert_eq!(home.query("SELECT count() > 0 AS there FROM leads"), [json!({ "there": 1 })]);
    home.done(&["replay"]);
    assert_eq!(home.digests(), before);
    home.audited();
    home.done(&["import", "events", &file]);
    assert_eq!(home.digests(), before);
    let generation: Value = serde_json::from_slice(&std::fs::read(layout(&home)).unwrap()).unwrap();
    assert_eq!(generation["generation"], 2);
    assert!(!home.data().join("store/g1").exists(), "the old generation's store is gone");
}

#[test]
fn other_definitions_are_told_to_every_partition() {
    let home = Home::peppered().with(&[("SERVICE__PARTITIONS", "3")]);
    let generated = home.done(&["generate", "--events", "4000", "--seed", "14", "--ends", "2026-06-30"]).output;
    let file = home.file("history.jsonl", generated);
    home.done(&["import", "events", file.to_str().unwrap()]);
    // The journal still has what subjects told each other by the rules of before.
    let home = home.with(&[("DEFINITIONS__CHANNELS", "[{ channel = \"Strange\", medium = \"cpc\" }]")]);
    home.done(&["replay"]);
    home.audited();
    let strange = home.query("SELECT count() > 0 AS there FROM touches WHERE channel = 'Strange'");
    assert_eq!(strange, [json!({ "there": 1 })]);
}

#[test]
fn another_format_is_refused_with_the_release_that_reads_it() {
    let (home, file) = filled();
    change(&home, "format", &json!(99));
    change(&home, "release", &json!("9.9.9"));
    let refused = home.run(&["import", "events", &file]);
    assert_eq!(refused.code, 1);
    assert!(refused.errors.contains("format 99") && refused.errors.contains("9.9.9"), "{}", refused.errors);
    std::fs::write(layout(&home), "{").unwrap();
    let refused = home.run(&["import", "events", &file]);
    assert!(refused.code == 1 && refused.errors.contains("layout.json"), "{}", refused.errors);
}

#[test]
fn a_replay_that_is_killed_leaves_readers_where_they_were_and_starts_over() {
    let (home, _) = filled();
    let before = home.digests();
    for wait in [300, 700, 1_100, 1_500, 1_900] {
        let mut child = home.command(&["replay"]).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(wait));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(home.digests(), before, "after {wait} ms");
    }
    home.done(&["replay"]);
    assert_eq!(home.digests(), before);
    home.audited();
}

/// Journal, vault, pepper and layout as release 0.1 wrote them, without what follows from them. Made by
/// `SMARKETING_BLESS=1`; once released it is never made anew, but joined by the next.
const RELEASE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/release-0.1.tar.gz");

/// What the fixture holds.
const HELD: &[(&str, u64)] = &[("web_events", 1), ("touches", 2), ("leads", 1), ("deals", 1), ("rejects", 1)];

const EVENTS: &str = r#"{"event":"page_viewed","event_id":"e-1","occurred_at":"2026-03-01T09:30:00Z","visitor_id":"v-1","url":"https://acme.test/blog/ten-cures?utm_source=google&utm_medium=cpc"}
{"event":"form_submitted","event_id":"e-2","occurred_at":"2026-03-01T09:34:00Z","visitor_id":"v-1","email":"ada@copier.test","form_id":"ebook-costs","url":"https://acme.test/ebook/office-costs","fields":{"title":"Administrative assistant"}}
{"event":"deal_changed","event_id":"e-9","occurred_at":"2026-04-02T10:00:00Z","deal_id":"d-1","kind":"won","account_domain":"copier.test","contacts":[{"email":"ada@copier.test","role":"primary"}],"amount_minor":1000000,"currency":"USD"}
{broken
"#;

fn tar(arguments: &[&str], folder: &Path) {
    assert!(Command::new("tar").args(arguments).current_dir(folder).status().unwrap().success());
}

#[test]
fn a_directory_of_the_last_release_opens_or_is_replayed() {
    if std::env::var_os("SMARKETING_BLESS").is_some() {
        let home = Home::peppered();
        let file = home.file("events.jsonl", EVENTS);
        home.done(&["import", "events", file.to_str().unwrap()]);
        std::fs::create_dir_all(Path::new(RELEASE).parent().unwrap()).unwrap();
        tar(&["-czf", RELEASE, "journal", "vault", "pepper", "layout.json"], &home.data());
    }
    let home = Home::new();
    std::fs::create_dir_all(home.data()).unwrap();
    tar(&["-xzf", RELEASE], &home.data());
    let opened = home.run(&["migrate"]);
    if opened.code != 0 {
        assert!(opened.errors.contains("smarketing replay"), "{}", opened.errors);
        home.done(&["replay"]);
    }
    let nothing = home.file("nothing.jsonl", "");
    home.done(&["import", "events", nothing.to_str().unwrap()]);
    let audited = home.audited();
    for held in HELD {
        assert!(audited.iter().any(|(table, rows)| (table.as_str(), *rows) == *held), "{held:?}: {audited:?}");
    }
    assert_eq!(home.query("SELECT email FROM leads"), [json!({ "email": "ada@copier.test" })]);
}

/// With another pepper the same address is another person: nobody may begin with one by mistake.
#[test]
fn a_directory_is_not_worked_with_another_pepper_than_its_own() {
    let (home, file) = filled();
    let before = home.digests();
    let pepper = home.data().join("pepper");
    let own = std::fs::read(&pepper).unwrap();
    let must_refuse = |home: &Home, why: &str| {
        let bob: [&[&str]; 3] = [&["import", "events", &file], &["replay"], &["lead", "bob@acme.test"]];
        for arguments in bob {
            let refused = home.run(arguments);
            assert!(refused.code == 1 && refused.errors.contains(why), "{arguments:?}: {}", refused.errors);
        }
    };
    std::fs::remove_file(&pepper).unwrap();
    must_refuse(&home, "the pepper of the data directory is gone");
    assert!(!pepper.exists(), "another was drawn");
    std::fs::write(&pepper, [8; 32]).unwrap();
    must_refuse(&home, "the pepper is not the one");
    let found = home.run(&["check"]);
    assert!(found.code == 3 && found.errors.contains("the pepper is not the one"), "{}", found.errors);
    std::fs::write(&pepper, [8; 5]).unwrap();
    must_refuse(&home, "5 bytes instead of 32");
    std::fs::write(&pepper, own).unwrap();

    // An earlier release did not note whose the directory is: the first start does.
    change(&home, "pepper", &json!(""));
    home.done(&["import", "events", &file]);
    let noted: Value = serde_json::from_slice(&std::fs::read(layout(&home)).unwrap()).unwrap();
    assert_ne!(noted["pepper"], json!(""));
    let other = home.file("other", [9; 32]);
    let home = home.with(&[("PRIVACY__PEPPER_FILE", other.to_str().unwrap())]);
    must_refuse(&home, "the pepper is not the one");
    let home = home.with(&[("PRIVACY__PEPPER_FILE", "")]);
    home.done(&["replay"]);
    assert_eq!(home.digests(), before);
}

#[test]
fn a_question_to_an_empty_directory_leaves_it_empty() {
    let home = Home::new();
    std::fs::create_dir_all(home.data()).unwrap();
    let refused = home.run(&["lead", "ada@copier.test"]);
    assert!(refused.code == 1 && refused.errors.contains("there is no data yet"), "{}", refused.errors);
    assert_eq!(std::fs::read_dir(home.data()).unwrap().count(), 0);
}
