//! Merges: which lead a lead really is.
//!
//! Every lead has at most one merge that holds: the latest by (time, event id) that was not taken back. Leads so form
//! chains; a lead tells its followers the merges from itself on (a path, so that a loop is seen, as in path-vector
//! routing). In a loop the earliest merge does not hold: the last word wins.

use super::super::Projection;
use crate::event::{Body, EmailKind};
use crate::id::{Kind, LeadId, SubjectId};
use crate::subject::{Edge, Estate, Part, Subject, Tag};
use crate::text::Text;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// Merges in a row that are followed. A lead at the start of a longer chain stays a lead of its own: nothing is lost.
const CHAIN_MAX: usize = 64;

/// The lead that owns everything of `me`; tells the neighbours what they need for working out the same.
pub(super) fn resolve(me: LeadId, subject: &Subject, projection: &mut Projection) -> LeadId {
    let chain = chain(me, subject);
    if let Some(edge) = chain.first() {
        projection.say(SubjectId::lead(edge.into), Tag::Follow, &edge.into.text(), Part::Follow);
    }
    for (tag, from) in subject.inbox.keys() {
        if let (Tag::Follow, Some(follower)) = (tag, from.as_lead()) {
            projection.say(*from, Tag::Chain, &follower.text(), Part::Chain(chain.clone()));
        }
    }
    root(me, &chain)
}

/// Whether no merge of the lead, or into it, was ever heard of.
pub(super) fn is_plain(subject: &Subject) -> bool {
    let merges = |tag: &Tag| matches!(tag, Tag::Follow | Tag::Chain | Tag::Absorbed | Tag::Alias);
    let merged = |body: &Body<()>| matches!(body, Body::LeadMerged(_) | Body::LeadUnmerged(_));
    !subject.inbox.keys().any(|(tag, _)| merges(tag))
        && !subject.facts.iter().any(|fact| fact.event().is_some_and(merged))
}

/// The merge that holds for `me`.
fn own_edge(me: LeadId, subject: &Subject) -> Option<Edge> {
    let mut latest: BTreeMap<LeadId, (Edge, bool)> = BTreeMap::new();
    let mut say = |edge: Edge, merged: bool| {
        let newer = latest.get(&edge.into).is_none_or(|(known, _)| (known.at, &known.id) <= (edge.at, &edge.id));
        if newer {
            latest.insert(edge.into, (edge, merged));
        }
    };
    for fact in &subject.facts {
        let merged = match fact.event() {
            Some(Body::LeadMerged(_)) => true,
            Some(Body::LeadUnmerged(_)) => false,
            _ => continue,
        };
        if let [_, into] = fact.people() {
            say(Edge { at: fact.at, id: fact.id.clone(), from: me, into: into.id }, merged);
        }
    }
    for part in subject.inbox.values() {
        if let Part::Alias(edges) = &**part {
            edges.iter().for_each(|edge| say(edge.clone(), true));
        }
    }
    let holding = latest.into_values().filter(|(edge, merged)| *merged && edge.into != me);
    holding.map(|(edge, _)| edge).max_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)))
}

/// The merges from `me` on, up to the first lead that comes again (its merge included).
fn chain(me: LeadId, subject: &Subject) -> Vec<Edge> {
    let Some(own) = own_edge(me, subject) else { return Vec::new() };
    let told = subject.inbox.get(&(Tag::Chain, SubjectId::lead(own.into)));
    let mut seen = Vec::from([me]);
    let mut chain = Vec::from([own]);
    if let Some(Part::Chain(rest)) = told.map(|part| &**part) {
        for edge in rest {
            let Some(last) = chain.last().map(|last| last.into) else { break };
            if edge.from != last || seen.contains(&last) || chain.len() >= CHAIN_MAX {
                break;
            }
            seen.push(last);
            chain.push(edge.clone());
        }
    }
    chain
}

/// Where the chain ends; of a loop, the lead whose merge is the earliest, because that one does not hold.
fn root(me: LeadId, chain: &[Edge]) -> LeadId {
    let Some(last) = chain.last().filter(|_| chain.len() < CHAIN_MAX) else { return me };
    let Some(start) = chain.iter().position(|edge| edge.from == last.into) else { return last.into };
    let cycle = chain.get(start..).unwrap_or_default();
    let earliest = cycle.iter().min_by_key(|edge| (edge.at, &edge.id, edge.from));
    earliest.map_or(me, |edge| edge.from)
}

/// Gives everything to the root, and tells the visitors.
pub(super) fn hand_over(me: LeadId, root: LeadId, subject: &Subject, projection: &mut Projection) {
    let inherited = |tag: &Tag| matches!(tag, Tag::Visits | Tag::Role | Tag::Named | Tag::Want);
    let parts = subject.inbox.iter().filter(|((tag, _), _)| inherited(tag));
    let estate =
        Estate { facts: subject.facts.clone(), inbox: parts.map(|(key, part)| (*key, part.clone())).collect() };
    debug_assert!(me != root);
    projection.say(SubjectId::lead(root), Tag::Absorbed, &root.text(), Part::Absorbed(estate));
    for visitor in clicked(subject) {
        let to = SubjectId::named(Kind::Visitor, &subject.workspace, visitor);
        projection.say(to, Tag::Root, visitor, Part::Root(root));
    }
    for (tag, from) in subject.inbox.keys() {
        if *tag == Tag::Visits {
            let name = visitor_name(subject, *from);
            projection.say(*from, Tag::Root, &name, Part::Root(root));
        }
    }
}

/// The browsers that mail clicks tie to the lead.
fn clicked(subject: &Subject) -> impl Iterator<Item = &Text> {
    subject.facts.iter().filter_map(|fact| match fact.event() {
        Some(Body::EmailEngaged(mail)) if mail.kind == EmailKind::Clicked => mail.visitor_id.as_ref(),
        _ => None,
    })
}

/// A visitor that spoke to us exists already; its name is only a fallback for one that does not.
fn visitor_name(subject: &Subject, visitor: SubjectId) -> Text {
    let named = match subject.inbox.get(&(Tag::Visits, visitor)).map(|part| &**part) {
        Some(Part::Visits(visits)) => visits.interactions.iter().find_map(|i| i.session.as_ref().map(|(name, _)| name)),
        _ => None,
    };
    named.cloned().unwrap_or_else(|| visitor.hash_text())
}
