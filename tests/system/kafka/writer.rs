//! Writers of raw topics: JSON, Avro in three ways and envelopes, mixed; and what is no event.

use apache_avro::Schema;
use apache_avro::rabin::Rabin;
use apache_avro::types::Value as Avro;
use apache_avro::writer::datum::GenericDatumWriter;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::client::{ClientContext, DefaultClientContext};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{DeliveryResult, Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};
use rdkafka::types::RDKafkaErrorCode as Code;
use serde_json::Value;
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What [`Writer::poison`] writes: the reasons why, and how many of each.
pub(crate) const POISON: [(&str, u64); 3] = [("invalid_avro", 3), ("invalid_json", 3), ("missing_field", 1)];

const TOPICS: [&str; 7] = ["page-views", "form-fills", "emails", "deals", "sales", "spend", "control"];
const PARTITIONS: i32 = 3;
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Writer {
    pub(crate) registry: Registry,
    brokers: String,
    producer: BaseProducer<Delivered>,
    schemas: HashMap<String, Schema>,
    /// Events written so far.
    pub(crate) written: usize,
    partitions: i32,
    /// What the ids of schemas begin at.
    first_id: usize,
}

/// Sees to it that everything written is with the brokers.
struct Delivered;

impl ClientContext for Delivered {}

impl ProducerContext for Delivered {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, _: ()) {
        assert!(result.is_ok(), "{result:?}");
    }
}

/// The part of a schema registry that readers use: the schema of an id.
pub(crate) struct Registry {
    pub(crate) url: String,
    mood: Arc<Mutex<Mood>>,
    asked: Arc<AtomicUsize>,
}

/// What becomes of questions to the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    /// They are answered.
    Well,
    /// The line goes dead.
    HangsUp,
    /// The registry says that it failed.
    Fails,
    /// A gateway says that nobody is there.
    IsNotThere,
    /// The line stays open, and nothing is said.
    IsSilent,
}

/// Schemas have another id in each of these ranges.
const IDS: usize = 1_000;

impl Writer {
    /// Makes the topics, each with so many copies, and serves the registry.
    pub(crate) fn new(brokers: &str, copies: i32) -> Self {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", brokers).set("linger.ms", "20").set("enable.idempotence", "true");
        config.set("topic.metadata.refresh.interval.ms", "500");
        // The history is older than what a topic keeps by itself.
        let new = |topic| NewTopic::new(topic, PARTITIONS, TopicReplication::Fixed(copies)).set("retention.ms", "-1");
        let topics: Vec<_> = TOPICS.into_iter().map(new).collect();
        let created = block_on(admin(brokers).create_topics(&topics, &AdminOptions::new())).unwrap();
        assert!(created.iter().all(Result::is_ok), "{created:?}");
        let events = smarketing_schema::EVENTS.iter();
        let schema = |event: &&str| Schema::parse_str(smarketing_schema::reader_schema(event).unwrap()).unwrap();
        let schemas = events.map(|event| ((*event).to_owned(), schema(event))).collect();
        Self {
            registry: Registry::serve(),
            brokers: brokers.to_owned(),
            producer: config.create_with_context(Delivered).unwrap(),
            schemas,
            written: 0,
            partitions: PARTITIONS,
            first_id: 0,
        }
    }

    /// Adds partitions to all topics, and writes to them from now on.
    pub(crate) fn grow(&mut self, partitions: i32) {
        let count = usize::try_from(partitions).unwrap();
        let new: Vec<_> = TOPICS.into_iter().map(|topic| NewPartitions::new(topic, count)).collect();
        let grown = block_on(admin(&self.brokers).create_partitions(&new, &AdminOptions::new())).unwrap();
        assert!(grown.iter().all(Result::is_ok), "{grown:?}");
        // While a broker has not heard of them, a producer may take them for gone again; then its brokers take what it
        // writes to them for what they have already.
        for broker in self.brokers.split(',') {
            while !knows(broker, count) {
                std::thread::sleep(Duration::from_millis(50));
            }
        }
        self.partitions = partitions;
    }

    /// Writes with schemas that nobody has asked the registry for yet.
    pub(crate) fn renumber(&mut self) {
        self.first_id += IDS;
    }

