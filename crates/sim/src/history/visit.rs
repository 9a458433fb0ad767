//! Visits: browsers, sessions, page views and form fills.

use super::lead::{self, LeadKey};
use super::market::{ClickId, DIRECT_ROUTE, RETURN_ROUTES, ROUTES, Route};
use super::site::{PageKey, Shelf, next_shelf};
use super::world::{Actor, DAY, HOUR, MINUTE, SECOND, World};
use crate::chance::Chance;
use smarketing_kernel::event::{Body, FormSubmitted, PageViewed};
use smarketing_kernel::text::Text;
use smarketing_kernel::time::Timestamp;
use std::collections::BTreeMap;

/// One browser, and what it says it is.
#[derive(Clone, Debug)]
pub(super) struct Browser {
    pub(super) visitor: Text,
    pub(super) agent: Text,
}

/// Somebody nobody knows yet.
#[derive(Debug)]
pub(super) struct Visitor {
    browser: Browser,
    route: usize,
    /// Sessions still to come, this one included.
    sessions: u64,
    /// Whether the last of them ends with a form.
    converts: bool,
}

/// Where a session stands: the last page, what led there, and when.
#[derive(Debug)]
pub(super) struct Stop {
    pub(super) at: Timestamp,
    pub(super) page: PageKey,
    pub(super) url: Text,
    pub(super) referrer: Option<Text>,
}

const AGENTS: &[&str] = &[
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:144.0) Gecko/20100101 Firefox/144.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile Safari/537.36",
];
const BOTS: &[&str] = &[
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
];

/// User agents, made once and shared.
#[derive(Debug)]
pub(super) struct Agents {
    people: Vec<Text>,
    bots: Vec<Text>,
}

impl Agents {
    pub(super) fn new() -> Self {
        let texts = |table: &[&str]| table.iter().copied().map(Text::from).collect();
        Self { people: texts(AGENTS), bots: texts(BOTS) }
    }
}

/// A browser nobody has seen.
pub(super) fn browser(world: &mut World) -> Browser {
    let agent = world.agents.people[world.chance.index(AGENTS.len())].clone();
    Browser { visitor: world.name("v-"), agent }
}

/// The agent of browsers that need no variety.
pub(super) fn first_agent(world: &World) -> Text {
    world.agents.people[0].clone()
}

/// An anonymous visitor comes for the first time. One in fifty is a bot.
pub(super) fn arrive(world: &mut World, at: Timestamp) {
    let elapsed = at.since(world.start) / DAY * 100 / i64::from(world.plan.days.max(1));
    let open = ROUTES.iter().map(|route| if route.since <= elapsed { route.share } else { 0 });
    let route = world.chance.weighted(open);
    let mut browser = browser(world);
    let bot = world.chance.one_in(50);
    if bot {
        browser.agent = world.agents.bots[world.chance.index(BOTS.len())].clone();
    }
    let converts = !bot && world.chance.below(10_000) < ROUTES[route].converts;
    let sessions = if converts { sessions_before_form(&mut world.chance) } else { sessions(&mut world.chance) };
    world.wake(at, Actor::Visitor(Box::new(Visitor { browser, route, sessions, converts })));
}

fn sessions(chance: &mut Chance) -> u64 {
    1 + chance.weighted([72, 18, 7, 3].into_iter()) as u64
}

fn sessions_before_form(chance: &mut Chance) -> u64 {
    1 + chance.weighted([46, 28, 17, 9].into_iter()) as u64
}

/// Most people look at one page.
pub(super) fn pages(chance: &mut Chance) -> u64 {
    1 + chance.weighted([42, 20, 13, 9, 7, 4, 3, 2].into_iter()) as u64
}

