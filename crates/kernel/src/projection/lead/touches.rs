//! Interactions become touches: mail clicks join the session they opened, what is suppressed goes, and of each
//! (session, channel, campaign, content) the earliest stays with the strongest kind.

use super::super::visitor::form_interaction;
use super::Person;
use crate::channel::Channel;
use crate::classify::Classifier;
use crate::content::path_of;
use crate::event::{ActivityKind, Body, EmailEngaged, EmailKind, LeadUpdated};
use crate::row::{Origin, TouchKind};
use crate::subject::{Brought, Fact, Interaction};
use crate::text::Text;
use crate::time::{DAY_MS, Timestamp};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// Days within which a visit to shared content is sales enablement.
const SHARED_DAYS: i64 = 30;

/// A mail click, and the path its link goes to.
struct Click {
    interaction: Interaction,
    link_path: Option<Text>,
}

/// What touched a person.
pub(super) struct Touches {
    /// One of each (session, channel, campaign, content), in order.
    pub(super) once: Vec<Arc<Interaction>>,
    /// The others, in order; none where no model counts them.
    pub(super) repeats: Vec<Arc<Interaction>>,
}

/// The touches of a person, in order, each with its own id. What is not changed on the way stays shared.
pub(super) fn of(rules: &Classifier<'_>, person: &Person<'_>, domain: Option<&str>) -> Touches {
    let mut interactions =
        person.visits.iter().map(|visits| visits.interactions.as_slice()).collect::<Vec<_>>().concat();
    let mut clicks = Vec::new();
    let mut shared = Shared::new();
    let mut told = None;
    for fact in &person.facts {
        match fact.event() {
            Some(Body::FormSubmitted(_)) => interactions.extend(form_interaction(rules, fact).map(Arc::new)),
            Some(Body::EmailEngaged(mail)) if matches!(mail.kind, EmailKind::Clicked | EmailKind::Replied) => {
                clicks.push(click(rules, fact, mail));
            }
            Some(Body::LeadUpdated(update)) if told.is_none() => told = told_origin(rules, fact, update),
            Some(Body::SalesActivity(activity)) if activity.kind == ActivityKind::ContentShared => {
                if let Some(url) = &activity.content_url {
                    shared.entry(path_of(url)).or_default().push(fact.at);
                }
            }
            _ => {}
        }
    }
    interactions.extend(told.map(Arc::new));
    sort(&mut interactions);
    join_sessions(rules, clicks, &mut interactions);
    let reported: Vec<_> = interactions.iter().filter_map(|told| self_reported(rules, told, person.erased)).collect();
    interactions.extend(reported.into_iter().map(Arc::new));
    mark_enablement(&shared, &mut interactions);
    interactions.retain(|interaction| !rules.suppressed(&interaction.origin, &interaction.page, domain));
    sort(&mut interactions);
    interactions.dedup_by(|a, b| (a.at, &a.id) == (b.at, &b.id));
    once_a_session(rules, interactions)
}

fn sort(interactions: &mut [Arc<Interaction>]) {
    interactions.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
}

fn click(rules: &Classifier<'_>, fact: &Fact, mail: &EmailEngaged<()>) -> Click {
    let link_path = mail.link_url.as_deref().map(path_of);
    let content = mail.content_id.clone().or_else(|| link_path.clone()).unwrap_or_else(|| rules.none.clone());
    let email = || Text::from("email");
    Click {
        interaction: Interaction {
            at: fact.at,
            id: fact.id.clone(),
            kind: TouchKind::EmailClick,
            origin: Arc::new(Origin {
                channel: Text::from(Channel::Email.name()),
                subchannel: rules.none.clone(),
                source: email(),
                medium: email(),
                campaign: mail.campaign.clone(),
            }),
            page: rules.content(&content),
            session: None,
            form: None,
        },
        link_path,
    }
}

/// A session that starts soon after a click, on the link's path or with the same campaign, is the click: one touch, at
/// the click's time, with the mail's channel and campaign and the session's content. What else happened in that session
/// came from the mail, too.
fn join_sessions(rules: &Classifier<'_>, mut clicks: Vec<Click>, interactions: &mut Vec<Arc<Interaction>>) {
    let mut joined: BTreeSet<usize> = BTreeSet::new();
    let mut origins: BTreeMap<(Session, Arc<Origin>), Arc<Origin>> = BTreeMap::new();
    for Click { interaction: click, link_path } in &mut clicks {
        let Some((index, visit)) = opened(rules, click, link_path.as_ref(), interactions, &joined) else { continue };
        joined.insert(index);
        origins.insert((visit.session.clone(), visit.origin.clone()), click.origin.clone());
        click.page = visit.page.clone();
        click.session.clone_from(&visit.session);
    }
    if !joined.is_empty() {
        for other in interactions.iter_mut().filter(|other| other.session.is_some()) {
            if let Some(origin) = origins.get(&(other.session.clone(), other.origin.clone())) {
                Arc::make_mut(other).origin = Arc::clone(origin);
            }
        }
        let mut index = 0..;
        interactions.retain(|_| index.next().is_none_or(|index| !joined.contains(&index)));
    }
    interactions.extend(clicks.into_iter().map(|click| Arc::new(click.interaction)));
}

type Session = Option<(Text, Timestamp)>;

