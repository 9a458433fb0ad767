//! What the world reaches over HTTP: the collector, and how far the service is.
//!
//! Start at [`Collector`] (what runs), then `events` (one body of records), `queue` (how bodies of many producers
//! become one append) and `reports` (answers for consoles). Nothing is answered for before it is durable in the journal, and every answer that is not 200
//! says what to do about it.
//!
//! | path | does |
//! |---|---|
//! | `POST /v1/events` | takes records: JSON lines or an Avro container, plain, gzip or zstd |
//! | `GET /healthz`, `GET /readyz` | whether the process lives; whether it takes records |
//! | `GET /metrics` | what a monitor reads, in Prometheus' text format |
//! | `GET /v1/status` | positions, partitions, and what became of each stream's records |
//! | `GET /v1/reports/{name}`, `GET /v1/leads/{who}`, `GET /v1/deals/{id}` | with a token: the answers of the command line, as JSON lines |
//! | `POST /admin/import`, `…/retry`, `…/settle`, `…/watch` | from this machine and with the token only, see [`Admin`] |
//!
//! This room must not know Kafka, the keys of the store, nor what an event means.

mod admin;
mod ends;
mod events;
mod options;
mod queue;
mod refusal;
mod reports;
mod server;
mod status;
mod upload;

pub use admin::{Admin, ImportRequest, RetryRequest};
pub use options::Options;
pub use reports::{Answered, Inquiry, Unanswered};
pub use server::{Collector, Error};
