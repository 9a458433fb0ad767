//! Where a lead stood, when, and why: the walk through the stages.
//!
//! Signals are walked in order of (time, rank, event id). A forward signal enters its stage and every funnel stage that
//! was skipped on the way (at the same time, marked inferred). Sales sends back with `recycled` (a rejection, too: the
//! lead is marketing's again, behaviour starts from zero) or `disqualified`; after either the funnel starts anew.
//! A stage at or before the present one is not entered again: the CRM repeats itself.
//!
//! A hand-off runs from an entry into MQL to the next one. What sales made of it is the first verdict in that time, or
//! what a CRM that keeps its own stages, or a deal, says instead.

use super::score::{Behaviour, Fit};
use super::{Person, Profile};
use crate::classify::Classifier;
use crate::event::{Body, LeadReviewed, Stage, Verdict};
use crate::journey::Stages;
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
    /// Fit by all that is known.
    pub(super) fit_centi: i64,
    /// Behaviour at the latest signal.
    pub(super) behaviour_centi: i64,
}

impl Lifecycle {
    /// When the lead entered first the stages that some model weighs.
    pub(super) fn stages(&self, rules: &Classifier<'_>) -> Stages {
        let entered = |stage| self.entries.iter().filter(|entry| entry.stage == stage).map(|entry| entry.at).min();
        rules.models.lead_stages().filter_map(|(number, stage)| Some((number, entered(stage)?))).collect()
    }
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
    /// The signal that made it, as a place in their order.
    turn: usize,
}

/// A marketing-qualified lead in the hands of sales.
pub(super) struct HandedOff {
    pub(super) mql_at: Timestamp,
    pub(super) first_activity_at: Option<Timestamp>,
    pub(super) verdict: Option<Reviewed>,
    pub(super) rep: Option<Text>,
}

/// What sales made of a hand-off.
#[derive(Clone)]
pub(super) struct Reviewed {
    pub(super) at: Timestamp,
    pub(super) verdict: Verdict,
    pub(super) reason: Option<Text>,
    pub(super) rep: Option<Text>,
}

/// What may move a lead.
enum Signal<'a> {
    Created,
    Fitted,
    Behaved(i64),
    Crm(Stage),
    /// With the reason, which an erased lead has none of any more.
    Verdict(&'a LeadReviewed<()>, Option<&'a Text>),
    Opened,
    Won,
}

impl Signal<'_> {
    /// What comes first within one instant: first a lead exists, then it is known better, then it behaves, then the CRM
    /// and sales speak, then deals. Among equals the event id decides.
    fn rank(&self) -> u8 {
        match self {
            Self::Created => 0,
            Self::Fitted => 1,
            Self::Behaved(_) => 2,
            Self::Crm(_) => 3,
            Self::Verdict(..) => 4,
            Self::Opened => 5,
            Self::Won => 6,
        }
    }

    /// What sales made of a lead in its hands, if this tells.
    fn answer(&self, at: Timestamp) -> Option<Reviewed> {
        let (verdict, by) = match self {
            Self::Verdict(LeadReviewed { verdict, rep, .. }, reason) => {
                return Some(Reviewed { at, verdict: *verdict, reason: reason.cloned(), rep: rep.clone() });
            }
            Self::Crm(stage) => (settled(*stage)?, "crm"),
            Self::Opened | Self::Won => (Verdict::Qualified, "deal"),
            Self::Created | Self::Fitted | Self::Behaved(_) => return None,
        };
        Some(Reviewed { at, verdict, reason: Some(Text::from(by)), rep: None })
    }
}

