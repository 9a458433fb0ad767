//! One account whose people leave as many touches as asked, evenly over the whole history: the worst journey there is.

use super::market::{DIRECT_ROUTE, ROUTES};
use super::visit::{self, Browser, Stop};
use super::world::{Actor, DAY, HOUR, MINUTE, World};
use smarketing_kernel::event::{Address, Body, Contact, DealChanged, DealKind, FormSubmitted};
use smarketing_kernel::money::Currency;
use smarketing_kernel::text::Text;
use smarketing_kernel::time::Timestamp;
use std::collections::BTreeMap;

const DOMAIN: &str = "heavy-industries.test";
const DEAL: &str = "d-heavy";
/// More than a session's gap, so that every page view is a touch of its own.
const APART: i64 = 45 * MINUTE;

/// Starts the account, if the plan wants one.
pub(super) fn begin(world: &mut World) {
    if world.plan.heavy_account_touches > 0 {
        world.wake(world.start, Actor::Heavy(0));
    }
}

/// So many people that each one's touches are far enough apart.
fn people(world: &World) -> i64 {
    (APART * i64::from(world.plan.heavy_account_touches) / span(world) + 1).max(20)
}

/// Touches end two hours before the history does; the deal closes in between.
fn span(world: &World) -> i64 {
    (i64::from(world.plan.days) * DAY - 2 * HOUR).max(1)
}

/// The touch of this number: one page view; a person's first also sends a form. The last closes the deal.
pub(super) fn touch(world: &mut World, at: Timestamp, number: u32) {
    let wanted = world.plan.heavy_account_touches;
    let (nth, people) = (i64::from(number), people(world));
    let person = nth % people;
    let browser = Browser { visitor: Text::from(format!("v-heavy-{person}")), agent: visit::first_agent(world) };
    let route = number as usize % ROUTES.len();
    let shelf = ROUTES[if nth < people { DIRECT_ROUTE } else { route }].lands[0];
    let page = world.site.page(&mut world.chance, shelf);
    let url = visit::landing(world, &ROUTES[route], page);
    let referrer = world.referrer(ROUTES[route].referrer);
    visit::wander(world, Stop { at, page, url: url.clone(), referrer }, &browser, 1, false);
    if nth < people {
        name(world, at, person, &browser, url);
    }
    if number == wanted / 2 {
        deal(world, at.plus(MINUTE), DealKind::Created, people);
    }
    if number + 1 < wanted {
        let next = world.start.plus(span(world) * (nth + 1) / i64::from(wanted));
        world.wake(next, Actor::Heavy(number + 1));
    } else {
        deal(world, at.plus(HOUR), DealKind::Won, people);
    }
}

fn address(person: i64) -> Address {
    Address { email: Some(Text::from(format!("person{person}@{DOMAIN}"))), contact_id: None }
}

fn name(world: &mut World, at: Timestamp, person: i64, browser: &Browser, url: Text) {
    let form = FormSubmitted {
        lead: address(person),
        visitor_id: Some(browser.visitor.clone()),
        form_id: Text::from("contact-sales"),
        form_name: None,
        url: Some(url),
        referrer: None,
        fields: BTreeMap::from([(Text::from("title"), Text::from("Finance Director"))]),
    };
    world.tell(at.plus(MINUTE), Body::FormSubmitted(form));
}

fn deal(world: &mut World, at: Timestamp, kind: DealKind, people: i64) {
    let contact = |person| Contact { lead: address(person), role: (person == 0).then(|| Text::from("primary")) };
    let known = people.min(i64::from(world.plan.heavy_account_touches));
    let change = DealChanged {
        deal_id: Text::from(DEAL),
        kind,
        account_id: None,
        account_domain: Some(Text::from(DOMAIN)),
        contacts: (kind == DealKind::Created).then(|| (0..known).map(contact).collect()),
        amount_minor: Some(100_000_000),
        currency: Some(Currency::USD),
        stage: None,
        pipeline: None,
        owner: None,
        reason: None,
        deal_type: None,
        merged_into: None,
    };
    world.tell(at, Body::DealChanged(change));
}
