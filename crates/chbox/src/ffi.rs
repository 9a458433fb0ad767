//! The C interface of libchdb: the only place with `unsafe`.
//!
//! Three shapes are handed out, each of which frees what it holds when dropped: a [`Connection`],
//! the [`Rows`] of a streaming query on it, and an [`Insert`] on it. The borrow checker keeps a
//! connection busy while one of the latter two lives, which is the library's own rule: one
//! statement a connection.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::marker::PhantomData;
use std::path::Path;
use std::ptr::{self, NonNull};

type Conn = *mut c_void;
type Raw = *mut c_void;
type Text = *const c_char;
type Names = *const Text;
type Lens = *const usize;
type WithParams = unsafe extern "C" fn(Conn, Text, usize, Text, usize, Names, Lens, Names, Lens, usize) -> Raw;
type Classify = unsafe extern "C" fn(Conn, Text, usize, Text, usize, *mut Analysis) -> c_int;

/// The library's entry points. Loaded once and never unloaded: ClickHouse leaves threads behind
/// whose code must stay mapped.
pub(crate) struct Api {
    signal_handlers: unsafe extern "C" fn(c_int),
    connect: unsafe extern "C" fn(c_int, *mut *mut c_char) -> *mut Conn,
    close: unsafe extern "C" fn(*mut Conn),
    query: WithParams,
    stream_query: WithParams,
    stream_insert: WithParams,
    stream_fetch: unsafe extern "C" fn(Conn, Raw) -> Raw,
    stream_cancel: unsafe extern "C" fn(Conn, Raw),
    insert_append: unsafe extern "C" fn(Raw, *const c_void, usize) -> c_int,
    insert_done: unsafe extern "C" fn(Raw) -> Raw,
    insert_error: unsafe extern "C" fn(Raw) -> Text,
    insert_destroy: unsafe extern "C" fn(Raw),
    result_destroy: unsafe extern "C" fn(Raw),
    result_error: unsafe extern "C" fn(Raw) -> Text,
    result_buffer: unsafe extern "C" fn(Raw) -> Text,
    result_length: unsafe extern "C" fn(Raw) -> usize,
    result_rows: unsafe extern "C" fn(Raw) -> u64,
    read_rows: unsafe extern "C" fn(Raw) -> u64,
    read_bytes: unsafe extern "C" fn(Raw) -> u64,
    written_rows: unsafe extern "C" fn(Raw) -> u64,
    written_bytes: unsafe extern "C" fn(Raw) -> u64,
    classify: Classify,
}

/// What `chdb_classify_query_n` fills in; the layout is the library's.
#[repr(C)]
struct Analysis {
    struct_size: u32,
    statement_count: u32,
    flags: u32,
    query_class: u32,
}

/// What a statement does to state that outlives it, as ClickHouse's own parser sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// `SELECT`, `SHOW`, `DESCRIBE`, `EXPLAIN`, …: leaves no trace.
    ReadOnly,
    /// Changes something in a database or beside it.
    Mutating,
    /// `SET`, `USE`, `SYSTEM`, `KILL`, `INTO OUTFILE`, …
    Control,
    /// Did not parse, or is not classified.
    Unknown,
}

/// Rows and bytes a statement has read and written so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) read_rows: u64,
    pub(crate) read_bytes: u64,
    pub(crate) written_rows: u64,
    pub(crate) written_bytes: u64,
    pub(crate) result_rows: u64,
}

impl Counts {
    /// Adds what one more chunk reported.
    pub(crate) fn add(&mut self, more: Counts) {
        self.read_rows += more.read_rows;
        self.read_bytes += more.read_bytes;
        self.written_rows += more.written_rows;
        self.written_bytes += more.written_bytes;
        self.result_rows += more.result_rows;
    }
}

/// Named values bound by the server to `{name:Type}`; in ClickHouse's escaped text form.
#[derive(Clone, Debug, Default)]
pub(crate) struct Params(pub(crate) Vec<(String, String)>);

/// The same as the C interface takes it: four parallel arrays borrowed from `Params`.
struct ParamArrays<'a> {
    names: Vec<Text>,
    name_lens: Vec<usize>,
    values: Vec<Text>,
    value_lens: Vec<usize>,
    lives: PhantomData<&'a Params>,
}

