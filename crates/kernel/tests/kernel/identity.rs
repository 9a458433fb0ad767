//! Merges, aliases, accounts and erasure: who is who, and what follows.

use super::given::*;
use super::world::{World, same};
use smarketing_kernel::event::*;
use smarketing_kernel::id::{Kind, SubjectId};
use smarketing_kernel::text::Text;
use std::collections::{BTreeMap, BTreeSet};

/// Three people with a form each, a browser that two of them used, and a deal of the first.
fn people() -> Vec<Happened> {
    vec![
        view("a", "v", at(0, 0), "/x"),
        form("f1", Some("v"), at(1, 0), lead(1), "/one"),
        form("f2", Some("v"), at(3, 0), lead(2), "/two"),
        view("b", "v", at(4, 0), "/x"),
        form("f3", None, at(5, 0), lead(3), "/three"),
        deal("d", at(6, 0), "d", DealKind::Created, |deal| {
            deal.contacts = contacts(&[lead(1)]);
            deal.amount_minor = Some(10_000);
        }),
        deal("w", at(7, 0), "d", DealKind::Won, |_| {}),
    ]
}

/// Everything but the timeline, which shows merges themselves.
fn shown(world: &World) -> BTreeMap<String, String> {
    let mut shown = world.tables.shown();
    shown.retain(|key, _| !key.starts_with("lead_events"));
    shown
}

fn with(more: &[Happened]) -> World {
    let mut world = World::new(3);
    world.see(&people());
    world.see(more);
    world.audit();
    let mut all = people();
    all.extend_from_slice(more);
    let expected = World::after(&all);
    same(&expected.tables.shown(), &world.tables.shown(), "row");
    world
}

/// Leads that are leads of their own, with the number of their touches.
fn leads(world: &World) -> Vec<(u8, u32)> {
    let row = |number: &u8| world.tables.leads.live().find(|row| row.lead == text(*number) && row.created_at.is_some());
    (1..=9).filter_map(|number| Some((number, row(&number)?.touches))).collect()
}

#[test]
fn a_merge_moves_everything_and_taking_it_back_moves_everything_back() {
    let apart = with(&[]);
    assert_eq!(leads(&apart), [(1, 2), (2, 2), (3, 1)]);
    let together = with(&[merged("m", at(8, 0), 2, 1)]);
    assert_eq!(leads(&together), [(1, 4), (3, 1)]);
    assert_eq!(together.lead(&text(2)).merged_into, text(1));
    let won: Vec<_> = together.credit("won:d", "linear").into_iter().map(|(touch, _)| touch).collect();
    assert_eq!(won, ["a", "f1", "f2", "b"]);
    assert!(together.tables.web_events.live().all(|row| row.lead == text(1)));
    assert!(together.entries("won:d", "linear").iter().any(|(reason, ..)| *reason == "late_touch"));

    let again = with(&[merged("m", at(8, 0), 2, 1), unmerged("u", at(9, 0), 2, 1)]);
    same(&shown(&apart), &shown(&again), "row");
    same(&apart.balances(), &again.balances(), "balance");
}

#[test]
fn chains_end_at_their_last_lead_and_of_a_cycle_the_earliest_merge_does_not_hold() {
    let check = |merges: &[(i64, u8, u8)], expect: &[(u8, u32)]| {
        let merges: Vec<_> = merges
            .iter()
            .map(|(minute, from, into)| merged(&format!("m{minute}"), at(8, *minute), *from, *into))
            .collect();
        assert_eq!(leads(&with(&merges)), expect, "{merges:?}");
    };
    check(&[(0, 1, 2), (1, 2, 3)], &[(3, 5)]);
    check(&[(1, 1, 2), (0, 2, 3)], &[(3, 5)]);
    check(&[(0, 1, 2), (1, 2, 3), (2, 3, 1)], &[(1, 5)]);
    check(&[(2, 1, 2), (0, 2, 3), (1, 3, 1)], &[(2, 5)]);
    check(&[(0, 1, 2), (1, 2, 1)], &[(1, 4), (3, 1)]);
    check(&[(0, 1, 1)], &[(1, 2), (2, 2), (3, 1)]);
    // The latest merge of one lead holds.
    check(&[(0, 1, 2), (1, 1, 3)], &[(2, 2), (3, 3)]);
}

#[test]
fn a_chain_longer_than_the_limit_loses_nothing() {
    let forms = (0..100).map(|number| form(&format!("f{number}"), None, at(0, i64::from(number)), lead(number), "/x"));
    let merges = (0..99).map(|number| merged(&format!("m{number}"), at(1, 0), number, number + 1));
    let mut world = World::new(2);
    world.see(&forms.chain(merges).collect::<Vec<_>>());
    world.audit();
    assert_eq!(world.tables.touches.live().count(), 100);
    assert_eq!(world.lead(&text(99)).touches, 64);
}

