//! A whole installation in memory: partitions with their journals and shelves, and the tables they fill.

use super::given::Happened;
use smarketing_kernel::entry::{Entry, Reject, Source};
use smarketing_kernel::id::SubjectId;
use smarketing_kernel::money::Currency;
use smarketing_kernel::repair::shown;
use smarketing_kernel::row::*;
use smarketing_kernel::rules::{Definitions, Rules};
use smarketing_kernel::step::{Commit, Error, Partition, Shelf, State, step};
use smarketing_kernel::subject::Subject;
use smarketing_kernel::text::Text;
use smarketing_kernel::time::{Day, Timestamp};
use smarketing_kernel::{Checksum, Checksums, owner};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt::Debug;

pub(crate) struct World {
    pub(crate) rules: Rules,
    pub(crate) nodes: Vec<Node>,
    pub(crate) tables: Tables,
    /// Every ledger entry, in order of writing.
    pub(crate) ledger: Vec<LedgerEntry>,
    pub(crate) records: u64,
}

/// One partition.
#[derive(Clone, Default)]
pub(crate) struct Node {
    pub(crate) journal: Vec<Entry>,
    pub(crate) state: State,
    pub(crate) shelf: Encoded,
    /// Fingerprints of all commits so far.
    pub(crate) commits: Vec<String>,
}

/// Subjects as the store keeps them: bytes.
#[derive(Clone, Default, PartialEq)]
pub(crate) struct Encoded(pub(crate) BTreeMap<SubjectId, Vec<u8>>);

impl Shelf for Encoded {
    type Error = Infallible;

    fn load(&mut self, ids: &[SubjectId]) -> Result<Vec<Option<Subject>>, Infallible> {
        Ok(ids.iter().map(|id| self.0.get(id).map(|bytes| Subject::decode(bytes).unwrap())).collect())
    }
}

impl Encoded {
    fn apply(&mut self, commit: &Commit) {
        for (id, subject) in &commit.subjects {
            match subject {
                Some(subject) => self.0.insert(*id, subject.to_vec()),
                None => self.0.remove(id),
            };
        }
    }
}

impl Node {
    /// Settles everything in the journal up to `until`.
    pub(crate) fn settle(
        &mut self,
        rules: &Rules,
        partition: Partition,
        until: usize,
    ) -> Result<Commit, Error<Infallible>> {
        let entries = self.journal[self.state.position as usize..until].to_vec();
        let commit = step(rules, partition, self.state.clone(), entries, &mut self.shelf)?;
        self.shelf.apply(&commit);
        self.state = commit.state.clone();
        self.commits.push(fingerprint(&commit));
        Ok(commit)
    }

    /// Checksums of everything the subjects show, said again from nothing.
    fn shown(&self, rules: &Rules) -> Checksums {
        let subjects: Vec<_> = self.shelf.0.iter().map(|(id, bytes)| (*id, Subject::decode(bytes).unwrap())).collect();
        let said = subjects.iter().map(|(id, subject)| (*id, subject));
        checksums(&mut shown(rules, 0, self.state.position, said))
    }
}

/// Checksums of rows, made anew.
pub(crate) fn checksums(rows: &mut Rows) -> Checksums {
    let mut sums = Checksums::new();
    rows.retain(&mut |table, month, digest| {
        let sum = sums.entry((table, month)).or_default();
        sum.rows += 1;
        sum.digests = sum.digests.wrapping_add(digest);
        true
    });
    sums
}

/// Everything a commit says, to the byte.
pub(crate) fn fingerprint(commit: &Commit) -> String {
    format!("{:?} {:?} {:?} {:?}", commit.state, commit.subjects, commit.rows, commit.messages)
}

impl World {
    pub(crate) fn new(partitions: u32) -> Self {
        Self::with(partitions, |_| {})
    }

    pub(crate) fn with(partitions: u32, define: impl FnOnce(&mut Definitions)) -> Self {
        let mut definitions = Definitions::default();
        define(&mut definitions);
        let rules = Rules::new(&definitions).unwrap();
        let nodes = vec![Node::default(); partitions as usize];
        Self { rules, nodes, tables: Tables::default(), ledger: Vec::new(), records: 0 }
    }

    /// One partition that has seen these events, settled once.
    pub(crate) fn after(events: &[Happened]) -> Self {
        let mut world = Self::new(1);
        world.see(events);
        world
    }

