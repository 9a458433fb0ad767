//! A person: everything visitors, mails, forms, sales and deals say about one lead, and what follows from it.
//!
//! A lead that was merged away only hands its estate to the root of its merges; the root shows it all.

mod identity;
mod lifecycle;
mod score;
mod touches;

use super::Projection;
use crate::event::{Body, EmailKind, LeadRef, LeadUpdated, Stage};
use crate::id::{Kind, LeadId, SubjectId};
use crate::journey::{self, Milestones, Recipe, Subjected};
use crate::row::{self, ConversionKind, LeadEventKind, Origin};
use crate::rules::Rules;
use crate::subject::{Edge, Fact, FactBody, Interaction, Member, Part, Role, Subject, Tag, Visits};
use crate::text::Text;
use crate::time::Timestamp;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::vec::Vec;
use lifecycle::Lifecycle;

/// Everything known of one person after merges.
pub(super) struct Person<'a> {
    pub(super) id: LeadId,
    pub(super) subject: &'a Subject,
    /// Own facts and those of merged leads, in order, one an event id.
    pub(super) facts: Vec<&'a Fact>,
    /// What visitors gave, by visitor.
    pub(super) visits: Vec<&'a Visits>,
    /// Roles on deals, by deal.
    pub(super) roles: BTreeMap<SubjectId, &'a Role>,
    /// The moments up to which accounts want everybody's touches.
    pub(super) wanted_by: BTreeMap<SubjectId, BTreeSet<Timestamp>>,
    /// The lead itself and everyone merged into it.
    pub(super) leads: BTreeSet<LeadId>,
}

/// A CRM or form attribute and the moment it was said.
struct Profile<'a> {
    attributes: BTreeMap<Text, Text>,
    persona: Option<Text>,
    owner: Option<Text>,
    /// The account the CRM assigned.
    account: Option<&'a Text>,
    contact: Option<&'a LeadRef>,
    erased: bool,
}

pub(super) fn project(rules: &Rules, id: SubjectId, subject: &Subject) -> Projection {
    let mut projection = Projection::default();
    let Some(me) = id.as_lead() else { return projection };
    tie_browsers(subject, &mut projection);
    tell_aliases(subject, &mut projection);
    let root = identity::resolve(me, subject, &mut projection);
    if root == me {
        show(rules, &Person::gather(me, subject), &mut projection);
    } else {
        identity::hand_over(me, root, subject, &mut projection);
        projection.leads.push(merged_row(rules, me, root, subject));
    }
    projection
}

impl<'a> Person<'a> {
    fn gather(id: LeadId, subject: &'a Subject) -> Self {
        let mut person = Self {
            id,
            subject,
            facts: subject.facts.iter().collect(),
            visits: Vec::new(),
            roles: BTreeMap::new(),
            wanted_by: BTreeMap::new(),
            leads: BTreeSet::from([id]),
        };
        let own = subject.inbox.iter().map(|((tag, from), part)| ((*tag, *from), part));
        own.for_each(|(key, part)| person.take(key, part));
        if person.leads.len() > 1 {
            person.facts.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
            person.facts.dedup_by(|a, b| (a.at, &a.id) == (b.at, &b.id));
        }
        person
    }

    fn take(&mut self, (tag, from): (Tag, SubjectId), part: &'a Part) {
        match part {
            Part::Visits(visits) => self.visits.push(visits),
            Part::Role(role) if tag == Tag::Role => {
                let earlier = self.roles.get(&from).is_some_and(|known| known.at <= role.at);
                if !earlier {
                    self.roles.insert(from, role);
                }
            }
            Part::Want(moments) => self.wanted_by.entry(from).or_default().extend(moments),
            Part::Absorbed(estate) => {
                self.leads.extend(from.as_lead());
                self.facts.extend(&estate.facts);
                estate.inbox.iter().for_each(|(key, part)| self.take(*key, part));
            }
            _ => {}
        }
    }

