//! The verbs that ask: `query`, `report`, `lead`, `deal`.

use super::Desk;
use super::generate::parse_day;
use crate::End;
use crate::cli::{By, Deal, Format, Global, Lead, Query, Question, Report};
use crate::config::Config;
use crate::place::Place;
use crate::render;
use anyhow::bail;
use clap::Parser;
use smarketing_engine::Pepper;
use smarketing_warehouse::report::{self, Scope};
use smarketing_warehouse::{Table, Warehouse};
use smarketing_web::{Answered, Inquiry, Unanswered};
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
    check(config, asked)?;
    let desk = Desk::open(place, config).await?;
    let tables = answer(&desk.warehouse, config, asked).await?;
    desk.close().await;
    print(global, &tables)
}

fn print(global: &Global, tables: &[(String, Table)]) -> anyhow::Result<End> {
    let format = render::format(global.format);
    for (title, table) in tables {
        render::print(format, title, table)?;
    }
    Ok(End::Done)
}

/// Whether there is such a model, such days, and such a thing to tell apart.
fn check(config: &Config, asked: &Report) -> anyhow::Result<Scope> {
    let models: Vec<&str> = config.rules.models().collect();
    if !models.contains(&asked.model.as_str()) {
        bail!("\"{}\" is not one of the models {}", asked.model, models.join(", "));
    }
    if let Some(by) = asked.by.map(told_apart).filter(|by| !apart(asked.name).contains(by)) {
        let known: Vec<&str> = apart(asked.name).iter().map(|by| by.word()).collect();
        let known = if known.is_empty() { "nothing".to_owned() } else { known.join(", ") };
        bail!("this report does not tell \"{}\" apart; it knows {known}", by.word());
    }
    if asked.name == Question::Goal && asked.target.is_none() {
        bail!("a goal needs a revenue to reach: --target 1000000");
    }
    let day = |text: &Option<String>| text.as_deref().map(parse_day).transpose();
    Ok(Scope { workspace: config.raw.service.workspace.clone(), from: day(&asked.from)?, to: day(&asked.to)? })
}

/// The tables of a report, each with its title.
async fn answer(warehouse: &Warehouse, config: &Config, asked: &Report) -> anyhow::Result<Vec<(String, Table)>> {
    let scope = &check(config, asked)?;
    let (model, by) = (asked.model.as_str(), asked.by.map(told_apart));
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
            let target = asked.target.unwrap_or_default();
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
    use report::By::{AccountSegment, Campaign, Channel, Content, Definition, Month, Persona, Rep, Score, Source};
    match question {
        Question::Channels => &[Channel, Source, Campaign],
        Question::Funnel | Question::Velocity | Question::Recycled => {
            &[Channel, Source, Campaign, Content, Persona, AccountSegment, Rep, Month]
        }
        Question::Verdicts => {
            &[Channel, Source, Campaign, Content, Persona, AccountSegment, Rep, Month, Score, Definition]
        }
        Question::Lost => &[Channel, Source, Campaign, Content, Persona, AccountSegment, Month],
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
        By::AccountSegment => report::By::AccountSegment,
        By::Rep => report::By::Rep,
        By::Month => report::By::Month,
        By::Score => report::By::Score,
        By::Definition => report::By::Definition,
    }
}

pub(crate) async fn lead(place: &Place, config: &Config, global: &Global, asked: &Lead) -> anyhow::Result<End> {
    let pepper = config.pepper(place)?;
    let id = lead_id(config, &pepper, asked)?;
    let desk = Desk::open(place, config).await?;
    let found = lead_page(&desk.warehouse, config, &id).await?;
    desk.close().await;
    let Some([(title, profile), timeline]) = found else {
        bail!("{} (its id would be {id})", nobody(config, asked));
    };
    let format = render::format(global.format);
    print(global, &[(title, upright(&profile, format)), timeline])
}

fn nobody(config: &Config, asked: &Lead) -> String {
    format!("no lead \"{}\" in workspace \"{}\"", asked.who, config.raw.service.workspace)
}

fn lead_id(config: &Config, pepper: &Pepper, asked: &Lead) -> anyhow::Result<String> {
    let workspace = &config.raw.service.workspace;
    Ok(if asked.contact_id {
        pepper.lead_of_contact(workspace, &asked.who).to_string()
    } else if asked.who.contains('@') {
        pepper.lead_of_email(workspace, &smarketing_schema::address(&asked.who)?).to_string()
    } else {
        asked.who.to_lowercase()
    })
}

/// Profile and timeline of a lead, if there is one.
async fn lead_page(warehouse: &Warehouse, config: &Config, id: &str) -> anyhow::Result<Option<[(String, Table); 2]>> {
    let page = warehouse.lead(&config.raw.service.workspace, id).await?;
    let there = !page.profile.rows.is_empty();
    Ok(there.then(|| [("Lead".to_owned(), page.profile), ("Timeline".to_owned(), page.timeline)]))
}

