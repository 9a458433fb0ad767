//! A person: everything visitors, mails, forms, sales and deals say about one lead, and what follows from it.
//!
//! A lead that was merged away only hands its estate to the root of its merges; the root shows it all.

mod identity;
mod lifecycle;
mod rows;
mod score;
mod touches;

use super::{Projection, Teller, Told};
use crate::classify::Classifier;
use crate::event::{Body, EmailKind, LeadRef, LeadUpdated};
use crate::id::{Kind, LeadId, SubjectId};
use crate::subject::{Fact, Interaction, Member, Mention, Part, Role, Subject, Tag, Visits};
use crate::text::Text;
use crate::time::Timestamp;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;
use rows::{Shown, merged_row};
use touches::Touches;

/// Everything known of one person after merges.
pub(super) struct Person<'a> {
    pub(super) id: LeadId,
    pub(super) subject: &'a Subject,
    /// Own facts and those of merged leads, in order, one an event id.
    pub(super) facts: Vec<&'a Arc<Fact>>,
    /// What visitors gave, by visitor.
    pub(super) visits: Vec<&'a Visits>,
    /// Roles on deals, by deal.
    pub(super) roles: BTreeMap<SubjectId, &'a Role>,
    /// When deals named the person.
    mentions: Vec<&'a Mention>,
    /// The moments up to which accounts want everybody's touches.
    pub(super) wanted_by: BTreeMap<SubjectId, BTreeSet<Timestamp>>,
    /// The lead itself and everyone merged into it.
    pub(super) leads: BTreeSet<LeadId>,
    /// Whether it, or anyone merged into it, asked to be forgotten.
    pub(super) erased: bool,
}

/// A CRM or form attribute and the moment it was said.
struct Profile<'a> {
    /// Of these the last one holds.
    personas: Personas,
    /// What the attributes make of the company, and when the deciding one was said last.
    account_segment: Option<(Text, Timestamp)>,
    owner: Option<Text>,
    /// The account the CRM assigned.
    account: Option<&'a Text>,
    contact: Contact<'a>,
}

/// What is known of a person's address.
#[derive(Default)]
struct Contact<'a> {
    domain: Option<&'a Text>,
    /// When somebody first told of a business domain.
    domain_since: Option<Timestamp>,
    sealed: Option<&'a Vec<u8>>,
}

/// Whether news are mails that only stand in the timeline, behind all that a lead has: nobody clicked or replied, they
/// tell nothing new of the address, and the lead is its own from the start.
pub(super) fn only_goes_on<'f, N>(lead: &Subject, news: N) -> bool
where
    N: Iterator<Item = Option<&'f Fact>> + Clone,
{
    let Some(last) = lead.facts.last() else { return false };
    let knows =
        |what: fn(&LeadRef) -> bool| lead.facts.iter().filter_map(|fact| fact.person()).any(|person| what(person));
    let mut news = news.map(|fact| Some((fact?, passive_mail(fact?)?)));
    news.clone().all(|mail| mail.is_some_and(|(fact, named)| fact.at > last.at && named.alias.is_none()))
        && (knows(|lead| lead.sealed.is_some()) || news.clone().flatten().all(|(_, named)| named.sealed.is_none()))
        && (knows(|lead| lead.domain.is_some()) || news.clone().flatten().all(|(_, named)| named.domain.is_none()))
        && identity::is_plain(lead)
        && !news.any(|mail| mail.is_some_and(|(fact, _)| was_told(lead, fact)))
}

/// The person of a mail that nobody clicked or replied to.
fn passive_mail(fact: &Fact) -> Option<&Arc<LeadRef>> {
    match fact.event()? {
        Body::EmailEngaged(mail) if !matches!(mail.kind, EmailKind::Clicked | EmailKind::Replied) => fact.person(),
        _ => None,
    }
}

/// Whether the timeline has a form that was filled in at the very place of a fact.
fn was_told(lead: &Subject, fact: &Fact) -> bool {
    lead.inbox.values().any(|part| match &**part {
        Part::Visits(visits) => visits.interactions.iter().any(|form| (form.at, &form.id) == (fact.at, &fact.id)),
        _ => false,
    })
}

