//! The market: where visitors come from, what it costs, and what becomes of them.
//!
//! One row a campaign. The qualities tell the story of the demo: AI assistants and review sites send few people who
//! buy, paid social sends many who fill forms and do not, and its give-away, in the last third, makes that worse.

use super::site::Shelf;

/// What becomes of the leads of a route, in per cent of the step before.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quality {
    /// Leads that become marketing qualified.
    pub(super) mql: u64,
    /// Of these, the ones sales accepts.
    pub(super) accepted: u64,
    /// Of these, the ones sales qualifies.
    pub(super) sql: u64,
    /// Deals that are won.
    pub(super) won: u64,
}

const fn quality(mql: u64, accepted: u64, sql: u64, won: u64) -> Quality {
    Quality { mql, accepted, sql, won }
}

/// Which click id a click brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClickId {
    None,
    Google,
    Microsoft,
    LinkedIn,
    Facebook,
}

impl ClickId {
    pub(super) fn parameter(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Google => Some("gclid"),
            Self::Microsoft => Some("msclkid"),
            Self::LinkedIn => Some("li_fat_id"),
            Self::Facebook => Some("fbclid"),
        }
    }
}

/// What a click costs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Price {
    /// Minor units of the currency for one click.
    pub(super) click_minor: i64,
    pub(super) currency: &'static str,
}

