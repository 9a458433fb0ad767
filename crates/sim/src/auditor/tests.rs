//! Kernel and auditor side by side.

mod own;

use super::*;
use crate::history::Plan;
use crate::pseudonym::pseudonymise;
use smarketing_kernel::entry::{Entry, Source};
use smarketing_kernel::event::{Address, Body, Contact, DealChanged, DealKind, FormSubmitted, LeadUpdated, PageViewed};
use smarketing_kernel::id::SubjectId;
use smarketing_kernel::money::Currency;
use smarketing_kernel::row::{ConversionKind, LedgerEntry};
use smarketing_kernel::rules::Rules;
use smarketing_kernel::step::{Partition, Shelf, State};
use smarketing_kernel::subject::Subject;
use smarketing_kernel::time::Timestamp;
use std::convert::Infallible;
use std::sync::Arc;

#[derive(Default)]
struct Kept(BTreeMap<SubjectId, Arc<[u8]>>);

impl Shelf for Kept {
    type Error = Infallible;
    fn load(&mut self, ids: &[SubjectId]) -> Result<Vec<Option<Subject>>, Infallible> {
        Ok(ids.iter().map(|id| self.0.get(id).map(|bytes| Subject::decode(bytes).unwrap())).collect())
    }
}

/// What the kernel shows after the events came in this order, in batches.
fn kernel(definitions: &Definitions, events: Vec<Event<LeadRef>>, batch: usize) -> (Tables, Vec<LedgerEntry>) {
    let rules = Rules::new(definitions).unwrap();
    let (mut kept, mut state, mut shown) = (Kept::default(), State::default(), Tables::default());
    let mut ledger = Vec::new();
    let entry = |(index, event): (usize, Event<LeadRef>)| Entry::Event {
        source: Source { stream: Text::from("s"), position: index as u64 + 1 },
        event,
    };
    let mut entries: Vec<Entry> = events.into_iter().enumerate().map(entry).collect();
    while !entries.is_empty() {
        let rest = entries.split_off(batch.min(entries.len()));
        let partition = Partition { index: 0, count: 1 };
        let commit = smarketing_kernel::step(&rules, partition, state, entries, &mut kept).unwrap();
        state = commit.state;
        for (id, subject) in commit.subjects {
            match subject {
                Some(subject) => drop(kept.0.insert(id, subject)),
                None => drop(kept.0.remove(&id)),
            }
        }
        shown.apply(&commit.rows);
        ledger.extend(commit.rows.credit_ledger);
        entries = rest;
    }
    (shown, ledger)
}

fn same(kernel: &Tables, auditor: &Tables) {
    let differences = auditor.differences(kernel);
    assert!(differences.is_empty(), "{} differences, the first: {}", differences.len(), differences[0]);
}

#[test]
fn kernel_and_auditor_agree_on_a_generated_history() {
    let definitions = Definitions::default();
    for seed in 1..4 {
        let plan = Plan { leads: 60, ..Plan::demo(seed, Timestamp(1_795_305_600_000)) };
        let mut events: Vec<Event<LeadRef>> = plan.history().map(pseudonymise).collect();
        // The kernel gets them out of order.
        events.sort_by_key(|event| event.event_id.bytes().rev().collect::<Vec<_>>());
        let audit = audit(&definitions, &events).unwrap();
        let (kernel, ledger) = kernel(&definitions, events, 3_000);
        same(&kernel, &audit);
        let differences = differences("balances", &audit.balances(), &ledger_balances(&ledger));
        assert!(differences.is_empty(), "{}", differences[0]);
        let mut reconciled = audit.reconciliation(&definitions).into_values();
        assert!(reconciled.all(|row| row.booked_minor == row.credited_minor
            && i128::from(row.booked_deals) * 1_000_000 == row.credited_micro));
        assert!(audit.touches.len() > 200 && audit.deals.len() > 3 && audit.conversions.len() > 60);
    }
}

/// A visitor who becomes a lead and buys: touches in days before the close.
struct Story {
    days: &'static [i64],
    /// The touch that fills a form.
    form: usize,
    /// Days before the close on which the CRM already knew the lead.
    known: Option<i64>,
    /// The touch an hour after which the deal opens; none for a deal that is older than all touches.
    opens: Option<usize>,
    amount_minor: i64,
}

const CLOSE: i64 = 1_795_305_600_000;
const DAY: i64 = smarketing_kernel::time::DAY_MS;

fn event(id: &str, at: i64, body: Body<Address>) -> Event<LeadRef> {
    pseudonymise(Event { event_id: Text::from(id), workspace: Text::from("default"), occurred_at: Timestamp(at), body })
}

fn ada() -> Address {
    Address { email: Some(Text::from("ada@copier.test")), contact_id: None }
}

