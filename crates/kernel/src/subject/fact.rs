//! What a subject keeps of an event. Who the event names stands beside it: the events of one subject mostly name the
//! same person in the same words, and those are kept once.

use crate::event::{Body, LeadRef};
use crate::text::Text;
use crate::time::Timestamp;
use alloc::boxed::Box;
use alloc::sync::Arc;
use serde::{Deserialize, Serialize};

/// An event as its subject keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// When it happened.
    pub at: Timestamp,
    /// The event's id: breaks ties.
    pub id: Text,
    /// Whom it names.
    pub who: Who<Arc<LeadRef>>,
    /// What happened.
    pub body: FactBody,
}

/// Whom an event names, in the order of [`Body::try_name`]: of a merge the lead that gives, then the one that takes; of a
/// deal its contacts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Who<P> {
    /// Nobody.
    Nobody,
    /// One person, as nearly all events do.
    One(P),
    /// Several.
    Many(Box<[P]>),
}

/// What a subject keeps of an event's content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FactBody {
    /// A page view, taken apart once.
    View(View),
    /// Any other event as it came, without the people it names.
    Event(Box<Body<()>>),
}

/// A page view taken apart: what sessions, channels and content need, and no more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// Normalised path.
    pub path: Text,
    /// Source, medium and campaign the view brought itself; `None` inside a site or without any.
    pub brought: Option<Arc<Brought>>,
    /// Host of the page before; `None` without a referrer.
    pub referrer_host: Option<Text>,
    /// Whether the browser is a known bot: counted, not journeyed.
    pub bot: bool,
}

/// Source, medium and campaign as found, before any rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Brought {
    pub source: Option<Text>,
    pub medium: Option<Text>,
    pub campaign: Option<Text>,
}

impl Fact {
    /// The event behind it; `None` for a page view.
    #[must_use]
    pub fn event(&self) -> Option<&Body<()>> {
        match &self.body {
            FactBody::Event(body) => Some(body),
            FactBody::View(_) => None,
        }
    }

    /// The people it names.
    #[must_use]
    pub fn people(&self) -> &[Arc<LeadRef>] {
        self.who.all()
    }

    /// The person it names; the first of several.
    #[must_use]
    pub fn person(&self) -> Option<&Arc<LeadRef>> {
        self.people().first()
    }

    /// Whether this one stays of two facts with one id.
    pub(super) fn precedes(&self, held: &Self) -> bool {
        let bytes = |fact: &Self| postcard::to_allocvec(&(&fact.body, &fact.who)).unwrap_or_default();
        (self.at, bytes(self)) < (held.at, bytes(held))
    }
}

impl<P> Who<P> {
    /// All of them.
    #[must_use]
    pub fn all(&self) -> &[P] {
        match self {
            Self::Nobody => &[],
            Self::One(one) => core::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

impl<P> FromIterator<P> for Who<P> {
    fn from_iter<I: IntoIterator<Item = P>>(people: I) -> Self {
        let mut people = people.into_iter();
        let Some(first) = people.next() else { return Self::Nobody };
        match people.next() {
            None => Self::One(first),
            Some(second) => Self::Many([first, second].into_iter().chain(people).collect()),
        }
    }
}

/// Facts as they are stored: first the people they name, each once, then the facts, which name them by their place.
pub(super) mod stored {
    use super::{Fact, FactBody, Who};
    use crate::event::LeadRef;
    use crate::subject::listed::{self, Listed};
    use crate::text::Text;
    use crate::time::Timestamp;
    use alloc::borrow::Cow;
    use alloc::sync::Arc;
    use alloc::vec::Vec;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    /// A fact that names people by their place.
    #[derive(Serialize, Deserialize)]
    struct Line<'f> {
        at: Timestamp,
        id: Text,
        who: Who<u32>,
        body: Cow<'f, FactBody>,
    }

    pub(in crate::subject) fn serialize<S: Serializer>(facts: &[Arc<Fact>], to: S) -> Result<S::Ok, S::Error> {
        let mut people = Listed::default();
        let mut lines = Vec::with_capacity(facts.len());
        for Fact { at, id, who, body } in facts.iter().map(|fact| &**fact) {
            let who = who.all().iter().map(|person| people.place(&**person)).collect();
            lines.push(Line { at: *at, id: id.clone(), who, body: Cow::Borrowed(body) });
        }
        (people.all(), lines).serialize(to)
    }

    pub(in crate::subject) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Arc<Fact>>, D::Error> {
        let (people, lines) = <(Vec<Arc<LeadRef>>, Vec<Line<'static>>)>::deserialize(from)?;
        let who = |who: &Who<u32>| who.all().iter().map(|place| listed::at(&people, *place)).collect::<Result<_, _>>();
        let fact = |Line { at, id, who: places, body }| {
            Ok(Arc::new(Fact { at, id, who: who(&places)?, body: body.into_owned() }))
        };
        lines.into_iter().map(fact).collect()
    }
}
