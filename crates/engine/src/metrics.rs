//! What a monitor may read: every metric, its name and what it says, in one place.
//!
//! Counts that the partitions keep anyway are read when somebody asks ([`Metrics::text`]); what passes by, such as how
//! long a record took, is observed where it happens; what others know, such as the conversion watch, is set by them
//! ([`Metrics::set`]) as a whole, so that what is gone is gone.

use crate::progress::Lane;
use crate::reconciler::Repairs;
use prometheus::core::Collector;
use prometheus::{Counter, CounterVec, Encoder as _, GaugeVec, Histogram, HistogramOpts, Opts, Registry, TextEncoder};
use smarketing_kernel::row::Table;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Declares the metrics: name, kind, labels, help.
macro_rules! metrics {
    ($($variant:ident $name:literal $kind:ident [$($label:literal),*] $help:literal,)*) => {
        /// Every metric there is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Metric {
            $(#[doc = $help] $variant,)*
        }

        impl Metric {
            /// Every metric, in the order they are documented in.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Its name.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// `counter`, `gauge` or `histogram`.
            #[must_use]
            pub fn kind(self) -> &'static str {
                match self { $(Self::$variant => stringify!($kind),)* }
            }

            /// Its labels.
            #[must_use]
            pub fn labels(self) -> &'static [&'static str] {
                match self { $(Self::$variant => &[$($label),*],)* }
            }

            /// What it says.
            #[must_use]
            pub fn help(self) -> &'static str {
                match self { $(Self::$variant => $help,)* }
            }
        }
    };
}

metrics! {
    Records "smarketing_records_total" counter ["outcome"] "Records that were delivered since the start, by outcome: applied, duplicate, rejected.",
    Rejects "smarketing_rejects_total" counter ["reason"] "Rejected records since the start, by reason.",
    Partitions "smarketing_partitions" gauge [] "Partitions of the journal, over all processes; the others by partition tell of those that are worked here.",
    Journalled "smarketing_journalled_entries" gauge ["partition"] "Entries in the journal.",
    Delivered "smarketing_delivered_entries" gauge ["partition"] "Of those, how many are in the warehouse and in the store.",
    Lag "smarketing_lag_entries" gauge ["partition"] "Entries in the journal that are not delivered yet; every key they touch counts as dirty.",
    Oldest "smarketing_undelivered_seconds" gauge ["partition"] "Seconds the oldest entry that is not delivered yet has waited; 0 where all are.",
    Rows "smarketing_rows_total" counter ["partition"] "Rows the warehouse acknowledged since the start.",
    Halted "smarketing_halted_partitions" gauge [] "Partitions that have stopped, and one more where the reading of raw topics has; their data is kept.",
    Waiting "smarketing_waiting_partitions" gauge [] "Partitions that wait for the warehouse.",
    RawLag "smarketing_raw_topic_lag_messages" gauge ["topic"] "Messages of a raw topic that are not read yet.",
    Queryable "smarketing_queryable_seconds" histogram [] "Seconds from a record's place in the journal to its rows being queryable.",
    BatchRows "smarketing_batch_rows" histogram [] "Rows of one delivery to the warehouse.",
    Settle "smarketing_settle_seconds" histogram [] "Seconds one settle took to decide.",
    WarehouseErrors "smarketing_warehouse_errors_total" counter [] "Deliveries the warehouse did not take; each is tried again.",
    Comparisons "smarketing_reconciler_comparisons_total" counter ["partition"] "Comparisons of the warehouse with a partition that came to their end.",
    Repaired "smarketing_reconciler_repaired_rows_total" counter ["table", "repair"] "Rows in which the warehouse differed from its partition, by what was done: sent (they were missing) or buried (they should not have been there).",
    Unreconciled "smarketing_reconciler_troubled_partitions" gauge [] "Partitions that could not be compared with the warehouse, or differ after a repair: must be 0.",
    SnapshotErrors "smarketing_snapshot_errors_total" counter [] "Snapshots that could not be taken, sent to the object store, which is tried again, or fetched from it, which costs time.",
    SnapshotsDiffer "smarketing_snapshots_differ_total" counter [] "Snapshots of one position found to differ: must be 0, or deciding was not deterministic.",
    StoreBytes "smarketing_store_bytes" gauge ["place"] "Bytes on disk, by place in the data directory.",
    Reconciliation "smarketing_reconciliation_difference_minor" gauge [] "Booked minus credited and credited minus ledger, absolute, over all days and models, in minor units: must be 0.",
    ReconciliationRows "smarketing_reconciliation_wrong_rows" gauge [] "Days, models and currencies in which they differ: must be 0.",
    SlaBreaches "smarketing_sla_breaches" gauge ["breach", "open"] "Hand-offs of the last 30 days that sales answered too late (open 0), or still has not answered (open 1).",
    WatchAlarm "smarketing_watch_alarm" gauge ["stage", "next_stage", "dimension", "value"] "1 where the conversion watch has an alarm standing.",
    WatchState "smarketing_watch_state" gauge ["stage", "next_stage", "state"] "1 for the state the conversion watch found the step as a whole in: steady, fell, few, late, redefined.",
    WatchRate "smarketing_watch_rate" gauge ["stage", "next_stage", "window"] "Share that converts at equal age: recent and baseline.",
    WatchZ "smarketing_watch_z" gauge ["stage", "next_stage"] "Standard deviations the recent conversions are above what is expected.",
    WatchDay "smarketing_watch_evaluated_timestamp_seconds" gauge [] "When the conversion watch evaluated last.",
}

