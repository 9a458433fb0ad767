//! Content: one name for every page, and what the page is for.

mod groups;

use alloc::borrow::Cow;
use alloc::string::String;

use crate::text::Text;
use crate::url::{Url, escape};

pub use groups::{BuyerStage, GroupError, Groups, Purpose};

/// Longest content in bytes; the rest is cut off.
pub const MAX_LEN: usize = 512;

/// Pages a folder shows by itself.
const INDEX_PAGES: [&str; 6] = ["index.html", "index.htm", "index.php", "index.asp", "index.aspx", "default.aspx"];

/// The one spelling of a path, so that the same page is the same content.
///
/// Query and fragment go, `//` becomes `/`, a last `/` goes (except the root's), an index page is
/// its folder, escapes of letters, digits and `-._~` are undone, the others upper case, everything
/// that needs an escape has one. Case stays: servers tell `/A` from `/a`, only hosts ignore it.
/// Normalising twice changes nothing. Borrows when the path is already in shape.
pub fn normalise(path: &str) -> Cow<'_, str> {
    let end = path.bytes().position(|b| matches!(b, b'?' | b'#'));
    let path = end.and_then(|end| path.get(..end)).unwrap_or(path);
    if is_plain(path) {
        return Cow::Borrowed(without_tail(path));
    }
    let rewritten = rewrite(path.as_bytes());
    Cow::Owned(without_tail(&rewritten).into())
}

/// The normalised path of a URL; the text itself when it is none.
pub(crate) fn path_of(url: &str) -> Text {
    Url::parse(url).map_or_else(|_| Text::from(url), |url| Text::from(&*normalise(url.path())))
}

/// Nothing to rewrite: a path of plain characters and single slashes.
fn is_plain(path: &str) -> bool {
    let mut before = 0;
    let plain = path.bytes().all(|byte| {
        let doubled = byte == b'/' && before == b'/';
        before = byte;
        is_allowed(byte) && !doubled
    });
    plain && path.starts_with('/') && path.len() <= MAX_LEN
}

fn rewrite(path: &[u8]) -> String {
    let mut out = String::with_capacity(path.len().min(MAX_LEN) + 4);
    out.push('/');
    let mut rest = path;
    while let [byte, tail @ ..] = rest {
        let (byte, was_escaped, after) = match escape(tail) {
            Some((value, after)) if *byte == b'%' => (value, true, after),
            _ => (*byte, false, tail),
        };
        rest = after;
        if byte == b'/' && !was_escaped && out.ends_with('/') {
            continue;
        }
        let is_literal = is_unreserved(byte) || !was_escaped && is_allowed(byte);
        if out.len() + if is_literal { 1 } else { 3 } > MAX_LEN {
            break;
        }
        if is_literal {
            out.push(char::from(byte));
        } else {
            push_escape(&mut out, byte);
        }
    }
    out
}

fn push_escape(out: &mut String, byte: u8) {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0').to_ascii_uppercase();
    out.extend(['%', digit(byte >> 4), digit(byte & 15)]);
}

/// Without slashes and index pages at the end; at least `/`.
fn without_tail(path: &str) -> &str {
    let mut path = path;
    loop {
        let trimmed = path.strip_suffix('/').unwrap_or(path);
        let folder = trimmed.rsplit_once('/').filter(|(_, page)| INDEX_PAGES.contains(page));
        match folder {
            Some((folder, _)) => path = folder,
            None if trimmed.is_empty() => return "/",
            None if trimmed.len() == path.len() => return path,
            None => path = trimmed,
        }
    }
}

/// RFC 3986, section 2.3.
const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// What may stand in a path without an escape: RFC 3986, section 3.3.
fn is_allowed(byte: u8) -> bool {
    ALLOWED[usize::from(byte)]
}

/// Asked for every byte of every page view, so looked up.
static ALLOWED: [bool; 256] = {
    let mut allowed = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        let marks = matches!(
            byte,
            b'/' | b':' | b'@' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'='
        );
        allowed[byte as usize] = marks || is_unreserved(byte);
        byte += 1;
    }
    allowed
};

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_spelling_per_page() {
        for (path, expect) in [
            ("", "/"),
            ("/", "/"),
            ("///", "/"),
            ("/pricing", "/pricing"),
            ("/pricing/", "/pricing"),
            ("/pricing/?utm_source=x", "/pricing"),
            ("/pricing#plans", "/pricing"),
            ("pricing", "/pricing"),
            ("//blog//post", "/blog/post"),
            ("/index.html", "/"),
            ("/blog/index.php", "/blog"),
            ("/blog/index.html/", "/blog"),
            ("/index.html/index.html", "/"),
            ("/blog/my-index.html", "/blog/my-index.html"),
            ("/%7Eada/%41bc", "/~ada/Abc"),
            ("/a%2fb", "/a%2Fb"),
            ("/a%2Fb/", "/a%2Fb"),
            ("/%69ndex.html", "/"),
            ("/größe", "/gr%C3%B6%C3%9Fe"),
            ("/gr%c3%b6%c3%9fe", "/gr%C3%B6%C3%9Fe"),
            ("/a b", "/a%20b"),
            ("/100%", "/100%25"),
            ("/100%zz", "/100%25zz"),
            ("/%ff%fe", "/%FF%FE"),
            ("/Case/Kept", "/Case/Kept"),
        ] {
            assert_eq!(normalise(path), expect, "{path}");
        }
        assert!(matches!(normalise("/already/in/shape/"), Cow::Borrowed("/already/in/shape")));
    }

    #[test]
    fn a_long_path_is_cut_between_escapes() {
        let cut = normalise(&"/é".repeat(400)).into_owned();
        assert!(cut.len() <= MAX_LEN && cut.ends_with("/%C3%A9"), "{cut}");
        assert_eq!(normalise(&alloc::format!("/{}", "a".repeat(9_000))).len(), MAX_LEN);
    }

    proptest! {
        #[test]
        fn twice_is_once(path in "(/|index\\.html|%|[0-9A-Fa-f]|\\PC|[a-z]{3}|%2F|\\?){0,40}|(é|%[0-9a-f]{2}|/){150,200}") {
            let once = normalise(&path).into_owned();
            prop_assert!(once.starts_with('/') && once.len() <= MAX_LEN && once.is_ascii());
            prop_assert_eq!(&normalise(&once), &once);
        }
    }
}
