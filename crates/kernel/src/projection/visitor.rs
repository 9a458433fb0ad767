//! A browser: page views become sessions, sessions and forms become interactions of the leads it belonged to.
//!
//! One that is to be forgotten shows everything under a stand-in, its views name nobody, and its ties to leads end with
//! the request: see [`ErasureRequested::Visitor`].

use super::{Projection, Seen, tell_aliases};
use crate::channel::source_of;
use crate::classify::Classifier;
use crate::event::{Body, ErasureRequested, LeadRef};
use crate::id::{LeadId, SubjectId};
use crate::row::{Origin, TouchKind};
use crate::subject::{Brought, Fact, FactBody, FormFill, Interaction, Mention, Part, Subject, Tag, View, Visits};
use crate::text::Text;
use crate::time::Timestamp;
use crate::url::Url;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// The views of a visitor with gaps of at most the session gap, all of one source, medium and campaign.
struct Session {
    start: Timestamp,
    last: Timestamp,
    origin: Arc<Origin>,
    brought: Option<Arc<Brought>>,
    first: usize,
}

/// A tie between the browser and a lead.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Link<'a> {
    at: Timestamp,
    id: &'a str,
    lead: LeadId,
}

/// A browser as others see it.
struct Browser<'a> {
    /// Its id, or what stands for it.
    name: Text,
    /// When it was to be forgotten, if ever.
    erased_at: Option<Timestamp>,
    /// In order.
    links: Vec<Link<'a>>,
}

/// Whether facts are later than all that a visitor has, tie the browser to nobody and do not ask to forget it. Then they only
/// lengthen the last session or begin new ones: views, sessions and forms before them, and whose they are, stay as they
/// are.
pub(super) fn only_goes_on<'f>(visitor: &Subject, mut news: impl Iterator<Item = Option<&'f Fact>>) -> bool {
    let Some(last) = visitor.facts.last() else { return false };
    news.all(|fact| fact.is_some_and(|fact| fact.at > last.at && named_lead(fact).is_none() && !erases(fact)))
}

pub(super) fn project(rules: &Classifier<'_>, id: SubjectId, visitor: &Subject, untouched: usize) -> Projection {
    let mut projection = Projection::default();
    let browser = Browser::of(id, visitor);
    let sessions = sessions(rules, visitor);
    show_views(rules, visitor, &sessions, &browser, untouched, &mut projection);
    if browser.links.is_empty() {
        return projection;
    }
    if untouched == 0 {
        let named = visitor.facts.iter().filter_map(|fact| Some((fact.at, &fact.id, &**named_lead(fact)?)));
        tell_aliases(named.collect(), &mut projection);
    }
    let begun = sessions.iter().filter(|session| session.first >= untouched);
    let owners: BTreeSet<LeadId> = begun.filter_map(|session| browser.lead_at(rules, session.start)).collect();
    if untouched > 0 && owners.is_empty() {
        return projection;
    }
    let mut visits: BTreeMap<LeadId, Visits> = BTreeMap::new();
    give_sessions(rules, visitor, &sessions, &browser, &mut visits);
    give_forms(rules, visitor, &sessions, &browser, &mut visits);
    visits.retain(|lead, _| untouched == 0 || owners.contains(lead));
    for (lead, mut given) in visits {
        given.interactions.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
        projection.say(SubjectId::lead(lead), Tag::Visits, &lead.text(), Part::Visits(given));
    }
    projection
}

/// Forms, identified views and mail clicks that tie the browser to leads, in order.
fn links(visitor: &Subject) -> Vec<Link<'_>> {
    let mut links: Vec<Link<'_>> = Vec::new();
    for fact in &visitor.facts {
        if let Some(lead) = named_lead(fact) {
            links.push(Link { at: fact.at, id: &fact.id, lead: lead.id });
        }
    }
    for ((tag, from), part) in &visitor.inbox {
        if let (Tag::Links, Part::Links(clicks), Some(lead)) = (tag, &**part, from.as_lead()) {
            links.extend(clicks.iter().map(|(at, id)| Link { at: *at, id, lead }));
        }
    }
    links.sort_unstable();
    links
}

