//! What can go wrong between us and ClickHouse, and what to do then.

use std::future::Future;
use std::time::Duration;

/// The result of anything the warehouse does.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why the warehouse did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server answered with an exception.
    #[error("\"{subject}\" was refused by ClickHouse with code {code}: {message}")]
    Refused {
        /// The table, view, migration or report.
        subject: String,
        /// ClickHouse's error code.
        code: u32,
        /// Its message, cut at 2000 characters.
        message: String,
    },
    /// A question of ours names what is not there.
    #[error(
        "\"{subject}\" asks for views of this build, but those of another are there: run `smarketing migrate` ({message})"
    )]
    Outdated {
        /// The report.
        subject: String,
        /// What ClickHouse does not find, cut at 200 characters.
        message: String,
    },
    /// The server was not reached, or the connection broke, or it answered without a code.
    #[error("\"{subject}\" did not reach ClickHouse: {message}")]
    Unreachable {
        /// The table, view, migration or report.
        subject: String,
        /// What the transport said.
        message: String,
    },
    /// The server took too long.
    #[error("\"{subject}\" was not answered by ClickHouse in time")]
    Late {
        /// The table, view, migration or report.
        subject: String,
    },
    /// A row cannot be written as the table wants it.
    #[error("\"{subject}\" cannot be encoded: {message}")]
    Encoding {
        /// The table.
        subject: String,
        /// What does not fit.
        message: String,
    },
    /// An answer was not what was asked for.
    #[error("the answer to \"{subject}\" cannot be read: {message}")]
    Answer {
        /// The report.
        subject: String,
        /// What is wrong with it.
        message: String,
    },
    /// A credit vector is not as long as its journey.
    #[error("conversion \"{conversion}\" has credit of model \"{model}\" that does not match its journey")]
    Uneven {
        /// The conversion.
        conversion: String,
        /// The model.
        model: String,
    },
    /// A migration that was applied has been edited since.
    #[error("migration \"{name}\" was applied with checksum {applied}, but now has {present}")]
    Changed {
        /// Number and name of the migration.
        name: String,
        /// Its checksum when it was applied.
        applied: String,
        /// Its checksum in this build.
        present: String,
    },
    /// The tables were migrated by a newer build.
    #[error("the tables are at migration {applied}, this build only knows migrations up to {known}")]
    Newer {
        /// The highest applied migration.
        applied: u32,
        /// The highest migration of this build.
        known: u32,
    },
    /// A cluster name that is not a plain one.
    #[error("\"{name}\" is not the name of a cluster: use letters, digits, _ and -")]
    Cluster {
        /// What was given.
        name: String,
    },
    /// A time zone that ClickHouse does not know.
    #[error("\"{name}\" is not a time zone that ClickHouse knows; a name is such as \"Europe/Berlin\"")]
    TimeZone {
        /// What was given.
        name: String,
    },
    /// A database name that is not a plain identifier.
    #[error("\"{name}\" is not a database name: use letters, digits and _")]
    Database {
        /// What was given.
        name: String,
    },
}

/// What to do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// It may pass: do the same again later, for ever.
    Retry,
    /// It will not pass by itself: stop, keep the data, say so.
    Halt,
}

/// Codes that mean tables, rows or rights are not as we believe; everything else may pass.
const HALTING: &[u32] = &[
    6,   // CANNOT_PARSE_TEXT
    8,   // THERE_IS_NO_COLUMN
    10,  // NOT_FOUND_COLUMN_IN_BLOCK
    15,  // DUPLICATE_COLUMN
    16,  // NO_SUCH_COLUMN_IN_TABLE
    20,  // NUMBER_OF_COLUMNS_DOESNT_MATCH
    26,  // CANNOT_PARSE_QUOTED_STRING
    27,  // CANNOT_PARSE_INPUT_ASSERTION_FAILED
    36,  // BAD_ARGUMENTS
    43,  // ILLEGAL_TYPE_OF_ARGUMENT
    44,  // ILLEGAL_COLUMN
    46,  // UNKNOWN_FUNCTION
    47,  // UNKNOWN_IDENTIFIER
    50,  // UNKNOWN_TYPE
    53,  // TYPE_MISMATCH
    60,  // UNKNOWN_TABLE
    62,  // SYNTAX_ERROR
    80,  // INCORRECT_QUERY
    81,  // UNKNOWN_DATABASE
    115, // UNKNOWN_SETTING
    117, // INCORRECT_DATA
    164, // READONLY
    192, // UNKNOWN_USER
    193, // WRONG_PASSWORD
    194, // REQUIRED_PASSWORD
    469, // VIOLATED_CONSTRAINT
    497, // ACCESS_DENIED
    516, // AUTHENTICATION_FAILED
];

