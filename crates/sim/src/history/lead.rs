//! A lead's life: the form that names it, what the CRM adds, visits, and the moment it wants to buy.

use super::mail;
use super::market::{COMMITTEE, DIRECT_ROUTE, Quality, ROUTES, Route, SEARCH_ROUTE};
use super::people::{self, COUNTRIES, SIZES};
use super::sales::{self, Deal};
use super::site::{PageKey, Shelf};
use super::visit::{self, Browser, Stop};
use super::world::{DAY, HOUR, MINUTE, SECOND, World};
use smarketing_kernel::event::{ActivityKind, Address, Body, DealType, LeadMerge, LeadUpdated, SalesActivity};
use smarketing_kernel::text::Text;
use smarketing_kernel::time::Timestamp;
use std::collections::BTreeMap;

/// A lead, by its number.
pub(super) type LeadKey = u32;

/// A person with a name.
#[derive(Debug)]
pub(super) struct Lead {
    email: Text,
    contact_id: Option<Text>,
    pub(super) company: Option<u32>,
    country: usize,
    pub(super) size: usize,
    title: &'static str,
    pub(super) quality: Quality,
    heard: &'static str,
    browsers: Vec<Browser>,
    pub(super) rep: &'static str,
    /// Whether it may become marketing qualified.
    pub(super) buys: bool,
    /// Whether it is on the mailing lists.
    pub(super) mailed: bool,
    /// Whether it asked to be forgotten.
    pub(super) gone: bool,
    pub(super) deal: Option<Box<Deal>>,
}

/// What a lead does next, or what is done with it.
#[derive(Debug)]
pub(super) enum Step {
    /// The CRM gets to know it.
    Enrich,
    Nurture(u8),
    Newsletter,
    Click(Shelf, &'static str, Text),
    /// It comes back by itself.
    Return,
    /// It reads what sales shared.
    Read(PageKey),
    /// It asks for a demo.
    Ask,
    /// It fills another form.
    Download,
    Review,
    Meet,
    Open(DealType),
    Advance,
    Reopen,
    /// The CRM finds out that the other is the same person.
    Merge(LeadKey),
    Unmerge(LeadKey),
}

const REPS: &[&str] = &["m.okafor", "s.lindqvist", "j.alvarez", "p.nair", "t.brandt", "c.moreau"];

impl Lead {
    /// How a form or a mail names it.
    pub(super) fn address(&self) -> Address {
        Address { email: Some(self.email.clone()), contact_id: None }
    }

    /// How the CRM names it: one in five only by its id.
    pub(super) fn crm_address(&self) -> Address {
        let by_id = self.contact_id.as_ref().is_some_and(|id| id.ends_with(['0', '5', 'a']));
        Address { email: (!by_id).then(|| self.email.clone()), contact_id: self.contact_id.clone() }
    }

    pub(super) fn currency(&self) -> &'static str {
        COUNTRIES[self.country].1
    }
}

/// Does what the step says.
pub(super) fn act(world: &mut World, at: Timestamp, lead: LeadKey, step: Step) {
    if world.leads[lead as usize].gone {
        return;
    }
    match step {
        Step::Enrich => enrich(world, at, lead),
        Step::Nurture(number) => mail::nurture(world, at, lead, number),
        Step::Newsletter => mail::newsletter(world, at, lead),
        Step::Click(shelf, source, campaign) => mail::click(world, at, lead, shelf, source, campaign),
        Step::Return => visit::come_back(world, at, lead, world.leads[lead as usize].buys),
        Step::Read(page) => read(world, at, lead, page),
        Step::Ask => ask(world, at, lead),
        Step::Download => download(world, at, lead),
        Step::Review => sales::review(world, at, lead),
        Step::Meet => sales::meet(world, at, lead),
        Step::Open(deal_type) => sales::open(world, at, lead, deal_type),
        Step::Advance => sales::advance(world, at, lead),
        Step::Reopen => sales::reopen(world, at, lead),
        Step::Merge(from) => merge(world, at, from, lead),
        Step::Unmerge(from) => world.tell(at, Body::LeadUnmerged(merge_of(world, from, lead))),
    }
}