pub(super) fn project(rules: &Classifier<'_>, id: SubjectId, subject: &Subject, untouched: usize) -> Projection {
    let mut projection = Projection::default();
    let Some(me) = id.as_lead() else { return projection };
    if untouched > 0 {
        let facts = subject.facts.iter().skip(untouched);
        // Mails tell nothing in somebody's own words.
        projection.lead_events = timeline(&subject.name, false, facts.map(|fact| Teller::Fact(Arc::clone(fact))));
        return projection;
    }
    tie_browsers(subject, &mut projection);
    tell_aliases(subject, &mut projection);
    let root = identity::resolve(me, subject, &mut projection);
    if root == me {
        show(rules, &Person::gather(me, subject), &mut projection);
    } else {
        identity::hand_over(me, root, subject, &mut projection);
        projection.leads.push(merged_row(rules, root, subject));
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
            mentions: Vec::new(),
            wanted_by: BTreeMap::new(),
            leads: BTreeSet::from([id]),
            erased: false,
        };
        let own = subject.inbox.iter().map(|((tag, from), part)| ((*tag, *from), part));
        own.for_each(|(key, part)| person.take(key, part));
        if person.leads.len() > 1 {
            person.facts.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
            person.facts.dedup_by(|a, b| (a.at, &a.id) == (b.at, &b.id));
        }
        person.erased = person.facts.iter().any(|fact| matches!(fact.event(), Some(Body::ErasureRequested(_))));
        person
    }

    fn take(&mut self, (tag, from): (Tag, SubjectId), part: &'a Part) {
        match part {
            Part::Visits(visits) => self.visits.push(visits),
            Part::Role(role) if tag == Tag::Role => {
                self.roles.entry(from).or_insert(role);
            }
            Part::Named(mentions) => self.mentions.extend(mentions),
            Part::Want(moments) => self.wanted_by.entry(from).or_default().extend(moments),
            Part::Absorbed(estate) => {
                self.leads.extend(from.as_lead());
                self.facts.extend(&estate.facts);
                estate.inbox.iter().for_each(|(key, part)| self.take(*key, part));
            }
            _ => {}
        }
    }

    /// Its id as text.
    fn name(&self) -> &'a Text {
        &self.subject.name
    }

    /// When the lead came to be: the earliest evidence that is more than a mail that was sent, delivered, opened or
    /// bounced.
    fn created_at(&self) -> Option<Timestamp> {
        let facts = self.facts.iter().filter(|fact| creates(fact)).map(|fact| fact.at);
        let forms = self.visits.iter().flat_map(|visits| &visits.interactions);
        let forms = forms.filter(|interaction| interaction.form.is_some()).map(|form| form.at);
        let seen = self.visits.iter().flat_map(|visits| visits.identified.iter().map(|seen| seen.at));
        let named = self.mentions.iter().map(|mention| mention.at);
        facts.chain(forms).chain(seen).chain(named).min()
    }

    /// Every event that names the person, with its time and id, in no order.
    fn references(&self) -> impl Iterator<Item = (Timestamp, &'a Text, &'a LeadRef)> {
        let facts = self.facts.iter().filter_map(|fact| Some((fact.at, &fact.id, &**fact.person()?)));
        let forms = self.visits.iter().flat_map(|visits| &visits.interactions);
        let forms = forms.filter_map(|form| Some((form.at, &form.id, &*form.form.as_ref()?.lead)));
        let seen = self.visits.iter().flat_map(|visits| &visits.identified);
        let named = seen.chain(self.mentions.iter().copied());
        facts.chain(forms).chain(named.map(|mention| (mention.at, &mention.id, &*mention.lead)))
    }
}

fn creates(fact: &Fact) -> bool {
    match fact.event() {
        Some(Body::EmailEngaged(mail)) => matches!(mail.kind, EmailKind::Clicked | EmailKind::Replied),
        Some(Body::FormSubmitted(_) | Body::LeadReviewed(_) | Body::SalesActivity(_) | Body::LeadUpdated(_)) => true,
        _ => false,
    }
}

