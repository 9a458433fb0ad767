//! Deals, money and the ledger, from events to entries.

use super::given::*;
use super::world::{World, same};
use smarketing_kernel::event::*;
use smarketing_kernel::money::Currency;
use smarketing_kernel::row::Conversion;
use smarketing_kernel::time::Day;

type Change<'a> = &'a dyn Fn(&mut DealChanged<LeadRef>);

fn changed(id: &str, day: i64, kind: DealKind, change: Change<'_>) -> Happened {
    deal(id, at(day, 1), "d", kind, change)
}

/// J1: first touch, the form that creates the lead, one in the middle, opening and closing touch 120, 90, 60, 40 and 3
/// days before the close, worth 10,000.00.
fn j1() -> Vec<Happened> {
    let visit = |id, day| view(id, "v", at(day, 0), "/x");
    vec![
        visit("t1", 0),
        form("t2", Some("v"), at(30, 0), lead(1), "/hello"),
        visit("t3", 60),
        visit("t4", 80),
        changed("created", 80, DealKind::Created, &|deal| {
            deal.contacts = contacts(&[lead(1)]);
            deal.amount_minor = Some(1_000_000);
            deal.currency = Some(Currency::USD);
        }),
        visit("t5", 117),
        deal("won", at(120, 0), "d", DealKind::Won, |_| {}),
    ]
}

/// J1, and then what is said more.
fn then(more: &[Happened]) -> World {
    let mut world = World::new(2);
    world.see(&j1());
    more.iter().for_each(|event| world.see(std::slice::from_ref(event)));
    world.audit();
    let mut all = j1();
    all.extend_from_slice(more);
    same(&World::after(&all).tables.shown(), &world.tables.shown(), "row");
    world
}

fn minor(world: &World, conversion: &str, model: &str) -> Vec<i64> {
    world.credit(conversion, model).into_iter().map(|(_, minor)| minor).collect()
}

/// Entries after the first `skip` as "reason touch minor".
fn entries(world: &World, model: &str, skip: usize) -> Vec<String> {
    let all = world.entries("won:d", model).into_iter().skip(skip);
    all.map(|(reason, touch, minor)| format!("{reason} {touch} {minor}")).collect()
}

#[test]
fn the_worked_journey_is_credited_to_the_cent() {
    let world = then(&[]);
    for (model, expect) in [
        ("first", [1_000_000, 0, 0, 0, 0]),
        ("u_shaped", [400_000, 400_000, 66_667, 66_667, 66_666]),
        ("w_shaped", [300_000, 300_000, 50_000, 300_000, 50_000]),
        ("full_path", [225_000, 225_000, 100_000, 225_000, 225_000]),
        ("position", [400_000, 66_667, 66_667, 66_666, 400_000]),
        ("time_decay", [35_363, 70_726, 141_452, 224_541, 527_918]),
    ] {
        assert_eq!(minor(&world, "won:d", model), expect, "{model}");
    }
    assert_eq!(minor(&world, "opportunity:d", "linear"), [250_000; 4]);
}

#[test]
fn a_changed_amount_is_booked_as_the_difference() {
    let world = then(&[changed("more", 121, DealKind::Updated, &|deal| deal.amount_minor = Some(1_234_567))]);
    assert_eq!(minor(&world, "won:d", "w_shaped"), [370_370, 370_370, 61_729, 370_370, 61_728]);
    let expect =
        ["t1 70370", "t2 70370", "t3 11729", "t4 70370", "t5 11728"].map(|rest| format!("amount_changed {rest}"));
    assert_eq!(entries(&world, "w_shaped", 5), expect);
}

#[test]
fn reopened_takes_back_and_won_again_credits_anew() {
    let reopened = [changed("reopened", 122, DealKind::Reopened, &|_| {})];
    let world = then(&reopened);
    assert!(!world.has_conversion("won:d"));
    let back = ["t1 -225000", "t2 -225000", "t3 -100000", "t4 -225000", "t5 -225000"];
    assert_eq!(entries(&world, "full_path", 5), back.map(|rest| format!("reopened {rest}")));

    let again = [
        reopened[0].clone(),
        view("t6", "v", at(125, 0), "/x"),
        changed("again", 130, DealKind::Won, &|deal| deal.amount_minor = Some(800_000)),
    ];
    let world = then(&again);
    assert_eq!(minor(&world, "won:d", "full_path"), [180_000, 180_000, 40_000, 180_000, 40_000, 180_000]);
    assert_eq!(world.conversion("won:d").converted_at, at(130, 1));
}

