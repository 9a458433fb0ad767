//! What a client is told when something fails: ClickHouse's error code, its text and the HTTP
//! status a ClickHouse server would answer with.

use hyper::StatusCode;

/// A failure in ClickHouse's terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// ClickHouse's error code.
    pub(crate) code: u16,
    /// `Code: N. DB::Exception: … (NAME)`, without the version.
    pub(crate) text: String,
}

/// Codes that this room raises itself, with the names ClickHouse gives them.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Raised {
    BadArguments,
    NotImplemented,
    SyntaxError,
    Readonly,
    UnknownRole,
    TooManyQueries,
    IncorrectData,
    SessionNotFound,
    SessionLocked,
    QueryTooLarge,
    Constraint,
    AccessDenied,
    Authentication,
    Internal,
}

impl Raised {
    const fn code_and_name(self) -> (u16, &'static str) {
        match self {
            Raised::BadArguments => (36, "BAD_ARGUMENTS"),
            Raised::NotImplemented => (48, "NOT_IMPLEMENTED"),
            Raised::SyntaxError => (62, "SYNTAX_ERROR"),
            Raised::Readonly => (164, "READONLY"),
            Raised::UnknownRole => (511, "UNKNOWN_ROLE"),
            Raised::TooManyQueries => (202, "TOO_MANY_SIMULTANEOUS_QUERIES"),
            Raised::IncorrectData => (117, "INCORRECT_DATA"),
            Raised::SessionNotFound => (372, "SESSION_NOT_FOUND"),
            Raised::SessionLocked => (373, "SESSION_IS_LOCKED"),
            Raised::QueryTooLarge => (307, "TOO_MANY_BYTES"),
            Raised::Constraint => (452, "SETTING_CONSTRAINT_VIOLATION"),
            Raised::AccessDenied => (497, "ACCESS_DENIED"),
            Raised::Authentication => (516, "AUTHENTICATION_FAILED"),
            Raised::Internal => (1002, "UNKNOWN_EXCEPTION"),
        }
    }
}

impl Fault {
    /// A failure of our own, worded as ClickHouse words its own.
    pub(crate) fn raise(kind: Raised, message: impl std::fmt::Display) -> Fault {
        let (code, name) = kind.code_and_name();
        Fault { code, text: format!("Code: {code}. DB::Exception: {message}. ({name})") }
    }

    /// What the engine said. Its message starts with the code.
    pub(crate) fn engine(message: impl Into<String>) -> Fault {
        let text = message.into();
        let digits = text.strip_prefix("Code: ").and_then(|rest| rest.split('.').next());
        match digits.and_then(|digits| digits.parse().ok()) {
            Some(code) => Fault { code, text },
            None => Fault::raise(Raised::Internal, text.trim_end_matches('.')),
        }
    }

    /// The body of the answer.
    pub(crate) fn body(&self, version: &str) -> String {
        let text = self.text.trim_end();
        if text.ends_with("(official build))") {
            return format!("{text}\n");
        }
        format!("{text} (version {version} (official build))\n")
    }

    /// The status ClickHouse's HTTP interface maps the code to.
    pub(crate) fn status(&self) -> StatusCode {
        match self.code {
            194 => StatusCode::UNAUTHORIZED,
            164 | 192 | 193 | 497 | 511 | 512 | 516 => StatusCode::FORBIDDEN,
            6
            | 15
            | 25..=27
            | 33
            | 36
            | 38
            | 41
            | 43
            | 44
            | 53
            | 62
            | 69
            | 70
            | 72
            | 117
            | 167
            | 168
            | 223
            | 321
            | 376
            | 427
            | 441
            | 442
            | 452
            | 456
            | 457 => StatusCode::BAD_REQUEST,
            46 | 47 | 50 | 56 | 60 | 63 | 73 | 78 | 81 | 115 | 336 | 372 => StatusCode::NOT_FOUND,
            48 => StatusCode::NOT_IMPLEMENTED,
            159 => StatusCode::REQUEST_TIMEOUT,
            202 | 373 => StatusCode::SERVICE_UNAVAILABLE,
            307 => StatusCode::PAYLOAD_TOO_LARGE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_read_from_the_engines_message() {
        let check = |message: &str, code: u16, status: u16| {
            let fault = Fault::engine(message);
            assert_eq!((fault.code, fault.status().as_u16()), (code, status), "{message}");
            assert!(fault.body("26").ends_with(" (version 26 (official build))\n"), "{message}");
        };
        check("Code: 60. DB::Exception: no t. (UNKNOWN_TABLE)", 60, 404);
        check("Code: 62. DB::Exception: Syntax error", 62, 400);
        check("Code: 516. DB::Exception: x", 516, 403);
        check("Code: 241. DB::Exception: x", 241, 500);
        check("something else", 1002, 500);
    }
}