/// What the metrics of a moment are read from.
pub struct State<'a> {
    /// The partitions; those that other processes work are left out.
    pub lanes: &'a [Lane],
    /// The lengths of their journals; `None` while those are not known.
    pub ends: Option<&'a [u64]>,
    /// Messages of each raw topic that are not read yet.
    pub lags: &'a BTreeMap<String, u64>,
    /// Whether something that is no partition stopped.
    pub failed: bool,
}

/// Values of one metric: label values, in the order of [`Metric::labels`], and the number.
pub type Values = Vec<(Vec<String>, f64)>;

/// The metrics of a service.
pub struct Metrics {
    queryable: Histogram,
    batch_rows: Histogram,
    settle: Histogram,
    warehouse_errors: Counter,
    snapshot_errors: Counter,
    snapshots_differ: Counter,
    /// What others know.
    told: Mutex<BTreeMap<Metric, Values>>,
}

/// Why metrics could not be made or written.
pub type Error = prometheus::Error;

fn histogram(metric: Metric, buckets: &[f64]) -> Result<Histogram, Error> {
    Histogram::with_opts(HistogramOpts::new(metric.name(), metric.help()).buckets(buckets.to_vec()))
}

fn counter(metric: Metric) -> Result<Counter, Error> {
    Counter::new(metric.name(), metric.help())
}

impl Metrics {
    /// Metrics of which nothing was observed yet.
    ///
    /// # Errors
    /// None, as long as the names above are names.
    pub fn new() -> Result<Self, Error> {
        Ok(Self {
            queryable: histogram(Metric::Queryable, &[0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0, 300.0])?,
            batch_rows: histogram(Metric::BatchRows, &[10.0, 100.0, 1e3, 5e3, 1e4, 2e4, 4e4, 8e4, 2e5])?,
            settle: histogram(Metric::Settle, &[0.001, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0])?,
            warehouse_errors: counter(Metric::WarehouseErrors)?,
            snapshot_errors: counter(Metric::SnapshotErrors)?,
            snapshots_differ: counter(Metric::SnapshotsDiffer)?,
            told: Mutex::default(),
        })
    }

    /// Sets all values of a metric that somebody else knows.
    pub fn set(&self, metric: Metric, values: Values) {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).insert(metric, values);
    }

    pub(crate) fn queryable(&self, after: Duration) {
        self.queryable.observe(after.as_secs_f64());
    }

    pub(crate) fn delivered(&self, rows: u64) {
        self.batch_rows.observe(rows as f64);
    }

    pub(crate) fn settled(&self, after: Duration) {
        self.settle.observe(after.as_secs_f64());
    }

    pub(crate) fn refused(&self) {
        self.warehouse_errors.inc();
    }

    /// A snapshot that was not sent or fetched; `differ` where there is another one of its position.
    pub(crate) fn unsheltered(&self, differ: bool) {
        if differ { self.snapshots_differ.inc() } else { self.snapshot_errors.inc() }
    }

    /// Everything, in Prometheus' text format.
    ///
    /// # Errors
    /// Values whose labels do not fit their metric.
    pub fn text(&self, state: &State<'_>) -> Result<String, Error> {
        let registry = Registry::new();
        for seen in [&self.queryable, &self.batch_rows, &self.settle] {
            registry.register(Box::new(seen.clone()))?;
        }
        for counted in [&self.warehouse_errors, &self.snapshot_errors, &self.snapshots_differ] {
            registry.register(Box::new(counted.clone()))?;
        }
        for (metric, values) in counted(state) {
            register(&registry, metric, &values)?;
        }
        for (metric, values) in self.told.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            register(&registry, *metric, values)?;
        }
        let mut text = Vec::new();
        TextEncoder::new().encode(&registry.gather(), &mut text)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}

