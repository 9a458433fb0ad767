//! The box as its clients see it: the real libchdb in a real child process, asked over HTTP by
//! `curl` and by the official clients for Rust, Python and JavaScript.
//!
//! Nothing is skipped: what is missing fails with the command that fetches it.

use clickhouse::{Client, Row};
use serde::{Deserialize, Serialize};
use smarketing_chbox::{Launch, Options, Supervisor};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A box over a directory of its own.
struct Tried {
    supervisor: Supervisor,
    directory: TempDir,
}

fn launch() -> Launch {
    Launch {
        program: env!("CARGO_BIN_EXE_chbox").into(),
        arguments: Vec::new(),
        check_every: Duration::from_millis(300),
        check_timeout: Duration::from_secs(5),
    }
}

async fn start(change: impl FnOnce(&mut Options)) -> Tried {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let mut options = Options { path: directory.path().join("data"), ..Options::default() };
    change(&mut options);
    let supervisor = Supervisor::start(launch(), options).await.unwrap_or_else(|error| panic!("{error}"));
    Tried { supervisor, directory }
}

/// What `curl` got.
#[derive(Debug)]
struct Got {
    status: u16,
    headers: String,
    body: Vec<u8>,
    /// `curl`'s own exit code: not 0 when the body was cut off.
    exit: i32,
}

impl Got {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn header(&self, name: &str) -> Option<&str> {
        let lines = self.headers.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next()
    }
}

impl Tried {
    /// Sends `body` with `curl` to the box; `who` is `service` or anybody.
    fn curl(&self, who: &str, url_query: &str, body: &[u8], more: &[&str]) -> Got {
        let mut command = Command::new("curl");
        command.args(["-sS", "--max-time", "60", "-D", "-", "--data-binary", "@-", "-H", "Expect:"]).args(more);
        if who == "service" {
            command.args(["-H", "X-ClickHouse-User: service", "-H"]);
            command.arg(format!("X-ClickHouse-Key: {}", self.supervisor.service_key()));
        }
        command.arg(format!("{}/?{url_query}", self.supervisor.url()));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("curl is needed: install the package `curl`");
        child.stdin.take().expect("stdin").write_all(body).expect("curl reads its input");
        let output = child.wait_with_output().expect("curl ends");
        let at = output.stdout.windows(4).position(|w| w == b"\r\n\r\n").map_or(output.stdout.len(), |at| at + 4);
        let headers = String::from_utf8_lossy(&output.stdout[..at]).into_owned();
        let status = headers.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0);
        Got { status, headers, body: output.stdout[at..].to_vec(), exit: output.status.code().unwrap_or(-1) }
    }

    fn service(&self, sql: &str) -> String {
        let got = self.curl("service", "", sql.as_bytes(), &[]);
        assert_eq!(got.status, 200, "{sql}: {}", got.text());
        got.text()
    }

    fn reader(&self, sql: &str) -> Got {
        self.curl("anybody", "", sql.as_bytes(), &[])
    }

    fn client(&self) -> Client {
        Client::default()
            .with_url(self.supervisor.url())
            .with_user(Supervisor::SERVICE_USER)
            .with_password(self.supervisor.service_key())
    }

    /// Memory the child holds, in MiB.
    fn resident(&self) -> u64 {
        let pid = self.supervisor.pid().expect("a child");
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("its status");
        let line = status.lines().find(|line| line.starts_with("VmHWM")).expect("its memory");
        line.split_whitespace().nth(1).and_then(|kb| kb.parse::<u64>().ok()).expect("a number") / 1024
    }
}

#[derive(Row, Serialize, Deserialize, Debug, PartialEq)]
struct Line {
    id: u64,
    name: String,
    amount: i64,
}

fn line(id: u64) -> Line {
    Line { id, name: format!("n\n\n{id}"), amount: -(id as i64) }
}

const LINES: &str = "CREATE TABLE lines (id UInt64, name String, amount Int64) ENGINE = MergeTree ORDER BY id";

