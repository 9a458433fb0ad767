//! Conversions with their journey and credit, and the ledger of what changed.

use super::{Content, Origin, TouchKind};
use crate::event::words;
use crate::money::Currency;
use crate::text::Text;
use crate::time::Timestamp;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// What earns credit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[allow(missing_docs)]
pub enum ConversionKind {
    Lead,
    Mql,
    Sql,
    Opportunity,
    Won,
}

words!(ConversionKind { Lead = "lead", Mql = "mql", Sql = "sql", Opportunity = "opportunity", Won = "won" });

/// A conversion with its journey and its credit under every model: one row, replaced as a whole,
/// so that no read ever sees credit that does not sum to the value.
/// Key: workspace, owner, conversion.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub struct Conversion {
    pub workspace: Text,
    /// The subject that computed it (hexadecimal): a deal that moves to another account changes its owner.
    pub owner: Text,
    /// Such as `won:d-1` or `mql:9f…:1772357400000`.
    pub conversion: Text,
    pub kind: ConversionKind,
    /// The lead (hexadecimal) or the deal id.
    pub subject: Text,
    pub account: Text,
    pub persona: Text,
    pub deal_type: Text,
    /// Owning rep of the deal or lead.
    pub rep: Text,
    pub converted_at: Timestamp,
    pub value_minor: i64,
    pub currency: Currency,
    pub reporting_minor: Option<i64>,
    pub reporting_currency: Currency,
    /// Whether the journey had more touches than the limit; then the first and the latest are here.
    pub truncated: bool,
    pub definition_version: Text,
    /// The journey in order; the last element is always the slot of credit that has no touch,
    /// with channel `(unattributed)` and an empty touch id.
    pub journey: Vec<JourneyTouch>,
    /// Credit of each model over [`Conversion::journey`], in the order of the configuration.
    pub credits: Vec<ModelCredit>,
}

/// A touch as a conversion's journey shows it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub struct JourneyTouch {
    pub touch_id: Text,
    pub touch_at: Timestamp,
    pub lead: Text,
    pub persona: Text,
    pub kind: TouchKind,
    /// Whether it is one touch with an earlier one of its session, and here only for the models that count each.
    pub repeat: bool,
    pub origin: Arc<Origin>,
    pub page: Arc<Content>,
}

/// One model's split of one conversion; the vectors are as long as the journey.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub struct ModelCredit {
    pub model: Text,
    /// Micro-credits: 1 000 000 a conversion.
    pub micro: Vec<i64>,
    /// Minor units of the deal's currency.
    pub minor: Vec<i64>,
    /// Minor units of the reporting currency; all zero while no rate is known.
    pub reporting: Vec<i64>,
}

/// Why a ledger entry was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum Reason {
    Converted,
    AmountChanged,
    DateChanged,
    Reopened,
    Lost,
    Deleted,
    Merged,
    LateTouch,
    IdentityChanged,
    RateChanged,
    Withdrawn,
    Reclassified,
}

words!(Reason {
    Converted = "converted", AmountChanged = "amount_changed", DateChanged = "date_changed", Reopened = "reopened",
    Lost = "lost", Deleted = "deleted", Merged = "merged", LateTouch = "late_touch",
    IdentityChanged = "identity_changed", RateChanged = "rate_changed", Withdrawn = "withdrawn", Reclassified = "reclassified",
});

/// The signed credit entries of one conversion at one tick, all models: new share − old share.
/// Key: partition, version, index.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct LedgerEntry {
    pub index: u32,
    pub workspace: Text,
    pub conversion: Text,
    pub kind: ConversionKind,
    pub subject: Text,
    pub persona: Text,
    pub deal_type: Text,
    /// When the conversion happened (of the conversion as it was, where it is taken back).
    pub converted_at: Timestamp,
    pub currency: Currency,
    pub reporting_currency: Currency,
    pub reason: Reason,
    /// Event time of the tick: the latest event the partition had seen.
    pub recorded_at: Timestamp,
    /// Only touches with a change, and the `(unattributed)` slot when it changed.
    pub journey: Vec<JourneyTouch>,
    /// Differences of each model over [`LedgerEntry::journey`].
    pub credits: Vec<ModelCredit>,
}
