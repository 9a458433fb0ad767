//! `smarketing import`: files into events, and the counts of what became of them.

use crate::End;
use crate::cli::{Format, Global, Import};
use crate::config::Config;
use crate::feed::{self, Outcome};
use crate::place::Place;
use crate::{remote, render, shared};
use anyhow::Context as _;
use smarketing_kernel::money::Currency;
use smarketing_kernel::text::Text;
use smarketing_schema::Context;

pub(crate) async fn run(place: &Place, config: &Config, global: &Global, asked: Import) -> anyhow::Result<End> {
    let currency = Currency::parse(&asked.currency)
        .with_context(|| format!("\"{}\" is not an ISO 4217 code such as \"USD\"", asked.currency))?;
    let format = render::format(global.format);
    if let Some(running) = place.running() {
        return remote::import(&running, &asked, format).await;
    }
    let house = shared::open_any(place, config).await?;
    let context = context(config);
    let import = || feed::import(&house.service, asked.dialect, &asked.paths, currency, &context);
    let outcome = tokio::task::block_in_place(import);
    house.close().await?;
    show(format, &outcome?)
}

/// What records are judged against now.
pub(crate) fn context(config: &Config) -> Context {
    Context { now: feed::now(), workspace: Text::from(config.raw.service.workspace.as_str()) }
}

/// Says what became of every row and every record.
pub(crate) fn show(format: Format, outcome: &Outcome) -> anyhow::Result<End> {
    let summary = outcome.summary();
    render::print(format, "Files", &outcome.files())?;
    render::print(format, "Records", &summary)?;
    let reasons = outcome.reasons();
    if !reasons.rows.is_empty() {
        render::print(format, "Rejected because", &reasons)?;
    }
    if outcome.stream.is_none() {
        eprintln!(
            "note: the records are in the journal; what becomes of them is counted by the processes that work its \
             partitions (GET /v1/status, GET /metrics)"
        );
    }
    for (field, records) in &outcome.unknown_fields {
        eprintln!("note: {records} records have a field \"{field}\" that their event does not know; it was left out");
    }
    Ok(End::Done)
}
