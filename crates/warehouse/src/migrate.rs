//! The tables, brought from any earlier state to today's.
//!
//! Migrations are numbered, kept with their checksum, and never edited once released. Every statement may run twice
//! (`IF NOT EXISTS`), so two processes that migrate at once do the same work and meet the same end: no lock that a
//! killed process could leave behind. Views hold nothing and are replaced as a whole, see the switch.

use crate::{Error, Result, Warehouse};
use siphasher::sip::SipHasher13;
use std::collections::BTreeMap;
use std::hash::Hasher as _;

/// One step of the tables' history: statements separated by a semicolon at the end of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Migration {
    /// Its place in the order, counted from 1.
    pub number: u32,
    /// What it is about.
    pub name: &'static str,
    /// Its statements; `$data`, `$views`, `$settings` and `$major(…)` are filled in.
    pub sql: &'static str,
}

macro_rules! migrations {
    ($($number:literal $name:literal $file:literal,)*) => {
        &[$(Migration { number: $number, name: $name, sql: include_str!($file) },)*]
    };
}

/// Every migration there is, in order.
pub const MIGRATIONS: &[Migration] = migrations![
    1 "people" "migrations/0001_people.sql",
    2 "deals" "migrations/0002_deals.sql",
    3 "credit" "migrations/0003_credit.sql",
    4 "money" "migrations/0004_money.sql",
    5 "rejects" "migrations/0005_rejects.sql",
    6 "digests" "migrations/0006_digests.sql",
    7 "watch" "migrations/0007_watch.sql",
    8 "calendar" "migrations/0008_calendar.sql",
    9 "segments" "migrations/0009_segments.sql",
    10 "repeats" "migrations/0010_repeats.sql",
];

/// The database of the tables.
const DATA: &str = "CREATE DATABASE IF NOT EXISTS $data";

/// The database of the views.
const VIEWS_ALONE: &str = "CREATE DATABASE IF NOT EXISTS $views";

/// Where it is written down what was applied.
const JOURNAL: &str = "CREATE TABLE IF NOT EXISTS $data.migrations (
    number     UInt32 COMMENT 'Place of the migration in the order.',
    name       String COMMENT 'What the migration is about.',
    checksum   String COMMENT 'Checksum of its text when it was applied.',
    applied_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') COMMENT 'When it was applied.'
)
ENGINE = ReplacingMergeTree(applied_at)
ORDER BY number
SETTINGS $settings
COMMENT 'Migrations applied to this database.'";

impl Migration {
    /// Checksum of the text, as 16 hexadecimal digits.
    #[must_use]
    pub fn checksum(&self) -> String {
        let mut hasher = SipHasher13::new();
        hasher.write(self.sql.as_bytes());
        format!("{:016x}", hasher.finish())
    }

    fn statements(&self) -> impl Iterator<Item = &'static str> {
        self.sql.split(";\n").map(str::trim).filter(|statement| !statement.is_empty())
    }
}

impl Warehouse {
    /// Creates what is missing and applies the `migrations` (normally [`MIGRATIONS`]) that were not applied yet;
    /// says which. Safe to run twice, and by several processes at once.
    ///
    /// # Errors
    /// [`Error::Changed`] names an applied migration that was edited, [`Error::Newer`] tables of a newer build.
    pub async fn migrate(&self, migrations: &[Migration]) -> Result<Vec<u32>> {
        self.execute("migrations", DATA).await?;
        self.execute("migrations", VIEWS_ALONE).await?;
        self.execute("migrations", JOURNAL).await?;
        let applied = self.applied().await?;
        let known = migrations.iter().map(|migration| migration.number).max().unwrap_or_default();
        if let Some(&newest) = applied.keys().next_back().filter(|&&newest| newest > known) {
            return Err(Error::Newer { applied: newest, known });
        }
        let mut fresh = Vec::new();
        for migration in migrations {
            match applied.get(&migration.number) {
                None => {
                    self.apply(migration).await?;
                    fresh.push(migration.number);
                }
                Some(checksum) => {
                    unchanged(migration, checksum)?;
                    // A server that joined the cluster since has none of the tables; every statement may run twice.
                    if self.options.cluster.is_some() {
                        self.run(migration).await?;
                    }
                }
            }
        }
        Ok(fresh)
    }

    async fn apply(&self, migration: &Migration) -> Result<()> {
        let subject = migration.title();
        self.run(migration).await?;
        let record = "INSERT INTO $data.migrations (number, name, checksum)
            SELECT {number:UInt32}, {name:String}, {checksum:String}";
        let insert = self
            .service
            .query_raw(&self.names.expand(record))
            .param("number", migration.number)
            .param("name", migration.name)
            .param("checksum", migration.checksum())
            .execute();
        crate::error::within(self.options.query_timeout, &subject, insert).await
    }

    async fn run(&self, migration: &Migration) -> Result<()> {
        let subject = migration.title();
        for statement in migration.statements() {
            self.execute(&subject, statement).await?;
        }
        Ok(())
    }

    /// Every statement that makes the databases, tables and views of this generation, as it is run here: for those who
    /// do not let the service do that.
    #[must_use]
    pub fn statements(&self) -> Vec<String> {
        let databases = [DATA, VIEWS_ALONE, JOURNAL];
        let tables = MIGRATIONS.iter().flat_map(Migration::statements);
        let switch = crate::publish::SWITCHING.iter().copied();
        let views = crate::views::VIEWS.iter().map(|(_, sql)| *sql);
        databases.into_iter().chain(tables).chain(switch).chain(views).flat_map(|sql| self.spread(sql)).collect()
    }

    /// Checksums of the applied migrations by number.
    async fn applied(&self) -> Result<BTreeMap<u32, String>> {
        let sql = self.names.expand("SELECT number, checksum FROM $data.migrations FINAL");
        let rows = self.service.query_raw(&sql).fetch_all::<(u32, String)>();
        let rows = crate::error::within(self.options.query_timeout, "migrations", rows).await?;
        Ok(rows.into_iter().collect())
    }
}

impl Migration {
    fn title(&self) -> String {
        format!("{:04}_{}", self.number, self.name)
    }
}

fn unchanged(migration: &Migration, applied: &str) -> Result<()> {
    let present = migration.checksum();
    if present == applied {
        return Ok(());
    }
    Err(Error::Changed { name: migration.title(), applied: applied.to_owned(), present })
}
