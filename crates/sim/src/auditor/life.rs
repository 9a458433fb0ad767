//! The way through the stages: what moves a lead, in order, and where that takes it.

use super::Books;
use super::deal::Deal;
use super::decay;
use super::touch::Interaction;
use smarketing_kernel::event::{Body, Event, LeadRef, Stage, Verdict};
use smarketing_kernel::text::Text;
use smarketing_kernel::time::{DAY_MS, Timestamp};
use std::collections::BTreeMap;

/// An entry into a stage.
pub(super) struct Entry {
    pub(super) at: Timestamp,
    pub(super) stage: Stage,
    pub(super) from: Stage,
    pub(super) reason: Text,
    pub(super) inferred: bool,
    pub(super) previous_ms: i64,
    pub(super) score_centi: i64,
}

/// What moves a lead. In one instant it first exists, then fits better, then behaves, then CRM and sales speak, then deals
/// do.
enum Push {
    Created,
    Fitted,
    Behaved(i64),
    To(Stage, Text, Option<Word>),
}

/// What sales makes of a lead: said by itself, or as the CRM's stage or a deal tells.
#[derive(Clone)]
pub(super) struct Word {
    pub(super) at: Timestamp,
    pub(super) verdict: Verdict,
    pub(super) reason: Option<Text>,
    pub(super) rep: Option<Text>,
    said: bool,
}

/// An entry into MQL and the first word on it before the next one; of one instant what sales said itself is the first.
pub(super) struct Handed {
    pub(super) at: Timestamp,
    pub(super) word: Option<Word>,
}

/// Fit in hundredths of a point: who it is.
fn fit(books: &Books<'_>, persona: Option<&Text>, has_domain: bool) -> i64 {
    let scoring = &books.judge.definitions.scoring;
    let by_persona =
        persona.and_then(|persona| scoring.personas.get(&**persona)).map_or(0, |points| i64::from(*points));
    let by_domain = if has_domain { i64::from(scoring.business_domain) } else { 0 };
    (by_persona + by_domain) * 100
}

/// How well a person fits after all that was said up to each moment at which anything was, in hundredths of a point.
pub(super) type Fits = BTreeMap<Timestamp, i64>;

/// Fit over time: `personas` are those of the moments at which something was said of it.
pub(super) fn fits(
    books: &Books<'_>,
    personas: &BTreeMap<Timestamp, Option<Text>>,
    domain_since: Option<Timestamp>,
) -> Fits {
    let mut fits = Fits::new();
    for at in personas.keys().copied().chain(domain_since) {
        let persona = personas.range(..=at).next_back().and_then(|(_, persona)| persona.as_ref());
        fits.insert(at, fit(books, persona, domain_since.is_some_and(|since| since <= at)));
    }
    fits
}

/// A lead's way so far.
pub(super) struct Life {
    /// Every entry, in order.
    pub(super) entries: Vec<Entry>,
    /// Where it stands.
    pub(super) stage: Stage,
    /// Behaviour at its latest event, in hundredths of a point.
    pub(super) behaviour_centi: i64,
    /// What was handed to sales, in order.
    pub(super) handed: Vec<Handed>,
}

/// Walks the stages.
pub(super) fn follow(
    books: &Books<'_>,
    created_at: Timestamp,
    fits: &Fits,
    touches: &[Interaction],
    events: &[&Event<LeadRef>],
    roles: &[&Deal],
) -> Life {
    let scoring = &books.judge.definitions.scoring;
    let half_life_ms = u64::from(scoring.half_life_days) * DAY_MS.unsigned_abs();
    let enough = i64::from(scoring.mql_threshold) * 100;
    let mut way =
        Way { entries: Vec::new(), handed: Vec::new(), stage: Stage::Visitor, since: created_at, score_centi: 0 };
    let (mut behaviour, mut faded_at, mut last) = (0_i128, created_at, created_at);
    let left = |behaviour: i128, from: Timestamp, to: Timestamp| {
        (behaviour * decay::left(to.since(from).max(0).unsigned_abs(), half_life_ms)) >> 40
    };
    let mut pushes = pushes(books, created_at, touches, events, roles);
    let rises = fits.iter().zip(std::iter::once(&0).chain(fits.values())).filter(|((_, fit), before)| fit > before);
    let rises = rises.map(|((at, _), _)| *at).filter(|at| *at > created_at);
    pushes.extend(rises.map(|at| ((at, 1, Text::from("")), Push::Fitted)));
    pushes.sort_by(|a, b| a.0.cmp(&b.0));
    for ((at, _, _), push) in pushes {
        last = at;
        let fit = fits.range(..=at).next_back().map_or(0, |(_, fit)| *fit);
        way.score_centi = fit + left(behaviour, faded_at, at) as i64;
        if matches!(push, Push::Created | Push::Behaved(_)) {
            behaviour = left(behaviour, faded_at, at);
            faded_at = at;
        }
        match push {
            Push::Created => way.forward(at, Stage::Lead, "created"),
            Push::Fitted => {}
            Push::Behaved(points) => behaviour += i128::from(points * 100),
            Push::To(stage @ (Stage::Recycled | Stage::Disqualified), reason, word) => {
                way.back(at, stage, &reason);
                way.hear(word);
                if stage == Stage::Recycled {
                    behaviour = 0;
                }
                continue;
            }
            Push::To(stage, reason, word) => {
                way.forward(at, stage, &reason);
                way.hear(word);
                continue;
            }
        }
        let waits = matches!(way.stage, Stage::Lead | Stage::Recycled);
        way.score_centi = fit + left(behaviour, faded_at, at) as i64;
        if waits && way.score_centi >= enough {
            way.forward(at, Stage::Mql, "score");
        }
    }
    let behaviour_centi = left(behaviour, faded_at, last) as i64;
    Life { entries: way.entries, stage: way.stage, behaviour_centi, handed: way.handed }
}

