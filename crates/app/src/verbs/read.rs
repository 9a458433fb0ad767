//! The verbs that ask: `query`, `report`, `lead`, `deal`.

use super::Desk;
use super::generate::parse_day;
use crate::End;
use crate::cli::{By, Deal, Format, Global, Lead, Query, Question, Report};
use crate::config::Config;
use crate::place::Place;
use crate::render;
use anyhow::bail;
use smarketing_warehouse::Table;
use smarketing_warehouse::report::{self, Scope};
use std::io::{Read as _, Write as _};

/// Longest statement `query` takes.
const SQL_BYTES: u64 = 1 << 20;

pub(crate) async fn query(place: &Place, config: &Config, global: &Global, asked: &Query) -> anyhow::Result<End> {
    let mut sql = asked.sql.clone();
    if sql == "-" {
        sql.clear();
        std::io::stdin().lock().take(SQL_BYTES).read_to_string(&mut sql)?;
    }
    let format = asked.output.as_deref().unwrap_or_else(|| match render::format(global.format) {
        Format::Table => "PrettyCompact",
        Format::Json => "JSONEachRow",
        Format::Csv => "CSVWithNames",
    });
    let desk = Desk::open(place, config).await?;
    let mut answer = desk.warehouse.query(&sql, format)?;
    let mut out = std::io::stdout().lock();
    while let Some(piece) = answer.next().await? {
        out.write_all(&piece)?;
    }
    out.flush()?;
    drop(out);
    desk.close().await;
    Ok(End::Done)
}

pub(crate) async fn report(place: &Place, config: &Config, global: &Global, asked: &Report) -> anyhow::Result<End> {
    let day = |text: &Option<String>| text.as_deref().map(parse_day).transpose();
    let scope = Scope { workspace: config.raw.service.workspace.clone(), from: day(&asked.from)?, to: day(&asked.to)? };
    let models: Vec<&str> = config.rules.models().collect();
    if !models.contains(&asked.model.as_str()) {
        bail!("\"{}\" is not one of the models {}", asked.model, models.join(", "));
    }
    let format = render::format(global.format);
    let desk = Desk::open(place, config).await?;
    for (title, table) in answer(&desk, &scope, asked).await? {
        render::print(format, &title, &table)?;
    }
    desk.close().await;
    Ok(End::Done)
}

async fn answer(desk: &Desk, scope: &Scope, asked: &Report) -> anyhow::Result<Vec<(String, Table)>> {
    let (warehouse, model) = (&desk.warehouse, asked.model.as_str());
    let one = |title: &str, table: Table| vec![(title.to_owned(), table)];
    Ok(match asked.name {
        Question::Channels => {
            let mut tables = Vec::new();
            let both = [By::Channel, By::Source];
            for by in asked.by.as_ref().map_or(&both[..], std::slice::from_ref) {
                let (word, by) = match by {
                    By::Channel => ("channel", report::By::Channel),
                    By::Source => ("source", report::By::Source),
                    By::Campaign => ("campaign", report::By::Campaign),
                };
                let title = format!("Acquisition by {word}, and what \"{model}\" credits");
                tables.push((title, warehouse.channels(scope, model, by).await?));
            }
            tables
        }
        Question::Content => one("Content", warehouse.content(scope, model).await?),
        Question::Funnel => one("Funnel", warehouse.funnel(scope).await?),
        Question::Velocity => one("Days from stage to stage", warehouse.velocity(scope).await?),
        Question::Sla => one("Hand-offs", warehouse.sla(scope, asked.hours).await?),
        Question::Roi => one("Return on spend", warehouse.roi(scope, model).await?),
        Question::Models => one("Models side by side", warehouse.models(scope, &asked.kind).await?),
        Question::Lost => one("Why deals were lost and leads turned down", warehouse.lost(scope, model).await?),
        Question::Paths => one("Paths of closed deals", warehouse.paths(scope).await?),
        Question::Reconciliation => one("Booked against credited", warehouse.reconciliation(scope).await?),
    })
}

pub(crate) async fn lead(place: &Place, config: &Config, global: &Global, asked: &Lead) -> anyhow::Result<End> {
    let workspace = &config.raw.service.workspace;
    let pepper = config.pepper(place)?;
    let id = if asked.contact_id {
        pepper.lead_of_contact(workspace, &asked.who).to_string()
    } else if asked.who.contains('@') {
        pepper.lead_of_email(workspace, &smarketing_kernel::email::normalise(&asked.who)?).to_string()
    } else {
        asked.who.to_lowercase()
    };
    let desk = Desk::open(place, config).await?;
    let page = desk.warehouse.lead(workspace, &id).await?;
    desk.close().await;
    if page.profile.rows.is_empty() {
        bail!("no lead \"{}\" in workspace \"{workspace}\" (its id would be {id})", asked.who);
    }
    let format = render::format(global.format);
    render::print(format, "Lead", &upright(&page.profile, format))?;
    render::print(format, "Timeline", &page.timeline)?;
    Ok(End::Done)
}

pub(crate) async fn deal(place: &Place, config: &Config, global: &Global, asked: &Deal) -> anyhow::Result<End> {
    let workspace = &config.raw.service.workspace;
    let desk = Desk::open(place, config).await?;
    let page = desk.warehouse.deal(workspace, &asked.id).await?;
    desk.close().await;
    if page.deal.rows.is_empty() {
        bail!("no deal \"{}\" in workspace \"{workspace}\"", asked.id);
    }
    let format = render::format(global.format);
    render::print(format, "Deal", &upright(&page.deal, format))?;
    render::print(format, "Changes", &page.history)?;
    render::print(format, "Conversions", &page.conversions)?;
    render::print(format, "Journey, and the credit of every model", &page.journey)?;
    render::print(format, "Ledger", &page.ledger)?;
    Ok(End::Done)
}

/// One wide row is easier to read as a list of its cells.
pub(crate) fn upright(table: &Table, format: Format) -> Table {
    use smarketing_warehouse::{Cell, Column, Kind};
    let [row] = table.rows.as_slice() else { return table.clone() };
    if format != Format::Table {
        return table.clone();
    }
    let column = |name: &str| Column { name: name.to_owned(), kind: Kind::Text };
    let cells = table.columns.iter().zip(row).filter(|(_, cell)| **cell != Cell::Empty);
    let pair = |(column, cell): (&Column, &Cell)| vec![Cell::Text(column.name.clone()), Cell::Text(cell.to_string())];
    Table { columns: vec![column("field"), column("value")], rows: cells.map(pair).collect() }
}
