//! The engine in this process: one data path, a connection for each query, and one of our own that
//! stays open, checks health and ends other connections' queries.

use crate::access::{self, Role, Screen};
use crate::fault::{Fault, Raised};
use crate::ffi::{Api, Connection, Params};
use crate::{Error, Options};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

/// The booted engine. Opening a connection takes well under a millisecond, so each query gets a
/// fresh one and nothing leaks from one to the next.
pub(crate) struct Engine {
    api: &'static Api,
    path: PathBuf,
    options: Options,
    control: Mutex<Option<Connection>>,
    next_mark: AtomicU64,
    /// The screen for readers.
    pub(crate) screen: Screen,
    /// `SELECT version()`.
    pub(crate) version: String,
    /// `SELECT timezone()`.
    pub(crate) timezone: String,
}

/// A connection and the mark by which the engine's process list names it.
pub(crate) struct Marked {
    pub(crate) connection: Connection,
    pub(crate) mark: String,
}

impl Engine {
    /// Loads the library and opens `options.path`, creating it when missing.
    pub(crate) fn boot(library: &Path, options: &Options) -> Result<Engine, Error> {
        let own = options.path.join("chbox");
        let io = |source| Error::DataPath { path: options.path.clone(), source };
        fs::create_dir_all(own.join("cwd")).map_err(io)?;
        let path = fs::canonicalize(&options.path).map_err(io)?;
        let own = path.join("chbox");
        fs::write(own.join("users.xml"), access::users_xml()).map_err(io)?;
        fs::write(own.join("config.xml"), config_xml(&own, options)).map_err(io)?;
        // The database `default` shows files below the working directory as tables.
        std::env::set_current_dir(own.join("cwd")).map_err(io)?;

        let api = Api::load(library).map_err(|source| Error::Load { path: library.to_path_buf(), source })?;
        let mut first = arguments(&path, Role::Service, options);
        first.push(format!("--config-file={}", own.join("config.xml").display()));
        let refused = || Error::Boot { path: path.clone(), why: "the engine refused its first connection".into() };
        let mut control = api.connect(&first).ok_or_else(refused)?;
        let mut ask = |sql: &str| -> Result<String, Error> {
            let chunk = control.query(sql.as_bytes(), "TSVRaw", &Params::default());
            let chunk = chunk.map_err(|why| Error::Boot { path: options.path.clone(), why })?;
            Ok(String::from_utf8_lossy(chunk.bytes()).trim_end().to_owned())
        };
        let (version, timezone) = (ask("SELECT version()")?, ask("SELECT timezone()")?);
        let screen = Screen::new(&ask("SELECT name FROM system.table_functions")?, options);
        let control = Mutex::new(Some(control));
        Ok(Engine {
            api,
            path,
            options: options.clone(),
            control,
            next_mark: AtomicU64::new(1),
            screen,
            version,
            timezone,
        })
    }

    /// A fresh connection that holds `role` only.
    pub(crate) fn open(&self, role: Role) -> Result<Marked, Fault> {
        let mark = self.next_mark();
        let mut arguments = arguments(&self.path, role, &self.options);
        arguments.push(format!("--log_comment={mark}"));
        let connection = self.api.connect(&arguments);
        let mut connection =
            connection.ok_or_else(|| Fault::raise(Raised::Internal, "The engine refused a connection"))?;
        let take: &[u8] = match role {
            Role::Service => b"SET ROLE service",
            Role::Reader => b"SET ROLE reader",
        };
        connection.query(take, "Null", &Params::default()).map_err(Fault::engine)?;
        Ok(Marked { connection, mark })
    }

    /// A new mark for a connection that lives on, so that what ends one query cannot hit the next.
    pub(crate) fn mark_again(&self, marked: &mut Marked) -> Result<(), Fault> {
        marked.mark = self.next_mark();
        let sql = format!("SET log_comment = '{}'", marked.mark);
        marked.connection.query(sql.as_bytes(), "Null", &Params::default()).map(drop).map_err(Fault::engine)
    }