fn pushes(
    books: &Books<'_>,
    created_at: Timestamp,
    touches: &[Interaction],
    events: &[&Event<LeadRef>],
    roles: &[&Deal],
) -> Vec<((Timestamp, u8, Text), Push)> {
    let mut pushes = vec![((created_at, 0, Text::from("")), Push::Created)];
    for touch in touches {
        pushes.push(((touch.at, 2, touch.id.clone()), Push::Behaved(books.judge.points(touch.kind, &touch.page))));
    }
    let erased = events.iter().any(|event| matches!(event.body, Body::ErasureRequested(_)));
    for event in events {
        let (rank, push) = match &event.body {
            Body::LeadUpdated(update) => {
                let told = |stage| told(event.occurred_at, stage, "crm");
                (3, update.stage.map(|stage| Push::To(stage, Text::from("crm"), told(stage))))
            }
            Body::LeadReviewed(review) => {
                let (at, verdict) = (event.occurred_at, review.verdict);
                // Why, in somebody's own words, goes with the person.
                let reason = review.reason.clone().filter(|_| !erased);
                let word = Word { at, verdict, reason: reason.clone(), rep: review.rep.clone(), said: true };
                let reason = reason.unwrap_or_else(|| Text::from("verdict"));
                (4, Some(Push::To(stage_of(verdict), reason, Some(word))))
            }
            _ => (0, None),
        };
        pushes.extend(push.map(|push| ((event.occurred_at, rank, event.event_id.clone()), push)));
    }
    for deal in roles.iter().filter(|deal| deal.lives()) {
        // A deal older than the lead is there from the lead's start.
        let push = |at: Timestamp, rank, stage, reason| {
            let at = at.max(created_at);
            ((at, rank, deal.id.clone()), Push::To(stage, Text::from(reason), told(at, stage, "deal")))
        };
        pushes.push(push(deal.opened_at, 5, Stage::Opportunity, "deal_opened"));
        pushes.extend(deal.won_at().map(|at| push(at, 6, Stage::Customer, "deal_won")));
    }
    pushes
}

/// What a stage tells of sales; nothing up to MQL.
fn told(at: Timestamp, stage: Stage, by: &str) -> Option<Word> {
    let verdict = match stage {
        Stage::Recycled => Verdict::Recycled,
        Stage::Disqualified => Verdict::Disqualified,
        Stage::Sal => Verdict::Accepted,
        stage if stage > Stage::Sal => Verdict::Qualified,
        _ => return None,
    };
    Some(Word { at, verdict, reason: Some(Text::from(by)), rep: None, said: false })
}

fn stage_of(verdict: Verdict) -> Stage {
    match verdict {
        Verdict::Accepted => Stage::Sal,
        Verdict::Qualified => Stage::Sql,
        Verdict::Rejected | Verdict::Recycled => Stage::Recycled,
        Verdict::Disqualified => Stage::Disqualified,
    }
}

struct Way {
    entries: Vec<Entry>,
    handed: Vec<Handed>,
    stage: Stage,
    since: Timestamp,
    /// Fit and behaviour at the moment.
    score_centi: i64,
}

impl Way {
    /// Enters every funnel stage between where it stands and `to`; behind a recycling the funnel starts with MQL.
    fn forward(&mut self, at: Timestamp, to: Stage, reason: &str) {
        let stands = if self.stage > Stage::Customer { Stage::Lead } else { self.stage };
        let funnel = [Stage::Lead, Stage::Mql, Stage::Sal, Stage::Sql, Stage::Opportunity, Stage::Customer];
        for stage in funnel.into_iter().filter(|stage| *stage > stands && *stage <= to) {
            self.enter(at, stage, reason, stage != to);
        }
    }

    fn back(&mut self, at: Timestamp, to: Stage, reason: &str) {
        if self.stage == Stage::Visitor {
            self.forward(at, Stage::Lead, reason);
        }
        if self.stage != to {
            self.enter(at, to, reason, false);
        }
    }

    /// A word that tells of the latest hand-off, if it is the first.
    fn hear(&mut self, word: Option<Word>) {
        let (Some(handed), Some(word)) = (self.handed.last_mut(), word) else { return };
        let first = handed.word.as_ref().is_none_or(|known| known.at == word.at && word.said && !known.said);
        if first {
            handed.word = Some(word);
        }
    }

    fn enter(&mut self, at: Timestamp, stage: Stage, reason: &str, inferred: bool) {
        let first = self.stage == Stage::Visitor;
        let previous_ms = if first { 0 } else { at.since(self.since).max(0) };
        // To and fro within one instant is one entry: the first.
        if self.entries.iter().all(|entry| (entry.at, entry.stage) != (at, stage)) {
            let (from, reason) = (self.stage, Text::from(reason));
            if stage == Stage::Mql {
                self.handed.push(Handed { at, word: None });
            }
            self.entries.push(Entry { at, stage, from, reason, inferred, previous_ms, score_centi: self.score_centi });
        }
        (self.stage, self.since) = (stage, at);
    }
}
