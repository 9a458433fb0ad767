//! International domain names as they travel: `müller.de` is `xn--mller-kva.de`, by UTS #46 without transitional
//! processing, as browsers do. Everything behind this room knows names of ASCII only. What is no name stays as it is:
//! others judge it.

use smarketing_kernel::email::{self, EmailError};
use smarketing_kernel::text::Text;
use smarketing_kernel::url::Url;
use std::borrow::Cow;

/// No longer name is one: spelled out, it has more than the 253 bytes of RFC 1035.
const LONGEST: usize = 1_024;

/// The one spelling of an e-mail address.
///
/// # Errors
/// Why the text is no address.
pub fn address(text: &str) -> Result<Text, EmailError> {
    let (local, host) = text.rsplit_once('@').unwrap_or(("", text));
    match domain(host.trim_end()) {
        Cow::Borrowed(_) => Ok(Text::from(&*email::normalise(text)?)),
        Cow::Owned(host) => Ok(Text::from(&*email::normalise(&format!("{local}@{host}"))?)),
    }
}

/// A domain name.
pub(crate) fn domain(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || text.len() > LONGEST {
        return Cow::Borrowed(text);
    }
    let ascii = idna::domain_to_ascii_cow(text.as_bytes(), idna::AsciiDenyList::URL);
    ascii.map_or(Cow::Borrowed(text), |ascii| Cow::Owned(ascii.into_owned()))
}

/// A URL with a scheme and a host, if the text is one.
pub(crate) fn web_address(text: &str) -> Option<Text> {
    let text = url(text);
    Url::parse(&text).is_ok().then(|| Text::from(&*text))
}

/// A URL: its host; the rest stays as it is.
pub(crate) fn url(text: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = text.split_once("://") else { return Cow::Borrowed(text) };
    let (authority, tail) = rest.split_at(rest.find(['/', '\\', '?', '#']).unwrap_or(rest.len()));
    let (user, place) = authority.split_at(authority.rfind('@').map_or(0, |at| at + 1));
    let (host, port) = place.split_at(place.rfind(':').unwrap_or(place.len()));
    match domain(host) {
        Cow::Borrowed(_) => Cow::Borrowed(text),
        Cow::Owned(host) => Cow::Owned(format!("{scheme}://{user}{host}{port}{tail}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_spelled_as_they_travel_and_all_else_stays() {
        for (text, expect) in [
            ("https://www.Müller.DE/größe?q=ä#ü", "https://www.xn--mller-kva.de/größe?q=ä#ü"),
            ("http://ada:ü@faß.example:8080", "http://ada:ü@xn--fa-hia.example:8080"),
            ("https://例え。テスト/", "https://xn--r8jz45g.xn--zckzah/"),
            ("https://acme.test/ü", "https://acme.test/ü"),
            ("https://[::1]/ü", "https://[::1]/ü"),
            ("/ü", "/ü"),
            ("https://mül ler.de/", "https://mül ler.de/"),
            ("https://mül\u{202e}ler.de/", "https://mül\u{202e}ler.de/"),
        ] {
            assert_eq!(url(text), expect);
        }
        let long = format!("https://{}.de/", "ü".repeat(LONGEST));
        assert_eq!(url(&long), long);
    }

    #[test]
    fn an_address_has_one_spelling() {
        let spelled = |text| address(text).map(|address| address.to_string());
        assert_eq!(spelled(" Jürgen@Müller.DE "), Ok("jürgen@xn--mller-kva.de".to_owned()));
        assert_eq!(spelled("jürgen@xn--mller-kva.de"), Ok("jürgen@xn--mller-kva.de".to_owned()));
        assert_eq!(spelled("Ada@Example.com"), Ok("ada@example.com".to_owned()));
        assert_eq!(spelled("müller.de"), Err(EmailError::Shape));
        assert_eq!(spelled("@müller.de"), Err(EmailError::Shape));
        assert_eq!(spelled("ada@b@müller.de"), Err(EmailError::Shape));
        assert_eq!(spelled("ada@mül ler.de"), Err(EmailError::Domain));
        assert_eq!(spelled("a da@müller.de"), Err(EmailError::Character));
    }
}
