//! The world as it stands: people, companies, what is planned and what has happened but is not told yet.

use super::Plan;
use super::calendar;
use super::heavy;
use super::lead::{self, Lead, LeadKey, Step};
use super::market::ROUTES;
use super::people::Company;
use super::queue::Queue;
use super::site::Site;
use super::visit::{self, Agents, Visitor};
use crate::chance::{Chance, mix};
use smarketing_kernel::event::{Address, Body, Event};
use smarketing_kernel::text::Text;
use smarketing_kernel::time::{DAY_MS, Timestamp};
use std::collections::BTreeMap;

pub(super) const SECOND: i64 = 1_000;
pub(super) const MINUTE: i64 = 60 * SECOND;
pub(super) const HOUR: i64 = 60 * MINUTE;
pub(super) const DAY: i64 = DAY_MS;

/// Who acts next.
#[derive(Debug)]
pub(super) enum Actor {
    /// New visitors of an hour.
    Hour,
    /// What happens once a day: rates, spend, cold mail, trade shows.
    Day,
    Visitor(Box<Visitor>),
    Lead(LeadKey, Step),
    /// The next touch of the heavy account.
    Heavy(u32),
}

/// Everything that is, and the queue of what will be.
#[derive(Debug)]
pub(super) struct World {
    pub(super) plan: Plan,
    pub(super) start: Timestamp,
    pub(super) chance: Chance,
    pub(super) site: Site,
    pub(super) agents: Agents,
    pub(super) leads: Vec<Lead>,
    pub(super) companies: Vec<Company>,
    pub(super) traffic: calendar::Traffic,
    pub(super) rates: calendar::Rates,
    /// Clicks of each paid route since the last bill.
    pub(super) clicks: Vec<u64>,
    pub(super) events: Queue<Box<Event<Address>>>,
    wakes: Queue<Actor>,
    referrers: BTreeMap<&'static str, Text>,
    told: u64,
    named: u64,
}

impl World {
    pub(super) fn new(plan: Plan) -> Self {
        let start = plan.ends_at.plus(-i64::from(plan.days) * DAY);
        let mut world = Self {
            start,
            chance: Chance::new(mix(plan.seed)),
            site: Site::new(),
            agents: Agents::new(),
            leads: Vec::new(),
            companies: Vec::new(),
            traffic: calendar::Traffic::new(&plan, start),
            rates: calendar::Rates::new(),
            clicks: vec![0; ROUTES.len()],
            events: Queue::new(),
            wakes: Queue::new(),
            referrers: ROUTES.iter().map(|route| (route.referrer, Text::from(route.referrer))).collect(),
            told: 0,
            named: 0,
            plan,
        };
        world.wake(start, Actor::Day);
        world.wake(start, Actor::Hour);
        heavy::begin(&mut world);
        world
    }

    /// Makes the next actor act when it is due before the next event; `false` when the next event can be told.
    pub(super) fn act(&mut self) -> bool {
        let due = match (self.wakes.next_at(), self.events.next_at()) {
            (Some(wake), Some(event)) => wake <= event,
            (wake, _) => wake.is_some(),
        };
        if due && let Some((at, actor)) = self.wakes.pop() {
            match actor {
                Actor::Hour => calendar::hour(self, at),
                Actor::Day => calendar::day(self, at),
                Actor::Visitor(visitor) => visit::come(self, at, *visitor),
                Actor::Lead(lead, step) => lead::act(self, at, lead, step),
                Actor::Heavy(touch) => heavy::touch(self, at, touch),
            }
        }
        due
    }

    /// Events and actors in the queues.
    pub(super) fn held(&self) -> usize {
        self.events.len() + self.wakes.len()
    }

    /// Plans an actor's next act; beyond the end nobody acts.
    pub(super) fn wake(&mut self, at: Timestamp, actor: Actor) {
        if at <= self.plan.ends_at {
            self.wakes.push(at, actor);
        }
    }

    /// Plans a lead's next step.
    pub(super) fn then(&mut self, at: Timestamp, lead: LeadKey, step: Step) {
        self.wake(at, Actor::Lead(lead, step));
    }

    /// Something happened.
    pub(super) fn tell(&mut self, at: Timestamp, body: Body<Address>) {
        self.told += 1;
        let event_id = self.id("e-", self.told);
        let workspace = self.plan.workspace.clone();
        self.events.push(at, Box::new(Event { event_id, workspace, occurred_at: at, body }));
    }

    /// A name nobody else has.
    pub(super) fn name(&mut self, prefix: &str) -> Text {
        self.named += 1;
        self.id(prefix, self.named)
    }

    /// A number nobody else has.
    pub(super) fn number(&mut self) -> u64 {
        self.named += 1;
        self.opaque(self.named)
    }

    /// An instant `low` to `high` milliseconds later.
    pub(super) fn later(&mut self, at: Timestamp, low: i64, high: i64) -> Timestamp {
        at.plus(self.chance.between(low, high))
    }

    /// As [`World::later`], moved into office hours.
    pub(super) fn at_work(&mut self, at: Timestamp, low: i64, high: i64) -> Timestamp {
        let at = self.later(at, low, high);
        let nine = at.day().start().plus(9 * HOUR);
        let morning = self.chance.between(0, 3 * HOUR);
        match (calendar::weekday(at.day()), at.since(nine)) {
            (5, _) => nine.plus(2 * DAY + morning),
            (6, _) => nine.plus(DAY + morning),
            (_, early) if early < 0 => nine.plus(morning),
            (4, late) if late > 9 * HOUR => nine.plus(3 * DAY + morning),
            (_, late) if late > 9 * HOUR => nine.plus(DAY + morning),
            _ => at,
        }
    }

    /// A route's referrer, shared.
    pub(super) fn referrer(&self, referrer: &'static str) -> Option<Text> {
        self.referrers.get(referrer).filter(|text| !text.is_empty()).cloned()
    }

    fn id(&self, prefix: &str, n: u64) -> Text {
        let mut text = [0; 24];
        let digits = hexadecimal(self.opaque(n));
        let length = prefix.len() + digits.len();
        text[..prefix.len()].copy_from_slice(prefix.as_bytes());
        text[prefix.len()..length].copy_from_slice(&digits);
        Text::from(std::str::from_utf8(&text[..length]).unwrap_or(prefix))
    }

    /// Different for different `n`, because addition and [`mix`] are bijections.
    fn opaque(&self, n: u64) -> u64 {
        mix(n.wrapping_add(mix(self.plan.seed)))
    }
}

/// Sixteen digits.
pub(super) fn hexadecimal(n: u64) -> [u8; 16] {
    let mut digits = [0; 16];
    for (index, byte) in n.to_be_bytes().into_iter().enumerate() {
        digits[index * 2] = b"0123456789abcdef"[usize::from(byte >> 4)];
        digits[index * 2 + 1] = b"0123456789abcdef"[usize::from(byte & 15)];
    }
    digits
}
