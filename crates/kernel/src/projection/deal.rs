//! A deal: its fields are those of their last writers, and it tells its people and its account how it stands.

use super::Projection;
use crate::classify::Classifier;
use crate::event::{Body, DealChanged, DealKind, DealType, LeadRef};
use crate::id::{Kind, LeadId, SubjectId};
use crate::journey::Stages;
use crate::money::{Currency, Rate};
use crate::row::{self, Outcome};
use crate::subject::{DealState, Fact, Mention, Part, RateNeed, Role, Subject, Tag};
use crate::text::Text;
use crate::time::Timestamp;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// A deal after the last writer of every field.
struct Resolved<'a> {
    account: Option<&'a Text>,
    contacts: Contacts<'a>,
    /// When the contacts were named, and by which event.
    contacts_at: (Timestamp, &'a Text),
    amount_minor: i64,
    currency: Currency,
    stage: Option<&'a Text>,
    pipeline: Option<&'a Text>,
    owner: Option<&'a Text>,
    reason: Option<&'a Text>,
    deal_type: DealType,
    merged_into: Option<&'a Text>,
    outcome: Outcome,
    opened_at: Timestamp,
    /// When it was won or lost, if it is.
    closed_at: Option<Timestamp>,
}

type Change<'a> = (&'a Fact, &'a DealChanged<()>);

/// People on a deal, and in which role.
type Contacts<'a> = Vec<(&'a Arc<LeadRef>, Option<&'a Text>)>;

pub(super) fn project(rules: &Classifier<'_>, id: SubjectId, subject: &Subject) -> Projection {
    let mut projection = Projection::default();
    let changes: Vec<Change<'_>> = subject.facts.iter().filter_map(change).collect();
    let Some(deal) = resolve(rules, &changes) else { return projection };
    let reporting_minor = reporting(rules, subject, &deal, &mut projection);
    let account = account(subject, id, &deal);
    tell_people(subject, &changes, &deal, account.as_ref(), &mut projection);
    if let Some(account) = &account {
        let stages = stages(rules, &changes);
        tell_account(subject, &deal, account, reporting_minor, stages, &mut projection);
    }
    let shown = account.unwrap_or_else(|| rules.none.clone());
    projection.deals.push(deal_row(rules, subject, &deal, shown, reporting_minor));
    projection.deal_history = changes.iter().map(|change| history_row(rules, subject, change)).collect();
    projection
}

fn change(fact: &Arc<Fact>) -> Option<Change<'_>> {
    match fact.event() {
        Some(Body::DealChanged(change)) => Some((fact, change)),
        _ => None,
    }
}

/// The people a change lists, if it lists any or says that there are none.
fn contacts<'a>((fact, change): Change<'a>) -> Option<Contacts<'a>> {
    let roles = change.contacts.as_ref()?.iter().map(|contact| contact.role.as_ref());
    Some(fact.people().iter().zip(roles).collect())
}