/// Mail clicks with a visitor id tie the browser to the lead.
fn tie_browsers(subject: &Subject, projection: &mut Projection) {
    let mut clicks: BTreeMap<&Text, Vec<(Timestamp, Text)>> = BTreeMap::new();
    for fact in &subject.facts {
        if let Some(Body::EmailEngaged(mail)) = fact.event()
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
    let mut named: Vec<(Timestamp, &Text, &LeadRef)> = Vec::new();
    for fact in &subject.facts {
        named.extend(fact.people().iter().map(|lead| (fact.at, &fact.id, &**lead)));
    }
    for part in subject.inbox.values() {
        if let Part::Named(mentions) = &**part {
            named.extend(mentions.iter().map(|mention| (mention.at, &mention.id, &*mention.lead)));
        }
    }
    super::tell_aliases(named, projection);
}

/// A lead that is a lead of its own: rows, conversions, membership.
fn show(rules: &Classifier<'_>, person: &Person<'_>, projection: &mut Projection) {
    projection.lead_events = events(person);
    let Some(created_at) = person.created_at() else { return };
    let profile = profile(rules, person);
    let base = base_account(person, &profile);
    let account = home_account(person, &profile, &base);
    let Touches { once: touches, repeats } = touches::of(rules, person, profile.contact.domain.map(|domain| &**domain));
    let life = lifecycle::follow(rules, person, created_at, &touches, &profile);
    answer_deals(person, &base, projection);
    let shown = Shown {
        rules,
        person,
        profile: &profile,
        account: &account,
        touches: &touches,
        repeats: &repeats,
        life: &life,
        created_at,
    };
    join_accounts(&shown, &base, projection);
    shown.rows(projection);
}

/// What the CRM and forms say of the person; the last word of each counts.
fn profile<'a>(rules: &Classifier<'_>, person: &Person<'a>) -> Profile<'a> {
    let mut profile =
        Profile { personas: Vec::new(), account_segment: None, owner: None, account: None, contact: contact(person) };
    let mut said: Vec<Said<'_>> = Vec::new();
    for fact in &person.facts {
        match fact.event() {
            Some(Body::FormSubmitted(form)) => said.push(((fact.at, &fact.id), &form.fields, None)),
            Some(Body::LeadUpdated(update)) => {
                said.push(((fact.at, &fact.id), &update.attributes, update.persona.as_ref()));
                profile.update(update);
            }
            _ => {}
        }
    }
    let forms = person.visits.iter().flat_map(|visits| &visits.interactions);
    said.extend(forms.filter_map(|form| Some(((form.at, &form.id), &form.form.as_ref()?.fields, None))));
    said.sort_by_key(|(place, ..)| *place);
    let attributes;
    (attributes, profile.personas) = learn(rules, &said);
    profile.account_segment = rules.account_segment(&attributes).and_then(|(segment, attribute)| {
        let ((at, _), ..) = said.iter().rfind(|(_, fields, _)| fields.contains_key(attribute))?;
        Some((segment, *at))
    });
    if person.erased {
        profile.forget(rules);
    }
    profile
}

/// Who a person was taken to be, and since when, in order.
type Personas = Vec<(Timestamp, Option<Text>)>;

/// Time and event id, attributes, and the persona if the CRM assigned one.
type Said<'a> = ((Timestamp, &'a Text), &'a BTreeMap<Text, Text>, Option<&'a Text>);

/// The last word on every attribute, and whom all that was said up to each moment made of the person.
fn learn(rules: &Classifier<'_>, said: &[Said<'_>]) -> (BTreeMap<Text, Text>, Personas) {
    let (mut attributes, mut assigned, mut personas) = (BTreeMap::new(), None, Vec::new());
    for ((at, _), fields, persona) in said {
        assigned = persona.or(assigned);
        let mut news = persona.is_some();
        for (name, value) in *fields {
            if attributes.get(name) != Some(value) {
                attributes.insert(name.clone(), value.clone());
                news = true;
            }
        }
        if news {
            personas.push((*at, assigned.cloned().or_else(|| rules.persona(&attributes))));
        }
    }
    (attributes, personas)
}

impl<'a> Profile<'a> {
    fn persona(&self) -> Option<&Text> {
        self.personas.last()?.1.as_ref()
    }

    /// Keeps what the definitions know: the rest is what somebody wrote. It made no difference to fit.
    fn forget(&mut self, rules: &Classifier<'_>) {
        for (_, persona) in &mut self.personas {
            persona.take_if(|persona| !rules.knows_persona(persona));
        }
        self.account_segment.take_if(|(segment, _)| !rules.knows_segment(segment));
    }

    fn update(&mut self, update: &'a LeadUpdated<()>) {
        let last = |slot: &mut Option<Text>, value: &Option<Text>| {
            if value.is_some() {
                slot.clone_from(value);
            }
        };
        last(&mut self.owner, &update.owner);
        self.account = update.account_id.as_ref().or(update.account_domain.as_ref()).or(self.account);
    }
}

