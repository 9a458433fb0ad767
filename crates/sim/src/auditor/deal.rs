//! Deals: the last word on every field, the money in two currencies, and whose account it is.

use super::Books;
use super::judge::{none, or_none};
use super::person::Person;
use smarketing_kernel::event::{Body, DealChanged, DealKind, DealType, Event, LeadRef};
use smarketing_kernel::id::{Kind, LeadId, SubjectId};
use smarketing_kernel::money::{Currency, Rate};
use smarketing_kernel::row::{self, Outcome};
use smarketing_kernel::text::Text;
use smarketing_kernel::time::{Day, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// A change of a deal and the event that told of it.
type Change<'e> = (&'e Event<LeadRef>, &'e DealChanged<LeadRef>);

/// A deal as its events leave it.
pub(super) struct Deal {
    pub(super) id: Text,
    pub(super) subject: SubjectId,
    /// The account the CRM names.
    pub(super) named_account: Option<Text>,
    pub(super) contacts: Vec<(LeadId, Option<Text>)>,
    /// When the list of contacts was last written, and by which event.
    pub(super) contacts_at: (Timestamp, Text),
    /// Everyone who was ever named, and when first.
    pub(super) first_named: BTreeMap<LeadId, Timestamp>,
    pub(super) outcome: Outcome,
    pub(super) amount_minor: i64,
    pub(super) currency: Currency,
    pub(super) reporting_minor: Option<i64>,
    pub(super) opened_at: Timestamp,
    /// When each stage was named first.
    pub(super) staged_at: BTreeMap<Text, Timestamp>,
    closed_at: Option<Timestamp>,
    pub(super) deal_type: DealType,
    pub(super) owner: Option<Text>,
    stage: Option<Text>,
    pipeline: Option<Text>,
    reason: Option<Text>,
    merged_into: Option<Text>,
}

/// All deals by id.
pub(super) fn all(books: &Books<'_>) -> BTreeMap<Text, Deal> {
    let mut changes: BTreeMap<&Text, Vec<Change<'_>>> = BTreeMap::new();
    let mut rates: BTreeMap<(Currency, Day), Rate> = BTreeMap::new();
    for event in &books.events {
        match &event.body {
            Body::DealChanged(change) => changes.entry(&change.deal_id).or_default().push((event, change)),
            Body::ExchangeRateSet(set) => drop(rates.insert((set.currency, set.day), set.rate)),
            _ => {}
        }
    }
    let deal = |(id, changes): (&Text, Vec<_>)| (id.clone(), Deal::of(books, id, &changes, &rates));
    changes.into_iter().map(deal).collect()
}

impl Deal {
    fn of(books: &Books<'_>, id: &Text, changes: &[Change<'_>], rates: &BTreeMap<(Currency, Day), Rate>) -> Self {
        let created = changes.iter().find(|(_, change)| change.kind == DealKind::Created);
        let lists = || changes.iter().filter_map(|(event, change)| Some((*event, change.contacts.as_ref()?)));
        let contacts = lists().next_back().map(|(_, list)| list.clone()).unwrap_or_default();
        let mut first_named = BTreeMap::new();
        for (event, list) in lists() {
            list.iter().for_each(|contact| {
                first_named.entry(contact.lead.id).or_insert(event.occurred_at);
            });
        }
        let mut staged_at = BTreeMap::new();
        for (event, change) in changes {
            change.stage.iter().for_each(|stage| {
                staged_at.entry(stage.clone()).or_insert(event.occurred_at);
            });
        }
        let (outcome, closed_at) = outcome(changes);
        let mut deal = Self {
            id: id.clone(),
            subject: SubjectId::named(Kind::Deal, &books.workspace, id),
            named_account: last(changes, |c| c.account_id.clone())
                .or_else(|| last(changes, |c| c.account_domain.clone())),
            contacts: contacts.into_iter().map(|contact| (contact.lead.id, contact.role)).collect(),
            contacts_at: said(lists().next_back().map_or(changes[0].0, |(event, _)| event)),
            first_named,
            outcome,
            amount_minor: last(changes, |c| c.amount_minor).unwrap_or(0),
            currency: last(changes, |c| c.currency).unwrap_or(books.judge.reporting),
            reporting_minor: None,
            opened_at: created.unwrap_or(&changes[0]).0.occurred_at,
            staged_at,
            closed_at,
            deal_type: last(changes, |c| c.deal_type).unwrap_or_default(),
            owner: last(changes, |c| c.owner.clone()),
            stage: last(changes, |c| c.stage.clone()),
            pipeline: last(changes, |c| c.pipeline.clone()),
            reason: last(changes, |c| c.reason.clone()),
            merged_into: last(changes, |c| c.merged_into.clone()),
        };
        deal.reporting_minor = deal.reporting(books.judge.reporting, rates);
        deal
    }

    /// The rate of the close day, or of the last day before it that has one, else of the first after it; while open,
    /// the latest.
    fn reporting(&self, to: Currency, rates: &BTreeMap<(Currency, Day), Rate>) -> Option<i64> {
        if self.currency == to {
            return Some(self.amount_minor);
        }
        let mut own =
            rates.iter().filter(|((currency, _), _)| *currency == self.currency).map(|((_, day), rate)| (*day, rate));
        let rate = match self.closed_at.map(Timestamp::day) {
            None => own.next_back(),
            Some(close) => own.clone().rfind(|(day, _)| *day <= close).or_else(|| own.next()),
        };
        rate?.1.convert(self.amount_minor, self.currency, to)
    }

    pub(super) fn won_at(&self) -> Option<Timestamp> {
        self.closed_at.filter(|_| self.outcome == Outcome::Won)
    }

    /// Whether it counts as pipeline or revenue.
    pub(super) fn lives(&self) -> bool {
        !matches!(self.outcome, Outcome::Deleted | Outcome::Merged)
    }

    /// The contact marked primary, else the first.
    pub(super) fn primary(&self) -> Option<LeadId> {
        let marked = self.contacts.iter().find(|(_, role)| role.as_deref() == Some("primary"));
        marked.or_else(|| self.contacts.first()).map(|(lead, _)| *lead)
    }

    pub(super) fn row(&self, books: &Books<'_>, account: &Text) -> row::Deal {
        row::Deal {
            workspace: books.workspace.clone(),
            deal: self.id.clone(),
            account: account.clone(),
            outcome: self.outcome,
            amount_minor: self.amount_minor,
            currency: self.currency,
            reporting_minor: self.reporting_minor,
            reporting_currency: books.judge.reporting,
            opened_at: self.opened_at,
            closed_at: self.closed_at,
            stage: or_none(self.stage.as_ref()),
            pipeline: or_none(self.pipeline.as_ref()),
            owner: or_none(self.owner.as_ref()),
            lost_reason: or_none(self.reason.as_ref().filter(|_| self.outcome == Outcome::Lost)),
            deal_type: self.deal_type,
            merged_into: or_none(self.merged_into.as_ref().filter(|_| self.outcome == Outcome::Merged)),
            contacts: self.contacts.iter().map(|(lead, _)| lead.text()).collect(),
        }
    }
}

