//! What leaves for the warehouse: absolute rows, one struct a table.
//!
//! A row's *key* names its owner subject, so one key is only ever written by one partition. The version of a row is
//! the journal offset of the tick that settled it; both stand in [`Rows`], once for all rows of a settle.
//! A missing dimension is spelled [`crate::text::NONE`]. Every struct lists its key fields first.

mod credit;

pub use credit::{Conversion, ConversionKind, JourneyTouch, LedgerEntry, ModelCredit, Reason};

use crate::event::{ActivityKind, DealKind, DealType, EmailKind, Stage, Verdict, words};
use crate::money::{Currency, Rate};
use crate::text::Text;
use crate::time::{Day, Timestamp};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;

/// The tables, for checksums and counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[allow(missing_docs)]
pub enum Table {
    WebEvents,
    Touches,
    Leads,
    LeadEvents,
    StageEntries,
    Handoffs,
    Deals,
    DealHistory,
    Conversions,
    CreditLedger,
    AdSpend,
    ExchangeRates,
    Rejects,
}

words!(Table {
    WebEvents = "web_events", Touches = "touches", Leads = "leads", LeadEvents = "lead_events",
    StageEntries = "stage_entries", Handoffs = "handoffs", Deals = "deals", DealHistory = "deal_history",
    Conversions = "conversions", CreditLedger = "credit_ledger", AdSpend = "ad_spend",
    ExchangeRates = "exchange_rates", Rejects = "rejects",
});

/// A row that is now so, or a key that is no longer there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change<R> {
    /// The row; of a deleted key the row as it was last.
    pub row: R,
    /// Whether the key is gone.
    pub deleted: bool,
    /// Content hash of the row, for checksums (0 for a deleted key).
    pub digest: u64,
}

/// Everything one settle has to say to the warehouse.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Rows {
    /// The journal partition that says it.
    pub partition: u32,
    /// Journal offset of the tick: the version of every row here.
    pub version: u64,
    pub web_events: Vec<Change<WebEvent>>,
    pub touches: Vec<Change<Touch>>,
    pub leads: Vec<Change<Lead>>,
    pub lead_events: Vec<Change<LeadEvent>>,
    pub stage_entries: Vec<Change<StageEntry>>,
    pub handoffs: Vec<Change<Handoff>>,
    pub deals: Vec<Change<Deal>>,
    pub deal_history: Vec<Change<DealChange>>,
    pub conversions: Vec<Change<Conversion>>,
    pub ad_spend: Vec<Change<AdSpend>>,
    pub exchange_rates: Vec<Change<ExchangeRate>>,
    /// Immutable: never deleted, key (partition, version, index).
    pub credit_ledger: Vec<LedgerEntry>,
    /// Key (stream, position): written once, and taken back when a retry resolves it.
    pub rejects: Vec<Change<RejectedRecord>>,
}

/// How many tables there are.
pub(crate) const TABLES: usize = 13;

/// The same for every table, in one order.
macro_rules! every_table {
    ($rows:expr, |$table:ident| $what:expr) => {
        every_table!(@ $rows, $table, $what; web_events touches leads lead_events stage_entries handoffs deals
            deal_history conversions ad_spend exchange_rates credit_ledger rejects)
    };
    (@ $rows:expr, $table:ident, $what:expr; $($name:ident)+) => {{
        let Rows { $($name,)+ partition: _, version: _ } = $rows;
        [$({ let $table = $name; $what }),+]
    }};
}

impl Rows {
    /// How many rows each table has.
    pub(crate) fn lengths(&self) -> [usize; TABLES] {
        every_table!(self, |table| table.len())
    }

    /// Takes rows out: of each table those at the places that `gone` answers for its number, in order and apart.
    pub(crate) fn cut<I: Iterator<Item = Range<usize>>>(&mut self, gone: impl Fn(usize) -> I) {
        let mut numbers = 0..;
        every_table!(self, |table| numbers.next().map(|number| cut(table, gone(number))));
    }

    /// How many rows there are in all tables.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.lengths().into_iter().map(|rows| rows as u64).sum()
    }
}

/// Takes ranges out of a list; they are in order and apart.
pub(crate) fn cut<T>(list: &mut Vec<T>, gone: impl Iterator<Item = Range<usize>>) {
    let mut gone = gone.filter(|range| !range.is_empty()).peekable();
    if gone.peek().is_none() {
        return;
    }
    let mut places = 0..;
    list.retain(|_| {
        let place = places.next().unwrap_or(usize::MAX);
        while gone.next_if(|range| range.end <= place).is_some() {}
        !gone.peek().is_some_and(|range| range.contains(&place))
    });
}