    /// Writes lines of ours, each to its topic, in one form or the other.
    pub(crate) fn write(&mut self, lines: &[&str]) {
        for line in lines {
            let event: Value = serde_json::from_str(line).unwrap();
            let name = event["event"].as_str().unwrap();
            let topic = topic(name);
            self.written += 1;
            let (bytes, envelope) = match (topic, self.written % 4) {
                ("emails", _) => (self.datum(name, &event), false),
                ("page-views" | "deals", 0) => (self.framed(name, &event), false),
                ("page-views" | "sales", 1) => (self.single_object(name, &event), false),
                ("form-fills", 2) => (format!("{{\"specversion\":\"1.0\",\"id\":\"1\",\"data\":{line}}}").into(), true),
                _ => (line.as_bytes().to_vec(), false),
            };
            self.send(topic, &bytes, envelope, milliseconds(&event));
        }
        self.producer.flush(PATIENCE).unwrap();
    }

    /// Writes what is no event.
    pub(crate) fn poison(&self) {
        for bytes in [&b"{\"event\""[..], b"", b"\x05", b"\0\0\0\0\xff\x01", b"\0\0", b"\xc3\x01nobodys_one"] {
            self.send("page-views", bytes, false, 1);
        }
        self.send("control", br#"{"event":"nothing"}"#, false, 1);
        self.producer.flush(PATIENCE).unwrap();
    }

    /// Messages in the topic of dead letters.
    pub(crate) fn dead_letters(&self) -> u64 {
        let consumer: BaseConsumer =
            ClientConfig::new().set("bootstrap.servers", &self.brokers).set("group.id", "test").create().unwrap();
        let (low, high) = consumer.fetch_watermarks("smarketing-dead-letters", 0, PATIENCE).unwrap();
        u64::try_from(high - low).unwrap()
    }

    /// Messages in the raw topics.
    pub(crate) fn kept(&self) -> usize {
        let consumer: BaseConsumer =
            ClientConfig::new().set("bootstrap.servers", &self.brokers).set("group.id", "test").create().unwrap();
        let places = TOPICS.iter().flat_map(|topic| (0..self.partitions).map(move |partition| (*topic, partition)));
        let counts = places.map(|(topic, partition)| consumer.fetch_watermarks(topic, partition, PATIENCE).unwrap());
        counts.map(|(low, high)| usize::try_from(high - low).unwrap()).sum()
    }

    fn send(&self, topic: &str, bytes: &[u8], envelope: bool, at: i64) {
        let partition = i32::try_from(self.written).unwrap_or(0) % self.partitions;
        let mut record = BaseRecord::<(), [u8]>::to(topic).partition(partition).payload(bytes).timestamp(at);
        if envelope {
            let header = Header { key: "content-type", value: Some("application/cloudevents+json") };
            record = record.headers(OwnedHeaders::new().insert(header));
        }
        while let Err((error, same)) = self.producer.send(record) {
            // A partition that is new is not known at once.
            let passes = matches!(error.rdkafka_error_code(), Some(Code::QueueFull | Code::UnknownPartition));
            assert!(passes, "{error}");
            record = same;
            self.producer.poll(Duration::from_millis(10));
        }
    }

    fn datum(&self, name: &str, event: &Value) -> Vec<u8> {
        let schema = &self.schemas[name];
        let Value::Object(mut fields) = event.clone() else { panic!("{event}") };
        fields.remove("event");
        fields.insert("occurred_at".to_owned(), milliseconds(event).into());
        if let Some(Value::String(day)) = fields.get("day") {
            let days = instant(&format!("{day}T00:00:00.000Z")) / 86_400_000;
            fields.insert("day".to_owned(), days.into());
        }
        let value = Avro::try_from(Value::Object(fields)).unwrap().resolve(schema).unwrap();
        GenericDatumWriter::builder(schema).build().unwrap().write_value_to_vec(value).unwrap()
    }

    fn framed(&self, name: &str, event: &Value) -> Vec<u8> {
        let id = smarketing_schema::EVENTS.iter().position(|known| *known == name).unwrap();
        let id = u32::try_from(self.first_id + id).unwrap();
        [&[0][..], &id.to_be_bytes(), &self.datum(name, event)].concat()
    }

    fn single_object(&self, name: &str, event: &Value) -> Vec<u8> {
        let fingerprint = self.schemas[name].fingerprint::<Rabin>().bytes;
        [&[0xC3, 0x01][..], &fingerprint, &self.datum(name, event)].concat()
    }
}

/// Whether a broker knows that all topics have so many partitions: a new client asks the one it is told of.
fn knows(broker: &str, partitions: usize) -> bool {
    let client: BaseConsumer = ClientConfig::new().set("bootstrap.servers", broker).create().unwrap();
    let metadata = client.fetch_metadata(None, PATIENCE).unwrap();
    let counts = metadata.topics().iter().filter(|topic| TOPICS.contains(&topic.name()));
    counts.filter(|topic| topic.partitions().len() == partitions).count() == TOPICS.len()
}

fn topic(event: &str) -> &'static str {
    match event {
        "page_viewed" => "page-views",
        "form_submitted" => "form-fills",
        "email_engaged" => "emails",
        "deal_changed" => "deals",
        "lead_reviewed" | "sales_activity" | "lead_updated" => "sales",
        "ad_spent" | "exchange_rate_set" => "spend",
        _ => "control",
    }
}

