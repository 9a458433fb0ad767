//! From a filled topic to the last acknowledged row, with one process and with two.

use crate::site::{Site, TOPIC_PARTITIONS, different, history, start, wait};
use crate::{figure, size};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{Message, Offset, TopicPartitionList};
use smarketing_kernel::text::Text;
use smarketing_kernel::time::Timestamp;
use smarketing_schema::{Context, decode_json};
use std::time::{Duration, Instant};

const TOPIC: &str = "events";
/// Partitions of the journal: as many as processes at most.
const PARTITIONS: u32 = 2;

pub(crate) fn run(site: &Site) {
    site.create_topic(TOPIC);
    let (events, distinct) = fill(site);
    let alone = rate(events, decoding_alone(site, events));
    figure("a consumer that only decodes", format_args!("{alone:.0}"), "events/s");
    for processes in 1..=PARTITIONS {
        let what = |figure: &str| format!("{processes} of 2 processes, {figure}");
        let name = format!("by_{processes}");
        let homes: Vec<_> = (0..processes).map(|_| site.home(&name, TOPIC, PARTITIONS)).collect();
        let before = site.processor_time(&[]);
        let started = Instant::now();
        let ups = start(&homes);
        let up_after = started.elapsed();
        wait(&ups, distinct);
        let took = started.elapsed();
        let after = site.processor_time(&ups);
        figure(&what("topic to acknowledged rows"), format_args!("{:.0}", rate(events, took)), "events/s");
        figure(&what("beside the bare consumer"), format_args!("{:.2}", rate(events, took) / alone), "of its rate");
        figure(&what("of which starting"), format_args!("{:.1}", up_after.as_secs_f64()), "s");
        figure(&what("all of it"), format_args!("{:.1}", took.as_secs_f64()), "s");
        for ((who, before), (_, after)) in before.into_iter().zip(after) {
            let spent = after.saturating_sub(before).as_secs_f64();
            figure(&what(&format!("processor time of {who}")), format_args!("{spent:.1}"), "s");
        }
        for up in ups {
            assert_eq!(up.stop(), Some(0));
        }
    }
}

/// Writes the history; how many events it has, and how many different ones.
fn fill(site: &Site) -> (u64, u64) {
    let lines = history(size("EVENTS", 2_000_000), "7");
    let mut writer = site.writer(TOPIC);
    for (at, line) in &lines {
        writer.send(line.as_bytes(), Some(*at));
    }
    writer.flush();
    (lines.len() as u64, different(&lines))
}

/// One consumer with nothing behind it but the decoder.
fn decoding_alone(site: &Site, events: u64) -> Duration {
    let consumer: BaseConsumer = site.client().set("group.id", "bare").set("check.crcs", "true").create().unwrap();
    let mut all = TopicPartitionList::new();
    for partition in 0..TOPIC_PARTITIONS {
        all.add_partition_offset(TOPIC, partition, Offset::Beginning).unwrap();
    }
    let started = Instant::now();
    consumer.assign(&all).unwrap();
    let context = Context { now: Timestamp(i64::MAX / 2), workspace: Text::from("default") };
    let mut decoded = 0;
    while decoded < events {
        let Some(message) = consumer.poll(Duration::from_secs(10)) else { continue };
        let message = message.unwrap();
        let event = decode_json(message.payload().unwrap(), &context);
        assert!(event.is_ok());
        decoded += 1;
    }
    started.elapsed()
}

fn rate(events: u64, took: Duration) -> f64 {
    events as f64 / took.as_secs_f64()
}
