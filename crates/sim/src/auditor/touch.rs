//! Touches: what is a marketing interaction of a person, and which of them are one.

use super::Books;
use super::judge::{none, path_of};
use super::session::{Session, running};
use smarketing_kernel::channel::Channel;
use smarketing_kernel::event::{
    ActivityKind, Body, EmailEngaged, EmailKind, Event, FormSubmitted, LeadRef, LeadUpdated,
};
use smarketing_kernel::id::LeadId;
use smarketing_kernel::row::{Content, Origin, TouchKind};
use smarketing_kernel::text::Text;
use smarketing_kernel::time::{DAY_MS, Timestamp};
use smarketing_kernel::url::Url;
use std::collections::BTreeMap;

/// An interaction, on its way to being a touch.
#[derive(Clone, Debug)]
pub(super) struct Interaction {
    pub(super) at: Timestamp,
    pub(super) id: Text,
    pub(super) kind: TouchKind,
    pub(super) origin: Origin,
    pub(super) page: Content,
    /// The browser, and when its session began.
    pub(super) session: Option<(Text, Timestamp)>,
}

/// The visits of every person, by the lead that owns them.
pub(super) fn visits(books: &Books<'_>, sessions: &BTreeMap<Text, Vec<Session>>) -> BTreeMap<LeadId, Vec<Interaction>> {
    let mut visits: BTreeMap<LeadId, Vec<Interaction>> = BTreeMap::new();
    for (visitor, sessions) in sessions {
        for session in sessions {
            let lead = books.identity.lead_of(visitor, session.start, books.judge.lookback_ms());
            let Some(lead) = lead.map(|lead| books.identity.root(lead)) else { continue };
            visits.entry(lead).or_default().push(Interaction {
                at: session.start,
                id: session.first_id.clone(),
                kind: TouchKind::Visit,
                origin: session.origin.clone(),
                page: session.page.clone(),
                session: Some((visitor.clone(), session.start)),
            });
        }
    }
    visits
}

/// The touches of one person (its visits, and what its events add), and what would be the same touches again.
pub(super) fn of_person(
    books: &Books<'_>,
    sessions: &BTreeMap<Text, Vec<Session>>,
    visits: Vec<Interaction>,
    events: &[&Event<LeadRef>],
    domain: Option<&Text>,
) -> (Vec<Interaction>, Vec<Interaction>) {
    let mut all = visits;
    let erased = events.iter().any(|event| matches!(event.body, Body::ErasureRequested(_)));
    let (mut heard, mut told) = (Vec::new(), None);
    for event in events {
        match &event.body {
            Body::FormSubmitted(form) => {
                let filled = form_fill(books, sessions, event, form);
                heard.extend(self_reported(books, &filled, form, erased));
                all.push(filled);
            }
            Body::LeadUpdated(update) => told = told.or_else(|| told_origin(books, event, update)),
            _ => {}
        }
    }
    all.extend(told);
    for event in events {
        if let Body::EmailEngaged(mail) = &event.body
            && matches!(mail.kind, EmailKind::Clicked | EmailKind::Replied)
        {
            click(books, event, mail, &mut all);
        }
    }
    all.extend(heard);
    mark_enablement(events, &mut all);
    all.retain(|touch| !books.judge.suppressed(&touch.origin, &touch.page, domain));
    all.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
    once_a_session(all)
}

fn form_fill(
    books: &Books<'_>,
    sessions: &BTreeMap<Text, Vec<Session>>,
    event: &Event<LeadRef>,
    form: &FormSubmitted<LeadRef>,
) -> Interaction {
    let url = form.url.as_deref().filter(|url| Url::parse(url).is_ok());
    let address = books.judge.address(url.unwrap_or(""), form.referrer.as_deref());
    let content = if url.is_some() { address.path.clone() } else { form.form_id.clone() };
    let visitor = form.visitor_id.as_ref();
    let known = visitor.and_then(|visitor| Some((visitor, sessions.get(visitor)?)));
    let session = known
        .and_then(|(visitor, sessions)| Some((visitor, running(sessions, event.occurred_at, books.judge.gap_ms())?)));
    let own = || books.judge.origin(&address.brought, &content, address.referrer_host.as_deref());
    Interaction {
        at: event.occurred_at,
        id: event.event_id.clone(),
        kind: TouchKind::Form,
        origin: session.map_or_else(own, |(_, session)| session.origin.clone()),
        page: books.judge.content(&content),
        session: session.map(|(visitor, session)| (visitor.clone(), session.start)),
    }
}

