//! How long after it was sent an event can be queried, at a steady rate.
//!
//! Fifty times a second one of the events is a probe: a page view of a visitor of its own. Whoever asks ClickHouse for
//! probes over and over knows when each was there first.

use crate::site::{Site, Writer, history, start, wait};
use crate::{figure, size};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const TOPIC: &str = "steady";
const NAME: &str = "steady";
/// Partitions of the journal.
const PARTITIONS: u32 = 2;
/// Time between two probes.
const PROBE: Duration = Duration::from_millis(20);
/// Time between two questions: whoever asks takes processor time from those who answer, and a row is found this much
/// later at worst.
const QUESTION: Duration = Duration::from_millis(100);
/// Longest wait for the last probe.
const PATIENCE: Duration = Duration::from_secs(120);
/// Probes of the first seconds are not counted: caches and connections are cold.
const WARMING: Duration = Duration::from_secs(5);

pub(crate) fn run(site: &Site) {
    let (rate, seconds) = (size("RATE", 10_000), size("SECONDS", 30));
    site.create_topic(TOPIC);
    let lines = history(rate * (seconds + WARMING.as_secs()), "11");
    let homes = [site.home(NAME, TOPIC, PARTITIONS)];
    let ups = start(&homes);
    wait(&ups, 0);
    let (sent, all_sent) = (Mutex::new(BTreeMap::new()), AtomicBool::new(false));
    let started = Instant::now();
    let mut late = std::thread::scope(|scope| {
        let asking = scope.spawn(|| ask(site, &sent, &all_sent));
        let mut writer = site.writer(TOPIC);
        send(&mut writer, &lines, rate, &sent);
        writer.flush();
        let took = started.elapsed().as_secs_f64();
        all_sent.store(true, Ordering::SeqCst);
        figure("steady, sent", format_args!("{:.0}", lines.len() as f64 / took), "events/s");
        asking.join().unwrap()
    });
    late.sort_unstable();
    for (name, share) in [("p50", 0.50), ("p99", 0.99), ("the latest", 1.0)] {
        let at = ((late.len() as f64 * share) as usize).min(late.len() - 1);
        let what = format!("steady at {rate} events/s, event to queryable row, {name}");
        figure(&what, format_args!("{:.2}", late[at].as_secs_f64()), "s");
    }
    for up in ups {
        assert_eq!(up.stop(), Some(0));
    }
}

/// Sends lines at the rate, and probes among them.
fn send(writer: &mut Writer, lines: &[(i64, String)], rate: u64, sent: &Mutex<BTreeMap<u64, Instant>>) {
    let started = Instant::now();
    let mut lines = lines.iter();
    let (mut written, mut probes) = (0, 0);
    loop {
        // In steps: a pause of less than a millisecond is none.
        let due = (started.elapsed().as_secs_f64() * rate as f64) as u64;
        for _ in written..due {
            let Some((_, line)) = lines.next() else { return };
            writer.send(line.as_bytes(), None);
        }
        written = due.max(written);
        if started.elapsed() >= PROBE * u32::try_from(probes).unwrap() {
            sent.lock().unwrap().insert(probes, Instant::now());
            writer.send(probe(probes).as_bytes(), None);
            probes += 1;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[expect(clippy::disallowed_methods, reason = "a probe happens now")]
fn probe(number: u64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    format!(
        r#"{{"event":"page_viewed","event_id":"probe-{number}","occurred_at":{now},"visitor_id":"probe-{number}","url":"https://acme.test/pricing"}}"#
    )
}

/// Asks for probes until all are there; how late each was.
fn ask(site: &Site, sent: &Mutex<BTreeMap<u64, Instant>>, all_sent: &AtomicBool) -> Vec<Duration> {
    let (mut late, mut seen) = (Vec::new(), BTreeSet::new());
    let begun = Instant::now();
    let mut last_sent = None;
    loop {
        // Rows as they were written: what is there is there for those who read the view as well.
        // Probes are of this month, the history is older.
        let there = site.ask(&format!("SELECT event_id FROM {NAME}_g1.web_events WHERE viewed_at > now() - 3600"));
        let now = Instant::now();
        let sent = sent.lock().unwrap();
        for id in there {
            let number: u64 = id.trim_start_matches("probe-").parse().unwrap();
            let at = sent[&number];
            if seen.insert(number) && at.duration_since(begun) >= WARMING {
                late.push(now.duration_since(at));
            }
        }
        if all_sent.load(Ordering::SeqCst) {
            if seen.len() == sent.len() {
                return late;
            }
            let waited = last_sent.get_or_insert(now).elapsed();
            assert!(waited < PATIENCE, "{} of {} probes came", seen.len(), sent.len());
        }
        drop(sent);
        std::thread::sleep(QUESTION);
    }
}
