//! What happened: the twelve events, closed, past tense.
//!
//! An event names people either by an [`Address`] (as it came from outside) or by a [`LeadRef`]
//! (after the intake took the address away). The journal and everything behind it only ever see the latter.

use crate::id::LeadId;
use crate::money::{Currency, Rate};
use crate::text::Text;
use crate::time::{Day, Timestamp};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// One decoded, valid record. `W` is how it names people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event<W> {
    /// 1–128 characters, unique in its workspace.
    pub event_id: Text,
    /// The company this belongs to; `default` where none is named.
    pub workspace: Text,
    /// When it happened, whenever it arrived.
    pub occurred_at: Timestamp,
    /// What happened.
    pub body: Body<W>,
}

/// A person as the outside names one: at least one of the two is there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address {
    /// Normalised e-mail address.
    pub email: Option<Text>,
    /// The CRM's id of the contact.
    pub contact_id: Option<Text>,
}

/// A person after the intake: no address, only keyed hashes and a sealed envelope.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LeadRef {
    /// The lead: of the e-mail address where there is one, else of the contact id.
    pub id: LeadId,
    /// The lead of the contact id, when both were named: it is the same person from then on.
    pub alias: Option<LeadId>,
    /// The business domain of the address (free-mail domains are none): names a company, not a person.
    pub domain: Option<Text>,
    /// Address and contact id, encrypted with the person's own key.
    #[serde(with = "serde_bytes")]
    pub sealed: Option<Vec<u8>>,
}

/// The twelve events of the contract.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Body<W> {
    /// A browser showed a page.
    PageViewed(PageViewed<W>),
    /// A form was sent: a visitor gives a name.
    FormSubmitted(FormSubmitted<W>),
    /// A mail was sent, opened, clicked ….
    EmailEngaged(EmailEngaged<W>),
    /// A CRM opportunity changed.
    DealChanged(DealChanged<W>),
    /// Sales answered: accept, reject, recycle ….
    LeadReviewed(LeadReviewed<W>),
    /// Sales did something with the lead.
    SalesActivity(SalesActivity<W>),
    /// The CRM said something about a lead.
    LeadUpdated(LeadUpdated<W>),
    /// `from` is the same person as `into` from now on.
    LeadMerged(LeadMerge<W>),
    /// A merge was taken back.
    LeadUnmerged(LeadMerge<W>),
    /// Money went into a channel on a day.
    AdSpent(AdSpent),
    /// The rate of a currency on a day.
    ExchangeRateSet(ExchangeRateSet),
    /// A person asked to be forgotten.
    ErasureRequested(ErasureRequested<W>),
}

/// A page view.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageViewed<W> {
    /// The browser.
    pub visitor_id: Text,
    /// Absolute http(s) URL.
    pub url: Text,
    /// Absolute URL of the page before, as the browser told.
    pub referrer: Option<Text>,
    /// Title of the page.
    pub title: Option<Text>,
    /// The browser's own words, for telling bots.
    pub user_agent: Option<Text>,
    /// Who it was, when the page knew.
    pub lead: Option<W>,
}

/// A form fill.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormSubmitted<W> {
    /// Who sent it.
    pub lead: W,
    /// The browser it was sent from.
    pub visitor_id: Option<Text>,
    /// The form's id.
    pub form_id: Text,
    /// The form's name.
    pub form_name: Option<Text>,
    /// The page the form was on.
    pub url: Option<Text>,
    /// The page before.
    pub referrer: Option<Text>,
    /// Answers that name nobody (title, company size, "how did you hear about us" …).
    pub fields: BTreeMap<Text, Text>,
}

/// What happened to a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum EmailKind {
    Sent,
    Delivered,
    Opened,
    Clicked,
    Replied,
    Bounced,
    Unsubscribed,
    Complained,
}

/// An e-mail event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmailEngaged<W> {
    /// The recipient.
    pub lead: W,
    /// What happened.
    pub kind: EmailKind,
    /// The campaign the mail belongs to.
    pub campaign: Text,
    /// The mail or asset.
    pub content_id: Option<Text>,
    /// Where the clicked link goes.
    pub link_url: Option<Text>,
    /// The browser the click opened: links it to the lead.
    pub visitor_id: Option<Text>,
}

/// What happened to a deal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum DealKind {
    Created,
    Updated,
    StageChanged,
    Won,
    Lost,
    Reopened,
    Deleted,
    Merged,
}

/// Whether a deal wins a customer, grows one or keeps one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum DealType {
    #[default]
    New,
    Expansion,
    Renewal,
}

/// A person on a deal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Contact<W> {
    /// Who.
    pub lead: W,
    /// In which role, such as `primary` or `champion`.
    pub role: Option<Text>,
}

