//! Events, said briefly.

use smarketing_kernel::event::*;
use smarketing_kernel::id::LeadId;
use smarketing_kernel::money::{Currency, Rate};
use smarketing_kernel::text::Text;
use smarketing_kernel::time::{DAY_MS, Day, Timestamp};
use std::collections::BTreeMap;

pub(crate) type Happened = Event<LeadRef>;

/// The first day of every story.
pub(crate) const FIRST_DAY: Day = Day(20_454);
pub(crate) const SITE: &str = "https://www.smark.example";

/// An instant: day of the story, and minute of the day.
pub(crate) fn at(day: i64, minute: i64) -> Timestamp {
    FIRST_DAY.start().plus(day * DAY_MS + minute * 60_000)
}

/// A person of a number, without a company.
pub(crate) fn lead(number: u8) -> LeadRef {
    LeadRef { id: lead_id(number), alias: None, domain: None, sealed: Some(vec![number; 3]) }
}

pub(crate) fn lead_at(number: u8, domain: &str) -> LeadRef {
    LeadRef { domain: Some(domain.into()), ..lead(number) }
}

/// Numbers spread over all partitions.
pub(crate) fn lead_id(number: u8) -> LeadId {
    let spread = u128::from(number).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835);
    LeadId(spread.to_le_bytes())
}

pub(crate) fn text(number: u8) -> Text {
    lead_id(number).text()
}

pub(crate) fn happened(id: &str, at: Timestamp, body: Body<LeadRef>) -> Happened {
    Event { event_id: id.into(), workspace: "default".into(), occurred_at: at, body }
}

/// `path` may carry UTM parameters.
pub(crate) fn view(id: &str, visitor: &str, at: Timestamp, path: &str) -> Happened {
    let body = PageViewed {
        visitor_id: visitor.into(),
        url: format!("{SITE}{path}").into(),
        referrer: None,
        title: None,
        user_agent: None,
        lead: None,
    };
    happened(id, at, Body::PageViewed(body))
}

pub(crate) fn from(referrer: &str, mut event: Happened) -> Happened {
    match &mut event.body {
        Body::PageViewed(view) => view.referrer = Some(referrer.into()),
        Body::FormSubmitted(form) => form.referrer = Some(referrer.into()),
        other => panic!("{} has no referrer", other.name()),
    }
    event
}

pub(crate) fn by_agent(user_agent: &str, mut event: Happened) -> Happened {
    let Body::PageViewed(view) = &mut event.body else { panic!("only page views have an agent") };
    view.user_agent = Some(user_agent.into());
    event
}

/// The page knew the lead.
pub(crate) fn known(lead: LeadRef, mut event: Happened) -> Happened {
    let Body::PageViewed(view) = &mut event.body else { panic!("only page views know leads") };
    view.lead = Some(lead);
    event
}

pub(crate) fn form(id: &str, visitor: Option<&str>, at: Timestamp, lead: LeadRef, path: &str) -> Happened {
    form_with(id, visitor, at, lead, path, &[])
}

pub(crate) fn form_with(
    id: &str,
    visitor: Option<&str>,
    at: Timestamp,
    lead: LeadRef,
    path: &str,
    fields: &[(&str, &str)],
) -> Happened {
    let body = FormSubmitted {
        lead,
        visitor_id: visitor.map(Text::from),
        form_id: "f-1".into(),
        form_name: None,
        url: Some(format!("{SITE}{path}").into()),
        referrer: None,
        fields: attributes(fields),
    };
    happened(id, at, Body::FormSubmitted(body))
}

pub(crate) fn attributes(fields: &[(&str, &str)]) -> BTreeMap<Text, Text> {
    fields.iter().map(|(name, value)| (Text::from(*name), Text::from(*value))).collect()
}

pub(crate) fn mail(
    id: &str,
    at: Timestamp,
    lead: LeadRef,
    kind: EmailKind,
    link: Option<&str>,
    visitor: Option<&str>,
) -> Happened {
    let body = EmailEngaged {
        lead,
        kind,
        campaign: "spring".into(),
        content_id: None,
        link_url: link.map(|path| format!("{SITE}{path}").into()),
        visitor_id: visitor.map(Text::from),
    };
    happened(id, at, Body::EmailEngaged(body))
}

