use super::*;
use proptest::prelude::*;

fn parts<'a>(url: &'a Url<'_>) -> (&'a str, Option<u16>, &'a str) {
    (url.host().unwrap_or_default(), url.port(), url.path())
}

#[test]
fn addresses_are_split() {
    for (text, host, port, path) in [
        ("https://www.Acme.com", "www.acme.com", None, "/"),
        (" HTTP://acme.com:8080/a/b?x=1#top ", "acme.com", Some(8080), "/a/b"),
        ("https://acme.com?x=1", "acme.com", None, "/"),
        ("https://acme.com#x?y", "acme.com", None, "/"),
        ("https://acme.com./", "acme.com", None, "/"),
        ("https://acme.com:/", "acme.com", None, "/"),
        ("https://user:pa@ss@acme.com/x", "acme.com", None, "/x"),
        ("https://[::1]:443/x", "[::1]", Some(443), "/x"),
        ("https://[2001:DB8::1]", "[2001:db8::1]", None, "/"),
        ("http://localhost:3000/x", "localhost", Some(3000), "/x"),
        ("http://10.0.0.1/x", "10.0.0.1", None, "/x"),
        ("https://xn--mller-kva.de/größe", "xn--mller-kva.de", None, "/größe"),
        ("https://acme.com\\evil.com/x", "acme.com", None, "\\evil.com/x"),
    ] {
        assert_eq!(parts(&Url::parse(text).unwrap()), (host, port, path), "{text}");
    }
}

#[test]
fn what_is_no_address() {
    for (text, error) in [
        ("", UrlError::Scheme),
        ("acme.com/x", UrlError::Scheme),
        ("//acme.com/x", UrlError::Scheme),
        ("javascript:alert(1)", UrlError::Scheme),
        ("ftp://acme.com", UrlError::Scheme),
        ("about:blank", UrlError::Scheme),
        ("https://", UrlError::Host),
        ("https:///x", UrlError::Host),
        ("https://a..b/", UrlError::Host),
        ("https://.b/", UrlError::Host),
        ("https://müller.de/", UrlError::Host),
        ("https://a b.de/", UrlError::Host),
        ("https://[::zz]/", UrlError::Host),
        ("https://[::1/", UrlError::Host),
        ("https://acme.com:+80/", UrlError::Port),
        ("https://acme.com:65536/", UrlError::Port),
        ("https://acme.com/a\nb", UrlError::Control),
        ("https://acme.com/\u{0}", UrlError::Control),
    ] {
        assert_eq!(Url::parse(text), Err(error), "{text}");
    }
    let long = |n: usize| alloc::format!("https://acme.com/{}", "a".repeat(n - 17));
    assert!(Url::parse(&long(MAX_LEN)).is_ok());
    assert_eq!(Url::parse(&long(MAX_LEN + 1)), Err(UrlError::TooLong));
    let host = |label: usize| Url::parse(&alloc::format!("https://{}.com", "a".repeat(label))).err();
    assert_eq!((host(63), host(64)), (None, Some(UrlError::Host)));
}

#[test]
fn bare_paths_where_allowed() {
    let url = Url::parse_or_path("/pricing?a=1#x").unwrap();
    assert_eq!((parts(&url), url.scheme()), (("", None, "/pricing"), None));
    assert_eq!(Url::parse_or_path("https://acme.com/x").unwrap().scheme(), Some(Scheme::Https));
    assert_eq!(Url::parse_or_path("//acme.com/x"), Err(UrlError::Scheme));
    assert_eq!(Url::parse_or_path("pricing"), Err(UrlError::Scheme));
}

#[test]
fn queries_are_decoded() {
    let url = Url::parse("https://a.de/?a=1&&b&=c&d=x+y%20z&e=%E2%82%AC&f=%ff%zz%4&%67=a=b#h=1").unwrap();
    let pairs: alloc::vec::Vec<_> = url.query().decoded().collect();
    let expect = [("a", "1"), ("b", ""), ("d", "x y z"), ("e", "€"), ("f", "\u{fffd}%zz%4"), ("g", "a=b")]
        .map(|(k, v)| (k.into(), v.into()));
    assert_eq!(pairs, expect);
}

#[test]
fn who_registered_it() {
    for (host, expect) in [
        ("www.acme.com", "acme.com"),
        ("a.b.acme.co.uk", "acme.co.uk"),
        ("ada.github.io", "ada.github.io"),
        ("acme.internal", "acme.internal"),
        ("xn--mller-kva.xn--p1ai", "xn--mller-kva.xn--p1ai"),
        ("co.uk", "co.uk"),
        ("localhost", "localhost"),
        ("192.168.0.1", "192.168.0.1"),
        ("[::1]", "[::1]"),
        ("", ""),
    ] {
        assert_eq!(registrable_domain(host), expect, "{host}");
    }
    for (host, expect) in [
        ("www.acme.com", "acme.com"),
        ("m.acme.com", "acme.com"),
        ("www.com", "www.com"),
        ("mail.acme.com", "mail.acme.com"),
    ] {
        assert_eq!(bare_host(host), expect);
    }
}

use alloc::string::String;

proptest! {
    #[test]
    fn never_panics(text in "\\PC{0,60}|https?://[a-zA-Z0-9.:@\\[\\]%/?#&=+é\\\\-]{0,60}") {
        if let Ok(url) = Url::parse_or_path(&text) {
            let host = url.host().unwrap_or_default();
            prop_assert!(host.ends_with(registrable_domain(host)) && host == host.to_ascii_lowercase());
            prop_assert!(url.query().decoded().all(|(key, _)| !key.is_empty()));
        }
    }

    #[test]
    fn decoding_undoes_encoding(text in "\\PC{0,40}") {
        let encoded: String = text.bytes().map(|byte| alloc::format!("%{byte:02x}")).collect();
        prop_assert_eq!(decode(&encoded), text);
    }
}
