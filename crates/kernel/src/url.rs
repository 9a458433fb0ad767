//! The address of a page: split strictly, kept within bounds, borrowed from its text.
//!
//! A [`Url`] is what a browser calls an `http` or `https` address. User names and passwords are
//! thrown away, the fragment too; the host is lower case. Nothing here allocates unless the text
//! has capitals in its host or escapes in a query value that is read.

mod host;
mod query;

use alloc::borrow::Cow;
use core::fmt;

pub(crate) use host::checked_domain;
pub use host::{bare_host, registrable_domain};
pub(crate) use query::escape;
pub use query::{Query, decode};

/// Longest accepted address in bytes, after trimming.
pub const MAX_LEN: usize = 8_192;

/// An address split into its parts.
///
/// A bare path (`/pricing?x=1`) has no host; see [`Url::parse_or_path`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url<'a> {
    origin: Option<Origin<'a>>,
    path: &'a str,
    query: &'a str,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Origin<'a> {
    scheme: Scheme,
    host: Cow<'a, str>,
    port: Option<u16>,
}

/// How a page was fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `http`
    Http,
    /// `https`
    Https,
}

/// Why a text is not an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UrlError {
    /// Longer than [`MAX_LEN`].
    TooLong,
    /// A line break, tab or other control character inside.
    Control,
    /// Neither `http://` nor `https://` in front.
    Scheme,
    /// No host, or one with characters or lengths no host has.
    Host,
    /// A port that is not a number up to 65535.
    Port,
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(f, "url is longer than {MAX_LEN} bytes"),
            Self::Control => write!(f, "url has a control character"),
            Self::Scheme => write!(f, "url does not start with \"http://\" or \"https://\""),
            Self::Host => write!(f, "host of the url is not a domain or an ip address"),
            Self::Port => write!(f, "port of the url is not a number up to 65535"),
        }
    }
}

impl core::error::Error for UrlError {}

impl<'a> Url<'a> {
    /// Splits an `http` or `https` address. White space around it is ignored.
    pub fn parse(text: &'a str) -> Result<Self, UrlError> {
        let (scheme, rest) = Scheme::split(bounded(text)?).ok_or(UrlError::Scheme)?;
        let end = rest.bytes().position(|b| matches!(b, b'/' | b'\\' | b'?' | b'#'));
        let (authority, tail) = rest.split_at(end.unwrap_or(rest.len()));
        let (host, port) = split_authority(authority)?;
        let host = host::checked(host).ok_or(UrlError::Host)?;
        let (path, query) = split_tail(tail);
        Ok(Self { origin: Some(Origin { scheme, host, port }), path, query })
    }

    /// As [`Url::parse`], but a text that begins with one `/` is taken as a path without a host.
    pub fn parse_or_path(text: &'a str) -> Result<Self, UrlError> {
        let bare = bounded(text)?;
        if !bare.starts_with('/') || bare.starts_with("//") {
            return Self::parse(bare);
        }
        let (path, query) = split_tail(bare);
        Ok(Self { origin: None, path, query })
    }

    /// The scheme; none for a bare path.
    pub fn scheme(&self) -> Option<Scheme> {
        self.origin.as_ref().map(|origin| origin.scheme)
    }

    /// The host, lower case, without a trailing dot; none for a bare path.
    pub fn host(&self) -> Option<&str> {
        self.origin.as_ref().map(|origin| origin.host.as_ref())
    }

    /// The port when the address names one.
    pub fn port(&self) -> Option<u16> {
        self.origin.as_ref().and_then(|origin| origin.port)
    }

    /// The path as written, `/` when there is none. See [`crate::content::normalise`].
    pub fn path(&self) -> &'a str {
        self.path
    }

    /// The parameters of the query, in order, escaped as written.
    pub fn query(&self) -> Query<'a> {
        Query::new(self.query)
    }
}

impl Scheme {
    fn split(text: &str) -> Option<(Self, &str)> {
        let after = |scheme: &str| {
            let (start, rest) = text.split_at_checked(scheme.len())?;
            start.eq_ignore_ascii_case(scheme).then_some(rest)
        };
        let http = || after("http://").map(|rest| (Self::Http, rest));
        after("https://").map(|rest| (Self::Https, rest)).or_else(http)
    }
}

fn bounded(text: &str) -> Result<&str, UrlError> {
    let text = text.trim();
    if text.len() > MAX_LEN {
        return Err(UrlError::TooLong);
    }
    if text.bytes().fold(false, |seen, b| seen | b.is_ascii_control()) {
        return Err(UrlError::Control);
    }
    Ok(text)
}

/// Host and port; whatever stands before the last `@` is a secret and dropped.
fn split_authority(authority: &str) -> Result<(&str, Option<u16>), UrlError> {
    if !authority.bytes().any(|b| matches!(b, b'@' | b':')) {
        return Ok((authority, None));
    }
    let place = authority.rsplit_once('@').map_or(authority, |(_, place)| place);
    let (host, port) = match place.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port),
        _ => (place, ""),
    };
    if port.is_empty() {
        return Ok((host, None));
    }
    if !port.bytes().all(|b| b.is_ascii_digit()) {
        return Err(UrlError::Port);
    }
    port.parse().map(|port| (host, Some(port))).map_err(|_| UrlError::Port)
}

fn split_tail(tail: &str) -> (&str, &str) {
    let tail = cut(tail, b'#').map_or(tail, |(tail, _)| tail);
    let (path, query) = cut(tail, b'?').unwrap_or((tail, ""));
    (if path.is_empty() { "/" } else { path }, query)
}

/// `split_once` at an ASCII byte; that one costs several times as much on texts this short.
pub(crate) fn cut(text: &str, byte: u8) -> Option<(&str, &str)> {
    let at = text.bytes().position(|b| b == byte)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

#[cfg(test)]
mod tests;
