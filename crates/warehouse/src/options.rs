//! Where the warehouse is and how to talk to it.

use crate::Cluster;
use std::fmt;
use std::time::Duration;

/// A ClickHouse user. Its password is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Name of the user.
    pub user: String,
    /// Its password; empty for none.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:***", self.user)
    }
}

/// Everything a [`crate::Warehouse`] needs to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Base URL of the HTTP interface, such as `http://127.0.0.1:8123`.
    pub url: String,
    /// The user that migrates and writes.
    pub service: Credentials,
    /// The user that may only read; questions are asked as the service where there is none.
    pub reader: Option<Credentials>,
    /// Database of the views; the tables of generation *n* live in `<database>_g<n>`.
    pub database: String,
    /// The generation of tables written to, counted from 1.
    pub generation: u32,
    /// The cluster the tables are spread over; `None` for one server.
    pub cluster: Option<Cluster>,
    /// Whether an insert is acknowledged only when it is on disk. For a single node; a cluster has replicas instead.
    pub durable: bool,
    /// Whether answers are compressed with LZ4. Pays off on a network, costs on loopback. Rows on their way in are
    /// not: the client does not compress the Native format.
    pub compress: bool,
    /// Longest wait for the server to take a chunk of an insert, and then to acknowledge the whole.
    pub insert_timeout: Duration,
    /// Longest wait for a statement or the answer to a report.
    pub query_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            url: "http://127.0.0.1:8123".to_owned(),
            service: Credentials { user: "default".to_owned(), password: String::new() },
            reader: None,
            database: "smarketing".to_owned(),
            generation: 1,
            cluster: None,
            durable: false,
            compress: true,
            insert_timeout: Duration::from_secs(120),
            query_timeout: Duration::from_secs(60),
        }
    }
}
