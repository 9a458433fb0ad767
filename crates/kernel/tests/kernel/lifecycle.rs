//! Creation, scores, stages and hand-offs.

use super::given::*;
use super::world::World;
use smarketing_kernel::event::*;
use smarketing_kernel::rules::Definitions;
use smarketing_kernel::text::Text;
use smarketing_kernel::time::Timestamp;

fn said(id: &str, day: i64, minute: i64, said: Verdict) -> Happened {
    verdict(id, at(day, minute), lead(1), said, Some("no budget"))
}

/// A form outside of any session: 20 points, when its page is for no stage of the buyer.
fn filled(id: &str, day: i64) -> Happened {
    form(id, None, at(day, 0), lead(1), "/x")
}

#[track_caller]
fn check(events: &[Happened], expect: &[&str]) {
    assert_eq!(World::after(events).stages(&text(1)), expect);
    let mut world = World::new(2);
    events.iter().rev().for_each(|event| world.see(std::slice::from_ref(event)));
    assert_eq!(world.stages(&text(1)), expect, "the other way round");
    world.audit();
}

#[test]
fn a_lead_is_created_by_evidence_not_by_mail_that_was_sent() {
    let mail = |kind| mail("mail", at(2, 0), lead(1), kind, None, None);
    for kind in EmailKind::ALL {
        let world = World::after(&[mail(*kind)]);
        let expect = matches!(kind, EmailKind::Clicked | EmailKind::Replied);
        assert_eq!(world.tables.leads.live().count() == 1, expect, "{kind:?}");
        assert_eq!(world.tables.lead_events.live().count(), 1, "{kind:?} is on the timeline");
    }
    for event in [
        form("e", None, at(3, 0), lead(1), "/x"),
        known(lead(1), view("e", "v", at(3, 0), "/x")),
        update("e", at(3, 0), lead(1), |_| {}),
        said("e", 3, 0, Verdict::Accepted),
        activity("e", at(3, 0), lead(1), ActivityKind::Call, None),
        deal("e", at(3, 0), "d", DealKind::Created, |deal| deal.contacts = contacts(&[lead(1)])),
    ] {
        let name = event.body.name();
        let world = World::after(&[event, mail(EmailKind::Sent), filled("later", 9)]);
        assert_eq!(world.lead(&text(1)).created_at, Some(at(3, 0)), "{name}");
        assert_eq!(world.conversion(&format!("lead:{}", text(1))).converted_at, at(3, 0), "{name}");
    }
}

#[test]
fn the_score_crosses_the_threshold_when_the_events_say_so() {
    // 20, 40, 60: over 50 at the third form.
    check(&[filled("a", 0), filled("b", 0), filled("c", 0)], &["lead", "mql"]);
    // A half-life apart: 20, 30, 35, 37.50.
    let apart = [filled("a", 0), filled("b", 30), filled("c", 60), filled("d", 90)];
    check(&apart, &["lead"]);
    let world = World::after(&apart);
    let row = world.lead(&text(1));
    assert_eq!((row.fit_centi, row.behaviour_centi, row.score_centi), (0, 3_750, 3_750));
    // Fit counts as well: an executive (20) of a company (5).
    let fit = [("title", "VP Sales")];
    let executive = |id, minute| form_with(id, None, at(0, minute), lead_at(1, "acme.example"), "/x", &fit);
    check(&[executive("a", 0), executive("b", 1)], &["lead", "mql"]);
    check(&[executive("a", 0)], &["lead"]);
    // What an anonymous browser did counts from the moment it has a name.
    let mut browsed: Vec<_> = (0..10).map(|day| view(&format!("v{day}"), "v", at(day, 0), "/x")).collect();
    browsed.push(form("f", Some("v"), at(20, 0), lead(1), "/x"));
    check(&browsed, &["lead"]);
    browsed.push(form("g", Some("v"), at(21, 0), lead(1), "/x"));
    check(&browsed, &["lead", "mql"]);
}

