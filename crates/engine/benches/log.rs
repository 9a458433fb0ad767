//! The load of an intake: appends of a few thousand entries, then one reader.
//! `cargo bench -p smarketing-engine --bench log -- [entries] [entries an append] [writers]`

use std::{env, fs, thread, time::Duration, time::Instant};

use smarketing_engine::log::{Local, Log, Options};

/// About 200 bytes that look like an event.
fn entry(n: u64) -> Vec<u8> {
    let id = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let page = id % 97;
    let text = format!(
        "{id:016x}{:016x} PageViewed https://example.com/products/{page}?utm_source=newsletter&utm_campaign=spring-{}&gclid={id:x} Mozilla/5.0 desktop DE {n}",
        !id,
        id % 13
    );
    text.into_bytes()
}

/// Seconds of processor time this process has used.
fn processor_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
    fields.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

fn main() {
    let numbers: Vec<u64> = env::args().filter_map(|arg| arg.parse().ok()).collect();
    let number = |at: usize, default: u64| numbers.get(at).copied().unwrap_or(default);
    let (total, an_append, writers) = (number(0, 2_000_000), number(1, 2_000), number(2, 1));
    let directory = tempfile::tempdir().expect("a temporary directory");
    let log = Local::open(directory.path(), 1, Options::default()).expect("a journal");
    let entries: Vec<Vec<u8>> = (0..an_append).map(entry).collect();
    let entries: Vec<&[u8]> = entries.iter().map(Vec::as_slice).collect();
    let (started, used) = (Instant::now(), processor_seconds());
    thread::scope(|scope| {
        for _ in 0..writers {
            scope.spawn(|| {
                for _ in 0..total / writers / an_append {
                    log.append(0, &entries).expect("an append");
                }
            });
        }
    });
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "append {:>9.0} entries/s, {:.1} s of processor time",
        log.end(0).expect("an end") as f64 / seconds,
        processor_seconds() - used
    );
    println!("size   {} MB in {} segments", log.size().bytes >> 20, log.size().segments);
    let (started, used, mut read) = (Instant::now(), processor_seconds(), 0);
    let mut reader = log.reader(0, 0).expect("a reader");
    loop {
        let batch = reader.read(10_000, 8 << 20, Duration::ZERO).expect("a batch");
        read += batch.iter().map(|(_, entry)| usize::from(!entry.is_empty())).sum::<usize>();
        if batch.is_empty() {
            break;
        }
    }
    println!(
        "read   {:>9.0} entries/s, {:.1} s of processor time",
        read as f64 / started.elapsed().as_secs_f64(),
        processor_seconds() - used
    );
}
