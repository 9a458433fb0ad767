//! Advertising spend: `day, amount, currency` and any of `channel, source, medium, campaign, clicks, impressions`;
//! the amount in major units.
//!
//! A row's key is its day and what names the campaign. A file that has a key twice leaves open whether the amounts add
//! up or one corrects the other: the second row is rejected and names the first.

use super::sink::{Fact, Sink};
use super::table::{Row, Table};
use super::{Error, Import, Options};
use crate::{Reason, Rejected};
use smarketing_kernel::event::{AdSpent, Body};
use std::collections::BTreeMap;
use std::path::Path;

/// What names a campaign.
const KEY: [&str; 4] = ["channel", "source", "medium", "campaign"];

pub(super) fn read(path: &Path, options: &Options) -> Result<Import, Error> {
    let table = Table::read(path)?.with_columns(&["day", "amount", "currency"])?;
    let mut sink = Sink::new(options);
    let mut seen = BTreeMap::new();
    sink.turn_all(&table, |row| {
        let fact = spent(row, options)?;
        match seen.insert(fact.id.clone(), row.number()) {
            None => Ok(vec![fact]),
            Some(line) => {
                let problem = format!("the day and campaign of line {line} again: add the amounts up");
                Err(row.refuse(Reason::DuplicateField, &problem))
            }
        }
    });
    sink.close(&table, "no spend");
    Ok(sink.done())
}

fn spent(row: Row<'_>, options: &Options) -> Result<Fact, Rejected> {
    let day = row.need_day("day")?;
    if KEY.iter().all(|column| row.get(column).is_none()) {
        return Err(row.refuse(Reason::MissingField, "channel, source, medium and campaign are all blank"));
    }
    row.need("currency")?;
    let currency = row.currency("currency", options.currency)?;
    row.need("amount")?;
    let amount = row.money("amount", currency)?;
    let [channel, source, medium, campaign] = KEY.map(|column| row.text(column));
    let spent = AdSpent {
        day,
        channel,
        source,
        medium,
        campaign,
        amount_minor: amount.unwrap_or(0),
        currency,
        clicks: count(row, "clicks")?,
        impressions: count(row, "impressions")?,
    };
    let date = day.to_string();
    let key = KEY.map(|column| row.get(column).unwrap_or_default());
    let id: Vec<&str> = ["spend", &date].into_iter().chain(key).chain([currency.code()]).collect();
    Ok(Fact::new(&id, day.start(), Body::AdSpent(spent)))
}

fn count(row: Row<'_>, column: &str) -> Result<Option<u64>, Rejected> {
    let parse =
        |text: &str| text.parse().map_err(|_| row.wrong(Reason::InvalidValue, column, text, "no integer from 0"));
    row.get(column).map(parse).transpose()
}