/// A way to the site.
#[derive(Clone, Copy, Debug)]
pub(super) struct Route {
    /// UTM source, medium and campaign; empty where the link has none.
    pub(super) utm: (&'static str, &'static str, &'static str),
    pub(super) click_id: ClickId,
    pub(super) referrer: &'static str,
    /// Of 1 000 anonymous visitors.
    pub(super) share: u64,
    /// Of 10 000 visitors, the ones that become leads.
    pub(super) converts: u64,
    pub(super) quality: Quality,
    pub(super) lands: &'static [Shelf],
    pub(super) price: Option<Price>,
    /// Per cent of the history after which it begins.
    pub(super) since: i64,
}

const SEARCH: Quality = quality(40, 80, 62, 44);
const PAID_SEARCH: Quality = quality(40, 70, 52, 38);
const PAID_SOCIAL: Quality = quality(20, 42, 22, 18);
const GIVE_AWAY: Quality = quality(22, 26, 10, 8);
const SOCIAL: Quality = quality(26, 66, 42, 34);
const REFERRAL: Quality = quality(40, 80, 60, 44);
const REVIEWS: Quality = quality(62, 92, 80, 58);
const ASSISTANTS: Quality = quality(60, 92, 80, 60);
const PARTNERS: Quality = quality(52, 88, 72, 54);
const EVENTS: Quality = quality(42, 74, 58, 42);
const MAIL: Quality = quality(34, 74, 54, 40);
const DIRECT: Quality = quality(42, 82, 62, 46);
const COLD: Quality = quality(30, 64, 44, 30);

const READ: &[Shelf] = &[Shelf::Blog, Shelf::Blog, Shelf::Blog, Shelf::Home, Shelf::Product];
const BUY: &[Shelf] = &[Shelf::Product, Shelf::Compare, Shelf::Pricing, Shelf::Demo];
const CHOOSE: &[Shelf] = &[Shelf::Home, Shelf::Compare, Shelf::Pricing, Shelf::CaseStudy];
const BRAND: &[Shelf] = &[Shelf::Home, Shelf::Pricing, Shelf::Home];
const ASSET: &[Shelf] = &[Shelf::Ebook];
const TALK: &[Shelf] = &[Shelf::Webinar];
const NEWS: &[Shelf] = &[Shelf::Blog, Shelf::CaseStudy];

const fn free(
    utm: (&'static str, &'static str, &'static str),
    referrer: &'static str,
    share: u64,
    converts: u64,
    quality: Quality,
    lands: &'static [Shelf],
) -> Route {
    Route { utm, click_id: ClickId::None, referrer, share, converts, quality, lands, price: None, since: 0 }
}

const NO_UTM: (&str, &str, &str) = ("", "", "");

const fn paid(route: Route, click_id: ClickId, click_minor: i64, currency: &'static str) -> Route {
    Route { click_id, price: Some(Price { click_minor, currency }), ..route }
}

const fn since(route: Route, since: i64) -> Route {
    Route { since, ..route }
}

const GOOGLE: &str = "https://www.google.com/";
const BING: &str = "https://www.bing.com/";
const LINKEDIN: &str = "https://www.linkedin.com/";
const FACEBOOK: &str = "https://l.facebook.com/";

/// Every route anonymous visitors take. The first is nobody's: typed in, bookmarked, or its origin got lost.
#[rustfmt::skip]
pub(super) const ROUTES: &[Route] = &[
    free(NO_UTM, "", 165, 240, DIRECT, BRAND),
    free(NO_UTM, GOOGLE, 235, 270, SEARCH, READ),
    free(NO_UTM, BING, 38, 290, SEARCH, READ),
    free(NO_UTM, "https://duckduckgo.com/", 22, 250, SEARCH, READ),
    paid(free(("google", "cpc", "brand-search"), GOOGLE, 28, 520, DIRECT, BRAND), ClickId::Google, 210, "USD"),
    paid(free(("google", "cpc", "ap-automation-search"), GOOGLE, 46, 380, PAID_SEARCH, BUY), ClickId::Google, 890, "USD"),
    paid(free(("google", "cpc", "invoice-software-emea"), GOOGLE, 20, 330, PAID_SEARCH, BUY), ClickId::Google, 720, "EUR"),
    paid(free(("bing", "cpc", "ap-automation-search"), BING, 14, 360, PAID_SEARCH, BUY), ClickId::Microsoft, 610, "USD"),
    paid(free(NO_UTM, GOOGLE, 9, 360, PAID_SEARCH, BUY), ClickId::Google, 840, "USD"),
    paid(free(("linkedin", "paid-social", "office-costs-ebook"), LINKEDIN, 68, 480, PAID_SOCIAL, ASSET), ClickId::LinkedIn, 1_140, "USD"),
    paid(free(("linkedin", "paid-social", "finance-leaders-uk"), LINKEDIN, 22, 400, PAID_SOCIAL, ASSET), ClickId::LinkedIn, 980, "GBP"),
    paid(free(("facebook", "paid-social", "invoice-templates"), FACEBOOK, 48, 430, PAID_SOCIAL, ASSET), ClickId::Facebook, 310, "USD"),
    since(paid(free(("facebook", "paid-social", "tablet-give-away"), FACEBOOK, 60, 760, GIVE_AWAY, ASSET), ClickId::Facebook, 240, "USD"), 66),
    paid(free(("adnetwork", "display", "retargeting-q"), "https://ads.displaynet.example/", 30, 60, SOCIAL, BRAND), ClickId::None, 85, "USD"),
    free(NO_UTM, LINKEDIN, 42, 180, SOCIAL, READ),
    free(NO_UTM, "https://t.co/", 14, 120, SOCIAL, READ),
    free(("linkedin", "social", "founder-posts"), LINKEDIN, 16, 220, SOCIAL, READ),
    free(("youtube", "video", "product-tour"), "https://www.youtube.com/", 12, 180, SOCIAL, BUY),
    free(NO_UTM, "https://www.financeweekly.example/", 18, 260, REFERRAL, READ),
    free(NO_UTM, "https://blog.controllerhub.example/", 14, 290, REFERRAL, READ),
    free(NO_UTM, "https://www.g2.com/", 17, 640, REVIEWS, CHOOSE),
    free(NO_UTM, "https://www.capterra.com/", 12, 600, REVIEWS, CHOOSE),
    free(("trustradius", "referral", ""), "https://www.trustradius.com/", 4, 620, REVIEWS, CHOOSE),
    free(NO_UTM, "https://chatgpt.com/", 21, 560, ASSISTANTS, CHOOSE),
    free(("chatgpt.com", "", ""), "https://chatgpt.com/", 11, 560, ASSISTANTS, CHOOSE),
    free(NO_UTM, "https://www.perplexity.ai/", 9, 540, ASSISTANTS, CHOOSE),
    free(("ledgerworks", "partner", "joint-offer"), "https://www.ledgerworks.example/", 9, 560, PARTNERS, CHOOSE),
    free(("northfield", "partner", "reseller-page"), "https://northfield.example/", 5, 520, PARTNERS, CHOOSE),
    free(("webinar", "webinar", "closing-books-faster"), "", 10, 1_700, EVENTS, TALK),
    free(("webinar", "webinar", "e-invoicing-mandates"), "", 8, 1_600, EVENTS, TALK),
    free(("newsletter", "email", "forwarded"), "", 14, 260, MAIL, NEWS),
    free(("slack", "community", "finance-ops"), "", 5, 320, REFERRAL, READ),
];

/// Typed in, bookmarked, or of lost origin.
pub(super) const DIRECT_ROUTE: usize = 0;
/// A search engine's free results.
pub(super) const SEARCH_ROUTE: usize = 1;
/// Paid and free routes by which people who know the company come back.
pub(super) const RETURN_ROUTES: &[usize] = &[0, 0, 0, 0, 1, 1, 1, 2, 4, 13, 14, 16];

/// Sales writes first.
pub(super) const OUTBOUND: Route = free(("outreach", "outbound", "cfo-sequence"), "", 0, 0, COLD, CHOOSE);
/// Badges scanned at a stand.
pub(super) const TRADE_SHOW: Route = free(("finance-expo", "tradeshow", "finance-expo"), "", 0, 0, EVENTS, NEWS);
/// People sales adds to a deal.
pub(super) const COMMITTEE: Route = free(NO_UTM, "", 0, 0, DIRECT, NEWS);
