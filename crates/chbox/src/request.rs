//! What a request asks for: who asks, in which database, with which settings and parameters, and
//! how the bytes are packed in both directions.

use crate::fault::{Fault, Raised};
use hyper::HeaderMap;

/// Settings of the HTTP interface itself, or of clients: never handed to the engine.
const NOT_SETTINGS: &[&str] = &[
    "buffer_size",
    "client_protocol_version",
    "close_session",
    "compress",
    "database",
    "decompress",
    "default_format",
    "framing",
    "http_write_exception_in_output_format",
    "log_comment",
    "password",
    "query",
    "query_id",
    "quota_key",
    "role",
    "send_progress_in_http_headers",
    "session_check",
    "session_id",
    "session_timeout",
    "stacktrace",
    "user",
    "wait_end_of_query",
];
const MAX_PAIRS: usize = 1000;
const MAX_SESSION_SECONDS: u64 = 3600;

/// Who asks: the name and the key, wherever they came from.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Credentials {
    pub(crate) user: String,
    pub(crate) key: String,
}

/// A session's name and how many seconds it lives unused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SessionOf {
    pub(crate) id: String,
    pub(crate) seconds: u64,
    pub(crate) must_exist: bool,
    pub(crate) close: bool,
}

/// A request read from its URL and headers; the body is not part of it.
#[derive(Clone, Default)]
pub(crate) struct Request {
    pub(crate) query: String,
    pub(crate) credentials: Credentials,
    pub(crate) database: Option<String>,
    pub(crate) default_format: Option<String>,
    pub(crate) query_id: Option<String>,
    pub(crate) session: Option<SessionOf>,
    /// Engine settings in the order given; names are `[A-Za-z0-9_]+`.
    pub(crate) settings: Vec<(String, String)>,
    pub(crate) params: Vec<(String, String)>,
    pub(crate) native_in: bool,
    pub(crate) native_out: bool,
    pub(crate) http_compression: bool,
    pub(crate) wait_end: bool,
    pub(crate) content_encoding: String,
    pub(crate) accept_encoding: String,
}

impl Request {
    /// Reads the URL's query string and the headers.
    ///
    /// # Errors
    /// Code 36 for a name or a value that no ClickHouse would take, 511 for a role.
    pub(crate) fn read(url_query: &str, headers: &HeaderMap) -> Result<Request, Fault> {
        let mut request = Request { http_compression: true, ..Request::default() };
        request.read_headers(headers);
        let pairs = pairs(url_query)?;
        let value = |name: &str| pairs.iter().rev().find(|(n, _)| n == name).map(|(_, v)| v.clone());
        request.session = session(&value)?;
        for (name, value) in &pairs {
            request.take(name, value)?;
        }
        Ok(request)
    }

    fn read_headers(&mut self, headers: &HeaderMap) {
        let header = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
        self.credentials = basic(headers).unwrap_or_default();
        if let Some(user) = header("x-clickhouse-user") {
            self.credentials = Credentials { user, key: String::new() };
        }
        if let Some(key) = header("x-clickhouse-key") {
            self.credentials.key = key;
        }
        self.database = header("x-clickhouse-database");
        self.default_format = header("x-clickhouse-format");
        self.content_encoding = header("content-encoding").unwrap_or_default().to_ascii_lowercase();
        self.accept_encoding = header("accept-encoding").unwrap_or_default().to_ascii_lowercase();
    }

    /// Takes the setting `name` out again: it described an external table.
    pub(crate) fn remove_setting(&mut self, name: &str) -> Option<String> {
        let at = self.settings.iter().position(|(n, _)| n == name)?;
        Some(self.settings.remove(at).1)
    }

    /// Takes one `name=value` of the URL or of a form.
    pub(crate) fn take(&mut self, name: &str, value: &str) -> Result<(), Fault> {
        let owned = || value.to_owned();
        let some = || Some(value.to_owned()).filter(|v| !v.is_empty());
        match name {
            "query" => self.query.push_str(value),
            "user" => self.credentials.user = owned(),
            "password" => self.credentials.key = owned(),
            "database" => self.database = some(),
            "default_format" => self.default_format = some(),
            "query_id" => self.query_id = some(),
            "compress" => self.native_out = flag(value),
            "decompress" => self.native_in = flag(value),
            "wait_end_of_query" => self.wait_end = flag(value),
            "enable_http_compression" => self.http_compression = flag(value),
            "role" => return Err(Fault::raise(Raised::UnknownRole, "Roles cannot be chosen here")),
            _ if NOT_SETTINGS.contains(&name) => {}
            _ => self.take_other(name, value)?,
        }
        Ok(())
    }

