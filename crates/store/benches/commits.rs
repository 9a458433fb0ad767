//! The load of a worker: batches of random point reads, then one commit over a part of
//! them. `cargo bench -p smarketing-store -- [subjects] [batches]`

use std::{env, fs, time::Instant};

use smarketing_store::{Commit, Disk, Options, Store};

const VALUE_BYTES: u64 = 300;
const READS: u64 = 50_000;
const WRITES: u64 = 15_000;

/// A number that looks random and is the same in every run.
fn scatter(n: u64) -> u64 {
    let n = (n ^ (n >> 31)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let n = (n ^ (n >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    n ^ (n >> 32)
}

fn key(subject: u64) -> Vec<u8> {
    let mut key = vec![1];
    key.extend(scatter(subject).to_be_bytes());
    key.extend(scatter(!subject).to_be_bytes());
    key
}

/// Half of it is text that compresses.
fn value(subject: u64, batch: u64) -> Vec<u8> {
    let words = (0..VALUE_BYTES / 16).flat_map(|n| scatter(subject ^ batch << 32 ^ n).to_be_bytes());
    let mut value: Vec<u8> = words.collect();
    value.resize(VALUE_BYTES as usize, b'a');
    value
}

/// Resident and peak resident bytes of this process, as the kernel counts them.
fn memory(field: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(field)).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kb| kb.parse::<u64>().ok()).unwrap_or(0) >> 10
}

fn main() {
    let numbers: Vec<u64> = env::args().filter_map(|arg| arg.parse().ok()).collect();
    let subjects = numbers.first().copied().unwrap_or(2_000_000);
    let batches = numbers.get(1).copied().unwrap_or(3 * subjects / WRITES);
    let directory = tempfile::tempdir().expect("a temporary directory");
    let disk = Disk::open(directory.path(), Options::default()).expect("a store");
    let mut partition = disk.partition(0).expect("a partition");
    let (mut reading, mut committing, mut found) = (0.0, 0.0, 0);
    let started = Instant::now();
    for batch in 0..batches {
        // The population grows for the first half, so that most reads find nothing.
        let population = (subjects * (batch + 1) * 2 / batches).clamp(WRITES, subjects);
        let drawn: Vec<u64> = (0..READS).map(|n| scatter(batch << 24 | n) % (population * 2)).collect();
        let keys: Vec<Vec<u8>> = drawn.iter().map(|subject| key(*subject)).collect();
        let keys: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
        let at = Instant::now();
        found += partition.get_many(&keys).expect("values").iter().flatten().count();
        reading += at.elapsed().as_secs_f64();
        let written = drawn.iter().filter(|subject| **subject < population).take(WRITES as usize);
        let changes = written.map(|subject| (key(*subject), Some(value(*subject, batch).into()))).collect();
        let meta = vec![(b"position".to_vec(), Some(batch.to_be_bytes().into()))];
        let at = Instant::now();
        partition.commit(Commit { subjects: changes, meta }).expect("a commit");
        committing += at.elapsed().as_secs_f64();
    }
    let seconds = started.elapsed().as_secs_f64();
    println!("{batches} batches of {READS} reads and {WRITES} writes over {subjects} subjects in {seconds:.1} s");
    println!("reads   {:>9.0} /s, {found} found", (batches * READS) as f64 / reading);
    println!("writes  {:>9.0} /s", (batches * WRITES) as f64 / committing);
    println!("memory  {} MB now, {} MB at its peak", memory("VmRSS"), memory("VmHWM"));
    println!("disk    {} MB", disk.bytes().expect("a size") >> 20);
    let at = Instant::now();
    let view = partition.view().expect("a view");
    let file = smarketing_store::snapshot::write(&*view, 0, batches, directory.path()).expect("a snapshot");
    let megabytes = fs::metadata(&file).expect("its size").len() >> 20;
    println!("snapshot of {megabytes} MB in {:.1} s", at.elapsed().as_secs_f64());
    let at = Instant::now();
    let snapshot = smarketing_store::snapshot::Snapshot::open(&file).expect("a sound snapshot");
    partition.restore(&snapshot).expect("a restore");
    println!("verify and restore in {:.1} s", at.elapsed().as_secs_f64());
    println!("memory  {} MB now, {} MB at its peak", memory("VmRSS"), memory("VmHWM"));
}
