//! `kill -9` at any moment: nothing is lost, nothing is doubled.

use crate::home::Home;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Events of the history that is imported under fire.
const EVENTS: &str = "40000";

fn history(home: &Home) -> String {
    let generated = home.done(&["generate", "--events", EVENTS, "--seed", "11", "--ends", "2026-06-30"]);
    home.file("history.jsonl", generated.output).to_str().unwrap().to_owned()
}

#[test]
fn killed_imports_end_where_an_undisturbed_one_does() {
    let quiet = Home::peppered();
    let file = history(&quiet);
    quiet.done(&["import", "events", &file]);
    let expected = quiet.digests();

    let stormy = Home::peppered();
    // Moments spread over start, journalling, settling and delivery; the last run is left alone.
    for round in 0..8_u64 {
        let mut child = stormy.command(&["import", "events", &file]).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(250 + round * 270));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    stormy.done(&["import", "events", &file]);
    assert_eq!(stormy.digests(), expected);
}

#[test]
fn a_killed_engine_is_started_again_and_gets_what_it_missed() {
    let quiet = Home::peppered();
    let file = history(&quiet);
    quiet.done(&["import", "events", &file]);
    let expected = quiet.digests();

    let stormy = Home::peppered();
    let mut child = stormy.command(&["import", "events", &file]).spawn().unwrap();
    // Once something is journalled the engine has been up.
    while journalled(&stormy) == 0 {
        assert!(child.try_wait().unwrap().is_none(), "the import ended before it began");
        std::thread::sleep(Duration::from_millis(20));
    }
    for _ in 0..4 {
        std::thread::sleep(Duration::from_millis(250));
        // The engine's child process carries the path of this home in its arguments.
        let pattern = format!("chbox.*{}", stormy.data().display());
        let _nobody_left = Command::new("pkill").args(["-9", "-f", &pattern]).status().unwrap();
    }
    assert!(child.wait().unwrap().success());
    assert_eq!(stormy.digests(), expected);
}

#[test]
fn a_torn_journal_opens_and_loses_only_what_nobody_was_told() {
    let home = Home::new();
    let file = history(&home);
    home.done(&["import", "events", &file]);
    let last = &last_segment(&home.data().join("journal"));
    // A block that was being written when the power went.
    let mut bytes = std::fs::read(last).unwrap();
    let torn = bytes[..64.min(bytes.len())].to_vec();
    bytes.extend(torn);
    std::fs::write(last, bytes).unwrap();
    let before = home.digests();
    home.done(&["import", "events", &file]);
    assert_eq!(home.digests(), before);
}

fn journalled(home: &Home) -> u64 {
    let journal = home.data().join("journal");
    let segment = if journal.is_dir() { last_segment(&journal) } else { journal };
    std::fs::metadata(segment).map_or(0, |found| if found.is_file() { found.len() } else { 0 })
}

/// The newest segment of the journal's only partition.
fn last_segment(journal: &Path) -> PathBuf {
    let inside = |folder: PathBuf| std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let lanes = inside(journal.to_path_buf()).filter(|path| path.is_dir());
    let files = lanes.flat_map(inside).filter(|path| path.extension().is_some_and(|end| end == "segment"));
    files.max().unwrap_or_else(|| journal.to_path_buf())
}
