//! What a subject's state amounts to: the rows it shows and the statements it makes to others.
//!
//! [`project`] is a pure function of rules and state. A settle compares two projections; nothing is ever counted up.

mod account;
mod deal;
mod lead;
mod money;
mod shown;
mod visitor;

use crate::classify::Classifier;
use crate::event::LeadRef;
use crate::id::{Kind, LeadId, SubjectId};
use crate::journey::Recipe;
use crate::row;
use crate::subject::{Edge, Fact, Part, Subject, Tag};
use crate::text::Text;
use crate::time::Timestamp;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
pub(crate) use shown::{Seen, Teller, Told, Touched};

/// The rows a subject shows, each table sorted by key, and what it tells others.
#[derive(Clone, Debug, Default)]
pub(crate) struct Projection {
    pub(crate) web_events: Vec<Seen>,
    pub(crate) touches: Vec<Touched>,
    pub(crate) leads: Vec<row::Lead>,
    pub(crate) lead_events: Vec<Told>,
    pub(crate) stage_entries: Vec<row::StageEntry>,
    pub(crate) handoffs: Vec<row::Handoff>,
    pub(crate) deals: Vec<row::Deal>,
    pub(crate) deal_history: Vec<row::DealChange>,
    pub(crate) conversions: Vec<Recipe>,
    pub(crate) ad_spend: Vec<row::AdSpend>,
    pub(crate) exchange_rates: Vec<row::ExchangeRate>,
    /// Statements by receiver.
    pub(crate) said: BTreeMap<(SubjectId, Tag), Statement>,
}

/// A statement and the natural name of the subject it is made to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Statement {
    /// The receiver's natural name.
    pub(crate) name: Text,
    /// What is said.
    pub(crate) part: Arc<Part>,
}

impl Projection {
    fn say(&mut self, to: SubjectId, tag: Tag, name: &Text, part: Part) {
        self.said.insert((to, tag), Statement { name: name.clone(), part: Arc::new(part) });
    }
}

/// An event that names an address and a contact id makes the contact's lead the address's: of each such pair the latest
/// word is told. `named` are the events' times, ids and people.
fn tell_aliases(mut named: Vec<(Timestamp, &Text, &LeadRef)>, projection: &mut Projection) {
    named.retain(|(_, _, lead)| lead.alias.is_some());
    named.sort_unstable();
    let mut told: BTreeMap<LeadId, BTreeMap<LeadId, Edge>> = BTreeMap::new();
    for (at, id, lead) in named {
        if let Some(alias) = lead.alias {
            told.entry(alias).or_default().insert(lead.id, Edge { at, id: id.clone(), from: alias, into: lead.id });
        }
    }
    for (alias, edges) in told {
        let edges = edges.into_values().collect();
        projection.say(SubjectId::lead(alias), Tag::Alias, &alias.text(), Part::Alias(edges));
    }
}

/// How many facts of a subject stay as they are with these `news` (`None`: a statement), and all that hangs on them, too.
/// Most of what comes are the latest views of a browser and mails that somebody was sent: then nobody has to look at the
/// history twice.
pub(crate) fn untouched<'f, N>(id: SubjectId, held: &Subject, news: N) -> usize
where
    N: Iterator<Item = Option<&'f Fact>> + Clone,
{
    let goes_on = match id.kind {
        Kind::Visitor => visitor::only_goes_on(held, news),
        Kind::Lead => lead::only_goes_on(held, news),
        _ => false,
    };
    if goes_on { held.facts.len() } else { 0 }
}

/// What the subject `id` shows and says with this state, but for what hangs on its first `untouched` facts alone.
pub(crate) fn project(rules: &Classifier<'_>, id: SubjectId, subject: &Subject, untouched: usize) -> Projection {
    match id.kind {
        Kind::Visitor => visitor::project(rules, id, subject, untouched),
        Kind::Lead => lead::project(rules, id, subject, untouched),
        Kind::Account => account::project(rules, subject),
        Kind::Deal => deal::project(rules, id, subject),
        Kind::Rates => money::project_rates(subject),
        Kind::Spend => money::project_spend(rules, subject),
    }
}