fn view(index: usize, at: i64) -> Event<LeadRef> {
    let url = format!("https://acme.test/blog/{index}?utm_source=google&utm_medium=cpc&utm_campaign=c{index}");
    let view = PageViewed {
        visitor_id: Text::from("v-1"),
        url: Text::from(url),
        referrer: None,
        title: None,
        user_agent: None,
        lead: None,
    };
    event(&format!("t{index}"), at, Body::PageViewed(view))
}

fn form(index: usize, at: i64) -> Event<LeadRef> {
    let form = FormSubmitted {
        lead: ada(),
        visitor_id: Some(Text::from("v-1")),
        form_id: Text::from("ebook"),
        form_name: None,
        url: Some(Text::from(format!("https://acme.test/blog/{index}"))),
        referrer: None,
        fields: BTreeMap::new(),
    };
    event("form", at, Body::FormSubmitted(form))
}

fn deal(id: &str, at: i64, kind: DealKind, amount_minor: i64, people: &[Address]) -> Event<LeadRef> {
    let contact = |lead: &Address| Contact { lead: lead.clone(), role: None };
    let change = DealChanged {
        deal_id: Text::from("d-1"),
        kind,
        account_id: None,
        account_domain: Some(Text::from("copier.test")),
        contacts: (!people.is_empty()).then(|| people.iter().map(contact).collect()),
        amount_minor: Some(amount_minor),
        currency: Currency::parse("USD"),
        stage: None,
        pipeline: None,
        owner: None,
        reason: None,
        deal_type: None,
        merged_into: None,
    };
    event(id, at, Body::DealChanged(change))
}

/// The CRM knows her, and no more.
fn known() -> LeadUpdated<Address> {
    LeadUpdated {
        lead: ada(),
        account_id: None,
        account_domain: None,
        persona: None,
        owner: None,
        stage: None,
        attributes: BTreeMap::new(),
    }
}

impl Story {
    fn events(&self) -> Vec<Event<LeadRef>> {
        let at = |index: usize| CLOSE - self.days[index] * DAY;
        let mut events: Vec<_> = (0..self.days.len()).map(|index| view(index, at(index))).collect();
        events.push(form(self.form, at(self.form) + 60_000));
        if let Some(days) = self.known {
            events.push(event("crm", CLOSE - days * DAY, Body::LeadUpdated(known())));
        }
        let opened = self.opens.map_or(CLOSE - 400 * DAY, |index| at(index) + 3_600_000);
        let people: &[Address] = if self.opens.is_some() { &[ada()] } else { &[] };
        events.push(deal("opened", opened, DealKind::Created, self.amount_minor, people));
        events.push(deal("won", CLOSE, DealKind::Won, self.amount_minor, &[ada()]));
        events
    }
}

/// Revenue per touch, the last slot being nobody's, as kernel and auditor agree on it.
fn revenue(events: Vec<Event<LeadRef>>, model: &str) -> Vec<i64> {
    revenue_by(&Definitions::default(), events, model)
}

fn revenue_by(definitions: &Definitions, events: Vec<Event<LeadRef>>, model: &str) -> Vec<i64> {
    let audit = audit(definitions, &events).unwrap();
    same(&kernel(definitions, events, 4).0, &audit);
    let won = audit.conversions.values().find(|conversion| conversion.kind == ConversionKind::Won).unwrap();
    won.credits.iter().find(|credit| &*credit.model == model).unwrap().minor.clone()
}

/// A journey as a table of attribution.md gives it.
fn story(days: &'static [i64], form: usize, opens: Option<usize>, amount_minor: i64) -> Story {
    Story { days, form, known: None, opens, amount_minor }
}

