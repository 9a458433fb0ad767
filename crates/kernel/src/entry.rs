//! What stands in the journal: events, rejects and their resolution, messages between partitions, ticks.

use crate::event::{Event, LeadRef};
use crate::id::SubjectId;
use crate::subject::{Part, Tag};
use crate::text::Text;
use crate::time::Timestamp;
use alloc::sync::Arc;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// One journal entry. Appended once, never changed; the state of a partition is a fold over its entries.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(clippy::large_enum_variant, reason = "nearly all entries are events; a box each would be one allocation more")]
pub enum Entry {
    /// An event, addressed to the subject that owns it.
    Event {
        /// The record it came from.
        source: Source,
        /// What happened.
        event: Event<LeadRef>,
    },
    /// A record that could not become an event.
    Reject {
        /// The record it came from.
        source: Source,
        /// Why, and its bytes.
        reject: Reject,
    },
    /// A message of a release that kept messages otherwise. Nobody heeds it: it is said again.
    Stray,
    /// Settle everything that is dirty.
    Tick {
        /// Event time of the tick.
        at: Timestamp,
    },
    /// A reject of this partition became an event after all: it is no longer a dead letter.
    Resolved {
        /// The retry it was resolved by, as a stream of its own.
        source: Source,
        /// The record that had been rejected.
        reject: Source,
    },
    /// What a subject of another partition has to say to one of ours.
    Message {
        /// Who of all that work this journal says it; nobody else heeds it.
        lineage: Lineage,
        /// The sending partition.
        from: u32,
        /// Dense number of the message from there to here, starting with 1.
        seq: u64,
        /// What is said.
        message: Said,
    },
}

/// A [`Message`] in bytes. A journal outlives what its messages mean: those of another lineage are never opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said(#[serde(with = "serde_bytes")] Vec<u8>);

impl Said {
    /// A message as the journal keeps it.
    ///
    /// # Errors
    /// Never in practice: every field has an encoding.
    pub fn new(message: &Message) -> Result<Self, postcard::Error> {
        postcard::to_allocvec(message).map(Self)
    }

    /// What was said.
    ///
    /// # Errors
    /// When the bytes are not those of a message of this release.
    pub fn message(&self) -> Result<Message, postcard::Error> {
        postcard::from_bytes(&self.0)
    }
}

/// Whose messages they are: a journal keeps those of every generation that was ever built from it, and what subjects
/// said by other rules, or before the journal lost its end, is not what they say now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lineage {
    /// Number of the generation.
    pub generation: u32,
    /// Digest of its definitions and of the kernel's logic.
    pub rules: u64,
}

/// Where a record came from: a stream (a topic-partition, a file being imported) and a position that only grows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Source {
    /// The stream's name.
    pub stream: Text,
    /// Position in the stream; a position at or below the last one seen is a repetition.
    pub position: u64,
}

/// A record that could not become an event, kept with its reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reject {
    /// A short, stable code such as `invalid_json`; it is a metric label.
    pub reason: Text,
    /// What is wrong, where, and what to do.
    pub detail: Text,
    /// The record's bytes, cut at the limit.
    #[serde(with = "serde_bytes")]
    pub bytes: Vec<u8>,
    /// The length of the record before it was cut.
    pub length: u64,
    /// When the intake saw it.
    pub rejected_at: Timestamp,
}

/// An absolute statement of one subject to another: it replaces what was said before under the same tag.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Workspace of both subjects.
    pub workspace: Text,
    /// The subject that is told.
    pub to: SubjectId,
    /// The natural name of that subject, for when it does not exist yet.
    pub name: Text,
    /// The subject that tells.
    pub from: SubjectId,
    /// What it is about.
    pub tag: Tag,
    /// The statement; `None` takes it back.
    pub part: Option<Arc<Part>>,
}
