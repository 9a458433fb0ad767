//! `kill -9` and full disks while a real process appends: everything acknowledged is
//! there, nothing twice, nothing in part.

use std::{
    env,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use smarketing_engine::log::{Local, Log, Options};

const CHILD: &str = "SMARKETING_LOG_CRASH_CHILD";
const WRITERS: u64 = 3;
const AN_APPEND: u64 = 20;

fn open(directory: &Path) -> Local {
    Local::open(directory, 1, Options { segment_bytes: 200_000 }).unwrap()
}

/// Entries of one append: who wrote them, which append of his, which part of it.
fn entries(writer: u64, round: u64) -> Vec<Vec<u8>> {
    let filler = |part: u64| (0..40).map(move |n: u64| (n * writer * 31 + round * part) as u8);
    let entry = |part: u64| [writer, round, part].iter().flat_map(|n| n.to_le_bytes()).chain(filler(part)).collect();
    (0..AN_APPEND).map(entry).collect()
}

fn append(log: &Local, writer: u64, round: u64) -> Result<u64, smarketing_engine::log::Error> {
    let entries = entries(writer, round);
    log.append(0, &entries.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

/// Checks that the journal is a sequence of whole appends, each writer's in order without
/// a gap, and answers how many each has.
fn audit(log: &Local) -> Vec<u64> {
    let mut rounds = vec![0; WRITERS as usize];
    let mut reader = log.reader(0, 0).unwrap();
    loop {
        let batch = reader.read(AN_APPEND as usize, usize::MAX, Duration::ZERO).unwrap();
        let Some((_, first)) = batch.iter().next() else { return rounds };
        let writer = u64::from_le_bytes(first[..8].try_into().unwrap());
        let expect = entries(writer, rounds[writer as usize]);
        assert!(batch.iter().map(|(_, entry)| entry).eq(expect.iter().map(Vec::as_slice)), "at {}", batch.first());
        rounds[writer as usize] += 1;
    }
}

fn append_for_ever(directory: &Path) -> ! {
    let log = open(directory);
    let started = audit(&log);
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (log, from) = (&log, started[writer as usize]);
            scope.spawn(move || {
                for round in from.. {
                    append(log, writer, round).unwrap();
                    let mut out = std::io::stdout().lock();
                    writeln!(out, "\nacknowledged {writer} {}", round + 1).unwrap();
                }
            });
        }
    });
    unreachable!("rounds do not run out")
}

#[test]
fn a_killed_journal_holds_every_acknowledged_append_once() {
    if let Some(directory) = env::var_os(CHILD) {
        append_for_ever(Path::new(&directory));
    }
    let directory = tempfile::tempdir().unwrap();
    let mut acknowledged = vec![0; WRITERS as usize];
    for life in (0..12).map(|n| Duration::from_millis(60 + n * 23)) {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["a_killed_journal_holds_every_acknowledged_append_once", "--exact", "--nocapture"])
            .env(CHILD, directory.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let reader = thread::spawn(move || out.lines().map_while(Result::ok).collect::<Vec<_>>());
        thread::sleep(life);
        child.kill().unwrap();
        child.wait().unwrap();
        for line in reader.join().unwrap() {
            let mut numbers = line.split(' ').filter_map(|word| word.parse::<u64>().ok());
            if let (true, Some(writer), Some(rounds)) = (line.starts_with("ack"), numbers.next(), numbers.next()) {
                acknowledged[writer as usize] = rounds;
            }
        }
        let found = audit(&open(directory.path()));
        assert!(found.iter().zip(&acknowledged).all(|(f, a)| f >= a), "{found:?} of {acknowledged:?}");
    }
    assert!(acknowledged.iter().all(|rounds| *rounds > 10), "{acknowledged:?}: the test saw nothing");
}

/// The child: appends under a limit on file sizes until one fails half-way, lifts the
/// limit, and goes on.
fn fill_up(directory: &Path) {
    let log = Local::open(directory, 1, Options::default()).unwrap();
    let full = (0..).find(|round| append(&log, 0, *round).is_err()).unwrap();
    let end = log.end(0).unwrap();
    assert_eq!(end, full * AN_APPEND);
    assert!(append(&log, 0, full).is_err(), "still full");
    assert_eq!(log.end(0).unwrap(), end);
    let pid = std::process::id().to_string();
    assert!(Command::new("prlimit").args(["--fsize=unlimited", "--pid", &pid]).status().unwrap().success());
    for round in full..full + 50 {
        assert_eq!(append(&log, 0, round).unwrap(), round * AN_APPEND);
    }
    println!("\nwent on after {full}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_fails_the_append_and_no_other() {
    if let Some(directory) = env::var_os(CHILD) {
        return fill_up(Path::new(&directory));
    }
    let directory = tempfile::tempdir().unwrap();
    // The limit is counted in blocks of 512 or 1 024 bytes, by the shell; either will do.
    let limited =
        "trap '' XFSZ; ulimit -S -f 100; exec \"$0\" a_full_disk_fails_the_append_and_no_other --exact --nocapture";
    let child =
        Command::new("sh").args(["-c", limited]).arg(env::current_exe().unwrap()).env(CHILD, directory.path()).output();
    let child = child.unwrap();
    let out = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success(), "{out}\n{}", String::from_utf8_lossy(&child.stderr));
    let full = out.lines().find_map(|line| line.strip_prefix("went on after ")?.parse::<u64>().ok());
    assert_eq!(audit(&open(directory.path()))[0], full.unwrap() + 50);
}
