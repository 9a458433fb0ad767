//! What is gone comes back: rows that somebody deleted from ClickHouse, the store, a dead letter that was mended.

use crate::home::{Home, Up};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

fn filled(events: u32) -> Home {
    let home = Home::peppered();
    let events = events.to_string();
    let generated = home.done(&["generate", "--events", &events, "--seed", "13", "--ends", "2026-06-30"]).output;
    // Dead letters too: one of several that nobody can apply.
    let file = home.file("history.jsonl", generated + "{broken\n{\"event\":\"page_seen\"}\n");
    home.done(&["import", "events", file.to_str().unwrap()]);
    home
}

/// Runs statements as somebody who may write: on an engine of their own, on the tables of the first generation.
fn meddle(home: &Home, statements: &[&str]) {
    let key = "meddler";
    let mut child = Command::new(env!("CARGO_BIN_EXE_smarketing"))
        .args(["chbox", "--path", home.data().join("clickhouse").to_str().unwrap(), "--port", "0"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    use std::io::{BufRead as _, Write as _};
    let mut input = child.stdin.take().unwrap();
    writeln!(input, "{key}").unwrap();
    let mut said = String::new();
    std::io::BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut said).unwrap();
    let port = serde_json::from_str::<Value>(&said).unwrap()["port"].to_string();
    for statement in statements {
        let url = format!("http://127.0.0.1:{port}/?database=smarketing_g1&mutations_sync=2");
        let mut curl = Command::new("curl");
        curl.args([
            "--silent",
            "--show-error",
            "--fail-with-body",
            "--user",
            &format!("service:{key}"),
            "--data-binary",
        ]);
        let answer = curl.args([*statement, &url]).output().unwrap();
        assert!(answer.status.success(), "{statement}: {}", String::from_utf8_lossy(&answer.stdout));
    }
    drop(input);
    child.wait().unwrap();
}

/// Waits until the reconciler has compared, and answers what it says of the first partition.
fn reconciled(up: &Up) -> Value {
    let patience = Instant::now();
    loop {
        let said = up.status()["partitions"][0]["reconciled"].clone();
        if said["comparisons"].as_u64() > Some(0) {
            return said;
        }
        assert!(patience.elapsed() < Duration::from_secs(60), "nothing was compared: {said}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn rows_deleted_behind_our_back_come_back_and_it_says_so() {
    let home = filled(8_000);
    let before = home.digests();
    let rejects = home.query("SELECT stream, position, reason, bytes FROM rejects ORDER BY position");
    meddle(
        &home,
        &[
            "ALTER TABLE touches DELETE WHERE cityHash64(touch_id) % 3 = 0",
            "TRUNCATE TABLE leads",
            "ALTER TABLE conversions DELETE WHERE kind = 'won'",
            "ALTER TABLE credit_ledger DELETE WHERE entry % 2 = 0",
            "TRUNCATE TABLE rejects",
            "INSERT INTO deals (workspace, deal, partition, version, row_digest) VALUES ('default', 'not-ours', 0, 1, 7)",
            "INSERT INTO deals SELECT * REPLACE (amount_minor + 1 AS amount_minor, row_digest + 1 AS row_digest) FROM deals FINAL WHERE workspace = 'default' AND account != '' ORDER BY deal LIMIT 3",
        ],
    );
    let audit = home.run(&["audit", "--format", "json"]);
    assert_eq!(audit.code, 3, "{}", audit.output);
    audit.row(&json!({ "table": "leads", "found": 0, "extra": 0, "different": 0 }));
    audit.row(&json!({ "table": "deals", "missing": 0, "extra": 1, "different": 3 }));
    audit.row(&json!({ "table": "rejects", "expected": 2, "missing": 2 }));
    assert!(audit.errors.contains("'not-ours'"), "{}", audit.errors);

    let up = home.up();
    let said = reconciled(&up);
    assert_eq!(said["trouble"], Value::Null, "{said}");
    for table in ["touches", "leads", "conversions", "credit_ledger", "deals", "rejects"] {
        assert!(said["sent"][table].as_u64() > Some(0), "{table}: {said}");
    }
    assert_eq!(said["sent"].as_object().unwrap().len(), 6, "{said}");
    assert_eq!(said["buried"], json!({ "deals": 1 }));
    assert_eq!(up.stop(), Some(0));
    assert_eq!(home.digests(), before);
    assert_eq!(home.query("SELECT stream, position, reason, bytes FROM rejects ORDER BY position"), rejects);
    home.audited();

    // And nothing to say when nothing happened.
    let up = home.up();
    let said = reconciled(&up);
    assert_eq!((&said["sent"], &said["buried"]), (&json!({}), &json!({})), "{said}");
    assert_eq!(up.stop(), Some(0));
}

#[test]
fn a_store_that_is_gone_or_damaged_is_rebuilt() {
    let home = filled(40_000);
    let before = home.digests();
    let store = home.data().join("store/g1");
    std::fs::remove_dir_all(&store).unwrap();
    home.done(&["migrate"]);
    // Snapshots are taken of a running service; here at once.
    let mut up = home.command(&["up"]);
    up.env("SMARKETING__SERVICE__SNAPSHOT_SECONDS", "1");
    let up = home.up_with(up);
    up.settle();
    let snapshots = home.data().join("snapshots/g1");
    let patience = Instant::now();
    while files(&snapshots).is_empty() {
        assert!(patience.elapsed() < Duration::from_secs(30), "no snapshot was taken");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(up.stop(), Some(0));
    assert_eq!(home.digests(), before);
    home.audited();

    // Damage that is met when the store is opened.
    for file in files(&store.join("tree")) {
        std::fs::write(file, b"not what was written").unwrap();
    }
    let up = home.up();
    up.settle();
    assert_eq!(up.stop(), Some(0));
    assert!(home.data().join("store/g1.damaged").is_dir(), "the damaged store is kept for whoever wants to know why");
    assert_eq!(home.digests(), before);
    home.audited();
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.is_file()).collect()
}

#[test]
fn a_dead_letter_that_is_an_event_now_is_none_any_more() {
    let home = Home::new();
    // Event times may be a day ahead. One that is a little further is refused, and no longer so a little later.
    let at = now_ms() + 24 * 3_600_000 + 25_000;
    let line = format!(
        "{{\"event\":\"page_viewed\",\"event_id\":\"e-1\",\"occurred_at\":{at},\"visitor_id\":\"v\",\
         \"url\":\"https://acme.test/\"}}\n{{broken\n"
    );
    let file = home.file("events.jsonl", line);
    let imported = home.done(&["import", "events", file.to_str().unwrap(), "--format", "json"]);
    imported.row(&json!({ "records": 2, "applied": 0, "rejected": 2 }));
    let listed = || {
        let rows = home.done(&["rejects", "list", "--format", "json"]).rows();
        rows.iter().map(|row| row["records"].as_u64().unwrap()).sum::<u64>()
    };
    assert_eq!(listed(), 2);
    std::thread::sleep(Duration::from_millis(at.saturating_sub(now_ms() + 24 * 3_600_000)));
    // The running service does it for the command line.
    let up = home.up();
    let other = home.done(&["rejects", "retry", "--reason", "invalid_json"]).output;
    assert!(other.contains("1 dead letters: 0 applied, 0 already applied before, 1 still not events"), "{other}");
    let retried = home.done(&["rejects", "retry"]).output;
    assert!(retried.contains("2 dead letters: 1 applied, 0 already applied before, 1 still not events"), "{retried}");
    assert_eq!(listed(), 1);
    assert_eq!(up.stop(), Some(0));
    assert_eq!(home.query("SELECT count() AS views FROM web_events"), [json!({ "views": 1 })]);
    let again = home.done(&["rejects", "retry"]).output;
    assert!(again.contains("1 dead letters: 0 applied, 0 already applied before, 1 still not events"), "{again}");
    home.audited();
}

#[expect(clippy::disallowed_methods, reason = "the binary under test reads the same clock")]
fn now_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    u64::try_from(since.as_millis()).unwrap()
}
