//! A subject's state: the facts it owns and the statements other subjects made to it. Nothing else is kept:
//! what is shown is always projected from these two, so the order of arrival cannot matter.

mod fact;
mod interaction;
mod listed;

use crate::event::{DealType, LeadRef};
use crate::id::{LeadId, SubjectId};
use crate::money::{Currency, Rate};
use crate::row::Outcome;
use crate::text::Text;
use crate::time::{Day, Timestamp};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
pub use fact::{Brought, Fact, FactBody, View, Who};
pub use interaction::{FormFill, Interaction};
use serde::{Deserialize, Serialize};

/// The state of a subject.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Subject {
    /// The workspace it belongs to.
    pub workspace: Text,
    /// Its natural name: visitor id, account name, deal id …; hexadecimal for a lead.
    pub name: Text,
    /// Its facts, sorted by (time, event id), one an event id.
    #[serde(with = "fact::stored")]
    pub facts: Vec<Arc<Fact>>,
    /// The latest statement of each subject under each tag, shared with whoever makes or passes it on.
    pub inbox: BTreeMap<(Tag, SubjectId), Arc<Part>>,
}

/// What a statement is about. Part of stored keys: never reuse or reorder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Tag {
    /// Visitor to lead: its touches.
    Visits,
    /// Lead to visitor: mail clicks that tie the browser to the lead.
    Links,
    /// Lead to visitor: the lead that owns its touches after merges.
    Root,
    /// Deal to lead: its role on the deal.
    Role,
    /// Lead to deal: the account it belongs to by itself.
    Home,
    /// Deal to account: the deal as it stands.
    Deal,
    /// Lead to account: membership, and its touches when wanted.
    Member,
    /// Account to lead: touches are wanted up to these moments.
    Want,
    /// Lead to the lead it was merged into: keep me told where you lead to.
    Follow,
    /// Lead to its followers: the merges from here on.
    Chain,
    /// Lead to the root of its merges: everything it owns.
    Absorbed,
    /// Anyone to the lead of a contact id: you are the lead of this address.
    Alias,
    /// Deal to rates: the day it needs.
    NeedRate,
    /// Rates to deal: the rate.
    Rate,
    /// Deal to lead: when its lists of contacts named it, whether it is on the deal still or not.
    Named,
}

/// A statement: absolute, replaces the one before under the same tag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Part {
    Visits(Visits),
    /// When the browser was tied to the lead, by which events.
    Links(Vec<(Timestamp, Text)>),
    Root(LeadId),
    Role(Role),
    Home {
        account: Text,
        leads: BTreeSet<LeadId>,
    },
    Deal(DealState),
    Member(Member),
    Want(BTreeSet<Timestamp>),
    Follow,
    Chain(Vec<Edge>),
    Absorbed(Estate),
    /// The latest word on each lead that the contact's lead is.
    Alias(Vec<Edge>),
    NeedRate(RateNeed),
    Rate {
        day: Day,
        rate: Rate,
    },
    Named(Vec<Mention>),
}

/// What a visitor gives a lead.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Visits {
    /// Sessions and forms.
    #[serde(with = "interaction::stored")]
    pub interactions: Vec<Arc<Interaction>>,
    /// Page views that named the lead: they create it.
    pub identified: Vec<Mention>,
}

/// An event that names a lead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Mention {
    pub at: Timestamp,
    pub id: Text,
    pub lead: Arc<LeadRef>,
}

/// A lead's role on a deal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Role {
    pub deal: Text,
    pub role: Option<Text>,
    /// When the deal's list of contacts was last written, and by which event.
    pub at: Timestamp,
    pub id: Text,
    /// The deal's account, once it is known.
    pub account: Option<Text>,
    /// Whether the CRM named that account; otherwise the deal asks its people for theirs.
    pub by_crm: bool,
    pub opened_at: Option<Timestamp>,
    pub won_at: Option<Timestamp>,
}

/// A deal as its account needs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct DealState {
    pub deal: Text,
    pub contacts: Vec<(LeadId, Option<Text>)>,
    pub outcome: Outcome,
    pub amount_minor: i64,
    pub currency: Currency,
    pub reporting_minor: Option<i64>,
    pub opened_at: Timestamp,
    pub won_at: Option<Timestamp>,
    /// When it entered first the stages that some model weighs, by their number.
    pub stages: Vec<(u32, Timestamp)>,
    pub deal_type: DealType,
    pub owner: Option<Text>,
}