/// The hand-offs' times say when the score crossed.
#[track_caller]
fn crosses(events: &[Happened], days: &[i64]) {
    let mqls = |world: &World| -> Vec<Timestamp> {
        let entries = world.tables.stage_entries.live().filter(|entry| entry.stage == Stage::Mql);
        entries.map(|entry| entry.entered_at).collect()
    };
    let expect: Vec<_> = days.iter().map(|day| at(*day, 0)).collect();
    let worth = |definitions: &mut Definitions| definitions.scoring.business_domain = 15;
    let mut world = World::with(1, worth);
    world.see(events);
    assert_eq!(mqls(&world), expect, "{events:?}");
    let mut world = World::with(2, worth);
    events.iter().rev().for_each(|event| world.see(std::slice::from_ref(event)));
    assert_eq!(mqls(&world), expect, "the other way round");
    world.audit();
}

#[test]
fn fit_counts_from_when_it_was_known() {
    let told = |id, day, value: &str| {
        let title = attributes(&[("title", value)]);
        update(id, at(day, 0), lead(1), |change| change.attributes = title)
    };
    let two = || vec![filled("a", 0), filled("b", 0)];
    let and = |more: Vec<Happened>| [two(), more].concat();
    // 40 points and 20 of an executive: at the moment the title is known, as long as enough is left of the 40.
    crosses(&two(), &[]);
    crosses(&and(vec![told("t", 1, "CEO")]), &[1]);
    crosses(&and(vec![told("t", 60, "CEO")]), &[]);
    crosses(&and(vec![told("t", -1, "CEO")]), &[0]);
    // What comes late is as old as it says, and what was known later is no matter of before.
    crosses(&and(vec![told("t", 60, "CEO"), told("u", 2, "CEO")]), &[2]);
    crosses(&and(vec![told("t", 1, "Intern"), filled("c", 2), told("u", 3, "CEO")]), &[2]);
    // Who turns out to be another keeps what was.
    crosses(&and(vec![told("t", 1, "CEO"), told("u", 2, "Intern")]), &[1]);
    // The CRM's word on the persona, and the company behind an address.
    crosses(&and(vec![update("p", at(1, 0), lead(1), |change| change.persona = Some("executive".into()))]), &[1]);
    crosses(&and(vec![mail("m", at(1, 0), lead_at(1, "acme.example"), EmailKind::Sent, None, None)]), &[1]);
    // A lead that sales gave back is qualified by what is learned of it, not by what was known.
    let back = |day| said("r", day, 0, Verdict::Recycled);
    crosses(&and(vec![told("t", 1, "CEO"), back(2), filled("c", 3), filled("d", 3), told("u", 4, "VP")]), &[1, 3]);
    crosses(&and(vec![back(1), filled("c", 2), filled("d", 2), told("t", 3, "CEO")]), &[3]);
}

#[test]
fn sales_sends_back_and_marketing_starts_again() {
    let mut events = vec![filled("a", 0), filled("b", 0), filled("c", 0), said("r", 1, 0, Verdict::Recycled)];
    check(&events, &["lead", "mql", "recycled"]);
    events.extend([filled("d", 2), filled("e", 2)]);
    check(&events, &["lead", "mql", "recycled"]);
    events.push(filled("f", 2));
    check(&events, &["lead", "mql", "recycled", "mql"]);
    let world = World::after(&events);
    assert_eq!((world.lead(&text(1)).mqls, world.lead(&text(1)).stage), (2, Stage::Mql));
    assert!(world.has_conversion(&format!("mql:{}:{}", text(1), at(2, 0).0)));
    let recycled = world.tables.stage_entries.live().find(|entry| entry.stage == Stage::Recycled).unwrap();
    assert_eq!((&*recycled.reason, recycled.from_stage, recycled.previous_ms), ("no budget", Stage::Mql, 86_400_000));
}

