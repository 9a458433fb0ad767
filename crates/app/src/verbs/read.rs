//! The verbs that ask: `query`, `report`, `lead`, `deal`.

use super::Desk;
use super::generate::parse_day;
use crate::End;
use crate::cli::{By, Deal, Format, Global, Lead, Query, Question, Report};
use crate::config::Config;
use crate::place::Place;
use crate::render;
use anyhow::{Context as _, bail};
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
    if let Some(by) = asked.by.map(told_apart).filter(|by| !apart(asked.name).contains(by)) {
        let known: Vec<&str> = apart(asked.name).iter().map(|by| by.word()).collect();
        let known = if known.is_empty() { "nothing".to_owned() } else { known.join(", ") };
        bail!("this report does not tell \"{}\" apart; it knows {known}", by.word());
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
    let (warehouse, model, by) = (&desk.warehouse, asked.model.as_str(), asked.by.map(told_apart));
    let one = |title: &str, table: Table| vec![(title.to_owned(), table)];
    Ok(match asked.name {
        Question::Channels => {
            let mut tables = Vec::new();
            let both = [report::By::Channel, report::By::Source];
            for by in by.as_ref().map_or(&both[..], std::slice::from_ref) {
                let title = format!("Acquisition by {}, and what \"{model}\" credits", by.word());
                tables.push((title, warehouse.channels(scope, model, *by).await?));
            }
            tables
        }
        Question::Content => vec![
            (format!("Content, and what \"{model}\" credits"), warehouse.content(scope, model).await?),
            ("Which content converts (all time)".to_owned(), warehouse.content_conversion(scope).await?),
        ],
        Question::Funnel => one("Funnel", warehouse.funnel(scope, by).await?),
        Question::Velocity => one("Days from stage to stage", warehouse.velocity(scope, by).await?),
        Question::Recycled => one("Recycled and disqualified, and who came back", warehouse.recycled(scope, by).await?),
        Question::Sla => vec![
            ("Hand-offs".to_owned(), warehouse.sla(scope, asked.hours).await?),
            ("Answered too late, or should have been".to_owned(), warehouse.breaches(scope).await?),
        ],
        Question::Verdicts => one("What sales said of the hand-offs", warehouse.verdicts(scope, by).await?),
        Question::Lost => one("Why deals were lost and leads turned down", warehouse.lost(scope, model, by).await?),
        Question::Goal => {
            let target = asked.target.context("a goal needs a revenue to reach: --target 1000000")?;
            one("The path to the goal at the rates of the time", warehouse.goal(scope, target).await?)
        }
        Question::Spend => one("Spend, and what it brought", warehouse.spend(scope, model, by).await?),
        Question::Roi => one("Return on spend", warehouse.roi(scope, model).await?),
        Question::Models => one("Models side by side", warehouse.models(scope, &asked.kind).await?),
        Question::Watch => one("Conversion watch", warehouse.watched(scope).await?),
        Question::Paths => one("Paths of closed deals", warehouse.paths(scope).await?),
        Question::Reconciliation => one("Booked against credited", warehouse.reconciliation(scope).await?),
    })
}

/// What a report can tell apart.
fn apart(question: Question) -> &'static [report::By] {
    use report::By::{Campaign, Channel, Content, Definition, Month, Persona, Rep, Score, Source};
    match question {
        Question::Channels => &[Channel, Source, Campaign],
        Question::Funnel | Question::Velocity | Question::Recycled => {
            &[Channel, Source, Campaign, Content, Persona, Rep, Month]
        }
        Question::Verdicts => &[Channel, Source, Campaign, Content, Persona, Rep, Month, Score, Definition],
        Question::Lost => &[Channel, Source, Campaign, Content, Persona, Month],
        Question::Spend => &[Channel, Source, Campaign, Month],
        _ => &[],
    }
}

fn told_apart(by: By) -> report::By {
    match by {
        By::Channel => report::By::Channel,
        By::Source => report::By::Source,
        By::Campaign => report::By::Campaign,
        By::Content => report::By::Content,
        By::Persona => report::By::Persona,
        By::Rep => report::By::Rep,
        By::Month => report::By::Month,
        By::Score => report::By::Score,
        By::Definition => report::By::Definition,
    }
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
