//! Who is who: merges, and the leads a browser belonged to.

use smarketing_kernel::bots::is_bot;
use smarketing_kernel::event::{Body, EmailKind, ErasureRequested, Event, LeadRef};
use smarketing_kernel::id::{Kind, LeadId, SubjectId};
use smarketing_kernel::text::Text;
use smarketing_kernel::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// Merges in a row that are followed; a lead at the start of a longer chain stays a lead of its own.
const CHAIN_MAX: usize = 64;

/// When something was said, and by which event: what ties break by.
type Said = (Timestamp, Text);

/// The answers.
pub(super) struct Identity {
    /// The merge that holds for a lead.
    merges: BTreeMap<LeadId, (Said, LeadId)>,
    /// The ties of a browser to leads, in order.
    links: BTreeMap<Text, Vec<(Said, LeadId)>>,
    /// When browsers were to be forgotten, and what stands for them.
    erased: BTreeMap<Text, (Timestamp, Text)>,
}

impl Identity {
    pub(super) fn of(events: &[&Event<LeadRef>]) -> Self {
        Self { merges: merges(events), links: links(events), erased: erased(events) }
    }

    /// A browser as it is shown.
    pub(super) fn shown(&self, visitor: &Text) -> Text {
        self.erased.get(visitor).map_or_else(|| visitor.clone(), |(_, stand_in)| stand_in.clone())
    }

    /// Whether a browser is to be forgotten.
    pub(super) fn forgets(&self, visitor: &Text) -> bool {
        self.erased.contains_key(visitor)
    }

    /// The leads merged away, and who owns them.
    pub(super) fn merged(&self) -> impl Iterator<Item = (LeadId, LeadId)> {
        self.merges.keys().map(|lead| (*lead, self.root(*lead))).filter(|(lead, root)| lead != root)
    }

    /// The lead that owns everything of `lead`. In a loop of merges the earliest does not hold.
    pub(super) fn root(&self, lead: LeadId) -> LeadId {
        let mut path = vec![lead];
        loop {
            if path.len() > CHAIN_MAX {
                return lead;
            }
            let last = path[path.len() - 1];
            let Some((_, into)) = self.merges.get(&last) else { return last };
            if let Some(start) = path.iter().position(|seen| seen == into) {
                let round = path[start..].iter().map(|from| (&self.merges[from].0, from));
                return round.min().map_or(last, |(_, from)| *from);
            }
            path.push(*into);
        }
    }

    /// The lead a browser belonged to at `at`: of the latest tie, before the first tie that of the first, within the
    /// look-back. When a browser is forgotten its ties end, and none is made any more.
    pub(super) fn lead_of(&self, visitor: &Text, at: Timestamp, lookback_ms: i64) -> Option<LeadId> {
        let end = self.erased.get(visitor).map_or(Timestamp(i64::MAX), |(at, _)| *at);
        let ties = self.links.get(visitor).filter(|_| at <= end)?;
        let links: Vec<_> = ties.iter().filter(|((tied_at, _), _)| *tied_at <= end).collect();
        if let Some((_, lead)) = links.iter().rfind(|((tied_at, _), _)| *tied_at <= at) {
            return Some(*lead);
        }
        links.first().filter(|((tied_at, _), _)| tied_at.since(at) <= lookback_ms).map(|(_, lead)| *lead)
    }
}

/// Everyone an event names. A bot's page view names nobody.
pub(super) fn named(body: &Body<LeadRef>) -> Vec<&LeadRef> {
    match body {
        Body::PageViewed(e) if e.user_agent.as_deref().is_some_and(is_bot) => vec![],
        Body::PageViewed(e) => e.lead.iter().collect(),
        Body::FormSubmitted(e) => vec![&e.lead],
        Body::EmailEngaged(e) => vec![&e.lead],
        Body::DealChanged(e) => e.contacts.iter().flatten().map(|contact| &contact.lead).collect(),
        Body::LeadReviewed(e) => vec![&e.lead],
        Body::SalesActivity(e) => vec![&e.lead],
        Body::LeadUpdated(e) => vec![&e.lead],
        Body::LeadMerged(e) | Body::LeadUnmerged(e) => vec![&e.from, &e.into],
        Body::ErasureRequested(ErasureRequested::Lead(lead)) => vec![lead],
        Body::ErasureRequested(ErasureRequested::Visitor(_)) | Body::AdSpent(_) | Body::ExchangeRateSet(_) => vec![],
    }
}

/// Of everything said about two leads the latest counts; of the merges that so hold for a lead, the latest.
fn merges(events: &[&Event<LeadRef>]) -> BTreeMap<LeadId, (Said, LeadId)> {
    let mut said: BTreeMap<(LeadId, LeadId), (Said, bool)> = BTreeMap::new();
    for event in events {
        let now = (event.occurred_at, event.event_id.clone());
        match &event.body {
            Body::LeadMerged(merge) => drop(said.insert((merge.from.id, merge.into.id), (now.clone(), true))),
            Body::LeadUnmerged(merge) => drop(said.insert((merge.from.id, merge.into.id), (now.clone(), false))),
            _ => {}
        }
        // Address and contact id in one event: the same person, as if merged.
        for lead in named(&event.body) {
            if let Some(alias) = lead.alias {
                said.insert((alias, lead.id), (now.clone(), true));
            }
        }
    }
    let mut merges: BTreeMap<LeadId, (Said, LeadId)> = BTreeMap::new();
    for ((from, into), (at, merged)) in said {
        let later = merges.get(&from).is_none_or(|(known, _)| *known <= at);
        if merged && from != into && later {
            merges.insert(from, (at, into));
        }
    }
    merges
}

/// Forms, views that knew the person, and clicked mails tie a browser to a lead.
fn links(events: &[&Event<LeadRef>]) -> BTreeMap<Text, Vec<(Said, LeadId)>> {
    let mut links: BTreeMap<Text, Vec<(Said, LeadId)>> = BTreeMap::new();
    for event in events {
        let tie = match &event.body {
            Body::PageViewed(e) => named(&event.body).first().map(|lead| (&e.visitor_id, *lead)),
            Body::FormSubmitted(e) => e.visitor_id.as_ref().map(|visitor| (visitor, &e.lead)),
            Body::EmailEngaged(e) if e.kind == EmailKind::Clicked => {
                e.visitor_id.as_ref().map(|visitor| (visitor, &e.lead))
            }
            _ => None,
        };
        if let Some((visitor, lead)) = tie {
            let at = (event.occurred_at, event.event_id.clone());
            links.entry(visitor.clone()).or_default().push((at, lead.id));
        }
    }
    links
}

/// The browsers that are to be forgotten: since when, by the first request, and what stands for them.
fn erased(events: &[&Event<LeadRef>]) -> BTreeMap<Text, (Timestamp, Text)> {
    let mut erased = BTreeMap::new();
    for event in events {
        if let Body::ErasureRequested(ErasureRequested::Visitor(visitor)) = &event.body {
            let browser = SubjectId::named(Kind::Visitor, &event.workspace, visitor);
            let stand_in = || (event.occurred_at, Text::from(format!("erased-{browser}")));
            erased.entry(visitor.clone()).or_insert_with(stand_in);
        }
    }
    erased
}

/// Every lead any event names.
pub(super) fn everyone(events: &[&Event<LeadRef>]) -> BTreeSet<LeadId> {
    events.iter().flat_map(|event| named(&event.body)).map(|lead| lead.id).collect()
}
