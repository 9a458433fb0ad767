//! A person: one lead with every lead merged into it, what is said of it, its touches and its way through the stages.

use super::deal::{self, Deal};
use super::judge::{none, or_none};
use super::life::{self, Entry, Handed, Life};
use super::session::Session;
use super::timeline::{self, HandedOff};
use super::touch::{self, Interaction};
use super::{Books, identity};
use smarketing_kernel::event::{Body, EmailKind, Event, LeadRef, Stage};
use smarketing_kernel::id::LeadId;
use smarketing_kernel::row::{Handoff, Lead, Origin, StageEntry, Touch};
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
    account_segment: Option<(Text, Timestamp)>,
    pub(super) rep: Option<Text>,
    pub(super) touches: Vec<Interaction>,
    /// What would be the same touches again.
    pub(super) repeats: Vec<Interaction>,
    pub(super) life: Life,
    handoffs: Vec<HandedOff>,
    fit_centi: i64,
    contact: Contact,
    erased: bool,
    deals: u32,
    won_deals: u32,
}

/// What is known of a person's address.
#[derive(Clone, Default)]
struct Contact {
    domain: Option<Text>,
    /// When anything first told of a business domain.
    domain_since: Option<Timestamp>,
    sealed: Option<Vec<u8>>,
}

/// Everybody who was created, by lead.
pub(super) fn all(
    books: &Books<'_>,
    deals: &BTreeMap<Text, Deal>,
    sessions: &BTreeMap<Text, Vec<Session>>,
) -> BTreeMap<LeadId, Person> {
    let mut visits = touch::visits(books, sessions);
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
    let domains = best(books, |lead| lead.domain.clone());
    let sealed = best(books, |lead| lead.sealed.clone());
    let mut domain_since: BTreeMap<LeadId, Timestamp> = BTreeMap::new();
    for event in &books.events {
        for lead in introduced(&event.body).into_iter().filter(|lead| lead.domain.is_some()) {
            domain_since.entry(books.identity.root(lead.id)).or_insert(event.occurred_at);
        }
    }
    let roots = identity::everyone(&books.events).into_iter().map(|lead| books.identity.root(lead));
    let mut people = BTreeMap::new();
    for lead in roots {
        if people.contains_key(&lead) {
            continue;
        }
        let (events, roles) = (events.remove(&lead).unwrap_or_default(), roles.remove(&lead).unwrap_or_default());
        let Some(created_at) = created_at(books, lead, &events, deals) else { continue };
        let visits = visits.remove(&lead).unwrap_or_default();
        let contact = Contact {
            domain: domains.get(&lead).cloned(),
            domain_since: domain_since.get(&lead).copied(),
            sealed: sealed.get(&lead).cloned(),
        };
        let touches = touch::of_person(books, sessions, visits, &events, contact.domain.as_ref());
        people.insert(lead, Person::of(books, lead, created_at, contact, &events, &roles, touches));
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

/// Whom an event tells something of. Whom a merge names as the new owner is not introduced by it.
fn introduced(body: &Body<LeadRef>) -> Vec<&LeadRef> {
    let mut introduced = identity::named(body);
    let merge = matches!(body, Body::LeadMerged(_) | Body::LeadUnmerged(_));
    introduced.truncate(if merge { 1 } else { usize::MAX });
    introduced
}

/// The best of what references to a person say: of its own id before those merged into it, then the earliest (of one
/// event that of the least id).
fn best<T>(books: &Books<'_>, said: impl Fn(&LeadRef) -> Option<T>) -> BTreeMap<LeadId, T> {
    let mut best: BTreeMap<LeadId, (bool, T)> = BTreeMap::new();
    for event in &books.events {
        let mut introduced = introduced(&event.body);
        introduced.sort_by_key(|lead| lead.id);
        for lead in introduced {
            let root = books.identity.root(lead.id);
            let better = best.get(&root).is_none_or(|(own, _)| !own && root == lead.id);
            if let Some(said) = said(lead).filter(|_| better) {
                best.insert(root, (root == lead.id, said));
            }
        }
    }
    best.into_iter().map(|(lead, (_, said))| (lead, said)).collect()
}

/// The row of a lead that was merged away: where it went, nothing else.
pub(super) fn merged_row(books: &Books<'_>, lead: LeadId, root: LeadId) -> Lead {
    Lead {
        workspace: books.workspace.clone(),
        lead: lead.text(),
        sealed: None,
        domain: none(),
        account: none(),
        account_segment: none(),
        account_segment_at: None,
        persona: none(),
        owner: none(),
        stage: Stage::Visitor,
        score_centi: 0,
        fit_centi: 0,
        behaviour_centi: 0,
        created_at: None,
        first_touch_at: None,
        last_touch_at: None,
        first_origin: no_origin().into(),
        touches: 0,
        mqls: 0,
        sqls: 0,
        deals: 0,
        won_deals: 0,
        merged_into: root.text(),
        erased: false,
        definition_version: books.judge.version(),
    }
}

fn no_origin() -> Origin {
    Origin { channel: none(), subchannel: none(), source: none(), medium: none(), campaign: none() }
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
        contact: Contact,
        events: &[&Event<LeadRef>],
        roles: &[&Deal],
        (touches, repeats): (Vec<Interaction>, Vec<Interaction>),
    ) -> Self {
        let mut attributes: BTreeMap<Text, Text> = BTreeMap::new();
        let mut said_at: BTreeMap<Text, Timestamp> = BTreeMap::new();
        let mut personas: BTreeMap<Timestamp, Option<Text>> = BTreeMap::new();
        let (mut persona, mut rep, mut assigned) = (None, None, None);
        for event in events {
            let said = match &event.body {
                Body::FormSubmitted(form) => form.fields.clone(),
                Body::LeadUpdated(update) => update.attributes.clone(),
                _ => BTreeMap::new(),
            };
            said_at.extend(said.keys().map(|name| (name.clone(), event.occurred_at)));
            attributes.extend(said);
            if let Body::LeadUpdated(update) = &event.body {
                persona = update.persona.clone().or(persona);
                rep = update.owner.clone().or(rep);
                assigned = update.account_id.clone().or_else(|| update.account_domain.clone()).or(assigned);
            }
            let now = persona.clone().or_else(|| books.judge.persona(&attributes));
            personas.insert(event.occurred_at, now);
        }
        let erased = events.iter().any(|event| matches!(event.body, Body::ErasureRequested(_)));
        // Of one who is forgotten only words of the definitions stay.
        let persona = persona.or_else(|| books.judge.persona(&attributes));
        let persona = persona.filter(|persona| !erased || books.judge.knows_persona(persona));
        let account_segment = books.judge.account_segment(&attributes);
        let account_segment = account_segment.filter(|(segment, _)| !erased || books.judge.knows_segment(segment));
        let account_segment = account_segment.map(|(segment, attribute)| (segment, said_at[&attribute]));
        let own_account = assigned.clone().or_else(|| contact.domain.clone()).unwrap_or_else(|| lead.text());
        let by_role =
            roles.iter().filter_map(|deal| Some((deal.contacts_at.clone(), deal.subject, deal.named_account.clone()?)));
        let account = match assigned {
            Some(_) => own_account.clone(),
            None => by_role.max().map_or_else(|| own_account.clone(), |(_, _, account)| account),
        };
        let fits = life::fits(books, &personas, contact.domain_since);
        let fit_centi = fits.values().next_back().copied().unwrap_or(0);
        let life = life::follow(books, created_at, &fits, &touches, events, roles);
        let handoffs = timeline::handoffs(&life.handed, events);
        let count = |counts: fn(&Deal) -> bool| roles.iter().filter(|deal| counts(deal)).count() as u32;
        let (deals, won_deals) = (count(Deal::lives), count(|deal| deal.won_at().is_some()));
        Self {
            lead,
            created_at,
            own_account,
            account,
            persona,
            account_segment,
            rep,
            touches,
            repeats,
            life,
            handoffs,
            fit_centi,
            contact,
            erased,
            deals,
            won_deals,
        }
    }

    /// When it came to a stage first.
    pub(super) fn entered_at(&self, stage: Stage) -> Option<Timestamp> {
        self.life.entries.iter().filter(|entry| entry.stage == stage).map(|entry| entry.at).min()
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
            visitor: touch.session.as_ref().map_or_else(none, |(visitor, _)| books.identity.shown(visitor)),
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
            score_centi: entry.score_centi,
            definition_version: books.judge.version(),
        };
        self.life.entries.iter().map(row).collect()
    }

    pub(super) fn handoff_rows(&self, books: &Books<'_>) -> Vec<Handoff> {
        let row = |(handed, handoff): (&Handed, &HandedOff)| Handoff {
            workspace: books.workspace.clone(),
            lead: self.lead.text(),
            mql_at: handed.at,
            first_activity_at: handoff.first_activity_at,
            verdict_at: handed.word.as_ref().map(|word| word.at),
            verdict: handed.word.as_ref().map_or_else(none, |word| Text::from(word.verdict.word())),
            reason: or_none(handed.word.as_ref().and_then(|word| word.reason.as_ref())),
            rep: or_none(handoff.rep.as_ref()),
            account: self.account.clone(),
            persona: or_none(self.persona.as_ref()),
            channel: self.channel(),
        };
        self.life.handed.iter().zip(&self.handoffs).map(row).collect()
    }

    pub(super) fn row(&self, books: &Books<'_>) -> Lead {
        let entered = |stage| self.life.entries.iter().filter(|entry| entry.stage == stage).count() as u32;
        Lead {
            sealed: self.contact.sealed.clone().filter(|_| !self.erased),
            domain: or_none(self.contact.domain.as_ref()),
            account: self.account.clone(),
            account_segment: or_none(self.account_segment.as_ref().map(|(segment, _)| segment)),
            account_segment_at: self.account_segment.as_ref().map(|(_, at)| *at),
            persona: or_none(self.persona.as_ref()),
            owner: or_none(self.rep.as_ref()),
            stage: self.life.stage,
            score_centi: self.fit_centi + self.life.behaviour_centi,
            fit_centi: self.fit_centi,
            behaviour_centi: self.life.behaviour_centi,
            created_at: Some(self.created_at),
            first_touch_at: self.touches.first().map(|touch| touch.at),
            last_touch_at: self.touches.last().map(|touch| touch.at),
            first_origin: self.touches.first().map_or_else(no_origin, |touch| touch.origin.clone()).into(),
            touches: self.touches.len() as u32,
            mqls: entered(Stage::Mql),
            sqls: entered(Stage::Sql),
            deals: self.deals,
            won_deals: self.won_deals,
            merged_into: none(),
            erased: self.erased,
            ..merged_row(books, self.lead, self.lead)
        }
    }
}
