//! The broker, ClickHouse, what is written to the one and asked of the other, and the processes between them.

use crate::cluster::Cluster;
use crate::engine::Engine;
use crate::home::{Home, Up};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::error::KafkaError;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::types::RDKafkaErrorCode;
use serde_json::Value;
use std::hash::{Hash, Hasher};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Partitions of every raw topic.
pub(crate) const TOPIC_PARTITIONS: i32 = 4;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(3_600);

/// Session time-out of the processes.
pub(crate) const SESSION: Duration = Duration::from_secs(6);

pub(crate) struct Site {
    cluster: std::sync::Mutex<Cluster>,
    pub(crate) brokers: String,
    engine: Engine,
    snapshots: TempDir,
}

impl Site {
    pub(crate) fn open() -> Self {
        let cluster = Cluster::start(1);
        let brokers = cluster.brokers();
        let snapshots = TempDir::new().unwrap();
        Self { cluster: cluster.into(), brokers, engine: Engine::start(), snapshots }
    }

    pub(crate) fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.brokers);
        config
    }

    pub(crate) fn create_topic(&self, name: &str) {
        let admin: AdminClient<_> = self.client().create().unwrap();
        // A generated history is older than what a topic keeps by itself.
        let topic = NewTopic::new(name, TOPIC_PARTITIONS, TopicReplication::Fixed(1)).set("retention.ms", "-1");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let created = runtime.block_on(admin.create_topics([&topic], &AdminOptions::new())).unwrap();
        assert!(created.iter().all(Result::is_ok), "{created:?}");
    }

    pub(crate) fn writer(&self, topic: &str) -> Writer {
        let mut config = self.client();
        config.set("linger.ms", "5").set("compression.type", "lz4").set("queue.buffering.max.messages", "1000000");
        Writer { topic: topic.to_owned(), producer: config.create().unwrap(), written: 0 }
    }

    /// A data directory for a process of the deployment `name`, which reads `topic`.
    pub(crate) fn home(&self, name: &str, topic: &str, partitions: u32) -> Home {
        let named = |what: &str| format!("{name}-{what}");
        Home::peppered().with(&[
            ("SERVICE__PARTITIONS", &partitions.to_string()),
            ("KAFKA__BROKERS", &self.brokers),
            ("KAFKA__GROUP", &named("group")),
            ("KAFKA__JOURNAL", &named("journal")),
            ("KAFKA__VAULT", &named("vault")),
            ("KAFKA__DEAD_LETTERS", ""),
            ("KAFKA__REPLICATION", "1"),
            ("KAFKA__MIN_INSYNC_REPLICAS", "1"),
            ("KAFKA__SESSION_TIMEOUT_MS", &SESSION.as_millis().to_string()),
            (&format!("KAFKA__TOPICS__{}", topic.to_uppercase()), "auto"),
            ("KAFKA__SNAPSHOTS", self.snapshots.path().join(name).to_str().unwrap()),
            ("CLICKHOUSE__URL", &self.engine.url()),
            ("CLICKHOUSE__DATABASE", name),
            ("CLICKHOUSE__USER", "service"),
            ("CLICKHOUSE__PASSWORD", &self.engine.key()),
            ("CLICKHOUSE__DURABLE", "true"),
        ])
    }

    /// Bytes of the snapshots that the deployment `name` has.
    pub(crate) fn snapshot_bytes(&self, name: &str) -> u64 {
        let files = std::fs::read_dir(self.snapshots.path().join(name).join("g1")).unwrap();
        files.map(|file| file.unwrap().metadata().unwrap().len()).sum()
    }

    /// Rows of one column.
    pub(crate) fn ask(&self, sql: &str) -> Vec<String> {
        let address = self.engine.url();
        let head = format!("X-ClickHouse-User: service\r\nX-ClickHouse-Key: {}\r\n", self.engine.key());
        let answer = http(&address, "POST /", &head, sql);
        answer.lines().map(str::to_owned).collect()
    }

    /// Processor time of everybody so far, by name.
    pub(crate) fn processor_time(&self, ups: &[Up]) -> [(&'static str, Duration); 3] {
        let ours = ups.iter().map(|up| spent(up.child.id())).sum();
        let broker = spent(self.cluster.lock().expect("nobody panicked").broker(0).pid());
        [("the broker", broker), ("ClickHouse", spent(self.engine.pid())), ("smarketing", ours)]
    }
}

/// A producer to one topic.
pub(crate) struct Writer {
    topic: String,
    producer: BaseProducer,
    written: usize,
}

impl Writer {
    /// Queues a message for the partitions in turn; `at` is its time in milliseconds, now if there is none.
    pub(crate) fn send(&mut self, bytes: &[u8], at: Option<i64>) {
        let partition = i32::try_from(self.written).unwrap() % TOPIC_PARTITIONS;
        self.written += 1;
        let mut record = BaseRecord::<(), [u8]>::to(&self.topic).partition(partition).payload(bytes);
        record.timestamp = at;
        while let Err((error, same)) = self.producer.send(record) {
            assert!(matches!(error, KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull)), "{error}");
            record = same;
            self.producer.poll(Duration::from_millis(10));
        }
        if self.written.is_multiple_of(1_000) {
            self.producer.poll(Duration::ZERO);
        }
    }

    pub(crate) fn flush(&self) {
        self.producer.flush(PATIENCE).unwrap();
    }
}

