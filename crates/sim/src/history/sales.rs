//! Sales: the hand-over, the verdict, meetings, and deals from the first talk to the signature or the reason why not.

use super::lead::{self, LeadKey, Step};
use super::people::{self, SIZES};
use super::site::Shelf;
use super::world::{DAY, HOUR, MINUTE, World};
use smarketing_kernel::event::{
    ActivityKind, Address, Body, Contact, DealChanged, DealKind, DealType, LeadReviewed, SalesActivity, Verdict,
};
use smarketing_kernel::money::Currency;
use smarketing_kernel::text::Text;
use smarketing_kernel::time::Timestamp;

/// A deal, kept by the lead who wants it.
#[derive(Debug)]
pub(super) struct Deal {
    id: Text,
    /// Whole units of the currency.
    amount: i64,
    contacts: Vec<LeadKey>,
    deal_type: DealType,
    stage: usize,
}

const STAGES: &[&str] = &["discovery", "solution", "proposal", "negotiation"];
const REJECTED: &[&str] =
    &["company too small", "no budget", "not a buyer", "wrong contact data", "student or job seeker"];
const RECYCLED: &[&str] = &["no budget this year", "timing", "no answer"];
const LOST: &[&str] = &["price", "competitor", "no decision", "no decision", "missing feature", "timing"];

/// A lead that wants to buy is handed to sales. Most are worked within hours; some wait too long.
pub(super) fn hand_over(world: &mut World, at: Timestamp, lead: LeadKey) {
    let (low, high) = world.chance.pick(&[
        (10 * MINUTE, 2 * HOUR),
        (10 * MINUTE, 2 * HOUR),
        (10 * MINUTE, 2 * HOUR),
        (HOUR, 8 * HOUR),
        (HOUR, 8 * HOUR),
        (8 * HOUR, 26 * HOUR),
        (8 * HOUR, 26 * HOUR),
        (DAY, 3 * DAY),
        (2 * DAY, 7 * DAY),
    ]);
    let reviewed = world.at_work(at, low, high);
    world.then(reviewed, lead, Step::Review);
}

/// A call, and what sales thinks of the lead.
pub(super) fn review(world: &mut World, at: Timestamp, lead: LeadKey) {
    let person = &world.leads[lead as usize];
    let accepted = if person.buys { person.quality.accepted } else { person.quality.accepted / 4 };
    activity(world, at, lead, ActivityKind::Call, None);
    let said = world.later(at, 5 * MINUTE, 5 * HOUR);
    if world.chance.percent(accepted) {
        verdict(world, said, lead, Verdict::Accepted, None);
        let meets = world.at_work(said, DAY, 7 * DAY);
        world.then(meets, lead, Step::Meet);
    } else {
        let reason = world.chance.pick(REJECTED);
        let (verdict_is, reason) =
            if world.chance.one_in(6) { (Verdict::Disqualified, "competitor") } else { (Verdict::Rejected, reason) };
        verdict(world, said, lead, verdict_is, Some(reason));
    }
}

/// The first meeting: it is a deal, or not now.
pub(super) fn meet(world: &mut World, at: Timestamp, lead: LeadKey) {
    activity(world, at, lead, ActivityKind::Meeting, None);
    let said = world.later(at, 40 * MINUTE, 3 * HOUR);
    let person = &world.leads[lead as usize];
    let qualified = if person.buys { person.quality.sql } else { person.quality.sql / 3 };
    if world.chance.percent(qualified) {
        verdict(world, said, lead, Verdict::Qualified, None);
        if world.chance.percent(92) {
            let opens = world.later(said, 10 * MINUTE, 30 * HOUR);
            world.then(opens, lead, Step::Open(DealType::New));
        }
    } else {
        let reason = world.chance.pick(RECYCLED);
        verdict(world, said, lead, Verdict::Recycled, Some(reason));
        if world.leads[lead as usize].buys && world.chance.percent(38) {
            let again = world.at_work(said, 25 * DAY, 70 * DAY);
            world.then(again, lead, Step::Ask);
        }
    }
}

fn verdict(world: &mut World, at: Timestamp, lead: LeadKey, verdict: Verdict, reason: Option<&str>) {
    let person = &world.leads[lead as usize];
    let review = LeadReviewed {
        lead: person.crm_address(),
        verdict,
        reason: reason.map(Text::from),
        rep: Some(Text::from(person.rep)),
    };
    world.tell(at, Body::LeadReviewed(review));
}