    /// When the lead came to be: the earliest evidence that is more than a mail that was sent, delivered, opened or
    /// bounced.
    fn created_at(&self) -> Option<Timestamp> {
        let facts = self.facts.iter().filter(|fact| creates(fact)).map(|fact| fact.at);
        let forms = self.visits.iter().flat_map(|visits| &visits.interactions);
        let forms = forms.filter(|interaction| interaction.form.is_some()).map(|form| form.at);
        let seen = self.visits.iter().flat_map(|visits| visits.identified.iter().map(|(at, _)| *at));
        let roles = self.roles.values().map(|role| role.at);
        facts.chain(forms).chain(seen).chain(roles).min()
    }
}

fn creates(fact: &Fact) -> bool {
    match &fact.body {
        FactBody::Event(Body::EmailEngaged(mail)) => matches!(mail.kind, EmailKind::Clicked | EmailKind::Replied),
        FactBody::Event(
            Body::FormSubmitted(_) | Body::LeadReviewed(_) | Body::SalesActivity(_) | Body::LeadUpdated(_),
        ) => true,
        FactBody::Event(_) | FactBody::View(_) => false,
    }
}

/// Mail clicks with a visitor id tie the browser to the lead.
fn tie_browsers(subject: &Subject, projection: &mut Projection) {
    let mut clicks: BTreeMap<&Text, Vec<(Timestamp, Text)>> = BTreeMap::new();
    for fact in &subject.facts {
        if let FactBody::Event(Body::EmailEngaged(mail)) = &fact.body
            && let (Some(visitor), EmailKind::Clicked) = (&mail.visitor_id, mail.kind)
        {
            clicks.entry(visitor).or_default().push((fact.at, fact.id.clone()));
        }
    }
    for (visitor, clicks) in clicks {
        let to = SubjectId::named(Kind::Visitor, &subject.workspace, visitor);
        projection.say(to, Tag::Links, visitor, Part::Links(clicks));
    }
}

/// An event that names an address and a contact id makes the contact's lead the address's; the latest word stays.
fn tell_aliases(subject: &Subject, projection: &mut Projection) {
    let mut named: Vec<(Timestamp, Text, &LeadRef)> = Vec::new();
    for fact in &subject.facts {
        let leads = fact_lead(fact).into_iter().chain(merged_into(fact)).filter(|lead| lead.alias.is_some());
        named.extend(leads.map(|lead| (fact.at, fact.id.clone(), lead)));
    }
    for ((_, from), part) in &subject.inbox {
        if let Part::Role(role) = &**part
            && role.contact.alias.is_some()
        {
            named.push((role.at, from.hash_text(), &role.contact));
        }
    }
    named.sort_unstable();
    for (at, id, lead) in named {
        if let Some(alias) = lead.alias {
            let edge = Edge { at, id, from: alias, into: lead.id };
            projection.say(SubjectId::lead(alias), Tag::Alias, &alias.text(), Part::Alias(edge));
        }
    }
}

fn merged_into(fact: &Fact) -> Option<&LeadRef> {
    match &fact.body {
        FactBody::Event(Body::LeadMerged(merge)) => Some(&merge.into),
        _ => None,
    }
}

/// The person a lead's own fact names.
fn fact_lead(fact: &Fact) -> Option<&LeadRef> {
    let FactBody::Event(body) = &fact.body else { return None };
    match body {
        Body::FormSubmitted(event) => Some(&event.lead),
        Body::EmailEngaged(event) => Some(&event.lead),
        Body::LeadReviewed(event) => Some(&event.lead),
        Body::SalesActivity(event) => Some(&event.lead),
        Body::LeadUpdated(event) => Some(&event.lead),
        Body::LeadMerged(event) | Body::LeadUnmerged(event) => Some(&event.from),
        _ => None,
    }
}

/// A lead that is a lead of its own: rows, conversions, membership.
fn show(rules: &Rules, person: &Person<'_>, projection: &mut Projection) {
    show_events(rules, person, projection);
    let Some(created_at) = person.created_at() else { return };
    let profile = profile(rules, person);
    let base = base_account(person, &profile);
    let account = home_account(person, &profile, &base);
    let touches = touches::of(rules, person, profile.contact.and_then(|contact| contact.domain.as_deref()));
    let life = lifecycle::follow(rules, person, created_at, &touches, &profile);
    answer_deals(person, &base, projection);
    join_accounts(rules, person, created_at, &account, &base, &profile, &touches, projection);
    let shown =
        Shown { rules, person, profile: &profile, account: &account, touches: &touches, life: &life, created_at };
    shown.rows(projection);
}

