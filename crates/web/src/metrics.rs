//! `GET /metrics`: the state as Prometheus reads it. Names are `smarketing_<noun>_<unit>[_total]`, labels are bounded.

use crate::refusal::Refusal;
use crate::server::Front;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use smarketing_engine::progress::Lane;
use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};
use std::sync::Arc;

/// The text format's version 0.0.4.
const FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The state, as numbers.
pub(crate) async fn metrics(State(front): State<Arc<Front>>) -> Result<impl IntoResponse, Refusal> {
    let lanes = front.progress.lanes();
    let asked = Arc::clone(&front);
    let ends = tokio::task::spawn_blocking(move || asked.intake.ends()).await.map_err(|_| Refusal::fault())?;
    let ends = ends.unwrap_or_default();
    let mut page = Page::default();
    page.partitions(&lanes, &ends);
    page.records(&lanes);
    let lags = front.progress.lags();
    page.family("smarketing_raw_topic_lag_messages", "gauge", "Messages of a raw topic that are not read yet.");
    lags.iter().for_each(|(topic, lag)| page.sample("smarketing_raw_topic_lag_messages", &[("topic", topic)], lag));
    let halted = u8::from(front.progress.halted().is_some());
    page.family("smarketing_halted", "gauge", "Whether something stopped and somebody must look.");
    page.sample("smarketing_halted", &[], halted);
    Ok(([(CONTENT_TYPE, FORMAT)], page.text))
}

#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn partitions(&mut self, lanes: &[Lane], ends: &[u64]) {
        type Of = fn(&Lane) -> u64;
        let owned: [(&str, &str, &str, Of); 4] = [
            ("smarketing_delivered_entries", "gauge", "Journal entries that are in the warehouse.", |l| l.position),
            ("smarketing_delivered_rows_total", "counter", "Rows the warehouse acknowledged.", |l| l.rows),
            ("smarketing_partition_halted", "gauge", "Whether the partition stopped.", |l| {
                u64::from(l.halted.is_some())
            }),
            ("smarketing_partition_waiting", "gauge", "Whether it waits for the warehouse.", |l| {
                u64::from(l.waiting.is_some())
            }),
        ];
        for (name, kind, help, value) in owned {
            self.family(name, kind, help);
            for (partition, lane) in lanes.iter().enumerate().filter(|(_, lane)| lane.owned) {
                self.sample(name, &[("partition", &partition.to_string())], value(lane));
            }
        }
        let name = "smarketing_journal_entries";
        self.family(name, "gauge", "Entries in the journal.");
        for (partition, end) in ends.iter().enumerate() {
            self.sample(name, &[("partition", &partition.to_string())], end);
        }
    }

    /// What became of records, in the partitions that are worked here.
    fn records(&mut self, lanes: &[Lane]) {
        let (mut applied, mut duplicates) = (0, 0);
        let mut rejected: BTreeMap<&str, u64> = BTreeMap::new();
        for stream in lanes.iter().flat_map(|lane| lane.streams.values()) {
            applied += stream.applied;
            duplicates += stream.duplicates;
            for (reason, count) in &stream.reasons {
                *rejected.entry(reason).or_default() += count;
            }
        }
        let name = "smarketing_records_total";
        self.family(name, "counter", "Records by what became of them.");
        self.sample(name, &[("outcome", "applied")], applied);
        self.sample(name, &[("outcome", "duplicate")], duplicates);
        let name = "smarketing_rejected_records_total";
        self.family(name, "counter", "Rejected records by reason.");
        rejected.iter().for_each(|(reason, count)| self.sample(name, &[("reason", reason)], count));
    }

    fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let quoted = |(label, value): &(&str, &str)| {
            let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            format!("{label}=\"{value}\"")
        };
        let labels: Vec<_> = labels.iter().map(quoted).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(self.text, "{name}{labels} {value}");
    }
}