impl Error {
    /// What to do about it. Nothing is ever rejected here: rows that reach the warehouse are known to be valid.
    #[must_use]
    pub fn remedy(&self) -> Remedy {
        match self {
            Self::Refused { code, .. } if HALTING.contains(code) => Remedy::Halt,
            Self::Refused { .. } | Self::Unreachable { .. } | Self::Late { .. } => Remedy::Retry,
            Self::Encoding { .. }
            | Self::Outdated { .. }
            | Self::Answer { .. }
            | Self::Uneven { .. }
            | Self::Changed { .. }
            | Self::Newer { .. }
            | Self::Cluster { .. }
            | Self::TimeZone { .. }
            | Self::Database { .. } => Remedy::Halt,
        }
    }

    /// What the client said about `subject`, in our words.
    pub(crate) fn from_client(subject: &str, error: &clickhouse::error::Error) -> Self {
        use clickhouse::error::Error as Client;
        let subject = subject.to_owned();
        let mut message = error.to_string();
        if let Some(code) = code(&message) {
            message.truncate(message.floor_char_boundary(2_000));
            return Self::Refused { subject, code, message };
        }
        match error {
            Client::TimedOut => Self::Late { subject },
            Client::InvalidParams(_)
            | Client::SequenceMustHaveLength
            | Client::Custom(_)
            | Client::SchemaMismatch(_)
            | Client::Unsupported(_)
            | Client::InvalidTagEncoding(_) => Self::Encoding { subject, message },
            Client::NotEnoughData | Client::RowNotFound | Client::InvalidUtf8Encoding(_) => {
                Self::Answer { subject, message }
            }
            _ => Self::Unreachable { subject, message },
        }
    }
}

/// The number in `Code: 60. DB::Exception: …`, wherever the server put it.
fn code(message: &str) -> Option<u32> {
    let (_, rest) = message.split_once("Code: ")?;
    let digits = rest.find(|c: char| !c.is_ascii_digit()).and_then(|end| rest.get(..end))?;
    digits.parse().ok()
}

/// `answer`, or [`Error::Late`] after `limit`.
pub(crate) async fn within<T>(
    limit: Duration,
    subject: &str,
    answer: impl Future<Output = clickhouse::error::Result<T>>,
) -> Result<T> {
    match tokio::time::timeout(limit, answer).await {
        Ok(answer) => answer.map_err(|error| Error::from_client(subject, &error)),
        Err(_) => Err(Error::Late { subject: subject.to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_decides_the_remedy() {
        let check = |message: &str, expect| {
            let error = Error::from_client("touches", &clickhouse::error::Error::BadResponse(message.to_owned()));
            assert_eq!(error.remedy(), expect, "{error}");
        };
        check("Code: 60. DB::Exception: Table x does not exist. (UNKNOWN_TABLE)", Remedy::Halt);
        check("Code: 117. DB::Exception: bad. (INCORRECT_DATA)", Remedy::Halt);
        check("Code: 252. DB::Exception: Too many parts. (TOO_MANY_PARTS)", Remedy::Retry);
        check("Code: 202. DB::Exception: Too many simultaneous queries.", Remedy::Retry);
        check("Code: 241. DB::Exception: Memory limit exceeded.", Remedy::Retry);
        check("502 Bad Gateway", Remedy::Retry);
        check("Code: many", Remedy::Retry);
    }
}
