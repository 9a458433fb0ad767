//! Which interactions become touches, and of whom.

use super::given::*;
use super::world::World;
use smarketing_kernel::event::*;
use smarketing_kernel::time::Timestamp;

const GOOGLE: &str = "?utm_source=google&utm_medium=cpc";
const LINKEDIN: &str = "?utm_source=linkedin&utm_medium=paid_social";

/// The touches of lead 1 after these events, however they arrive.
#[track_caller]
fn check(events: &[Happened], expect: &[&str]) {
    assert_eq!(World::after(events).touches(&text(1)), expect);
    let mut world = World::new(3);
    events.iter().rev().for_each(|event| world.see(std::slice::from_ref(event)));
    assert_eq!(world.touches(&text(1)), expect, "the other way round");
    world.audit();
}

/// Page views of one browser, and a form much later that says whose it is.
#[track_caller]
fn visits(views: &[(&str, i64, String)], expect: &[&str]) {
    let mut events: Vec<_> = views.iter().map(|(id, minute, path)| view(id, "v", at(0, *minute), path)).collect();
    events.push(form("form", Some("v"), at(0, 900), lead(1), "/hello"));
    let mut all = expect.to_vec();
    all.push("form form Direct /hello");
    check(&events, &all);
}

fn page(id: &'static str, minute: i64, path: &str) -> (&'static str, i64, String) {
    (id, minute, path.to_string())
}

#[test]
fn sessions_end_after_a_gap_or_with_another_source() {
    visits(&[page("a", 0, "/"), page("b", 30, "/x")], &["a visit Direct /"]);
    visits(&[page("a", 0, "/"), page("b", 31, "/x")], &["a visit Direct /", "b visit Direct /x"]);
    // A late page view bridges the two.
    visits(&[page("a", 0, "/"), page("c", 60, "/x"), page("b", 30, "/y")], &["a visit Direct /"]);
    let ads = format!("/x{GOOGLE}");
    visits(&[page("a", 0, "/"), page("b", 5, &ads)], &["a visit Direct /", "b visit Paid Search /x"]);
    visits(&[page("a", 0, &ads), page("b", 5, "/y"), page("c", 9, &ads)], &["a visit Paid Search /x"]);
    let social = format!("/x{LINKEDIN}");
    visits(&[page("a", 0, &ads), page("b", 5, &social)], &["a visit Paid Search /x", "b visit Paid Social /x"]);
}

#[test]
fn a_foreign_referrer_is_a_source_an_own_one_is_none() {
    let arrival = |referrer: &str| {
        [
            view("a", "v", at(0, 0), "/"),
            from(referrer, view("b", "v", at(0, 5), "/x")),
            form("f", Some("v"), at(0, 900), lead(1), "/hello"),
        ]
    };
    let search = ["a visit Direct /", "b visit Organic Search /x", "f form Direct /hello"];
    check(&arrival("https://www.google.com/"), &search);
    check(&arrival("https://blog.smark.example/post"), &["a visit Direct /", "f form Direct /hello"]);
    check(&arrival("https://accounts.google.com/login"), &["a visit Direct /", "f form Direct /hello"]);
}

#[test]
fn one_touch_a_session_channel_campaign_and_content_takes_the_strongest_kind() {
    let landing = |form_path: &str| {
        [view("a", "v", at(0, 0), &format!("/x{GOOGLE}")), form("f", Some("v"), at(0, 5), lead(1), form_path)]
    };
    check(&landing("/x"), &["a form Paid Search /x"]);
    check(&landing("/hello"), &["a visit Paid Search /x", "f form Paid Search /hello"]);
}

#[test]
fn browsers_belong_to_the_lead_of_their_latest_link() {
    let mut events = vec![
        view("early", "v", at(0, 0), "/"),
        form("f1", Some("v"), at(1, 0), lead(1), "/hello"),
        view("middle", "v", at(4, 0), "/"),
        form("f2", Some("v"), at(6, 0), lead(2), "/hello"),
        view("late", "v", at(8, 0), "/"),
    ];
    check(&events, &["early visit Direct /", "f1 form Direct /hello", "middle visit Direct /"]);
    assert_eq!(World::after(&events).touches(&text(2)), ["f2 form Direct /hello", "late visit Direct /"]);
    // A link that arrives late takes the touch in the middle away.
    events.push(known(lead(3), view("seen", "v", at(3, 0), "/y")));
    check(&events, &["early visit Direct /", "f1 form Direct /hello"]);
    assert_eq!(World::after(&events).touches(&text(3)), ["seen visit Direct /y", "middle visit Direct /"]);
}

#[test]
fn what_was_anonymous_is_looked_back_on_for_ninety_days() {
    let linked_at =
        |at: Timestamp| [view("a", "v", super::given::at(0, 0), "/"), form("f", Some("v"), at, lead(1), "/hello")];
    check(&linked_at(at(90, 0)), &["a visit Direct /", "f form Direct /hello"]);
    check(&linked_at(at(90, 1)), &["f form Direct /hello"]);
}