/// A page view. Key: workspace, visitor, viewed_at, event_id.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub struct WebEvent {
    pub workspace: Text,
    pub visitor: Text,
    pub viewed_at: Timestamp,
    pub event_id: Text,
    /// The lead the visitor was then, as hexadecimal id; none while anonymous.
    pub lead: Text,
    /// Start of the session the view belongs to.
    pub session_at: Timestamp,
    /// Channel and its like are those of the session.
    pub origin: Arc<Origin>,
    pub page: Arc<Content>,
    pub referrer_host: Text,
    pub bot: bool,
}

/// Where an interaction came from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[allow(missing_docs)]
pub struct Origin {
    pub channel: Text,
    pub subchannel: Text,
    pub source: Text,
    pub medium: Text,
    pub campaign: Text,
}

/// What was looked at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[allow(missing_docs)]
pub struct Content {
    /// Normalised path or asset id.
    pub content: Text,
    pub content_group: Text,
    pub buyer_stage: Text,
}

/// What kind of interaction a touch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[allow(missing_docs)]
pub enum TouchKind {
    Visit,
    EmailClick,
    Form,
    Event,
    Enablement,
    SelfReported,
}

words!(TouchKind {
    Visit = "visit", EmailClick = "email_click", Form = "form", Event = "event", Enablement = "enablement",
    SelfReported = "self_reported",
});

/// A touch of a known lead. Key: workspace, lead, touch_at, touch_id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub struct Touch {
    pub workspace: Text,
    pub lead: Text,
    pub touch_at: Timestamp,
    /// The event that made the touch.
    pub touch_id: Text,
    pub account: Text,
    pub kind: TouchKind,
    pub origin: Arc<Origin>,
    pub page: Arc<Content>,
    /// The visitor it came from; none for mail and CRM touches.
    pub visitor: Text,
    /// Version of the channel rules and of the source list that classified it.
    pub ruleset_version: Text,
}

/// A lead as it stands. Key: workspace, lead.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub struct Lead {
    pub workspace: Text,
    pub lead: Text,
    /// Address and contact id, sealed; opened only at delivery. `None` when only a hash was known or it was erased.
    pub sealed: Option<Vec<u8>>,
    pub domain: Text,
    pub account: Text,
    /// What the lead's own attributes make of its company, such as `mid-market`; that of the account is the one its
    /// leads said last.
    pub account_segment: Text,
    /// When the attribute behind it was said last.
    pub account_segment_at: Option<Timestamp>,
    pub persona: Text,
    /// Owning rep.
    pub owner: Text,
    pub stage: Stage,
    /// Points now (at the lead's latest event), in hundredths; fit and behaviour add up to it.
    pub score_centi: i64,
    pub fit_centi: i64,
    pub behaviour_centi: i64,
    pub created_at: Option<Timestamp>,
    pub first_touch_at: Option<Timestamp>,
    pub last_touch_at: Option<Timestamp>,
    /// Where the lead came from: the origin of its first touch.
    pub first_origin: Arc<Origin>,
    pub touches: u32,
    pub mqls: u32,
    pub sqls: u32,
    pub deals: u32,
    pub won_deals: u32,
    /// The lead that owns everything of this one since a merge; none for a lead of its own.
    pub merged_into: Text,
    pub erased: bool,
    pub definition_version: Text,
}

/// What a lead's timeline shows beside touches and stages: mails, calls, verdicts, CRM updates.
/// Key: workspace, lead, occurred_at, event_id.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub struct LeadEvent {
    pub workspace: Text,
    pub lead: Text,
    pub occurred_at: Timestamp,
    pub event_id: Text,
    /// Such as `email_opened`, `call`, `verdict_rejected`, `updated`, `form_submitted`, `merged`.
    pub event: Text,
    pub campaign: Text,
    pub content: Text,
    pub rep: Text,
    /// Outcome of an activity, reason of a verdict.
    pub detail: Text,
}

/// The kind of thing a lead event was, for [`LeadEvent::event`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum LeadEventKind {
    Email(EmailKind),
    Activity(ActivityKind),
    Verdict(Verdict),
    Form,
    Updated,
    Merged,
    Unmerged,
    Erased,
}

