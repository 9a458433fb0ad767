//! Events a second through the collector: loopback sockets, JSON lines, the real intake and journal on disk.
//! `cargo bench -p smarketing-web --bench collector -- [events] [events a request] [producers]`

use smarketing_engine::log::{Local, Log, Options as LogOptions};
use smarketing_engine::vault::Ring;
use smarketing_engine::{Intake, Pepper, Progress, Vault};
use smarketing_kernel::time::{Day, Timestamp};
use smarketing_store::Store as _;
use smarketing_web::{Admin, Answered, Collector, ImportRequest, Inquiry, Options, RetryRequest, Unanswered};
use std::env;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

/// Administers nothing: producers are measured.
struct Nobody;

impl Admin for Nobody {
    fn import(&self, _: ImportRequest) -> Result<serde_json::Value, String> {
        Err("not measured".into())
    }

    fn retry(&self, _: RetryRequest) -> Result<serde_json::Value, String> {
        Err("not measured".into())
    }

    fn watch(&self, _day: Day) -> Result<serde_json::Value, String> {
        Ok(serde_json::Value::Null)
    }

    fn ask(&self, _: &Inquiry) -> Result<Answered, Unanswered> {
        Err(Unanswered::Failed("not measured".into()))
    }

    fn settle(&self) -> Result<serde_json::Value, String> {
        Err("not measured".into())
    }
}

/// One request of page views, whole.
fn request(producer: usize, request: usize, events: usize) -> Vec<u8> {
    let line = |n: usize| {
        format!(
            "{{\"event\":\"page_viewed\",\"event_id\":\"{producer}-{request}-{n}\",\"occurred_at\":\"2026-03-01T09:30:00Z\",\
             \"visitor_id\":\"v-{producer}-{}\",\"url\":\"https://acme.test/blog/{}?utm_source=google&utm_medium=cpc\",\
             \"referrer\":\"https://www.google.com/\",\"user_agent\":\"Mozilla/5.0 (X11; Linux x86_64)\"}}\n",
            n % 977,
            n % 97
        )
    };
    let body: String = (0..events).map(line).collect();
    let head = format!("POST /v1/events HTTP/1.1\r\nhost: test\r\ncontent-length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body.as_bytes()].concat()
}

/// Sends requests on one connection and reads each answer; how many bytes were sent.
fn produce(address: &str, requests: &[Vec<u8>]) -> usize {
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_nodelay(true).expect("a socket");
    let mut answer = [0; 4_096];
    for request in requests {
        stream.write_all(request).expect("a request");
        let length = stream.read(&mut answer).expect("an answer");
        assert!(answer[..length].starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer[..length]));
    }
    requests.iter().map(Vec::len).sum()
}

fn main() {
    let numbers: Vec<usize> = env::args().filter_map(|arg| arg.parse().ok()).collect();
    let number = |at: usize, default: usize| numbers.get(at).copied().unwrap_or(default);
    let (total, a_request, producers) = (number(0, 400_000), number(1, 1_000), number(2, 4));
    let directory = tempfile::tempdir().expect("a temporary directory");
    let log: Arc<dyn Log> = Arc::new(Local::open(directory.path(), 4, LogOptions::default()).expect("a journal"));
    let cells = smarketing_store::Memory::default().cells("persons").expect("cells");
    let vault = Arc::new(Vault::new(Box::new(Ring::new(cells)), Pepper([7; 32])));
    let intake = Arc::new(Intake::new(Arc::clone(&log), vault, []));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let options =
        Options::new("127.0.0.1:0".parse().expect("an address"), String::new(), || Timestamp(1_772_361_000_000));
    let started = Collector::start(options, intake, Arc::new(Progress::new(4)), Arc::new(Nobody));
    let collector = runtime.block_on(started).expect("a collector");
    let address = collector.url().replace("http://", "");
    let of_each = total / a_request / producers;
    let requests: Vec<Vec<Vec<u8>>> =
        (0..producers).map(|p| (0..of_each).map(|r| request(p, r, a_request)).collect()).collect();
    let began = Instant::now();
    let sent: usize = thread::scope(|scope| {
        let producing: Vec<_> = requests.iter().map(|requests| scope.spawn(|| produce(&address, requests))).collect();
        producing.into_iter().map(|producer| producer.join().expect("a producer")).sum()
    });
    let seconds = began.elapsed().as_secs_f64();
    runtime.block_on(collector.stop());
    let taken: u64 = (0..4).map(|partition| log.end(partition).expect("an end")).sum();
    assert_eq!(taken as usize, of_each * producers * a_request, "an event is missing");
    println!(
        "{producers} producers, {a_request} events a request: {:.0} events/s, {:.1} MB/s, {:.0} requests/s",
        taken as f64 / seconds,
        sent as f64 / seconds / 1e6,
        (of_each * producers) as f64 / seconds
    );
}