    /// More events, settled at their end.
    pub(crate) fn see(&mut self, events: &[Happened]) {
        events.iter().for_each(|event| self.append(event.clone()));
        self.drain();
    }

    /// Appends an event to its owner's journal, as the next record of its stream.
    pub(crate) fn append(&mut self, event: Happened) {
        let to = owner(&event).0.partition(self.nodes.len() as u32);
        let source = Source { stream: "web".into(), position: self.records };
        self.records += 1;
        self.nodes[to as usize].journal.push(Entry::Event { source, event });
    }

    pub(crate) fn append_reject(&mut self, to: usize) {
        let reject = Reject {
            reason: "invalid_json".into(),
            detail: "".into(),
            bytes: vec![1],
            length: 1,
            rejected_at: Timestamp(0),
        };
        let source = Source { stream: "web".into(), position: self.records };
        self.records += 1;
        self.nodes[to].journal.push(Entry::Reject { source, reject });
    }

    /// Ticks a partition that has something to settle; whether it had.
    pub(crate) fn tick(&mut self, index: usize) -> bool {
        let node = &mut self.nodes[index];
        if node.journal.len() as u64 == node.state.position {
            return false;
        }
        node.journal.push(Entry::Tick { at: node.state.watermark });
        let until = node.journal.len();
        self.settle(index, until);
        true
    }

    pub(crate) fn settle(&mut self, index: usize, until: usize) {
        let partition = Partition { index: index as u32, count: self.nodes.len() as u32 };
        let commit = self.nodes[index].settle(&self.rules, partition, until).unwrap();
        for (to, entry) in &commit.messages {
            self.nodes[*to as usize].journal.push(entry.clone());
        }
        self.tables.apply(&commit.rows);
        self.ledger.extend(commit.rows.credit_ledger);
    }

    /// Ticks until nobody has anything to settle.
    pub(crate) fn drain(&mut self) {
        while (0..self.nodes.len()).any(|index| self.tick(index)) {}
    }

    pub(crate) fn conversion(&self, id: &str) -> &Conversion {
        let mut found = self.tables.conversions.live().filter(|row| &*row.conversion == id);
        let row = found.next().unwrap_or_else(|| panic!("no conversion \"{id}\""));
        assert!(found.next().is_none(), "\"{id}\" stands twice");
        row
    }

    pub(crate) fn has_conversion(&self, id: &str) -> bool {
        self.tables.conversions.live().any(|row| &*row.conversion == id)
    }

    /// Micro-credits, or money where there is some, by touch id; `-` is nobody.
    pub(crate) fn credit(&self, conversion: &str, model: &str) -> Vec<(String, i64)> {
        let row = self.conversion(conversion);
        let credit = row.credits.iter().find(|credit| &*credit.model == model).unwrap();
        let amounts = if row.value_minor == 0 { &credit.micro } else { &credit.minor };
        let all = row.journey.iter().zip(amounts).map(|(touch, amount)| (name(&touch.touch_id), *amount));
        all.filter(|(touch, amount)| touch != "-" || *amount != 0).collect()
    }

    /// The entries of a conversion under a model: reason, touch, minor units.
    pub(crate) fn entries(&self, conversion: &str, model: &str) -> Vec<(&'static str, String, i64)> {
        let mut entries = Vec::new();
        for entry in self.ledger.iter().filter(|entry| &*entry.conversion == conversion) {
            let credit = entry.credits.iter().find(|credit| &*credit.model == model).unwrap();
            let moved = entry.journey.iter().zip(&credit.minor).filter(|(_, minor)| **minor != 0);
            entries.extend(moved.map(|(touch, minor)| (entry.reason.word(), name(&touch.touch_id), *minor)));
        }
        entries
    }

    pub(crate) fn lead(&self, lead: &Text) -> &Lead {
        self.tables.leads.live().find(|row| row.lead == *lead).unwrap_or_else(|| panic!("no lead {lead}"))
    }

    /// A lead's touches as "id kind channel content".
    pub(crate) fn touches(&self, lead: &Text) -> Vec<String> {
        let mine = self.tables.touches.live().filter(|touch| touch.lead == *lead);
        mine.map(|t| format!("{} {} {} {}", t.touch_id, t.kind.word(), t.origin.channel, t.page.content)).collect()
    }