pub(crate) async fn deal(place: &Place, config: &Config, global: &Global, asked: &Deal) -> anyhow::Result<End> {
    let desk = Desk::open(place, config).await?;
    let found = deal_page(&desk.warehouse, config, asked).await?;
    desk.close().await;
    let Some(mut tables) = found else { bail!(no_deal(config, asked)) };
    if let Some((_, deal)) = tables.first_mut() {
        *deal = upright(deal, render::format(global.format));
    }
    print(global, &tables)
}

fn no_deal(config: &Config, asked: &Deal) -> String {
    format!("no deal \"{}\" in workspace \"{}\"", asked.id, config.raw.service.workspace)
}

/// A deal with its changes, conversions, journey and ledger, if there is one.
async fn deal_page(
    warehouse: &Warehouse,
    config: &Config,
    asked: &Deal,
) -> anyhow::Result<Option<Vec<(String, Table)>>> {
    let page = warehouse.deal(&config.raw.service.workspace, &asked.id).await?;
    let there = !page.deal.rows.is_empty();
    let tables = || {
        vec![
            ("Deal", page.deal),
            ("Changes", page.history),
            ("Conversions", page.conversions),
            ("Journey, and the credit of every model", page.journey),
            ("Ledger", page.ledger),
        ]
    };
    Ok(there.then(|| tables().into_iter().map(|(title, table)| (title.to_owned(), table)).collect()))
}

/// The verbs that readers may ask over HTTP, with the same options.
#[derive(Parser)]
#[command(no_binary_name = true, disable_help_flag = true, disable_help_subcommand = true)]
enum Asked {
    Report(Report),
    Lead(Lead),
    Deal(Deal),
}

/// Most rows of an answer over HTTP.
const ROWS_MAX: usize = 50_000;

/// Answers over HTTP what the command line would print with `--format json`.
pub(crate) async fn ask(
    warehouse: &Warehouse,
    config: &Config,
    place: &Place,
    inquiry: &Inquiry,
) -> Result<Answered, Unanswered> {
    let flags = inquiry.options.iter().map(|(name, value)| {
        let name = name.replace('_', "-");
        if value.is_empty() { format!("--{name}") } else { format!("--{name}={value}") }
    });
    let words = [inquiry.verb.to_owned()].into_iter().chain(flags);
    let words = words.chain(["--".to_owned(), inquiry.subject.clone()]);
    let asked = Asked::try_parse_from(words).map_err(|error| Unanswered::Wrong(in_one_line(&error)))?;
    let wrong = |error: anyhow::Error| Unanswered::Wrong(format!("{error:#}"));
    let failed = |error: anyhow::Error| Unanswered::Failed(format!("{error:#}"));
    let tables = match asked {
        Asked::Report(asked) => {
            check(config, &asked).map_err(wrong)?;
            answer(warehouse, config, &asked).await.map_err(failed)?
        }
        Asked::Lead(asked) => {
            let pepper = config.pepper(place).map_err(failed)?;
            let id = lead_id(config, &pepper, &asked).map_err(wrong)?;
            let found = lead_page(warehouse, config, &id).await.map_err(failed)?;
            found.map(Vec::from).ok_or_else(|| Unanswered::Missing(nobody(config, &asked)))?
        }
        Asked::Deal(asked) => {
            let found = deal_page(warehouse, config, &asked).await.map_err(failed)?;
            found.ok_or_else(|| Unanswered::Missing(no_deal(config, &asked)))?
        }
    };
    let rows: usize = tables.iter().map(|(_, table)| table.rows.len()).sum();
    if rows > ROWS_MAX {
        return Err(Unanswered::Wrong(format!("the answer has {rows} rows, above the {ROWS_MAX} of this interface")));
    }
    let mut lines = Vec::new();
    let written = tables.iter().try_for_each(|(_, table)| render::json(&mut lines, table));
    written.map_err(|error| failed(error.into()))?;
    let lines = String::from_utf8(lines).map_err(|error| failed(error.into()))?;
    let cut: Vec<String> = tables.iter().filter_map(|(title, table)| render::cut(title, table)).collect();
    Ok(Answered { lines, cut: (!cut.is_empty()).then(|| cut.join(". ")) })
}

/// What is wrong, and what is allowed; the rest of the message is for terminals.
fn in_one_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let said = text.split("\n\n").next().unwrap_or_default();
    said.trim_start_matches("error: ").split_whitespace().collect::<Vec<_>>().join(" ")
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
    Table { columns: vec![column("field"), column("value")], rows: cells.map(pair).collect(), cut: false }
}