/// An anonymous visitor gives its name.
pub(super) fn identify(world: &mut World, at: Timestamp, browser: Browser, route: usize) {
    let quality = ROUTES[route].quality;
    let buys = world.chance.percent(quality.mql);
    let asks = buys && world.chance.percent(42);
    let company = (buys || world.chance.percent(70)).then(|| people::employer(world));
    let browser = borrowed(world, company).unwrap_or(browser);
    let title = people::title(&mut world.chance, buys);
    let lead = add(world, &ROUTES[route], company, title, buys, vec![browser.clone()]);
    let shelf = world.chance.pick(ROUTES[route].lands);
    let entry = world.site.page(&mut world.chance, shelf);
    let count = visit::pages(&mut world.chance) + u64::from(asks);
    let stop = visit::walk(world, at, &browser, route, entry, count, asks);
    let filled = fill_one(world, stop, &browser, lead, asks);
    begin(world, filled, lead, asks);
}

/// One lead in seventy fills its form in a colleague's browser.
fn borrowed(world: &mut World, company: Option<u32>) -> Option<Browser> {
    let colleague = *world.companies[company? as usize].members.first()?;
    let shared = world.chance.one_in(22);
    shared.then(|| world.leads[colleague as usize].browsers.first().cloned()).flatten()
}

/// Goes to a form, unless the session already stands at one, and fills it.
fn fill_one(world: &mut World, stop: Stop, browser: &Browser, lead: LeadKey, asks: bool) -> Timestamp {
    let gate = if asks {
        world.chance.pick(&[Shelf::Demo, Shelf::Demo, Shelf::Contact])
    } else {
        world.chance.pick(&[Shelf::Ebook, Shelf::Ebook, Shelf::Ebook, Shelf::Webinar, Shelf::Newsletter])
    };
    let at_gate = world.site.form(stop.page).is_some() && !asks;
    let page = world.site.page(&mut world.chance, gate);
    let stop = if at_gate { stop } else { visit::onward(world, stop, browser, page) };
    visit::fill(world, &stop, browser, lead)
}

/// Adds a person to the world.
fn add(
    world: &mut World,
    route: &Route,
    company: Option<u32>,
    title: &'static str,
    buys: bool,
    browsers: Vec<Browser>,
) -> LeadKey {
    let key = world.leads.len() as u32;
    let employer = company.map(|number| (number as usize, &world.companies[number as usize]));
    let (email, country, size) = match employer {
        Some((number, company)) => (people::business_address(company, number), company.country, company.size),
        None => (people::free_address(world), people::country(&mut world.chance), 0),
    };
    if let Some(company) = company {
        world.companies[company as usize].members.push(key);
    }
    let heard = world.chance.pick(heard_by(route));
    world.leads.push(Lead {
        email,
        contact_id: None,
        company,
        country,
        size,
        title,
        quality: route.quality,
        heard,
        browsers,
        rep: REPS[key as usize % REPS.len()],
        buys,
        mailed: true,
        gone: false,
        deal: None,
    });
    key
}

/// What people of a route answer when asked how they heard; it is not always what the click says.
fn heard_by(route: &Route) -> &'static [&'static str] {
    match (route.utm.1, route.referrer) {
        (_, referrer) if referrer.contains("chatgpt") || referrer.contains("perplexity") => {
            &["ChatGPT", "AI assistant"]
        }
        (_, referrer) if referrer.contains("g2.com") || referrer.contains("capterra") => &["G2", "Review site"],
        ("webinar", _) => &["Webinar"],
        ("partner", _) => &["Your partner"],
        ("cpc", _) => &["Google", "A colleague", "Google"],
        ("paid-social", _) => &["LinkedIn", "Facebook", "An ad"],
        _ => &["Google", "A colleague", "Podcast", "Search engine", "A friend", "LinkedIn"],
    }
}

