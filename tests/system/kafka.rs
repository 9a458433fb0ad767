//! The product on a real Kafka, in several processes, under everything that happens to processes and brokers: the
//! results are those of an undisturbed import on one machine.
//!
//! `SMARKETING_KAFKA_EVENTS` sets the size of the history. ClickHouse is the embedded engine, served by a process of its
//! own; the schema registry is the subset of its HTTP interface that clients use, served by the test.

mod brokers;
mod writer;

use crate::cluster::Cluster;
use crate::engine::Engine;
use crate::home::{Home, Up};
use serde_json::Value;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use writer::{POISON, Writer};

const PARTITIONS: &str = "4";

/// Session time-out of the processes: short, so that the test is.
const SESSION: Duration = Duration::from_secs(6);

/// How long results may take to come right.
fn patience() -> Duration {
    Duration::from_secs(120 + size() / 1_000)
}

fn size() -> u64 {
    std::env::var("SMARKETING_KAFKA_EVENTS").ok().and_then(|events| events.parse().ok()).unwrap_or(12_000)
}

/// What an import on one machine makes of the history, and the history.
fn undisturbed() -> (Vec<Value>, String) {
    let home = Home::peppered().with(&[("SERVICE__PARTITIONS", PARTITIONS)]);
    let generated = home.done(&["generate", "--events", &size().to_string(), "--seed", "5", "--ends", "2026-06-30"]);
    let file = home.file("history.jsonl", &generated.output);
    home.done(&["import", "events", file.to_str().unwrap()]);
    (home.digests(), generated.output)
}

/// Kafka, ClickHouse, a registry, and a directory for snapshots.
struct Site {
    cluster: Cluster,
    brokers: usize,
    engine: Engine,
    writer: Writer,
    snapshots: TempDir,
}

impl Site {
    /// With so many brokers.
    fn open(brokers: usize) -> Self {
        let cluster = Cluster::start(brokers);
        let writer = Writer::new(&cluster.brokers(), i32::try_from(brokers).unwrap());
        Self { cluster, brokers, engine: Engine::start(), writer, snapshots: TempDir::new().unwrap() }
    }

    /// A process of the product.
    fn home(&self) -> Home {
        Home::peppered().with(&[
            ("SERVICE__PARTITIONS", PARTITIONS),
            ("KAFKA__BROKERS", &self.cluster.brokers()),
            ("KAFKA__REPLICATION", &self.brokers.to_string()),
            ("KAFKA__MIN_INSYNC_REPLICAS", &self.brokers.div_ceil(2).to_string()),
            ("KAFKA__SESSION_TIMEOUT_MS", &SESSION.as_millis().to_string()),
            ("KAFKA__MERGE_WAIT_MS", "300"),
            ("KAFKA__PROPERTIES__TOPIC_METADATA_REFRESH_INTERVAL_MS", "3000"),
            // Own topics replace all of the default ones.
            ("KAFKA__TOPICS__EMAILS", "avro:email_engaged"),
            ("KAFKA__TOPICS__PAGE-VIEWS", "auto"),
            ("KAFKA__TOPICS__FORM-FILLS", "auto"),
            ("KAFKA__TOPICS__DEALS", "auto"),
            ("KAFKA__TOPICS__SALES", "auto"),
            ("KAFKA__TOPICS__SPEND", "auto"),
            ("KAFKA__TOPICS__CONTROL", "auto"),
            ("KAFKA__SCHEMA_REGISTRY", &self.writer.registry.url),
            ("KAFKA__SNAPSHOTS", self.snapshots.path().to_str().unwrap()),
            ("CLICKHOUSE__URL", &self.engine.url()),
            ("CLICKHOUSE__USER", "service"),
            ("CLICKHOUSE__PASSWORD", &self.engine.key()),
        ])
    }
}

/// Waits until the tables are what they must be, and says how long it took.
fn must_become(home: &Home, expected: &[Value]) -> Duration {
    let started = Instant::now();
    loop {
        let found = home.digests();
        if found == expected || started.elapsed() > patience() {
            assert_eq!(found, expected);
            return started.elapsed();
        }
        std::thread::sleep(Duration::from_millis(300));
    }
}

