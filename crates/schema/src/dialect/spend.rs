//! Advertising spend: `day, amount, currency` and any of `channel, source, medium, campaign, clicks, impressions`;
//! the amount in major units. With a column `until` a row is the cost of all days from `day` to it, as a CRM keeps the
//! cost of a campaign: it is spread over them, and what does not divide goes to the first days, a minor unit each.
//!
//! A row's key is its day and what names the campaign. A file that has a key twice leaves open whether the amounts add
//! up or one corrects the other: the second row is rejected and names the first.

use super::sink::{Fact, Sink};
use super::table::{Row, Table};
use super::{Error, Import, Options};
use crate::{Reason, Rejected};
use smarketing_kernel::event::{AdSpent, Body};
use smarketing_kernel::time::Day;
use std::collections::BTreeMap;
use std::path::Path;

/// What names a campaign.
const KEY: [&str; 4] = ["channel", "source", "medium", "campaign"];

pub(super) fn read(path: &Path, options: &Options) -> Result<Import, Error> {
    let table = Table::read(path)?.with_columns(&["day", "amount", "currency"])?;
    let mut sink = Sink::new(options);
    let mut seen = BTreeMap::new();
    sink.turn_all(&table, |row| {
        let facts = spent(row, options)?;
        if let Some(line) = facts.iter().find_map(|fact| seen.get(&fact.id)) {
            let problem = format!("the day and campaign of line {line} again: add the amounts up");
            return Err(row.refuse(Reason::DuplicateField, &problem));
        }
        seen.extend(facts.iter().map(|fact| (fact.id.clone(), row.number())));
        Ok(facts)
    });
    sink.close(&table, "no spend");
    Ok(sink.done())
}

/// Most days that one row may be spread over.
const DAYS_MAX: i32 = 1_000;

fn spent(row: Row<'_>, options: &Options) -> Result<Vec<Fact>, Rejected> {
    let first = row.need_day("day")?;
    if KEY.iter().all(|column| row.get(column).is_none()) {
        return Err(row.refuse(Reason::MissingField, "channel, source, medium and campaign are all blank"));
    }
    row.need("currency")?;
    let currency = row.currency("currency", options.currency)?;
    row.need("amount")?;
    let amount = row.money("amount", currency)?.unwrap_or(0);
    let (clicks, impressions) = (count(row, "clicks")?, count(row, "impressions")?);
    let last = if row.get("until").is_some() { row.need_day("until")? } else { first };
    if last < first || last.0 - first.0 >= DAYS_MAX {
        let problem = format!("ends before it begins, or lasts longer than {DAYS_MAX} days");
        return Err(row.refuse(Reason::InvalidValue, &problem));
    }
    let days = i64::from(last.0 - first.0) + 1;
    let key = KEY.map(|column| row.get(column).unwrap_or_default());
    let on = |at: i64| {
        let day = Day(first.0 + i32::try_from(at).unwrap_or_default());
        let [channel, source, medium, campaign] = KEY.map(|column| row.text(column));
        let counted =
            |all: Option<u64>| all.map(|all| share(i128::from(all), days, at)).and_then(|n| n.try_into().ok());
        let spent = AdSpent {
            day,
            channel,
            source,
            medium,
            campaign,
            amount_minor: share(i128::from(amount), days, at).try_into().unwrap_or(0),
            currency,
            clicks: counted(clicks),
            impressions: counted(impressions),
        };
        let date = day.to_string();
        let id: Vec<&str> = ["spend", &date].into_iter().chain(key).chain([currency.code()]).collect();
        Fact::new(&id, day.start(), Body::AdSpent(spent))
    };
    Ok((0..days).map(on).collect())
}

/// The part of `whole` that falls on the day `at` of so many: the parts add up, the larger ones come first.
fn share(whole: i128, days: i64, at: i64) -> i128 {
    let days = i128::from(days);
    whole.div_euclid(days) + i128::from(i128::from(at) < whole.rem_euclid(days))
}

fn count(row: Row<'_>, column: &str) -> Result<Option<u64>, Rejected> {
    let parse =
        |text: &str| text.parse().map_err(|_| row.wrong(Reason::InvalidValue, column, text, "no integer from 0"));
    row.get(column).map(parse).transpose()
}