/// The best of what references to the person say: by its own id before those by the id of a lead merged into it, then
/// the earliest.
fn contact<'a>(person: &Person<'a>) -> Contact<'a> {
    let (mut contact, mut domain_of, mut sealed_of) = (Contact::default(), None, None);
    for (at, id, lead) in person.references() {
        let rank = Some((lead.id != person.id, at, id, lead.id));
        let since = lead.domain.as_ref().map(|_| at);
        contact.domain_since = contact.domain_since.into_iter().chain(since).min();
        if lead.domain.is_some() && (domain_of.is_none() || rank < domain_of) {
            (contact.domain, domain_of) = (lead.domain.as_ref(), rank);
        }
        if lead.sealed.is_some() && (sealed_of.is_none() || rank < sealed_of) {
            (contact.sealed, sealed_of) = (lead.sealed.as_ref(), rank);
        }
    }
    contact
}

/// The account a lead has by itself: what the CRM assigned, else its business domain, else the lead alone.
fn base_account(person: &Person<'_>, profile: &Profile<'_>) -> Text {
    profile.account.or(profile.contact.domain).cloned().unwrap_or_else(|| person.name().clone())
}

/// The account a lead belongs to: what the CRM assigned, else that of its latest deal role, else its own.
fn home_account(person: &Person<'_>, profile: &Profile<'_>, base: &Text) -> Text {
    if profile.account.is_some() {
        return base.clone();
    }
    let by_crm = person.roles.iter().filter(|(_, role)| role.by_crm);
    let roles = by_crm.filter_map(|(deal, role)| Some(((role.at, &role.id, deal), role.account.as_ref()?)));
    roles.max().map_or_else(|| base.clone(), |(_, account)| account.clone())
}

/// Deals without an account of their own follow their contact's.
fn answer_deals(person: &Person<'_>, base: &Text, projection: &mut Projection) {
    for (deal, role) in &person.roles {
        if !role.by_crm {
            let part = Part::Home { account: base.clone(), leads: person.leads.clone() };
            projection.say(*deal, Tag::Home, &role.deal, part);
        }
    }
}

/// Membership in the own account, and the touches for every account that has a use for them.
fn join_accounts(shown: &Shown<'_>, base: &Text, projection: &mut Projection) {
    let Shown { rules, person, account, .. } = *shown;
    let id = |name: &Text| SubjectId::named(Kind::Account, &person.subject.workspace, name);
    let home = id(account);
    let mut accounts: BTreeMap<SubjectId, (&Text, BTreeSet<Timestamp>)> = BTreeMap::new();
    let wanted = person.wanted_by.get(&home).cloned().unwrap_or_default();
    accounts.insert(home, (account, wanted));
    for role in person.roles.values() {
        // A deal that does not know its account yet asks its people for theirs, and mostly gets this one.
        let name = role.account.as_ref().unwrap_or(base);
        let (_, moments) = accounts.entry(id(name)).or_insert_with(|| (name, BTreeSet::new()));
        moments.extend(role.opened_at.iter().chain(&role.won_at));
    }
    let up_to = |moments: &_, touches| up_to(moments, touches, rules.journey_touches_max);
    for (to, (name, moments)) in accounts {
        let member = Member {
            leads: person.leads.clone(),
            belongs: to == home,
            created_at: Some(shown.created_at),
            stages: shown.life.stages(rules),
            persona: shown.persona(),
            touches: up_to(&moments, shown.touches),
            repeats: up_to(&moments, shown.repeats),
        };
        projection.say(to, Tag::Member, name, Part::Member(member));
    }
}

/// The touches that journeys ending at these moments can have: of each the first and the latest `max`. What happened
/// later is none of the account's business.
fn up_to(moments: &BTreeSet<Timestamp>, touches: &[Arc<Interaction>], max: usize) -> Vec<Arc<Interaction>> {
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
fn events(person: &Person<'_>) -> Vec<Told> {
    let facts = person.facts.iter().filter(|fact| Told::shows(fact)).map(|fact| Teller::Fact(Arc::clone(fact)));
    let forms = person.visits.iter().flat_map(|visits| &visits.interactions).filter(|form| form.form.is_some());
    timeline(person.name(), person.erased, facts.chain(forms.map(|form| Teller::Form(Arc::clone(form)))))
}

/// What they tell, in order, one a place.
fn timeline(lead: &Text, erased: bool, tellers: impl Iterator<Item = Teller>) -> Vec<Told> {
    let mut told: Vec<Told> = tellers.map(|by| Told { lead: lead.clone(), by, erased }).collect();
    told.sort_by(|a, b| a.place().cmp(&b.place()));
    told.dedup_by(|a, b| a.place() == b.place());
    told
}
