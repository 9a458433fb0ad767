//! The tables of a sales pipeline: deals of accounts, without people.
//!
//! A deal's account is the account's name; without contacts its scope is everybody of the account. The deal opens when
//! it was engaged and ends when it closed. A prospect has no date at all: it is open on the day of the export, which
//! is the latest day the table knows. The product, spelled as in the product list, stands as the pipeline.

use super::sink::{Fact, Folder, Sink};
use super::table::{Row, Table};
use super::{Error, Import, Options, bare};
use crate::{Reason, Rejected, instant};
use smarketing_kernel::event::{Address, Body, DealChanged, DealKind};
use smarketing_kernel::time::{Day, Timestamp};
use std::collections::BTreeMap;
use std::path::Path;

const DEALS: &str = "sales_pipeline";
const COLUMNS: [&str; 8] =
    ["opportunity_id", "sales_agent", "product", "account", "deal_stage", "engage_date", "close_date", "close_value"];

pub(super) fn read(path: &Path, options: &Options) -> Result<Import, Error> {
    let mut folder = Folder::open(path, &[DEALS], &["accounts", "products"])?;
    let deals = folder.required(DEALS, &COLUMNS)?;
    let accounts = folder.optional("accounts", &["account"])?;
    let products = folder.optional("products", &["product"])?;
    let mut sink = Sink::new(options);
    let lists = Lists {
        accounts: accounts.as_ref().map(|table| table.index("account")).unwrap_or_default(),
        products: products.iter().flat_map(|table| table.index("product")).map(|(k, row)| (folded(k), row)).collect(),
        exported: exported(&deals).unwrap_or_else(|| options.context.now.day()).start(),
    };
    deals.index("opportunity_id");
    sink.turn_all(&deals, |row| deal(row, &lists, options));
    sink.close(&deals, "no deal");
    for (table, rest) in [(&accounts, "an account without a deal"), (&products, "a product of no deal")] {
        if let Some(table) = table {
            sink.close(table, rest);
        }
    }
    folder.close(&mut sink, "a table this import has no use for")?;
    Ok(sink.done())
}

/// What deals refer to.
struct Lists<'t> {
    accounts: BTreeMap<&'t str, Row<'t>>,
    /// By folded name.
    products: BTreeMap<String, Row<'t>>,
    exported: Timestamp,
}

/// A product's name without case, spaces and punctuation: `GTXPro` is `GTX Pro`.
fn folded(product: &str) -> String {
    product.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The latest day any deal was engaged or closed.
fn exported(deals: &Table) -> Option<Day> {
    let days = deals.rows().flat_map(|row| [row.get("engage_date"), row.get("close_date")]);
    days.flatten().filter_map(instant::day).max()
}

/// The opening of a deal and, when it is closed, its end. Both say all that is known, as a later export of the same
/// deal repeats the opening and adds the end.
fn deal(row: Row<'_>, lists: &Lists<'_>, options: &Options) -> Result<Vec<Fact>, Rejected> {
    let id = row.need("opportunity_id")?;
    let stage = row.need("deal_stage")?;
    let end = match stage.to_lowercase().as_str() {
        "won" => Some(DealKind::Won),
        "lost" => Some(DealKind::Lost),
        "engaging" | "prospecting" => None,
        _ => {
            return Err(row.wrong(
                Reason::InvalidValue,
                "deal_stage",
                stage,
                "none of Prospecting, Engaging, Won, Lost",
            ));
        }
    };
    let closed = end.map(|kind| row.need_time(&["close_date"]).map(|at| (kind, at))).transpose()?;
    let engaged = row.time("engage_date")?;
    let (opened, word) = match (engaged, closed) {
        (Some(at), _) => (at, "engaged"),
        (None, Some((_, at))) => (at, "engaged"),
        (None, None) => (lists.exported, "prospect"),
    };
    let told = told(row, id, lists, options)?;
    let stage_then = if closed.is_some() { "Engaging" } else { stage };
    let opening = DealChanged { stage: Some(stage_then.into()), ..told.clone() };
    let mut facts = vec![Fact::new(&["crm", "deal", id, word], opened, Body::DealChanged(opening))];
    if let Some((kind, at)) = closed {
        let closing = DealChanged { kind, stage: Some(stage.into()), ..told };
        facts.push(Fact::new(&["crm", "deal", id, kind.word()], at, Body::DealChanged(closing)));
    }
    Ok(facts)
}

/// What the row says of the deal besides its stage.
fn told(row: Row<'_>, id: &str, lists: &Lists<'_>, options: &Options) -> Result<DealChanged<Address>, Rejected> {
    let account = row.get("account");
    if let Some(listed) = account.and_then(|account| lists.accounts.get(account)) {
        listed.joined();
    }
    let product = row.get("product").map(|sold| match lists.products.get(&folded(sold)) {
        None => sold,
        Some(listed) => {
            listed.joined();
            listed.get("product").unwrap_or(sold)
        }
    });
    let amount_minor = row.money("close_value", options.currency)?;
    Ok(DealChanged {
        account_id: account.map(Into::into),
        amount_minor,
        currency: amount_minor.map(|_| options.currency),
        pipeline: product.map(Into::into),
        owner: row.text("sales_agent"),
        ..bare::deal_changed(id, DealKind::Created)
    })
}
