//! What a box may use, as a struct here and as a command line for the child.

use crate::Error;
use std::path::PathBuf;

/// Limits and places of a box. Bytes are bytes, times are seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The data directory; created when missing. One process at a time.
    pub path: PathBuf,
    /// The loopback port; 0 takes a free one.
    pub port: u16,
    /// libchdb itself; `None` looks it up, see [`crate::find_library`].
    pub library: Option<PathBuf>,
    /// All memory the engine may hold.
    pub memory_bytes: u64,
    /// Memory of one query of the service.
    pub query_memory_bytes: u64,
    /// Threads of one query.
    pub threads: u32,
    /// Queries of the service that run at once; more wait.
    pub service_queries: u32,
    /// Queries of readers that run at once; more wait.
    pub reader_queries: u32,
    /// Queries of each kind that wait; more are refused with ClickHouse's code 202.
    pub waiting_queries: u32,
    /// Time of one query of a reader.
    pub reader_seconds: u64,
    /// Memory of one query of a reader.
    pub reader_memory_bytes: u64,
    /// Rows of one answer to a reader.
    pub reader_result_rows: u64,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            path: PathBuf::from("clickhouse"),
            port: 0,
            library: None,
            memory_bytes: 4 << 30,
            query_memory_bytes: 3 << 30,
            threads: std::thread::available_parallelism().map_or(2, |n| u32::try_from(n.get()).unwrap_or(2)),
            service_queries: 8,
            reader_queries: 4,
            waiting_queries: 64,
            reader_seconds: 60,
            reader_memory_bytes: 1 << 30,
            reader_result_rows: 10_000_000,
        }
    }
}

impl Options {
    /// The command line from which [`Options::from_arguments`] reads the same options.
    pub fn to_arguments(&self) -> Vec<String> {
        let mut pairs = vec![("--path", self.path.display().to_string()), ("--port", self.port.to_string())];
        pairs.extend(self.library.iter().map(|path| ("--library", path.display().to_string())));
        pairs.extend([
            ("--memory-bytes", self.memory_bytes.to_string()),
            ("--query-memory-bytes", self.query_memory_bytes.to_string()),
            ("--threads", self.threads.to_string()),
            ("--service-queries", self.service_queries.to_string()),
            ("--reader-queries", self.reader_queries.to_string()),
            ("--waiting-queries", self.waiting_queries.to_string()),
            ("--reader-seconds", self.reader_seconds.to_string()),
            ("--reader-memory-bytes", self.reader_memory_bytes.to_string()),
            ("--reader-result-rows", self.reader_result_rows.to_string()),
        ]);
        pairs.into_iter().flat_map(|(name, value)| [name.to_owned(), value]).collect()
    }

    /// Reads `--name value` pairs over the defaults.
    ///
    /// # Errors
    /// [`Error::Argument`] with the first argument that is not understood.
    pub fn from_arguments(arguments: impl IntoIterator<Item = String>) -> Result<Options, Error> {
        let mut options = Options::default();
        let mut arguments = arguments.into_iter();
        while let Some(name) = arguments.next() {
            let value = arguments.next().ok_or_else(|| Error::Argument(name.clone()))?;
            options.set(&name, &value).ok_or(Error::Argument(name))?;
        }
        Ok(options)
    }

    fn set(&mut self, name: &str, value: &str) -> Option<()> {
        match name {
            "--path" => self.path = PathBuf::from(value),
            "--port" => self.port = value.parse().ok()?,
            "--library" => self.library = Some(PathBuf::from(value)),
            "--memory-bytes" => self.memory_bytes = value.parse().ok()?,
            "--query-memory-bytes" => self.query_memory_bytes = value.parse().ok()?,
            "--threads" => self.threads = positive(value)?,
            "--service-queries" => self.service_queries = positive(value)?,
            "--reader-queries" => self.reader_queries = positive(value)?,
            "--waiting-queries" => self.waiting_queries = value.parse().ok()?,
            "--reader-seconds" => self.reader_seconds = value.parse().ok()?,
            "--reader-memory-bytes" => self.reader_memory_bytes = value.parse().ok()?,
            "--reader-result-rows" => self.reader_result_rows = value.parse().ok()?,
            _ => return None,
        }
        Some(())
    }
}

fn positive(value: &str) -> Option<u32> {
    value.parse().ok().filter(|n| *n > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_survive_the_command_line() {
        let options = Options {
            port: 7,
            library: Some("/x/lib chdb.so".into()),
            threads: 3,
            reader_seconds: 9,
            ..Options::default()
        };
        assert_eq!(Options::from_arguments(options.to_arguments()).ok(), Some(options));
        for bad in [vec!["--port", "x"], vec!["--bogus", "1"], vec!["--path"], vec!["--threads", "0"]] {
            assert!(Options::from_arguments(bad.iter().map(|a| (*a).to_owned())).is_err(), "{bad:?}");
        }
    }
}