/// How many different events lines have: producers repeat themselves.
pub(crate) fn different(lines: &[(i64, String)]) -> u64 {
    let id = |line: &str| -> u64 {
        let text = line.split_once("\"event_id\":\"").map_or("", |(_, rest)| rest);
        let mut hasher = std::hash::DefaultHasher::new();
        text.split('"').next().hash(&mut hasher);
        hasher.finish()
    };
    lines.iter().map(|(_, line)| id(line)).collect::<std::collections::HashSet<u64>>().len() as u64
}

/// Generated lines with their times. The history ends before the month in which it is read.
pub(crate) fn history(events: u64, seed: &str) -> Vec<(i64, String)> {
    let home = Home::new();
    let file = home.file("history.jsonl", "");
    let out = std::fs::File::create(&file).unwrap();
    let mut generate = home.command(&[
        "generate",
        "--days",
        "365",
        "--events",
        &events.to_string(),
        "--ends",
        "2026-06-30",
        "--seed",
        seed,
    ]);
    assert!(generate.stdout(out).stderr(Stdio::null()).status().unwrap().success());
    let text = std::fs::read_to_string(&file).unwrap();
    // The order is that of time; the day stands for the moment.
    let day = |line: &str| -> i64 {
        let text = line.split_once("\"occurred_at\":\"").map_or("", |(_, rest)| &rest[..10]);
        let part = |range: std::ops::Range<usize>| text[range].parse::<i64>().unwrap();
        let month = u8::try_from(part(5..7)).unwrap();
        let civil = (i32::try_from(part(0..4)).unwrap(), month, u8::try_from(part(8..10)).unwrap());
        smarketing_kernel::time::Day::from_civil(civil.0, civil.1, civil.2).unwrap().start().0
    };
    text.lines().map(|line| (day(line), line.to_owned())).collect()
}

/// How far all processes of a deployment are together.
#[derive(Debug, Default)]
pub(crate) struct Stand {
    /// Different events of raw topics whose rows are acknowledged. What a rebalance made somebody read again is a
    /// duplicate.
    pub(crate) events: u64,
    /// Whether nothing in the journal is left to do, and every partition is worked.
    pub(crate) quiet: bool,
}

pub(crate) fn stand(ups: &[Up]) -> Stand {
    let (mut events, mut delivered, mut journalled, mut worked, mut partitions) = (0, 0, 0, 0, 0);
    for up in ups {
        let status: Value = serde_json::from_str(&http(&up.url("collector"), "GET /v1/status", "", "")).unwrap();
        assert_ne!(status["state"], "halted", "{status}");
        let number = |value: &Value| value.as_u64().unwrap();
        for counts in status["streams"].as_object().unwrap().values() {
            events += number(&counts["applied"]);
            assert_eq!(number(&counts["rejected"]), 0, "{status}");
        }
        let lanes = status["partitions"].as_array().unwrap();
        worked += lanes.iter().filter(|lane| lane["owned"] == true).count();
        partitions = lanes.len();
        delivered += number(&status["delivered"]);
        journalled = number(&status["journalled"]);
    }
    Stand { events, quiet: delivered == journalled && worked == partitions }
}

/// Waits until so many different events are rows and nothing is left to do.
pub(crate) fn wait(ups: &[Up], events: u64) {
    let started = Instant::now();
    loop {
        let now = stand(ups);
        if now.events >= events && now.quiet {
            assert_eq!(now.events, events);
            return;
        }
        assert!(started.elapsed() < PATIENCE, "{now:?} of {events}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Starts the processes of a deployment at once.
pub(crate) fn start(homes: &[Home]) -> Vec<Up> {
    std::thread::scope(|scope| {
        let starting: Vec<_> = homes.iter().map(|home| scope.spawn(|| home.serve("run"))).collect();
        starting.into_iter().map(|up| up.join().unwrap()).collect()
    })
}

/// Processor time of a process until now, user and system.
fn spent(pid: u32) -> Duration {
    // Of Linux, on every architecture that matters here.
    const TICKS_A_SECOND: u64 = 100;
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // The name in parentheses may hold anything; fields are counted from behind it.
    let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    let ticks: u64 = fields[11..13].iter().map(|field| field.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 1_000 / TICKS_A_SECOND)
}

/// The body of an answer, which must be a good one.
fn http(address: &str, request: &str, headers: &str, body: &str) -> String {
    let host = address.trim_start_matches("http://");
    let mut stream = TcpStream::connect(host).unwrap();
    let length = body.len();
    write!(stream, "{request} HTTP/1.0\r\nHost: {host}\r\nContent-Length: {length}\r\n{headers}\r\n{body}").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains(" 200 "), "{answer}");
    body.to_owned()
}
