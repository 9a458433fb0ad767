//! A real collector on a free port, over a journal whose faults a test can switch, and a client that speaks raw HTTP.

use serde_json::Value;
use smarketing_engine::log::{self, Log, Memory, Reader, Size};
use smarketing_engine::vault::Ring;
use smarketing_engine::{Intake, Pepper, Progress, Vault, codec};
use smarketing_kernel::entry::Entry;
use smarketing_kernel::time::{Day, Timestamp};
use smarketing_store::Store as _;
use smarketing_web::{Admin, Answered, Collector, ImportRequest, Inquiry, Options, RetryRequest, Unanswered};
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

pub(crate) const PARTITIONS: u32 = 3;
/// An hour after the events of these tests.
const NOW: Timestamp = Timestamp(1_772_361_000_000);
pub(crate) const TOKEN: &str = "0123456789abcdef";

/// What the journal does with appends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Open,
    Failing,
    /// Appends wait until the mode changes.
    Held,
    /// As brokers that take connections and say nothing: who asks for the journal's end waits until the mode changes.
    Silent,
}

/// The journal in memory, with faults.
pub(crate) struct Faulty {
    pub(crate) memory: Memory,
    mode: Mutex<(Mode, u32)>,
    changed: Condvar,
}

impl Faulty {
    pub(crate) fn set(&self, mode: Mode) {
        self.mode.lock().unwrap().0 = mode;
        self.changed.notify_all();
    }

    /// Waits until an append is held.
    pub(crate) async fn held(&self) {
        while self.mode.lock().unwrap().1 == 0 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// All entries, by partition.
    pub(crate) fn entries(&self) -> Vec<Vec<Entry>> {
        let read = |partition| {
            let batch = self.memory.reader(partition, 0).unwrap().read(usize::MAX, usize::MAX, Duration::ZERO).unwrap();
            batch.iter().map(|(_, bytes)| codec::decode(bytes).unwrap()).collect()
        };
        (0..PARTITIONS).map(read).collect()
    }

    pub(crate) fn count(&self) -> u64 {
        (0..PARTITIONS).map(|partition| self.memory.end(partition).unwrap()).sum()
    }
}

impl Log for Faulty {
    fn partitions(&self) -> u32 {
        self.memory.partitions()
    }

    fn append(&self, partition: u32, entries: &[&[u8]]) -> log::Result<u64> {
        let mut mode = self.mode.lock().unwrap();
        mode.1 += 1;
        mode = self.changed.wait_while(mode, |(mode, _)| *mode == Mode::Held).unwrap();
        mode.1 -= 1;
        if mode.0 == Mode::Failing {
            let source = std::io::Error::other("no space left on device");
            return Err(log::Error::Io { action: "write", path: "segment".into(), source });
        }
        self.memory.append(partition, entries)
    }

    fn end(&self, partition: u32) -> log::Result<u64> {
        drop(self.changed.wait_while(self.mode.lock().unwrap(), |(mode, _)| *mode == Mode::Silent).unwrap());
        self.memory.end(partition)
    }

    fn reader(&self, partition: u32, from: u64) -> log::Result<Box<dyn Reader>> {
        self.memory.reader(partition, from)
    }

    fn size(&self) -> Size {
        self.memory.size()
    }
}

/// Answers with what it was asked.
pub(crate) struct Echo;

impl Admin for Echo {
    fn import(&self, request: ImportRequest) -> Result<Value, String> {
        match request.dialect.as_str() {
            "events" => Ok(serde_json::json!({ "paths": request.paths, "currency": request.currency })),
            other => Err(format!("there is no dialect \"{other}\"")),
        }
    }

    fn retry(&self, request: RetryRequest) -> Result<Value, String> {
        Ok(serde_json::json!([request.stream, request.reason]))
    }

    fn watch(&self, day: Day) -> Result<Value, String> {
        Ok(serde_json::json!({ "day": day.to_string() }))
    }

    fn ask(&self, inquiry: &Inquiry) -> Result<Answered, Unanswered> {
        match inquiry.subject.as_str() {
            "missing" => Err(Unanswered::Missing("no such deal".into())),
            "wrong" => Err(Unanswered::Wrong("no such report; there are a, b".into())),
            "down" => Err(Unanswered::Failed("the warehouse is down".into())),
            "long" => Ok(Answered { lines: " ".repeat(17 << 20), cut: None }),
            subject => {
                let lines = format!("{}\n", serde_json::json!([inquiry.verb, subject, inquiry.options]));
                Ok(Answered { lines, cut: (subject == "large").then(|| "more than 5".into()) })
            }
        }
    }

    fn settle(&self) -> Result<Value, String> {
        Ok(serde_json::json!({ "delivered": 0 }))
    }
}

/// A collector and what stands behind it.
pub(crate) struct Bed {
    pub(crate) log: Arc<Faulty>,
    pub(crate) progress: Arc<Progress>,
    pub(crate) collector: Collector,
    pub(crate) address: SocketAddr,
}

impl Bed {
    pub(crate) async fn new() -> Self {
        Self::with(|_| ()).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Options)) -> Self {
        let mode = Mutex::new((Mode::Open, 0));
        let log = Arc::new(Faulty { memory: Memory::new(PARTITIONS), mode, changed: Condvar::new() });
        let cells = smarketing_store::Memory::default().cells("persons").unwrap();
        let vault = Arc::new(Vault::new(Box::new(Ring::new(cells)), Pepper([7; 32])));
        let intake = Arc::new(Intake::new(Arc::clone(&log) as Arc<dyn Log>, vault, []));
        let progress = Arc::new(Progress::new(PARTITIONS));
        let mut options = Options::new("127.0.0.1:0".parse().unwrap(), TOKEN.into(), || NOW);
        change(&mut options);
        let collector = Collector::start(options, intake, Arc::clone(&progress), Arc::new(Echo)).await.unwrap();
        let address = collector.url().strip_prefix("http://").unwrap().parse().unwrap();
        Self { log, progress, collector, address }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        send(self.address, "GET", path, "", b"").await
    }

    pub(crate) async fn post(&self, headers: &str, body: &[u8]) -> Answer {
        send(self.address, "POST", "/v1/events", headers, body).await
    }
}

/// An answer: status, head in lower case, JSON.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) json: Value,
}

/// One request on a connection of its own; `headers` are whole lines.
pub(crate) async fn send(address: SocketAddr, method: &str, path: &str, headers: &str, body: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body).await.unwrap();
    receive(stream).await
}

/// Reads an answer up to the end of the connection.
pub(crate) async fn receive(mut stream: impl AsyncRead + Unpin) -> Answer {
    let mut bytes = Vec::new();
    let _length = stream.read_to_end(&mut bytes).await.unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    Answer { status, head: head.to_lowercase(), json: serde_json::from_str(body).unwrap_or(Value::Null) }
}

/// A page view with the id `id`.
pub(crate) fn event(id: &str) -> String {
    format!(
        "{{\"event\":\"page_viewed\",\"event_id\":\"{id}\",\"occurred_at\":\"2026-03-01T09:30:00Z\",\
         \"visitor_id\":\"v-{id}\",\"url\":\"https://acme.test/blog/{id}\"}}\n"
    )
}