impl Params {
    fn arrays(&self) -> ParamArrays<'_> {
        ParamArrays {
            names: self.0.iter().map(|(name, _)| name.as_ptr().cast()).collect(),
            name_lens: self.0.iter().map(|(name, _)| name.len()).collect(),
            values: self.0.iter().map(|(_, value)| value.as_ptr().cast()).collect(),
            value_lens: self.0.iter().map(|(_, value)| value.len()).collect(),
            lives: PhantomData,
        }
    }
}

impl Api {
    /// Loads the library at `path` and switches its process-wide signal handlers off.
    ///
    /// # Errors
    /// The loader's message when the file is not a loadable libchdb of a version we know.
    pub(crate) fn load(path: &Path) -> Result<&'static Api, libloading::Error> {
        // SAFETY: libchdb's initialisers only set up its own globals; nothing of ours depends on
        // them. The library is leaked, so that the copied function pointers stay valid.
        let library: &'static libloading::Library = unsafe { Box::leak(Box::new(libloading::Library::new(path)?)) };
        macro_rules! symbol {
            ($name:literal) => {{
                // SAFETY: the declared type is the one of chdb.h for this version of the library.
                *unsafe { library.get(concat!($name, "\0").as_bytes())? }
            }};
        }
        let api = Api {
            signal_handlers: symbol!("chdb_set_signal_handlers_enabled"),
            connect: symbol!("chdb_connect"),
            close: symbol!("chdb_close_conn"),
            query: symbol!("chdb_query_with_params_n"),
            stream_query: symbol!("chdb_stream_query_with_params_n"),
            stream_insert: symbol!("chdb_stream_insert_with_params_n"),
            stream_fetch: symbol!("chdb_stream_fetch_result"),
            stream_cancel: symbol!("chdb_stream_cancel_query"),
            insert_append: symbol!("chdb_stream_append"),
            insert_done: symbol!("chdb_stream_done"),
            insert_error: symbol!("chdb_stream_insert_error"),
            insert_destroy: symbol!("chdb_destroy_insert_stream"),
            result_destroy: symbol!("chdb_destroy_query_result"),
            result_error: symbol!("chdb_result_error"),
            result_buffer: symbol!("chdb_result_buffer"),
            result_length: symbol!("chdb_result_length"),
            result_rows: symbol!("chdb_result_rows_read"),
            read_rows: symbol!("chdb_result_storage_rows_read"),
            read_bytes: symbol!("chdb_result_storage_bytes_read"),
            written_rows: symbol!("chdb_result_rows_written"),
            written_bytes: symbol!("chdb_result_bytes_written"),
            classify: symbol!("chdb_classify_query_n"),
        };
        // SAFETY: must be called before the first connection, and is.
        unsafe { (api.signal_handlers)(0) };
        Ok(Box::leak(Box::new(api)))
    }

    /// Opens a connection with command-line `arguments`; `None` when the library refuses.
    pub(crate) fn connect(&'static self, arguments: &[String]) -> Option<Connection> {
        let mut owned = vec![CString::from(c"clickhouse")];
        for argument in arguments {
            owned.push(CString::new(argument.as_str()).ok()?);
        }
        let mut argv: Vec<*mut c_char> = owned.iter().map(|a| a.as_ptr().cast_mut()).collect();
        let argc = c_int::try_from(argv.len()).ok()?;
        // SAFETY: `argv` holds `argc` NUL-terminated strings that outlive the call; the library
        // copies what it keeps.
        let handle = unsafe { (self.connect)(argc, argv.as_mut_ptr()) };
        Some(Connection { api: self, handle: NonNull::new(handle)? })
    }
}

/// A connection to the engine: its own settings, current database, role and temporary tables.
/// Closing the last one shuts the engine down.
pub(crate) struct Connection {
    api: &'static Api,
    handle: NonNull<Conn>,
}

// SAFETY: a connection is not tied to the thread that opened it; `&mut self` everywhere keeps it
// to one thread at a time.
unsafe impl Send for Connection {}