    fn take_other(&mut self, name: &str, value: &str) -> Result<(), Fault> {
        if let Some(param) = name.strip_prefix("param_") {
            self.params.push((param.to_owned(), value.to_owned()));
        } else if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return Err(Fault::raise(
                Raised::BadArguments,
                format!("Setting name '{}' is not a name", printable(name)),
            ));
        } else {
            self.settings.push((name.to_owned(), value.to_owned()));
        }
        Ok(())
    }
}

fn flag(value: &str) -> bool {
    !matches!(value, "" | "0" | "false")
}

fn printable(text: &str) -> String {
    text.chars().take(100).flat_map(char::escape_default).collect()
}

fn session(value: &impl Fn(&str) -> Option<String>) -> Result<Option<SessionOf>, Fault> {
    let Some(id) = value("session_id").filter(|id| !id.is_empty()) else { return Ok(None) };
    let seconds: u64 = match value("session_timeout") {
        None => 60,
        Some(text) => text.parse().map_err(|_| Fault::raise(Raised::BadArguments, "Invalid session timeout"))?,
    };
    if seconds > MAX_SESSION_SECONDS || id.len() > 256 {
        return Err(Fault::raise(
            Raised::BadArguments,
            format!("Session timeout is above {MAX_SESSION_SECONDS} seconds or its id above 256 bytes"),
        ));
    }
    let on = |name: &str| value(name).is_some_and(|v| flag(&v));
    Ok(Some(SessionOf { id, seconds, must_exist: on("session_check"), close: on("close_session") }))
}

/// `name=value` pairs of a URL's query string, decoded.
fn pairs(query: &str) -> Result<Vec<(String, String)>, Fault> {
    let pieces = query.split('&').filter(|piece| !piece.is_empty());
    let decoded: Option<Vec<_>> = pieces
        .take(MAX_PAIRS + 1)
        .map(|piece| {
            let (name, value) = piece.split_once('=').unwrap_or((piece, ""));
            Some((decode(name)?, decode(value)?))
        })
        .collect();
    decoded
        .filter(|pairs| pairs.len() <= MAX_PAIRS)
        .ok_or_else(|| Fault::raise(Raised::BadArguments, "The URL's parameters are too many or not UTF-8"))
}

/// Undoes `%41` and `+`.
fn decode(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let hex = bytes.get(at + 1..at + 3).and_then(|pair| std::str::from_utf8(pair).ok());
        match (byte, hex.and_then(|pair| u8::from_str_radix(pair, 16).ok())) {
            (b'%', Some(value)) => {
                out.push(value);
                at += 2;
            }
            (b'+', _) => out.push(b' '),
            _ => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8(out).ok()
}

fn basic(headers: &HeaderMap) -> Option<Credentials> {
    let value = headers.get("authorization")?.to_str().ok()?;
    let encoded = value.strip_prefix("Basic ").or_else(|| value.strip_prefix("basic "))?;
    let text = String::from_utf8(base64(encoded.trim())?).ok()?;
    let (user, key) = text.split_once(':')?;
    Some(Credentials { user: user.to_owned(), key: key.to_owned() })
}

fn base64(text: &str) -> Option<Vec<u8>> {
    let (mut out, mut bits, mut held) = (Vec::new(), 0_u32, 0_u32);
    for byte in text.trim_end_matches('=').bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6 | u32::from(value)) & 0xFF_FFFF;
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push(u8::try_from(bits >> held & 0xFF).ok()?);
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str) -> Request {
        Request::read(url, &HeaderMap::new()).unwrap_or_else(|fault| panic!("{url}: {}", fault.text))
    }

    #[test]
    fn settings_are_what_is_left() {
        let request =
            read("query=SELECT+%7Ba%3AInt8%7D&param_a=5&max_threads=2&database=&compress=1&query_id=x&log_comment=y");
        assert_eq!(request.query, "SELECT {a:Int8}");
        assert_eq!(request.params, [("a".to_owned(), "5".to_owned())]);
        assert_eq!(request.settings, [("max_threads".to_owned(), "2".to_owned())]);
        assert!(request.native_out && !request.native_in && request.database.is_none());
    }

    #[test]
    fn refused() {
        for url in
            ["a%20b=1", "role=admin", "session_id=a&session_timeout=9999999", "session_id=a&session_timeout=x", "a=%ff"]
        {
            assert!(Request::read(url, &HeaderMap::new()).is_err(), "{url}");
        }
    }

    #[test]
    fn basic_credentials() {
        for (header, user, key) in
            [("Basic ZGVmYXVsdDo=", "default", ""), ("Basic c2VydmljZTpzM2NyOnQ=", "service", "s3cr:t")]
        {
            let headers = HeaderMap::from_iter([(hyper::header::AUTHORIZATION, header.parse().expect("header"))]);
            let seen = Request::read("", &headers).map(|r| r.credentials).unwrap_or_default();
            assert!(seen.user == user && seen.key == key, "{header}");
        }
    }
}
