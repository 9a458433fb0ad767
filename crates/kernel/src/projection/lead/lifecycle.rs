//! Where a lead stood, when, and why: the walk through the stages.
//!
//! Signals are walked in order of (time, rank, event id). A forward signal enters its stage and every funnel stage that
//! was skipped on the way (at the same time, marked inferred). Sales sends back with `recycled` (a rejection, too: the
//! lead is marketing's again, behaviour starts from zero) or `disqualified`; after either the funnel starts anew.
//! A stage at or before the present one is not entered again: the CRM repeats itself.

use super::score::{Behaviour, fit_centi};
use super::{Person, Profile};
use crate::classify::Classifier;
use crate::event::{Body, Stage, Verdict};
use crate::subject::Interaction;
use crate::text::Text;
use crate::time::Timestamp;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// A lead's way so far.
pub(super) struct Lifecycle {
    pub(super) entries: Vec<Entered>,
    pub(super) handoffs: Vec<HandedOff>,
    pub(super) stage: Stage,
    pub(super) fit_centi: i64,
    /// Behaviour at the latest signal.
    pub(super) behaviour_centi: i64,
}

/// An entry into a stage.
pub(super) struct Entered {
    pub(super) at: Timestamp,
    pub(super) stage: Stage,
    pub(super) from: Stage,
    pub(super) reason: Text,
    pub(super) inferred: bool,
    pub(super) previous_ms: i64,
    /// Fit and behaviour on entering.
    pub(super) score_centi: i64,
}

/// A marketing-qualified lead in the hands of sales.
pub(super) struct HandedOff {
    pub(super) mql_at: Timestamp,
    pub(super) first_activity_at: Option<Timestamp>,
    pub(super) verdict: Option<Reviewed>,
    pub(super) rep: Option<Text>,
}

/// The first verdict after a hand-off.
#[derive(Clone)]
pub(super) struct Reviewed {
    pub(super) at: Timestamp,
    pub(super) verdict: Verdict,
    pub(super) reason: Option<Text>,
    pub(super) rep: Option<Text>,
}

/// What may move a lead.
enum Signal {
    Created,
    Behaved(i64),
    Crm(Stage),
    Verdict(Verdict, Option<Text>),
    Opened,
    Won,
}

impl Signal {
    /// What comes first within one instant: first a lead exists, then it behaves, then the CRM and sales speak, then
    /// deals. Among equals the event id decides.
    fn rank(&self) -> u8 {
        match self {
            Self::Created => 0,
            Self::Behaved(_) => 1,
            Self::Crm(_) => 2,
            Self::Verdict(..) => 3,
            Self::Opened => 4,
            Self::Won => 5,
        }
    }
}

/// The funnel in order.
const FUNNEL: [Stage; 6] = [Stage::Lead, Stage::Mql, Stage::Sal, Stage::Sql, Stage::Opportunity, Stage::Customer];

pub(super) fn follow(
    rules: &Classifier<'_>,
    person: &Person<'_>,
    created_at: Timestamp,
    touches: &[Arc<Interaction>],
    profile: &Profile<'_>,
) -> Lifecycle {
    let has_domain = profile.contact.domain.is_some();
    let mut walk = Walk {
        life: Lifecycle {
            entries: Vec::new(),
            handoffs: Vec::new(),
            stage: Stage::Visitor,
            fit_centi: fit_centi(rules, profile.persona.as_ref(), has_domain),
            behaviour_centi: 0,
        },
        since: created_at,
        threshold_centi: i64::from(rules.scoring.mql_threshold) * 100,
        behaviour: Behaviour::new(rules),
    };
    let signals = signals(rules, person, created_at, touches);
    for (at, signal, _) in &signals {
        walk.take(*at, signal);
    }
    if let Some((at, _, _)) = signals.last() {
        walk.life.behaviour_centi = walk.behaviour.at(*at);
    }
    walk.life.handoffs = handoffs(person, &walk.life.entries);
    walk.life
}

/// Everything that may move the lead, in order.
fn signals(
    rules: &Classifier<'_>,
    person: &Person<'_>,
    created_at: Timestamp,
    touches: &[Arc<Interaction>],
) -> Vec<(Timestamp, Signal, Text)> {
    let mut signals = Vec::from([(created_at, Signal::Created, Text::default())]);
    for touch in touches {
        let points = rules.points_centi(touch.kind, &touch.page);
        signals.push((touch.at, Signal::Behaved(points), touch.id.clone()));
    }
    for fact in &person.facts {
        let signal = match fact.event() {
            Some(Body::LeadUpdated(update)) => update.stage.map(Signal::Crm),
            Some(Body::LeadReviewed(review)) => Some(Signal::Verdict(review.verdict, review.reason.clone())),
            _ => None,
        };
        signals.extend(signal.map(|signal| (fact.at, signal, fact.id.clone())));
    }
    for role in person.roles.values() {
        // A deal older than the lead is part of its history from the start.
        let since = |at: Timestamp| at.max(created_at);
        signals.extend(role.opened_at.map(|at| (since(at), Signal::Opened, role.deal.clone())));
        signals.extend(role.won_at.map(|at| (since(at), Signal::Won, role.deal.clone())));
    }
    signals.sort_by(|a, b| (a.0, a.1.rank(), &a.2).cmp(&(b.0, b.1.rank(), &b.2)));
    signals
}

