use super::*;
use smarketing_kernel::email;
use smarketing_kernel::event::{Body, DealKind, EmailKind};
use smarketing_kernel::url::Url;
use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

const END: Timestamp = Timestamp(1_795_305_600_000);

fn hash(plan: Plan) -> u64 {
    let mut hasher = DefaultHasher::new();
    plan.history().for_each(|event| format!("{event:?}").hash(&mut hasher));
    hasher.finish()
}

fn small(seed: u64) -> Plan {
    Plan { leads: 120, ..Plan::demo(seed, END) }
}

#[test]
fn a_seed_is_a_history() {
    assert_eq!(hash(small(1)), hash(small(1)));
    assert_ne!(hash(small(1)), hash(small(2)));
}

#[test]
fn the_demo_is_as_large_as_promised() {
    let mut history = Plan::demo(1, END).history();
    let (mut won, mut opened, mut clicked, mut people) = (0, 0, 0, BTreeSet::new());
    for event in &mut history {
        match event.body {
            Body::DealChanged(deal) if deal.kind == DealKind::Won => won += 1,
            Body::DealChanged(deal) if deal.kind == DealKind::Created => opened += 1,
            Body::EmailEngaged(mail) if mail.kind == EmailKind::Clicked => clicked += 1,
            Body::FormSubmitted(form) => {
                people.insert(form.lead.email);
            }
            _ => {}
        }
    }
    let counts = history.describe();
    let within = |what: &str, count: u64, low: u64, high: u64| assert!((low..=high).contains(&count), "{count} {what}");
    within("events", counts.values().sum(), 180_000, 220_000);
    within("page views", counts["page_viewed"], 140_000, 180_000);
    within("leads by form", people.len() as u64, 1_200, 1_700);
    within("deals", opened, 150, 280);
    within("won", won, 50, 95);
    within("mail clicks", clicked, 500, 1_500);
    within("verdicts", counts["lead_reviewed"], 500, 1_400);
    within("days of spend", counts["ad_spent"], 1_400, 2_200);
    within("rates", counts["exchange_rate_set"], 358, 360);
    within("merges", counts["lead_merged"], 5, 40);
}

#[test]
fn every_event_is_valid_in_order_and_unique() {
    let plan = Plan::demo(3, END);
    let start = END.plus(-i64::from(plan.days) * smarketing_kernel::time::DAY_MS);
    let (mut last, mut ids) = (start, BTreeSet::new());
    for event in plan.history() {
        assert!(event.occurred_at >= last && event.occurred_at <= END, "{event:?}");
        last = event.occurred_at;
        assert!((1..=128).contains(&event.event_id.len()) && ids.insert(event.event_id.clone()), "{event:?}");
        let shown = format!("{event:?}");
        let urls = match &event.body {
            Body::PageViewed(view) => vec![Some(&view.url), view.referrer.as_ref()],
            Body::FormSubmitted(form) => vec![form.url.as_ref(), form.referrer.as_ref()],
            Body::EmailEngaged(mail) => vec![mail.link_url.as_ref()],
            Body::SalesActivity(activity) => vec![activity.content_url.as_ref()],
            _ => vec![],
        };
        assert!(urls.into_iter().flatten().all(|url| Url::parse(url).is_ok()), "{shown}");
        let named = event.body.try_name(|address| {
            let mail = address.email.as_deref();
            let normal = mail.is_none_or(|text| email::normalise(text).is_ok_and(|normal| normal == text));
            let named = mail.is_some() || address.contact_id.is_some();
            if normal && named { Ok(()) } else { Err(address) }
        });
        assert!(named.is_ok(), "{shown}");
    }
}

/// People who share a name at one company would be one lead.
#[test]
fn every_person_has_an_address_of_its_own() {
    let mut history = Plan { leads: 3_000, ..Plan::demo(5, END) }.history();
    assert!((&mut history).count() > 0);
    let addresses = history.world.leads.iter().map(|lead| format!("{:?}", lead.address()));
    assert_eq!(addresses.collect::<BTreeSet<_>>().len(), history.world.leads.len());
}

#[test]
fn a_plan_by_events_has_about_so_many_and_never_holds_them() {
    let wanted = 500_000;
    let mut history = Plan::demo(1, END).events(wanted).history();
    let (mut events, mut most) = (0_u64, 0);
    while history.next().is_some() {
        events += 1;
        most = most.max(history.held());
    }
    assert!(events.abs_diff(wanted) < wanted / 10, "{events}");
    assert!((most as u64) < events / 20, "{most} held of {events}");
}

#[test]
fn the_heavy_account_leaves_the_touches_it_was_asked_for() {
    let history = small(1).heavy_account(5_000).history();
    let (mut views, mut forms, mut won) = (0, 0, 0);
    for event in history {
        match &event.body {
            Body::PageViewed(view) if view.visitor_id.starts_with("v-heavy-") => views += 1,
            Body::FormSubmitted(form) if form.visitor_id.as_deref().is_some_and(|v| v.starts_with("v-heavy-")) => {
                forms += 1;
            }
            Body::DealChanged(deal) if &*deal.deal_id == "d-heavy" && deal.kind == DealKind::Won => won += 1,
            _ => {}
        }
    }
    assert_eq!((views, forms, won), (5_000, 20, 1));
}
