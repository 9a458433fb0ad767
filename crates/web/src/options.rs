//! What the collector is started with: every limit of this room, in one place.

use smarketing_kernel::text::Text;
use smarketing_kernel::time::Timestamp;
use std::net::SocketAddr;
use std::time::Duration;

/// Most records of one batch; a body of more is journalled batch by batch.
pub(crate) const BATCH_RECORDS: usize = 4_096;
/// Most bytes of one batch, as they were sent; one record may pass it.
pub(crate) const BATCH_BYTES: u64 = 4 << 20;
/// Most bytes that are merged into one append, far below what the journal takes.
pub(crate) const APPEND_BYTES: u64 = 4 * BATCH_BYTES;
/// Most rejects an answer shows; the journal has them all.
pub(crate) const REJECTS_SHOWN: usize = 100;
/// Most unknown field names an answer shows.
pub(crate) const FIELDS_SHOWN: usize = 16;
/// Largest body of an administrative request.
pub(crate) const ADMIN_BYTES: u64 = 1 << 20;
/// Largest head of a request, and most headers in it.
pub(crate) const HEAD_BYTES: usize = 64 << 10;
/// See [`HEAD_BYTES`].
pub(crate) const HEADERS: usize = 64;
/// Questions of readers that are answered at once; beyond it they are asked to come again.
pub(crate) const INQUIRIES: usize = 4;
/// Longest answer to a question.
pub(crate) const ANSWER_BYTES: usize = 16 << 20;
/// How long the rest of a refused body is read, so that its sender gets to see the answer.
pub(crate) const DISCARD_TIME: Duration = Duration::from_secs(2);

/// What a collector is started with. Not `Debug`: the token is never printed.
pub struct Options {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Opens the administrative paths; empty opens them to nobody. Drawn anew at every start.
    pub token: String,
    /// Opens the reports to whoever bears it, from anywhere; empty leaves them to the administrator's token.
    pub reader_token: String,
    /// The time now: what event times are held against, and when rejects were seen.
    pub clock: fn() -> Timestamp,
    /// The workspace of records that name none.
    pub workspace: Text,
    /// Whether records are taken; without, only the state is told.
    pub collects: bool,
    /// Web origins (such as `https://acme.test`) whose pages may send events. A request of any other page is refused.
    pub origins: Vec<String>,
    /// Largest body of records, in bytes: as sent, and again after decompression.
    pub body_bytes_max: u64,
    /// Bytes of all bodies that are held at once; beyond it requests are asked to come again.
    pub buffer_bytes_max: usize,
    /// Bodies that are received or journalled at once; beyond it requests are asked to come again.
    pub requests_max: usize,
    /// Open connections; beyond it new ones wait to be accepted.
    pub connections_max: usize,
    /// Longest wait for a whole head, for the next piece of a body, or for the next request of a connection.
    pub patience: Duration,
    /// Longest time for a whole body.
    pub upload_time_max: Duration,
    /// How long a stop waits for requests to finish.
    pub stop_within: Duration,
}

impl Options {
    /// The defaults for a collector at `listen` whose administrator has `token`.
    #[must_use]
    pub fn new(listen: SocketAddr, token: String, clock: fn() -> Timestamp) -> Self {
        Self {
            listen,
            token,
            reader_token: String::new(),
            clock,
            workspace: Text::from("default"),
            collects: true,
            origins: Vec::new(),
            body_bytes_max: 64 << 20,
            buffer_bytes_max: 256 << 20,
            requests_max: 64,
            connections_max: 1_024,
            patience: Duration::from_secs(15),
            upload_time_max: Duration::from_secs(300),
            stop_within: Duration::from_secs(10),
        }
    }
}
