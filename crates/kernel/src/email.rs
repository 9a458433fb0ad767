//! E-mail addresses: one spelling per person, and the company behind them.

use alloc::borrow::Cow;
use core::fmt;

use crate::url::{checked_domain, registrable_domain};

/// Longest address, RFC 5321.
pub const MAX_LEN: usize = 254;
const MAX_LOCAL: usize = 64;

/// Why a text is not an e-mail address. The address itself is never in the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmailError {
    /// Longer than [`MAX_LEN`] bytes, or more than 64 before the `@`.
    TooLong,
    /// Not exactly one `@` with something on both sides.
    Shape,
    /// White space, control or quoting characters before the `@`.
    Character,
    /// What follows the `@` is no domain name with a dot.
    Domain,
}

impl fmt::Display for EmailError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "e-mail address is too long",
            Self::Shape => "e-mail address does not have one \"@\" between two parts",
            Self::Character => "e-mail address has a character that is not allowed",
            Self::Domain => "e-mail address does not end in a domain name",
        })
    }
}

impl core::error::Error for EmailError {}

/// The one spelling of an address: trimmed and lower case. Tags (`+x`) and dots are kept.
pub fn normalise(text: &str) -> Result<Cow<'_, str>, EmailError> {
    let text = text.trim();
    if text.len() > MAX_LEN {
        return Err(EmailError::TooLong);
    }
    let (local, domain) = text.split_once('@').ok_or(EmailError::Shape)?;
    if local.is_empty() || domain.is_empty() || domain.contains('@') {
        return Err(EmailError::Shape);
    }
    if local.len() > MAX_LOCAL {
        return Err(EmailError::TooLong);
    }
    if local.chars().any(is_foreign_to_mail) {
        return Err(EmailError::Character);
    }
    if !domain.contains('.') || checked_domain(domain).is_none() {
        return Err(EmailError::Domain);
    }
    if text.chars().any(|c| c.is_uppercase()) { Ok(Cow::Owned(text.to_lowercase())) } else { Ok(Cow::Borrowed(text)) }
}

/// The registrable domain of a normalised address; `None` if anyone may have an address there.
pub fn business_domain(address: &str) -> Option<&str> {
    let (_, domain) = address.rsplit_once('@')?;
    let domain = registrable_domain(domain);
    let (name, _) = domain.split_once('.')?;
    let is_free = FREE_NAMES.binary_search(&name).is_ok() || FREE_DOMAINS.binary_search(&domain).is_ok();
    (!is_free).then_some(domain)
}

fn is_foreign_to_mail(c: char) -> bool {
    c.is_whitespace() || c.is_control() || matches!(c, '"' | '(' | ')' | ',' | ':' | ';' | '<' | '>' | '[' | '\\' | ']')
}

/// Free under every public suffix (`yahoo.co.uk`, `gmx.at`). Sorted.
#[rustfmt::skip]
const FREE_NAMES: &[&str] = &[
    "aol", "freenet", "gmail", "gmx", "googlemail", "hotmail", "hushmail", "icloud", "laposte", "live",
    "mailinator", "msn", "outlook", "protonmail", "rediffmail", "rocketmail", "tutanota", "walla", "yahoo",
    "yandex", "ymail", "yopmail", "zohomail",
];

