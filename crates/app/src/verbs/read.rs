//! The verbs that ask: `query`, `report`, `lead`, `deal`.

use super::Desk;
use crate::cli::{By, Deal, Format, Global, Lead, Query, Question, Report};
use crate::config::Config;
use crate::place::Place;
use crate::render::{self, Part};
use crate::{End, Misused};
use anyhow::bail;
use clap::{Parser, ValueEnum as _};
use smarketing_engine::Pepper;
use smarketing_kernel::row::ConversionKind;
use smarketing_warehouse::report::{self, Scope};
use smarketing_warehouse::{Table, Warehouse};
use smarketing_web::{Answered, Inquiry, Unanswered};
use std::io::{Read as _, Write as _};

/// Longest statement `query` takes.
const SQL_BYTES: u64 = 1 << 20;

/// The model of a report that names none.
const USUAL_MODEL: &str = "first";

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
    check(asked)?;
    let desk = Desk::open(place, config).await?;
    let answered = answer(&desk.warehouse, config, asked).await;
    desk.close().await;
    print(global, &answered?)
}

fn print(global: &Global, parts: &[Part]) -> anyhow::Result<End> {
    render::print_all(render::format(global.format), parts)?;
    Ok(End::Done)
}

/// Whether the question takes such options, tells such things apart, and has days to answer for.
fn check(asked: &Report) -> Result<(), Misused> {
    let named = word(asked.name);
    let given = [
        ("--model", asked.model.is_some()),
        ("--by", asked.by.is_some()),
        ("--kind", asked.kind.is_some()),
        ("--hours", asked.hours.is_some()),
        ("--target", asked.target.is_some()),
    ];
    let taken = options(asked.name);
    if let Some((option, _)) = given.into_iter().find(|(option, given)| *given && !taken.contains(option)) {
        let taken = [taken, &["--from", "--to"]].concat().join(", ");
        return Err(Misused(format!("report {named} does not take {option}; it takes {taken}")));
    }
    if let Some(by) = asked.by.map(told_apart).filter(|by| !apart(asked.name).contains(by)) {
        let known: Vec<&str> = apart(asked.name).iter().map(|by| by.word()).collect();
        let (by, known) = (by.word(), known.join(", "));
        return Err(Misused(format!("report {named} does not tell \"{by}\" apart; it knows {known}")));
    }
    if asked.name == Question::Goal && asked.target.is_none() {
        return Err(Misused("a goal needs a revenue to reach: --target 1000000".to_owned()));
    }
    match (asked.from, asked.to) {
        (Some(from), Some(to)) if from > to => Err(Misused(format!("--from {from} is after --to {to}"))),
        _ => Ok(()),
    }
}

/// The question as it is asked.
fn word(question: Question) -> String {
    question.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

/// What a question takes beside the days it is about.
fn options(question: Question) -> &'static [&'static str] {
    match question {
        Question::Channels | Question::Lost | Question::Spend => &["--model", "--by"],
        Question::Content | Question::Roi => &["--model"],
        Question::Funnel | Question::Velocity | Question::Recycled | Question::Verdicts => &["--by"],
        Question::Models => &["--kind"],
        Question::Sla => &["--hours"],
        Question::Goal => &["--target"],
        Question::Watch | Question::Paths | Question::Reconciliation => &[],
    }
}

/// The model that is asked for: one that there is credit of, or while there is none, one that there will be credit of.
async fn model(warehouse: &Warehouse, config: &Config, asked: &Report) -> anyhow::Result<String> {
    if !options(asked.name).contains(&"--model") {
        return Ok(String::new());
    }
    let mut known = warehouse.credited_models(&config.raw.service.workspace).await?;
    if known.is_empty() {
        known = config.rules.models().map(str::to_owned).collect();
    }
    Ok(chosen(asked.model.as_deref(), &known)?.to_owned())
}

/// The one of the `known` models that is meant; without a name the usual one, or where it is not known, the first of them.
fn chosen<'k>(asked: Option<&str>, known: &'k [String]) -> Result<&'k str, Misused> {
    let found = known.iter().find(|model| *model == asked.unwrap_or(USUAL_MODEL));
    let found = found.or_else(|| known.first().filter(|_| asked.is_none()));
    let missing = || format!("there is no model \"{}\"; there are {}", asked.unwrap_or_default(), known.join(", "));
    found.map(String::as_str).ok_or_else(|| Misused(missing()))
}

