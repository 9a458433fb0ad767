//! A person: one lead with every lead merged into it, what is said of it, its touches and its way through the stages.

use super::deal::{self, Deal};
use super::judge::{none, or_none};
use super::life::{self, Entry};
use super::touch::{self, Interaction};
use super::{Books, identity, session};
use smarketing_kernel::event::{Body, EmailKind, Event, LeadRef};
use smarketing_kernel::id::LeadId;
use smarketing_kernel::row::{StageEntry, Touch};
use smarketing_kernel::text::Text;
use smarketing_kernel::time::Timestamp;
use std::collections::BTreeMap;

/// A lead that owns itself.
pub(super) struct Person {
    pub(super) lead: LeadId,
    pub(super) created_at: Timestamp,
    /// The account it has by itself: what the CRM assigned, else its business domain, else the lead alone.
    pub(super) own_account: Text,
    /// The account it belongs to: deal roles count, too, where the CRM assigned none.
    pub(super) account: Text,
    pub(super) persona: Option<Text>,
    pub(super) rep: Option<Text>,
    pub(super) touches: Vec<Interaction>,
    pub(super) entries: Vec<Entry>,
}

/// Everybody who was created, by lead.
pub(super) fn all(books: &Books<'_>, deals: &BTreeMap<Text, Deal>) -> BTreeMap<LeadId, Person> {
    let sessions = session::all(books);
    let mut visits = touch::visits(books, &sessions);
    let mut events: BTreeMap<LeadId, Vec<&Event<LeadRef>>> = BTreeMap::new();
    for event in &books.events {
        if let Some(lead) = about(&event.body) {
            events.entry(books.identity.root(lead.id)).or_default().push(event);
        }
    }
    let mut roles: BTreeMap<LeadId, Vec<&Deal>> = BTreeMap::new();
    for deal in deals.values() {
        deal::on_deal(books, deal).into_iter().for_each(|lead| roles.entry(lead).or_default().push(deal));
    }
    let domains = domains(books);
    let roots = identity::everyone(&books.events).into_iter().map(|lead| books.identity.root(lead));
    let mut people = BTreeMap::new();
    for lead in roots {
        if people.contains_key(&lead) {
            continue;
        }
        let (events, roles) = (events.remove(&lead).unwrap_or_default(), roles.remove(&lead).unwrap_or_default());
        let Some(created_at) = created_at(books, lead, &events, deals) else { continue };
        let visits = visits.remove(&lead).unwrap_or_default();
        let domain = domains.get(&lead);
        let touches = touch::of_person(books, &sessions, visits, &events, domain);
        people.insert(lead, Person::of(books, lead, created_at, domain, &events, &roles, touches));
    }
    people
}

/// The person an event is about; a deal's people are not what it is about.
fn about(body: &Body<LeadRef>) -> Option<&LeadRef> {
    match body {
        Body::DealChanged(_) | Body::LeadMerged(_) | Body::LeadUnmerged(_) => None,
        body => identity::named(body).into_iter().next(),
    }
}

/// The business domain of every person: of its own address, else of one merged into it.
fn domains(books: &Books<'_>) -> BTreeMap<LeadId, Text> {
    let mut domains: BTreeMap<LeadId, (bool, Text)> = BTreeMap::new();
    for lead in books.events.iter().flat_map(|event| identity::named(&event.body)) {
        let root = books.identity.root(lead.id);
        let Some(domain) = &lead.domain else { continue };
        let known = domains.entry(root).or_insert_with(|| (false, domain.clone()));
        if root == lead.id && !known.0 {
            *known = (true, domain.clone());
        }
    }
    domains.into_iter().map(|(lead, (_, domain))| (lead, domain)).collect()
}

/// The earliest event that is more than a mail somebody got; being named by a deal is one.
fn created_at(
    books: &Books<'_>,
    lead: LeadId,
    events: &[&Event<LeadRef>],
    deals: &BTreeMap<Text, Deal>,
) -> Option<Timestamp> {
    let creates = |event: &&&Event<LeadRef>| match &event.body {
        Body::EmailEngaged(mail) => matches!(mail.kind, EmailKind::Clicked | EmailKind::Replied),
        Body::ErasureRequested(_) => false,
        _ => true,
    };
    let by_event = events.iter().filter(creates).map(|event| event.occurred_at);
    let named = deals.values().flat_map(|deal| &deal.first_named);
    let by_deal = named.filter(|(contact, _)| books.identity.root(**contact) == lead).map(|(_, at)| *at);
    by_event.chain(by_deal).min()
}

impl Person {
    fn of(
        books: &Books<'_>,
        lead: LeadId,
        created_at: Timestamp,
        domain: Option<&Text>,
        events: &[&Event<LeadRef>],
        roles: &[&Deal],
        touches: Vec<Interaction>,
    ) -> Self {
        let mut attributes = BTreeMap::new();
        let (mut persona, mut rep, mut assigned) = (None, None, None);
        for event in events {
            match &event.body {
                Body::FormSubmitted(form) => attributes.extend(form.fields.clone()),
                Body::LeadUpdated(update) => {
                    attributes.extend(update.attributes.clone());
                    persona = update.persona.clone().or(persona);
                    rep = update.owner.clone().or(rep);
                    assigned = update.account_id.clone().or_else(|| update.account_domain.clone()).or(assigned);
                }
                _ => {}
            }
        }
        let persona = persona.or_else(|| books.judge.persona(&attributes));
        let own_account = assigned.clone().or_else(|| domain.cloned()).unwrap_or_else(|| lead.text());
        let by_role =
            roles.iter().filter_map(|deal| Some((deal.contacts_at, deal.subject, deal.named_account.clone()?)));
        let account = match assigned {
            Some(_) => own_account.clone(),
            None => by_role.max().map_or_else(|| own_account.clone(), |(_, _, account)| account),
        };
        let fit = life::fit(books, persona.as_ref(), domain.is_some());
        let entries = life::entries(books, created_at, fit, &touches, events, roles);
        Self { lead, created_at, own_account, account, persona, rep, touches, entries }
    }

    /// The channel of the first touch.
    fn channel(&self) -> Text {
        self.touches.first().map_or_else(none, |touch| touch.origin.channel.clone())
    }

    pub(super) fn touch_rows(&self, books: &Books<'_>) -> Vec<Touch> {
        let row = |touch: &Interaction| Touch {
            workspace: books.workspace.clone(),
            lead: self.lead.text(),
            touch_at: touch.at,
            touch_id: touch.id.clone(),
            account: self.account.clone(),
            kind: touch.kind,
            origin: touch.origin.clone().into(),
            page: touch.page.clone().into(),
            visitor: touch.session.as_ref().map_or_else(none, |(visitor, _)| visitor.clone()),
            ruleset_version: books.judge.ruleset_version.clone(),
        };
        self.touches.iter().map(row).collect()
    }

    pub(super) fn stage_rows(&self, books: &Books<'_>) -> Vec<StageEntry> {
        let row = |entry: &Entry| StageEntry {
            workspace: books.workspace.clone(),
            lead: self.lead.text(),
            entered_at: entry.at,
            stage: entry.stage,
            from_stage: entry.from,
            reason: entry.reason.clone(),
            inferred: entry.inferred,
            previous_ms: entry.previous_ms,
            persona: or_none(self.persona.as_ref()),
            account: self.account.clone(),
            channel: self.channel(),
            definition_version: books.judge.version(),
        };
        self.entries.iter().map(row).collect()
    }
}