pub(crate) fn verdict(id: &str, at: Timestamp, lead: LeadRef, verdict: Verdict, reason: Option<&str>) -> Happened {
    let body = LeadReviewed { lead, verdict, reason: reason.map(Text::from), rep: Some("rep-1".into()) };
    happened(id, at, Body::LeadReviewed(body))
}

pub(crate) fn activity(id: &str, at: Timestamp, lead: LeadRef, kind: ActivityKind, content: Option<&str>) -> Happened {
    let content_url = content.map(|path| format!("{SITE}{path}").into());
    happened(
        id,
        at,
        Body::SalesActivity(SalesActivity { lead, kind, content_url, rep: Some("rep-2".into()), outcome: None }),
    )
}

pub(crate) fn update(
    id: &str,
    at: Timestamp,
    lead: LeadRef,
    change: impl FnOnce(&mut LeadUpdated<LeadRef>),
) -> Happened {
    let mut body = LeadUpdated {
        lead,
        account_id: None,
        account_domain: None,
        persona: None,
        owner: None,
        stage: None,
        attributes: BTreeMap::new(),
    };
    change(&mut body);
    happened(id, at, Body::LeadUpdated(body))
}

pub(crate) fn merged(id: &str, at: Timestamp, from: u8, into: u8) -> Happened {
    happened(id, at, Body::LeadMerged(LeadMerge { from: lead(from), into: lead(into) }))
}

pub(crate) fn unmerged(id: &str, at: Timestamp, from: u8, into: u8) -> Happened {
    happened(id, at, Body::LeadUnmerged(LeadMerge { from: lead(from), into: lead(into) }))
}

/// A change of a deal that says nothing but what `change` adds.
pub(crate) fn deal(
    id: &str,
    at: Timestamp,
    deal: &str,
    kind: DealKind,
    change: impl FnOnce(&mut DealChanged<LeadRef>),
) -> Happened {
    let mut body = DealChanged {
        deal_id: deal.into(),
        kind,
        account_id: None,
        account_domain: None,
        contacts: None,
        amount_minor: None,
        currency: None,
        stage: None,
        pipeline: None,
        owner: None,
        reason: None,
        deal_type: None,
        merged_into: None,
    };
    change(&mut body);
    happened(id, at, Body::DealChanged(body))
}

pub(crate) fn contacts(leads: &[LeadRef]) -> Option<Vec<Contact<LeadRef>>> {
    Some(leads.iter().map(|lead| Contact { lead: lead.clone(), role: None }).collect())
}

pub(crate) fn currency(code: &str) -> Currency {
    Currency::parse(code).unwrap()
}

pub(crate) fn rate(id: &str, at: Timestamp, day: Day, code: &str, rate: &str) -> Happened {
    let set = ExchangeRateSet { day, currency: currency(code), rate: Rate::parse(rate).unwrap() };
    happened(id, at, Body::ExchangeRateSet(set))
}

pub(crate) fn spent(id: &str, day: Day, campaign: &str, amount_minor: i64) -> Happened {
    let body = AdSpent {
        day,
        channel: None,
        source: Some("google".into()),
        medium: Some("cpc".into()),
        campaign: Some(campaign.into()),
        amount_minor,
        currency: currency("USD"),
        clicks: Some(3),
        impressions: None,
    };
    happened(id, day.start(), Body::AdSpent(body))
}

pub(crate) fn erasure(id: &str, at: Timestamp, lead: LeadRef) -> Happened {
    happened(id, at, Body::ErasureRequested(ErasureRequested::Lead(lead)))
}

/// A browser is to be forgotten.
pub(crate) fn forgotten(id: &str, at: Timestamp, visitor: &str) -> Happened {
    happened(id, at, Body::ErasureRequested(ErasureRequested::Visitor(visitor.into())))
}