/// The verdict behind a stage that a CRM keeps; none while the lead is still marketing's.
fn settled(stage: Stage) -> Option<Verdict> {
    match stage {
        Stage::Visitor | Stage::Lead | Stage::Mql => None,
        Stage::Sal => Some(Verdict::Accepted),
        Stage::Sql | Stage::Opportunity | Stage::Customer => Some(Verdict::Qualified),
        Stage::Recycled => Some(Verdict::Recycled),
        Stage::Disqualified => Some(Verdict::Disqualified),
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
    let fit = Fit::of(rules, profile);
    let signals = signals(rules, person, created_at, touches, &fit);
    let mut walk = Walk {
        life: Lifecycle {
            entries: Vec::new(),
            handoffs: Vec::new(),
            stage: Stage::Visitor,
            fit_centi: fit.at(Timestamp(i64::MAX)),
            behaviour_centi: 0,
        },
        since: created_at,
        turn: 0,
        threshold_centi: i64::from(rules.scoring.mql_threshold) * 100,
        behaviour: Behaviour::new(rules),
        fit,
    };
    for (turn, (at, signal, _)) in signals.iter().enumerate() {
        walk.turn = turn;
        walk.take(*at, signal);
    }
    if let Some((at, _, _)) = signals.last() {
        walk.life.behaviour_centi = walk.behaviour.at(*at);
    }
    walk.life.handoffs = handoffs(person, &walk.life.entries, &signals);
    walk.life
}

/// Everything that may move the lead, in order.
fn signals<'a>(
    rules: &Classifier<'_>,
    person: &Person<'a>,
    created_at: Timestamp,
    touches: &[Arc<Interaction>],
    fit: &Fit,
) -> Vec<(Timestamp, Signal<'a>, Text)> {
    let mut signals = Vec::from([(created_at, Signal::Created, Text::default())]);
    // What was known before counts from the start.
    let rises = fit.rises().filter(|at| *at > created_at);
    signals.extend(rises.map(|at| (at, Signal::Fitted, Text::default())));
    for touch in touches {
        let points = rules.points_centi(touch.kind, &touch.page);
        signals.push((touch.at, Signal::Behaved(points), touch.id.clone()));
    }
    for fact in &person.facts {
        let signal = match fact.event() {
            Some(Body::LeadUpdated(update)) => update.stage.map(Signal::Crm),
            Some(Body::LeadReviewed(review)) => {
                Some(Signal::Verdict(review, review.reason.as_ref().filter(|_| !person.erased)))
            }
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
    turn: usize,
    threshold_centi: i64,
    behaviour: Behaviour,
    fit: Fit,
}

impl Walk {
    fn take(&mut self, at: Timestamp, signal: &Signal<'_>) {
        match signal {
            Signal::Created => {
                self.behaviour.add(at, 0);
                self.forward(at, Stage::Lead, "created");
                self.qualify(at);
            }
            Signal::Fitted => self.qualify(at),
            Signal::Behaved(points) => {
                self.behaviour.add(at, *points);
                self.qualify(at);
            }
            Signal::Crm(Stage::Recycled) => self.back(at, Stage::Recycled, "crm"),
            Signal::Crm(Stage::Disqualified) => self.back(at, Stage::Disqualified, "crm"),
            Signal::Crm(stage) => self.forward(at, *stage, "crm"),
            Signal::Verdict(review, reason) => {
                self.judge(at, review.verdict, reason.map_or("verdict", |reason| reason));
            }
            Signal::Opened => self.forward(at, Stage::Opportunity, "deal_opened"),
            Signal::Won => self.forward(at, Stage::Customer, "deal_won"),
        }
    }

    fn judge(&mut self, at: Timestamp, verdict: Verdict, reason: &str) {
        match verdict {
            Verdict::Accepted => self.forward(at, Stage::Sal, reason),
            Verdict::Qualified => self.forward(at, Stage::Sql, reason),
            Verdict::Rejected | Verdict::Recycled => self.back(at, Stage::Recycled, reason),
            Verdict::Disqualified => self.back(at, Stage::Disqualified, reason),
        }
    }

    /// A lead, fresh or recycled, whose score reaches the threshold is marketing qualified.
    fn qualify(&mut self, at: Timestamp) {
        let waiting = matches!(self.life.stage, Stage::Lead | Stage::Recycled);
        if waiting && self.score_centi(at) >= self.threshold_centi {
            self.forward(at, Stage::Mql, "score");
        }
    }

    fn score_centi(&self, at: Timestamp) -> i64 {
        self.fit.at(at) + self.behaviour.at(at)
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
        let score_centi = self.score_centi(at);
        let reason = Text::from(reason);
        let turn = self.turn;
        self.life.entries.push(Entered { at, stage, from, reason, inferred, previous_ms, score_centi, turn });
    }
}

/// One clock an MQL entry: it stops at the first activity and the first answer before the next MQL entry.
fn handoffs(person: &Person<'_>, entries: &[Entered], signals: &[(Timestamp, Signal<'_>, Text)]) -> Vec<HandedOff> {
    let mut starts = entries.iter().filter(|entry| entry.stage == Stage::Mql).peekable();
    let mut handoffs = Vec::new();
    while let Some(start) = starts.next() {
        let (end, last) = starts.peek().map_or((Timestamp(i64::MAX), signals.len()), |next| (next.at, next.turn));
        let worked = first_activity(person, start.at, end);
        handoffs.push(HandedOff {
            mql_at: start.at,
            first_activity_at: worked.map(|(at, _)| at),
            verdict: first_answer(signals.get(start.turn..last).unwrap_or_default()),
            rep: worked.and_then(|(_, rep)| rep.clone()),
        });
    }
    handoffs
}

/// The first activity of sales in a time, and whose it was.
fn first_activity<'a>(person: &Person<'a>, from: Timestamp, end: Timestamp) -> Option<(Timestamp, &'a Option<Text>)> {
    let first = person.facts.partition_point(|fact| fact.at < from);
    let mut facts = person.facts.iter().skip(first).take_while(|fact| fact.at < end);
    facts.find_map(|fact| match fact.event() {
        Some(Body::SalesActivity(activity)) => Some((fact.at, &activity.rep)),
        _ => None,
    })
}

/// The first answer; of one instant what sales itself says, because it tells why.
fn first_answer(signals: &[(Timestamp, Signal<'_>, Text)]) -> Option<Reviewed> {
    let answers = signals.iter().filter_map(|(at, signal, _)| Some((signal, signal.answer(*at)?)));
    let first = answers.min_by_key(|(signal, answer)| (answer.at, !matches!(signal, Signal::Verdict(..))));
    first.map(|(_, answer)| answer)
}
