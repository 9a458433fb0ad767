//! What a table holds, summed up: for the reconciler, which compares it with what the service believes.

use crate::{Cell, Error, Result, Warehouse};
use smarketing_kernel::row::Table;

/// Rows of one journal partition in one month.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Checksum {
    /// The journal partition that wrote them.
    pub partition: u32,
    /// Month as year × 100 + month; 0 where the table has no month in its key.
    pub month: u32,
    /// How many rows there are, tombstones and older versions apart.
    pub count: u64,
    /// Sum of their digests, wrapping; 0 for tables whose rows never change.
    pub digest: u64,
}

impl Warehouse {
    /// Checksums of a table of this generation, ordered by partition and month.
    ///
    /// # Errors
    /// Those of the server.
    pub async fn checksums(&self, table: Table) -> Result<Vec<Checksum>> {
        let month = month(table).map_or_else(|| "0".to_owned(), |column| format!("toYYYYMM({column})"));
        let sql = format!(
            "SELECT partition, toUInt32({month}) AS month, count(), sum(row_digest) FROM $data.{} FINAL
            GROUP BY partition, month ORDER BY partition, month
            SETTINGS do_not_merge_across_partitions_select_final = 1",
            table.word()
        );
        let answer = self.ask(table.word(), &sql, &[]).await?;
        answer.rows.iter().map(|row| read(table, row)).collect()
    }
}

fn read(table: Table, row: &[Cell]) -> Result<Checksum> {
    let number = |at: usize| match row.get(at) {
        Some(Cell::Integer(number)) => u64::try_from(*number).ok(),
        _ => None,
    };
    let narrow = |at| number(at).and_then(|number| u32::try_from(number).ok());
    let (Some(partition), Some(month), Some(count), Some(digest)) = (narrow(0), narrow(1), number(2), number(3)) else {
        let message = "not a checksum".to_owned();
        return Err(Error::Answer { subject: table.word().to_owned(), message });
    };
    Ok(Checksum { partition, month, count, digest })
}

/// The column whose month decides the partition of a table.
fn month(table: Table) -> Option<&'static str> {
    match table {
        Table::WebEvents => Some("viewed_at"),
        Table::Touches => Some("touch_at"),
        Table::LeadEvents => Some("occurred_at"),
        Table::StageEntries => Some("entered_at"),
        Table::Handoffs => Some("mql_at"),
        Table::DealHistory => Some("changed_at"),
        Table::CreditLedger => Some("recorded_at"),
        Table::AdSpend => Some("day"),
        Table::Leads | Table::Deals | Table::Conversions | Table::ExchangeRates | Table::Rejects => None,
    }
}