/// Walks the changes in order of (time, event id): each field keeps the last value written.
fn resolve<'a>(rules: &Classifier<'_>, changes: &[Change<'a>]) -> Option<Resolved<'a>> {
    let (first, _) = changes.first()?;
    let created = changes.iter().find(|(_, change)| change.kind == DealKind::Created);
    let mut deal = Resolved {
        account: None,
        contacts: Vec::new(),
        contacts_at: (first.at, &first.id),
        amount_minor: 0,
        currency: rules.reporting,
        stage: None,
        pipeline: None,
        owner: None,
        reason: None,
        deal_type: DealType::New,
        merged_into: None,
        outcome: Outcome::Open,
        opened_at: created.map_or(first.at, |(fact, _)| fact.at),
        closed_at: None,
    };
    let (mut account_id, mut account_domain) = (None, None);
    for (fact, change) in changes {
        account_id = change.account_id.as_ref().or(account_id);
        account_domain = change.account_domain.as_ref().or(account_domain);
        deal.take((fact, change));
    }
    deal.account = account_id.or(account_domain);
    Some(deal)
}

impl<'a> Resolved<'a> {
    fn take(&mut self, (fact, change): Change<'a>) {
        if let Some(contacts) = contacts((fact, change)) {
            self.contacts = contacts;
            self.contacts_at = (fact.at, &fact.id);
        }
        self.amount_minor = change.amount_minor.unwrap_or(self.amount_minor);
        self.currency = change.currency.unwrap_or(self.currency);
        self.stage = change.stage.as_ref().or(self.stage);
        self.pipeline = change.pipeline.as_ref().or(self.pipeline);
        self.owner = change.owner.as_ref().or(self.owner);
        self.reason = change.reason.as_ref().or(self.reason);
        self.deal_type = change.deal_type.unwrap_or(self.deal_type);
        self.merged_into = change.merged_into.as_ref().or(self.merged_into);
        let outcome = match change.kind {
            DealKind::Created | DealKind::Updated | DealKind::StageChanged => return,
            DealKind::Reopened => Outcome::Open,
            DealKind::Won => Outcome::Won,
            DealKind::Lost => Outcome::Lost,
            DealKind::Deleted => Outcome::Deleted,
            DealKind::Merged => Outcome::Merged,
        };
        // Said again, a close stays where it was.
        if outcome != self.outcome {
            self.closed_at = matches!(outcome, Outcome::Won | Outcome::Lost).then_some(fact.at);
        }
        self.outcome = outcome;
    }

    fn won_at(&self) -> Option<Timestamp> {
        self.closed_at.filter(|_| self.outcome == Outcome::Won)
    }

    /// Whether it counts as pipeline or revenue at all.
    fn lives(&self) -> bool {
        !matches!(self.outcome, Outcome::Deleted | Outcome::Merged)
    }

    fn primary(&self) -> Option<LeadId> {
        let marked = self.contacts.iter().find(|(_, role)| role.is_some_and(|role| role == "primary"));
        marked.or_else(|| self.contacts.first()).map(|(lead, _)| lead.id)
    }
}

/// The amount in the reporting currency: at the rate of the close day once closed, else at the latest rate.
fn reporting(
    rules: &Classifier<'_>,
    subject: &Subject,
    deal: &Resolved<'_>,
    projection: &mut Projection,
) -> Option<i64> {
    if deal.currency == rules.reporting {
        return Some(deal.amount_minor);
    }
    let rates = SubjectId::named(Kind::Rates, &subject.workspace, deal.currency.code());
    let need = deal.closed_at.map_or(RateNeed::Latest, |at| RateNeed::On(at.day()));
    projection.say(rates, Tag::NeedRate, &Text::from(deal.currency.code()), Part::NeedRate(need));
    match subject.inbox.get(&(Tag::Rate, rates)).map(|part| &**part) {
        Some(Part::Rate { rate, .. }) => Rate::convert(*rate, deal.amount_minor, deal.currency, rules.reporting),
        _ => None,
    }
}

/// A deal's account: what the CRM says, else that of its primary contact, else the deal alone.
fn account(subject: &Subject, id: SubjectId, deal: &Resolved<'_>) -> Option<Text> {
    if let Some(account) = deal.account {
        return Some(account.clone());
    }
    let Some(primary) = deal.primary() else { return Some(Text::from(format!("deal-{id}"))) };
    subject.inbox.values().find_map(|part| match &**part {
        Part::Home { account, leads } if leads.contains(&primary) => Some(account.clone()),
        _ => None,
    })
}

fn tell_people(
    subject: &Subject,
    changes: &[Change<'_>],
    deal: &Resolved<'_>,
    account: Option<&Text>,
    projection: &mut Projection,
) {
    let (at, id) = deal.contacts_at;
    for (lead, role) in &deal.contacts {
        let role = Role {
            deal: subject.name.clone(),
            role: role.cloned(),
            at,
            id: id.clone(),
            account: account.cloned(),
            by_crm: deal.account.is_some(),
            opened_at: deal.lives().then_some(deal.opened_at),
            won_at: deal.won_at(),
        };
        let lead = lead.id;
        projection.say(SubjectId::lead(lead), Tag::Role, &lead.text(), Part::Role(role));
    }
    for (lead, mentions) in mentions(changes) {
        projection.say(SubjectId::lead(lead), Tag::Named, &lead.text(), Part::Named(mentions));
    }
}

/// Everybody a list of contacts ever named: the first time, and the latest time with each contact id.
fn mentions(changes: &[Change<'_>]) -> BTreeMap<LeadId, Vec<Mention>> {
    let mut mentions: BTreeMap<LeadId, Vec<Mention>> = BTreeMap::new();
    for (fact, _) in changes {
        for lead in fact.people() {
            let known = mentions.entry(lead.id).or_default();
            if !known.is_empty() && lead.alias.is_none() {
                continue;
            }
            let mut index = 0..;
            known.retain(|mention| index.next() == Some(0) || mention.lead.alias != lead.alias);
            known.push(Mention { at: fact.at, id: fact.id.clone(), lead: Arc::clone(lead) });
        }
    }
    mentions
}

/// When the deal entered first the stages that some model weighs.
fn stages(rules: &Classifier<'_>, changes: &[Change<'_>]) -> Stages {
    let entered = |name: &Text| changes.iter().find(|(_, change)| change.stage.as_ref() == Some(name));
    rules.models.deal_stages().filter_map(|(stage, name)| Some((stage, entered(name)?.0.at))).collect()
}

fn tell_account(
    subject: &Subject,
    deal: &Resolved<'_>,
    account: &Text,
    reporting_minor: Option<i64>,
    stages: Stages,
    projection: &mut Projection,
) {
    let state = DealState {
        deal: subject.name.clone(),
        contacts: deal.contacts.iter().map(|(lead, role)| (lead.id, role.cloned())).collect(),
        outcome: deal.outcome,
        amount_minor: deal.amount_minor,
        currency: deal.currency,
        reporting_minor,
        opened_at: deal.opened_at,
        won_at: deal.won_at(),
        stages,
        deal_type: deal.deal_type,
        owner: deal.owner.cloned(),
    };
    let to = SubjectId::named(Kind::Account, &subject.workspace, account);
    projection.say(to, Tag::Deal, account, Part::Deal(state));
}

fn deal_row(
    rules: &Classifier<'_>,
    subject: &Subject,
    deal: &Resolved<'_>,
    account: Text,
    reporting_minor: Option<i64>,
) -> row::Deal {
    let or_none = |text: Option<&Text>| text.unwrap_or(&rules.none).clone();
    row::Deal {
        workspace: subject.workspace.clone(),
        deal: subject.name.clone(),
        account,
        outcome: deal.outcome,
        amount_minor: deal.amount_minor,
        currency: deal.currency,
        reporting_minor,
        reporting_currency: rules.reporting,
        opened_at: deal.opened_at,
        closed_at: deal.closed_at,
        stage: or_none(deal.stage),
        pipeline: or_none(deal.pipeline),
        owner: or_none(deal.owner),
        lost_reason: or_none(deal.reason.filter(|_| deal.outcome == Outcome::Lost)),
        deal_type: deal.deal_type,
        merged_into: or_none(deal.merged_into.filter(|_| deal.outcome == Outcome::Merged)),
        contacts: deal.contacts.iter().map(|(lead, _)| lead.id.text()).collect(),
    }
}

fn history_row(rules: &Classifier<'_>, subject: &Subject, (fact, change): &Change<'_>) -> row::DealChange {
    let or_none = |text: &Option<Text>| text.clone().unwrap_or_else(|| rules.none.clone());
    row::DealChange {
        workspace: subject.workspace.clone(),
        deal: subject.name.clone(),
        changed_at: fact.at,
        event_id: fact.id.clone(),
        kind: change.kind,
        stage: or_none(&change.stage),
        amount_minor: change.amount_minor,
        currency: change.currency.map_or_else(|| rules.none.clone(), |currency| Text::from(currency.code())),
        reason: or_none(&change.reason),
    }
}