/// The tables of a report.
async fn answer(warehouse: &Warehouse, config: &Config, asked: &Report) -> anyhow::Result<Vec<Part>> {
    let scope = &Scope { workspace: config.raw.service.workspace.clone(), from: asked.from, to: asked.to };
    let (model, by) = (&*model(warehouse, config, asked).await?, asked.by.map(told_apart));
    let one = |title: &str, table: Table| vec![Part::new("", title, table)];
    Ok(match asked.name {
        Question::Channels => channels(warehouse, scope, model, by).await?,
        Question::Content => vec![
            Part::new(
                "content",
                format!("Content, and what \"{model}\" credits"),
                warehouse.content(scope, model).await?,
            ),
            Part::new(
                "all_time_conversion",
                "Which content converts (all time)",
                warehouse.content_conversion(scope).await?,
            ),
        ],
        Question::Funnel => one("Funnel", warehouse.funnel(scope, by).await?),
        Question::Velocity => one("Days from stage to stage", warehouse.velocity(scope, by).await?),
        Question::Recycled => one("Recycled and disqualified, and who came back", warehouse.recycled(scope, by).await?),
        Question::Sla => vec![
            Part::new("handoffs", "Hand-offs", warehouse.sla(scope, asked.hours).await?),
            Part::new("late", "Answered too late, or should have been", warehouse.breaches(scope).await?),
        ],
        Question::Verdicts => one("What sales said of the hand-offs", warehouse.verdicts(scope, by).await?),
        Question::Lost => one("Why deals were lost and leads turned down", warehouse.lost(scope, model, by).await?),
        Question::Goal => {
            let target = asked.target.unwrap_or_default();
            one("The path to the goal at the rates of the time", warehouse.goal(scope, target).await?)
        }
        Question::Spend => one("Spend, and what it brought", warehouse.spend(scope, model, by).await?),
        Question::Roi => one("Return on spend", warehouse.roi(scope, model).await?),
        Question::Models => {
            let kind = asked.kind.as_deref().unwrap_or_else(|| ConversionKind::Won.word());
            one("Models side by side", warehouse.models(scope, kind).await?)
        }
        Question::Watch => one("Conversion watch", warehouse.watched(scope).await?),
        Question::Paths => one("Paths of closed deals", warehouse.paths(scope).await?),
        Question::Reconciliation => one("Booked against credited", warehouse.reconciliation(scope).await?),
    })
}