/// The answer to "how did you hear about us".
fn self_reported(
    books: &Books<'_>,
    filled: &Interaction,
    form: &FormSubmitted<LeadRef>,
    erased: bool,
) -> Option<Interaction> {
    let asks = ["how_did_you_hear_about_us", "how did you hear about us", "heard_from"];
    let mut fields = form.fields.iter();
    let (_, answer) = fields.find(|(name, _)| asks.contains(&&*name.to_ascii_lowercase()))?;
    let brought = Some([Some(Text::from(answer.trim().to_lowercase())), None, None]);
    let mut origin = books.judge.origin(&brought, &filled.page.content, None);
    if erased {
        // What somebody wrote goes with it.
        origin.source = none();
    }
    Some(Interaction {
        id: Text::from(format!("{}#self_reported", filled.id)),
        kind: TouchKind::SelfReported,
        origin,
        session: None,
        ..filled.clone()
    })
}

/// A first contact as the CRM tells it; the first time counts.
fn told_origin(books: &Books<'_>, event: &Event<LeadRef>, update: &LeadUpdated<LeadRef>) -> Option<Interaction> {
    let told = |name: &str| update.attributes.get(name).map(|value| Text::from(value.to_lowercase()));
    let brought = [told("origin_source"), told("origin_medium"), told("origin_campaign")];
    let content = update.attributes.get("origin_content").cloned();
    if content.is_none() && brought.iter().all(Option::is_none) {
        return None;
    }
    let content = content.unwrap_or_else(none);
    Some(Interaction {
        at: event.occurred_at,
        id: event.event_id.clone(),
        kind: TouchKind::Visit,
        origin: books.judge.origin(&Some(brought), &content, None),
        page: books.judge.content(&content),
        session: None,
    })
}

/// A mail click takes the session it opened with it, and gives what else happened there its own origin.
fn click(books: &Books<'_>, event: &Event<LeadRef>, mail: &EmailEngaged<LeadRef>, all: &mut Vec<Interaction>) {
    let path = mail.link_url.as_deref().map(path_of);
    let content = mail.content_id.clone().or_else(|| path.clone()).unwrap_or_else(none);
    let mut touch = Interaction {
        at: event.occurred_at,
        id: event.event_id.clone(),
        kind: TouchKind::EmailClick,
        origin: Origin {
            channel: Text::from(Channel::Email.name()),
            subchannel: none(),
            source: Text::from("email"),
            medium: Text::from("email"),
            campaign: mail.campaign.clone(),
        },
        page: books.judge.content(&content),
        session: None,
    };
    let opened = |visit: &Interaction| {
        let soon = (0..=books.judge.click_window_ms()).contains(&visit.at.since(touch.at));
        let same = Some(&visit.page.content) == path.as_ref() || visit.origin.campaign == mail.campaign;
        visit.kind == TouchKind::Visit && visit.session.is_some() && soon && same
    };
    let candidates = (0..all.len()).filter(|index| opened(&all[*index]));
    if let Some(index) = candidates.min_by(|a, b| (all[*a].at, &all[*a].id).cmp(&(all[*b].at, &all[*b].id))) {
        let visit = all.remove(index);
        for other in all.iter_mut().filter(|other| other.session == visit.session && other.origin == visit.origin) {
            other.origin = touch.origin.clone();
        }
        (touch.page, touch.session) = (visit.page, visit.session);
    }
    all.push(touch);
}

/// A visit that lands within thirty days on what sales shared.
fn mark_enablement(events: &[&Event<LeadRef>], all: &mut [Interaction]) {
    for event in events {
        let Body::SalesActivity(activity) = &event.body else { continue };
        let (ActivityKind::ContentShared, Some(url)) = (activity.kind, &activity.content_url) else { continue };
        let path = path_of(url);
        for visit in all.iter_mut().filter(|visit| visit.kind == TouchKind::Visit && visit.page.content == path) {
            if (0..=30 * DAY_MS).contains(&visit.at.since(event.occurred_at)) {
                visit.kind = TouchKind::Enablement;
            }
        }
    }
}

/// One touch per (session, channel, campaign, content): the earliest, with the strongest kind. And all others.
fn once_a_session(all: Vec<Interaction>) -> (Vec<Interaction>, Vec<Interaction>) {
    let (mut touches, mut repeats): (Vec<Interaction>, _) = (Vec::new(), Vec::new());
    for interaction in all {
        let same = |touch: &&mut Interaction| {
            let told = [touch.kind, interaction.kind].map(|kind| kind == TouchKind::SelfReported);
            interaction.session.is_some()
                && told[0] == told[1]
                && (&touch.session, &touch.origin, &touch.page)
                    == (&interaction.session, &interaction.origin, &interaction.page)
        };
        match touches.iter_mut().find(same) {
            Some(touch) => {
                if strength(interaction.kind) > strength(touch.kind) {
                    touch.kind = interaction.kind;
                }
                repeats.push(interaction);
            }
            None => touches.push(interaction),
        }
    }
    (touches, repeats)
}

/// Form over event over click over shared content over visit.
fn strength(kind: TouchKind) -> usize {
    use TouchKind::{EmailClick, Enablement, Event, Form, SelfReported, Visit};
    [SelfReported, Visit, Enablement, EmailClick, Event, Form].iter().position(|other| *other == kind).unwrap_or(0)
}