fn said(event: &Event<LeadRef>) -> (Timestamp, Text) {
    (event.occurred_at, event.event_id.clone())
}

/// The last value anybody wrote.
fn last<T>(changes: &[Change<'_>], field: impl Fn(&DealChanged<LeadRef>) -> Option<T>) -> Option<T> {
    changes.iter().rev().find_map(|(_, change)| field(change))
}

/// How it stands, and since when it is closed: the same close said twice counts from the first time.
fn outcome(changes: &[Change<'_>]) -> (Outcome, Option<Timestamp>) {
    let said = |kind| match kind {
        DealKind::Created | DealKind::Updated | DealKind::StageChanged => None,
        DealKind::Reopened => Some(Outcome::Open),
        DealKind::Won => Some(Outcome::Won),
        DealKind::Lost => Some(Outcome::Lost),
        DealKind::Deleted => Some(Outcome::Deleted),
        DealKind::Merged => Some(Outcome::Merged),
    };
    let mut words: Vec<(Timestamp, Outcome)> =
        changes.iter().filter_map(|(event, change)| Some((event.occurred_at, said(change.kind)?))).collect();
    words.dedup_by_key(|(_, outcome)| *outcome);
    match words.last() {
        Some((at, outcome @ (Outcome::Won | Outcome::Lost))) => (*outcome, Some(*at)),
        Some((_, outcome)) => (*outcome, None),
        None => (Outcome::Open, None),
    }
}

/// Every change of every deal, as it was sent.
pub(super) fn history(books: &Books<'_>) -> Vec<row::DealChange> {
    let mut rows = Vec::new();
    for event in &books.events {
        let Body::DealChanged(change) = &event.body else { continue };
        rows.push(row::DealChange {
            workspace: books.workspace.clone(),
            deal: change.deal_id.clone(),
            changed_at: event.occurred_at,
            event_id: event.event_id.clone(),
            kind: change.kind,
            stage: or_none(change.stage.as_ref()),
            amount_minor: change.amount_minor,
            currency: change.currency.map_or_else(none, |currency| Text::from(currency.code())),
            reason: or_none(change.reason.as_ref()),
        });
    }
    rows
}

/// The account of every deal: what the CRM names, else that of its primary contact, else the deal alone.
pub(super) fn accounts(
    books: &Books<'_>,
    deals: &BTreeMap<Text, Deal>,
    people: &BTreeMap<LeadId, Person>,
) -> BTreeMap<Text, Text> {
    let account = |deal: &Deal| {
        let by_primary = || {
            let primary = people.get(&books.identity.root(deal.primary()?))?;
            Some(primary.own_account.clone())
        };
        let named = deal.named_account.clone().or_else(by_primary);
        named.unwrap_or_else(|| Text::from(format!("deal-{}", deal.subject)))
    };
    deals.values().map(|deal| (deal.id.clone(), account(deal))).collect()
}

/// The people on a deal, after merges.
pub(super) fn on_deal(books: &Books<'_>, deal: &Deal) -> BTreeSet<LeadId> {
    deal.contacts.iter().map(|(lead, _)| books.identity.root(*lead)).collect()
}
