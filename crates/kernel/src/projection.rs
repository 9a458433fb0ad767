//! What a subject's state amounts to: the rows it shows and the statements it makes to others.
//!
//! [`project`] is a pure function of rules and state. A settle compares two projections; nothing is ever counted up.

mod account;
mod deal;
mod lead;
mod money;
mod visitor;

use crate::id::{Kind, SubjectId};
use crate::journey::Recipe;
use crate::row;
use crate::rules::Rules;
use crate::subject::{Part, Subject, Tag};
use crate::text::Text;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// The rows a subject shows, each table sorted by key, and what it tells others.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)]
pub struct Projection {
    pub web_events: Vec<row::WebEvent>,
    pub touches: Vec<row::Touch>,
    pub leads: Vec<row::Lead>,
    pub lead_events: Vec<row::LeadEvent>,
    pub stage_entries: Vec<row::StageEntry>,
    pub handoffs: Vec<row::Handoff>,
    pub deals: Vec<row::Deal>,
    pub deal_history: Vec<row::DealChange>,
    pub conversions: Vec<Recipe>,
    pub ad_spend: Vec<row::AdSpend>,
    pub exchange_rates: Vec<row::ExchangeRate>,
    /// Statements by receiver.
    pub said: BTreeMap<(SubjectId, Tag), Statement>,
}

/// A statement and the natural name of the subject it is made to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The receiver's natural name.
    pub name: Text,
    /// What is said.
    pub part: Arc<Part>,
}

impl Projection {
    fn say(&mut self, to: SubjectId, tag: Tag, name: &Text, part: Part) {
        self.said.insert((to, tag), Statement { name: name.clone(), part: Arc::new(part) });
    }
}

/// What the subject `id` shows and says with this state.
#[must_use]
pub fn project(rules: &Rules, id: SubjectId, subject: &Subject) -> Projection {
    match id.kind {
        Kind::Visitor => visitor::project(rules, subject),
        Kind::Lead => lead::project(rules, id, subject),
        Kind::Account => account::project(rules, subject),
        Kind::Deal => deal::project(rules, id, subject),
        Kind::Rates => money::project_rates(subject),
        Kind::Spend => money::project_spend(rules, subject),
    }
}
