//! `kill -9` at any moment: nothing is lost, nothing is doubled, and the audit finds no difference.
//!
//! `SMARKETING_STORM_EVENTS` and `SMARKETING_STORM_KILLS` make the storm longer, `SMARKETING_STORM_SEED` makes it
//! another one.

use crate::home::{Home, engine_of, kill};
use std::path::{Path, PathBuf};
use std::time::Duration;

fn asked(what: &str, default: u64) -> u64 {
    let asked = std::env::var(format!("SMARKETING_STORM_{what}")).ok();
    asked.map_or(default, |number| number.parse().expect("a number"))
}

/// Events of the history that is imported under fire.
fn history(home: &Home) -> String {
    let events = asked("EVENTS", 40_000).to_string();
    let generated = home.done(&["generate", "--events", &events, "--seed", "11", "--ends", "2026-06-30"]);
    home.file("history.jsonl", generated.output).to_str().unwrap().to_owned()
}

/// Moments to strike, in milliseconds, from a seed.
struct Moments(u64);

impl Moments {
    fn new(salt: u64) -> Self {
        Self(asked("SEED", 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ salt)
    }

    fn within(&mut self, range: std::ops::Range<u64>) -> Duration {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        Duration::from_millis(range.start + (self.0 >> 33) % (range.end - range.start))
    }
}

#[test]
fn killed_imports_end_where_an_undisturbed_one_does() {
    let quiet = Home::peppered();
    let file = history(&quiet);
    quiet.done(&["import", "events", &file]);
    let expected = quiet.digests();

    let stormy = Home::peppered();
    let (kills, mut moments) = (asked("KILLS", 8), Moments::new(1));
    // The longer it takes, the later it is struck: start, journalling, settling and delivery all have their turn.
    let latest = 2_400 * asked("EVENTS", 40_000).div_ceil(40_000);
    for _ in 0..kills {
        let mut child = stormy.command(&["import", "events", &file]).spawn().unwrap();
        std::thread::sleep(moments.within(200..latest));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    stormy.done(&["import", "events", &file]);
    assert_eq!(stormy.digests(), expected);
    stormy.audited();
}

#[test]
fn a_killed_engine_is_started_again_and_gets_what_it_missed() {
    let stormy = Home::new();
    let file = history(&stormy);
    let mut child = stormy.command(&["import", "events", &file]).spawn().unwrap();
    // Once something is journalled the engine has been up.
    while journalled(&stormy) == 0 {
        assert!(child.try_wait().unwrap().is_none(), "the import ended before it began");
        std::thread::sleep(Duration::from_millis(20));
    }
    let (mut struck, mut moments) = (0, Moments::new(2));
    while struck < asked("KILLS", 8) / 2 && child.try_wait().unwrap().is_none() {
        std::thread::sleep(moments.within(100..500));
        struck += u64::from(engine_of(child.id()).is_some_and(|engine| kill(engine, "KILL")));
    }
    assert!(struck > 0, "the import was over before it was struck");
    assert!(child.wait().unwrap().success());
    stormy.audited();
}

#[test]
fn an_engine_that_hangs_is_replaced() {
    let home = Home::new();
    let file = history(&home);
    let mut child = home.command(&["import", "events", &file]).spawn().unwrap();
    while journalled(&home) == 0 {
        assert!(child.try_wait().unwrap().is_none(), "the import ended before it began");
        std::thread::sleep(Duration::from_millis(20));
    }
    let engine = engine_of(child.id()).expect("an engine");
    assert!(kill(engine, "STOP"));
    assert!(child.wait().unwrap().success());
    assert!(!Path::new("/proc").join(engine.to_string()).exists(), "the stopped engine is gone");
    home.audited();
}

fn journalled(home: &Home) -> u64 {
    let journal = home.data().join("journal");
    let segment = if journal.is_dir() { last_segment(&journal) } else { None };
    segment.map_or(0, |path| std::fs::metadata(path).map_or(0, |found| found.len()))
}

/// The newest segment of the journal's only partition.
pub(crate) fn last_segment(journal: &Path) -> Option<PathBuf> {
    let inside = |folder: PathBuf| std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let lanes = inside(journal.to_path_buf()).filter(|path| path.is_dir());
    let files = lanes.flat_map(inside).filter(|path| path.extension().is_some_and(|end| end == "segment"));
    files.max()
}
