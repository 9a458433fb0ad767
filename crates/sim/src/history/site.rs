//! The company's site: pages, the forms on them, and their addresses as a browser reports them.

use super::market::Route;
use crate::chance::Chance;
use smarketing_kernel::text::Text;

/// A kind of page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Shelf {
    Home,
    Blog,
    Ebook,
    Webinar,
    CaseStudy,
    Product,
    Compare,
    Pricing,
    Demo,
    Contact,
    Newsletter,
    Docs,
}

const SHELVES: usize = 12;

/// The site's host; the newsletter's links and sales' shared pages lead there too.
const HOST: &str = "https://www.acme.test";

struct Page {
    shelf: Shelf,
    path: &'static str,
    title: &'static str,
    form: &'static str,
}

const fn page(shelf: Shelf, path: &'static str, title: &'static str) -> Page {
    Page { shelf, path, title, form: "" }
}

const fn gated(shelf: Shelf, path: &'static str, title: &'static str, form: &'static str) -> Page {
    Page { shelf, path, title, form }
}

#[rustfmt::skip]
const PAGES: &[Page] = &[
    page(Shelf::Home, "/", "Acme: invoices that pay themselves"),
    page(Shelf::Blog, "/blog/ten-cures-for-invoice-chaos", "Ten cures for invoice chaos"),
    page(Shelf::Blog, "/blog/what-an-invoice-really-costs", "What an invoice really costs"),
    page(Shelf::Blog, "/blog/three-way-match-explained", "Three-way match explained"),
    page(Shelf::Blog, "/blog/month-end-in-three-days", "Month-end in three days"),
    page(Shelf::Blog, "/blog/e-invoicing-mandates-by-country", "E-invoicing mandates by country"),
    page(Shelf::Blog, "/blog/duplicate-payments", "Where duplicate payments come from"),
    page(Shelf::Blog, "/blog/approval-workflows-that-work", "Approval workflows that work"),
    page(Shelf::Blog, "/blog/ap-metrics-for-cfos", "Eight payables metrics for CFOs"),
    page(Shelf::Blog, "/blog/ocr-or-e-invoice", "OCR or e-invoice?"),
    page(Shelf::Blog, "/blog/vendor-onboarding-checklist", "Vendor onboarding checklist"),
    page(Shelf::Blog, "/blog/early-payment-discounts", "Early payment discounts"),
    page(Shelf::Blog, "/blog/audit-trail-basics", "Audit trail basics"),
    gated(Shelf::Ebook, "/ebook/office-costs", "E-book: what the office really costs", "ebook-office-costs"),
    gated(Shelf::Ebook, "/ebook/ap-automation-guide", "E-book: the payables automation guide", "ebook-ap-guide"),
    gated(Shelf::Ebook, "/ebook/business-case-kit", "Business case kit", "ebook-business-case"),
    gated(Shelf::Ebook, "/ebook/invoice-templates", "Forty invoice templates", "ebook-templates"),
    gated(Shelf::Webinar, "/webinar/closing-books-faster", "Webinar: closing the books faster", "webinar-closing"),
    gated(Shelf::Webinar, "/webinar/e-invoicing-mandates", "Webinar: e-invoicing mandates", "webinar-mandates"),
    gated(Shelf::Webinar, "/webinar/fraud-in-payables", "Webinar: fraud in payables", "webinar-fraud"),
    page(Shelf::CaseStudy, "/case-study/meridian-freight", "Meridian Freight: 70 % fewer touches"),
    page(Shelf::CaseStudy, "/case-study/halden-clinics", "Halden Clinics: month-end in two days"),
    page(Shelf::CaseStudy, "/case-study/orchard-retail", "Orchard Retail: no duplicate in a year"),
    page(Shelf::CaseStudy, "/case-study/vantor-energy", "Vantor Energy: 14 entities, one inbox"),
    page(Shelf::Product, "/product", "Product"),
    page(Shelf::Product, "/product/approvals", "Approvals"),
    page(Shelf::Product, "/product/capture", "Capture"),
    page(Shelf::Product, "/product/integrations", "Integrations"),
    page(Shelf::Compare, "/compare/spreadsheets", "Acme or spreadsheets"),
    page(Shelf::Compare, "/compare/erp-module", "Acme or your ERP's module"),
    page(Shelf::Pricing, "/pricing", "Pricing"),
    gated(Shelf::Demo, "/demo", "See a demo", "demo-request"),
    gated(Shelf::Contact, "/contact", "Talk to us", "contact-sales"),
    gated(Shelf::Newsletter, "/newsletter", "Newsletter", "newsletter"),
    page(Shelf::Docs, "/docs/getting-started", "Getting started"),
    page(Shelf::Docs, "/docs/api", "API reference"),
];

