//! One partition whose visitors grow more and more: what an event costs meanwhile, and how long it takes another
//! process to have the partition.

use crate::site::{SESSION, Site, Writer, start, wait};
use crate::{figure, size};
use std::time::{Duration, Instant};

const TOPIC: &str = "visits";
const NAME: &str = "growing";
/// Midnight of 2026-01-01, in milliseconds.
const FIRST: i64 = 1_767_225_600_000;

pub(crate) fn run(site: &Site) {
    let (subjects, fills) = (size("SUBJECTS", 1_000_000), size("FILLS", 4).max(1));
    let events = 2 * subjects / fills;
    site.create_topic(TOPIC);
    let mut writer = site.writer(TOPIC);
    let home = [site.home(NAME, TOPIC, 1)];
    let ups = start(&home);
    let mut visits = Visits::default();
    for fill in 1..=fills {
        let before = site.processor_time(&ups);
        let started = Instant::now();
        visits.write(&mut writer, events);
        wait(&ups, visits.written);
        let took = started.elapsed().as_secs_f64();
        let what = |figure: &str| format!("{} to {} subjects, {figure}", (fill - 1) * events / 2, fill * events / 2);
        figure(&what("one partition"), format_args!("{:.0}", events as f64 / took), "events/s");
        for ((who, before), (_, after)) in before.into_iter().zip(site.processor_time(&ups)) {
            let each = after.saturating_sub(before).as_secs_f64() * 1e6 / events as f64;
            figure(&what(&format!("processor time of {who}")), format_args!("{each:.1}"), "µs an event");
        }
    }
    let stopping = Instant::now();
    ups.into_iter().for_each(|up| assert_eq!(up.stop(), Some(0)));
    figure("drain with a snapshot", format_args!("{:.1}", stopping.elapsed().as_secs_f64()), "s");
    figure("the snapshot", site.snapshot_bytes(NAME) / 1_000_000, "MB");

    // What comes after the snapshot is only in the journal when the process is killed.
    let mut ups = start(&home);
    wait(&ups, visits.written);
    let tail = subjects / 20;
    visits.write(&mut writer, tail);
    wait(&ups, visits.written);
    ups.pop().unwrap().kill();
    std::thread::sleep(SESSION + Duration::from_secs(2));
    let other = [site.home(NAME, TOPIC, 1)];
    let started = Instant::now();
    let ups = start(&other);
    wait(&ups, visits.written);
    let what = format!("restore of {subjects} subjects from the snapshot and {tail} events after it, with the start");
    figure(&what, format_args!("{:.1}", started.elapsed().as_secs_f64()), "s");
    ups.into_iter().for_each(|up| assert_eq!(up.stop(), Some(0)));
}

/// Page views, every other one of a visitor that is new.
#[derive(Default)]
struct Visits {
    written: u64,
}

impl Visits {
    fn write(&mut self, writer: &mut Writer, events: u64) {
        for number in self.written..self.written + events {
            let newest = number / 2;
            // Any of those before, without a pattern that a cache could profit from.
            let known = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20;
            let visitor = if number % 2 == 0 { newest } else { known % (newest + 1) };
            let at = FIRST + i64::try_from(number).unwrap() * 1_000;
            let page = number % 50;
            let line = format!(
                r#"{{"event":"page_viewed","event_id":"e-{number}","occurred_at":{at},"visitor_id":"v-{visitor}","url":"https://acme.test/blog/{page}?utm_source=google&utm_medium=cpc&utm_campaign=c-{page}"}}"#
            );
            writer.send(line.as_bytes(), Some(at));
        }
        writer.flush();
        self.written += events;
    }
}