#[test]
fn a_deal_that_goes_takes_its_credit_back_with_the_reason() {
    for (kind, reason, opportunity_stays) in
        [(DealKind::Lost, "lost", true), (DealKind::Deleted, "deleted", false), (DealKind::Merged, "merged", false)]
    {
        let world = then(&[changed("gone", 122, kind, &|deal| deal.merged_into = Some("d-2".into()))]);
        assert!(!world.has_conversion("won:d"), "{reason}");
        assert_eq!(world.has_conversion("opportunity:d"), opportunity_stays, "{reason}");
        assert_eq!(entries(&world, "first", 1), [format!("{reason} t1 -1000000")]);
    }
}

#[test]
fn what_comes_late_counts_and_what_happens_later_does_not() {
    let world = then(&[view("late", "v", at(70, 0), "/x")]);
    assert_eq!(minor(&world, "won:d", "linear"), [166_667, 166_667, 166_667, 166_667, 166_666, 166_666]);
    let late = entries(&world, "linear", 5);
    assert!(late.iter().all(|entry| entry.starts_with("late_touch")) && late.len() == 6, "{late:?}");

    let before = then(&[]).conversion("won:d").clone();
    assert_eq!(*then(&[view("after", "v", at(121, 0), "/x")]).conversion("won:d"), before);
    // Said again, a close stays where it was.
    assert_eq!(*then(&[changed("won-2", 123, DealKind::Won, &|_| {})]).conversion("won:d"), before);
}

#[test]
fn of_each_field_the_last_writer_stays() {
    let world = then(&[
        changed("b", 90, DealKind::StageChanged, &|deal| deal.stage = Some("second".into())),
        changed("a", 90, DealKind::StageChanged, &|deal| deal.stage = Some("first".into())),
        changed("c", 85, DealKind::Updated, &|deal| {
            deal.stage = Some("older".into());
            deal.owner = Some("rep-1".into());
        }),
    ]);
    let row = world.tables.deals.live().next().unwrap();
    assert_eq!((&*row.stage, &*row.owner, row.amount_minor), ("second", "rep-1", 1_000_000));
    assert_eq!((row.opened_at, row.closed_at), (at(80, 1), Some(at(120, 0))));
    // Without a word of its creation a deal opens with its earliest event.
    let opened =
        World::after(&[changed("won", 9, DealKind::Won, &|_| {}), changed("up", 4, DealKind::Updated, &|_| {})]);
    assert_eq!(opened.tables.deals.live().next().unwrap().opened_at, at(4, 1));
}

#[test]
fn refunds_are_negative_and_nothing_still_converts() {
    let refund = then(&[changed("refund", 121, DealKind::Updated, &|deal| deal.amount_minor = Some(-1_000))]);
    assert_eq!(minor(&refund, "won:d", "linear"), [-200; 5]);
    let free = then(&[changed("free", 121, DealKind::Updated, &|deal| deal.amount_minor = Some(0))]);
    assert_eq!(minor(&free, "won:d", "first"), [1_000_000, 0, 0, 0, 0], "micro-credits");
}

#[test]
fn the_rate_of_the_close_day_is_frozen() {
    let day = |day: i32| Day(FIRST_DAY.0 + day);
    let euro = changed("euro", 81, DealKind::Updated, &|deal| deal.currency = Some(currency("EUR")));
    let reporting = |more: &[Happened]| {
        let mut all = vec![euro.clone()];
        all.extend_from_slice(more);
        let world = then(&all);
        let reporting = |row: &Conversion| row.reporting_minor;
        (reporting(world.conversion("won:d")), reporting(world.conversion("opportunity:d")))
    };
    assert_eq!(reporting(&[]), (None, None));
    let of_close = rate("r1", at(120, 0), day(120), "EUR", "1.1");
    let later = rate("r2", at(130, 0), day(130), "EUR", "2");
    assert_eq!(reporting(std::slice::from_ref(&later)), (Some(2_000_000), Some(2_000_000)), "no better rate is known");
    assert_eq!(reporting(&[of_close.clone(), later.clone()]), (Some(1_100_000), Some(1_100_000)));
    let world = then(&[euro, later, of_close]);
    let reasons: Vec<_> = world.ledger.iter().filter(|e| &*e.conversion == "won:d").map(|e| e.reason.word()).collect();
    assert_eq!(reasons, ["converted", "amount_changed", "amount_changed", "rate_changed", "rate_changed"]);
    // Another currency is another book: the old one is closed to zero.
    assert!(
        world
            .balances()
            .keys()
            .all(|(conversion, .., currency, _)| !conversion.starts_with("won") || currency.code() == "EUR")
    );
}

