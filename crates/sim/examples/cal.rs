use smarketing_sim::history::Plan;
use smarketing_kernel::{event::*, time::Timestamp};
use std::collections::*;
fn main() {
    let n: u64 = std::env::args().nth(1).and_then(|s| s.parse().ok()).unwrap_or(0);
    let plan = Plan::demo(7, Timestamp(1_795_305_600_000));
    let plan = if n > 0 { plan.events(n) } else { plan };
    let start = std::time::Instant::now();
    let mut h = plan.history();
    let (mut held, mut count, mut last) = (0, 0u64, Timestamp(i64::MIN));
    let mut words: BTreeMap<String, u64> = BTreeMap::new();
    let mut won = BTreeMap::<String, i64>::new();
    let mut leads = BTreeSet::new();
    while let Some(e) = h.next() {
        count += 1;
        assert!(e.occurred_at >= last); last = e.occurred_at;
        if n > 0 { if count % 1024 == 0 { held = held.max(h.held()); } std::hint::black_box(&e); continue; }
        match &e.body {
            Body::DealChanged(d) => { *words.entry(format!("deal {}", d.kind.word())).or_default() += 1;
               if d.kind == DealKind::Won { *won.entry(d.currency.unwrap().to_string()).or_default() += d.amount_minor.unwrap()/100; } }
            Body::LeadReviewed(d) => *words.entry(format!("verdict {}", d.verdict.word())).or_default() += 1,
            Body::EmailEngaged(d) => *words.entry(format!("mail {}", d.kind.word())).or_default() += 1,
            Body::SalesActivity(d) => *words.entry(format!("act {}", d.kind.word())).or_default() += 1,
            Body::AdSpent(d) => *words.entry(format!("spend {:?} {}", d.campaign, d.currency)).or_default() += (d.amount_minor/100) as u64,
            Body::FormSubmitted(d) => { leads.insert(d.lead.email.clone()); }
            _ => {}
        }
    }
    let el = start.elapsed();
    println!("{count} events {:?} {:.0}/s held {held} leads by form {}", el, count as f64 / el.as_secs_f64(), leads.len());
    println!("{:?}\n{:#?}\n{won:?}", h.describe(), words);
}
