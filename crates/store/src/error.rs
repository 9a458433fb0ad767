use std::{io, path::Path, path::PathBuf};

/// What the owner of the data does after an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Put the record aside with the reason and go on.
    Reject,
    /// Back off and try again, for ever.
    Retry,
    /// Stop this partition, keep the data, say so.
    Halt,
}

/// Why the store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused; nothing changed.
    #[error("could not {action} \"{}\": {source}", path.display())]
    Io {
        /// What was tried, as a verb phrase.
        action: &'static str,
        /// The file or directory it was tried on.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// A write failed half-way: the store accepts no more until it is opened again.
    #[error("could not write to the store at \"{}\" ({reason}); open it again to recover", path.display())]
    Broken {
        /// The store's directory.
        path: PathBuf,
        /// What the write met.
        reason: String,
    },
    /// Bytes are not what was written.
    #[error("\"{}\" is corrupt: {what}", path.display())]
    Corrupt {
        /// The file or directory.
        path: PathBuf,
        /// What was found.
        what: String,
    },
    /// There is another snapshot of the same position: deciding was not deterministic.
    #[error("the snapshot \"{}\" is there with another content", path.display())]
    Differ {
        /// The snapshot that was there.
        path: PathBuf,
    },
    /// Another process has the directory open.
    #[error("\"{}\" is in use by {}", path.display(), holder(*pid))]
    Locked {
        /// The directory.
        path: PathBuf,
        /// The other process, where it could be read.
        pid: Option<u32>,
    },
    /// The directory or snapshot was written by another version of this program.
    #[error("\"{}\" has store format {found}, this program needs {expected}; move it away and rebuild it from the journal with `smarketing replay`", path.display())]
    Format {
        /// The directory or snapshot.
        path: PathBuf,
        /// The format found, as written.
        found: String,
        /// The format of this program.
        expected: u32,
    },
    /// A key or name is empty or longer than [`crate::KEY_BYTES_MAX`].
    #[error("a key of {bytes} bytes is outside 1 to {}", crate::KEY_BYTES_MAX)]
    KeyLength {
        /// Its length.
        bytes: usize,
    },
    /// A value is larger than [`crate::VALUE_BYTES_MAX`].
    #[error("a value of {bytes} bytes is over the limit of {}", crate::VALUE_BYTES_MAX)]
    TooLarge {
        /// Its length.
        bytes: usize,
    },
    /// A name of cells has other characters than ASCII letters, digits and dashes.
    #[error("\"{name}\" cannot name cells: 1 to 64 ASCII letters, digits and dashes can")]
    Name {
        /// The name.
        name: String,
    },
}

impl Error {
    /// Retry what the system refused; halt on all that a second try cannot change.
    pub fn remedy(&self) -> Remedy {
        match self {
            Self::Io { .. } => Remedy::Retry,
            _ => Remedy::Halt,
        }
    }

    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.into(), source }
    }

    /// Something at `path` is not what it should be.
    #[must_use]
    pub fn corrupt(path: &Path, what: impl Into<String>) -> Self {
        Self::Corrupt { path: path.into(), what: what.into() }
    }
}

fn holder(pid: Option<u32>) -> String {
    match pid {
        Some(pid) => format!("process {pid}"),
        None => "another process".into(),
    }
}