#[test]
fn a_mail_click_and_the_session_it_opens_are_one_touch() {
    let click = || mail("m", at(0, 0), lead(1), EmailKind::Clicked, Some("/ebook"), Some("v"));
    let with = |view: Happened| [click(), view];
    check(&with(view("a", "v", at(0, 10), "/ebook")), &["m email_click Email /ebook"]);
    check(&with(view("a", "v", at(0, 11), "/ebook")), &["m email_click Email /ebook", "a visit Direct /ebook"]);
    check(&with(view("a", "v", at(0, 3), "/other")), &["m email_click Email /ebook", "a visit Direct /other"]);
    let tagged = "/other?utm_source=news&utm_medium=email&utm_campaign=spring";
    check(&with(view("a", "v", at(0, 3), tagged)), &["m email_click Email /other"]);
    // What else happens in that session came from the mail, too; a second click opened nothing.
    let more = [
        click(),
        view("a", "v", at(0, 1), "/ebook"),
        form("f", Some("v"), at(0, 5), lead(1), "/hello"),
        mail("m2", at(0, 0), lead(1), EmailKind::Clicked, Some("/ebook"), Some("v")),
    ];
    check(&more, &["m email_click Email /ebook", "m2 email_click Email /ebook", "f form Email /hello"]);
    // The click is a touch of the session, however long before it: a form on the page it led to is the same touch.
    let same = [click(), view("a", "v", at(0, 10), "/ebook"), form("f", Some("v"), at(0, 12), lead(1), "/ebook")];
    check(&same, &["m form Email /ebook"]);
}

#[test]
fn what_people_say_stands_beside_what_was_seen_and_earns_nothing_by_default() {
    let fields = [("how_did_you_hear_about_us", "A friend")];
    let events = [form_with("f", None, at(0, 0), lead(1), "/hello", &fields)];
    check(&events, &["f form Direct /hello", "f#self_reported self_reported Unassigned /hello"]);
    let world = World::after(&events);
    let credit = world.credit(&format!("lead:{}", text(1)), "linear");
    assert_eq!(credit, [("f".to_string(), 1_000_000), ("f#self_reported".to_string(), 0)]);
}

#[test]
fn content_that_sales_shared_and_the_lead_opened_is_enablement() {
    let opened = |day| {
        [
            activity("s", at(0, 0), lead(1), ActivityKind::ContentShared, Some("/case")),
            form("f", Some("v"), at(0, 1), lead(1), "/hello"),
            view("a", "v", at(day, 0), "/case"),
        ]
    };
    check(&opened(30), &["f form Direct /hello", "a enablement Direct /case"]);
    check(&opened(31), &["f form Direct /hello", "a visit Direct /case"]);
}

#[test]
fn a_crm_tells_the_origin_of_a_lead_once() {
    let told = |id, day| {
        let origin = [("origin_source", "Trade Show"), ("origin_content", "/booth")];
        update(id, at(day, 0), lead(1), |change| change.attributes = attributes(&origin))
    };
    check(&[told("u1", 0), told("u2", 3)], &["u1 visit Unassigned /booth"]);
}

#[test]
fn suppressed_touches_are_gone_and_their_credit_is_spread_again() {
    let events = [
        view("a", "v", at(0, 0), "/careers/engineer"),
        view("b", "v", at(1, 0), "/x"),
        form("f", Some("v"), at(2, 0), lead_at(1, "acme.example"), "/hello"),
    ];
    let world = |paths: &str, domains: &str| {
        let mut world = World::with(1, |definitions| {
            definitions.suppress.paths = paths.into();
            definitions.suppress.domains = domains.into();
        });
        world.see(&events);
        world.audit();
        world
    };
    assert_eq!(world("", "").touches(&text(1)).len(), 3);
    assert_eq!(world("/careers*", "").touches(&text(1)), ["b visit Direct /x", "f form Direct /hello"]);
    let nobody = world("", "acme.example");
    assert!(nobody.touches(&text(1)).is_empty());
    assert_eq!(nobody.credit(&format!("lead:{}", text(1)), "first"), [("-".to_string(), 1_000_000)]);
}

#[test]
fn bots_are_counted_and_neither_journeyed_nor_believed() {
    let bot = by_agent("Googlebot/2.1 (+http://www.google.com/bot.html)", view("bot", "v", at(0, 0), "/"));
    let bot = known(lead(2), bot);
    let events = [bot, view("a", "v", at(0, 5), "/x"), form("f", Some("v"), at(0, 900), lead(1), "/hello")];
    check(&events, &["a visit Direct /x", "f form Direct /hello"]);
    let world = World::after(&events);
    let seen: Vec<_> = world.tables.web_events.live().map(|row| (&*row.event_id, row.bot, row.lead.len())).collect();
    assert_eq!(seen, [("bot", true, 6), ("a", false, 32)]);
    assert_eq!(world.tables.leads.live().count(), 1);
}
