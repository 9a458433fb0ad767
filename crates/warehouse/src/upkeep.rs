//! What operators do to whole generations and to dead letters.

use crate::{Result, Table, Warehouse};

impl Warehouse {
    /// Drops this generation's tables, with everything in them.
    ///
    /// # Errors
    /// Those of the server.
    pub async fn drop_tables(&self) -> Result<()> {
        self.execute("generation", "DROP DATABASE IF EXISTS $data").await
    }

    /// Dead letters with their bytes in hexadecimal, of one stream and one reason where they are named.
    ///
    /// # Errors
    /// Those of the server.
    pub async fn dead_letters(&self, stream: Option<&str>, reason: Option<&str>) -> Result<Table> {
        let sql = "SELECT stream, position, length, hex(bytes) AS bytes_hex FROM $views.rejects \
                   WHERE ({stream:String} = '' OR stream = {stream:String}) \
                   AND ({reason:String} = '' OR reason = {reason:String}) \
                   ORDER BY stream, position LIMIT 100000";
        self.ask("rejects", sql, &[("stream", stream.unwrap_or("")), ("reason", reason.unwrap_or(""))]).await
    }
}