#[test]
fn a_skipped_stage_is_entered_with_the_later_one() {
    check(&[filled("a", 0), said("q", 1, 0, Verdict::Qualified)], &["lead", "mql?", "sal?", "sql"]);
    check(&[said("d", 0, 0, Verdict::Disqualified)], &["lead", "disqualified"]);
    let crm = |id, day, stage| update(id, at(day, 0), lead(1), |change| change.stage = Some(stage));
    check(&[crm("a", 0, Stage::Sql), crm("b", 1, Stage::Mql)], &["lead", "mql?", "sal?", "sql"]);
    let opened = deal("d", at(1, 0), "d", DealKind::Created, |deal| deal.contacts = contacts(&[lead(1)]));
    let won = deal("w", at(2, 0), "d", DealKind::Won, |_| {});
    check(&[filled("a", 0), opened, won], &["lead", "mql?", "sal?", "sql?", "opportunity", "customer"]);
    // The CRM names the contact long after the deal was opened: nothing happens before the lead exists.
    let old = deal("d", at(1, 0), "d", DealKind::Created, |_| {});
    let named = deal("n", at(5, 0), "d", DealKind::Updated, |deal| deal.contacts = contacts(&[lead(1)]));
    let world = World::after(&[old, named]);
    assert!(world.tables.stage_entries.live().all(|entry| entry.entered_at == at(5, 0)));
}

#[test]
fn an_entry_keeps_the_score_of_its_moment() {
    // Three forms of 20 points, half of them left after 30 days; a lead exists before it behaves.
    let mut events = vec![filled("a", 0), filled("b", 0), filled("c", 0), said("r", 30, 0, Verdict::Rejected)];
    events.extend([filled("d", 31), filled("e", 31), filled("f", 31), said("q", 61, 0, Verdict::Qualified)]);
    let world = World::after(&events);
    let scores: Vec<_> = world.tables.stage_entries.live().map(|entry| (entry.stage, entry.score_centi)).collect();
    let (first, again) = ([0, 6_000, 3_000], [6_000, 3_000, 3_000]);
    let stages = [Stage::Lead, Stage::Mql, Stage::Recycled, Stage::Mql, Stage::Sal, Stage::Sql];
    let expected: Vec<_> = stages.into_iter().zip(first.into_iter().chain(again)).collect();
    assert_eq!(scores, expected);
    assert_eq!(world.lead(&text(1)).score_centi, 3_000);
}

#[test]
fn the_company_makes_the_segment_of_the_account() {
    let told = |id, day, name: &str, value: &str| {
        let (name, value) = (Text::from(name), Text::from(value));
        update(id, at(day, 0), lead(1), move |change| change.attributes = [(name, value)].into())
    };
    let check = |events: &[Happened], segment: &str, day: Option<i64>| {
        let world = World::after(events);
        let lead = world.lead(&text(1));
        let expected = (segment, day.map(|day| at(day, 0)));
        assert_eq!((&*lead.account_segment, lead.account_segment_at), expected, "{events:?}");
    };
    check(&[told("a", 0, "title", "CFO")], "(none)", None);
    for (size, segment) in
        [("1-10", "small"), ("51-200", "mid-market"), ("1,001-5,000", "enterprise"), ("1001+", "enterprise")]
    {
        check(&[told("a", 3, "company_size", size)], segment, Some(3));
    }
    check(&[told("a", 0, "company_size", "many")], "(none)", None);
    // What the CRM calls it stands above, whenever it was said; the last word on it counts.
    let events = [
        told("a", 0, "account_segment", "Key"),
        told("b", 1, "account_segment", "Strategic "),
        told("c", 2, "employees", "7"),
    ];
    check(&events, "strategic", Some(1));
}

#[test]
fn to_and_fro_within_one_instant_keeps_one_row_an_entry() {
    let crm = update("u", at(0, 0), lead(1), |change| change.stage = Some(Stage::Sql));
    let events = [crm, said("v", 0, 0, Verdict::Recycled), said("w", 0, 0, Verdict::Qualified)];
    check(&events, &["lead", "mql?", "sal?", "sql", "recycled"]);
    assert_eq!(World::after(&events).lead(&text(1)).stage, Stage::Sql, "the order of verdicts breaks the tie");
}