fn milliseconds(event: &Value) -> i64 {
    event["occurred_at"].as_i64().unwrap_or_else(|| instant(event["occurred_at"].as_str().unwrap()))
}

/// Milliseconds of the form we write ourselves.
fn instant(text: &str) -> i64 {
    let number = |range: std::ops::Range<usize>| text.get(range).map_or(0, |digits| digits.parse::<i64>().unwrap());
    let day = smarketing_kernel::time::Day::from_civil(
        number(0..4).try_into().unwrap(),
        number(5..7).try_into().unwrap(),
        number(8..10).try_into().unwrap(),
    );
    let clock = (number(11..13) * 60 + number(14..16)) * 60 + number(17..19);
    day.unwrap().start().0 + clock * 1_000 + number(20..23)
}

fn admin(brokers: &str) -> AdminClient<DefaultClientContext> {
    ClientConfig::new().set("bootstrap.servers", brokers).create().unwrap()
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

impl Registry {
    fn serve() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let registry = Self { url, mood: Arc::new(Mutex::new(Mood::Well)), asked: Arc::default() };
        let (mood, asked) = (Arc::clone(&registry.mood), Arc::clone(&registry.asked));
        std::thread::spawn(move || {
            let mut waiting = Vec::new();
            for stream in listener.incoming() {
                asked.fetch_add(1, Ordering::SeqCst);
                let mood = *mood.lock().unwrap();
                match mood {
                    Mood::IsSilent => waiting.push(stream),
                    Mood::HangsUp => drop(stream),
                    mood => reply(stream.unwrap(), mood),
                }
            }
        });
        registry
    }

    /// How it is from now on.
    pub(crate) fn be(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    /// How often it was asked.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

/// Answers one request; the next comes on a connection of its own.
fn reply(stream: TcpStream, mood: Mood) {
    let mut stream = BufReader::new(stream);
    let mut request = String::new();
    let _asked = stream.read_line(&mut request);
    let mut line = String::new();
    while stream.read_line(&mut line).is_ok_and(|read| read > 2) {
        line.clear();
    }
    let (status, body) = match mood {
        Mood::Fails => ("500 Internal Server Error", "{\"error_code\":50001}".to_owned()),
        Mood::IsNotThere => ("404 Not Found", "<html>no such backend</html>".to_owned()),
        _ => answer(&request),
    };
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    let _answered = stream.get_mut().write_all((head + &body).as_bytes());
}

fn answer(request: &str) -> (&'static str, String) {
    let id = request.split(['/', ' ']).find_map(|part| part.parse::<usize>().ok());
    let schema = id.and_then(|id| smarketing_schema::EVENTS.get(id % IDS));
    let (status, body) = match schema.and_then(|event| smarketing_schema::reader_schema(event)) {
        Some(schema) => ("200 OK", serde_json::json!({ "schema": schema })),
        None => ("404 Not Found", serde_json::json!({ "error_code": 40403 })),
    };
    (status, body.to_string())
}