/// A page, by its number.
pub(super) type PageKey = usize;

/// The site with every text that many events share made once.
#[derive(Debug)]
pub(super) struct Site {
    urls: Vec<Text>,
    titles: Vec<Text>,
    shelves: [Vec<PageKey>; SHELVES],
}

impl Site {
    pub(super) fn new() -> Self {
        let mut shelves: [Vec<PageKey>; SHELVES] = Default::default();
        for (key, page) in PAGES.iter().enumerate() {
            shelves[page.shelf as usize].push(key);
        }
        Self {
            urls: PAGES.iter().map(|page| Text::from(format!("{HOST}{}", page.path))).collect(),
            titles: PAGES.iter().map(|page| Text::from(page.title)).collect(),
            shelves,
        }
    }

    /// Any page of a kind.
    pub(super) fn page(&self, chance: &mut Chance, shelf: Shelf) -> PageKey {
        chance.pick(&self.shelves[shelf as usize])
    }

    /// The address of a page inside the site.
    pub(super) fn url(&self, page: PageKey) -> Text {
        self.urls[page].clone()
    }

    pub(super) fn title(&self, page: PageKey) -> Text {
        self.titles[page].clone()
    }

    pub(super) fn shelf(&self, page: PageKey) -> Shelf {
        PAGES[page].shelf
    }

    /// The form on a page, if there is one.
    pub(super) fn form(&self, page: PageKey) -> Option<&'static str> {
        Some(PAGES[page].form).filter(|form| !form.is_empty())
    }

    /// The address as a click on `route` opens it; `click` is what makes its click id unique.
    pub(super) fn landing(&self, route: &Route, page: PageKey, click: u64) -> Text {
        let (source, medium, campaign) = route.utm;
        let named = [("utm_source", source), ("utm_medium", medium), ("utm_campaign", campaign)];
        if source.is_empty() && route.click_id.parameter().is_none() {
            return self.url(page);
        }
        let mut url = String::with_capacity(192);
        url.push_str(&self.urls[page]);
        let mut separator = '?';
        let mut add = |name: &str, value: &str| {
            url.push(separator);
            separator = '&';
            url.push_str(name);
            url.push('=');
            url.push_str(value);
        };
        named.iter().filter(|(_, value)| !value.is_empty()).for_each(|(name, value)| add(name, value));
        if let Some(parameter) = route.click_id.parameter() {
            add(parameter, std::str::from_utf8(&super::world::hexadecimal(click)).unwrap_or_default());
        }
        Text::from(url)
    }

    /// The address behind a link in a mail.
    pub(super) fn mailed(&self, page: PageKey, source: &str, campaign: &str) -> Text {
        Text::from(format!("{}?utm_source={source}&utm_medium=email&utm_campaign={campaign}", self.urls[page]))
    }
}

/// Where someone goes next: readers read on, buyers compare and look at prices.
pub(super) fn next_shelf(chance: &mut Chance, buying: bool) -> Shelf {
    const READER: &[Shelf] = &[
        Shelf::Blog,
        Shelf::Blog,
        Shelf::Blog,
        Shelf::Home,
        Shelf::Product,
        Shelf::CaseStudy,
        Shelf::Ebook,
        Shelf::Pricing,
        Shelf::Webinar,
    ];
    const BUYER: &[Shelf] = &[
        Shelf::Product,
        Shelf::Product,
        Shelf::CaseStudy,
        Shelf::CaseStudy,
        Shelf::Pricing,
        Shelf::Compare,
        Shelf::Blog,
    ];
    chance.pick(if buying { BUYER } else { READER })
}
