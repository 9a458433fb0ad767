//! Writers of raw topics: JSON, Avro in three ways and envelopes, mixed; and what is no event.

use apache_avro::Schema;
use apache_avro::rabin::Rabin;
use apache_avro::types::Value as Avro;
use apache_avro::writer::datum::GenericDatumWriter;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use serde_json::Value;
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::time::Duration;

/// What [`Writer::poison`] writes: the reasons why, and how many of each.
pub(crate) const POISON: [(&str, u64); 3] = [("invalid_avro", 3), ("invalid_json", 3), ("missing_field", 1)];

const TOPICS: [&str; 7] = ["page-views", "form-fills", "emails", "deals", "sales", "spend", "control"];
const PARTITIONS: i32 = 3;
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Writer {
    pub(crate) registry: Registry,
    brokers: String,
    producer: BaseProducer,
    schemas: HashMap<String, Schema>,
    written: usize,
}

/// The part of a schema registry that readers use: the schema of an id.
pub(crate) struct Registry {
    pub(crate) url: String,
}

impl Writer {
    /// Makes the topics, each with so many copies, and serves the registry.
    pub(crate) fn new(brokers: &str, copies: i32) -> Self {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", brokers).set("linger.ms", "20").set("enable.idempotence", "true");
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
            producer: config.create().unwrap(),
            schemas,
            written: 0,
        }
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

    fn send(&self, topic: &str, bytes: &[u8], envelope: bool, at: i64) {
        let partition = i32::try_from(self.written).unwrap_or(0) % PARTITIONS;
        let mut record = BaseRecord::<(), [u8]>::to(topic).partition(partition).payload(bytes).timestamp(at);
        if envelope {
            let header = Header { key: "content-type", value: Some("application/cloudevents+json") };
            record = record.headers(OwnedHeaders::new().insert(header));
        }
        while let Err((error, same)) = self.producer.send(record) {
            assert_eq!(error.rdkafka_error_code(), Some(rdkafka::types::RDKafkaErrorCode::QueueFull));
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
        let id = u32::try_from(id).unwrap();
        [&[0][..], &id.to_be_bytes(), &self.datum(name, event)].concat()
    }

    fn single_object(&self, name: &str, event: &Value) -> Vec<u8> {
        let fingerprint = self.schemas[name].fingerprint::<Rabin>().bytes;
        [&[0xC3, 0x01][..], &fingerprint, &self.datum(name, event)].concat()
    }
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
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = BufReader::new(stream.unwrap());
                let mut request = String::new();
                // One request a connection.
                let _asked = stream.read_line(&mut request);
                let mut line = String::new();
                while stream.read_line(&mut line).is_ok_and(|read| read > 2) {
                    line.clear();
                }
                let _answered = stream.get_mut().write_all(answer(&request).as_bytes());
            }
        });
        Self { url }
    }
}

fn answer(request: &str) -> String {
    let id = request.split(['/', ' ']).find_map(|part| part.parse::<usize>().ok());
    let schema = id.and_then(|id| smarketing_schema::EVENTS.get(id));
    let (status, body) = match schema.and_then(|event| smarketing_schema::reader_schema(event)) {
        Some(schema) => ("200 OK", serde_json::json!({ "schema": schema })),
        None => ("404 Not Found", serde_json::json!({ "error_code": 40403 })),
    };
    let body = body.to_string();
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}
