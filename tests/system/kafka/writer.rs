//! Writers of raw topics: JSON, Avro in three ways and envelopes, mixed; and what is no event.

use crate::registry::{Line, Registry};
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
use std::time::Duration;

/// What [`Writer::poison`] writes: the reasons why, and how many of each.
pub(crate) const POISON: [(&str, u64); 3] = [("invalid_avro", 3), ("invalid_json", 3), ("missing_field", 1)];

const TOPICS: [&str; 7] = ["page-views", "form-fills", "emails", "deals", "sales", "spend", "control"];
const PARTITIONS: i32 = 3;
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Writer {
    /// How readers reach the registry.
    pub(crate) registry: Line,
    brokers: String,
    producer: BaseProducer<Delivered>,
    /// Our schema of every event.
    schemas: HashMap<String, Schema>,
    /// The one that writers with a registry have, and the id it gave it.
    registered: HashMap<String, (Schema, u32)>,
    /// Events written so far.
    pub(crate) written: usize,
    /// Those whose schema only the registry knows.
    pub(crate) named_in_registry: usize,
    partitions: i32,
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
            registry: Line::lay(),
            brokers: brokers.to_owned(),
            producer: config.create_with_context(Delivered).unwrap(),
            schemas,
            registered: registered(|schema| schema),
            written: 0,
            named_in_registry: 0,
            partitions: PARTITIONS,
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

    /// Writes with schemas that say more than ours, and that nobody has asked the registry for yet.
    pub(crate) fn evolve(&mut self) {
        self.registered = registered(|mut schema| {
            let more = serde_json::json!({"name": "more", "type": ["null", "string"], "default": null});
            schema["fields"].as_array_mut().unwrap().insert(0, more);
            schema
        });
    }

    /// Writes lines of ours, each to its topic, in one form or the other.
    pub(crate) fn write(&mut self, lines: &[&str]) {
        for line in lines {
            let event: Value = serde_json::from_str(line).unwrap();
            let name = event["event"].as_str().unwrap();
            let topic = topic(name);
            self.written += 1;
            let (bytes, envelope) = match (topic, self.written % 4) {
                ("emails", _) => (Self::datum(&self.schemas[name], &event), false),
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

    fn datum(schema: &Schema, event: &Value) -> Vec<u8> {
        let Value::Object(mut fields) = event.clone() else { panic!("{event}") };
        fields.remove("event");
        fields.insert("more".to_owned(), "than we know".into());
        fields.insert("occurred_at".to_owned(), milliseconds(event).into());
        if let Some(Value::String(day)) = fields.get("day") {
            let days = instant(&format!("{day}T00:00:00.000Z")) / 86_400_000;
            fields.insert("day".to_owned(), days.into());
        }
        let value = Avro::try_from(Value::Object(fields)).unwrap().resolve(schema).unwrap();
        GenericDatumWriter::builder(schema).build().unwrap().write_value_to_vec(value).unwrap()
    }

    fn framed(&mut self, name: &str, event: &Value) -> Vec<u8> {
        self.named_in_registry += 1;
        let (schema, id) = &self.registered[name];
        [&[0][..], &id.to_be_bytes(), &Self::datum(schema, event)].concat()
    }

    fn single_object(&self, name: &str, event: &Value) -> Vec<u8> {
        let schema = &self.schemas[name];
        [&[0xC3, 0x01][..], &schema.fingerprint::<Rabin>().bytes, &Self::datum(schema, event)].concat()
    }
}

/// Registers what `change` makes of our schemas, each under the name of its event.
fn registered(change: impl Fn(Value) -> Value) -> HashMap<String, (Schema, u32)> {
    let register = |event: &&str| {
        let ours: Value = serde_json::from_str(smarketing_schema::reader_schema(event).unwrap()).unwrap();
        let schema = change(ours).to_string();
        let id = Registry::register(event, &schema);
        ((*event).to_owned(), (Schema::parse_str(&schema).unwrap(), id))
    };
    smarketing_schema::EVENTS.iter().map(register).collect()
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