impl Drop for Connection {
    fn drop(&mut self) {
        // SAFETY: the handle came from `connect` and is closed once, here.
        unsafe { (self.api.close)(self.handle.as_ptr()) };
    }
}

impl Connection {
    fn raw(&self) -> Conn {
        // SAFETY: the handle points at the connection until `drop`.
        unsafe { *self.handle.as_ptr() }
    }

    fn call(&mut self, function: WithParams, sql: &[u8], format: &str, params: &Params) -> Raw {
        let arrays = params.arrays();
        // SAFETY: every pointer is borrowed for the call with the length beside it; the library
        // copies what it keeps, and wants no NUL at the end.
        unsafe {
            function(
                self.raw(),
                sql.as_ptr().cast(),
                sql.len(),
                format.as_ptr().cast(),
                format.len(),
                arrays.names.as_ptr(),
                arrays.name_lens.as_ptr(),
                arrays.values.as_ptr(),
                arrays.value_lens.as_ptr(),
                arrays.names.len(),
            )
        }
    }

    /// Runs a statement and holds its whole answer in memory.
    pub(crate) fn query(&mut self, sql: &[u8], format: &str, params: &Params) -> Result<Chunk, String> {
        let raw = self.call(self.api.query, sql, format, params);
        Chunk::take(self.api, raw)
    }

    /// Starts a query whose answer comes in chunks.
    pub(crate) fn stream(&mut self, sql: &[u8], format: &str, params: &Params) -> Result<Rows<'_>, String> {
        let raw = self.call(self.api.stream_query, sql, format, params);
        let first = Chunk::take(self.api, raw)?;
        Ok(Rows { connection: self, stream: first, ended: false })
    }

    /// Starts an insert whose data is appended in pieces; `sql` is without FORMAT and data.
    pub(crate) fn insert(&mut self, sql: &[u8], format: &str, params: &Params) -> Result<Insert<'_>, String> {
        let raw = self.call(self.api.stream_insert, sql, format, params);
        let handle = NonNull::new(raw).ok_or("no insert stream")?;
        let insert = Insert { api: self.api, handle, connection: PhantomData };
        insert.error().map_or(Ok(insert), Err)
    }

    /// Number of statements in `sql` and the most far-reaching class among them.
    pub(crate) fn classify(&mut self, sql: &[u8]) -> (u32, Class) {
        let mut seen = Analysis { struct_size: 16, statement_count: 0, flags: 0, query_class: 4 };
        // SAFETY: `seen` is as long as it says; no target database is named.
        let state =
            unsafe { (self.api.classify)(self.raw(), sql.as_ptr().cast(), sql.len(), ptr::null(), 0, &raw mut seen) };
        let class = match (state, seen.query_class) {
            (0, 0) => Class::ReadOnly,
            (0, 1 | 2) => Class::Mutating,
            (0, 3) => Class::Control,
            _ => Class::Unknown,
        };
        (seen.statement_count, class)
    }
}

/// A piece of an answer, or the whole of it.
pub(crate) struct Chunk {
    api: &'static Api,
    raw: NonNull<c_void>,
}

impl Drop for Chunk {
    fn drop(&mut self) {
        // SAFETY: owned by this value and destroyed once.
        unsafe { (self.api.result_destroy)(self.raw.as_ptr()) };
    }
}

impl Chunk {
    fn take(api: &'static Api, raw: Raw) -> Result<Chunk, String> {
        let raw = NonNull::new(raw).ok_or("no result")?;
        let chunk = Chunk { api, raw };
        // SAFETY: the result is alive; the message is its own NUL-terminated string.
        let message = unsafe { text((api.result_error)(raw.as_ptr())) };
        message.map_or(Ok(chunk), Err)
    }

