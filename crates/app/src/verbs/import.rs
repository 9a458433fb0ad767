//! `smarketing import`: files into events, and the counts of what became of them.

use crate::End;
use crate::cli::{Dialect, Format, Global, Import};
use crate::config::Config;
use crate::feed::{self, Outcome};
use crate::place::Place;
use crate::render::Part;
use crate::{Misused, remote, render, shared};
use anyhow::{Context as _, bail};
use smarketing_kernel::money::Currency;
use smarketing_kernel::text::Text;
use smarketing_schema::Context;

pub(crate) async fn run(place: &Place, config: &Config, global: &Global, asked: Import) -> anyhow::Result<End> {
    let currency = Currency::parse(&asked.currency)
        .with_context(|| format!("\"{}\" is not an ISO 4217 code such as \"USD\"", asked.currency))?;
    refuse_folders(&asked)?;
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

/// Whoever means a folder's files names them: which of them are events, nobody else can say.
fn refuse_folders(asked: &Import) -> anyhow::Result<()> {
    if !matches!(asked.dialect, Dialect::Events | Dialect::Spend | Dialect::Rates) {
        return Ok(());
    }
    if let Some(folder) = asked.paths.iter().find(|path| path.is_dir()) {
        let (folder, word) = (folder.display(), feed::word(asked.dialect));
        bail!(Misused(format!("\"{folder}\" is a directory, but `import {word}` takes files: name those in it")));
    }
    Ok(())
}

/// What records are judged against now.
pub(crate) fn context(config: &Config) -> Context {
    Context { now: feed::now(), workspace: Text::from(config.raw.service.workspace.as_str()) }
}

/// Says what became of every row and every record.
pub(crate) fn show(format: Format, outcome: &Outcome) -> anyhow::Result<End> {
    let summary = outcome.summary();
    let mut parts = vec![Part::new("files", "Files", outcome.files()), Part::new("records", "Records", summary)];
    let reasons = outcome.reasons();
    if !reasons.rows.is_empty() {
        parts.push(Part::new("reasons", "Rejected because", reasons));
    }
    render::print_all(format, &parts)?;
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
