//! Wire bytes become events, or rejects with a reason: JSON and Avro, plain or in files.
//!
//! Start at [`decode_json`]; it reads a record into `wire` (what was sent), asks `form` for its fields (the rules of
//! single fields) and puts them together in `events` (which fields make which event). Avro goes the same way from
//! `wire` on. This room must not know Kafka clients, journeys or tables. Nothing here panics on input, and nothing
//! allocates more than a small multiple of the bytes it was given.

mod avro;
pub mod dialect;
mod events;
mod expand;
mod form;
mod instant;
mod international;
mod json;
mod line;
mod records;
mod reject;
mod wire;

pub use avro::{WriterSchema, decode_datum, framed, reader_schema, single_object};
pub use events::EVENTS;
pub use form::{CONTACTS_MAX, EARLIEST, ENTRIES_MAX, EVENT_ID_MAX, ID_MAX, KEY_MAX, TEXT_MAX, WORKSPACE_MAX};
pub use international::address;
pub use json::{decode_json, enveloped};
pub use line::to_json;
pub use records::{KEPT_MAX, Record, read_events, read_events_within};
pub use reject::{Reason, Rejected};

use smarketing_kernel::event::{Address, Event};
use smarketing_kernel::text::Text;
use smarketing_kernel::time::Timestamp;

/// Largest record in bytes.
pub const RECORD_MAX: usize = 1 << 20;

/// What a record is judged against, besides itself.
#[derive(Clone, Debug)]
pub struct Context {
    /// The intake's clock: times more than a day ahead of it are rejected.
    pub now: Timestamp,
    /// The workspace of records that name none.
    pub workspace: Text,
}

impl Context {
    /// A context at `now` with the workspace `default`.
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        Self { now, workspace: Text::from("default") }
    }
}

/// An event, and what its record held besides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// The event.
    pub event: Event<Address>,
    /// Names of fields the event does not know, at most sixteen: reported, not errors.
    pub unknown_fields: Vec<String>,
}
