//! Which referrers are foreign, and what they are called: the ones that bring a source.

use alloc::borrow::Cow;
use alloc::string::String;

use super::host_table::HostTable;
use super::source_list::{Category, SourceList};
use crate::url::{bare_host, registrable_domain};

/// The sites a visitor passes through without coming from them.
///
/// The workspace's own sites and the ignored ones (payment, single sign-on), each with everything
/// below it.
#[derive(Clone, Debug)]
pub struct OwnSites {
    passed: HostTable<()>,
    sources: SourceList,
}

impl OwnSites {
    /// From the hosts of the configuration; the shipped ignored hosts are always among them.
    pub fn new<'a>(own: impl IntoIterator<Item = &'a str>, ignored: impl IntoIterator<Item = &'a str>) -> Self {
        let configured = own.into_iter().chain(ignored).map(host_of).filter(|host| !host.is_empty());
        let shipped = IGNORED.iter().copied().map(Cow::Borrowed);
        let passed = configured.map(Cow::Owned).chain(shipped).map(|host| (host, ())).collect();
        Self { passed, sources: SourceList::shipped() }
    }

    /// Source and medium a referring host brings to a page of the host `page`; none if it is not foreign.
    ///
    /// The source is the longest listed name of the host, else its registrable domain; the medium
    /// `organic` from a search engine, else `referral`.
    pub fn brought<'h>(&self, page: &str, referrer: &'h str) -> Option<(&'h str, &'static str)> {
        if !self.is_foreign(page, referrer) {
            return None;
        }
        let (source, listed) = self.sources.resolve(referrer);
        let is_search = listed.is_some_and(|row| row.category == Some(Category::Search));
        Some((source, if is_search { "organic" } else { "referral" }))
    }

    /// Whether the referring host is someone else's, seen from a page of the host `page`.
    ///
    /// Both hosts are lower case. Foreign is what neither shares the registrable domain of the page
    /// nor is an own or ignored site.
    pub fn is_foreign(&self, page: &str, referrer: &str) -> bool {
        !referrer.is_empty()
            && referrer != page
            && self.passed.covering(referrer).is_none()
            && !is_same_site(page, referrer)
    }
}

/// A configured site: lower case, without the `*.`, dot, `www.` or `m.` that people write in front.
fn host_of(site: &str) -> String {
    let site = site.trim().to_lowercase();
    let site = site.strip_prefix("*").unwrap_or(&site);
    let site = site.strip_prefix(".").unwrap_or(site);
    bare_host(site).into()
}

/// Most pairs of hosts differ in their last label already; that saves the two lookups.
fn is_same_site(a: &str, b: &str) -> bool {
    let mut same = a.bytes().rev().zip(b.bytes().rev()).take_while(|(x, y)| x == y);
    same.any(|(byte, _)| byte == b'.') && registrable_domain(a) == registrable_domain(b)
}

/// Payment and single sign-on: they hand the visitor back, they did not bring them.
const IGNORED: &[&str] = &[
    "accounts.google.com",
    "accounts.youtube.com",
    "adyen.com",
    "affirm.com",
    "afterpay.com",
    "appleid.apple.com",
    "auth0.com",
    "authorize.net",
    "b2clogin.com",
    "bluesnap.com",
    "braintreegateway.com",
    "cardinalcommerce.com",
    "chargebee.com",
    "chargify.com",
    "checkout.com",
    "checkout.shopify.com",
    "clearpay.co.uk",
    "clerk.accounts.dev",
    "cybersource.com",
    "duosecurity.com",
    "fastspring.com",
    "gocardless.com",
    "jumpcloud.com",
    "klarna.com",
    "login.live.com",
    "login.microsoft.com",
    "login.microsoftonline.com",
    "login.salesforce.com",
    "login.yahoo.com",
    "mollie.com",
    "mollie.nl",
    "okta.com",
    "oktapreview.com",
    "onelogin.com",
    "paddle.com",
    "pay.google.com",
    "paydirekt.de",
    "payfast.co.za",
    "payone.com",
    "payoneer.com",
    "paypal.com",
    "paypalobjects.com",
    "payu.com",
    "payu.in",
    "pingidentity.com",
    "pingone.com",
    "pingone.eu",
    "quickpay.net",
    "razorpay.com",
    "recurly.com",
    "sagepay.com",
    "securesuite.net",
    "sezzle.com",
    "sofort.com",
    "squareup.com",
    "stripe.com",
    "twikey.com",
    "verifiedbyvisa.com",
    "wirecard.com",
    "workos.com",
    "worldpay.com",
    "zuora.com",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_referrers() {
        let sites = OwnSites::new(["acme.io", "*.acme-academy.com", "www.acme.shop"], ["partner-login.com"]);
        for (page, referrer, expect) in [
            ("www.acme.com", "www.acme.com", false),
            ("www.acme.com", "blog.acme.com", false),
            ("www.acme.co.uk", "shop.acme.co.uk", false),
            ("www.acme.co.uk", "other.co.uk", true),
            ("www.acme.com", "acme.io", false),
            ("www.acme.com", "docs.acme.io", false),
            ("www.acme.com", "acme-academy.com", false),
            ("www.acme.com", "acme.shop", false),
            ("www.acme.com", "notacme.io", true),
            ("www.acme.com", "checkout.stripe.com", false),
            ("www.acme.com", "accounts.google.com", false),
            ("www.acme.com", "sso.partner-login.com", false),
            ("www.acme.com", "www.google.com", true),
            ("a.github.io", "b.github.io", true),
            ("localhost", "localhost", false),
            ("localhost", "google.com", true),
            ("10.0.0.1", "10.0.0.2", true),
            ("192.168.0.1", "10.0.0.1", true),
            ("acme.com", "", false),
        ] {
            assert_eq!(sites.is_foreign(page, referrer), expect, "{referrer} -> {page}");
        }
    }
}
