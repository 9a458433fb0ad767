//! Tables as the auditor fills them, and how two sets of them are compared.

use smarketing_kernel::row;
use smarketing_kernel::text::Text;
use std::collections::BTreeMap;
use std::fmt::{self, Debug};
use std::hash::{Hash, Hasher as _};

/// A row's key: the columns of [`Row::KEY`] as text. Instants are UTC milliseconds, days are days since 1970-01-01,
/// both as decimal numbers; words are spelled as in rows.
pub type Key = Vec<Text>;

/// A row with a key.
pub trait Row: Clone + PartialEq + Debug + Hash {
    /// The table.
    const TABLE: row::Table;
    /// The columns of the key, in order.
    const KEY: &'static [&'static str];

    /// The key of this row.
    fn key(&self) -> Key;

    /// Content hash as the kernel writes it into `row_digest` (SipHash-1-3 of the row, never 0).
    fn digest(&self) -> u64 {
        let mut hasher = siphasher::sip::SipHasher13::new();
        self.hash(&mut hasher);
        hasher.finish().max(1)
    }
}

/// A key at which two tables differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Name of the table, or of the sum.
    pub table: &'static str,
    /// Where.
    pub key: String,
    /// What should be there, spelled out; `None` for nothing.
    pub expected: Option<String>,
    /// What is there.
    pub found: Option<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nothing = "nothing";
        let expected = self.expected.as_deref().unwrap_or(nothing);
        write!(f, "{} {}:\n  expected {expected}\n  found    ", self.table, self.key)?;
        f.write_str(self.found.as_deref().unwrap_or(nothing))
    }
}

/// Every key at which two maps differ, in order.
pub fn differences<K: Ord + Debug, V: PartialEq + Debug>(
    table: &'static str,
    expected: &BTreeMap<K, V>,
    found: &BTreeMap<K, V>,
) -> Vec<Difference> {
    let only_found = found.keys().filter(|key| !expected.contains_key(key));
    let mut keys: Vec<&K> = expected.keys().chain(only_found).collect();
    keys.sort();
    let differs = keys.into_iter().filter(|key| expected.get(key) != found.get(key));
    let spelled = |value: Option<&V>| value.map(|value| format!("{value:?}"));
    let difference = |key: &K| Difference {
        table,
        key: format!("{key:?}"),
        expected: spelled(expected.get(key)),
        found: spelled(found.get(key)),
    };
    differs.map(difference).collect()
}

macro_rules! part {
    ($row:ident $field:ident at) => {
        Text::from($row.$field.0.to_string())
    };
    ($row:ident $field:ident word) => {
        Text::from($row.$field.word())
    };
    ($row:ident $field:ident code) => {
        Text::from($row.$field.code())
    };
    ($row:ident $field:ident text) => {
        $row.$field.clone()
    };
}

macro_rules! tables {
    ($($table:ident: $row:ident $name:ident [$($field:ident $as:ident),+];)+) => {
        $(impl Row for row::$row {
            const TABLE: row::Table = row::Table::$name;
            const KEY: &'static [&'static str] = &[$(stringify!($field)),+];

            fn key(&self) -> Key {
                let row = self;
                vec![$(part!(row $field $as)),+]
            }
        })+

        /// Every keyed table of the warehouse, row by row under its key: what is there now, nothing that was deleted.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        #[allow(missing_docs)]
        pub struct Tables { $(pub $table: BTreeMap<Key, row::$row>,)+ }

        impl Tables {
            /// Where `found` differs from these tables.
            #[must_use]
            pub fn differences(&self, found: &Self) -> Vec<Difference> {
                let mut all = Vec::new();
                $(all.extend(differences(stringify!($table), &self.$table, &found.$table));)+
                all
            }

            /// Takes in what a settle says, as the latest word on every key it names.
            pub fn apply(&mut self, rows: &row::Rows) {
                $(apply(&mut self.$table, &rows.$table);)+
            }

            /// How many rows there are.
            #[must_use]
            pub fn count(&self) -> usize {
                [$(self.$table.len()),+].iter().sum()
            }
        }
    };
}

tables! {
    web_events: WebEvent WebEvents [workspace text, visitor text, viewed_at at, event_id text];
    touches: Touch Touches [workspace text, lead text, touch_at at, touch_id text];
    leads: Lead Leads [workspace text, lead text];
    lead_events: LeadEvent LeadEvents [workspace text, lead text, occurred_at at, event_id text];
    stage_entries: StageEntry StageEntries [workspace text, lead text, entered_at at, stage word];
    handoffs: Handoff Handoffs [workspace text, lead text, mql_at at];
    deals: Deal Deals [workspace text, deal text];
    deal_history: DealChange DealHistory [workspace text, deal text, changed_at at, event_id text];
    conversions: Conversion Conversions [workspace text, owner text, conversion text];
    ad_spend: AdSpend AdSpend [workspace text, day at, event_id text];
    exchange_rates: ExchangeRate ExchangeRates [workspace text, currency code, day at];
}

fn apply<R: Row>(table: &mut BTreeMap<Key, R>, changes: &[row::Change<R>]) {
    for change in changes {
        if change.deleted {
            table.remove(&change.row.key());
        } else {
            table.insert(change.row.key(), change.row.clone());
        }
    }
}

/// Puts rows under their keys; of two with one key the first stays.
pub(super) fn put<R: Row>(table: &mut BTreeMap<Key, R>, rows: impl IntoIterator<Item = R>) {
    for row in rows {
        table.entry(row.key()).or_insert(row);
    }
}