/// What follows the first form.
fn begin(world: &mut World, at: Timestamp, lead: LeadKey, asks: bool) {
    let buys = world.leads[lead as usize].buys;
    mail::subscribe(world, at, lead);
    if world.leads[lead as usize].company.is_some() && (buys || world.chance.percent(35)) {
        let known = world.later(at, 3 * MINUTE, 50 * MINUTE);
        world.then(known, lead, Step::Enrich);
    }
    if asks {
        sales::hand_over(world, at, lead);
    } else if buys {
        let wants = world.at_work(at, 2 * DAY, 34 * DAY);
        world.then(wants, lead, Step::Ask);
    } else if world.leads[lead as usize].company.is_some() && world.chance.percent(24) {
        // Sales calls some who only wanted to read.
        let calls = world.at_work(at, HOUR, 12 * DAY);
        world.then(calls, lead, Step::Review);
    }
    for _ in 0..world.chance.below(if buys { 6 } else { 3 }) {
        let back = world.later(at, 8 * HOUR, 50 * DAY);
        world.then(back, lead, Step::Return);
    }
    if buys && world.chance.percent(35) {
        let again = world.later(at, DAY, 20 * DAY);
        world.then(again, lead, Step::Download);
    }
    if world.chance.one_in(80) {
        double(world, at, lead);
    }
}

/// The same person fills another form with a private address; the CRM finds out, and once in a while was wrong.
fn double(world: &mut World, at: Timestamp, lead: LeadKey) {
    let title = world.leads[lead as usize].title;
    let browser = browser(world, lead);
    let other = add(world, &ROUTES[DIRECT_ROUTE], None, title, false, vec![browser]);
    let again = world.later(at, DAY, 12 * DAY);
    world.then(again, other, Step::Download);
    let found = world.later(again, DAY, 20 * DAY);
    world.then(found, lead, Step::Merge(other));
}

fn merge(world: &mut World, at: Timestamp, from: LeadKey, into: LeadKey) {
    world.leads[from as usize].mailed = false;
    world.tell(at, Body::LeadMerged(merge_of(world, from, into)));
    if world.chance.one_in(6) {
        let wrong = world.later(at, DAY, 9 * DAY);
        world.then(wrong, into, Step::Unmerge(from));
    }
}

fn merge_of(world: &World, from: LeadKey, into: LeadKey) -> LeadMerge<Address> {
    LeadMerge { from: world.leads[from as usize].address(), into: world.leads[into as usize].address() }
}

/// The browser a lead uses: mostly its first.
pub(super) fn browser(world: &mut World, lead: LeadKey) -> Browser {
    let known = world.leads[lead as usize].browsers.len();
    if known == 0 {
        return another_browser(world, lead);
    }
    let which = if world.chance.percent(80) { 0 } else { world.chance.index(known) };
    world.leads[lead as usize].browsers[which].clone()
}

/// The browser a mail is read in: one time in six one that is new.
pub(super) fn browser_for_mail(world: &mut World, lead: LeadKey) -> Browser {
    let known = world.leads[lead as usize].browsers.len();
    if known < 2 && world.chance.one_in(6) { another_browser(world, lead) } else { browser(world, lead) }
}

fn another_browser(world: &mut World, lead: LeadKey) -> Browser {
    let browser = visit::browser(world);
    world.leads[lead as usize].browsers.push(browser.clone());
    browser
}

/// A session that ends with a request for a demo.
fn ask(world: &mut World, at: Timestamp, lead: LeadKey) {
    let filled = visit_form(world, at, lead, true);
    sales::hand_over(world, filled, lead);
}

fn download(world: &mut World, at: Timestamp, lead: LeadKey) {
    visit_form(world, at, lead, false);
}

fn visit_form(world: &mut World, at: Timestamp, lead: LeadKey, asks: bool) -> Timestamp {
    let browser = browser(world, lead);
    let route = world.chance.pick(&[DIRECT_ROUTE, DIRECT_ROUTE, SEARCH_ROUTE, 4]);
    let entry = world.site.page(&mut world.chance, if asks { Shelf::Pricing } else { Shelf::Blog });
    let count = visit::pages(&mut world.chance);
    let stop = visit::walk(world, at, &browser, route, entry, count, asks);
    fill_one(world, stop, &browser, lead, asks)
}

/// Opens the page sales shared.
fn read(world: &mut World, at: Timestamp, lead: LeadKey, page: PageKey) {
    let browser = browser(world, lead);
    let count = visit::pages(&mut world.chance);
    let url = world.site.mailed(page, "sales", "deal-room");
    visit::wander(world, Stop { at, page, url, referrer: None }, &browser, count, true);
}