/// What the CRM and forms say of the person; the last word of each counts.
fn profile<'a>(rules: &Rules, person: &Person<'a>) -> Profile<'a> {
    let mut profile = Profile {
        attributes: BTreeMap::new(),
        persona: None,
        owner: None,
        account: None,
        contact: None,
        erased: false,
    };
    let mut said: Vec<(Timestamp, &Text, &'a BTreeMap<Text, Text>)> = Vec::new();
    for fact in &person.facts {
        match &fact.body {
            FactBody::Event(Body::FormSubmitted(form)) => said.push((fact.at, &fact.id, &form.fields)),
            FactBody::Event(Body::LeadUpdated(update)) => {
                said.push((fact.at, &fact.id, &update.attributes));
                profile.update(update);
            }
            FactBody::Event(Body::ErasureRequested(_)) => profile.erased = true,
            _ => {}
        }
    }
    let forms = person.visits.iter().flat_map(|visits| &visits.interactions);
    said.extend(forms.filter_map(|form| Some((form.at, &form.id, &form.form.as_ref()?.fields))));
    said.sort_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)));
    for (_, _, fields) in said {
        profile.attributes.extend(fields.iter().map(|(name, value)| (name.clone(), value.clone())));
    }
    profile.persona = profile.persona.take().or_else(|| rules.persona(&profile.attributes));
    profile.contact = contact(person);
    profile
}

impl<'a> Profile<'a> {
    fn update(&mut self, update: &'a LeadUpdated<LeadRef>) {
        let last = |slot: &mut Option<Text>, value: &Option<Text>| {
            if value.is_some() {
                slot.clone_from(value);
            }
        };
        last(&mut self.persona, &update.persona);
        last(&mut self.owner, &update.owner);
        self.account = update.account_id.as_ref().or(update.account_domain.as_ref()).or(self.account);
    }
}

/// The best reference to the person: one by its own id, before one by the id of a lead merged into it.
fn contact<'a>(person: &Person<'a>) -> Option<&'a LeadRef> {
    let facts = person.facts.iter().filter_map(|fact| fact_lead(fact));
    let forms = person.visits.iter().flat_map(|visits| &visits.interactions);
    let forms = forms.filter_map(|interaction| interaction.form.as_ref().map(|form| &form.lead));
    let seen = person.visits.iter().flat_map(|visits| visits.identified.iter().map(|(_, lead)| lead));
    let roles = person.roles.values().map(|role| &role.contact);
    let mut all = facts.chain(forms).chain(seen).chain(roles);
    let first = all.next()?;
    if first.id == person.id {
        return Some(first);
    }
    Some(all.find(|lead| lead.id == person.id).unwrap_or(first))
}

/// The account a lead has by itself: what the CRM assigned, else its business domain, else the lead alone.
fn base_account(person: &Person<'_>, profile: &Profile<'_>) -> Text {
    let domain = profile.contact.and_then(|contact| contact.domain.as_ref());
    profile.account.or(domain).cloned().unwrap_or_else(|| person.id.text())
}

/// The account a lead belongs to: what the CRM assigned, else that of its latest deal role, else its own.
fn home_account(person: &Person<'_>, profile: &Profile<'_>, base: &Text) -> Text {
    if profile.account.is_some() {
        return base.clone();
    }
    let roles = person.roles.iter().filter_map(|(deal, role)| Some((role.at, deal, role.account.as_ref()?)));
    roles.max_by_key(|(at, deal, _)| (*at, **deal)).map_or_else(|| base.clone(), |(_, _, account)| account.clone())
}

/// Deals without an account of their own follow their contact's.
fn answer_deals(person: &Person<'_>, base: &Text, projection: &mut Projection) {
    for (deal, role) in &person.roles {
        if role.account.is_none() {
            let part = Part::Home { account: base.clone(), leads: person.leads.clone() };
            projection.say(*deal, Tag::Home, &role.deal, part);
        }
    }
}

