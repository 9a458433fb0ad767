//! Disks that are full, that may not be written, and that did not write what they said.
//!
//! A full disk is a small tmpfs in a mount namespace of the test's own; where the system gives nobody one, the test
//! says so and is not run.

use crate::crash::last_segment;
use crate::home::Home;
use std::path::Path;
use std::process::{Command, Stdio};

fn lines(events: u64) -> Vec<u8> {
    let home = Home::new();
    let events = events.to_string();
    home.done(&["generate", "--events", &events, "--seed", "12", "--ends", "2026-06-30"]).output.into_bytes()
}

/// Runs a shell script as root of a namespace of its own, where it may mount; `None` where the system forbids that.
fn in_namespace(home: &Home, script: &str) -> Option<(i32, String)> {
    let unshare = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount", "sh", "-c", script]).stdin(Stdio::null());
        command
    };
    let allowed = "mkdir -p /tmp && mount -t tmpfs tmpfs /tmp";
    if !unshare(allowed).stderr(Stdio::null()).status().is_ok_and(|status| status.success()) {
        eprintln!("not run: this system lets nobody make a user and mount namespace (unshare --user --mount)");
        return None;
    }
    std::fs::create_dir_all(home.data()).unwrap();
    let ran = unshare(script)
        .env("DATA", home.data())
        .env("SMARKETING", env!("CARGO_BIN_EXE_smarketing"))
        .env("SMARKETING__CLICKHOUSE__DURABLE", "false")
        .env("SMARKETING__COLLECTOR__LISTEN", "127.0.0.1:0")
        .current_dir(home.data().parent().unwrap())
        .output()
        .unwrap();
    let said = String::from_utf8([ran.stdout, ran.stderr].concat()).unwrap();
    Some((ran.status.code().unwrap_or(-1), said))
}

#[test]
fn a_full_disk_stops_the_import_and_space_lets_it_go_on() {
    let home = Home::new();
    home.file("history.jsonl", lines(20_000));
    // Whatever does not fit first — journal, vault, store or tables — the import fails or waits; never is it done. In the
    // foreground, the end of whoever is killed is waited for: until then it holds the journal.
    let script = r#"
        mount -t tmpfs -o size=$SIZE tmpfs "$DATA" || exit 90
        timeout --foreground --signal=KILL 6 "$SMARKETING" --data-dir "$DATA" import events history.jsonl
        echo "first: $?"
        mount -o remount,size=2g "$DATA" || exit 91
        "$SMARKETING" --data-dir "$DATA" import events history.jsonl || exit 92
        "$SMARKETING" --data-dir "$DATA" audit || exit 93
    "#;
    for size in ["2m", "4m"] {
        let Some((code, said)) = in_namespace(&home, &script.replace("$SIZE", size)) else { return };
        assert_eq!(code, 0, "{size}: {said}");
        assert!(!said.contains("first: 0"), "{size} were enough: {said}");
        assert!(said.contains("No space left on device") || said.contains("first: 137"), "{size}: {said}");
        assert!(!said.contains("panicked"), "{size}: {said}");
    }
}

#[test]
fn a_disk_that_becomes_full_while_the_service_waits_needs_no_restart() {
    let home = Home::new();
    home.file("history.jsonl", lines(20_000));
    // The tables do not fit; the import waits for the warehouse and ends well when there is room.
    let script = r#"
        mount -t tmpfs -o size=4m tmpfs "$DATA" || exit 90
        (sleep 8; mount -o remount,size=2g "$DATA") &
        "$SMARKETING" --data-dir "$DATA" import events history.jsonl || "$SMARKETING" --data-dir "$DATA" import events history.jsonl || exit 92
        wait
        "$SMARKETING" --data-dir "$DATA" audit || exit 93
    "#;
    if let Some((code, said)) = in_namespace(&home, script) {
        assert_eq!(code, 0, "{said}");
    }
}

#[test]
fn a_directory_that_may_not_be_written_is_named_and_untouched() {
    let home = Home::new();
    let file = home.file("history.jsonl", lines(2_000));
    home.done(&["import", "events", file.to_str().unwrap()]);
    let before = home.digests();
    let script = r#"
        mount --bind "$DATA" "$DATA" && mount -o remount,bind,ro "$DATA" || exit 90
        "$SMARKETING" --data-dir "$DATA" import events history.jsonl
    "#;
    if let Some((code, said)) = in_namespace(&home, script) {
        assert_eq!(code, 1, "{said}");
        assert!(said.contains("Read-only file system"), "{said}");
        assert!(said.contains(home.data().to_str().unwrap()), "the place is named: {said}");
    }
    assert_eq!(home.digests(), before);
    home.audited();
}

#[test]
fn a_torn_journal_opens_and_loses_only_what_nobody_was_told() {
    let home = Home::new();
    let file = home.file("history.jsonl", lines(5_000));
    home.done(&["import", "events", file.to_str().unwrap()]);
    let last = last_segment(&home.data().join("journal")).unwrap();
    // A block that was being written when the power went.
    let mut bytes = std::fs::read(&last).unwrap();
    let torn = bytes[..64.min(bytes.len())].to_vec();
    bytes.extend(torn);
    std::fs::write(&last, bytes).unwrap();
    let before = home.digests();
    home.done(&["import", "events", file.to_str().unwrap()]);
    assert_eq!(home.digests(), before);
    home.audited();
}

#[test]
fn a_journal_that_lost_its_end_is_refused_until_it_is_replayed() {
    let home = Home::new();
    let file = home.file("history.jsonl", lines(5_000));
    home.done(&["import", "events", file.to_str().unwrap()]);
    let last = last_segment(&home.data().join("journal")).unwrap();
    let length = std::fs::metadata(&last).unwrap().len();
    truncate(&last, length - 20);
    let refused = home.run(&["import", "events", file.to_str().unwrap()]);
    assert_eq!(refused.code, 1, "{}", refused.output);
    assert!(refused.errors.contains("smarketing replay"), "{}", refused.errors);
    home.done(&["replay"]);
    home.audited();
    home.done(&["import", "events", file.to_str().unwrap()]);
    home.audited();
}

fn truncate(path: &Path, length: u64) {
    std::fs::OpenOptions::new().write(true).open(path).unwrap().set_len(length).unwrap();
}