/// The fields of a form.
pub(super) fn answers(world: &mut World, lead: LeadKey, asks_how: bool) -> BTreeMap<Text, Text> {
    let tells = asks_how && world.chance.percent(65);
    let person = &world.leads[lead as usize];
    let mut fields = vec![("title", person.title), ("country", COUNTRIES[person.country].0)];
    if person.company.is_some() {
        fields.push(("company_size", SIZES[person.size].0));
    }
    if tells {
        fields.push(("how_did_you_hear_about_us", person.heard));
    }
    texts(&fields)
}

fn texts(pairs: &[(&str, &str)]) -> BTreeMap<Text, Text> {
    pairs.iter().map(|(name, value)| (Text::from(*name), Text::from(*value))).collect()
}

/// The CRM gets the lead, gives it an id and completes what is known of the company.
fn enrich(world: &mut World, at: Timestamp, lead: LeadKey) {
    update(world, at, lead, &[]);
}

fn update(world: &mut World, at: Timestamp, lead: LeadKey, origin: &[(&str, &str)]) {
    let id = world.name("crm-");
    let person = &mut world.leads[lead as usize];
    person.contact_id.get_or_insert(id);
    let company = person.company.map(|key| &world.companies[key as usize]);
    let mut attributes = vec![("title", person.title), ("country", COUNTRIES[person.country].0)];
    if company.is_some() {
        attributes.push(("company_size", SIZES[person.size].0));
    }
    attributes.extend_from_slice(origin);
    let update = LeadUpdated {
        lead: Address { email: Some(person.email.clone()), contact_id: person.contact_id.clone() },
        account_id: company.map(|company| company.crm_id.clone()),
        account_domain: company.map(|company| company.domain.clone()),
        persona: None,
        owner: person.buys.then(|| Text::from(person.rep)),
        stage: None,
        attributes: texts(&attributes),
    };
    world.tell(at, Body::LeadUpdated(update));
}

/// Sales writes to somebody who has never been here.
pub(super) fn write_to(world: &mut World, at: Timestamp, route: &Route) {
    let lead = meet_outside(world, at, route, "cfo-sequence");
    for after in [0, 3, 8] {
        let mail = SalesActivity {
            lead: world.leads[lead as usize].crm_address(),
            kind: ActivityKind::Email,
            content_url: None,
            rep: Some(Text::from(world.leads[lead as usize].rep)),
            outcome: None,
        };
        world.tell(at.plus(after * DAY + 10 * MINUTE), Body::SalesActivity(mail));
    }
    if world.leads[lead as usize].buys {
        let browser = another_browser(world, lead);
        let page = world.site.page(&mut world.chance, Shelf::CaseStudy);
        let url = visit::landing(world, route, page);
        let opens = world.later(at, HOUR, 9 * DAY);
        visit::wander(world, Stop { at: opens, page, url, referrer: None }, &browser, 2, true);
        let wants = world.at_work(opens, HOUR, 12 * DAY);
        world.then(wants, lead, Step::Ask);
    }
}

/// A badge scanned at a stand.
pub(super) fn meet_at_show(world: &mut World, at: Timestamp, route: &Route) {
    let lead = meet_outside(world, at, route, "booth");
    begin(world, at.plus(30 * SECOND), lead, false);
}

/// A lead that the CRM knows before the site does.
fn meet_outside(world: &mut World, at: Timestamp, route: &Route, content: &str) -> LeadKey {
    let buys = world.chance.percent(route.quality.mql);
    let company = people::employer(world);
    let title = people::title(&mut world.chance, buys);
    let lead = add(world, route, Some(company), title, buys, Vec::new());
    let (source, medium, campaign) = route.utm;
    let origin = [
        ("origin_source", source),
        ("origin_medium", medium),
        ("origin_campaign", campaign),
        ("origin_content", content),
    ];
    update(world, at, lead, &origin);
    lead
}

/// Sales adds somebody of the same company to a deal.
pub(super) fn join(world: &mut World, at: Timestamp, company: u32, title: &'static str) -> LeadKey {
    let lead = add(world, &COMMITTEE, Some(company), title, true, Vec::new());
    world.leads[lead as usize].mailed = false;
    update(world, at, lead, &[]);
    let opens = world.later(at, HOUR, 4 * DAY);
    world.then(opens, lead, Step::Click(Shelf::CaseStudy, "sales", Text::from("deal-room")));
    for _ in 0..world.chance.below(3) {
        let looks = world.later(opens, HOUR, 25 * DAY);
        world.then(looks, lead, Step::Return);
    }
    lead
}
