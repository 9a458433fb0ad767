//! ClickHouse in a box: loads libchdb at run time and serves ClickHouse's HTTP protocol on a
//! loopback port, well enough for the official clients to work unmodified.
//!
//! Start reading at [`supervisor`], the parent's side, and [`child`], the process in which the
//! engine lives: a fatal signal in the library kills its process, so it gets one of its own.
//! In the child a request goes `serve` → `gate` (who, how many) → `request` (what) → `run`
//! (a connection, a thread) → `answer` and `packing` (the way back); `access` says what readers
//! may do, and `ffi` is the only place with `unsafe`.
//!
//! Must not know: our tables, our configuration, any other room.

mod access;
mod answer;
mod child;
mod chunks;
mod engine;
mod external;
mod fault;
mod ffi;
mod frames;
mod gate;
mod lexer;
mod library;
mod multipart;
mod options;
mod packing;
mod request;
mod run;
mod serve;
mod sessions;
mod statement;
mod supervisor;

pub use child::child_main;
pub use library::{LIBCHDB_VERSION, find_library};
pub use options::Options;
pub use supervisor::{Launch, Supervisor};

use std::io;
use std::path::PathBuf;

/// What keeps a box from running.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// libchdb is not there.
    #[error("no libchdb at \"{}\"; run `scripts/libchdb` to fetch it, or set SMARKETING_LIBCHDB to its path", path.display())]
    NoLibrary {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// libchdb does not load.
    #[error("cannot load libchdb \"{}\": {source}; run `scripts/libchdb` for version {LIBCHDB_VERSION}", path.display())]
    Load {
        /// The file.
        path: PathBuf,
        /// What the loader says.
        source: libloading::Error,
    },
    /// The data directory cannot be used.
    #[error("cannot use data directory \"{}\": {source}", path.display())]
    DataPath {
        /// The directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The engine does not start on its data.
    #[error("cannot open \"{}\" ({why}); another process may have it open", path.display())]
    Boot {
        /// The data directory.
        path: PathBuf,
        /// What the engine says.
        why: String,
    },
    /// The port is taken.
    #[error("cannot listen on 127.0.0.1:{port}: {source}")]
    Listen {
        /// The port asked for.
        port: u16,
        /// What the system says.
        source: io::Error,
    },
    /// An argument of the child's command line.
    #[error("argument \"{0}\" is not understood or lacks its value")]
    Argument(String),
    /// The child was not given a key on its input.
    #[error("no key of the user \"service\" on the standard input: {0}")]
    Key(io::Error),
    /// The asynchronous runtime does not start.
    #[error("cannot start the runtime: {0}")]
    Runtime(io::Error),
    /// The child process cannot be started.
    #[error("cannot start the child process: {0}")]
    Spawn(io::Error),
    /// The child said why it does not serve.
    #[error("the child process failed: {0}")]
    Child(String),
    /// The child said nothing.
    #[error("the child process did not answer in time")]
    Silent,
}