/// A change of a deal. A field that is `None` was not changed; the last writer of each field wins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DealChanged<W> {
    /// The CRM's id of the deal.
    pub deal_id: Text,
    /// What happened.
    pub kind: DealKind,
    /// The CRM's id of the account.
    pub account_id: Option<Text>,
    /// The account's business domain.
    pub account_domain: Option<Text>,
    /// The people on the deal; an empty list means nobody, `None` means unchanged.
    pub contacts: Option<Vec<Contact<W>>>,
    /// Value in minor units of `currency`; negative for a refund.
    pub amount_minor: Option<i64>,
    /// Currency of the amount.
    pub currency: Option<Currency>,
    /// The CRM's name of the stage.
    pub stage: Option<Text>,
    /// The CRM's name of the pipeline.
    pub pipeline: Option<Text>,
    /// The rep who owns it.
    pub owner: Option<Text>,
    /// Structured reason of a loss.
    pub reason: Option<Text>,
    /// New, expansion or renewal.
    pub deal_type: Option<DealType>,
    /// The deal this one was merged into (with [`DealKind::Merged`]).
    pub merged_into: Option<Text>,
}

/// What sales said of a lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Verdict {
    Accepted,
    Rejected,
    Recycled,
    Qualified,
    Disqualified,
}

/// A verdict of sales.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeadReviewed<W> {
    /// About whom.
    pub lead: W,
    /// What sales said.
    pub verdict: Verdict,
    /// Why.
    pub reason: Option<Text>,
    /// Who said it.
    pub rep: Option<Text>,
}

/// What sales did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum ActivityKind {
    Call,
    Meeting,
    Demo,
    Email,
    ContentShared,
}

/// A sales activity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SalesActivity<W> {
    /// With whom.
    pub lead: W,
    /// What was done.
    pub kind: ActivityKind,
    /// The content shared.
    pub content_url: Option<Text>,
    /// Who did it.
    pub rep: Option<Text>,
    /// How it ended.
    pub outcome: Option<Text>,
}

/// Where a lead stands. The order is the funnel's; `Recycled` and `Disqualified` stand beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Stage {
    Visitor,
    Lead,
    Mql,
    Sal,
    Sql,
    Opportunity,
    Customer,
    Recycled,
    Disqualified,
}

/// What a CRM says of a lead. A field that is `None` was not changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeadUpdated<W> {
    /// About whom.
    pub lead: W,
    /// The CRM account the lead belongs to.
    pub account_id: Option<Text>,
    /// The business domain of that account.
    pub account_domain: Option<Text>,
    /// The persona the CRM assigned.
    pub persona: Option<Text>,
    /// The rep who owns the lead.
    pub owner: Option<Text>,
    /// The stage the CRM keeps.
    pub stage: Option<Stage>,
    /// Attributes that name nobody (job title, company size, country …); `origin_source`, `origin_medium`,
    /// `origin_campaign` and `origin_content` describe a first contact that no page view recorded.
    pub attributes: BTreeMap<Text, Text>,
}

/// A merge of two leads, or its reversal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeadMerge<W> {
    /// The lead that gives everything away.
    pub from: W,
    /// The lead that owns it from then on.
    pub into: W,
}

/// Advertising spend of one day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdSpent {
    /// The day the money was spent.
    pub day: Day,
    /// Channel, when the sender knows it; otherwise classified from source, medium and campaign.
    pub channel: Option<Text>,
    /// Source, as in UTM.
    pub source: Option<Text>,
    /// Medium, as in UTM.
    pub medium: Option<Text>,
    /// Campaign, as in UTM.
    pub campaign: Option<Text>,
    /// Amount in minor units of `currency`.
    pub amount_minor: i64,
    /// Currency of the amount.
    pub currency: Currency,
    /// Clicks bought.
    pub clicks: Option<u64>,
    /// Impressions bought.
    pub impressions: Option<u64>,
}

/// A rate to the reporting currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExchangeRateSet {
    /// The day it holds for.
    pub day: Day,
    /// The currency converted from.
    pub currency: Currency,
    /// Units of the reporting currency for one unit of `currency`.
    pub rate: Rate,
}

/// A request to forget a person or a browser; exactly one of the two is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ErasureRequested<W> {
    /// Forget a person: its address, and what anybody wrote about it (outcomes of activities, reasons of verdicts, a persona
    /// or segment that the definitions do not know). What it did stays, under the lead's id, so that totals stay.
    Lead(W),
    /// Forget a browser. All it ever does is shown under a stand-in, `erased-` and the hash of its id; none of its page
    /// views names a lead. With the earliest request its ties to leads end: touches up to then stay with the leads they
    /// belonged to by ties up to then; later only what names a person itself is that person's (a form, a page that knew).
    Visitor(Text),
}