#[tokio::test(flavor = "multi_thread")]
async fn the_rust_client_works_unmodified() {
    let tried = start(|_| ()).await;
    let client = tried.client();
    client.query(LINES).execute().await.expect("create");
    let mut insert = client.insert::<Line>("lines").await.expect("insert");
    for id in 0..200_000 {
        insert.write(&line(id)).await.expect("write");
    }
    insert.end().await.expect("end");

    let count: u64 = client.query("SELECT count() FROM lines").fetch_one().await.expect("count");
    assert_eq!(count, 200_000);
    let some: Vec<Line> = client
        .query("SELECT ?fields FROM lines WHERE id BETWEEN {from:UInt64} AND {to:UInt64} ORDER BY id")
        .param("from", 100_u64)
        .param("to", 102_u64)
        .fetch_all()
        .await
        .expect("select");
    assert_eq!(some, [line(100), line(101), line(102)]);

    let mut all = client.query("SELECT ?fields FROM lines ORDER BY id").fetch::<Line>().expect("fetch");
    let mut next = 0;
    while let Some(seen) = all.next().await.expect("next") {
        assert_eq!(seen, line(next));
        next += 1;
    }
    assert_eq!(next, 200_000);
    let error = client.query("SELECT * FROM nope").execute().await.expect_err("no such table");
    assert!(error.to_string().contains("UNKNOWN_TABLE"), "{error}");
    tried.supervisor.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_and_errors_over_curl() {
    let tried = start(|options| options.reader_seconds = 3).await;
    tried.service("CREATE DATABASE d");
    tried.service("CREATE TABLE d.t (a UInt64, s String) ENGINE = MergeTree ORDER BY a");

    let check = |who: &str, url: &str, body: &str, status: u16, expect: &str| {
        let got = tried.curl(who, url, body.as_bytes(), &[]);
        assert_eq!((got.status, got.text().contains(expect)), (status, true), "{url} {body}: {}", got.text());
    };
    check("service", "", "INSERT INTO d.t FORMAT CSV\n1,a\n2,b\n", 200, "");
    check("service", "query=INSERT+INTO+d.t+FORMAT+TSV", "3\tc\n", 200, "");
    check("service", "query=INSERT+INTO+d.t+VALUES", "(4,'d'),(5,lower('E'))", 200, "");
    check("service", "database=d", "INSERT INTO t SELECT number + 6, 'x' FROM numbers(2)", 200, "");
    check("anybody", "database=d", "SELECT groupArray(a) FROM (SELECT a FROM t ORDER BY a)", 200, "[1,2,3,4,5,6,7]");
    check("anybody", "query=SELECT+1%2B1&default_format=JSONCompact", "", 200, "[2]");
    check("anybody", "param_x=a%5Ctb&param_n=7", "SELECT {x:String}, {n:UInt8} + 1", 200, "a\\tb\t8");
    check("anybody", "max_threads=1", "SELECT getSetting('max_threads')", 200, "1");
    check(
        "anybody",
        "",
        "SELECT number % 2 AS k, count() FROM numbers(4) GROUP BY k WITH TOTALS FORMAT JSON",
        200,
        "\"totals\"",
    );
    check("anybody", "", "SHOW TABLES FROM d", 200, "t");
    check("anybody", "", "SELECT * FROM nope", 404, "Code: 60. DB::Exception: ");
    check("anybody", "database=nope", "SELECT 1", 404, "Code: 81. ");
    check("anybody", "", "SELECT 1 FRM x y", 400, "Code: 62. ");
    check("anybody", "", "", 400, "Code: 62. ");
    check("anybody", "bogus_setting=1", "SELECT 1", 404, "Code: 115. ");
    check("anybody", "user=nobody", "SELECT 1", 403, "Code: 516. ");
    check("anybody", "user=service&password=guess", "SELECT 1", 403, "Code: 516. ");
    check("anybody", "", "SELECT count() FROM numbers(100000000000)", 408, "Code: 159. ");
    check("service", "", "INSERT INTO d.nope FORMAT CSV\n1", 404, "Code: 60. ");
    check("service", "", "INSERT INTO d.t FORMAT CSV\nx,y\n", 400, "Code: ");

    let got = tried.curl("anybody", "query_id=my-id", b"SELECT number FROM numbers(5) FORMAT JSONEachRow", &[]);
    assert_eq!(got.header("X-ClickHouse-Query-Id"), Some("my-id"));
    assert_eq!(got.header("X-ClickHouse-Format"), Some("JSONEachRow"));
    assert!(got.header("X-ClickHouse-Timezone").is_some() && got.header("X-ClickHouse-Server-Display-Name").is_some());
    assert!(got.header("X-ClickHouse-Summary").is_some_and(|s| s.contains("\"read_rows\":\"5\"")), "{}", got.headers);
    let got = tried.curl("service", "", b"INSERT INTO d.t VALUES (9,'z'),(10,'z')", &[]);
    assert!(
        got.header("X-ClickHouse-Summary").is_some_and(|s| s.contains("\"written_rows\":\"2\"")),
        "{}",
        got.headers
    );
    let got = tried.reader("SELECT * FROM nope");
    assert_eq!(got.header("X-ClickHouse-Exception-Code"), Some("60"));

    let form = [
        "-F",
        "query=SELECT count() FROM d.t WHERE a IN (SELECT n FROM ids)",
        "-F",
        "ids_structure=n UInt64",
        "-F",
        "ids=@-;filename=ids",
    ];
    let got = Command::new("curl")
        .args(["-sS"])
        .args(form)
        .arg(tried.supervisor.url())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let mut got = got.expect("curl");
    got.stdin.take().expect("stdin").write_all(b"1\n2\n77\n").expect("write");
    assert_eq!(got.wait_with_output().expect("curl ends").stdout, b"2\n");
    tried.supervisor.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_only_read() {
    let tried = start(|_| ()).await;
    tried.service("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a");
    for sql in [
        "INSERT INTO t VALUES (1)",
        "DROP TABLE t",
        "CREATE TABLE u (a Int8) ENGINE = Memory",
        "TRUNCATE TABLE t",
        "ALTER TABLE t DELETE WHERE 1",
        "SYSTEM FLUSH LOGS",
        "KILL QUERY WHERE 1",
        "SET readonly = 0",
        "SET ROLE service",
        "SELECT 1; DROP TABLE t",
        "SELECT 1 SETTINGS readonly = 0",
        "SELECT 1 SETTINGS max_memory_usage = 0",
        "INSERT INTO FUNCTION file('x.tsv') SELECT 1",
        "SELECT 1 INTO OUTFILE 'x'",
        "EXPLAIN SELECT 1 INTO OUTFILE 'x'",
        "SELECT * FROM file('/etc/passwd', 'LineAsString')",
        "SELECT file('/etc/passwd')",
        "SELECT `file`('/etc/passwd')",
        r"SELECT `f\x69le`('/etc/passwd')",
        "SELECT * FROM `/etc/passwd`",
        "SELECT * FROM default.`/etc/passwd`",
        "SELECT * FROM url('http://127.0.0.1:1/', 'TSV', 'a Int8')",
        "SELECT * FROM remote('127.0.0.1', 'default', 't')",
        "SELECT * FROM s3('http://localhost:1/bucket/x', 'TSV', 'a Int8')",
        "SELECT * FROM executable('x', 'TSV', 'a Int8')",
        "SELECT * FROM mysql('127.0.0.1:1', 'a', 'b', 'c', 'd')",
        "SELECT * FROM postgresql('127.0.0.1:1', 'a', 'b', 'c', 'd')",
        "SELECT * FROM jdbc('x', 'y')",
        "SELECT * FROM sqlite('/x', 'y')",
        "SELECT /* x */ file /* y */ ('/etc/passwd')",
        "CREATE TEMPORARY TABLE x (a Int8)",
        "BACKUP TABLE t TO File('x')",
        "EXECUTE AS default SELECT 1",
    ] {
        let got = tried.reader(sql);
        assert!(matches!(got.status, 400 | 403), "{sql}: {} {}", got.status, got.text());
        assert!(!got.text().contains("root:"), "{sql}");
    }
    for url in ["readonly=0", "allow_ddl=1", "output_format_schema=x", "role=service", "profile=default"] {
        assert!(matches!(tried.curl("anybody", url, b"SELECT 1", &[]).status, 400 | 403), "{url}");
    }
    for header in ["Host: rebound.example", "Origin: https://page.example"] {
        let got = tried.curl("anybody", "", b"SELECT 1", &["-H", header]);
        assert_eq!((got.status, got.header("X-ClickHouse-Exception-Code")), (403, Some("497")), "{header}");
    }
    let drop = "query=DROP+TABLE+t";
    assert_eq!(tried.curl("service", drop, b"", &["-X", "GET"]).status, 403, "GET changes nothing");
    assert_eq!(tried.reader("SELECT 'file(', count() FROM t -- url(").text(), "file(\t0\n");
    assert_eq!(tried.reader("SELECT count() FROM system.tables WHERE name = 't'").text(), "1\n");
    tried.supervisor.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn row_data_arrives_whole_or_not_at_all() {
    let tried = start(|_| ()).await;
    tried.service("CREATE TABLE t (a String) ENGINE = MergeTree ORDER BY tuple()");
    // A string of two line ends in RowBinary: three bytes a row, 200 000 of them.
    let rows: Vec<u8> = b"\x02\n\n".repeat(200_000);
    let insert = "query=INSERT+INTO+t+FORMAT+RowBinary";
    assert_eq!(tried.curl("service", insert, &rows, &[]).status, 200);
    assert_eq!(tried.service("SELECT count(), countIf(a = '\\n\\n') FROM t"), "200000\t200000\n");
    let in_body = [b"INSERT INTO t FORMAT RowBinary\n".as_slice(), &rows].concat();
    assert_eq!(tried.curl("service", "", &in_body, &[]).status, 200);
    assert_eq!(tried.service("SELECT count() FROM t"), "400000\n");

    let cut = tried.curl("service", insert, &rows[..rows.len() - 1], &[]);
    assert!(cut.status >= 400 && cut.header("X-ClickHouse-Exception-Code") == Some("33"), "{}", cut.text());
    let broken = tried.curl("service", &format!("{insert}&decompress=1"), &rows, &[]);
    assert_eq!(broken.status, 400, "{}", broken.text());
    // The body is announced longer than it is: the connection breaks in its middle.
    let length = format!("Content-Length: {}", rows.len() + 10);
    let _given_up = tried.curl("service", insert, &rows, &["-H", &length, "--max-time", "2"]);
    assert_eq!(tried.service("SELECT count() FROM t"), "400000\n", "nothing of the three is kept");
    tried.supervisor.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn large_answers_flow() {
    let tried = start(|_| ()).await;
    let before = tried.resident();
    for (format, header, trailer) in
        [("TSV", 0, 0), ("CSVWithNames", 1, 0), ("JSONCompactEachRowWithNamesAndTypes", 2, 0)]
    {
        let got = tried.reader(&format!("SELECT number, repeat('x', 100) FROM numbers(1000000) FORMAT {format}"));
        let lines = got.body.iter().filter(|byte| **byte == b'\n').count();
        assert_eq!((got.exit, lines), (0, 1_000_000 + header + trailer), "{format}");
    }
    let after = tried.resident();
    assert!(after < before + 200, "the child grew from {before} to {after} MiB over answers of 100 MiB");

    for (accept, packer) in [("gzip", "gzip"), ("zstd", "zstd"), ("lz4", "lz4")] {
        let more = ["-H", &format!("Accept-Encoding: {accept}")];
        let got = tried.curl("anybody", "enable_http_compression=1", b"SELECT number FROM numbers(300000)", &more);
        assert_eq!(got.header("Content-Encoding"), Some(packer), "{}", got.headers);
        assert!(got.exit == 0 && got.body.len() < 1_900_000, "{accept}: {}", got.body.len());
    }
    let native = tried.curl("anybody", "compress=1", b"SELECT number FROM numbers(300000)", &[]);
    assert_eq!(native.body.get(16), Some(&0x82));

    let sql = "SELECT throwIf(number = 2500000) FROM numbers(3000000) SETTINGS max_threads = 1, max_block_size = 10000";
    let failed = tried.reader(sql);
    let tag = failed.header("X-ClickHouse-Exception-Tag").expect("a tag").to_owned();
    let tail = String::from_utf8_lossy(&failed.body[failed.body.len().saturating_sub(600)..]).into_owned();
    assert_eq!(failed.status, 200);
    assert!(
        tail.contains("Code: 395. DB::Exception") && tail.ends_with(&format!(" {tag}\r\n__exception__\r\n")),
        "{tail}"
    );
    assert_ne!(failed.exit, 0, "the connection is cut");
    tried.supervisor.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_keep_their_own() {
    let tried = start(|_| ()).await;
    let ask = |who: &str, url: &str, sql: &str| tried.curl(who, url, sql.as_bytes(), &[]);
    assert_eq!(ask("service", "session_id=a", "CREATE TEMPORARY TABLE kept (n UInt8)").status, 200);
    assert_eq!(ask("service", "session_id=a&max_threads=3", "INSERT INTO kept VALUES (1), (2)").status, 200);
    assert_eq!(ask("service", "session_id=a", "SELECT sum(n) FROM kept").text(), "3\n");
    assert_eq!(ask("service", "session_id=b", "SELECT sum(n) FROM kept").status, 404);
    assert_eq!(ask("anybody", "session_id=a", "SELECT sum(n) FROM kept").status, 404, "another user, another session");
    assert_eq!(ask("service", "session_id=c&session_check=1", "SELECT 1").status, 404);

    assert_eq!(ask("anybody", "session_id=r", "SET max_block_size = 77").status, 200);
    assert_eq!(ask("anybody", "session_id=r&max_block_size=88", "SELECT getSetting('max_block_size')").text(), "88\n");
    assert_eq!(ask("anybody", "session_id=r", "SELECT getSetting('max_block_size')").text(), "77\n");
    assert_eq!(ask("anybody", "session_id=r", "SET ROLE service").status, 403);

    assert_eq!(
        ask("service", "session_id=short&session_timeout=1", "CREATE TEMPORARY TABLE kept (n UInt8)").status,
        200
    );
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(ask("service", "session_id=short&session_check=1", "SELECT 1").status, 404, "it ran out");
    tried.supervisor.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_ends_the_query_and_who_crowds_is_refused() {
    let tried = start(|options| {
        options.reader_queries = 1;
        options.waiting_queries = 0;
    })
    .await;
    let slow = "SELECT count() FROM numbers(100000000000)";
    let begun = Instant::now();
    let running = |expect: &str| {
        let sql =
            "SELECT count() FROM system.processes WHERE query LIKE '%100000000000%' AND query NOT LIKE '%processes%'";
        while tried.service(sql) != expect {
            assert!(begun.elapsed() < Duration::from_secs(30), "the query should be {expect} times there");
            std::thread::sleep(Duration::from_millis(100));
        }
    };
    let mut first = Command::new("curl").args(["-sS", "-d", slow, &tried.supervisor.url()]).spawn().expect("curl");
    running("1\n");
    let second = tried.reader("SELECT 1");
    assert_eq!((second.status, second.header("X-ClickHouse-Exception-Code")), (503, Some("202")), "{}", second.text());
    first.kill().expect("kill curl");
    first.wait().expect("curl ends");
    running("0\n");
    assert_eq!(tried.reader("SELECT 1").text(), "1\n");
    tried.supervisor.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_or_hanging_child_comes_back_on_the_same_port() {
    let tried = start(|_| ()).await;
    tried.service("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a SETTINGS fsync_after_insert = 1");
    tried.service("INSERT INTO t VALUES (1), (2)");
    let url = tried.supervisor.url();
    for (round, signal) in ["-KILL", "-STOP"].into_iter().enumerate() {
        let pid = tried.supervisor.pid().expect("a child");
        assert!(Command::new("kill").args([signal, &pid.to_string()]).status().expect("kill").success());
        let begun = Instant::now();
        while tried.supervisor.restarts() != round as u64 + 1 || tried.supervisor.pid().is_none_or(|now| now == pid) {
            assert!(begun.elapsed() < Duration::from_secs(60), "{signal}: not started again");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(tried.supervisor.url(), url);
        assert_eq!(tried.service("SELECT sum(a) FROM t"), "3\n", "{signal}");
    }
    tried.supervisor.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_goes_when_its_parent_goes_and_never_shows_the_key() {
    let tried = start(|_| ()).await;
    let pid = tried.supervisor.pid().expect("a child");
    let of = |what: &str| std::fs::read(format!("/proc/{pid}/{what}")).expect("its process");
    for what in ["cmdline", "environ"] {
        assert!(!String::from_utf8_lossy(&of(what)).contains(tried.supervisor.service_key()), "{what}");
    }
    tried.service("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a");
    tried.service("INSERT INTO t VALUES (7)");
    let options = Options { path: tried.directory.path().join("data"), ..Options::default() };
    let second = Supervisor::start(launch(), options.clone()).await;
    assert!(second.is_err(), "two children on one directory");
    tried.supervisor.stop().await;
    assert!(!Path::new(&format!("/proc/{pid}")).exists());
    let again = Supervisor::start(launch(), options).await.unwrap_or_else(|error| panic!("{error}"));
    let again = Tried { supervisor: again, directory: tried.directory };
    assert_eq!(again.service("SELECT a FROM t"), "7\n");
    again.supervisor.stop().await;
}

fn clients() -> PathBuf {
    let cache = std::env::var_os("SMARKETING_CACHE").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache/smarketing")));
    let clients = cache.expect("HOME is set").join("test-clients");
    assert!(
        clients.join("javascript/.installed").is_file(),
        "run `scripts/test-clients` first: nothing in {}",
        clients.display()
    );
    clients
}

async fn run_client(program: PathBuf, script: &str) {
    let tried = start(|_| ()).await;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/clients").join(script);
    let output = Command::new(&program)
        .arg(script)
        .args([tried.supervisor.port().to_string(), tried.supervisor.service_key().to_owned()])
        .env("CLIENTS", clients().join("javascript"))
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("client: ok"), "{said}");
    tried.supervisor.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_client_works_unmodified() {
    run_client(clients().join("python/bin/python"), "chbox_client.py").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_javascript_client_works_unmodified() {
    run_client("node".into(), "chbox_client.mjs").await;
}