#[test]
fn an_address_and_a_contact_id_in_one_event_are_one_person() {
    let named = LeadRef { alias: Some(lead_id(9)), ..lead(1) };
    let world = with(&[
        form("crm", None, at(2, 0), lead(9), "/crm"),
        mail("both", at(9, 0), named, EmailKind::Sent, None, None),
    ]);
    assert_eq!(world.lead(&text(9)).merged_into, text(1));
    assert_eq!(world.lead(&text(1)).touches, 3);
}

#[test]
fn a_lead_belongs_to_the_account_of_the_crm_else_of_its_deal_else_of_its_domain() {
    let account = |more: &[Happened]| {
        let mut events = vec![form("f", None, at(0, 0), lead_at(1, "acme.example"), "/x")];
        events.extend_from_slice(more);
        World::after(&events).lead(&text(1)).account.to_string()
    };
    let role = deal("d", at(1, 0), "d", DealKind::Created, |deal| {
        deal.contacts = contacts(&[lead(1)]);
        deal.account_id = Some("acct-deal".into());
    });
    let crm = |id, day, name: &str| update(id, at(day, 0), lead(1), |change| change.account_id = Some(name.into()));
    assert_eq!(account(&[]), "acme.example");
    assert_eq!(account(std::slice::from_ref(&role)), "acct-deal");
    assert_eq!(account(&[crm("u2", 3, "acct-new"), crm("u1", 2, "acct-old"), role]), "acct-new");
    assert_eq!(World::after(&[form("f", None, at(0, 0), lead(1), "/x")]).lead(&text(1)).account, text(1));
}

#[test]
fn erasure_takes_the_person_and_leaves_the_totals() {
    let before = with(&[]);
    let after = with(&[erasure("e", at(9, 0), lead(1))]);
    assert_eq!(before.lead(&text(1)).sealed, Some(vec![1; 3]));
    assert_eq!((&after.lead(&text(1)).sealed, after.lead(&text(1)).erased), (&None, true));
    same(&before.balances(), &after.balances(), "balance");
    assert_eq!(leads(&before), leads(&after));
}

#[test]
fn what_was_written_about_a_person_goes_with_it() {
    let written = |day, wrote: &str| {
        let said = |change: &mut LeadUpdated<LeadRef>| {
            change.persona = Some(wrote.into());
            change.attributes = attributes(&[("account_segment", wrote)]);
        };
        let mut call = activity(&format!("call{day}"), at(day, 0), lead(2), ActivityKind::Call, None);
        let Body::SalesActivity(activity) = &mut call.body else { panic!("a call is an activity") };
        activity.outcome = Some(wrote.into());
        let crm = update(&format!("crm{day}"), at(day, 1), lead(2), said);
        let heard = [("how_did_you_hear_about_us", wrote)];
        let form = form_with(&format!("form{day}"), None, at(day, 3), lead(2), "/x", &heard);
        [call, crm, form, verdict(&format!("no{day}"), at(day, 2), lead(2), Verdict::Rejected, Some(wrote))]
    };
    let shown = |world: &World| -> String { world.tables.shown().into_values().collect() };
    let channels = |world: &World| -> BTreeMap<Text, Text> {
        world.tables.touches.live().map(|touch| (touch.touch_id.clone(), touch.origin.channel.clone())).collect()
    };
    let wrote = [written(8, "ada sang"), written(10, "ada danced")].concat();
    let before = with(&wrote);
    assert!(shown(&before).contains("ada sang") && shown(&before).contains("ada danced"));
    // By whatever lead of the person it was asked, before or after.
    let asked = [erasure("e", at(9, 0), lead(3)), merged("m", at(12, 0), 3, 2)];
    for more in [[wrote.clone(), asked.to_vec()], [asked.to_vec(), wrote]] {
        let after = with(&more.concat());
        assert!(!shown(&after).contains("ada sang") && !shown(&after).contains("ada danced"));
        assert_eq!(after.stages(&text(2)), before.stages(&text(2)));
        assert_eq!(channels(&after), channels(&before));
        assert_eq!((&*after.lead(&text(2)).persona, &*after.lead(&text(2)).account_segment), ("(none)", "(none)"));
    }
    // Words of the definitions are about many.
    let update = update("crm", at(8, 0), lead(2), |change| {
        change.persona = Some("executive".into());
        change.attributes = attributes(&[("employees", "70")]);
    });
    let world = with(&[update, erasure("e", at(9, 0), lead(2))]);
    assert_eq!((&*world.lead(&text(2)).persona, &*world.lead(&text(2)).account_segment), ("executive", "mid-market"));
}

/// Every browser that rows name, and every lead that page views do.
fn browsers(world: &World) -> (BTreeSet<String>, BTreeSet<String>) {
    let views = || world.tables.web_events.live();
    let touches = world.tables.touches.live().map(|row| &row.visitor).filter(|visitor| **visitor != "(none)");
    let names = views().map(|row| &row.visitor).chain(touches);
    (names.map(Text::to_string).collect(), views().map(|row| row.lead.to_string()).collect())
}

