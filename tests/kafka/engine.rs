//! A ClickHouse for tests with several processes: the embedded engine, served by a process of its own.

use smarketing_chbox::{Launch, Options, Supervisor};
use std::time::Duration;
use tempfile::TempDir;

/// A ClickHouse for several processes.
pub(crate) struct Engine {
    runtime: tokio::runtime::Runtime,
    supervisor: Option<Supervisor>,
    _folder: TempDir,
}

impl Engine {
    /// Starts it in a directory of its own.
    pub(crate) fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let launch = Launch {
            program: env!("CARGO_BIN_EXE_smarketing").into(),
            arguments: vec!["chbox".to_owned()],
            check_every: Duration::from_secs(1),
            check_timeout: Duration::from_secs(30),
        };
        let options = Options { path: folder.path().join("clickhouse"), memory_bytes: 4 << 30, ..Options::default() };
        let supervisor = runtime.block_on(Supervisor::start(launch, options)).unwrap();
        Self { runtime, supervisor: Some(supervisor), _folder: folder }
    }

    /// Its HTTP interface.
    pub(crate) fn url(&self) -> String {
        self.supervisor.as_ref().unwrap().url()
    }

    /// The key of its user `service`.
    pub(crate) fn key(&self) -> String {
        self.supervisor.as_ref().unwrap().service_key().to_owned()
    }

    /// Its process.
    #[allow(dead_code)]
    pub(crate) fn pid(&self) -> u32 {
        self.supervisor.as_ref().unwrap().pid().unwrap()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Some(supervisor) = self.supervisor.take() {
            self.runtime.block_on(supervisor.stop());
        }
    }
}
