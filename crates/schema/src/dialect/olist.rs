//! The public marketing-funnel data set of a Brazilian marketplace: leads, and the sellers some of them became.
//!
//! A lead is known by its `mql_id` and is its own account. Its first contact is a form fill on a landing page; the
//! origin's own word becomes the source, a blank origin stays missing. The revenue of a won deal is the seller's
//! delivered `gmv`: `declared_monthly_revenue` is zero on nearly every deal, and joining order lines would count twice.

use super::sink::{Fact, Folder, Sink};
use super::table::{Row, Table};
use super::{Error, Import, Options, bare};
use crate::{Reason, Rejected};
use smarketing_kernel::event::{Body, Contact, DealChanged, DealKind, DealType, FormSubmitted, LeadUpdated, Stage};
use smarketing_kernel::money::Currency;
use smarketing_kernel::text::Text;
use std::collections::BTreeMap;
use std::path::Path;

const LEADS: &str = "olist_marketing_qualified_leads_dataset";
const DEALS: &str = "olist_closed_deals_dataset";
const SELLERS: &str = "seller_metrics";

/// Columns of a closed deal that describe the lead.
const ATTRIBUTES: [&str; 8] = [
    "lead_type",
    "lead_behaviour_profile",
    "business_type",
    "has_company",
    "has_gtin",
    "average_stock",
    "declared_product_catalog_size",
    "declared_monthly_revenue",
];

pub(super) fn read(path: &Path, options: &Options) -> Result<Import, Error> {
    let mut folder = Folder::open(path, &[LEADS, DEALS, SELLERS], &[])?;
    let leads = folder.required(LEADS, &["mql_id", "first_contact_date", "landing_page_id", "origin"])?;
    let deals = folder.required(DEALS, &["mql_id", "seller_id", "sdr_id", "sr_id", "won_date", "business_segment"])?;
    let sellers = folder.required(SELLERS, &["seller_id", "gmv"])?;
    let mut sink = Sink::new(options);
    let revenue = revenue(&sellers, &mut sink);
    for table in [&leads, &deals] {
        table.index("mql_id");
    }
    sink.turn_all(&leads, first_contact);
    sink.turn_all(&deals, |row| won(row, &revenue));
    sink.close(&leads, "no lead");
    sink.close(&deals, "no deal");
    sink.close(&sellers, "a seller of no closed deal");
    folder.close(&mut sink, "a table this import has no use for")?;
    Ok(sink.done())
}

/// A seller's row and its delivered value in centavos; `None` where the row was rejected.
type Revenue<'t> = BTreeMap<&'t str, (Row<'t>, Option<i64>)>;

fn revenue<'t>(sellers: &'t Table, sink: &mut Sink<'_>) -> Revenue<'t> {
    let index = sellers.index("seller_id").into_iter();
    let mut read = |(seller, row): (&'t str, Row<'t>)| match row.money("gmv", brl()) {
        Ok(gmv) => (seller, (row, Some(gmv.unwrap_or(0)))),
        Err(rejected) => {
            sink.turn(sellers, row, Err(rejected));
            (seller, (row, None))
        }
    };
    index.map(&mut read).collect()
}

/// The currency of the data set; the other one never is, as this code is one of ISO 4217.
fn brl() -> Currency {
    Currency::parse("BRL").unwrap_or(Currency::USD)
}

/// A lead's first contact, which is also when it was qualified.
fn first_contact(row: Row<'_>) -> Result<Vec<Fact>, Rejected> {
    let id = row.need("mql_id")?;
    let at = row.need_day("first_contact_date")?.start();
    let page = row.get("landing_page_id");
    let form = FormSubmitted {
        lead: bare::contact(id),
        visitor_id: None,
        form_id: page.unwrap_or("landing-page").into(),
        form_name: None,
        url: Some(landing_url(page, row.get("origin"))),
        referrer: None,
        fields: BTreeMap::new(),
    };
    let mql = LeadUpdated { stage: Some(Stage::Mql), ..bare::lead_updated(bare::contact(id)) };
    Ok(vec![
        Fact::new(&["olist", "mql", id, "contact"], at, Body::FormSubmitted(form)),
        Fact::new(&["olist", "mql", id, "stage"], at, Body::LeadUpdated(mql)),
    ])
}

/// The page of the first contact, tagged as a campaign link would be: the origin as source, and its medium if known.
fn landing_url(page: Option<&str>, origin: Option<&str>) -> Text {
    let mut url = format!("https://olist.example/lp/{}", encoded(page.unwrap_or_default()));
    if let Some(origin) = origin {
        url = format!("{url}?utm_source={}", encoded(origin));
        if let Some(medium) = medium(origin) {
            url = format!("{url}&utm_medium={}", encoded(medium));
        }
    }
    url.into()
}

fn medium(origin: &str) -> Option<&'static str> {
    Some(match origin {
        "paid_search" => "cpc",
        "organic_search" => "organic",
        "social" => "social",
        "email" => "email",
        "referral" => "referral",
        "display" => "display",
        "direct_traffic" => "(none)",
        _ => return None,
    })
}

/// Percent-encodes what is not unreserved in a URL (RFC 3986).
fn encoded(text: &str) -> String {
    let keep = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|byte| if keep(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// A won deal, and what closing it told about the lead.
fn won(row: Row<'_>, revenue: &Revenue<'_>) -> Result<Vec<Fact>, Rejected> {
    let id = row.need("mql_id")?;
    let at = row.need_time(&["won_date"])?;
    let amount = match row.get("seller_id").and_then(|seller| revenue.get(seller)) {
        None => 0,
        Some((seller, Some(gmv))) => {
            seller.joined();
            *gmv
        }
        Some((_, None)) => {
            return Err(row.reject(Reason::InvalidAmount, "seller_id", "names a seller whose gmv was rejected"));
        }
    };
    let attributes = ATTRIBUTES.iter().filter_map(|name| Some((Text::from(*name), row.text(name)?)));
    let lead = LeadUpdated {
        persona: row.text("business_segment"),
        owner: row.text("sdr_id"),
        attributes: attributes.collect(),
        ..bare::lead_updated(bare::contact(id))
    };
    let deal = DealChanged {
        contacts: Some(vec![Contact { lead: bare::contact(id), role: Some("primary".into()) }]),
        amount_minor: Some(amount),
        currency: Some(brl()),
        owner: row.text("sr_id"),
        deal_type: Some(DealType::New),
        ..bare::deal_changed(&format!("olist-{id}"), DealKind::Won)
    };
    Ok(vec![
        Fact::new(&["olist", "deal", id, "lead"], at, Body::LeadUpdated(lead)),
        Fact::new(&["olist", "deal", id, "won"], at, Body::DealChanged(deal)),
    ])
}
