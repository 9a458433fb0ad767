//! The parameters of a query, form-encoded.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use super::cut;

/// Iterator over `key=value` pairs as written; read a text with [`decode`].
///
/// Pairs without a key are skipped; a pair without `=` has an empty value.
#[derive(Clone, Debug)]
pub struct Query<'a> {
    rest: &'a str,
}

impl<'a> Query<'a> {
    pub(super) fn new(rest: &'a str) -> Self {
        Self { rest }
    }

    /// The same pairs with both sides decoded.
    pub fn decoded(self) -> impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)> {
        self.map(|(key, value)| (decode(key), decode(value)))
    }
}

impl<'a> Iterator for Query<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        while !self.rest.is_empty() {
            let (pair, rest) = cut(self.rest, b'&').unwrap_or((self.rest, ""));
            self.rest = rest;
            let (key, value) = cut(pair, b'=').unwrap_or((pair, ""));
            if !key.is_empty() {
                return Some((key, value));
            }
        }
        None
    }
}

/// Undoes form encoding: `+` is a space, `%41` is `A`.
///
/// A `%` that begins no escape stays; bytes that are not UTF-8 become U+FFFD. Borrows when there
/// is nothing to undo.
pub fn decode(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(|b| b == b'%' || b == b'+') {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, tail @ ..] = rest {
        rest = tail;
        match (byte, escape(tail)) {
            (b'%', Some((value, after))) => {
                out.push(value);
                rest = after;
            }
            (b'+', _) => out.push(b' '),
            _ => out.push(*byte),
        }
    }
    let text = String::from_utf8(out);
    Cow::Owned(text.unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned()))
}

/// The byte two hexadecimal digits stand for, and what follows them.
pub(crate) fn escape(digits: &[u8]) -> Option<(u8, &[u8])> {
    let [high, low, rest @ ..] = digits else { return None };
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let value = digit(high)? * 16 + digit(low)?;
    Some((u8::try_from(value).ok()?, rest))
}
