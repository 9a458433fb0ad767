//! Marketing mail: a nurture sequence after the first form, and a newsletter every other Tuesday.

use super::calendar::weekday;
use super::lead::{self, LeadKey, Step};
use super::site::Shelf;
use super::visit::{self, Stop};
use super::world::{DAY, HOUR, MINUTE, SECOND, World};
use smarketing_kernel::event::{Body, EmailEngaged, EmailKind, ErasureRequested};
use smarketing_kernel::text::Text;
use smarketing_kernel::time::Timestamp;

/// Days between the mails of the nurture sequence.
const NURTURE_GAPS: [i64; 4] = [1, 3, 5, 7];
const NURTURE_SHELVES: [Shelf; 4] = [Shelf::Blog, Shelf::CaseStudy, Shelf::Webinar, Shelf::Product];

/// A mail on its way to one lead.
struct Mail {
    campaign: Text,
    content_id: Text,
    source: &'static str,
    shelf: Shelf,
    /// Of a hundred mails, how many are clicked.
    clicks: u64,
}

/// Puts a new lead on the lists.
pub(super) fn subscribe(world: &mut World, at: Timestamp, lead: LeadKey) {
    let first = world.later(at, 20 * HOUR, 28 * HOUR);
    world.then(first, lead, Step::Nurture(0));
    let issue = next_issue(at);
    world.then(issue, lead, Step::Newsletter);
}

/// The nurture mail of this number.
pub(super) fn nurture(world: &mut World, at: Timestamp, lead: LeadKey, number: u8) {
    let step = usize::from(number);
    let (Some(shelf), Some(content)) =
        (NURTURE_SHELVES.get(step), ["nurture-1", "nurture-2", "nurture-3", "nurture-4"].get(step))
    else {
        return;
    };
    let eager = world.leads[lead as usize].buys;
    let mail = Mail {
        campaign: Text::from("nurture-first-steps"),
        content_id: Text::from(*content),
        source: "nurture",
        shelf: *shelf,
        clicks: if eager { 18 } else { 7 },
    };
    if send(world, at, lead, &mail)
        && let Some(gap) = NURTURE_GAPS.get(step + 1)
    {
        world.then(at.plus(gap * DAY), lead, Step::Nurture(number + 1));
    }
}

/// The newsletter that is due.
pub(super) fn newsletter(world: &mut World, at: Timestamp, lead: LeadKey) {
    let (year, month, day) = at.day().civil();
    let eager = world.leads[lead as usize].buys;
    let mail = Mail {
        campaign: Text::from(format!("newsletter-{year}-{month:02}-{day:02}")),
        content_id: Text::from("newsletter"),
        source: "newsletter",
        shelf: Shelf::Blog,
        clicks: if eager { 9 } else { 4 },
    };
    if send(world, at, lead, &mail) {
        world.then(next_issue(at), lead, Step::Newsletter);
    }
}

/// Nine o'clock on the next Tuesday of an even week.
fn next_issue(after: Timestamp) -> Timestamp {
    let mut day = after.day();
    loop {
        day.0 += 1;
        if weekday(day) == 1 && (day.0 - 5) / 7 % 2 == 0 {
            return day.start().plus(9 * HOUR);
        }
    }
}

/// Sends a mail and lets happen what follows; `false` when no other may follow.
fn send(world: &mut World, at: Timestamp, lead: LeadKey, mail: &Mail) -> bool {
    if !world.leads[lead as usize].mailed {
        return false;
    }
    let sent = world.later(at, 0, 25 * MINUTE);
    engage(world, sent, lead, mail, EmailKind::Sent);
    let arrived = world.later(sent, 2 * SECOND, 90 * SECOND);
    if world.chance.one_in(90) {
        engage(world, arrived, lead, mail, EmailKind::Bounced);
        world.leads[lead as usize].mailed = false;
        return false;
    }
    engage(world, arrived, lead, mail, EmailKind::Delivered);
    if !world.chance.percent(36) {
        return true;
    }
    let opened = world.later(arrived, MINUTE, 20 * HOUR);
    engage(world, opened, lead, mail, EmailKind::Opened);
    if world.chance.percent(mail.clicks * 100 / 36) {
        world.then(opened.plus(20 * SECOND), lead, Step::Click(mail.shelf, mail.source, mail.campaign.clone()));
    }
    if world.chance.one_in(60) {
        leave(world, opened, lead, mail);
    }
    world.leads[lead as usize].mailed
}

/// Off the list; a few want to be forgotten altogether.
fn leave(world: &mut World, at: Timestamp, lead: LeadKey, mail: &Mail) {
    engage(world, at.plus(MINUTE), lead, mail, EmailKind::Unsubscribed);
    let person = &mut world.leads[lead as usize];
    person.mailed = false;
    let address = person.address();
    if !person.buys && world.chance.one_in(12) {
        world.leads[lead as usize].gone = true;
        let asked = world.later(at, HOUR, 2 * DAY);
        world.tell(asked, Body::ErasureRequested(ErasureRequested::Lead(address)));
    }
}

fn engage(world: &mut World, at: Timestamp, lead: LeadKey, mail: &Mail, kind: EmailKind) {
    let event = EmailEngaged {
        lead: world.leads[lead as usize].address(),
        kind,
        campaign: mail.campaign.clone(),
        content_id: Some(mail.content_id.clone()),
        link_url: None,
        visitor_id: None,
    };
    world.tell(at, Body::EmailEngaged(event));
}

/// A link in a mail is clicked, on the telephone as often as not, and the page opens seconds later.
pub(super) fn click(
    world: &mut World,
    at: Timestamp,
    lead: LeadKey,
    shelf: Shelf,
    source: &'static str,
    campaign: Text,
) {
    let browser = lead::browser_for_mail(world, lead);
    let page = world.site.page(&mut world.chance, shelf);
    let link = world.site.mailed(page, source, &campaign);
    let event = EmailEngaged {
        lead: world.leads[lead as usize].address(),
        kind: EmailKind::Clicked,
        campaign,
        content_id: None,
        link_url: Some(link.clone()),
        visitor_id: Some(browser.visitor.clone()),
    };
    world.tell(at, Body::EmailEngaged(event));
    let opened = world.later(at, SECOND, 6 * SECOND);
    let count = visit::pages(&mut world.chance);
    let buying = world.leads[lead as usize].buys;
    visit::wander(world, Stop { at: opened, page, url: link, referrer: None }, &browser, count, buying);
}