impl<W> Body<W> {
    /// The name of the event on the wire.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::PageViewed(_) => "page_viewed",
            Self::FormSubmitted(_) => "form_submitted",
            Self::EmailEngaged(_) => "email_engaged",
            Self::DealChanged(_) => "deal_changed",
            Self::LeadReviewed(_) => "lead_reviewed",
            Self::SalesActivity(_) => "sales_activity",
            Self::LeadUpdated(_) => "lead_updated",
            Self::LeadMerged(_) => "lead_merged",
            Self::LeadUnmerged(_) => "lead_unmerged",
            Self::AdSpent(_) => "ad_spent",
            Self::ExchangeRateSet(_) => "exchange_rate_set",
            Self::ErasureRequested(_) => "erasure_requested",
        }
    }

    /// The same event with every person named by `name`'s answer.
    ///
    /// # Errors
    /// The first error `name` gives.
    pub fn try_name<V, E>(self, mut name: impl FnMut(W) -> Result<V, E>) -> Result<Body<V>, E> {
        Ok(match self {
            Self::PageViewed(e) => Body::PageViewed(PageViewed {
                lead: e.lead.map(name).transpose()?,
                visitor_id: e.visitor_id,
                url: e.url,
                referrer: e.referrer,
                title: e.title,
                user_agent: e.user_agent,
            }),
            Self::FormSubmitted(e) => Body::FormSubmitted(FormSubmitted {
                lead: name(e.lead)?,
                visitor_id: e.visitor_id,
                form_id: e.form_id,
                form_name: e.form_name,
                url: e.url,
                referrer: e.referrer,
                fields: e.fields,
            }),
            Self::EmailEngaged(e) => Body::EmailEngaged(EmailEngaged {
                lead: name(e.lead)?,
                kind: e.kind,
                campaign: e.campaign,
                content_id: e.content_id,
                link_url: e.link_url,
                visitor_id: e.visitor_id,
            }),
            Self::DealChanged(e) => Body::DealChanged(e.try_name(name)?),
            Self::LeadReviewed(e) => Body::LeadReviewed(LeadReviewed {
                lead: name(e.lead)?,
                verdict: e.verdict,
                reason: e.reason,
                rep: e.rep,
            }),
            Self::SalesActivity(e) => Body::SalesActivity(SalesActivity {
                lead: name(e.lead)?,
                kind: e.kind,
                content_url: e.content_url,
                rep: e.rep,
                outcome: e.outcome,
            }),
            Self::LeadUpdated(e) => Body::LeadUpdated(LeadUpdated {
                lead: name(e.lead)?,
                account_id: e.account_id,
                account_domain: e.account_domain,
                persona: e.persona,
                owner: e.owner,
                stage: e.stage,
                attributes: e.attributes,
            }),
            Self::LeadMerged(e) => Body::LeadMerged(LeadMerge { from: name(e.from)?, into: name(e.into)? }),
            Self::LeadUnmerged(e) => Body::LeadUnmerged(LeadMerge { from: name(e.from)?, into: name(e.into)? }),
            Self::AdSpent(e) => Body::AdSpent(e),
            Self::ExchangeRateSet(e) => Body::ExchangeRateSet(e),
            Self::ErasureRequested(ErasureRequested::Visitor(id)) => {
                Body::ErasureRequested(ErasureRequested::Visitor(id))
            }
            Self::ErasureRequested(ErasureRequested::Lead(lead)) => {
                Body::ErasureRequested(ErasureRequested::Lead(name(lead)?))
            }
        })
    }
}

impl<W> DealChanged<W> {
    fn try_name<V, E>(self, mut name: impl FnMut(W) -> Result<V, E>) -> Result<DealChanged<V>, E> {
        let mut one = |contact: Contact<W>| Ok(Contact { lead: name(contact.lead)?, role: contact.role });
        let contacts = self.contacts.map(|all| all.into_iter().map(&mut one).collect()).transpose()?;
        Ok(DealChanged {
            contacts,
            deal_id: self.deal_id,
            kind: self.kind,
            account_id: self.account_id,
            account_domain: self.account_domain,
            amount_minor: self.amount_minor,
            currency: self.currency,
            stage: self.stage,
            pipeline: self.pipeline,
            owner: self.owner,
            reason: self.reason,
            deal_type: self.deal_type,
            merged_into: self.merged_into,
        })
    }
}

/// Declares the wire spelling of a closed list of words, once, for decoding and for rows alike.
macro_rules! words {
    ($type:ty { $($variant:ident = $word:literal),+ $(,)? }) => {
        impl $type {
            /// Every value, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word on the wire and in rows.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// The value a word stands for.
            #[must_use]
            pub fn parse(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}
pub(crate) use words;

words!(EmailKind {
    Sent = "sent", Delivered = "delivered", Opened = "opened", Clicked = "clicked", Replied = "replied",
    Bounced = "bounced", Unsubscribed = "unsubscribed", Complained = "complained",
});
words!(DealKind {
    Created = "created", Updated = "updated", StageChanged = "stage_changed", Won = "won", Lost = "lost",
    Reopened = "reopened", Deleted = "deleted", Merged = "merged",
});
words!(DealType { New = "new", Expansion = "expansion", Renewal = "renewal" });
words!(Verdict {
    Accepted = "accepted", Rejected = "rejected", Recycled = "recycled", Qualified = "qualified",
    Disqualified = "disqualified",
});
words!(ActivityKind { Call = "call", Meeting = "meeting", Demo = "demo", Email = "email", ContentShared = "content_shared" });
words!(Stage {
    Visitor = "visitor", Lead = "lead", Mql = "mql", Sal = "sal", Sql = "sql", Opportunity = "opportunity",
    Customer = "customer", Recycled = "recycled", Disqualified = "disqualified",
});