#[test]
fn the_hand_off_clock_stops_at_the_first_activity_and_the_first_verdict() {
    let world = World::after(&[
        activity("before", at(0, 0), lead(1), ActivityKind::Call, None),
        filled("a", 1),
        filled("b", 1),
        filled("c", 1),
        activity("call", at(1, 30), lead(1), ActivityKind::Call, None),
        activity("again", at(1, 60), lead(1), ActivityKind::Call, None),
        said("r", 2, 0, Verdict::Rejected),
        said("late", 3, 0, Verdict::Recycled),
        filled("d", 4),
        filled("e", 4),
        filled("f", 4),
    ]);
    let handoffs: Vec<_> = world.tables.handoffs.live().collect();
    let [first, second] = handoffs[..] else { panic!("{handoffs:?}") };
    assert_eq!((first.mql_at, first.first_activity_at, first.verdict_at), (at(1, 0), Some(at(1, 30)), Some(at(2, 0))));
    assert_eq!((&*first.verdict, &*first.reason, &*first.rep), ("rejected", "no budget", "rep-1"));
    assert_eq!((second.mql_at, second.first_activity_at, &*second.verdict), (at(4, 0), None, "(none)"));
}

#[test]
fn what_the_crm_or_a_deal_says_is_the_answer_of_sales_where_sales_gives_none() {
    let crm = |id, day, stage| update(id, at(day, 0), lead(1), |change| change.stage = Some(stage));
    let opened = |day| deal("d", at(day, 0), "d", DealKind::Created, |deal| deal.contacts = contacts(&[lead(1)]));
    let mql = || vec![crm("mql", 1, Stage::Mql)];
    let check = |more: Vec<Happened>, expect: Option<(i64, &str, &str)>| {
        let mut events = mql();
        events.extend(more);
        let world = World::after(&events);
        let mut handoffs = world.tables.handoffs.live();
        let handoff = handoffs.next().unwrap();
        let answer = handoff.verdict_at.map(|at| (at, &*handoff.verdict, &*handoff.reason));
        assert_eq!(answer, expect.map(|(day, verdict, reason)| (at(day, 0), verdict, reason)), "{events:?}");
        assert_eq!((handoff.mql_at, handoff.first_activity_at), (at(1, 0), None));
    };
    check(vec![], None);
    check(vec![crm("again", 2, Stage::Mql), crm("less", 3, Stage::Lead)], None);
    for (stage, verdict) in [
        (Stage::Sal, "accepted"),
        (Stage::Sql, "qualified"),
        (Stage::Opportunity, "qualified"),
        (Stage::Customer, "qualified"),
        (Stage::Recycled, "recycled"),
        (Stage::Disqualified, "disqualified"),
    ] {
        check(vec![crm("said", 2, stage)], Some((2, verdict, "crm")));
    }
    check(vec![opened(4)], Some((4, "qualified", "deal")));
    // The first word counts; of one instant that of sales, and the CRM's before a deal's.
    check(vec![crm("sql", 3, Stage::Sql), said("late", 4, 0, Verdict::Rejected)], Some((3, "qualified", "crm")));
    check(vec![crm("sql", 3, Stage::Sql), said("same", 3, 0, Verdict::Rejected)], Some((3, "rejected", "no budget")));
    check(vec![opened(3), crm("out", 3, Stage::Disqualified)], Some((3, "disqualified", "crm")));
    // After the next entry into MQL it is the next hand-off's.
    let mut again = mql();
    again.extend([crm("back", 2, Stage::Recycled), crm("mql2", 3, Stage::Mql), crm("sql", 4, Stage::Sql)]);
    let world = World::after(&again);
    let verdicts: Vec<_> = world.tables.handoffs.live().map(|row| (row.mql_at, &*row.verdict)).collect();
    assert_eq!(verdicts, [(at(1, 0), "recycled"), (at(3, 0), "qualified")]);
    // A deal from before counts when it is won.
    let won = deal("w", at(5, 0), "d", DealKind::Won, |_| {});
    let world = World::after(&[opened(-2), crm("back", 0, Stage::Recycled), crm("mql", 1, Stage::Mql), won]);
    let answered: Vec<_> = world.tables.handoffs.live().map(|row| (row.mql_at, row.verdict_at)).collect();
    assert_eq!(answered, [(at(-2, 0), Some(at(-2, 0))), (at(1, 0), Some(at(5, 0)))]);
}