/// The first visit that the click opened and that no other click did.
fn opened<'i>(
    rules: &Classifier<'_>,
    click: &Interaction,
    link_path: Option<&Text>,
    interactions: &'i [Arc<Interaction>],
    joined: &BTreeSet<usize>,
) -> Option<(usize, &'i Arc<Interaction>)> {
    let first = interactions.partition_point(|visit| visit.at < click.at);
    let soon = interactions.iter().enumerate().skip(first);
    let mut soon = soon.take_while(|(_, visit)| visit.at.since(click.at) <= rules.click_window_ms);
    soon.find(|(index, visit)| {
        let same = Some(&visit.page.content) == link_path || visit.origin.campaign == click.origin.campaign;
        visit.kind == TouchKind::Visit && visit.session.is_some() && same && !joined.contains(index)
    })
}

/// A first contact that no page view recorded, as a CRM tells it (the first time counts): `origin_source`, `origin_medium`, `origin_campaign`
/// and `origin_content` of a lead update.
fn told_origin(rules: &Classifier<'_>, fact: &Fact, update: &LeadUpdated<()>) -> Option<Interaction> {
    let told = |name: &str| update.attributes.get(name).map(|value| Text::from(value.to_lowercase()));
    let brought =
        Brought { source: told("origin_source"), medium: told("origin_medium"), campaign: told("origin_campaign") };
    let content = update.attributes.get("origin_content");
    if brought.source.is_none() && brought.medium.is_none() && brought.campaign.is_none() && content.is_none() {
        return None;
    }
    let content = content.unwrap_or(&rules.none);
    Some(Interaction {
        at: fact.at,
        id: fact.id.clone(),
        kind: TouchKind::Visit,
        origin: rules.origin(Some(&brought), content, None),
        page: rules.content(content),
        session: None,
        form: None,
    })
}

/// The form fields that ask how somebody heard of us.
const HEARD_FIELDS: [&str; 3] = ["how_did_you_hear_about_us", "how did you hear about us", "heard_from"];

/// What a form answers to "how did you hear about us", kept beside the form's own touch. Of one who is forgotten the
/// channel stays, and not the words.
fn self_reported(rules: &Classifier<'_>, interaction: &Interaction, erased: bool) -> Option<Interaction> {
    let fields = &interaction.form.as_ref()?.fields;
    let asked = |name: &str| HEARD_FIELDS.iter().any(|field| name.eq_ignore_ascii_case(field));
    let (_, answer) = fields.iter().find(|(name, _)| asked(name))?;
    let brought = Brought { source: Some(Text::from(answer.trim().to_lowercase())), medium: None, campaign: None };
    let mut origin = rules.origin(Some(&brought), &interaction.page.content, None);
    if erased {
        Arc::make_mut(&mut origin).source = rules.none.clone();
    }
    Some(Interaction {
        at: interaction.at,
        id: Text::from(format!("{}#self_reported", interaction.id)),
        kind: TouchKind::SelfReported,
        origin,
        page: interaction.page.clone(),
        session: None,
        form: None,
    })
}

/// When sales shared what, in order of time.
type Shared = BTreeMap<Text, Vec<Timestamp>>;

/// A visit that lands on content sales had shared is sales enablement.
fn mark_enablement(shared: &Shared, interactions: &mut [Arc<Interaction>]) {
    if shared.is_empty() {
        return;
    }
    for visit in interactions.iter_mut().filter(|interaction| interaction.kind == TouchKind::Visit) {
        let Some(times) = shared.get(&visit.page.content) else { continue };
        let before = times.partition_point(|at| *at <= visit.at);
        let latest = before.checked_sub(1).and_then(|index| times.get(index));
        if latest.is_some_and(|at| visit.at.since(*at) <= SHARED_DAYS * DAY_MS) {
            Arc::make_mut(visit).kind = TouchKind::Enablement;
        }
    }
}

/// Of each (session, channel, campaign, content) the earliest, with the strongest kind; the others are its repeats.
/// Self-reported touches stay beside the others.
fn once_a_session(rules: &Classifier<'_>, interactions: Vec<Arc<Interaction>>) -> Touches {
    let count_repeats = rules.models.count_repeats();
    let mut repeats = Vec::new();
    let mut touches: Vec<Arc<Interaction>> = Vec::with_capacity(interactions.len());
    for interaction in interactions {
        // Nothing of a session is earlier than the click that may have opened it.
        let of_session = |touch: &Interaction| {
            let (_, start) = interaction.session.as_ref()?;
            (start.since(touch.at) <= rules.click_window_ms).then(|| touch.session == interaction.session)
        };
        let known = touches.iter_mut().rev().map_while(|touch| Some((of_session(touch)?, touch)));
        let mut same = known.filter_map(|(joins, touch)| (joins && same(touch, &interaction)).then_some(touch));
        match same.next() {
            Some(touch) => {
                if strength(interaction.kind) > strength(touch.kind) {
                    Arc::make_mut(touch).kind = interaction.kind;
                }
                repeats.extend(count_repeats.then_some(interaction));
            }
            None => touches.push(interaction),
        }
    }
    Touches { once: touches, repeats }
}

/// Whether two interactions of one session are one touch.
fn same(a: &Interaction, b: &Interaction) -> bool {
    let told = |interaction: &Interaction| interaction.kind == TouchKind::SelfReported;
    told(a) == told(b) && a.origin == b.origin && a.page == b.page
}

fn strength(kind: TouchKind) -> u8 {
    match kind {
        TouchKind::SelfReported => 0,
        TouchKind::Visit => 1,
        TouchKind::Enablement => 2,
        TouchKind::EmailClick => 3,
        TouchKind::Event => 4,
        TouchKind::Form => 5,
    }
}
