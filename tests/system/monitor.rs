//! The real Prometheus and Alertmanager beside the real service, and a webhook that hears what they have to say.

use super::ports;
use smarketing_engine::Metric;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const RULES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/prometheus");

/// Runs promtool of the package `prometheus`.
fn promtool(arguments: &[&str]) -> String {
    let ran = Command::new("promtool").args(arguments).current_dir(RULES).output();
    let ran = ran.expect("promtool is needed: `scripts/setup test` installs the package prometheus");
    let said = format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{arguments:?}: {said}");
    said
}

#[test]
fn the_alert_rules_pass_their_tests() {
    promtool(&["check", "config", "prometheus.yml"]);
    assert!(promtool(&["test", "rules", "rules_test.yml"]).contains("SUCCESS"));
}

#[test]
fn the_alert_rules_name_metrics_that_there_are() {
    let rules = std::fs::read_to_string(Path::new(RULES).join("rules.yml")).unwrap();
    let words = rules.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let named: Vec<&str> = words.filter(|word| word.starts_with("smarketing_")).collect();
    let known = |word: &str| Metric::ALL.iter().any(|metric| word.trim_end_matches("_bucket") == metric.name());
    let unknown: Vec<_> = named.iter().filter(|word| !known(word)).collect();
    assert!(named.len() > 10 && unknown.is_empty(), "{unknown:?}");
}

/// Prometheus and Alertmanager, watching a service; stopped when dropped.
pub(crate) struct Monitor {
    _folder: TempDir,
    running: Vec<Child>,
    prometheus: String,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Monitor {
    /// Watches the service at `target`, such as `127.0.0.1:7070`, by the shipped rules, every second.
    pub(crate) fn start(target: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let (heard, webhook) = listen();
        let [prometheus, alertmanager] = [(); 2].map(|()| format!("127.0.0.1:{}", ports::free()));
        let write = |name: &str, text: String| -> PathBuf {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let shipped = std::fs::read_to_string(Path::new(RULES).join("prometheus.yml")).unwrap();
        let config = shipped
            .replace("15s", "1s")
            .replace("rules.yml", &format!("{RULES}/rules.yml"))
            .replace("127.0.0.1:9093", &alertmanager)
            .replace("127.0.0.1:7070", target);
        let config = write("prometheus.yml", config);
        let routes = format!(
            "route: {{receiver: hook, group_by: [alertname], group_wait: 1s, group_interval: 1s}}\n\
             receivers: [{{name: hook, webhook_configs: [{{url: 'http://{webhook}/'}}]}}]\n"
        );
        let routes = write("alertmanager.yml", routes);
        let start = |program: &str, arguments: &[String]| {
            let mut command = Command::new(program);
            command.args(arguments).current_dir(folder.path()).stdout(Stdio::null()).stderr(Stdio::null());
            command.spawn().unwrap_or_else(|_| panic!("{program} is needed: `scripts/setup test` installs it"))
        };
        let of = |flag: &str, value: &str| format!("--{flag}={value}");
        let running = vec![
            start(
                "prometheus-alertmanager",
                &[
                    of("config.file", &routes.display().to_string()),
                    of("storage.path", "alerts"),
                    of("web.listen-address", &alertmanager),
                    of("cluster.listen-address", ""),
                ],
            ),
            start(
                "prometheus",
                &[
                    of("config.file", &config.display().to_string()),
                    of("storage.tsdb.path", "series"),
                    of("web.listen-address", &prometheus),
                ],
            ),
        ];
        Self { _folder: folder, running, prometheus, heard }
    }

    /// Waits until the service was scraped and the rules evaluated so many times.
    pub(crate) fn scraped(&self, times: u32) {
        let query = format!("query=count_over_time(smarketing_watch_alarm[5m]) >= {times}");
        self.patiently("no scrape", || {
            let url = format!("http://{}/api/v1/query", self.prometheus);
            let ran = Command::new("curl").args(["--silent", "--data-urlencode", &query, &url]).output().unwrap();
            String::from_utf8_lossy(&ran.stdout).contains("\"value\"")
        });
    }

    /// Whether the webhook was told of an alert.
    pub(crate) fn told(&self, alert: &str) -> bool {
        self.heard.lock().unwrap().iter().any(|body| body.contains(&format!("\"alertname\":\"{alert}\"")))
    }

    /// Waits until the webhook is told of an alert.
    pub(crate) fn tells(&self, alert: &str) {
        self.patiently(alert, || self.told(alert));
    }

    fn patiently(&self, what: &str, mut done: impl FnMut() -> bool) {
        let started = Instant::now();
        while !done() {
            let heard = || self.heard.lock().unwrap().join("\n");
            assert!(started.elapsed() < Duration::from_secs(90), "{what}; heard: {}", heard());
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        for child in &mut self.running {
            let _gone = child.kill();
            let _ended = child.wait();
        }
    }
}

/// A webhook: what was posted to it, and its address.
fn listen() -> (Arc<Mutex<Vec<String>>>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&heard);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let body = stream.map(answer).unwrap_or_default();
            told.lock().unwrap().push(body);
        }
    });
    (heard, address)
}

/// Reads a request to the end of its body and says thank you.
fn answer(mut stream: TcpStream) -> String {
    let mut request = Vec::new();
    let mut piece = [0; 4_096];
    loop {
        let text = String::from_utf8_lossy(&request).to_string();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                let _heard = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                return body.to_owned();
            }
        }
        match stream.read(&mut piece) {
            Ok(read) if read > 0 => request.extend_from_slice(&piece[..read]),
            _ => return String::new(),
        }
    }
}
