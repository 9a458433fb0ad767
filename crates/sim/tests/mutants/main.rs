//! The net catches fish: deliberate mistakes in the kernel and in the order of the driver, each found by the worlds.
//!
//! The sources of the rooms that decide are copied into a workspace of their own, every mistake of `catalogue` is
//! written into the copy beside what it replaces, and a switch says which of them a thread makes. So one build serves
//! for all of them, and no line of the product knows of mistakes. A replacement that no longer applies is a failure.

mod catalogue;

use catalogue::{MUTANTS, Mutant};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Seeds within which a mistake must be found.
const SEEDS: u64 = 2_000;

const ROOMS: [&str; 3] = ["attribution", "kernel", "sim"];

/// The switch: which mistake this thread makes, and a clock for those who look at one.
const SWITCH: &str = r#"
extern crate std;
std::thread_local! {
    /// The mistake this thread makes; 0 is none.
    pub static MUTANT: core::cell::Cell<usize> = const { core::cell::Cell::new(0) };
}
static CLOCK: core::sync::atomic::AtomicI64 = core::sync::atomic::AtomicI64::new(0);
/// Whether this thread makes a mistake.
pub fn mutant(number: usize) -> bool { MUTANT.with(|mutant| mutant.get() == number) }
/// A clock that goes on.
pub fn clock() -> i64 { CLOCK.fetch_add(1, core::sync::atomic::Ordering::Relaxed) }
"#;

/// Hunts every mistake on two threads; prints its number, the seed that found it and the invariant.
const HUNT: &str = r#"
use smarketing_kernel::attribution::MUTANT;
use smarketing_sim::world::{Setup, run};
use std::sync::atomic::{AtomicUsize, Ordering};
fn hunt(mutant: usize, seeds: u64) {
    MUTANT.set(mutant);
    for seed in 0..seeds {
        let found = match std::panic::catch_unwind(|| run(&Setup::new(seed))) {
            Ok(report) => report.violation.map(|violation| format!("{:?}", violation.invariant)),
            Err(_) => Some("Panic".into()),
        };
        if let Some(invariant) = found {
            println!("{mutant} {seed} {invariant}");
            return;
        }
    }
    println!("{mutant} {seeds} none");
}
fn main() {
    std::panic::set_hook(Box::new(|_| {}));
    let numbers: Vec<u64> = std::env::args().skip(1).filter_map(|arg| arg.parse().ok()).collect();
    let next = AtomicUsize::new(1);
    let work = || loop {
        let mutant = next.fetch_add(1, Ordering::Relaxed);
        if mutant as u64 > numbers[0] { return; }
        hunt(mutant, numbers[1]);
    };
    std::thread::scope(|threads| { threads.spawn(work); threads.spawn(work); });
    // Without a mistake nothing is found.
    hunt(0, numbers[1] / 20);
}
"#;

#[test]
fn every_mistake_is_caught() {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mutants");
    furnish(&place);
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let built = Command::new(env!("CARGO"))
        .args(["build", "--offline", "--package", "smarketing-sim", "--bin", "hunt", "--target-dir"])
        .arg(target)
        .current_dir(&place)
        .output()
        .unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let hunt = target.join("debug").join(format!("hunt{}", std::env::consts::EXE_SUFFIX));
    let found = Command::new(hunt).args([MUTANTS.len().to_string(), SEEDS.to_string()]).output().unwrap();
    let found = String::from_utf8(found.stdout).unwrap();
    let found: BTreeMap<usize, (&str, &str)> = found
        .lines()
        .map(|line| {
            let mut words = line.split(' ');
            (words.next().unwrap().parse().unwrap(), (words.next().unwrap(), words.next().unwrap()))
        })
        .collect();
    let mut wrong = Vec::new();
    for (number, mutant) in (1..).zip(MUTANTS) {
        let (seed, invariant) = found.get(&number).copied().unwrap_or(("?", "no answer"));
        println!("{:<58} {invariant:<12} seed {seed}", mutant.name);
        if !mutant.caught_by.contains(&invariant) {
            wrong.push(format!("\"{}\" is caught by {invariant}, not by {:?}", mutant.name, mutant.caught_by));
        }
    }
    assert_eq!(found.get(&0).map(|(_, invariant)| *invariant), Some("none"), "the copy itself fails");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Copies the rooms, with every mistake in them.
fn furnish(place: &Path) {
    let house = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let manifest = fs::read_to_string(house.join("Cargo.toml")).unwrap();
    let manifest = manifest.replace("members = [\"crates/*\", \"tests\"]", "members = [\"crates/*\"]");
    // Another version is another package: what is built of the copy must never pass for what is built of the house.
    let (package, copy) = ("[workspace.package]\nversion = \"", "[workspace.package]\nversion = \"0.0.0-mutants+");
    assert!(manifest.contains(package), "the version of the house is elsewhere");
    let manifest = manifest.replace(package, copy);
    let mut files: BTreeMap<PathBuf, String> = BTreeMap::new();
    files.insert("Cargo.toml".into(), manifest);
    files.insert("Cargo.lock".into(), fs::read_to_string(house.join("Cargo.lock")).unwrap());
    for room in ROOMS {
        for part in ["Cargo.toml", "src", "benches"] {
            collect(&house, &Path::new("crates").join(room).join(part), &mut files);
        }
    }
    for (number, mutant) in (1..).zip(MUTANTS) {
        make(number, mutant, &mut files);
    }
    files.get_mut(Path::new("crates/attribution/src/lib.rs")).unwrap().push_str(SWITCH);
    files.insert("crates/sim/src/bin/hunt.rs".into(), HUNT.into());
    for (path, text) in files {
        let path = place.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        // What is the same is left alone, so that it need not be built again.
        if fs::read_to_string(&path).ok().as_ref() != Some(&text) {
            fs::write(path, text).unwrap();
        }
    }
}

fn collect(house: &Path, path: &Path, files: &mut BTreeMap<PathBuf, String>) {
    let whole = house.join(path);
    if whole.is_dir() {
        for entry in fs::read_dir(whole).unwrap() {
            collect(house, &path.join(entry.unwrap().file_name()), files);
        }
    } else if let Ok(text) = fs::read_to_string(whole) {
        files.insert(path.into(), text);
    }
}

/// Writes a mistake beside what it replaces.
fn make(number: usize, mutant: &Mutant, files: &mut BTreeMap<PathBuf, String>) {
    let text = files.get_mut(Path::new(mutant.file)).unwrap_or_else(|| panic!("{}: no {}", mutant.name, mutant.file));
    let places = text.matches(mutant.find).count();
    assert_eq!(places, 1, "\"{}\": `{}` is in {} {places} times", mutant.name, mutant.find, mutant.file);
    let krate = match mutant.file.split('/').nth(1) {
        Some("attribution") => "crate",
        _ => "smarketing_kernel::attribution",
    };
    let krate = if mutant.file.starts_with("crates/kernel") { "smarketing_attribution" } else { krate };
    let replaced = mutant.replace.replace("MUTANT", &format!("{krate}::mutant({number})"));
    *text = text.replace(mutant.find, &replaced.replace("CLOCK", &format!("{krate}::clock()")));
}
