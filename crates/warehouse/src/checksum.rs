//! What a table holds, summed up: for the reconciler, which compares it with what the service believes and repairs it.

use crate::error::within;
use crate::{Result, Warehouse};
use smarketing_kernel::row::Table;

/// Rows of one journal partition in one month.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Checksum {
    /// Month as year × 100 + month; 0 where the table has no month in its key.
    pub month: i32,
    /// How many rows there are, tombstones and older versions apart.
    pub rows: u64,
    /// Sum of their digests, wrapping.
    pub digests: u64,
}

/// Some rows of a table of this generation: those one journal partition wrote, of one month.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// The table.
    pub table: Table,
    /// The journal partition.
    pub partition: u32,
    /// The month, as in [`Checksum::month`].
    pub month: i32,
}

/// Digests named in one statement; a statement may have 256 KiB.
const NAMED_MAX: usize = 5_000;

impl Warehouse {
    /// Checksums of what a journal partition wrote into a table of this generation, ordered by month.
    ///
    /// # Errors
    /// Those of the server.
    pub async fn checksums(&self, table: Table, partition: u32) -> Result<Vec<Checksum>> {
        let sql = format!(
            "SELECT {} AS month, count(), sum(row_digest) FROM $data.{} FINAL WHERE partition = {partition}
            GROUP BY month ORDER BY month SETTINGS do_not_merge_across_partitions_select_final = 1",
            month(table),
            table.word()
        );
        let found = self.fetch::<(i32, u64, u64)>(table, &sql).await?;
        Ok(found.into_iter().map(|(month, rows, digests)| Checksum { month, rows, digests }).collect())
    }

    /// Digest and version of every row of a bucket.
    ///
    /// # Errors
    /// Those of the server.
    pub async fn digests(&self, bucket: Bucket) -> Result<Vec<(u64, u64)>> {
        let sql = format!("SELECT row_digest, version FROM {}", bucket.rows());
        self.fetch::<(u64, u64)>(bucket.table, &sql).await
    }

    /// Takes rows out of a bucket that should not be there, by tombstones of `version`. Rows with a higher version
    /// stay: whoever wrote them may know better.
    ///
    /// # Errors
    /// Those of the server; doing it again is safe.
    pub async fn bury(&self, bucket: Bucket, version: u64, digests: &[u64]) -> Result<()> {
        // The version of a ledger entry is part of its key.
        let newest = if bucket.table == Table::CreditLedger { "version".into() } else { version.to_string() };
        for named in digests.chunks(NAMED_MAX) {
            let named = named.iter().map(u64::to_string).collect::<Vec<_>>().join(",");
            let sql = format!(
                "INSERT INTO $data.{} SELECT * REPLACE ({newest} AS version, 1 AS is_deleted, 0 AS row_digest)
                FROM (SELECT * FROM {} AND version <= {version} AND row_digest IN ({named}))",
                bucket.table.word(),
                bucket.rows()
            );
            self.execute(bucket.table.word(), &sql).await?;
        }
        Ok(())
    }

    async fn fetch<T>(&self, table: Table, sql: &str) -> Result<Vec<T>>
    where
        T: clickhouse::RowOwned + clickhouse::RowRead,
    {
        let rows = self.service.query_raw(&self.names.expand(sql)).fetch_all::<T>();
        within(self.options.query_timeout, table.word(), rows).await
    }
}

impl Bucket {
    /// The bucket's rows as they stand, as what follows `FROM`.
    fn rows(&self) -> String {
        let Self { table, partition, month: wanted } = self;
        format!("$data.{} FINAL WHERE partition = {partition} AND {} = {wanted}", table.word(), month(*table))
    }
}

/// The month of a row: of the time in its key.
fn month(table: Table) -> String {
    let column = match table {
        Table::WebEvents => "viewed_at",
        Table::Touches => "touch_at",
        Table::LeadEvents => "occurred_at",
        Table::StageEntries => "entered_at",
        Table::Handoffs => "mql_at",
        Table::DealHistory => "changed_at",
        Table::CreditLedger => "recorded_at",
        Table::AdSpend | Table::ExchangeRates => "day",
        Table::Leads | Table::Deals | Table::Conversions | Table::Rejects => return "toInt32(0)".to_owned(),
    };
    format!("toInt32(toYYYYMM({column}))")
}