    /// The formatted bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: buffer and length belong to the live result and do not change.
        unsafe {
            let length = (self.api.result_length)(self.raw.as_ptr());
            let buffer = (self.api.result_buffer)(self.raw.as_ptr());
            if buffer.is_null() || length == 0 {
                return &[];
            }
            std::slice::from_raw_parts(buffer.cast(), length)
        }
    }

    /// What the engine counted for this chunk.
    pub(crate) fn counts(&self) -> Counts {
        let raw = self.raw.as_ptr();
        // SAFETY: plain getters on a live result.
        unsafe {
            Counts {
                read_rows: (self.api.read_rows)(raw),
                read_bytes: (self.api.read_bytes)(raw),
                written_rows: (self.api.written_rows)(raw),
                written_bytes: (self.api.written_bytes)(raw),
                result_rows: (self.api.result_rows)(raw),
            }
        }
    }
}

/// A running query. Dropped before its end, it is cancelled.
pub(crate) struct Rows<'a> {
    connection: &'a mut Connection,
    stream: Chunk,
    ended: bool,
}

impl Rows<'_> {
    /// The next chunk, or `None` after the last one.
    pub(crate) fn next(&mut self) -> Result<Option<Chunk>, String> {
        if self.ended {
            return Ok(None);
        }
        let api = self.connection.api;
        // SAFETY: connection and stream are alive, and one thread at a time fetches.
        let raw = unsafe { (api.stream_fetch)(self.connection.raw(), self.stream.raw.as_ptr()) };
        let chunk = Chunk::take(api, raw).inspect_err(|_| self.ended = true)?;
        // A chunk without rows is the last one; it may carry a format's closing bytes.
        self.ended = chunk.counts().result_rows == 0;
        Ok(Some(chunk))
    }
}

impl Drop for Rows<'_> {
    fn drop(&mut self) {
        if !self.ended {
            let api = self.connection.api;
            // SAFETY: connection and stream are alive; the stream is destroyed right after.
            unsafe { (api.stream_cancel)(self.connection.raw(), self.stream.raw.as_ptr()) };
        }
    }
}

/// An open insert. Dropped before [`Insert::done`], it is cancelled.
pub(crate) struct Insert<'a> {
    api: &'static Api,
    handle: NonNull<c_void>,
    connection: PhantomData<&'a mut Connection>,
}

impl Insert<'_> {
    fn error(&self) -> Option<String> {
        // SAFETY: the stream is alive; the message is its own NUL-terminated string.
        unsafe { text((self.api.insert_error)(self.handle.as_ptr())) }
    }

    /// Hands over bytes in the insert's format; blocks while the engine is behind.
    pub(crate) fn append(&mut self, data: &[u8]) -> Result<(), String> {
        // SAFETY: the library copies `data` before it returns.
        let state = unsafe { (self.api.insert_append)(self.handle.as_ptr(), data.as_ptr().cast(), data.len()) };
        match state {
            0 => Ok(()),
            // The reason of a failed parse is reported by `done`, which also ends the stream.
            _ => Err(self.finish().err().unwrap_or_else(|| "insert stream failed".into())),
        }
    }

    /// Ends the data and waits for the engine to store it.
    pub(crate) fn done(mut self) -> Result<Counts, String> {
        self.finish()
    }

    fn finish(&mut self) -> Result<Counts, String> {
        // SAFETY: the stream is alive; calling twice is answered with an error by the library.
        let raw = unsafe { (self.api.insert_done)(self.handle.as_ptr()) };
        Chunk::take(self.api, raw).map(|chunk| chunk.counts()).map_err(|message| self.error().unwrap_or(message))
    }
}

impl Drop for Insert<'_> {
    fn drop(&mut self) {
        // SAFETY: owned by this value; the library cancels an insert that is not done.
        unsafe { (self.api.insert_destroy)(self.handle.as_ptr()) };
    }
}

/// Copies a message of the library.
///
/// # Safety
/// `message` is null or a live NUL-terminated string.
unsafe fn text(message: Text) -> Option<String> {
    if message.is_null() {
        return None;
    }
    // SAFETY: by the contract above.
    Some(unsafe { CStr::from_ptr(message) }.to_string_lossy().into_owned())
}

/// Ends the process at once, without the library's exit handlers, which may crash.
pub(crate) fn exit_now(code: i32) -> ! {
    unsafe extern "C" {
        fn _exit(code: c_int) -> !;
    }
    // SAFETY: POSIX; never returns.
    unsafe { _exit(code) }
}
