//! The product on a real Kafka, in several processes, under everything that happens to processes and brokers: the
//! results are those of an undisturbed import on one machine.
//!
//! `SMARKETING_KAFKA_EVENTS` sets the size of the history. ClickHouse is the embedded engine, served by a process of its
//! own; broker, schema registry and object store are real ones.

mod brokers;
mod sources;
mod writer;

use crate::bucket::{Bucket, KEY_ID};
use crate::cluster::Cluster;
use crate::cluster::doors::Doors;
use crate::engine::Engine;
use crate::home::{Home, Up};
use crate::registry::Mood;
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

/// A history in parts, and what an import on one machine makes of the first, of the first two, and so on.
fn undisturbed(seed: &str, parts: usize) -> (Vec<String>, Vec<Vec<Value>>) {
    let home = Home::peppered().with(&[("SERVICE__PARTITIONS", PARTITIONS)]);
    let generated = home.done(&["generate", "--events", &size().to_string(), "--seed", seed, "--ends", "2026-06-30"]);
    let lines: Vec<&str> = generated.output.lines().collect();
    let parts: Vec<String> = lines.chunks(lines.len().div_ceil(parts)).map(|part| part.join("\n") + "\n").collect();
    let results = parts.iter().enumerate().map(|(number, part)| {
        let file = home.file(&format!("part-{number}.jsonl"), part);
        home.done(&["import", "events", file.to_str().unwrap()]);
        home.digests()
    });
    let results = results.collect();
    (parts, results)
}

/// Kafka, ClickHouse, a registry, and where snapshots are shared: a directory, or a bucket spoken to over TLS.
struct Site {
    cluster: Cluster,
    brokers: usize,
    engine: Engine,
    writer: Writer,
    folder: TempDir,
    bucket: Option<Bucket>,
}

impl Site {
    /// With so many brokers.
    fn open(brokers: usize) -> Self {
        let cluster = Cluster::start(brokers);
        let writer = Writer::new(&cluster.brokers(), i32::try_from(brokers).unwrap());
        Self { cluster, brokers, engine: Engine::start(), writer, folder: TempDir::new().unwrap(), bucket: None }
    }

    /// Snapshots are shared in a bucket.
    fn with_bucket(self) -> Self {
        let doors = Doors::make(self.folder.path(), &[]);
        let bucket = Bucket::over_tls(&doors.file("broker.pem"), &doors.file("broker.key"));
        Self { bucket: Some(bucket), ..self }
    }

    fn bucket(&self) -> &Bucket {
        self.bucket.as_ref().unwrap()
    }

    /// The partitions that have snapshots in the bucket, with the position of the latest.
    fn sheltered(&self) -> Vec<(u32, u64)> {
        let latest = |partition: u32| {
            let objects = self.bucket().objects(&format!("marketing/g1/partition-{partition:05}"));
            let name = objects.last()?.file_name()?.to_str()?.to_owned();
            Some((partition, name.split_once('-')?.0.parse().unwrap()))
        };
        (0..PARTITIONS.parse().unwrap()).filter_map(latest).collect()
    }

