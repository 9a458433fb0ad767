//! The same tables on a cluster of servers: what makes, changes or drops something, said as a cluster wants it.
//!
//! A table that partitions of the journal write lies on shards: `touches_local` holds the shard's part, and `touches`
//! is a `Distributed` table over the parts. A row lies on shard *partition mod shards*, and one partition writes all
//! rows of a key; so all versions of a key lie on one shard, and `FINAL`, which each shard does by itself, is right.
//! Tables that no partition writes are small: every server holds all of them, as replicas of one another.
//!
//! A number of shards holds for a generation: with another one, rows written again would lie elsewhere than before.

use crate::{Error, Result};

/// A cluster that the server is part of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// Its name in the servers' configuration (`remote_servers`).
    pub name: String,
    /// Whether it has a Keeper: then tables are replicated, and statements go to all servers. A cluster without one is
    /// a single server, such as the embedded engine can be.
    pub keeper: bool,
}

/// Tables that no partition of the journal writes.
pub(crate) const COMMON: [&str; 4] = ["conversion_watch", "generation", "migrations", "working_days"];

/// What the name of a shard's part ends with.
const PART: &str = "_local";

impl Cluster {
    /// Refuses a name that would need quoting.
    pub(crate) fn check(&self) -> Result<()> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        if self.name.is_empty() || !self.name.chars().all(plain) {
            return Err(Error::Cluster { name: self.name.clone() });
        }
        Ok(())
    }

    /// Settings of every statement of the service. An insert is acknowledged by the shards themselves, not by a queue
    /// before them; and what was written is read from the replica it was written to, while that one lives.
    pub(crate) fn settings(&self) -> &'static [(&'static str, &'static str)] {
        let all = &[
            ("distributed_foreground_insert", "1"),
            ("optimize_skip_unused_shards", "1"),
            ("load_balancing", "in_order"),
            ("prefer_localhost_replica", "0"),
        ];
        if self.keeper { all } else { &all[..2] }
    }

    /// A table as a query sees it on all servers.
    pub(crate) fn everywhere(&self, table: &str) -> String {
        if self.keeper { format!("clusterAllReplicas('{}', {table})", self.name) } else { table.to_owned() }
    }

    /// What to run for `sql`, whose names are filled in.
    pub(crate) fn spread(&self, sql: &str) -> Vec<String> {
        let on = if self.keeper { format!(" ON CLUSTER `{}`", self.name) } else { String::new() };
        // A replicated table that goes in the background could not be made anew meanwhile.
        let now = if self.keeper { " SYNC" } else { "" };
        if sql.starts_with("CREATE DATABASE ") {
            vec![format!("{sql}{on}")]
        } else if sql.starts_with("DROP DATABASE ") {
            vec![format!("{sql}{on}{now}")]
        } else if let Some((name, rest)) = named(sql, "CREATE OR REPLACE VIEW ") {
            vec![format!("CREATE OR REPLACE VIEW {name}{on} {rest}")]
        } else if let Some((name, rest)) = named(sql, "ALTER TABLE ") {
            let parts = if is_common(name) { vec![name.to_owned()] } else { vec![part(name), name.to_owned()] };
            parts.iter().map(|name| format!("ALTER TABLE {name}{on} {rest}")).collect()
        } else if let Some((name, rest)) = named(sql, "OPTIMIZE TABLE ") {
            vec![format!("OPTIMIZE TABLE {}{on} {rest}", if is_common(name) { name.to_owned() } else { part(name) })]
        } else if let Some((name, rest)) = named(sql, "CREATE TABLE IF NOT EXISTS ") {
            self.table(name, rest, &on)
        } else {
            vec![sql.to_owned()]
        }
    }

    fn table(&self, name: &str, rest: &str, on: &str) -> Vec<String> {
        let kept = if is_common(name) { name.to_owned() } else { part(name) };
        let mut tables = vec![format!("CREATE TABLE IF NOT EXISTS {kept}{on} {}", self.engine(name, rest))];
        if !is_common(name) {
            let (database, part) = kept.split_once('.').unwrap_or(("", &kept));
            let comment = rest.rfind("\nCOMMENT ").and_then(|at| rest.get(at..)).unwrap_or_default();
            let over = format!("Distributed('{}', '{database}', '{part}', partition)", self.name);
            tables.push(format!("CREATE TABLE IF NOT EXISTS {name}{on} AS {kept}\nENGINE = {over}{comment}"));
        }
        tables
    }

    /// A table's definition with its engine replicated: within its shard, or over all servers.
    fn engine(&self, name: &str, rest: &str) -> String {
        let Some((columns, engine)) = rest.split_once("\nENGINE = ").filter(|_| self.keeper) else {
            return rest.to_owned();
        };
        let (engine, after) = engine.split_once('\n').unwrap_or((engine, ""));
        let (kind, arguments) = engine.split_once('(').unwrap_or((engine, ")"));
        let comma = if arguments == ")" { "" } else { ", " };
        let path = name.replace('.', "/");
        let (shard, replica) = if is_common(name) { ("all", "{shard}-{replica}") } else { ("{shard}", "{replica}") };
        let place = format!("'/clickhouse/tables/{shard}/{path}', '{replica}'");
        format!("{columns}\nENGINE = Replicated{kind}({place}{comma}{arguments}\n{after}")
    }
}

/// The table that holds a server's own rows of `table`, which is its name without the database.
pub(crate) fn holder(cluster: Option<&Cluster>, table: &str) -> String {
    if cluster.is_some() && !is_common(table) { part(table) } else { table.to_owned() }
}

/// The name after the words a statement begins with, and the rest.
fn named<'s>(sql: &'s str, words: &str) -> Option<(&'s str, &'s str)> {
    sql.strip_prefix(words)?.split_once(' ')
}

fn is_common(name: &str) -> bool {
    COMMON.contains(&name.rsplit('.').next().unwrap_or(name))
}

fn part(name: &str) -> String {
    format!("{name}{PART}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MIGRATIONS;

    #[test]
    fn tables_without_a_partition_are_common() {
        let statements = MIGRATIONS.iter().flat_map(|migration| migration.sql.split(";\n")).map(str::trim);
        let tables: Vec<_> = statements.filter_map(|sql| named(sql, "CREATE TABLE IF NOT EXISTS ")).collect();
        assert!(tables.len() > 12);
        for (name, rest) in tables {
            let keyed = rest.contains("\n    partition ");
            assert_eq!(keyed, !is_common(name), "{name}: whoever has a partition is sharded by it, and nobody else");
        }
    }

    #[test]
    fn a_name_needs_no_quotes() {
        let check = |name: &str, good| {
            assert_eq!(Cluster { name: name.to_owned(), keeper: true }.check().is_ok(), good, "{name}");
        };
        check("smarketing", true);
        check("eu-1", true);
        check("", false);
        check("a`; DROP", false);
    }
}