#[test]
fn a_browser_that_is_forgotten_leaves_touches_and_totals_but_no_trace_of_itself() {
    let before = with(&[]);
    assert_eq!(browsers(&before), (["v".into()].into(), [text(1).to_string(), text(2).to_string()].into()));
    let after = with(&[forgotten("e", at(9, 0), "v")]);
    let (names, leads_of_views) = browsers(&after);
    let hash = SubjectId::named(Kind::Visitor, "default", "v").hash_text();
    assert_eq!((names, leads_of_views), ([format!("erased-{hash}")].into(), ["(none)".into()].into()));
    assert_eq!(after.tables.web_events.live().count(), before.tables.web_events.live().count());
    same(&before.balances(), &after.balances(), "balance");
    assert_eq!(leads(&before), leads(&after));
}

#[test]
fn the_ties_of_a_browser_that_is_forgotten_end_with_the_request() {
    // The visit "b" comes after it; what was before stays.
    let world = with(&[forgotten("e", at(3, 60), "v")]);
    assert_eq!(leads(&world), [(1, 2), (2, 1), (3, 1)]);
    // Of several the first counts, and who names himself later has that alone.
    let later = [
        forgotten("e2", at(9, 0), "v"),
        forgotten("e", at(3, 60), "v"),
        form("f", Some("v"), at(8, 0), lead(3), "/x"),
        view("c", "v", at(9, 0), "/x"),
    ];
    assert_eq!(leads(&with(&later)), [(1, 2), (2, 1), (3, 2)]);
    // Visits before the request are no one's whose tie comes after it.
    let visits = [view("w", "w", at(1, 0), "/x"), form("f", Some("w"), at(4, 0), lead(3), "/x")];
    assert_eq!(leads(&with(&visits)), [(1, 2), (2, 2), (3, 3)]);
    let visits = [visits.to_vec(), vec![forgotten("e", at(2, 0), "w")]].concat();
    assert_eq!(leads(&with(&visits)), [(1, 2), (2, 2), (3, 2)]);
}

#[test]
fn a_producer_that_repeats_itself_is_counted_and_changes_nothing() {
    let mut world = with(&[]);
    let before = world.tables.shown();
    let mut again = people();
    again[1].occurred_at = at(2, 0);
    world.see(&again);
    world.audit();
    assert_eq!(world.duplicates(), 7);
    same(&before, &world.tables.shown(), "row");
}

#[test]
fn who_was_named_by_a_deal_stays_known_after_leaving_it() {
    let named = |id, day, people: Vec<LeadRef>| {
        deal(id, at(day, 0), "e", DealKind::Updated, |deal| deal.contacts = contacts(&people))
    };
    let with_contact_id = LeadRef { alias: Some(lead_id(8)), ..lead(4) };
    let world = with(&[named("n1", 6, vec![lead(1), with_contact_id]), named("n2", 8, vec![lead(1)])]);
    assert_eq!(world.lead(&text(4)).created_at, Some(at(6, 0)));
    assert_eq!((world.lead(&text(4)).deals, world.lead(&text(1)).deals), (0, 2));
    assert_eq!(world.lead(&text(8)).merged_into, text(4));
}

#[test]
fn a_deal_without_an_account_counts_everybody_on_it_wherever_they_belong() {
    let here = lead_at(5, "here.example");
    let there = lead_at(6, "there.example");
    let world = with(&[
        form("here", None, at(1, 0), here.clone(), "/x"),
        form("there", None, at(2, 0), there.clone(), "/x"),
        deal("both", at(3, 0), "both", DealKind::Created, |deal| deal.contacts = contacts(&[here, there])),
    ]);
    let touches: Vec<_> = world.credit("opportunity:both", "linear").into_iter().map(|(touch, _)| touch).collect();
    assert_eq!(touches, ["here", "there"]);
    assert_eq!(&*world.conversion("opportunity:both").account, "here.example");
}

#[test]
fn a_browser_that_a_mail_click_ties_to_a_merged_lead_is_its_owners() {
    let world = with(&[
        known(lead(2), view("first", "w", at(9, 0), "/x")),
        mail("click", at(9, 1), lead(3), EmailKind::Clicked, None, Some("w")),
        view("same session", "w", at(9, 2), "/x"),
        merged("m", at(8, 0), 3, 1),
    ]);
    let shown = world.tables.web_events.live().find(|row| &*row.event_id == "same session").unwrap();
    assert_eq!(shown.lead, text(1));
}

#[test]
fn of_two_verdicts_in_one_instant_the_later_event_id_counts() {
    let said = |id, kind| verdict(id, at(9, 0), lead(3), kind, None);
    let world = with(&[said("v1", Verdict::Disqualified), said("v2", Verdict::Qualified)]);
    assert_eq!(world.lead(&text(3)).stage, Stage::Sql);
    let world = with(&[said("v2", Verdict::Disqualified), said("v1", Verdict::Qualified)]);
    assert_eq!(world.lead(&text(3)).stage, Stage::Disqualified);
}
