//! Exchange rates: `day, currency, rate`, units of the reporting currency for one unit of `currency`.

use super::sink::{Fact, Sink};
use super::table::{Row, Table};
use super::{Error, Import, Options};
use crate::{Reason, Rejected};
use smarketing_kernel::event::{Body, ExchangeRateSet};
use smarketing_kernel::money::Rate;
use std::collections::BTreeMap;
use std::path::Path;

pub(super) fn read(path: &Path, options: &Options) -> Result<Import, Error> {
    let table = Table::read(path)?.with_columns(&["day", "currency", "rate"])?;
    let mut sink = Sink::new(options);
    let mut seen = BTreeMap::new();
    sink.turn_all(&table, |row| {
        let fact = rate(row, options)?;
        match seen.insert(fact.id.clone(), row.number()) {
            None => Ok(vec![fact]),
            Some(line) => {
                Err(row.refuse(Reason::DuplicateField, &format!("the day and currency of line {line} again")))
            }
        }
    });
    sink.close(&table, "no rate");
    Ok(sink.done())
}

fn rate(row: Row<'_>, options: &Options) -> Result<Fact, Rejected> {
    let day = row.need_day("day")?;
    row.need("currency")?;
    let currency = row.currency("currency", options.currency)?;
    let text = row.need("rate")?;
    let refused = || row.wrong(Reason::InvalidAmount, "rate", text, "no positive decimal of at most twelve places");
    let rate = Rate::parse(&row.decimal(text)).ok_or_else(refused)?;
    let body = Body::ExchangeRateSet(ExchangeRateSet { day, currency, rate });
    Ok(Fact::new(&["rate", &day.to_string(), currency.code()], day.start(), body))
}