/// Membership in the own account, and the touches for every account that has a use for them.
#[allow(clippy::too_many_arguments)]
fn join_accounts(
    rules: &Rules,
    person: &Person<'_>,
    created_at: Timestamp,
    account: &Text,
    base: &Text,
    profile: &Profile<'_>,
    touches: &[Interaction],
    projection: &mut Projection,
) {
    let id = |name: &Text| SubjectId::named(Kind::Account, &person.subject.workspace, name);
    let home = id(account);
    let mut accounts: BTreeMap<SubjectId, (&Text, BTreeSet<Timestamp>)> = BTreeMap::new();
    let wanted = person.wanted_by.get(&home).cloned().unwrap_or_default();
    accounts.insert(home, (account, wanted));
    for role in person.roles.values() {
        let name = role.account.as_ref().unwrap_or(base);
        let (_, moments) = accounts.entry(id(name)).or_insert_with(|| (name, BTreeSet::new()));
        moments.extend(role.opened_at.iter().chain(&role.won_at));
    }
    for (to, (name, moments)) in accounts {
        let member = Member {
            leads: person.leads.clone(),
            belongs: to == home,
            created_at: Some(created_at),
            persona: profile.persona.clone().unwrap_or_else(|| rules.none.clone()),
            touches: up_to(&moments, touches, rules.journey_touches_max),
        };
        projection.say(to, Tag::Member, name, Part::Member(member));
    }
}

/// The touches that journeys ending at these moments can have: of each the first and the latest `max`. What happened
/// later is none of the account's business.
fn up_to(moments: &BTreeSet<Timestamp>, touches: &[Interaction], max: usize) -> Vec<Interaction> {
    let mut kept = Vec::new();
    let mut next = 0;
    for moment in moments {
        let end = touches.partition_point(|touch| touch.at <= *moment);
        if next == 0 && end > 0 {
            kept.extend(touches.first().cloned());
            next = 1;
        }
        let start = end.saturating_sub(max).max(next);
        kept.extend_from_slice(touches.get(start..end).unwrap_or_default());
        next = next.max(end);
    }
    kept
}

/// What the timeline shows beside touches and stages.
fn show_events(rules: &Rules, person: &Person<'_>, projection: &mut Projection) {
    let none = &rules.none;
    let or_none = |text: &Option<Text>| text.clone().unwrap_or_else(|| none.clone());
    let mut push = |at, id: &Text, kind: LeadEventKind, campaign: Text, content: Text, rep: Text, detail: Text| {
        projection.lead_events.push(row::LeadEvent {
            workspace: person.subject.workspace.clone(),
            lead: person.id.text(),
            occurred_at: at,
            event_id: id.clone(),
            event: Text::from(kind.word()),
            campaign,
            content,
            rep,
            detail,
        });
    };
    let n = || none.clone();
    for Fact { at, id, body } in person.facts.iter().copied() {
        let FactBody::Event(body) = body else { continue };
        match body {
            Body::EmailEngaged(e) => {
                push(*at, id, LeadEventKind::Email(e.kind), e.campaign.clone(), or_none(&e.content_id), n(), n());
            }
            Body::SalesActivity(e) => {
                let content = e.content_url.as_deref().map_or_else(n, touches::path_of);
                push(*at, id, LeadEventKind::Activity(e.kind), n(), content, or_none(&e.rep), or_none(&e.outcome));
            }
            Body::LeadReviewed(e) => {
                push(*at, id, LeadEventKind::Verdict(e.verdict), n(), n(), or_none(&e.rep), or_none(&e.reason));
            }
            Body::FormSubmitted(e) => push(*at, id, LeadEventKind::Form, n(), e.form_id.clone(), n(), n()),
            Body::LeadUpdated(e) => {
                let stage = e.stage.map_or_else(n, |stage| Text::from(stage.word()));
                push(*at, id, LeadEventKind::Updated, n(), n(), or_none(&e.owner), stage);
            }
            Body::LeadMerged(e) => push(*at, id, LeadEventKind::Merged, n(), n(), n(), e.into.id.text()),
            Body::LeadUnmerged(e) => push(*at, id, LeadEventKind::Unmerged, n(), n(), n(), e.into.id.text()),
            Body::ErasureRequested(_) => push(*at, id, LeadEventKind::Erased, n(), n(), n(), n()),
            _ => {}
        }
    }
    for interaction in person.visits.iter().flat_map(|visits| &visits.interactions) {
        if let Some(form) = &interaction.form {
            push(interaction.at, &interaction.id, LeadEventKind::Form, n(), form.form_id.clone(), n(), n());
        }
    }
    projection.lead_events.sort_by(|a, b| (a.occurred_at, &a.event_id).cmp(&(b.occurred_at, &b.event_id)));
    projection.lead_events.dedup_by(|a, b| (a.occurred_at, &a.event_id) == (b.occurred_at, &b.event_id));
}