fn activity(world: &mut World, at: Timestamp, lead: LeadKey, kind: ActivityKind, content_url: Option<Text>) {
    let person = &world.leads[lead as usize];
    let outcome = match kind {
        ActivityKind::Call => Some("reached"),
        ActivityKind::Meeting | ActivityKind::Demo => Some("held"),
        ActivityKind::Email | ActivityKind::ContentShared => None,
    };
    let activity = SalesActivity {
        lead: person.crm_address(),
        kind,
        content_url,
        rep: Some(Text::from(person.rep)),
        outcome: outcome.map(Text::from),
    };
    world.tell(at, Body::SalesActivity(activity));
}

/// A deal opens, unless the company already has one: then the lead joins that.
pub(super) fn open(world: &mut World, at: Timestamp, lead: LeadKey, deal_type: DealType) {
    let company = world.leads[lead as usize].company;
    let champion = company.and_then(|key| world.companies[key as usize].champion);
    if let Some(champion) = champion.filter(|champion| world.leads[*champion as usize].deal.is_some()) {
        return add_contact(world, at, champion, lead);
    }
    let (_, _, low, high) = SIZES[world.leads[lead as usize].size];
    let whole = world.chance.between(low / 500, high / 500) * 500;
    let amount = if deal_type == DealType::New { whole } else { (whole / 1_000).max(1) * 500 };
    let contacts = contacts(world, at, lead, company, deal_type);
    if let Some(company) = company {
        world.companies[company as usize].champion = Some(lead);
    }
    let deal = Deal { id: world.name("d-"), amount, contacts, deal_type, stage: 0 };
    world.leads[lead as usize].deal = Some(Box::new(deal));
    let named = contact_rows(world, lead);
    change(world, at.plus(2 * MINUTE), lead, DealKind::Created, |deal| {
        deal.contacts = named;
        deal.deal_type = Some(deal_type);
    });
    next_advance(world, at, lead);
}

/// The lead itself, up to two colleagues who want it, too, and often somebody sales brings in.
fn contacts(
    world: &mut World,
    at: Timestamp,
    lead: LeadKey,
    company: Option<u32>,
    deal_type: DealType,
) -> Vec<LeadKey> {
    let mut contacts = vec![lead];
    let Some(company) = company else { return contacts };
    let colleagues = world.companies[company as usize].members.iter().copied().filter(|member| *member != lead);
    let useful = |member: &LeadKey| world.leads[*member as usize].buys;
    contacts.extend(colleagues.filter(useful).take(2));
    if deal_type == DealType::New && contacts.len() < 3 && world.chance.percent(45) {
        let (title, _) = world.chance.pick(people::COMMITTEE);
        contacts.push(lead::join(world, at, company, title));
    }
    contacts
}

fn contact_rows(world: &mut World, champion: LeadKey) -> Option<Vec<Contact<Address>>> {
    let deal = world.leads[champion as usize].deal.as_ref()?;
    let role = |index: usize| if index == 0 { "primary" } else { people::COMMITTEE[index % people::COMMITTEE.len()].1 };
    let row = |(index, lead): (usize, &LeadKey)| Contact {
        lead: world.leads[*lead as usize].crm_address(),
        role: Some(Text::from(role(index))),
    };
    Some(deal.contacts.iter().enumerate().map(row).collect())
}

fn add_contact(world: &mut World, at: Timestamp, champion: LeadKey, lead: LeadKey) {
    let Some(deal) = world.leads[champion as usize].deal.as_mut() else { return };
    if deal.contacts.contains(&lead) {
        return;
    }
    deal.contacts.push(lead);
    let named = contact_rows(world, champion);
    change(world, at, champion, DealKind::Updated, |deal| deal.contacts = named);
}

/// Tells a change of a lead's deal; `set` fills in what is beyond stage and amount.
fn change(
    world: &mut World,
    at: Timestamp,
    champion: LeadKey,
    kind: DealKind,
    set: impl FnOnce(&mut DealChanged<Address>),
) {
    let person = &world.leads[champion as usize];
    let Some(deal) = &person.deal else { return };
    let company = person.company.map(|key| &world.companies[key as usize]);
    let stage = match kind {
        DealKind::Won => "closed won",
        DealKind::Lost => "closed lost",
        _ => STAGES[deal.stage.min(STAGES.len() - 1)],
    };
    let mut changed = DealChanged {
        deal_id: deal.id.clone(),
        kind,
        account_id: company.map(|company| company.crm_id.clone()),
        account_domain: company.map(|company| company.domain.clone()),
        contacts: None,
        amount_minor: Some(deal.amount * 100),
        currency: Currency::parse(person.currency()),
        stage: Some(Text::from(stage)),
        pipeline: Some(Text::from(if deal.deal_type == DealType::New { "new business" } else { "customers" })),
        owner: Some(Text::from(person.rep)),
        reason: None,
        deal_type: None,
        merged_into: None,
    };
    set(&mut changed);
    world.tell(at, Body::DealChanged(changed));
}

