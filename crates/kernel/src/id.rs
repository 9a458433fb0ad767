//! Who owns what: subjects, their ids, and the partition an id lives in.

use crate::text::Text;
use core::fmt;
use core::hash::Hasher as _;
use serde::{Deserialize, Serialize};
use siphasher::sip128::{Hasher128 as _, SipHasher13};

/// A person, as the first 128 bits of HMAC-SHA256(pepper, workspace and normalised address or contact id).
/// The address itself never reaches the kernel.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LeadId(pub [u8; 16]);

/// What a subject is. The number is part of stored keys: never reuse or change one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Kind {
    /// One browser.
    Visitor = 1,
    /// One person.
    Lead = 2,
    /// One company.
    Account = 3,
    /// One CRM opportunity: resolves its fields before its account credits it.
    Deal = 4,
    /// The exchange rates of one currency.
    Rates = 5,
    /// The advertising spend of one day.
    Spend = 6,
}

/// The address of a subject: what it is and 128 bits of its name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SubjectId {
    /// What the subject is.
    pub kind: Kind,
    /// Hash of workspace and name; for a lead its [`LeadId`].
    pub hash: [u8; 16],
}

impl SubjectId {
    /// The id of the subject of `kind` called `name` in `workspace`.
    /// Not for leads: their id comes keyed from the intake.
    #[must_use]
    pub fn named(kind: Kind, workspace: &str, name: &str) -> Self {
        Self { kind, hash: digest128(&[workspace, name]) }
    }

    /// The subject of a lead.
    #[must_use]
    pub fn lead(id: LeadId) -> Self {
        Self { kind: Kind::Lead, hash: id.0 }
    }

    /// The lead behind this id, when it is one.
    #[must_use]
    pub fn as_lead(self) -> Option<LeadId> {
        (self.kind == Kind::Lead).then_some(LeadId(self.hash))
    }

    /// Which of `partitions` owns the subject: stable for ever, uniform over names.
    #[must_use]
    pub fn partition(self, partitions: u32) -> u32 {
        let [a, b, c, d, ..] = self.hash;
        u32::from_le_bytes([a, b, c, d]) % partitions.max(1)
    }

    /// The hash as text: 32 hexadecimal digits.
    #[must_use]
    pub fn hash_text(self) -> Text {
        LeadId(self.hash).text()
    }

    /// The key under which the store keeps the subject: kind, then hash.
    #[must_use]
    pub fn key(self) -> [u8; 17] {
        let mut key = [0; 17];
        key[0] = self.kind as u8;
        key[1..].copy_from_slice(&self.hash);
        key
    }

    /// The subject kept under a key of the store; `None` for bytes that are no such key.
    #[must_use]
    pub fn of_key(key: &[u8]) -> Option<Self> {
        let (kind, hash) = key.split_first()?;
        let kinds = [Kind::Visitor, Kind::Lead, Kind::Account, Kind::Deal, Kind::Rates, Kind::Spend];
        let kind = kinds.into_iter().find(|known| *known as u8 == *kind)?;
        Some(Self { kind, hash: hash.try_into().ok()? })
    }
}

/// 128 bits of the parts, each ended by a byte no UTF-8 text holds.
fn digest128(parts: &[&str]) -> [u8; 16] {
    let mut hasher = SipHasher13::new_with_keys(0x736d_6172_6b65_7469, 0x6e67_2d73_7562_6a31);
    for part in parts {
        hasher.write(part.as_bytes());
        hasher.write_u8(0xFF);
    }
    hasher.finish128().as_bytes()
}

impl fmt::Display for LeadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(&self.0, f)
    }
}

impl fmt::Debug for LeadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(&self.0, f)
    }
}

impl fmt::Display for SubjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(&self.hash, f)
    }
}

impl fmt::Debug for SubjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}:", self.kind)?;
        hex(&self.hash, f)
    }
}

fn hex(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

impl LeadId {
    /// The id as rows spell it: 32 hexadecimal digits.
    #[must_use]
    pub fn text(self) -> Text {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut digits = [0; 32];
        for (pair, byte) in digits.chunks_exact_mut(2).zip(self.0) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        Text::from(core::str::from_utf8(&digits).unwrap_or_default())
    }
}