struct Walk {
    life: Lifecycle,
    since: Timestamp,
    threshold_centi: i64,
    behaviour: Behaviour,
}

impl Walk {
    fn take(&mut self, at: Timestamp, signal: &Signal) {
        match signal {
            Signal::Created => {
                self.behaviour.add(at, 0);
                self.forward(at, Stage::Lead, "created");
                self.qualify(at);
            }
            Signal::Behaved(points) => {
                self.behaviour.add(at, *points);
                self.qualify(at);
            }
            Signal::Crm(Stage::Recycled) => self.back(at, Stage::Recycled, "crm"),
            Signal::Crm(Stage::Disqualified) => self.back(at, Stage::Disqualified, "crm"),
            Signal::Crm(stage) => self.forward(at, *stage, "crm"),
            Signal::Verdict(Verdict::Accepted, reason) => self.forward(at, Stage::Sal, said(reason)),
            Signal::Verdict(Verdict::Qualified, reason) => self.forward(at, Stage::Sql, said(reason)),
            Signal::Verdict(Verdict::Rejected | Verdict::Recycled, reason) => {
                self.back(at, Stage::Recycled, said(reason));
            }
            Signal::Verdict(Verdict::Disqualified, reason) => self.back(at, Stage::Disqualified, said(reason)),
            Signal::Opened => self.forward(at, Stage::Opportunity, "deal_opened"),
            Signal::Won => self.forward(at, Stage::Customer, "deal_won"),
        }
    }

    /// A lead, fresh or recycled, whose score reaches the threshold is marketing qualified.
    fn qualify(&mut self, at: Timestamp) {
        let waiting = matches!(self.life.stage, Stage::Lead | Stage::Recycled);
        if waiting && self.life.fit_centi + self.behaviour.at(at) >= self.threshold_centi {
            self.forward(at, Stage::Mql, "score");
        }
    }

    fn forward(&mut self, at: Timestamp, to: Stage, reason: &str) {
        let Some(target) = FUNNEL.iter().position(|stage| *stage == to) else { return };
        let next = match self.life.stage {
            Stage::Visitor => 0,
            // The lead is known; the funnel starts anew behind it.
            Stage::Recycled | Stage::Disqualified => 1,
            present => FUNNEL.iter().position(|stage| *stage == present).map_or(0, |index| index + 1),
        };
        for stage in FUNNEL.iter().take(target + 1).skip(next) {
            self.enter(at, *stage, reason, *stage != to);
        }
    }

    fn back(&mut self, at: Timestamp, to: Stage, reason: &str) {
        if self.life.stage == Stage::Visitor {
            self.forward(at, Stage::Lead, reason);
        }
        if self.life.stage != to {
            self.enter(at, to, reason, false);
        }
        if to == Stage::Recycled {
            self.behaviour.reset();
        }
    }

    fn enter(&mut self, at: Timestamp, stage: Stage, reason: &str, inferred: bool) {
        let from = self.life.stage;
        let previous_ms = if from == Stage::Visitor { 0 } else { at.since(self.since).max(0) };
        self.life.stage = stage;
        self.since = at;
        // To and fro within one instant is one entry.
        let mut now = self.life.entries.iter().rev().take_while(|entry| entry.at == at);
        if now.any(|entry| entry.stage == stage) {
            return;
        }
        let score_centi = self.life.fit_centi + self.behaviour.at(at);
        let reason = Text::from(reason);
        self.life.entries.push(Entered { at, stage, from, reason, inferred, previous_ms, score_centi });
    }
}

fn said(reason: &Option<Text>) -> &str {
    reason.as_deref().unwrap_or("verdict")
}

/// One clock an MQL entry: it stops at the first activity and the first verdict before the next MQL entry.
fn handoffs(person: &Person<'_>, entries: &[Entered]) -> Vec<HandedOff> {
    let starts: Vec<Timestamp> = entries.iter().filter(|e| e.stage == Stage::Mql).map(|e| e.at).collect();
    let ends = starts.iter().skip(1).copied().chain([Timestamp(i64::MAX)]);
    starts.iter().zip(ends).map(|(start, end)| handoff(person, *start, end)).collect()
}

fn handoff(person: &Person<'_>, mql_at: Timestamp, end: Timestamp) -> HandedOff {
    let mut handoff = HandedOff { mql_at, first_activity_at: None, verdict: None, rep: None };
    let before = |at: Timestamp| person.facts.partition_point(|fact| fact.at < at);
    for fact in person.facts.get(before(mql_at)..before(end)).unwrap_or_default() {
        match fact.event() {
            Some(Body::SalesActivity(activity)) if handoff.first_activity_at.is_none() => {
                handoff.first_activity_at = Some(fact.at);
                handoff.rep.clone_from(&activity.rep);
            }
            Some(Body::LeadReviewed(review)) if handoff.verdict.is_none() => {
                handoff.verdict = Some(Reviewed {
                    at: fact.at,
                    verdict: review.verdict,
                    reason: review.reason.clone(),
                    rep: review.rep.clone(),
                });
            }
            _ => {}
        }
    }
    handoff
}
