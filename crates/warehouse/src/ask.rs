//! Questions: the operator's own SQL as a stream of bytes, and ours as small tables.

use crate::error::within;
use crate::{Error, Result, Table, Warehouse};
use bytes::Bytes;
use clickhouse::query::BytesCursor;

/// Largest answer a report may give; reports are for people.
const ANSWER_BYTES: usize = 64 << 20;

/// Most rows of an answer that may grow without end; its SQL says `$rows`, which is one more, to know that there are more.
pub const ROWS_MAX: usize = 10_000;

/// Codes of views or columns that are not there: UNKNOWN_IDENTIFIER, UNKNOWN_TABLE.
const NOT_THERE: [u32; 2] = [47, 60];

/// Our questions are right for the views of this build: where they are not, the views are of another.
fn outdated(error: Error) -> Error {
    match error {
        Error::Refused { subject, code, message } if NOT_THERE.contains(&code) => {
            Error::Outdated { subject, message: message.chars().take(200).collect() }
        }
        other => other,
    }
}

/// A streaming answer in the format that was asked for.
pub struct Answer(BytesCursor);

impl Answer {
    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// The server's exception, which may come after the first pieces.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        self.0.next().await.map_err(|error| Error::from_client("query", &error))
    }
}

impl Warehouse {
    /// Sends the operator's `sql` as it stands, as the user who may only read. `format` is one of ClickHouse's and
    /// holds where the SQL names none. Tables without a database are looked up among the views.
    ///
    /// # Errors
    /// Those of the server, most of them with the first [`Answer::next`].
    pub fn query(&self, sql: &str, format: &str) -> Result<Answer> {
        let query = self.reader.clone().with_database(&self.names.views).query_raw(sql);
        query.fetch_bytes(format).map(Answer).map_err(|error| Error::from_client("query", &error))
    }

    /// Asks one of our own questions: placeholders of `sql` are ours, values only ever travel as parameters.
    pub(crate) async fn ask(&self, subject: &str, sql: &str, parameters: &[(&str, &str)]) -> Result<Table> {
        let mut query = self
            .reader
            .query_raw(&self.names.expand(sql))
            .with_setting("date_time_output_format", "iso")
            .with_setting("output_format_json_quote_decimals", "1")
            // Numbers beyond 64 bits would be read as floating point.
            .with_setting("output_format_json_quote_64bit_integers", "1");
        for (name, value) in parameters {
            query = query.param(name, value);
        }
        let body = within(self.options.query_timeout, subject, async {
            let mut cursor = query.fetch_bytes("JSONCompactEachRowWithNamesAndTypes")?;
            let mut body = Vec::new();
            while let Some(piece) = cursor.next().await? {
                body.extend_from_slice(&piece);
                if body.len() > ANSWER_BYTES {
                    break;
                }
            }
            Ok(body)
        });
        let body = body.await.map_err(outdated)?;
        if body.len() > ANSWER_BYTES {
            let message = format!("it is longer than {ANSWER_BYTES} bytes: ask for a shorter time");
            return Err(Error::Answer { subject: subject.to_owned(), message });
        }
        let table = Table::parse(subject, &body)?;
        Ok(if sql.contains("$rows") { table.held(ROWS_MAX) } else { table })
    }
}