/// The row of a lead that was merged away: where it went, nothing else.
fn merged_row(rules: &Rules, me: LeadId, root: LeadId, subject: &Subject) -> row::Lead {
    let none = || rules.none.clone();
    row::Lead {
        workspace: subject.workspace.clone(),
        lead: me.text(),
        sealed: None,
        domain: none(),
        account: none(),
        persona: none(),
        owner: none(),
        stage: Stage::Visitor,
        score_centi: 0,
        fit_centi: 0,
        behaviour_centi: 0,
        created_at: None,
        first_touch_at: None,
        last_touch_at: None,
        first_origin: no_origin(rules),
        touches: 0,
        mqls: 0,
        sqls: 0,
        deals: 0,
        won_deals: 0,
        merged_into: root.text(),
        erased: false,
        definition_version: rules.version.clone(),
    }
}

fn no_origin(rules: &Rules) -> Origin {
    let none = || rules.none.clone();
    Origin { channel: none(), subchannel: none(), source: none(), medium: none(), campaign: none() }
}

/// Everything worked out about a lead, on its way into rows.
struct Shown<'a> {
    rules: &'a Rules,
    person: &'a Person<'a>,
    profile: &'a Profile<'a>,
    account: &'a Text,
    touches: &'a [Interaction],
    life: &'a Lifecycle,
    created_at: Timestamp,
}