fn register(registry: &Registry, metric: Metric, values: &Values) -> Result<(), Error> {
    let options = Opts::new(metric.name(), metric.help());
    let collector: Box<dyn Collector> = if metric.kind() == "counter" {
        let counters = CounterVec::new(options, metric.labels())?;
        for (labels, value) in values {
            counters
                .get_metric_with_label_values(&labels.iter().map(String::as_str).collect::<Vec<_>>())?
                .inc_by(*value);
        }
        Box::new(counters)
    } else {
        let gauges = GaugeVec::new(options, metric.labels())?;
        for (labels, value) in values {
            gauges.get_metric_with_label_values(&labels.iter().map(String::as_str).collect::<Vec<_>>())?.set(*value);
        }
        Box::new(gauges)
    };
    registry.register(collector)
}

/// What the partitions count.
fn counted(State { lanes, ends, lags, failed }: &State<'_>) -> Vec<(Metric, Values)> {
    let streams = || lanes.iter().map(|lane| &lane.since);
    let sum = |outcome: &str, count: u64| (vec![outcome.to_owned()], count as f64);
    let mut reasons: BTreeMap<&str, u64> = BTreeMap::new();
    for (reason, count) in streams().flat_map(|stream| &stream.reasons) {
        *reasons.entry(reason).or_default() += count;
    }
    let each = |value: &dyn Fn(&Lane) -> u64| -> Values {
        let owned = (0_u32..).zip(*lanes).filter(|(_, lane)| lane.owned);
        owned.map(|(at, lane)| (vec![at.to_string()], value(lane) as f64)).collect()
    };
    let known = |value: &dyn Fn(&Lane, u64) -> u64| -> Values {
        let ends = ends.unwrap_or_default();
        let owned = (0_u32..).zip(lanes.iter().zip(ends)).filter(|(_, (lane, _))| lane.owned);
        owned.map(|(at, (lane, end))| (vec![at.to_string()], value(lane, *end) as f64)).collect()
    };
    let one = |count: usize| vec![(Vec::new(), count as f64)];
    let halted = lanes.iter().filter(|lane| lane.halted.is_some()).count() + usize::from(*failed);
    vec![
        (
            Metric::Records,
            vec![
                sum("applied", streams().map(|stream| stream.applied).sum()),
                sum("duplicate", streams().map(|stream| stream.duplicates).sum()),
                sum("rejected", streams().map(|stream| stream.rejected).sum()),
            ],
        ),
        (Metric::Rejects, reasons.into_iter().map(|(reason, count)| sum(reason, count)).collect()),
        (Metric::Partitions, one(lanes.len())),
        (Metric::Journalled, known(&|_, end| end)),
        (Metric::Delivered, each(&|lane| lane.position)),
        (Metric::Lag, known(&|lane, end| end.saturating_sub(lane.position))),
        (Metric::Oldest, each(&|lane| lane.waited().as_secs())),
        (Metric::Rows, each(&|lane| lane.rows)),
        (Metric::Comparisons, each(&|lane| lane.repairs.comparisons)),
        (Metric::Repaired, repaired(lanes)),
        (Metric::Unreconciled, one(lanes.iter().filter(|lane| lane.repairs.trouble.is_some()).count())),
        (Metric::RawLag, lags.iter().map(|(topic, lag)| (vec![topic.clone()], *lag as f64)).collect()),
        (Metric::Halted, one(halted)),
        (Metric::Waiting, one(lanes.iter().filter(|lane| lane.waiting.is_some()).count())),
    ]
}

