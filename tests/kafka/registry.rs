//! A real schema registry for tests, Apicurio's, which speaks the HTTP interface of Confluent's; and a line to it that
//! fails in every way in which lines fail.

use super::cluster::{fetched, tethered};
use super::ports;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

/// Where its interface is that is like Confluent's.
const INTERFACE: &str = "/apis/ccompat/v7";

/// How long it may take to come up on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// The one registry of a test binary. It holds what it is told in memory, and refuses a schema that does not understand
/// every one before it, or is not understood.
static REGISTRY: LazyLock<Registry> = LazyLock::new(Registry::start);

pub(crate) struct Registry {
    port: u16,
    /// Of two who tell it the same at once, it refuses one.
    turn: Mutex<()>,
    _running: Child,
}

impl Registry {
    fn start() -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("registry");
        std::fs::create_dir_all(&folder).unwrap();
        let home = fetched().join("registry");
        let mut parts = std::fs::read_dir(&home).unwrap().map(|entry| entry.unwrap().path());
        let runner = parts.find(|path| path.extension().is_some_and(|kind| kind == "jar")).unwrap();
        let port = ports::free();
        let mut java = Command::new("java");
        java.args(["-Xmx192m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dquarkus.log.level=WARN"]);
        java.args(["-Dquarkus.http.host=127.0.0.1", &format!("-Dquarkus.http.port={port}"), "-jar"]).arg(runner);
        let registry = Self { port, turn: Mutex::new(()), _running: tethered(&java, &folder) };
        let started = Instant::now();
        let mode = json!({ "compatibility": "FULL_TRANSITIVE" });
        while registry.tell("PUT", "/config", &mode)["compatibility"] != mode["compatibility"] {
            let said = || std::fs::read_to_string(folder.join("out.log")).unwrap_or_default();
            assert!(started.elapsed() < PATIENCE, "the registry did not come up: {}", said());
            std::thread::sleep(Duration::from_millis(100));
        }
        registry
    }

    /// Registers a schema under a subject, as writers do, and gives its id.
    pub(crate) fn register(subject: &str, schema: &str) -> u32 {
        let answer = REGISTRY.tell("POST", &format!("/subjects/{subject}/versions"), &json!({ "schema": schema }));
        let id =
            answer["id"].as_u64().unwrap_or_else(|| panic!("the registry refuses a schema of {subject}: {answer}"));
        u32::try_from(id).unwrap()
    }

    fn tell(&self, method: &str, path: &str, body: &Value) -> Value {
        let _turn = self.turn.lock().unwrap();
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--request", method, "--data-binary", "@-"]);
        curl.args(["--header", "Content-Type: application/vnd.schemaregistry.v1+json"]);
        curl.arg(format!("http://127.0.0.1:{}{INTERFACE}{path}", self.port));
        let mut curl = curl.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("curl is needed");
        curl.stdin.take().unwrap().write_all(body.to_string().as_bytes()).unwrap();
        serde_json::from_slice(&curl.wait_with_output().unwrap().stdout).unwrap_or(Value::Null)
    }
}

/// The way readers take to the registry.
pub(crate) struct Line {
    pub(crate) url: String,
    state: Arc<Mutex<State>>,
    calls: Arc<AtomicUsize>,
}

struct State {
    mood: Mood,
    /// Both ends of the calls that are put through.
    open: Vec<TcpStream>,
}

/// What becomes of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    /// They are put through to the registry.
    Well,
    /// The line goes dead.
    HangsUp,
    /// A gateway says that something failed behind it.
    Fails,
    /// A gateway says that nobody is there.
    IsNotThere,
    /// The line stays open, and nothing is said.
    IsSilent,
}

impl Line {
    pub(crate) fn lay() -> Self {
        LazyLock::force(&REGISTRY);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}{INTERFACE}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State { mood: Mood::Well, open: Vec::new() }));
        let line = Self { url, state: Arc::clone(&state), calls: Arc::default() };
        let calls = Arc::clone(&line.calls);
        std::thread::spawn(move || {
            let mut waiting = Vec::new();
            for call in listener.incoming().map(Result::unwrap) {
                calls.fetch_add(1, Ordering::SeqCst);
                let mut state = state.lock().unwrap();
                match state.mood {
                    Mood::Well => state.open.extend(put_through(call)),
                    Mood::HangsUp => drop(call),
                    Mood::IsSilent => waiting.push(call),
                    Mood::Fails => reply(call, "500 Internal Server Error", "{\"error_code\":50001}"),
                    Mood::IsNotThere => reply(call, "404 Not Found", "<html>no such backend</html>"),
                }
            }
        });
        line
    }

    /// How it is from now on; calls that are on are cut off.
    pub(crate) fn be(&self, mood: Mood) {
        let mut state = self.state.lock().unwrap();
        state.mood = mood;
        state.open.drain(..).for_each(|end| drop(end.shutdown(Shutdown::Both)));
    }

    /// How many calls came.
    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

/// Both ends of a call that goes on by itself.
fn put_through(near: TcpStream) -> [TcpStream; 2] {
    let far = TcpStream::connect(("127.0.0.1", REGISTRY.port)).unwrap();
    let ends = [near, far];
    let other = || ends.each_ref().map(|end| end.try_clone().unwrap());
    for ([mut from, mut to], turned) in [(other(), false), (other(), true)] {
        if turned {
            std::mem::swap(&mut from, &mut to);
        }
        std::thread::spawn(move || {
            let _cut_off = std::io::copy(&mut from, &mut to);
            let _gone = to.shutdown(Shutdown::Both);
        });
    }
    ends
}

/// Hears a call out and answers in the registry's place.
fn reply(call: TcpStream, status: &str, body: &str) {
    let mut call = BufReader::new(call);
    let mut line = String::new();
    while call.read_line(&mut line).is_ok_and(|read| read > 2) {
        line.clear();
    }
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    let _answered = call.get_mut().write_all((head + body).as_bytes());
}