/// A session of an anonymous visitor; the last one may make a lead of it.
pub(super) fn come(world: &mut World, at: Timestamp, mut visitor: Visitor) {
    let route = &ROUTES[visitor.route];
    if visitor.converts && visitor.sessions == 1 {
        return lead::identify(world, at, visitor.browser, visitor.route);
    }
    let shelf = world.chance.pick(route.lands);
    let entry = world.site.page(&mut world.chance, shelf);
    let count = pages(&mut world.chance);
    walk(world, at, &visitor.browser, visitor.route, entry, count, visitor.converts);
    visitor.sessions -= 1;
    if visitor.sessions > 0 {
        // What brought them first often brings them again.
        if !world.chance.percent(30) {
            visitor.route = world.chance.pick(RETURN_ROUTES);
        }
        let back = world.later(at, 3 * HOUR, 11 * DAY);
        world.wake(back, Actor::Visitor(Box::new(visitor)));
    }
}

/// A session that comes by a route: lands on a page and looks at some more.
pub(super) fn walk(
    world: &mut World,
    at: Timestamp,
    browser: &Browser,
    route: usize,
    entry: PageKey,
    pages: u64,
    buying: bool,
) -> Stop {
    if ROUTES[route].price.is_some() {
        world.clicks[route] += 1;
    }
    let url = landing(world, &ROUTES[route], entry);
    let referrer = world.referrer(ROUTES[route].referrer);
    let start = Stop { at, page: entry, url, referrer };
    wander(world, start, browser, pages, buying)
}

/// The address as a click on this route opens it.
pub(super) fn landing(world: &mut World, route: &Route, page: PageKey) -> Text {
    let click = if route.click_id == ClickId::None { 0 } else { world.number() };
    world.site.landing(route, page, click)
}

/// A session from its first page on.
pub(super) fn wander(world: &mut World, start: Stop, browser: &Browser, pages: u64, buying: bool) -> Stop {
    let mut stop = start;
    view(world, &stop, browser);
    for _ in 1..pages {
        let shelf = next_shelf(&mut world.chance, buying);
        let page = world.site.page(&mut world.chance, shelf);
        stop = onward(world, stop, browser, page);
    }
    stop
}

/// The next page of a session.
pub(super) fn onward(world: &mut World, stop: Stop, browser: &Browser, page: PageKey) -> Stop {
    let at = world.later(stop.at, 8 * SECOND, 4 * MINUTE);
    let next = Stop { at, page, url: world.site.url(page), referrer: Some(stop.url) };
    view(world, &next, browser);
    next
}

fn view(world: &mut World, stop: &Stop, browser: &Browser) {
    let title = world.site.title(stop.page);
    world.tell(
        stop.at,
        Body::PageViewed(PageViewed {
            visitor_id: browser.visitor.clone(),
            url: stop.url.clone(),
            referrer: stop.referrer.clone(),
            title: Some(title),
            user_agent: Some(browser.agent.clone()),
            lead: None,
        }),
    );
}

/// A known lead comes back by itself, in one of its browsers.
pub(super) fn come_back(world: &mut World, at: Timestamp, lead: LeadKey, buying: bool) {
    let browser = lead::browser(world, lead);
    let route = world.chance.pick(RETURN_ROUTES);
    let shelf = if route == DIRECT_ROUTE {
        next_shelf(&mut world.chance, buying)
    } else {
        world.chance.pick(ROUTES[route].lands)
    };
    let entry = world.site.page(&mut world.chance, shelf);
    let count = pages(&mut world.chance);
    walk(world, at, &browser, route, entry, count, buying);
}

/// The form on the page where a session stands.
pub(super) fn fill(world: &mut World, stop: &Stop, browser: &Browser, lead: LeadKey) -> Timestamp {
    let at = world.later(stop.at, 25 * SECOND, 3 * MINUTE);
    let form = world.site.form(stop.page).unwrap_or("contact-sales");
    let asks_how = matches!(world.site.shelf(stop.page), Shelf::Demo | Shelf::Contact);
    let fields: BTreeMap<Text, Text> = lead::answers(world, lead, asks_how);
    let name = world.site.title(stop.page);
    world.tell(
        at,
        Body::FormSubmitted(FormSubmitted {
            lead: world.leads[lead as usize].address(),
            visitor_id: Some(browser.visitor.clone()),
            form_id: Text::from(form),
            form_name: Some(name),
            url: Some(stop.url.clone()),
            referrer: stop.referrer.clone(),
            fields,
        }),
    );
    at
}