    fn next_mark(&self) -> String {
        format!("chbox-{}", self.next_mark.fetch_add(1, Ordering::Relaxed))
    }

    /// Whether the engine answers.
    pub(crate) fn healthy(&self) -> bool {
        self.on_control(|control| {
            control.query(b"SELECT 1", "TSV", &Params::default()).is_ok_and(|c| c.bytes() == b"1\n")
        })
    }

    fn on_control(&self, work: impl FnOnce(&mut Connection) -> bool) -> bool {
        let mut control = self.control.lock().unwrap_or_else(PoisonError::into_inner);
        control.as_mut().is_some_and(work)
    }

    /// Ends the query that runs on the connection marked `mark`, now or when it begins, until `over`.
    fn kill(&self, mark: &OnceLock<String>, over: &AtomicBool) {
        let kill = b"KILL QUERY WHERE Settings['log_comment'] = {mark:String} ASYNC";
        while !over.load(Ordering::Acquire) {
            if let Some(mark) = mark.get() {
                let params = Params(vec![("mark".into(), mark.clone())]);
                if !self.on_control(|control| control.query(kill, "Null", &params).is_ok()) {
                    return;
                }
            }
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// Ends every query.
    pub(crate) fn kill_all(&self) {
        let _stopping =
            self.on_control(|control| control.query(b"KILL QUERY WHERE 1 ASYNC", "Null", &Params::default()).is_ok());
    }

    /// Closes our own connection: the engine stops when it is the last one.
    pub(crate) fn close(&self) {
        let control = self.control.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(control);
    }
}

/// Ends a query when dropped while it runs: its client is gone.
pub(crate) struct Cancel {
    engine: Arc<Engine>,
    mark: Arc<OnceLock<String>>,
    over: Arc<AtomicBool>,
}

impl Cancel {
    /// Watches over the query whose connection's mark will be in `mark`; `over` is set at its end.
    pub(crate) fn new(engine: Arc<Engine>, mark: Arc<OnceLock<String>>, over: Arc<AtomicBool>) -> Self {
        Cancel { engine, mark, over }
    }
}

impl Drop for Cancel {
    fn drop(&mut self) {
        if !self.over.load(Ordering::Acquire) {
            let (engine, mark, over) = (self.engine.clone(), self.mark.clone(), self.over.clone());
            drop(tokio::task::spawn_blocking(move || engine.kill(&mark, &over)));
        }
    }
}

/// A connection's command line. Settings on it are that connection's own.
fn arguments(path: &Path, role: Role, options: &Options) -> Vec<String> {
    let mut arguments = vec![format!("--path={}", path.display())];
    match role {
        Role::Service => arguments.extend([
            format!("--max_threads={}", options.threads),
            format!("--max_memory_usage={}", options.query_memory_bytes),
        ]),
        Role::Reader => {
            let limits = access::reader_limits(options);
            arguments.extend(limits.iter().map(|(name, most)| format!("--{name}={most}")));
            // A document is held in memory as a whole, so its size is bounded as well.
            arguments.push(format!("--max_result_bytes={}", options.reader_memory_bytes));
            arguments.extend(["--readonly=2".into(), "--allow_introspection_functions=0".into()]);
        }
    }
    arguments
}

fn config_xml(own: &Path, options: &Options) -> String {
    let users = own.join("users.xml").display().to_string();
    let users = users.replace('&', "&amp;").replace('<', "&lt;");
    let memory = options.memory_bytes;
    let cache = (memory / 16).clamp(8 << 20, 256 << 20);
    format!(
        "<clickhouse>
  <users_config>{users}</users_config>
  <max_server_memory_usage>{memory}</max_server_memory_usage>
  <mark_cache_size>{cache}</mark_cache_size>
  <primary_index_cache_size>{cache}</primary_index_cache_size>
  <max_thread_pool_size>1000</max_thread_pool_size>
</clickhouse>
"
    )
}