    /// A lead's way as "stage" or "stage?" where inferred.
    pub(crate) fn stages(&self, lead: &Text) -> Vec<String> {
        let mut mine: Vec<_> = self.tables.stage_entries.live().filter(|entry| entry.lead == *lead).collect();
        mine.sort_by_key(|entry| (entry.entered_at, entry.stage));
        mine.iter().map(|e| format!("{}{}", e.stage.word(), if e.inferred { "?" } else { "" })).collect()
    }

    /// Sums of the ledger that are not zero: (conversion, model, touch, lead, currency, day) to credit.
    pub(crate) fn balances(&self) -> Balances {
        let mut balances = Balances::new();
        for entry in &self.ledger {
            add(&mut balances, &entry.conversion, entry.currency, entry.converted_at, &entry.journey, &entry.credits);
        }
        balances.retain(|_, sum| *sum != [0; 3]);
        balances
    }

    /// The same of the conversions themselves.
    pub(crate) fn credits(&self) -> Balances {
        let mut balances = Balances::new();
        for row in self.tables.conversions.live() {
            add(&mut balances, &row.conversion, row.currency, row.converted_at, &row.journey, &row.credits);
        }
        balances.retain(|_, sum| *sum != [0; 3]);
        balances
    }

    /// What must be true of every quiet world, whatever happened in it.
    pub(crate) fn audit(&self) {
        same(&self.credits(), &self.balances(), "balance of the ledger");
        for row in self.tables.conversions.live() {
            for credit in row.credits.iter().filter(|credit| &*credit.model != "influenced") {
                let sums = [&credit.micro, &credit.minor, &credit.reporting].map(|all| all.iter().sum::<i64>());
                assert_eq!(sums, [1_000_000, row.value_minor, row.reporting_minor.unwrap_or(0)], "{}", row.conversion);
            }
        }
        for (index, node) in self.nodes.iter().enumerate() {
            let held = node.state.checksums.iter().filter(|(_, sum)| **sum != Checksum::default());
            let written = [Table::CreditLedger, Table::Rejects];
            let keyed = held.filter(|((table, _), _)| !written.contains(table));
            let keyed: Checksums = keyed.map(|(key, sum)| (*key, *sum)).collect();
            same(&self.tables.checksums(index as u32), &keyed, "checksum");
            same(&node.shown(&self.rules), &keyed, "checksum of what is said again");
        }
        let streams = self.nodes.iter().flat_map(|node| node.state.streams.values());
        let counted: u64 = streams.map(|stream| stream.applied + stream.duplicates + stream.rejected).sum();
        assert_eq!(counted, self.records, "records = applied + duplicates + rejected");
    }

    pub(crate) fn duplicates(&self) -> u64 {
        self.nodes.iter().flat_map(|node| node.state.streams.values()).map(|stream| stream.duplicates).sum()
    }
}

pub(crate) type Balances = BTreeMap<(Text, Text, Text, Text, Currency, Day), [i64; 3]>;

fn add(
    balances: &mut Balances,
    conversion: &Text,
    currency: Currency,
    at: Timestamp,
    journey: &[JourneyTouch],
    credits: &[ModelCredit],
) {
    for credit in credits {
        for (index, touch) in journey.iter().enumerate() {
            let key = (
                conversion.clone(),
                credit.model.clone(),
                touch.touch_id.clone(),
                touch.lead.clone(),
                currency,
                at.day(),
            );
            let sum = balances.entry(key).or_default();
            let amounts = [credit.micro[index], credit.minor[index], credit.reporting[index]];
            sum.iter_mut().zip(amounts).for_each(|(sum, amount)| *sum += amount);
        }
    }
}

/// Compares key by key, for reading.
pub(crate) fn same<K: Ord + Debug, V: PartialEq + Debug>(expected: &BTreeMap<K, V>, got: &BTreeMap<K, V>, what: &str) {
    for key in expected.keys().chain(got.keys()) {
        assert_eq!(expected.get(key), got.get(key), "{what} {key:?}");
    }
}

fn name(touch_id: &Text) -> String {
    if touch_id.is_empty() { "-".into() } else { touch_id.to_string() }
}

/// A table as ClickHouse keeps it: of every key the row of the highest version.
pub(crate) struct Kept<R>(pub(crate) BTreeMap<String, Versioned<R>>);