/// Rows that were sent again or taken out, over all partitions; of every table from the start, because a monitor only
/// sees a count rise that it has seen before.
fn repaired(lanes: &[Lane]) -> Values {
    let each = Table::ALL.iter().map(|table| table.word()).flat_map(|table| {
        let sum = |rows: fn(&Repairs) -> &BTreeMap<&'static str, u64>| -> u64 {
            lanes.iter().filter_map(|lane| rows(&lane.repairs).get(table)).sum()
        };
        [(table, "sent", sum(|repairs| &repairs.sent)), (table, "buried", sum(|repairs| &repairs.buried))]
    });
    each.map(|(table, repair, rows)| (vec![table.to_owned(), repair.to_owned()], rows as f64)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use smarketing_kernel::step::Stream;
    use smarketing_kernel::text::Text;

    /// `SMARKETING_BLESS=1` writes the list anew.
    #[test]
    fn the_documentation_is_current() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/README.md");
        let present = std::fs::read_to_string(path).unwrap();
        let (before, rest) = present.split_once("<!-- metrics -->\n").unwrap();
        let (_, after) = rest.split_once("<!-- end of metrics -->\n").unwrap();
        let mut table = "| metric | kind | labels | |\n|---|---|---|---|\n".to_owned();
        for metric in Metric::ALL {
            let labels = metric.labels().join(", ");
            table += &format!("| `{}` | {} | {labels} | {} |\n", metric.name(), metric.kind(), metric.help());
        }
        let expect = format!("{before}<!-- metrics -->\n{table}<!-- end of metrics -->\n{after}");
        if std::env::var_os("SMARKETING_BLESS").is_some() {
            std::fs::write(path, &expect).unwrap();
        }
        assert!(
            std::fs::read_to_string(path).unwrap() == expect,
            "deploy/README.md is out of date: run with SMARKETING_BLESS=1"
        );
    }

    #[test]
    fn what_was_counted_observed_and_told_is_written() {
        let metrics = Metrics::new().unwrap();
        metrics.settled(Duration::from_millis(20));
        metrics.queryable(Duration::from_millis(700));
        metrics.delivered(50);
        metrics.refused();
        metrics.set(Metric::WatchZ, vec![(vec!["mql".into(), "sql".into()], -4.25)]);
        let reasons = [(Text::from("invalid_json"), 2)].into();
        let stream = Stream { applied: 7, duplicates: 1, rejected: 2, reasons, ..Stream::default() };
        let mut lane = Lane::default();
        (lane.position, lane.rows, lane.owned) = (8, 21, true);
        lane.since = stream;
        lane.repairs.comparisons = 3;
        lane.repairs.sent.insert("touches", 5);
        lane.repairs.buried.insert("leads", 1);
        lane.repairs.trouble = Some("it differs still".into());
        let lags = [("page-views".to_owned(), 3)].into();
        let text =
            metrics.text(&State { lanes: &[lane.clone()], ends: Some(&[10]), lags: &lags, failed: false }).unwrap();
        for line in [
            "smarketing_records_total{outcome=\"applied\"} 7",
            "smarketing_records_total{outcome=\"rejected\"} 2",
            "smarketing_rejects_total{reason=\"invalid_json\"} 2",
            "smarketing_lag_entries{partition=\"0\"} 2",
            "smarketing_rows_total{partition=\"0\"} 21",
            "smarketing_undelivered_seconds{partition=\"0\"} 0",
            "smarketing_reconciler_comparisons_total{partition=\"0\"} 3",
            "smarketing_reconciler_repaired_rows_total{repair=\"sent\",table=\"touches\"} 5",
            "smarketing_reconciler_repaired_rows_total{repair=\"buried\",table=\"leads\"} 1",
            "smarketing_reconciler_troubled_partitions 1",
            "smarketing_raw_topic_lag_messages{topic=\"page-views\"} 3",
            "smarketing_halted_partitions 0",
            "smarketing_queryable_seconds_bucket{le=\"1\"} 1",
            "smarketing_batch_rows_sum 50",
            "smarketing_warehouse_errors_total 1",
            "smarketing_watch_z{next_stage=\"sql\",stage=\"mql\"} -4.25",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        }
        metrics.set(Metric::WatchZ, Vec::new());
        let unknown = State { lanes: &[lane], ends: None, lags: &lags, failed: false };
        let text = metrics.text(&unknown).unwrap();
        assert!(
            text.contains("smarketing_rows_total{partition=\"0\"} 21") && !text.contains("smarketing_lag_entries{")
        );
        let nothing = State { lanes: &[], ends: None, lags: &lags, failed: false };
        assert!(!metrics.text(&nothing).unwrap().contains("smarketing_watch_z"));
    }
}
