//! Which subject owns an event, and what of it the subject keeps.

use crate::classify::Classifier;
use crate::event::{Body, ErasureRequested, Event, LeadRef, PageViewed};
use crate::id::{Kind, LeadId, SubjectId};
use crate::subject::{Brought, Fact, FactBody, View, Who};
use crate::text::Text;
use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::convert::Infallible;

/// An event on its way to its subject.
pub(crate) struct Routed {
    pub(crate) to: SubjectId,
    /// The subject's natural name.
    pub(crate) name: Text,
    pub(crate) workspace: Text,
    pub(crate) fact: Arc<Fact>,
}

/// The subject that owns an event: what a browser did is the visitor's, what names only a person is the lead's.
#[must_use]
pub fn owner<'e>(event: &'e Event<LeadRef>) -> (SubjectId, OwnerName<'e>) {
    let named = |kind: Kind, name: &'e Text| (SubjectId::named(kind, &event.workspace, name), OwnerName::Text(name));
    let lead = |lead: &LeadRef| (SubjectId::lead(lead.id), OwnerName::Lead(lead.id));
    match &event.body {
        Body::PageViewed(e) => named(Kind::Visitor, &e.visitor_id),
        Body::FormSubmitted(e) => match &e.visitor_id {
            Some(visitor) => named(Kind::Visitor, visitor),
            None => lead(&e.lead),
        },
        Body::EmailEngaged(e) => lead(&e.lead),
        Body::DealChanged(e) => named(Kind::Deal, &e.deal_id),
        Body::LeadReviewed(e) => lead(&e.lead),
        Body::SalesActivity(e) => lead(&e.lead),
        Body::LeadUpdated(e) => lead(&e.lead),
        Body::LeadMerged(e) | Body::LeadUnmerged(e) => lead(&e.from),
        Body::AdSpent(e) => {
            let day = Text::from(e.day.to_string());
            (SubjectId::named(Kind::Spend, &event.workspace, &day), OwnerName::Owned(day))
        }
        Body::ExchangeRateSet(e) => {
            let code = Text::from(e.currency.code());
            (SubjectId::named(Kind::Rates, &event.workspace, &code), OwnerName::Owned(code))
        }
        Body::ErasureRequested(ErasureRequested::Lead(e)) => lead(e),
        Body::ErasureRequested(ErasureRequested::Visitor(visitor)) => named(Kind::Visitor, visitor),
    }
}

/// The natural name of an event's owner.
pub enum OwnerName<'e> {
    /// A name the event has.
    Text(&'e Text),
    /// A name made from the event.
    Owned(Text),
    /// A lead: its id is its name.
    Lead(LeadId),
}

impl OwnerName<'_> {
    fn text(&self) -> Text {
        match self {
            Self::Text(text) => Text::clone(text),
            Self::Owned(text) => text.clone(),
            Self::Lead(lead) => lead.text(),
        }
    }
}

/// Addresses an event and takes apart what its subject keeps.
pub(crate) fn route(rules: &Classifier<'_>, event: Event<LeadRef>) -> Routed {
    let (to, name) = owner(&event);
    let name = name.text();
    let (who, body) = match event.body {
        Body::PageViewed(page) => {
            let body = FactBody::View(view(rules, &page));
            (page.lead.map(Arc::new).into_iter().collect(), body)
        }
        body => nameless(body),
    };
    let fact = Arc::new(Fact { at: event.occurred_at, id: event.event_id, who, body });
    Routed { to, name, workspace: event.workspace, fact }
}

/// An event, and the people it names beside it.
fn nameless(body: Body<LeadRef>) -> (Who<Arc<LeadRef>>, FactBody) {
    let mut people = Vec::new();
    let Ok(body) = body.try_name(|lead| {
        people.push(Arc::new(lead));
        Ok::<_, Infallible>(())
    });
    (people.into_iter().collect(), FactBody::Event(Box::new(body)))
}

/// A page view taken apart.
fn view(rules: &Classifier<'_>, page: &PageViewed<LeadRef>) -> View {
    let landing = rules.landing(&page.url, page.referrer.as_ref());
    View {
        path: landing.path.clone(),
        brought: landing.brought.clone(),
        referrer_host: landing.referrer_host.clone(),
        bot: page.user_agent.as_ref().is_some_and(|agent| rules.is_bot(agent)),
    }
}

impl From<crate::channel::Facts<'_>> for Brought {
    fn from(found: crate::channel::Facts<'_>) -> Self {
        let text = |part: Option<alloc::borrow::Cow<'_, str>>| part.map(|part| Text::from(&*part));
        Self { source: text(found.source), medium: text(found.medium), campaign: text(found.campaign) }
    }
}