/// The person who filled in a form, or whom a page knew.
fn named_lead(fact: &Fact) -> Option<&Arc<LeadRef>> {
    match &fact.body {
        FactBody::View(view) if view.bot => None,
        _ => fact.person(),
    }
}

/// Whether a fact asks to forget the browser.
fn erases(fact: &Fact) -> bool {
    matches!(fact.event(), Some(Body::ErasureRequested(ErasureRequested::Visitor(_))))
}

impl<'a> Browser<'a> {
    fn of(id: SubjectId, visitor: &'a Subject) -> Self {
        let erased_at = visitor.facts.iter().find(|fact| erases(fact)).map(|fact| fact.at);
        let name = match erased_at {
            Some(_) => Text::from(format!("erased-{}", id.hash_text())),
            None => visitor.name.clone(),
        };
        Self { name, erased_at, links: links(visitor) }
    }

    /// The lead of the latest link at or before `at`; before the first link the first linked lead, within the look-back.
    /// From a request to forget the browser on it is nobody's, and who comes after is not tied to what was before.
    fn lead_at(&self, rules: &Classifier<'_>, at: Timestamp) -> Option<LeadId> {
        let forgotten = |at: Timestamp| self.erased_at.is_some_and(|erased_at| at > erased_at);
        if forgotten(at) {
            return None;
        }
        let links = &self.links;
        let after = links.partition_point(|link| link.at <= at);
        match after.checked_sub(1).and_then(|index| links.get(index)) {
            Some(link) => Some(link.lead),
            None => {
                let first = links.first().filter(|first| !forgotten(first.at))?;
                (first.at.since(at) <= rules.anonymous_lookback_ms).then_some(first.lead)
            }
        }
    }
}

fn views(visitor: &Subject) -> impl Iterator<Item = (usize, &Arc<Fact>, &View)> {
    visitor.facts.iter().enumerate().filter_map(|(index, fact)| match &fact.body {
        FactBody::View(view) => Some((index, fact, view)),
        FactBody::Event(_) => None,
    })
}

/// A view starts a session after a gap, or when it brings a source of its own that is not the session's.
fn sessions(rules: &Classifier<'_>, visitor: &Subject) -> Vec<Session> {
    let mut sessions: Vec<Session> = Vec::new();
    for (index, fact, view) in views(visitor).filter(|(_, _, view)| !view.bot) {
        let joins = |session: &Session| {
            fact.at.since(session.last) <= rules.session_gap_ms
                && (view.brought.is_none() || view.brought == session.brought)
        };
        match sessions.last_mut() {
            Some(session) if joins(session) => session.last = fact.at,
            _ => sessions.push(Session {
                start: fact.at,
                last: fact.at,
                origin: rules.origin(view.brought.as_deref(), &view.path, view.referrer_host.as_deref()),
                brought: view.brought.clone(),
                first: index,
            }),
        }
    }
    sessions
}

/// The session running at `at`, give or take the gap.
fn session_at<'s>(rules: &Classifier<'_>, sessions: &'s [Session], at: Timestamp) -> Option<&'s Session> {
    let after = sessions.partition_point(|session| session.start <= at);
    let session = sessions.get(after.checked_sub(1)?)?;
    (at.since(session.last) <= rules.session_gap_ms).then_some(session)
}

fn show_views(
    rules: &Classifier<'_>,
    visitor: &Subject,
    sessions: &[Session],
    browser: &Browser<'_>,
    untouched: usize,
    projection: &mut Projection,
) {
    let roots = roots(visitor);
    let root = |lead: LeadId| roots.get(&lead).copied().unwrap_or(lead);
    let nobodys = |view: &View| view.bot || browser.erased_at.is_some();
    let mut running = sessions.iter().peekable();
    let mut current = None;
    projection.web_events.reserve(visitor.facts.len().saturating_sub(untouched));
    for (index, fact, view) in views(visitor) {
        current = running.next_if(|session| session.first == index).or(current);
        if index < untouched {
            continue;
        }
        let session = current.filter(|_| !view.bot);
        let own = || rules.origin(view.brought.as_deref(), &view.path, view.referrer_host.as_deref());
        projection.web_events.push(Seen {
            visitor: browser.name.clone(),
            fact: Arc::clone(fact),
            session_at: session.map_or(fact.at, |session| session.start),
            origin: session.map_or_else(own, |session| Arc::clone(&session.origin)),
            lead: if nobodys(view) { None } else { browser.lead_at(rules, fact.at).map(root) },
        });
    }
}