fn next_advance(world: &mut World, at: Timestamp, lead: LeadKey) {
    let next = world.at_work(at, 3 * DAY, 13 * DAY);
    world.then(next, lead, Step::Advance);
}

/// The next stage of a deal; after the last it closes. One deal in eight dies early.
pub(super) fn advance(world: &mut World, at: Timestamp, lead: LeadKey) {
    let Some(deal) = &mut world.leads[lead as usize].deal else { return };
    let small = deal.deal_type != DealType::New;
    deal.stage += if small { 2 } else { 1 };
    let stage = deal.stage;
    if stage >= STAGES.len() {
        return close(world, at, lead);
    }
    if world.chance.one_in(14) {
        return lose(world, at, lead);
    }
    if stage == 2 && world.chance.percent(34) {
        negotiate(world, lead);
    }
    work(world, at, lead, stage);
    change(world, at, lead, DealKind::StageChanged, |_| ());
    next_advance(world, at, lead);
}

/// The amount moves: a tenth more, or some discount.
fn negotiate(world: &mut World, lead: LeadKey) {
    let percent = world.chance.pick(&[85, 90, 95, 110, 120]);
    if let Some(deal) = &mut world.leads[lead as usize].deal {
        deal.amount = (deal.amount * percent / 100).max(500);
    }
}

/// A demo or a meeting, and something to read for one of the people on the deal.
fn work(world: &mut World, at: Timestamp, lead: LeadKey, stage: usize) {
    let kind = if stage == 1 { ActivityKind::Demo } else { ActivityKind::Meeting };
    activity(world, at, lead, kind, None);
    let contacts = world.leads[lead as usize].deal.as_ref().map(|deal| deal.contacts.clone()).unwrap_or_default();
    if contacts.is_empty() || !world.chance.percent(60) {
        return;
    }
    let reader = world.chance.pick(&contacts);
    let page = world.site.page(&mut world.chance, Shelf::CaseStudy);
    let url = world.site.url(page);
    activity(world, at.plus(20 * MINUTE), reader, ActivityKind::ContentShared, Some(url));
    if world.chance.percent(65) {
        let reads = world.later(at, 30 * MINUTE, 3 * DAY);
        world.then(reads, reader, Step::Read(page));
    }
}

fn close(world: &mut World, at: Timestamp, lead: LeadKey) {
    let small = world.leads[lead as usize].deal.as_ref().is_some_and(|deal| deal.deal_type != DealType::New);
    let chance = if small { 80 } else { world.leads[lead as usize].quality.won };
    if !world.chance.percent(chance) {
        return lose(world, at, lead);
    }
    change(world, at, lead, DealKind::Won, |_| ());
    if world.chance.one_in(30) {
        negotiate(world, lead);
        let again = world.at_work(at, 2 * DAY, 9 * DAY);
        return world.then(again, lead, Step::Reopen);
    }
    world.leads[lead as usize].deal = None;
    if world.chance.percent(26) {
        let more = world.at_work(at, 20 * DAY, 60 * DAY);
        world.then(more, lead, Step::Open(DealType::Expansion));
    } else if world.chance.percent(15) {
        let renewal = world.at_work(at, 80 * DAY, 100 * DAY);
        world.then(renewal, lead, Step::Open(DealType::Renewal));
    }
}

fn lose(world: &mut World, at: Timestamp, lead: LeadKey) {
    let reason = world.chance.pick(LOST);
    change(world, at, lead, DealKind::Lost, |deal| deal.reason = Some(Text::from(reason)));
    if world.chance.percent(9) {
        let again = world.at_work(at, 8 * DAY, 25 * DAY);
        world.then(again, lead, Step::Reopen);
    } else {
        world.leads[lead as usize].deal = None;
    }
}

/// A closed deal opens again and is closed anew within days.
pub(super) fn reopen(world: &mut World, at: Timestamp, lead: LeadKey) {
    if let Some(deal) = &mut world.leads[lead as usize].deal {
        deal.stage = STAGES.len() - 1;
    }
    change(world, at, lead, DealKind::Reopened, |_| ());
    next_advance(world, at, lead);
}
