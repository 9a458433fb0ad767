//! What the calendar brings: visitors by the hour, rates and bills by the day, cold mail on weekdays, trade shows.

use super::Plan;
use super::lead;
use super::market::{OUTBOUND, ROUTES, TRADE_SHOW};
use super::visit;
use super::world::{Actor, DAY, HOUR, MINUTE, World};
use smarketing_kernel::event::{AdSpent, Body, ExchangeRateSet};
use smarketing_kernel::money::{Currency, Rate};
use smarketing_kernel::text::Text;
use smarketing_kernel::time::{Day, Timestamp};

/// 0 is Monday.
pub(super) fn weekday(day: Day) -> usize {
    (i64::from(day.0) + 3).rem_euclid(7) as usize
}

const BY_WEEKDAY: [u64; 7] = [112, 120, 118, 114, 94, 36, 42];
const BY_HOUR: [u64; 24] =
    [14, 11, 9, 9, 12, 20, 36, 58, 80, 94, 98, 92, 88, 98, 106, 108, 102, 90, 74, 60, 50, 40, 30, 20];

/// How many visitors come when: the expected number, spread over the hours without rounding any away.
#[derive(Debug)]
pub(super) struct Traffic {
    visitors: u128,
    whole: u128,
    carried: u128,
}

impl Traffic {
    /// So many visitors that the plan's leads come out of them.
    pub(super) fn new(plan: &Plan, start: Timestamp) -> Self {
        let shares: u128 = ROUTES.iter().map(|route| u128::from(route.share)).sum();
        let converting: u128 = ROUTES.iter().map(|route| u128::from(route.share * route.converts)).sum();
        let visitors = u128::from(plan.leads) * shares * 10_000 / converting.max(1);
        let hours = (0..i64::from(plan.days) * 24).map(|hour| start.plus(hour * HOUR));
        Self { visitors, whole: hours.map(|at| weight(at, start)).sum::<u128>().max(1), carried: 0 }
    }

    fn of(&mut self, at: Timestamp, start: Timestamp) -> u64 {
        self.carried += self.visitors * weight(at, start);
        let come = self.carried / self.whole;
        self.carried %= self.whole;
        come as u64
    }
}

/// Weekdays and office hours count more, and traffic grows by a tenth each two months.
fn weight(at: Timestamp, start: Timestamp) -> u128 {
    let hour = at.0.rem_euclid(DAY) / HOUR;
    let growth = 100 + at.since(start) / DAY / 6;
    u128::from(BY_WEEKDAY[weekday(at.day())] * BY_HOUR[hour as usize]) * growth as u128
}

/// Visitors of one hour.
pub(super) fn hour(world: &mut World, at: Timestamp) {
    for _ in 0..world.traffic.of(at, world.start) {
        let come = world.later(at, 0, HOUR - 1);
        visit::arrive(world, come);
    }
    world.wake(at.plus(HOUR), Actor::Hour);
}

/// One day: yesterday's bills, today's rates, cold mail, and twice in the history a trade show.
pub(super) fn day(world: &mut World, at: Timestamp) {
    bill(world, at);
    let day = at.day();
    for (currency, rate) in world.rates.of_day(&mut world.chance) {
        world.tell(at.plus(5 * MINUTE), Body::ExchangeRateSet(ExchangeRateSet { day, currency, rate }));
    }
    if weekday(day) < 5 {
        reach_out(world, at);
    }
    world.wake(at.plus(DAY), Actor::Day);
}

/// One lead in twenty is written to by sales first, one in forty met at a stand.
fn reach_out(world: &mut World, at: Timestamp) {
    let days = u64::from(world.plan.days.max(1));
    let nth = at.since(world.start) / DAY;
    let leads = u64::from(world.plan.leads);
    for _ in 0..(leads / 14 + world.chance.below(days)) / days {
        let write = world.at_work(at, 8 * HOUR, 17 * HOUR);
        lead::write_to(world, write, &OUTBOUND);
    }
    let show = [days as i64 / 3, days as i64 * 2 / 3].iter().any(|shown| (nth - shown).abs() < 1);
    for _ in 0..if show { leads / 80 } else { 0 } {
        let meet = world.later(at, 9 * HOUR, 17 * HOUR);
        lead::meet_at_show(world, meet, &TRADE_SHOW);
    }
}

/// What yesterday's clicks cost.
fn bill(world: &mut World, at: Timestamp) {
    let yesterday = at.plus(-1).day();
    for (key, route) in ROUTES.iter().enumerate() {
        let clicks = std::mem::take(&mut world.clicks[key]);
        let (Some(price), true) = (route.price, clicks > 0) else { continue };
        let Some(currency) = Currency::parse(price.currency) else { continue };
        let (source, medium, campaign) = if route.utm.0.is_empty() { ("google", "cpc", "") } else { route.utm };
        let cost = clicks as i64 * price.click_minor * world.chance.between(88, 112) / 100;
        let shown = clicks * (25 + world.chance.below(40));
        let spent = AdSpent {
            day: yesterday,
            channel: None,
            source: Some(Text::from(source)),
            medium: Some(Text::from(medium)),
            campaign: Some(campaign).filter(|text| !text.is_empty()).map(Text::from),
            amount_minor: cost,
            currency,
            clicks: Some(clicks),
            impressions: Some(shown),
        };
        let billed = world.later(at, HOUR, 3 * HOUR);
        world.tell(billed, Body::AdSpent(spent));
    }
}

/// The currencies customers pay in besides the dollar, as ten-thousandths of it.
#[derive(Debug)]
pub(super) struct Rates([(&'static str, i64); 2]);

impl Rates {
    pub(super) fn new() -> Self {
        Self([("EUR", 10_870), ("GBP", 12_720)])
    }

    /// Today's rates: yesterday's, moved a little.
    fn of_day(&mut self, chance: &mut crate::chance::Chance) -> Vec<(Currency, Rate)> {
        let mut today = Vec::with_capacity(self.0.len());
        for (code, rate) in &mut self.0 {
            *rate = (*rate + chance.between(-45, 45)).clamp(9_500, 14_000);
            let text = format!("{}.{:04}", *rate / 10_000, *rate % 10_000);
            today.extend(Currency::parse(code).zip(Rate::parse(&text)));
        }
        today
    }
}
