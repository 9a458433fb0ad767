//! What operators do to whole generations and to dead letters.

use crate::error::within;
use crate::{Result, Table, Warehouse};

/// Dead letters in one answer: each may have 64 KiB, twice that in hexadecimal.
const LETTERS: u32 = 400;

impl Warehouse {
    /// Drops this generation's tables, with everything in them.
    ///
    /// # Errors
    /// Those of the server.
    pub async fn drop_tables(&self) -> Result<()> {
        self.execute("generation", "DROP DATABASE IF EXISTS $data").await
    }

    /// Takes out what earlier versions of rows still say of people who asked to be forgotten: those would stay for readers
    /// of the tables until ClickHouse merges them by itself.
    ///
    /// # Errors
    /// Those of the server.
    pub async fn forget(&self) -> Result<()> {
        let sql = "SELECT count() AS people FROM (SELECT 1 FROM $data.leads \
                   WHERE (workspace, lead) GLOBAL IN (SELECT workspace, lead FROM $data.leads WHERE erased = 1) \
                   GROUP BY workspace, lead HAVING min(version) < maxIf(version, erased = 1))";
        let left = self.service.query_raw(&self.names.expand(sql)).fetch_one::<u64>();
        match within(self.options.query_timeout, "leads", left).await? {
            0 => Ok(()),
            _ => self.execute("leads", "OPTIMIZE TABLE $data.leads FINAL SETTINGS optimize_throw_if_noop = 1").await,
        }
    }

    /// The next dead letters with their bytes in hexadecimal, in order of stream and position: of one stream and one
    /// reason where they are named, behind the letter `after`.
    ///
    /// # Errors
    /// Those of the server.
    pub async fn dead_letters(
        &self,
        stream: Option<&str>,
        reason: Option<&str>,
        after: Option<(&str, u64)>,
    ) -> Result<Table> {
        let sql = "SELECT stream, position, length, hex(bytes) AS bytes_hex FROM $views.rejects \
                   WHERE ({stream:String} = '' OR stream = {stream:String}) \
                   AND ({reason:String} = '' OR reason = {reason:String}) \
                   AND (stream, position) > ({behind:String}, {position:UInt64}) \
                   ORDER BY stream, position LIMIT {letters:UInt32}";
        let (behind, position) = after.unwrap_or_default();
        let parameters = [
            ("stream", stream.unwrap_or_default()),
            ("reason", reason.unwrap_or_default()),
            ("behind", behind),
            ("position", &position.to_string()),
            ("letters", &LETTERS.to_string()),
        ];
        self.ask("rejects", sql, &parameters).await
    }
}
