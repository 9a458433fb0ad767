//! Every example of `schemas/examples` has one exact answer: the rows it makes, or the reject.
//!
//! Valid examples have a `.rows` file beside them. After an intended change write them anew with
//! `SMARKETING_BLESS=1 cargo test --test system golden`.

use smarketing_kernel::entry::{Entry, Source};
use smarketing_kernel::event::{Address, Event, LeadRef};
use smarketing_kernel::id::{Kind, LeadId, SubjectId};
use smarketing_kernel::row::Rows;
use smarketing_kernel::rules::{Definitions, Rules};
use smarketing_kernel::step::{Partition, Shelf, State, step};
use smarketing_kernel::subject::Subject;
use smarketing_kernel::text::Text;
use smarketing_kernel::time::Timestamp;
use smarketing_schema::{Context, decode_json};
use std::convert::Infallible;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// The clock of every example: 2026-11-22.
const NOW: Timestamp = Timestamp(1_795_305_600_000);

/// A world in which nothing has happened yet.
struct Nothing;

impl Shelf for Nothing {
    type Error = Infallible;

    fn load(&mut self, ids: &[SubjectId]) -> Result<Vec<Option<Subject>>, Infallible> {
        Ok(ids.iter().map(|_| None).collect())
    }
}

#[test]
fn every_valid_example_makes_exactly_its_rows() {
    let bless = std::env::var_os("SMARKETING_BLESS").is_some();
    let mut wrong = Vec::new();
    let mut events = std::collections::BTreeSet::new();
    for path in examples() {
        let bytes = std::fs::read(&path).unwrap();
        let Ok(decoded) = decode_json(bytes.trim_ascii(), &Context::at(NOW)) else { continue };
        events.insert(decoded.event.body.name());
        let rows = told(&settle(decoded.event));
        let expected = path.with_extension("rows");
        if bless {
            std::fs::write(&expected, &rows).unwrap();
        } else if std::fs::read_to_string(&expected).ok().as_deref() != Some(rows.as_str()) {
            wrong.push(format!("{}:\n{rows}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "rows differ from their golden files:\n{}", wrong.join("\n"));
    assert_eq!(events.len(), smarketing_schema::EVENTS.len(), "every event has an example: {events:?}");
}

fn examples() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas/examples");
    let folders = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let files = folders.flat_map(|folder| std::fs::read_dir(folder).unwrap()).map(|entry| entry.unwrap().path());
    let mut examples: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|end| end == "json")).collect();
    examples.sort();
    assert!(examples.len() > 24, "the examples are there");
    examples
}

/// The rows of a world in which only this event happened.
fn settle(event: Event<Address>) -> Rows {
    let body = event.body.try_name(|address| Ok::<_, Infallible>(named(&event.workspace, &address))).unwrap();
    let event = Event { event_id: event.event_id, workspace: event.workspace, occurred_at: event.occurred_at, body };
    let entries = vec![
        Entry::Event { source: Source { stream: Text::from("example"), position: 1 }, event },
        Entry::Tick { at: Timestamp(0) },
    ];
    let rules = Rules::new(&Definitions::default()).unwrap();
    step(&rules, Partition { index: 0, count: 1 }, State::default(), entries, &mut Nothing).unwrap().rows
}

/// Stands in for the intake: ids that depend on nothing but the name.
fn named(workspace: &str, address: &Address) -> LeadRef {
    let id = |name: &Text| LeadId(SubjectId::named(Kind::Lead, workspace, name).hash);
    let contact = address.contact_id.as_ref().map(id);
    let email = address.email.as_ref().map(id);
    let domain = address.email.as_deref().and_then(smarketing_kernel::email::business_domain).map(Text::from);
    LeadRef { id: email.or(contact).unwrap(), alias: email.and(contact), domain, sealed: None }
}

/// One line a row: table and everything in it.
fn told(rows: &Rows) -> String {
    let mut text = String::new();
    macro_rules! tables {
        ($($table:ident),+) => {$(
            for change in &rows.$table {
                writeln!(text, "{} {:?}", stringify!($table), change.row).unwrap();
            }
        )+};
    }
    tables!(
        web_events,
        touches,
        leads,
        lead_events,
        stage_entries,
        handoffs,
        deals,
        deal_history,
        conversions,
        ad_spend,
        exchange_rates
    );
    for entry in &rows.credit_ledger {
        writeln!(text, "credit_ledger {entry:?}").unwrap();
    }
    text
}