impl Shown<'_> {
    fn rows(&self, projection: &mut Projection) {
        projection.leads.push(self.lead());
        projection.touches = self.touches.iter().map(|touch| self.touch(touch)).collect();
        projection.stage_entries = self.life.entries.iter().map(|entry| self.stage_entry(entry)).collect();
        projection.stage_entries.sort_by_key(|entry| (entry.entered_at, entry.stage));
        projection.handoffs = self.life.handoffs.iter().map(|handoff| self.handoff(handoff)).collect();
        projection.conversions = self.conversions();
    }

    fn persona(&self) -> Text {
        self.profile.persona.clone().unwrap_or_else(|| self.rules.none.clone())
    }

    fn first_origin(&self) -> Origin {
        self.touches.first().map_or_else(|| no_origin(self.rules), |touch| touch.origin.clone())
    }

    fn lead(&self) -> row::Lead {
        let none = || self.rules.none.clone();
        let contact = self.profile.contact;
        let count =
            |stage| u32::try_from(self.life.entries.iter().filter(|e| e.stage == stage).count()).unwrap_or(u32::MAX);
        let deals = self.person.roles.values().filter(|role| role.opened_at.is_some()).count();
        let won = self.person.roles.values().filter(|role| role.won_at.is_some()).count();
        row::Lead {
            workspace: self.person.subject.workspace.clone(),
            lead: self.person.id.text(),
            sealed: contact.and_then(|contact| contact.sealed.clone()).filter(|_| !self.profile.erased),
            domain: contact.and_then(|contact| contact.domain.clone()).unwrap_or_else(none),
            account: self.account.clone(),
            persona: self.persona(),
            owner: self.profile.owner.clone().unwrap_or_else(none),
            stage: self.life.stage,
            score_centi: self.life.fit_centi + self.life.behaviour_centi,
            fit_centi: self.life.fit_centi,
            behaviour_centi: self.life.behaviour_centi,
            created_at: Some(self.created_at),
            first_touch_at: self.touches.first().map(|touch| touch.at),
            last_touch_at: self.touches.last().map(|touch| touch.at),
            first_origin: self.first_origin(),
            touches: u32::try_from(self.touches.len()).unwrap_or(u32::MAX),
            mqls: count(Stage::Mql),
            sqls: count(Stage::Sql),
            deals: u32::try_from(deals).unwrap_or(u32::MAX),
            won_deals: u32::try_from(won).unwrap_or(u32::MAX),
            merged_into: none(),
            erased: self.profile.erased,
            definition_version: self.rules.version.clone(),
        }
    }

    fn touch(&self, touch: &Interaction) -> row::Touch {
        row::Touch {
            workspace: self.person.subject.workspace.clone(),
            lead: self.person.id.text(),
            touch_at: touch.at,
            touch_id: touch.id.clone(),
            account: self.account.clone(),
            kind: touch.kind,
            origin: touch.origin.clone(),
            page: touch.page.clone(),
            visitor: touch.session.as_ref().map_or_else(|| self.rules.none.clone(), |(visitor, _)| visitor.clone()),
            ruleset_version: self.rules.ruleset_version.clone(),
        }
    }

    fn stage_entry(&self, entry: &lifecycle::Entered) -> row::StageEntry {
        row::StageEntry {
            workspace: self.person.subject.workspace.clone(),
            lead: self.person.id.text(),
            entered_at: entry.at,
            stage: entry.stage,
            from_stage: entry.from,
            reason: entry.reason.clone(),
            inferred: entry.inferred,
            previous_ms: entry.previous_ms,
            persona: self.persona(),
            account: self.account.clone(),
            channel: self.first_origin().channel,
            definition_version: self.rules.version.clone(),
        }
    }

    fn handoff(&self, handoff: &lifecycle::HandedOff) -> row::Handoff {
        let none = || self.rules.none.clone();
        let verdict = handoff.verdict.as_ref();
        row::Handoff {
            workspace: self.person.subject.workspace.clone(),
            lead: self.person.id.text(),
            mql_at: handoff.mql_at,
            first_activity_at: handoff.first_activity_at,
            verdict_at: verdict.map(|verdict| verdict.at),
            verdict: verdict.map_or_else(none, |verdict| Text::from(verdict.verdict.word())),
            reason: verdict.and_then(|verdict| verdict.reason.clone()).unwrap_or_else(none),
            rep: verdict.and_then(|verdict| verdict.rep.clone()).or_else(|| handoff.rep.clone()).unwrap_or_else(none),
            account: self.account.clone(),
            persona: self.persona(),
            channel: self.first_origin().channel,
        }
    }

    /// Conversions of the lead itself: creation, every MQL and SQL entry. They are worth 0 and count in micro-credits.
    fn conversions(&self) -> Vec<Recipe> {
        let persona = self.persona();
        let owner = self.profile.owner.clone().unwrap_or_else(|| self.rules.none.clone());
        let lead = self.person.id.text();
        let touches: Vec<_> = self.touches.iter().map(|touch| (touch, lead.clone(), &persona)).collect();
        let journey = journey::shared(&touches);
        let at = |kind: ConversionKind, at: Timestamp, id: Text| {
            let subject = Subjected {
                workspace: &self.person.subject.workspace,
                owner: &lead,
                conversion: id,
                kind,
                subject: &lead,
                account: self.account,
                persona: &persona,
                deal_type: &self.rules.none,
                rep: &owner,
                value_minor: 0,
                currency: self.rules.reporting,
                reporting_minor: Some(0),
            };
            let milestones =
                Milestones { lead_created_at: Some(self.created_at), converts_at: at, ..Milestones::default() };
            journey::recipe(self.rules, subject, milestones, &journey)
        };
        let mut conversions =
            Vec::from([at(ConversionKind::Lead, self.created_at, Text::from(format!("lead:{lead}")))]);
        for entry in &self.life.entries {
            let kind = match entry.stage {
                Stage::Mql => ConversionKind::Mql,
                Stage::Sql => ConversionKind::Sql,
                _ => continue,
            };
            let id = Text::from(format!("{}:{lead}:{}", kind.word(), entry.at.0));
            conversions.push(at(kind, entry.at, id));
        }
        conversions.sort_by(|a, b| a.head.conversion.cmp(&b.head.conversion));
        conversions.dedup_by(|a, b| a.head.conversion == b.head.conversion);
        conversions
    }
}