/// A lead as an account needs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Member {
    /// The lead and every lead merged into it.
    pub leads: BTreeSet<LeadId>,
    /// Whether it belongs to the account; otherwise it only has a role on one of its deals.
    pub belongs: bool,
    pub created_at: Option<Timestamp>,
    /// When it entered first the stages that some model weighs, by their number.
    pub stages: Vec<(u32, Timestamp)>,
    pub persona: Text,
    /// The touches that the account's journeys can have.
    #[serde(with = "interaction::stored")]
    pub touches: Vec<Arc<Interaction>>,
    /// Their repeats, where some model counts them.
    #[serde(with = "interaction::stored")]
    pub repeats: Vec<Arc<Interaction>>,
}

/// A merge: `from` is `into` since `at`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Edge {
    pub at: Timestamp,
    pub id: Text,
    pub from: LeadId,
    pub into: LeadId,
}

/// Everything a merged lead hands to its root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Estate {
    #[serde(with = "fact::stored")]
    pub facts: Vec<Arc<Fact>>,
    pub inbox: Vec<((Tag, SubjectId), Arc<Part>)>,
}

/// What rate a deal needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum RateNeed {
    /// The rate of a day: of the close of a won deal.
    On(Day),
    /// The latest: open pipeline.
    Latest,
}

impl Subject {
    /// A subject nothing is known of yet.
    #[must_use]
    pub fn new(workspace: Text, name: Text) -> Self {
        Self { workspace, name, facts: Vec::new(), inbox: BTreeMap::new() }
    }

    /// Whether there is nothing to keep.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.facts.is_empty() && self.inbox.is_empty()
    }

    /// Replaces, or takes back, what another subject said.
    pub(crate) fn hear(&mut self, key: (Tag, SubjectId), part: Option<Arc<Part>>) {
        match part {
            Some(part) => {
                self.inbox.insert(key, part);
            }
            None => {
                self.inbox.remove(&key);
            }
        }
    }

    /// Takes facts in, one an event id, and tells of each whether it was new, with the label it came with.
    ///
    /// A repeated id is the producer repeating itself. Should the repetitions differ, the least by (time, content)
    /// stays, whichever came first: the set of events decides, not their order.
    pub(crate) fn learn<L>(&mut self, coming: &mut Vec<(Arc<Fact>, L)>, mut tell: impl FnMut(L, bool)) {
        // What comes is little, what is held may be much: that one is walked once, whatever its size.
        coming.sort_by(|(a, _), (b, _)| by_tail(&a.id).cmp(&by_tail(&b.id)));
        let ids: Vec<(u64, &str)> = coming.iter().map(|(fact, _)| by_tail(&fact.id)).collect();
        let mut held: Vec<Option<usize>> = vec![None; coming.len()];
        for (index, known) in self.facts.iter().enumerate() {
            let id = by_tail(&known.id);
            let first = ids.partition_point(|coming| *coming < id);
            if let Some(slot) = held.get_mut(first).filter(|_| ids.get(first) == Some(&id)) {
                *slot = Some(index);
            }
        }
        let mut latest = None;
        for ((fact, label), held) in coming.drain(..).zip(held) {
            let same = |index: &usize| self.facts.get(*index).is_some_and(|known| known.id == fact.id);
            let repeated = held.or_else(|| latest.filter(same));
            tell(label, repeated.is_none());
            latest = repeated.or(Some(self.facts.len()));
            match repeated.and_then(|index| self.facts.get_mut(index)) {
                Some(known) if fact.precedes(known) => *known = fact,
                Some(_) => {}
                None => self.facts.push(fact),
            }
        }
        self.facts.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
    }

    /// The bytes the store keeps.
    ///
    /// # Errors
    /// Never in practice: every field has an encoding.
    pub fn encode(&self) -> Result<Vec<u8>, postcard::Error> {
        self.encode_into(Vec::new())
    }

    /// The same, behind what is in `bytes`.
    pub(crate) fn encode_into(&self, bytes: Vec<u8>) -> Result<Vec<u8>, postcard::Error> {
        postcard::to_extend(self, bytes)
    }

    /// The subject behind stored bytes.
    ///
    /// # Errors
    /// When the bytes are not those of a subject.
    pub fn decode(bytes: &[u8]) -> Result<Self, postcard::Error> {
        postcard::from_bytes(bytes)
    }
}