/// Waits until the process works some partitions, as its status tells.
fn must_work(up: &Up, some: impl Fn(usize) -> bool) {
    let started = Instant::now();
    loop {
        let status = up.get("/v1/status");
        let lanes = status["partitions"].as_array().cloned().unwrap_or_default();
        let owned = lanes.iter().filter(|lane| lane["owned"] == true).count();
        if some(owned) {
            return;
        }
        assert!(started.elapsed() < Duration::from_secs(90), "the partitions were not divided: {status}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn whatever_happens_to_processes_and_brokers_the_results_are_the_same() {
    let (expected, history) = undisturbed();
    let lines: Vec<&str> = history.lines().collect();
    let (early, late) = lines.split_at(lines.len() / 2);
    let mut site = Site::open(1);
    site.writer.write(early);

    let (one, two) = (site.home(), site.home());
    let first = one.serve("run");
    let second = two.serve("run");
    must_work(&first, |owned| owned == 2);
    must_work(&second, |owned| owned == 2);
    site.writer.write(late);
    site.writer.poison();

    // One dies in the middle of its work and comes back.
    second.kill();
    let second = two.serve("run");
    must_work(&second, |owned| owned == 2);

    // The other is frozen until its partitions are somebody else's, and then goes on as if nothing had been.
    first.signal("STOP");
    must_work(&second, |owned| owned == 4);
    first.signal("CONT");

    // The broker loses power.
    site.cluster.broker(0).kill();
    site.cluster.broker(0).restart();

    must_become(&one, &expected);
    must_work(&first, |owned| owned == 2);
    let rejects = one.query("SELECT reason, count() AS records FROM rejects GROUP BY reason ORDER BY reason");
    assert_eq!(rejects, POISON.map(|(reason, records)| serde_json::json!({"reason": reason, "records": records})));
    assert!(site.writer.dead_letters() >= POISON.iter().map(|(_, records)| records).sum());

    // Both drain, and nothing changes any more.
    assert_eq!((first.stop(), second.stop()), (Some(0), Some(0)));
    assert_eq!(one.digests(), expected);
    let snapshots = std::fs::read_dir(site.snapshots.path().join("g1")).unwrap().count();
    assert!(snapshots >= 4, "{snapshots} snapshots");
}

#[test]
fn an_audit_goes_by_the_topics_and_a_new_generation_is_shown_when_it_has_caught_up() {
    let (expected, history) = undisturbed();
    let lines: Vec<&str> = history.lines().collect();
    let (early, late) = lines.split_at(lines.len() / 2);
    let mut site = Site::open(1);
    site.writer.write(early);
    let (one, two) = (site.home(), site.home());
    let (first, second) = (one.serve("run"), two.serve("run"));
    must_work(&first, |owned| owned == 2);
    must_work(&second, |owned| owned == 2);

    // A process that works only some partitions takes files for all of them, and cannot count for the others.
    let file = one.file("late.jsonl", late.join("\n"));
    let imported = one.done(&["import", "events", file.to_str().unwrap()]);
    assert_eq!(imported.row(&serde_json::json!({}))["read"], late.len());
    assert_eq!(imported.rows()[1], serde_json::json!({ "records": late.len() }));
    must_become(&one, &expected);
    one.audited();

    // The next generation works the same journal by other rules, while the first goes on.
    let next = [
        ("KAFKA__GENERATION", "2"),
        ("DEFINITIONS__CHANNELS", "[{ channel = \"Strange\", medium = \"cpc\" }]"),
        ("DEFINITIONS__VERSION", "two"),
    ];
    let three = site.home().with(&next);
    let third = three.serve("run");
    assert_eq!(one.digests(), expected, "readers see the first until the second is whole");
    let started = Instant::now();
    let strange = || one.query("SELECT count() > 0 AS there FROM touches WHERE channel = 'Strange'");
    while strange() != [serde_json::json!({ "there": 1 })] {
        assert!(started.elapsed() < patience(), "the new generation is not shown: {}", third.status());
        std::thread::sleep(Duration::from_millis(300));
    }
    three.audited();
    one.audited();
    let refused = one.run(&["replay"]);
    assert!(refused.code == 1 && refused.errors.contains("kafka.generation"), "{}", refused.errors);

    // Whoever stops says how far it was.
    assert_eq!([first, second, third].map(Up::stop), [Some(0); 3]);
    three.audited();
    one.audited();
}