/// By what `by` names; by channel and by source where it names nothing.
async fn channels(
    warehouse: &Warehouse,
    scope: &Scope,
    model: &str,
    by: Option<report::By>,
) -> anyhow::Result<Vec<Part>> {
    let both = [("by_channel", report::By::Channel), ("by_source", report::By::Source)];
    let named = by.map(|by| [("", by)]);
    let mut parts = Vec::new();
    for (name, by) in named.as_ref().map_or(&both[..], |one| &one[..]) {
        let title = format!("Acquisition by {}, and what \"{model}\" credits", by.word());
        parts.push(Part::new(name, title, warehouse.channels(scope, model, *by).await?));
    }
    Ok(parts)
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
    let Some(parts) = found else {
        bail!("{} (its id would be {id})", nobody(config, asked));
    };
    print(global, &first_upright(parts, global))
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
async fn lead_page(warehouse: &Warehouse, config: &Config, id: &str) -> anyhow::Result<Option<Vec<Part>>> {
    let page = warehouse.lead(&config.raw.service.workspace, id).await?;
    let there = !page.profile.rows.is_empty();
    let parts = || vec![Part::new("lead", "Lead", page.profile), Part::new("timeline", "Timeline", page.timeline)];
    Ok(there.then(parts))
}

pub(crate) async fn deal(place: &Place, config: &Config, global: &Global, asked: &Deal) -> anyhow::Result<End> {
    let desk = Desk::open(place, config).await?;
    let found = deal_page(&desk.warehouse, config, asked).await?;
    desk.close().await;
    let Some(parts) = found else { bail!(no_deal(config, asked)) };
    print(global, &first_upright(parts, global))
}

fn no_deal(config: &Config, asked: &Deal) -> String {
    format!("no deal \"{}\" in workspace \"{}\"", asked.id, config.raw.service.workspace)
}

/// A deal with its changes, conversions, journey and ledger, if there is one.
async fn deal_page(warehouse: &Warehouse, config: &Config, asked: &Deal) -> anyhow::Result<Option<Vec<Part>>> {
    let page = warehouse.deal(&config.raw.service.workspace, &asked.id).await?;
    let there = !page.deal.rows.is_empty();
    let parts = || {
        vec![
            Part::new("deal", "Deal", page.deal),
            Part::new("changes", "Changes", page.history),
            Part::new("conversions", "Conversions", page.conversions),
            Part::new("journey", "Journey, and the credit of every model", page.journey),
            Part::new("ledger", "Ledger", page.ledger),
        ]
    };
    Ok(there.then(parts))
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
    let failed = |error: anyhow::Error| match error.downcast::<Misused>() {
        Ok(Misused(said)) => Unanswered::Wrong(said),
        Err(error) => Unanswered::Failed(format!("{error:#}")),
    };
    let parts = match asked {
        Asked::Report(asked) => {
            check(&asked).map_err(|Misused(said)| Unanswered::Wrong(said))?;
            answer(warehouse, config, &asked).await.map_err(failed)?
        }
        Asked::Lead(asked) => {
            let pepper = config.pepper(place).map_err(failed)?;
            let id = lead_id(config, &pepper, &asked).map_err(wrong)?;
            let found = lead_page(warehouse, config, &id).await.map_err(failed)?;
            found.ok_or_else(|| Unanswered::Missing(nobody(config, &asked)))?
        }
        Asked::Deal(asked) => {
            let found = deal_page(warehouse, config, &asked).await.map_err(failed)?;
            found.ok_or_else(|| Unanswered::Missing(no_deal(config, &asked)))?
        }
    };
    let rows: usize = parts.iter().map(|part| part.table.rows.len()).sum();
    if rows > ROWS_MAX {
        return Err(Unanswered::Wrong(format!("the answer has {rows} rows, above the {ROWS_MAX} of this interface")));
    }
    let mut lines = Vec::new();
    let written = render::tables(&parts).iter().try_for_each(|table| render::json(&mut lines, table));
    written.map_err(|error| failed(error.into()))?;
    let lines = String::from_utf8(lines).map_err(|error| failed(error.into()))?;
    let cut = render::cuts(&parts);
    Ok(Answered { lines, cut: (!cut.is_empty()).then(|| cut.join(". ")) })
}

/// What is wrong, and what is allowed; the rest of the message is for terminals.
fn in_one_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let said = text.split("\n\n").next().unwrap_or_default();
    said.trim_start_matches("error: ").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// An answer whose first table is one row about what was asked for.
fn first_upright(mut parts: Vec<Part>, global: &Global) -> Vec<Part> {
    if let Some(first) = parts.first_mut() {
        first.table = upright(&first.table, render::format(global.format));
    }
    parts
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

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(words: &[&str]) -> Result<Report, String> {
        let words = ["report"].iter().chain(words);
        match Asked::try_parse_from(words) {
            Ok(Asked::Report(asked)) => Ok(asked),
            Ok(_) => panic!("a report was asked for"),
            Err(error) => Err(in_one_line(&error)),
        }
    }

    /// What is wrong with a question, if something is.
    fn said(words: &str) -> String {
        let words: Vec<&str> = words.split(' ').collect();
        asked(&words).and_then(|asked| check(&asked).map_err(|Misused(said)| said)).err().unwrap_or_default()
    }

    #[test]
    fn a_question_that_makes_no_sense_is_refused_in_a_sentence() {
        assert_eq!(said("funnel --model first"), "report funnel does not take --model; it takes --by, --from, --to");
        assert_eq!(said("watch --hours 4"), "report watch does not take --hours; it takes --from, --to");
        assert_eq!(
            said("spend --by rep"),
            "report spend does not tell \"rep\" apart; it knows channel, source, campaign, month"
        );
        assert_eq!(said("roi --from 2026-03-02 --to 2026-03-01"), "--from 2026-03-02 is after --to 2026-03-01");
        assert_eq!(said("goal"), "a goal needs a revenue to reach: --target 1000000");
        for (question, named) in [
            ("models --kind deal", "[possible values: lead, mql, sql, opportunity, won]"),
            ("roi --from 2026-02-30", "\"2026-02-30\" is not a day such as \"2026-03-01\""),
            ("sla --hours 0", "0 is not in 1.."),
            ("goal --target 0", "0 is not in 1.."),
        ] {
            assert!(said(question).contains(named), "{question}: {}", said(question));
        }
        for right in
            ["models --kind mql", "spend --by month --model x --from 2026-03-01 --to 2026-03-01", "goal --target 5"]
        {
            assert_eq!(said(right), "", "{right}");
        }
    }

    #[test]
    fn every_question_takes_its_own_options_only() {
        for question in Question::value_variants() {
            assert_eq!(options(*question).contains(&"--by"), !apart(*question).is_empty(), "{question:?}");
        }
    }

    #[test]
    fn a_model_is_one_of_those_there_are() {
        let known = ["linear", "ours", "first"].map(str::to_owned);
        assert_eq!(chosen(None, &known), Ok("first"));
        assert_eq!(chosen(None, &known[..2]), Ok("linear"));
        assert_eq!(chosen(Some("ours"), &known), Ok("ours"));
        let Err(Misused(said)) = chosen(Some("best"), &known) else { panic!("there is none") };
        assert_eq!(said, "there is no model \"best\"; there are linear, ours, first");
    }
}