/// An id behind its end as a number: most ids differ there, and numbers are compared faster than texts.
fn by_tail(id: &str) -> (u64, &str) {
    let short = || id.bytes().fold(0, |number, byte| number << 8 | u64::from(byte));
    (id.as_bytes().last_chunk().map_or_else(short, |end| u64::from_be_bytes(*end)), id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Body, EmailEngaged, EmailKind, LeadMerge};
    use crate::id::Kind;
    use crate::row::{Content, Origin, TouchKind};
    use alloc::boxed::Box;
    use alloc::format;

    const ENVELOPE: [u8; 8] = *b"envelope";

    fn person(id: u8) -> Arc<LeadRef> {
        let (id, domain) = (LeadId([id; 16]), Some("acme.test".into()));
        Arc::new(LeadRef { id, alias: None, domain, sealed: Some(ENVELOPE.to_vec()) })
    }

    fn fact(at: i64, who: Who<Arc<LeadRef>>, body: Body<()>) -> Arc<Fact> {
        Arc::new(Fact { at: Timestamp(at), id: format!("e{at}").into(), who, body: FactBody::Event(Box::new(body)) })
    }

    fn mail(at: i64) -> Arc<Fact> {
        let (campaign, content_id, link_url, visitor_id) = ("spring".into(), None, None, None);
        let kind = EmailKind::Opened;
        let mail = EmailEngaged { lead: (), kind, campaign, content_id, link_url, visitor_id };
        fact(at, Who::One(person(1)), Body::EmailEngaged(mail))
    }

    fn visit(at: i64, source: &str, browser: Option<&str>) -> Arc<Interaction> {
        let text = |text: &str| Text::from(text);
        let channel = text("direct");
        let origin = Origin {
            channel: channel.clone(),
            subchannel: channel.clone(),
            source: text(source),
            medium: channel.clone(),
            campaign: channel.clone(),
        };
        Arc::new(Interaction {
            at: Timestamp(at),
            id: format!("i{at}").into(),
            kind: TouchKind::Visit,
            origin: Arc::new(origin),
            page: Arc::new(Content { content: text("/"), content_group: channel.clone(), buyer_stage: channel }),
            session: browser.map(|browser| (text(browser), Timestamp(at))),
            form: None,
        })
    }

    /// How often `what` stands in bytes.
    fn times(bytes: &[u8], what: &[u8]) -> usize {
        bytes.windows(what.len()).filter(|window| *window == what).count()
    }

    #[test]
    fn what_events_repeat_is_stored_once_and_read_as_it_was() {
        let merge = Body::LeadMerged(LeadMerge { from: (), into: () });
        let interactions = vec![visit(1, "news", Some("b-1")), visit(2, "news", None), visit(3, "mail", Some("b-1"))];
        let visits = Part::Visits(Visits { interactions, identified: Vec::new() });
        let subject = Subject {
            facts: vec![mail(1), mail(2), fact(3, [person(1), person(2)].into_iter().collect(), merge), mail(4)],
            inbox: BTreeMap::from([((Tag::Visits, SubjectId::named(Kind::Visitor, "w", "b-1")), Arc::new(visits))]),
            ..Subject::new("w".into(), "lead".into())
        };
        let bytes = subject.encode().unwrap();
        assert_eq!(times(&bytes, &ENVELOPE), 2);
        assert_eq!((times(&bytes, b"news"), times(&bytes, b"mail"), times(&bytes, b"b-1")), (1, 1, 1));
        let read = Subject::decode(&bytes).unwrap();
        assert_eq!(read, subject);
        let [first, second, ..] = read.facts.as_slice() else { panic!("{read:?}") };
        assert!(Arc::ptr_eq(first.person().unwrap(), second.person().unwrap()));
    }

    #[test]
    fn ids_that_end_alike_are_not_the_same() {
        let named = |id: &str| Arc::new(Fact { id: id.into(), ..Fact::clone(&mail(1)) });
        let ids = ["b-00000001", "a-00000001", "00000001", "a", "\0a", "\0\0\0\0\0\0\0a"];
        let mut subject = Subject::new("w".into(), "lead".into());
        let mut learn = |ids: &[&'static str]| {
            let mut new = Vec::new();
            subject.learn(&mut ids.iter().map(|id| (named(id), *id)).collect(), |id, is_new| {
                new.extend(is_new.then_some(id));
            });
            new.sort_unstable();
            new
        };
        assert_eq!(learn(&ids[..1]), ids[..1]);
        let mut others = ids[1..].to_vec();
        others.sort_unstable();
        assert_eq!(learn(&[&ids, &ids[..]].concat()), others);
        assert_eq!(learn(&ids), [] as [&str; 0]);
    }

    #[test]
    fn a_place_that_is_not_listed_is_no_subject() {
        let subject = Subject { facts: vec![mail(1)], ..Subject::new("w".into(), "lead".into()) };
        let mut bytes = subject.encode().unwrap();
        // Behind the id of the only fact: one person, at place 0.
        let place = bytes.windows(4).position(|window| window == [b'e', b'1', 1, 0]).unwrap() + 3;
        bytes[place] = 1;
        assert!(Subject::decode(&bytes).is_err());
    }
}