/// Free or access-provider mail under this domain only. Sorted.
#[rustfmt::skip]
const FREE_DOMAINS: &[&str] = &[
    "10minutemail.com", "126.com", "139.com", "163.com", "188.com", "21cn.com", "abv.bg", "alice.it",
    "aliceadsl.fr", "aliyun.com", "aon.at", "arcor.de", "att.net", "azet.sk", "bell.net", "bellsouth.net",
    "bigpond.com", "bigpond.net.au", "bk.ru", "bluewin.ch", "blueyonder.co.uk", "bol.com.br", "btinternet.com",
    "cableone.net", "centrum.cz", "centurylink.net", "charter.net", "club-internet.fr", "comcast.net", "cox.net",
    "daum.net", "dispostable.com", "disroot.org", "docomo.ne.jp", "earthlink.net", "eircom.net", "email.com",
    "email.cz", "email.it", "ezweb.ne.jp", "fastmail.com", "fastmail.fm", "foxmail.com", "free.fr", "frontier.com",
    "frontiernet.net", "getnada.com", "globo.com", "globomail.com", "grr.la", "guerrillamail.com", "hanmail.net",
    "hey.com", "home.nl", "ig.com.br", "iinet.net.au", "inbox.com", "inbox.lv", "inbox.ru", "indiatimes.com",
    "interia.pl", "internode.on.net", "juno.com", "kolabnow.com", "kpnmail.nl", "libero.it", "list.ru", "lycos.com",
    "mac.com", "mail.bg", "mail.com", "mail.de", "mail.ee", "mail.ru", "mailbox.org", "maildrop.cc",
    "mailfence.com", "mailnesia.com", "me.com", "mindspring.com", "nate.com", "naver.com", "netcologne.de",
    "netscape.net", "netzero.net", "neuf.fr", "nifty.com", "ntlworld.com", "numericable.fr", "o2.co.uk", "o2.pl",
    "o2online.de", "onet.eu", "onet.pl", "online.de", "online.no", "onmail.com", "optonline.net", "optusnet.com.au",
    "orange.fr", "passport.com", "pm.me", "pobox.com", "posteo.de", "posteo.net", "prodigy.net.mx", "proton.me",
    "qq.com", "rambler.ru", "riseup.net", "rogers.com", "runbox.com", "sapo.pt", "sbcglobal.net", "seznam.cz",
    "sfr.fr", "sharklasers.com", "shaw.ca", "sina.cn", "sina.com", "sky.com", "skynet.be", "snafu.de",
    "softbank.ne.jp", "sohu.com", "startmail.com", "sympatico.ca", "t-online.de", "talktalk.net", "telefonica.net",
    "telenet.be", "telia.com", "telstra.com", "telus.net", "temp-mail.org", "tempmail.com", "terra.com.br",
    "terra.es", "throwawaymail.com", "tin.it", "tiscali.co.uk", "tiscali.it", "trashmail.com", "tuta.com",
    "tuta.io", "tutamail.com", "ukr.net", "unitybox.de", "uol.com.br", "usa.net", "verizon.net", "videotron.ca",
    "virgilio.it", "virgin.net", "virginmedia.com", "vodafone.de", "voila.fr", "volny.cz", "wanadoo.fr", "web.de",
    "windowslive.com", "windstream.net", "wp.pl", "xs4all.nl", "xtra.co.nz", "ya.ru", "yeah.net", "ziggo.nl",
    "zoho.com", "zoznam.sk",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_per_person() {
        for (text, expect) in [
            ("  Ada.Lovelace@Example.COM ", Ok("ada.lovelace@example.com")),
            ("ada+news@example.co.uk", Ok("ada+news@example.co.uk")),
            ("jürgen@xn--mller-kva.de", Ok("jürgen@xn--mller-kva.de")),
            ("ada", Err(EmailError::Shape)),
            ("@example.com", Err(EmailError::Shape)),
            ("ada@", Err(EmailError::Shape)),
            ("ada@b@example.com", Err(EmailError::Shape)),
            ("ada@localhost", Err(EmailError::Domain)),
            ("ada@example..com", Err(EmailError::Domain)),
            ("ada@exa mple.com", Err(EmailError::Domain)),
            ("a da@example.com", Err(EmailError::Character)),
            ("a\u{0}da@example.com", Err(EmailError::Character)),
            ("<ada@example.com", Err(EmailError::Character)),
        ] {
            assert_eq!(normalise(text).as_deref(), expect.as_ref().map(|t| *t), "{text:?}");
        }
        let long = |n: usize| alloc::format!("{}@example.com", "a".repeat(n));
        assert!(normalise(&long(64)).is_ok());
        assert_eq!(normalise(&long(65)), Err(EmailError::TooLong));
        assert_eq!(normalise(&long(300)), Err(EmailError::TooLong));
    }

    #[test]
    fn companies_and_free_mail() {
        for (address, expect) in [
            ("ada@acme.com", Some("acme.com")),
            ("ada@mail.eu.acme.co.uk", Some("acme.co.uk")),
            ("ada@gmail.com", None),
            ("ada@yahoo.co.jp", None),
            ("ada@gmx.net", None),
            ("ada@web.de", None),
            ("ada@proton.me", None),
            ("ada@mymail.acme.io", Some("acme.io")),
            ("ada@yahoo-partners.com", Some("yahoo-partners.com")),
            ("ada@10.0.0.1", Some("10.0.0.1")),
            ("nobody", None),
        ] {
            assert_eq!(business_domain(address), expect, "{address}");
        }
    }

    #[test]
    fn lists_can_be_searched() {
        assert!(FREE_NAMES.is_sorted() && FREE_DOMAINS.is_sorted());
        assert!(FREE_DOMAINS.len() > 150);
    }

    proptest::proptest! {
        #[test]
        fn never_panics_and_is_idempotent(text in "\\PC{0,80}|[a-zA-Z0-9.@ ]{0,40}") {
            if let Ok(address) = normalise(&text) {
                let again = normalise(&address);
                proptest::prop_assert_eq!(again.as_deref(), Ok(&*address));
                let _domain = business_domain(&address);
            }
        }
    }
}