pub(crate) struct Versioned<R> {
    partition: u32,
    version: u64,
    pub(crate) change: Change<R>,
}

impl<R: Clone + PartialEq + Debug> Kept<R> {
    fn apply(&mut self, rows: &Rows, changes: &[Change<R>], key: impl Fn(&R) -> String) {
        for change in changes {
            let key = key(&change.row);
            if let Some(held) = self.0.get(&key) {
                assert_eq!(held.partition, rows.partition, "{key} is written by two partitions");
                assert!(held.version < rows.version, "{key} is written twice at {}", rows.version);
            }
            let row = Versioned { partition: rows.partition, version: rows.version, change: change.clone() };
            self.0.insert(key, row);
        }
    }

    pub(crate) fn live(&self) -> impl Iterator<Item = &R> {
        self.0.values().filter(|kept| !kept.change.deleted).map(|kept| &kept.change.row)
    }

    fn sum(&self, partition: u32, table: Table, month: impl Fn(&R) -> i32, sums: &mut Checksums) {
        for kept in self.0.values().filter(|kept| kept.partition == partition && !kept.change.deleted) {
            let sum = sums.entry((table, month(&kept.change.row))).or_default();
            sum.rows += 1;
            sum.digests = sum.digests.wrapping_add(kept.change.digest);
        }
    }

    fn show(&self, shown: &mut BTreeMap<String, String>, table: &str) {
        let live = self.0.iter().filter(|(_, kept)| !kept.change.deleted);
        shown.extend(live.map(|(key, kept)| (format!("{table} {key}"), format!("{:?}", kept.change.row))));
    }
}

fn month(day: Day) -> i32 {
    let (year, month) = day.year_month();
    year * 100 + i32::from(month)
}

macro_rules! tables {
    ($($field:ident: $row:ident $table:ident ($r:ident) $key:expr, $month:expr;)+) => {
        /// Every table of the warehouse that has keys.
        pub(crate) struct Tables { $(pub(crate) $field: Kept<$row>,)+ }

        impl Default for Tables {
            fn default() -> Self { Self { $($field: Kept(BTreeMap::new()),)+ } }
        }

        impl Tables {
            pub(crate) fn apply(&mut self, rows: &Rows) {
                $(self.$field.apply(rows, &rows.$field, |$r| format!("{:?}", $key));)+
            }

            /// Checksums made anew from the rows of a partition.
            pub(crate) fn checksums(&self, partition: u32) -> Checksums {
                let mut sums = Checksums::new();
                $(self.$field.sum(partition, Table::$table, |$r| { let _ = $r; $month }, &mut sums);)+
                sums
            }

            /// Every row there is, spelled out.
            pub(crate) fn shown(&self) -> BTreeMap<String, String> {
                let mut shown = BTreeMap::new();
                $(self.$field.show(&mut shown, stringify!($field));)+
                shown
            }
        }
    };
}

tables! {
    web_events: WebEvent WebEvents (r) (&r.workspace, &r.visitor, r.viewed_at, &r.event_id), month(r.viewed_at.day());
    touches: Touch Touches (r) (&r.workspace, &r.lead, r.touch_at, &r.touch_id), month(r.touch_at.day());
    leads: Lead Leads (r) (&r.workspace, &r.lead), 0;
    lead_events: LeadEvent LeadEvents (r) (&r.workspace, &r.lead, r.occurred_at, &r.event_id), month(r.occurred_at.day());
    stage_entries: StageEntry StageEntries (r) (&r.workspace, &r.lead, r.entered_at, r.stage), month(r.entered_at.day());
    handoffs: Handoff Handoffs (r) (&r.workspace, &r.lead, r.mql_at), month(r.mql_at.day());
    deals: Deal Deals (r) (&r.workspace, &r.deal), 0;
    deal_history: DealChange DealHistory (r) (&r.workspace, &r.deal, r.changed_at, &r.event_id), month(r.changed_at.day());
    conversions: Conversion Conversions (r) (&r.workspace, &r.owner, &r.conversion), 0;
    ad_spend: AdSpend AdSpend (r) (&r.workspace, r.day, &r.event_id), month(r.day);
    exchange_rates: ExchangeRate ExchangeRates (r) (&r.workspace, r.currency, r.day), month(r.day);
}
