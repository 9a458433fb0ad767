//! A data directory of a test's own, and the binary run on it.

use serde_json::Value;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A pepper for homes that must name the same person alike.
const PEPPER: [u8; 32] = [7; 32];

pub(crate) struct Home {
    folder: TempDir,
    /// Environment of every run of the binary.
    settings: Vec<(String, String)>,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self { folder: TempDir::new().unwrap(), settings: Vec::new() }
    }

    /// A home whose lead ids are those of every other home made so.
    pub(crate) fn peppered() -> Self {
        let home = Self::new();
        std::fs::create_dir_all(home.data()).unwrap();
        std::fs::write(home.data().join("pepper"), PEPPER).unwrap();
        home
    }

    /// Sets configuration keys, such as `KAFKA__BROKERS`, for every run.
    pub(crate) fn with(mut self, settings: &[(&str, &str)]) -> Self {
        let named = |(key, value): &(&str, &str)| (format!("SMARKETING__{key}"), (*value).to_owned());
        self.settings.extend(settings.iter().map(named));
        self
    }

    /// Sets other variables of the environment of every run.
    #[allow(dead_code)]
    pub(crate) fn within(mut self, environment: Vec<(String, String)>) -> Self {
        self.settings.extend(environment);
        self
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Writes a file beside the data directory.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    /// The binary, its arguments, this home's data directory and a free port for the collector.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_smarketing"));
        command
            .arg("--data-dir")
            .arg(self.data())
            .args(arguments)
            .current_dir(self.folder.path())
            .env("SMARKETING__COLLECTOR__LISTEN", "127.0.0.1:0")
            .env("SMARKETING__CLICKHOUSE__DURABLE", "false")
            .envs(self.settings.iter().map(|(key, value)| (key, value)))
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.command(arguments).output().unwrap())
    }

    /// As [`Home::run`], with bytes on standard input.
    pub(crate) fn pipe(&self, arguments: &[&str], input: &[u8]) -> Ran {
        let mut command = self.command(arguments);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        Ran::of(child.wait_with_output().unwrap())
    }

    /// Runs and expects success.
    pub(crate) fn done(&self, arguments: &[&str]) -> Ran {
        let ran = self.run(arguments);
        assert_eq!(ran.code, 0, "{arguments:?}: {}", ran.errors);
        ran
    }

    /// The rows of a query.
    pub(crate) fn query(&self, sql: &str) -> Vec<Value> {
        self.done(&["query", sql, "--format", "json"]).rows()
    }

    /// The auditor finds what ClickHouse holds; how many rows of each table it expected.
    pub(crate) fn audited(&self) -> Vec<(String, u64)> {
        let ran = self.run(&["audit", "--format", "json"]);
        assert_eq!(ran.code, 0, "the audit found differences: {}\n{}", ran.output, ran.errors);
        let count = |row: Value| (row["table"].as_str().unwrap().to_owned(), row["expected"].as_u64().unwrap());
        ran.rows().into_iter().map(count).collect()
    }

    /// Everything readers can see that does not depend on when it was computed, as one digest a table.
    pub(crate) fn digests(&self) -> Vec<Value> {
        let whole = [
            "web_events",
            "touches",
            "leads",
            "lead_events",
            "stage_entries",
            "handoffs",
            "deals",
            "deal_history",
            "conversions",
            "conversion_credits",
            "credits",
            "ad_spend",
            "exchange_rates",
            "reconciliation",
        ];
        let digest = |name: &str, from: &str| {
            format!(
                "SELECT '{name}' AS name, count() AS rows, toString(sum(sipHash64(toString(tuple(*))))) AS digest FROM ({from})"
            )
        };
        let mut parts: Vec<String> = whole.iter().map(|name| digest(name, &format!("SELECT * FROM {name}"))).collect();
        // The ledger's history depends on when things arrived, its balances do not.
        let balances = "SELECT conversion, model, touch_id, channel, sum(micro_credits) AS micro, sum(credit_minor) AS minor \
                        FROM credit_ledger GROUP BY ALL HAVING micro != 0 OR minor != 0";
        parts.push(digest("ledger", balances));
        self.query(&format!("SELECT * FROM ({}) ORDER BY name", parts.join(" UNION ALL ")))
    }

    /// Starts the service and waits until it has announced itself.
    pub(crate) fn up(&self) -> Up {
        self.up_with(self.command(&["up"]))
    }

    /// As [`Home::up`], with another verb that serves.
    pub(crate) fn serve(&self, verb: &str) -> Up {
        self.up_with(self.command(&[verb]))
    }

    /// As [`Home::up`], by a command of the caller's making.
    pub(crate) fn up_with(&self, mut command: Command) -> Up {
        self.up_beside(command.stdout(Stdio::piped()))
    }

    /// As [`Home::up_with`], with a standard output of the caller's choice.
    pub(crate) fn up_beside(&self, command: &mut Command) -> Up {
        let child = command.spawn().unwrap();
        let path = self.data().join("service.json");
        let patience = Instant::now();
        loop {
            let announced = std::fs::read(&path).ok().and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
            match announced {
                Some(said) if said["pid"] == child.id() => return Up { child, said },
                _ => assert!(patience.elapsed() < Duration::from_secs(60), "the service did not come up"),
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// A running service.
pub(crate) struct Up {
    pub(crate) child: Child,
    said: Value,
}

impl Up {
    pub(crate) fn url(&self, what: &str) -> String {
        self.said[what].as_str().unwrap().to_owned()
    }

    /// Sends a body with curl; status and answer.
    pub(crate) fn post(&self, path: &str, headers: &[&str], body: &Path) -> (u16, Value) {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--write-out", "\n%{http_code}", "--data-binary"]);
        curl.arg(format!("@{}", body.display()));
        for header in headers {
            curl.args(["--header", header]);
        }
        let ran = Ran::of(curl.arg(format!("{}{path}", self.url("collector"))).output().expect("curl is needed"));
        let (answer, status) = ran.output.rsplit_once('\n').unwrap();
        (status.parse().unwrap(), serde_json::from_str(answer).unwrap_or(Value::Null))
    }

    /// Asks with curl.
    pub(crate) fn get(&self, path: &str) -> Value {
        let mut curl = Command::new("curl");
        let url = format!("{}{path}", self.url("collector"));
        let ran = Ran::of(curl.args(["--silent", "--max-time", "10", &url]).output().expect("curl is needed"));
        serde_json::from_str(&ran.output).unwrap_or(Value::Null)
    }

    /// Asks with curl, as a reader who bears the token of the data directory: status and answer as it came.
    pub(crate) fn ask(&self, path: &str) -> (u16, String) {
        let bearer = format!("Authorization: Bearer {}", self.url("token"));
        let url = format!("{}{path}", self.url("collector"));
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--write-out", "\n%{http_code}", "--header", &bearer, &url]);
        let ran = Ran::of(curl.output().expect("curl is needed"));
        let (answer, status) = ran.output.rsplit_once('\n').unwrap();
        (status.parse().unwrap(), answer.to_owned())
    }

    /// Kills it.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits until everything sent is in the warehouse.
    pub(crate) fn settle(&self) {
        let bearer = format!("Authorization: Bearer {}", self.url("token"));
        let body = tempfile::NamedTempFile::new().unwrap();
        let (status, answer) = self.post("/admin/settle", &[&bearer], body.path());
        assert_eq!(status, 200, "{answer}");
    }

    /// Asks it to stop and says how it ended.
    pub(crate) fn stop(mut self) -> Option<i32> {
        self.signal("TERM");
        self.child.wait().unwrap().code()
    }

    pub(crate) fn signal(&self, signal: &str) {
        assert!(kill(self.child.id(), signal));
    }

    /// What `GET /v1/status` says.
    pub(crate) fn status(&self) -> Value {
        let url = format!("{}/v1/status", self.url("collector"));
        let ran =
            Ran::of(Command::new("curl").args(["--silent", "--show-error", &url]).output().expect("curl is needed"));
        serde_json::from_str(&ran.output).unwrap()
    }
}

/// Sends a signal; false when the process is gone.
pub(crate) fn kill(pid: u32, signal: &str) -> bool {
    let mut kill = Command::new("kill");
    kill.args([&format!("-{signal}"), &pid.to_string()]).stderr(Stdio::null()).status().unwrap().success()
}

/// The embedded engine of a process: its only child.
pub(crate) fn engine_of(parent: u32) -> Option<u32> {
    let stat =
        |entry: std::io::Result<std::fs::DirEntry>| std::fs::read_to_string(entry.ok()?.path().join("stat")).ok();
    std::fs::read_dir("/proc").unwrap().filter_map(stat).find_map(|stat| {
        // The name in parentheses may hold anything; state and parent follow it.
        let (pid, rest) = stat.split_once(" (")?;
        let ours = rest.rsplit_once(") ")?.1.split(' ').nth(1)? == parent.to_string();
        ours.then(|| pid.parse().ok())?
    })
}

impl Drop for Up {
    /// A test that fails leaves nobody behind.
    fn drop(&mut self) {
        let _gone_already = self.child.kill();
        let _gone_already = self.child.wait();
    }
}

/// How a run of the binary ended.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) output: String,
    pub(crate) errors: String,
}

impl Ran {
    fn of(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code().unwrap_or(-1), output: text(output.stdout), errors: text(output.stderr) }
    }

    /// The JSON lines of the output.
    pub(crate) fn rows(&self) -> Vec<Value> {
        self.output
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
            .collect()
    }

    /// The row that has all of these fields.
    pub(crate) fn row(&self, fields: &Value) -> Value {
        let has = |row: &&Value| fields.as_object().unwrap().iter().all(|(name, value)| row[name] == *value);
        let rows = self.rows();
        rows.iter().find(has).unwrap_or_else(|| panic!("no row with {fields} in {}", self.output)).clone()
    }
}
