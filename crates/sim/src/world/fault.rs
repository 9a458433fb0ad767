//! What can go wrong.

use std::fmt;

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// An owner dies between two of its steps and starts again from its store.
    Crash,
    /// A new owner starts elsewhere while the old one lives and goes on writing.
    Takeover,
    /// The store lost the latest commits.
    CommitsLost,
    /// The store is gone.
    StoreWiped,
    /// The newest snapshot is not there.
    SnapshotMissing,
    /// The newest snapshot is damaged.
    SnapshotCorrupt,
    /// An append lands twice.
    ProduceTwice,
    /// An append fails, after none or some of it landed.
    ProduceFailed,
    /// An append times out and lands later.
    ProduceLate,
    /// A reader skips an entry, or hands one over again.
    OffsetJump,
    /// An insert fails, nothing of it landed.
    InsertFailed,
    /// An insert fails, some of it landed.
    InsertPartial,
    /// An insert lands, the answer does not come.
    InsertUnanswered,
    /// An insert fails and lands much later.
    InsertLate,
    /// The warehouse loses what it had acknowledged.
    InsertLost,
    /// A sender dies and reads its stream again from further back.
    SentAgain,
}

impl Fault {
    /// Every kind.
    pub const ALL: [Self; 16] = [
        Self::Crash,
        Self::Takeover,
        Self::CommitsLost,
        Self::StoreWiped,
        Self::SnapshotMissing,
        Self::SnapshotCorrupt,
        Self::ProduceTwice,
        Self::ProduceFailed,
        Self::ProduceLate,
        Self::OffsetJump,
        Self::InsertFailed,
        Self::InsertPartial,
        Self::InsertUnanswered,
        Self::InsertLate,
        Self::InsertLost,
        Self::SentAgain,
    ];
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut name = String::new();
        for letter in format!("{self:?}").chars() {
            if letter.is_uppercase() && !name.is_empty() {
                name.push(' ');
            }
            name.extend(letter.to_lowercase());
        }
        f.pad(&name)
    }
}

/// A set of kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Faults(u32);

impl Faults {
    /// Everything can go wrong.
    #[must_use]
    pub fn all() -> Self {
        Self(u32::MAX)
    }

    /// Nothing goes wrong.
    #[must_use]
    pub fn none() -> Self {
        Self(0)
    }

    /// The set without a kind.
    #[must_use]
    pub fn without(self, fault: Fault) -> Self {
        Self(self.0 & !(1 << fault as u32))
    }

    /// Whether this kind can strike.
    #[must_use]
    pub fn has(self, fault: Fault) -> bool {
        self.0 & (1 << fault as u32) != 0
    }
}
