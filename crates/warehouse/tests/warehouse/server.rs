//! One engine for all tests; each test has a database of its own.

use smarketing_chbox::{Launch, Options as BoxOptions, Supervisor};
use smarketing_kernel::row::Rows;
use smarketing_warehouse::{Credentials, MIGRATIONS, Opened, Opener, Options, Warehouse};
use std::future::Future;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;
use tokio::runtime::Runtime;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime"));
static SERVER: LazyLock<Supervisor> = LazyLock::new(|| RUNTIME.block_on(start("warehouse", &[])));

/// Runs one test; the engine is started with the first.
pub(crate) fn run(test: impl Future<Output = ()>) {
    LazyLock::force(&SERVER);
    RUNTIME.block_on(test);
}

/// Runs one test on an engine of its own, with files of ClickHouse's configuration beside ours: `config.d/…`, `users.d/…`.
pub(crate) fn run_apart<F: Future<Output = ()>>(name: &str, files: &[(&str, &str)], test: impl FnOnce(Options) -> F) {
    RUNTIME.block_on(async {
        let server = start(name, files).await;
        test(options_at(&server, "smarketing")).await;
        server.stop().await;
    });
}

async fn start(name: &str, files: &[(&str, &str)]) -> Supervisor {
    let program = std::env::current_exe().unwrap().parent().unwrap().join("../examples/chbox");
    assert!(
        program.is_file(),
        "{} is missing: run `cargo build -p smarketing-warehouse --examples`",
        program.display()
    );
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
    for (file, text) in files {
        let file = path.join("chbox").join(file);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }
    let launch = Launch {
        program,
        arguments: Vec::new(),
        check_every: Duration::from_secs(5),
        check_timeout: Duration::from_secs(60),
    };
    match Supervisor::start(launch, BoxOptions { path, ..BoxOptions::default() }).await {
        Ok(server) => server,
        Err(error) => panic!("no ClickHouse to test against: {error}; `scripts/libchdb` fetches the library"),
    }
}

/// Where the warehouse of a test is.
pub(crate) fn options(database: &str) -> Options {
    options_at(&SERVER, &format!("t_{database}"))
}

fn options_at(server: &Supervisor, database: &str) -> Options {
    Options {
        url: server.url(),
        service: Credentials { user: Supervisor::SERVICE_USER.into(), password: server.service_key().into() },
        reader: Some(Credentials { user: Supervisor::READER_USER.into(), password: String::new() }),
        database: database.to_owned(),
        ..Options::default()
    }
}

/// An empty warehouse with tables and views.
pub(crate) async fn empty(database: &str) -> Warehouse {
    let warehouse = Warehouse::connect(options(database)).await.unwrap();
    warehouse.migrate(MIGRATIONS).await.unwrap();
    warehouse.publish().await.unwrap();
    warehouse
}

/// A warehouse that holds `rows`.
pub(crate) async fn holding(database: &str, rows: &[Rows]) -> Warehouse {
    let warehouse = empty(database).await;
    warehouse.insert(rows, &Envelopes).await.unwrap();
    warehouse
}

/// The answer to `sql` as tab-separated lines.
pub(crate) async fn ask(warehouse: &Warehouse, sql: &str) -> String {
    match try_ask(warehouse, sql).await {
        Ok(text) => text,
        Err(error) => panic!("{sql}: {error}"),
    }
}

pub(crate) async fn try_ask(warehouse: &Warehouse, sql: &str) -> smarketing_warehouse::Result<String> {
    let mut answer = warehouse.query(sql, "TSV")?;
    let mut bytes = Vec::new();
    while let Some(piece) = answer.next().await? {
        bytes.extend_from_slice(&piece);
    }
    Ok(String::from_utf8(bytes).unwrap().trim_end_matches('\n').to_owned())
}

/// Opens envelopes that hold the address in clear.
pub(crate) struct Envelopes;

impl Opener for Envelopes {
    fn open(&self, _lead: &str, sealed: &[u8]) -> Option<Opened> {
        let email = String::from_utf8(sealed.to_vec()).ok().filter(|email| email.contains('@'))?;
        Some(Opened { email: Some(email), contact_id: Some("003A".into()) })
    }
}
