//! The switch: at every moment all views show the same generation to a reader.
//!
//! One view is replaced in one step, thirty are not. So the views of two generations are bridged first: each view that
//! reads tables gets two arms, one a generation, of which a single row says which one is open. The row is read once a
//! query. As long as it names the old generation, plain and bridged views show the same; then the row changes, which is
//! one step for everybody; then the views become plain again, now over the new generation alone.

use crate::error::Remedy;
use crate::views::VIEWS;
use crate::{Error, Result, Warehouse, error};
use std::time::{Duration, Instant};

/// What makes the switch.
pub(crate) const SWITCHING: [&str; 2] = ["CREATE DATABASE IF NOT EXISTS $views_live", SWITCH];

/// Which generation is shown: the row with the highest number counts. It is the truth; views only follow it.
const SWITCH: &str = "CREATE TABLE IF NOT EXISTS $views_live.generation (
    number     UInt64 COMMENT 'Number of the switch; the highest counts.',
    generation UInt32 COMMENT 'Generation of tables that is shown since.'
)
ENGINE = MergeTree
ORDER BY number
SETTINGS $settings
COMMENT 'Which generation of tables the views show.'";

/// The generation that is shown, inside a view. ClickHouse evaluates equal scalars of a query once.
const LIVE: &str = "(SELECT argMax(generation, number) FROM $views_live.generation)";

/// Attempts at replacing a view that another process replaces at the same moment.
const ATTEMPTS: u32 = 20;

/// A query resolves its views when it begins, within milliseconds: whoever is still busy after so long has done that.
const RESOLVED: Duration = Duration::from_secs(5);

impl Warehouse {
    /// Points the views at this generation's tables: from one moment on every reader sees them, and nothing else.
    ///
    /// The tables of the generation that is shown until then must be migrated as far as these.
    ///
    /// # Errors
    /// Those of the server. Readers see the one generation or the other then, and doing it again goes on.
    pub async fn publish(&self) -> Result<()> {
        let shown = self.shown().await?;
        if let Some(before) = shown.filter(|shown| *shown != self.options.generation) {
            let before = self.generation(before)?;
            for (name, sql) in VIEWS.iter().filter(|(_, sql)| sql.contains("$data.")) {
                self.replace(name, &bridge(sql, &before.names.data, before.options.generation, self)).await?;
            }
            self.resolved().await?;
            self.switch().await?;
            self.resolved().await?;
        }
        for (name, sql) in VIEWS {
            self.replace(name, sql).await?;
        }
        if shown.is_none() { self.switch().await } else { Ok(()) }
    }

    /// The generation that readers see; `None` before the first.
    ///
    /// # Errors
    /// Those of the server.
    pub async fn shown(&self) -> Result<Option<u32>> {
        for sql in SWITCHING {
            self.execute("switch", sql).await?;
        }
        let sql = self.names.expand("SELECT generation FROM $views_live.generation ORDER BY number DESC LIMIT 1");
        let row = self.service.query_raw(&sql).fetch_optional::<u32>();
        error::within(self.options.query_timeout, "switch", row).await
    }

    async fn switch(&self) -> Result<()> {
        let generation = self.options.generation;
        let sql = format!(
            "INSERT INTO $views_live.generation SELECT max(number) + 1, {generation} FROM $views_live.generation"
        );
        self.execute("switch", &sql).await
    }

    /// Waits until every query that began before now knows which views it reads.
    async fn resolved(&self) -> Result<()> {
        let began = Instant::now();
        let here = "system.processes";
        let processes =
            self.options.cluster.as_ref().map_or_else(|| here.to_owned(), |cluster| cluster.everywhere(here));
        while began.elapsed() < RESOLVED {
            let since = began.elapsed().as_secs_f64();
            let until = since + RESOLVED.as_secs_f64();
            let sql = format!("SELECT count() FROM {processes} WHERE elapsed > {since} AND elapsed < {until}");
            let older = self.service.query_raw(&sql).fetch_one::<u64>();
            if error::within(self.options.query_timeout, "switch", older).await? == 0 {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }

    /// Replaces a view. Two replacements of the same view at once can trip over each other's temporary name.
    async fn replace(&self, name: &str, sql: &str) -> Result<()> {
        let mut attempt = 1;
        loop {
            match self.execute(name, sql).await {
                Err(error) if attempt < ATTEMPTS && tripped(&error) => {
                    tokio::time::sleep(Duration::from_millis(u64::from(10 * attempt))).await;
                    attempt += 1;
                }
                done => return done,
            }
        }
    }
}

/// A view's definition that reads the tables of whichever of two generations is shown.
fn bridge(sql: &str, before: &str, generation: u32, after: &Warehouse) -> String {
    let arms = [(before, generation), (after.names.data.as_str(), after.options.generation)];
    let mut pieces = sql.split("$data.");
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (table, rest) = piece.split_once(" FINAL").unwrap_or((piece, ""));
        let arm = |(data, generation)| format!("SELECT * FROM {data}.{table} FINAL WHERE {LIVE} = {generation}");
        out.push_str(&format!("({}){rest}", arms.map(arm).join(" UNION ALL ")));
    }
    out
}

/// Whether an error may come from another process that replaces the same view: table exists (57), or is gone (60),
/// or whatever may pass by itself but is not a broken connection.
fn tripped(error: &Error) -> bool {
    match error {
        Error::Refused { code: 57 | 60, .. } => true,
        Error::Refused { .. } => error.remedy() == Remedy::Retry,
        _ => false,
    }
}