/// Where merged leads lead to, as they said.
fn roots(visitor: &Subject) -> BTreeMap<LeadId, LeadId> {
    let told = visitor.inbox.iter().filter_map(|((_, from), part)| match &**part {
        Part::Root(root) => Some((from.as_lead()?, *root)),
        _ => None,
    });
    told.collect()
}

fn give_sessions(
    rules: &Classifier<'_>,
    visitor: &Subject,
    sessions: &[Session],
    browser: &Browser<'_>,
    visits: &mut BTreeMap<LeadId, Visits>,
) {
    for session in sessions {
        let Some(lead) = browser.lead_at(rules, session.start) else { continue };
        let Some(Fact { id, body: FactBody::View(view), .. }) = visitor.facts.get(session.first).map(|fact| &**fact)
        else {
            continue;
        };
        let start = session.start;
        visits.entry(lead).or_default().interactions.push(Arc::new(Interaction {
            at: start,
            id: id.clone(),
            kind: TouchKind::Visit,
            origin: session.origin.clone(),
            page: rules.content(&view.path),
            session: Some((browser.name.clone(), start)),
            form: None,
        }));
    }
    for (_, fact, view) in views(visitor) {
        if let Some(lead) = fact.person().filter(|_| !view.bot) {
            let mention = Mention { at: fact.at, id: fact.id.clone(), lead: Arc::clone(lead) };
            visits.entry(lead.id).or_default().identified.push(mention);
        }
    }
}

/// A form fill belongs to the lead it names; its source is that of the session it was sent in.
fn give_forms(
    rules: &Classifier<'_>,
    visitor: &Subject,
    sessions: &[Session],
    browser: &Browser<'_>,
    visits: &mut BTreeMap<LeadId, Visits>,
) {
    for fact in &visitor.facts {
        let (Some(mut interaction), Some(lead)) = (form_interaction(rules, fact), fact.person()) else { continue };
        let session = session_at(rules, sessions, fact.at);
        if let Some(session) = session {
            interaction.origin = session.origin.clone();
            interaction.session = Some((browser.name.clone(), session.start));
        }
        visits.entry(lead.id).or_default().interactions.push(Arc::new(interaction));
    }
}

/// A form fill by itself, if it is one: classified from its own page and referrer.
pub(super) fn form_interaction(rules: &Classifier<'_>, fact: &Fact) -> Option<Interaction> {
    let (Some(Body::FormSubmitted(form)), Some(lead)) = (fact.event(), fact.person()) else { return None };
    let url = form.url.as_deref().and_then(|url| Url::parse(url).ok());
    let referrer = form.referrer.as_deref().and_then(|url| Url::parse(url).ok());
    let brought = url.as_ref().and_then(|url| source_of(url, referrer.as_ref(), &rules.own_sites)).map(Brought::from);
    let path = url.as_ref().map(|url| crate::content::normalise(url.path()));
    let content = path.as_deref().map_or_else(|| form.form_id.clone(), crate::text::Text::from);
    let host = referrer.as_ref().and_then(Url::host);
    Some(Interaction {
        at: fact.at,
        id: fact.id.clone(),
        kind: TouchKind::Form,
        origin: rules.origin(brought.as_ref(), &content, host),
        page: rules.content(&content),
        session: None,
        form: Some(FormFill { lead: Arc::clone(lead), form_id: form.form_id.clone(), fields: form.fields.clone() }),
    })
}