/// The worked journeys of attribution.md, from events to cents. Touches hold FT, LC, OC and CW as its table says.
#[test]
fn worked_journeys_come_out_to_the_cent() {
    let j1 = || story(&[120, 90, 60, 40, 3], 1, Some(3), 1_000_000);
    let j2 = || story(&[30], 0, Some(0), 1_000_000);
    let j3 = || story(&[60, 10], 0, Some(1), 1_000_000);
    let j4 = || story(&[60, 10], 1, Some(1), 1_000_000);
    let j5 = || story(&[90, 60, 20], 1, Some(2), 1_000_000);
    let j6 = || story(&[100, 80, 50, 30, 5], 0, Some(3), 1_000_000);
    let j7 = || story(&[40, 20, 2], 0, None, 1_000_000);
    let j8 = || Story { known: Some(50), ..story(&[40, 20], 0, Some(1), 1_000_000) };
    let j9 = || story(&[9, 6, 3], 1, Some(2), 10_000);
    let j10 = || story(&[70, 60, 50, 40, 30, 20, 10], 1, Some(5), 5);
    let check = |journey: Story, model: &str, expect: &[i64]| {
        let found = revenue(journey.events(), model);
        let expect: Vec<i64> = expect.iter().copied().chain([0]).collect();
        assert_eq!(found, expect, "{:?} {model}", journey.days);
    };
    check(j1(), "first", &[1_000_000, 0, 0, 0, 0]);
    check(j1(), "u_shaped", &[400_000, 400_000, 66_667, 66_667, 66_666]);
    check(j1(), "w_shaped", &[300_000, 300_000, 50_000, 300_000, 50_000]);
    check(j1(), "full_path", &[225_000, 225_000, 100_000, 225_000, 225_000]);
    check(j1(), "position", &[400_000, 66_667, 66_667, 66_666, 400_000]);
    check(j1(), "time_decay", &[35_363, 70_726, 141_452, 224_541, 527_918]);
    check(j2(), "w_shaped", &[1_000_000]);
    check(j3(), "u_shaped", &[800_000, 200_000]);
    check(j3(), "w_shaped", &[666_667, 333_333]);
    check(j3(), "full_path", &[500_000, 500_000]);
    check(j3(), "time_decay", &[239_532, 760_468]);
    check(j4(), "u_shaped", &[500_000, 500_000]);
    check(j4(), "w_shaped", &[333_333, 666_667]);
    check(j4(), "full_path", &[250_000, 750_000]);
    check(j5(), "w_shaped", &[333_334, 333_333, 333_333]);
    check(j5(), "full_path", &[250_000, 250_000, 500_000]);
    check(j5(), "time_decay", &[124_383, 248_766, 626_851]);
    check(j6(), "u_shaped", &[800_000, 50_000, 50_000, 50_000, 50_000]);
    check(j6(), "w_shaped", &[600_000, 33_334, 33_333, 300_000, 33_333]);
    check(j6(), "full_path", &[450_000, 50_000, 50_000, 225_000, 225_000]);
    check(j6(), "time_decay", &[50_552, 80_246, 160_493, 254_767, 453_942]);
    check(j7(), "u_shaped", &[800_000, 100_000, 100_000]);
    check(j7(), "w_shaped", &[900_000, 50_000, 50_000]);
    check(j7(), "full_path", &[600_000, 100_000, 300_000]);
    check(j8(), "u_shaped", &[800_000, 200_000]);
    check(j8(), "w_shaped", &[500_000, 500_000]);
    check(j8(), "full_path", &[333_333, 666_667]);
    check(j9(), "w_shaped", &[3_334, 3_333, 3_333]);
    check(j9(), "time_decay", &[3_105, 3_328, 3_567]);
    check(j10(), "u_shaped", &[2, 2, 1, 0, 0, 0, 0]);
    check(j10(), "w_shaped", &[2, 2, 0, 0, 0, 1, 0]);
    check(j10(), "full_path", &[1, 1, 1, 0, 0, 1, 1]);
    check(j10(), "position", &[2, 1, 0, 0, 0, 0, 2]);
}

#[test]
fn a_reopened_deal_is_credited_anew_up_to_the_new_close() {
    let story = Story { days: &[120, 90, 60, 40, 3], form: 1, known: None, opens: Some(3), amount_minor: 1_000_000 };
    let mut events = story.events();
    events.push(deal("corrected", CLOSE + DAY, DealKind::Updated, 1_234_567, &[]));
    assert_eq!(revenue(events.clone(), "w_shaped"), [370_370, 370_370, 61_729, 370_370, 61_728, 0]);
    events.push(deal("reopened", CLOSE + 2 * DAY, DealKind::Reopened, 1_234_567, &[]));
    events.push(view(5, CLOSE + 5 * DAY));
    events.push(deal("won again", CLOSE + 9 * DAY, DealKind::Won, 800_000, &[]));
    assert_eq!(revenue(events, "full_path"), [180_000, 180_000, 40_000, 180_000, 40_000, 180_000, 0]);
}

#[test]
fn money_is_spread_by_largest_remainder() {
    let parts = [31, 31, 30, 17].map(|part| fraction::Fraction::new(part, 109));
    let rule = model::Rule::Places(Vec::new(), 1);
    assert_eq!(credit::split(&rule, 1_800_000, &parts), [511_927, 511_926, 495_413, 280_734]);
    assert_eq!(credit::split(&rule, -1_800_000, &parts), [-511_927, -511_926, -495_413, -280_734]);
}

#[test]
fn kernel_and_auditor_agree_on_tangled_histories() {
    for seed in 0..400 {
        let definitions = crate::workload::definitions(seed);
        let events = crate::workload::events(seed, 70);
        let audit = audit(&definitions, &events).unwrap();
        let (kernel, ledger) = kernel(&definitions, events, 7);
        let mut differences = audit.differences(&kernel);
        differences.extend(super::differences("balances", &audit.balances(), &ledger_balances(&ledger)));
        assert!(
            differences.is_empty(),
            "seed {seed}: {} differences, the first: {}",
            differences.len(),
            differences[0]
        );
    }
}