#[test]
fn a_deal_without_contacts_has_the_journey_of_its_account() {
    let bought = |scoped: &str, contacts: Option<Vec<Contact<LeadRef>>>| {
        let mut world = World::with(2, |definitions| definitions.scope = scoped.into());
        world.see(&[
            form("f1", None, at(0, 0), lead_at(1, "acme.example"), "/x"),
            form("f2", None, at(1, 0), lead_at(2, "acme.example"), "/x"),
            form("f3", None, at(1, 0), lead_at(3, "globex.example"), "/x"),
            changed("won", 2, DealKind::Won, &|deal| {
                deal.account_domain = Some("acme.example".into());
                deal.amount_minor = Some(100);
                deal.contacts = contacts.clone();
            }),
        ]);
        world.audit();
        world.credit("won:d", "linear").into_iter().map(|(touch, _)| touch).collect::<Vec<_>>()
    };
    assert_eq!(bought("contact_roles", None), ["f1", "f2"]);
    assert_eq!(bought("contact_roles", contacts(&[lead(3)])), ["f3"]);
    assert_eq!(bought("account", contacts(&[lead(2)])), ["f1", "f2"]);
    assert_eq!(bought("primary", contacts(&[lead(2), lead(1)])), ["f2"]);
}

#[test]
fn a_deal_that_moves_to_another_account_is_credited_once() {
    let moved = |id, day, account: &'static str| {
        changed(id, day, DealKind::Updated, &|deal| deal.account_id = Some(account.into()))
    };
    let world = then(&[moved("m1", 90, "acct-1"), moved("m2", 91, "acct-2")]);
    assert_eq!(&*world.conversion("won:d").account, "acct-2");
    assert_eq!(minor(&world, "won:d", "linear"), [200_000; 5]);
    assert_eq!(world.tables.deals.live().next().unwrap().account, "acct-2");
}

#[test]
fn a_later_deal_has_the_first_touches_of_the_first_and_what_came_after_its_close() {
    let second = |id, day, kind, contacts| {
        deal(id, at(day, 5), "d-2", kind, |deal| {
            deal.contacts = contacts;
            deal.amount_minor = Some(900);
            deal.deal_type = Some(DealType::Expansion);
        })
    };
    let world = then(&[
        view("t6", "v", at(130, 0), "/x"),
        second("created-2", 131, DealKind::Created, contacts(&[lead(1)])),
        second("won-2", 140, DealKind::Won, None),
    ]);
    let credit = world.credit("won:d-2", "linear");
    let earning: Vec<_> =
        credit.iter().filter(|(_, minor)| *minor > 0).map(|(touch, minor)| (touch.as_str(), *minor)).collect();
    assert_eq!(earning, [("t1", 300), ("t2", 300), ("t6", 300)]);
    assert_eq!(&*world.conversion("won:d-2").deal_type, "expansion");
}

#[test]
fn a_journey_over_the_cap_keeps_the_first_and_the_latest_before_its_close() {
    let mut world = World::with(2, |definitions| definitions.journey_touches_max = 3);
    world.see(&j1());
    let before = world.conversion("won:d").clone();
    let touches: Vec<_> = before.journey.iter().map(|touch| &*touch.touch_id).collect();
    assert_eq!((touches, before.truncated), (vec!["t1", "t4", "t5", ""], true));
    let later: Vec<_> = (0..9).map(|n| view(&format!("l{n}"), "v", at(130 + n, 0), "/x")).collect();
    world.see(&later);
    world.audit();
    assert_eq!(*world.conversion("won:d"), before);
    assert!(!then(&[]).conversion("won:d").truncated);
}

#[test]
fn spend_is_kept_as_it_was_sent() {
    let world = World::after(&[spent("s1", FIRST_DAY, "brand", 500), spent("s2", FIRST_DAY, "brand", 700)]);
    let rows: Vec<_> = world.tables.ad_spend.live().map(|row| (&*row.origin.channel, row.amount_minor)).collect();
    assert_eq!(rows, [("Paid Search", 500), ("Paid Search", 700)]);
}