impl LeadEventKind {
    /// The word in [`LeadEvent::event`].
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Email(EmailKind::Sent) => "email_sent",
            Self::Email(EmailKind::Delivered) => "email_delivered",
            Self::Email(EmailKind::Opened) => "email_opened",
            Self::Email(EmailKind::Clicked) => "email_clicked",
            Self::Email(EmailKind::Replied) => "email_replied",
            Self::Email(EmailKind::Bounced) => "email_bounced",
            Self::Email(EmailKind::Unsubscribed) => "email_unsubscribed",
            Self::Email(EmailKind::Complained) => "email_complained",
            Self::Activity(kind) => kind.word(),
            Self::Verdict(Verdict::Accepted) => "verdict_accepted",
            Self::Verdict(Verdict::Rejected) => "verdict_rejected",
            Self::Verdict(Verdict::Recycled) => "verdict_recycled",
            Self::Verdict(Verdict::Qualified) => "verdict_qualified",
            Self::Verdict(Verdict::Disqualified) => "verdict_disqualified",
            Self::Form => "form_submitted",
            Self::Updated => "updated",
            Self::Merged => "merged",
            Self::Unmerged => "unmerged",
            Self::Erased => "erased",
        }
    }
}

/// An entry of a lead into a stage. Key: workspace, lead, entered_at, stage.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub struct StageEntry {
    pub workspace: Text,
    pub lead: Text,
    pub entered_at: Timestamp,
    pub stage: Stage,
    pub from_stage: Stage,
    /// What made it: `score`, `crm`, `verdict`, a deal, or the reason sales gave.
    pub reason: Text,
    /// Whether the stage was skipped and is entered at the time of a later one.
    pub inferred: bool,
    /// Milliseconds spent in the stage before.
    pub previous_ms: i64,
    pub persona: Text,
    pub account: Text,
    /// Channel of the lead's first touch, for funnels by channel.
    pub channel: Text,
    /// Points on entering, in hundredths, before a recycling takes those of behaviour away.
    pub score_centi: i64,
    pub definition_version: Text,
}

/// A hand-off of a marketing-qualified lead to sales. Key: workspace, lead, mql_at.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub struct Handoff {
    pub workspace: Text,
    pub lead: Text,
    pub mql_at: Timestamp,
    pub first_activity_at: Option<Timestamp>,
    pub verdict_at: Option<Timestamp>,
    pub verdict: Text,
    pub reason: Text,
    pub rep: Text,
    pub account: Text,
    pub persona: Text,
    /// Channel of the lead's first touch.
    pub channel: Text,
}

/// How a deal stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[allow(missing_docs)]
pub enum Outcome {
    Open,
    Won,
    Lost,
    Deleted,
    Merged,
}

words!(Outcome { Open = "open", Won = "won", Lost = "lost", Deleted = "deleted", Merged = "merged" });

/// A deal as it stands. Key: workspace, deal.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub struct Deal {
    pub workspace: Text,
    pub deal: Text,
    pub account: Text,
    pub outcome: Outcome,
    pub amount_minor: i64,
    pub currency: Currency,
    /// Amount in the reporting currency at the rate of the close day; `None` while no rate is known.
    pub reporting_minor: Option<i64>,
    pub reporting_currency: Currency,
    pub opened_at: Timestamp,
    pub closed_at: Option<Timestamp>,
    pub stage: Text,
    pub pipeline: Text,
    pub owner: Text,
    pub lost_reason: Text,
    pub deal_type: DealType,
    pub merged_into: Text,
    /// Leads on the deal, hexadecimal, in the order of the CRM.
    pub contacts: Vec<Text>,
}

/// One change of a deal. Key: workspace, deal, changed_at, event_id.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub struct DealChange {
    pub workspace: Text,
    pub deal: Text,
    pub changed_at: Timestamp,
    pub event_id: Text,
    pub kind: DealKind,
    pub stage: Text,
    pub amount_minor: Option<i64>,
    pub currency: Text,
    pub reason: Text,
}

/// Spend as it was sent. Key: workspace, day, event_id.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub struct AdSpend {
    pub workspace: Text,
    pub day: Day,
    pub event_id: Text,
    pub origin: Arc<Origin>,
    pub amount_minor: i64,
    pub currency: Currency,
    pub clicks: u64,
    pub impressions: u64,
}

/// A rate as it holds. Key: workspace, currency, day.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub struct ExchangeRate {
    pub workspace: Text,
    pub currency: Currency,
    pub day: Day,
    pub rate: Rate,
}

/// A record that could not be applied. Key: stream, position.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct RejectedRecord {
    pub stream: Text,
    pub position: u64,
    pub reason: Text,
    pub detail: Text,
    /// The record's bytes, cut at the limit.
    pub bytes: Vec<u8>,
    pub length: u64,
    pub rejected_at: Timestamp,
}