    /// A process of the product.
    fn home(&self) -> Home {
        let snapshots = match self.bucket {
            Some(_) => "s3://snapshots/marketing",
            None => self.folder.path().to_str().unwrap(),
        };
        let mut environment = self.bucket.as_ref().map(|bucket| bucket.environment(KEY_ID)).unwrap_or_default();
        environment.push(("SSL_CERT_FILE".to_owned(), self.folder.path().join("ca.pem").display().to_string()));
        Home::peppered().within(environment).with(&[
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
            ("KAFKA__SNAPSHOTS", snapshots),
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

/// Waits until a process has told of so many records with these outcomes.
fn must_say(up: &Up, outcomes: &[&str], records: usize) {
    let started = Instant::now();
    let said = || outcomes.iter().map(|outcome| told(up, outcome)).sum::<usize>();
    while said() != records {
        assert!(started.elapsed() < patience(), "{records} {outcomes:?} expected in {}", up.status());
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Records with this outcome in the partitions that the process works, whoever delivered them.
fn told(up: &Up, outcome: &str) -> usize {
    let status = up.status();
    let streams = status["streams"].as_object().into_iter().flat_map(|streams| streams.values());
    streams.map(|stream| usize::try_from(stream[outcome].as_u64().unwrap()).unwrap()).sum()
}

#[test]
fn whatever_happens_to_processes_and_brokers_the_results_are_the_same() {
    let (parts, results) = undisturbed("5", 3);
    let [early, late, last] = [0, 1, 2].map(|part: usize| parts[part].lines().collect::<Vec<_>>());
    let mut site = Site::open(1).with_bucket();
    site.writer.write(&early);

    let (one, two) = (site.home(), site.home());
    let first = one.serve("run");
    let second = two.serve("run");
    must_work(&first, |owned| owned == 2);
    must_work(&second, |owned| owned == 2);
    site.writer.write(&late);
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

    must_become(&one, &results[1]);
    must_work(&first, |owned| owned == 2);
    let rejects = one.query("SELECT reason, count() AS records FROM rejects GROUP BY reason ORDER BY reason");
    assert_eq!(rejects, POISON.map(|(reason, records)| serde_json::json!({"reason": reason, "records": records})));
    assert!(site.writer.dead_letters() >= POISON.iter().map(|(_, records)| records).sum());

    // Both drain, and nothing changes any more.
    assert_eq!((first.stop(), second.stop()), (Some(0), Some(0)));
    assert_eq!(one.digests(), results[1]);
    goes_on_from_the_bucket(&mut site, &last, &results[2]);
}

fn refuses_what_only_a_person_can_mend(site: &Site) {
    let refused = site.home().within(site.bucket().environment("a-stranger")).run(&["run"]);
    assert!(refused.code == 1 && refused.errors.contains("AWS_ACCESS_KEY_ID"), "{}", refused.errors);
    let found = site.home().with(&[("KAFKA__SNAPSHOTS", "s3://nowhere")]).run(&["check"]);
    assert!(found.code == 3 && found.errors.contains("see the bucket in kafka.snapshots"), "{}", found.errors);
}

/// A process that has nothing takes up where others left, and is not held up when it leaves in its turn.
fn goes_on_from_the_bucket(site: &mut Site, last: &[&str], expected: &[Value]) {
    let sheltered = site.sheltered();
    assert!(!sheltered.is_empty());
    refuses_what_only_a_person_can_mend(site);
    let home = site.home();
    let log = home.file("log", "");
    let mut command = home.command(&["run"]);
    command.env("NO_COLOR", "1").env("SMARKETING_LOG", "warn,smarketing_engine=info");
    command.stderr(std::fs::File::create(&log).unwrap());
    let up = home.up_with(command);
    must_work(&up, |owned| owned == 4);
    site.writer.write(last);
    must_become(&home, expected);

    // The store is silent when it would be told the latest.
    site.bucket().signal("STOP");
    let told = Instant::now();
    assert_eq!(up.stop(), Some(0));
    assert!(told.elapsed() < Duration::from_secs(20), "it left after {:?}", told.elapsed());
    let said = std::fs::read_to_string(&log).unwrap();
    for (partition, position) in sheltered {
        let fetched = format!("fetched a snapshot from the object store partition={partition} position={position}");
        assert!(said.contains(&fetched), "not \"{fetched}\": {said}");
    }
    assert!(said.contains("left before the object store had this"), "{said}");
    assert!(!said.contains("could not fetch") && !said.contains("that differ"), "{said}");
}

#[test]
fn an_audit_goes_by_the_topics_and_a_new_generation_is_shown_when_it_has_caught_up() {
    let (parts, results) = undisturbed("5", 2);
    let (early, late, expected) = (&parts[0], &parts[1], &results[1]);
    let mut site = Site::open(1);
    site.writer.write(&early.lines().collect::<Vec<_>>());
    // Somebody forgot the registry: nobody knows what its messages are.
    let (one, two) = (site.home().with(&[("KAFKA__SCHEMA_REGISTRY", "")]), site.home());
    let first = one.serve("run");
    let letters = site.writer.named_in_registry;
    must_say(&first, &["applied", "rejected"], site.writer.written);
    assert_eq!(first.stop(), Some(0));
    let refused = one.query("SELECT reason, count() AS records FROM rejects GROUP BY reason");
    assert_eq!(refused, [serde_json::json!({"reason": "invalid_avro", "records": letters})]);

    let one = one.with(&[("KAFKA__SCHEMA_REGISTRY", &site.writer.registry.url)]);
    // Nor does anybody work with a pepper of its own; it may be given the right one then.
    let pepper = two.data().join("pepper");
    let right = std::fs::read(&pepper).unwrap();
    std::fs::write(&pepper, [8; 32]).unwrap();
    let refused = two.run(&["run"]);
    assert!(refused.code == 1 && refused.errors.contains("pepper"), "{}", refused.errors);
    std::fs::write(&pepper, right).unwrap();
    let (first, second) = (one.serve("run"), two.serve("run"));
    must_work(&first, |owned| owned == 2);
    must_work(&second, |owned| owned == 2);
    site.writer.registry.be(Mood::IsNotThere);
    let waits = one.run(&["rejects", "retry"]);
    assert!(waits.code == 1 && waits.errors.contains(&format!("{letters} of them name schemas")), "{}", waits.errors);
    let found = one.run(&["check"]);
    let (said, url) = ("kafka.schema_registry: the schema registry at", &site.writer.registry.url);
    assert!(found.code == 3 && found.errors.contains(&format!("{said} \"{url}\"")), "{}", found.errors);
    site.writer.registry.be(Mood::Well);
    let found = one.run(&["check"]);
    assert!(!found.errors.contains("schema registry"), "{}", found.errors);
    let retried = one.done(&["rejects", "retry"]).output;
    assert!(retried.contains(&format!("{letters} dead letters: {letters} journalled")), "{retried}");

    // A process that works only some partitions takes files for all of them, and cannot count for the others.
    let (file, records) = (one.file("late.jsonl", late), late.lines().count());
    let imported = one.done(&["import", "events", file.to_str().unwrap()]);
    assert_eq!(imported.row(&serde_json::json!({}))["read"], records);
    assert_eq!(imported.rows()[1], serde_json::json!({ "table": "records", "records": records }));
    must_become(&one, expected);
    one.audited();

    // The next generation works the same journal by other rules, while the first goes on.
    let next = [
        ("KAFKA__GENERATION", "2"),
        ("DEFINITIONS__CHANNELS", "[{ channel = \"Strange\", medium = \"cpc\" }]"),
        ("DEFINITIONS__VERSION", "two"),
    ];
    let three = site.home().with(&next);
    let third = three.serve("run");
    assert_eq!(&one.digests(), expected, "readers see the first until the second is whole");
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
