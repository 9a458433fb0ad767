//! `smarketing demo`: a generated history through the whole product, and a tour of what comes out.

use crate::End;
use crate::bar::Bar;
use crate::cli::Demo;
use crate::config::Config;
use crate::feed::{self, Feed};
use crate::house::House;
use crate::place::Place;
use crate::render;
use crate::render::say;
use crate::verbs::generate::yesterday;
use crate::verbs::{read, up};
use anyhow::{Context as _, ensure};
use smarketing_engine::intake::stream_name;
use smarketing_kernel::text::Text;
use smarketing_sim::history::Plan;
use smarketing_warehouse::report::Scope;
use smarketing_warehouse::{Cell, Table, Warehouse};
use std::path::PathBuf;

/// The models of the tour, side by side.
const MODELS: [&str; 4] = ["first", "last", "w_shaped", "linear"];

pub(crate) async fn run(config: &Config, asked: &Demo) -> anyhow::Result<End> {
    let folder = Folder::make()?;
    let place = Place::new(&folder.0);
    let house = House::open(&place, config).await?;
    let fed = tokio::task::block_in_place(|| feed(&house, config, asked));
    let toured = match fed {
        Ok(()) => tour(&house.warehouse, config).await,
        Err(error) => Err(error),
    };
    if toured.is_err() || asked.no_serve {
        say!("\nClickHouse answered at {} (user default, read-only)", house.clickhouse.url());
        house.close().await?;
        return toured.map(|()| End::Done);
    }
    say!("\nClickHouse answers at {} (user default, read-only), for example:", house.clickhouse.url());
    say!("  curl '{}/?database=smarketing' --data 'SELECT * FROM attribution LIMIT 5'", house.clickhouse.url());
    up::serve(&place, config, house).await
}

/// Generates, journals, and waits for the last acknowledged row.
fn feed(house: &House, config: &Config, asked: &Demo) -> anyhow::Result<()> {
    let workspace = Text::from(config.raw.service.workspace.as_str());
    let plan = Plan { workspace, ..Plan::demo(asked.seed, yesterday()) }.events(asked.events);
    say!("Generating a history of {} days (seed {}) …", plan.days, asked.seed);
    let stream = stream_name("demo", feed::now())?;
    let mut feed = Feed::start(house.service.intake(), stream.clone())?;
    let bar = Bar::new("generating", asked.events);
    let mut history = plan.history();
    let mut records = 0;
    for event in history.by_ref() {
        records += 1;
        bar.set(records);
        if !feed.push(Ok(event), Vec::new(), 0) {
            break;
        }
    }
    bar.finish();
    let records = feed.finish()?;
    feed::settle(&house.service)?;
    let counted = house.service.progress().stream(&stream);
    let sum = counted.applied + counted.duplicates + counted.rejected;
    ensure!(sum == records, "{records} events were journalled, but {sum} are accounted for: please report this");
    say!(
        "{records} events: {} applied, {} duplicates, {} rejected",
        counted.applied,
        counted.duplicates,
        counted.rejected
    );
    for (event, count) in history.describe() {
        say!("{count:>9}  {event}");
    }
    Ok(())
}

async fn tour(warehouse: &Warehouse, config: &Config) -> anyhow::Result<()> {
    let scope = Scope::all(&config.raw.service.workspace);
    let models = warehouse.models(&scope, "won").await?;
    show("Revenue by channel, by the model that credits it", &only(&models, &MODELS))?;
    show("Funnel", &warehouse.funnel(&scope, None).await?)?;
    if let Some(deal) = biggest_deal(warehouse).await? {
        let page = warehouse.deal(&scope.workspace, &deal).await?;
        show(&format!("Deal {deal}, explained"), &read::upright(&page.deal, crate::cli::Format::Table))?;
        show("  touch by touch", &winning(&only(&page.journey, &MODELS)))?;
    }
    reconciled(warehouse, &scope).await
}

fn show(title: &str, table: &Table) -> anyhow::Result<()> {
    Ok(render::text(&mut std::io::stdout().lock(), title, table)?)
}

/// Columns of a journey that the tour leaves out, so that it fits a terminal.
const LEFT_OUT: [&str; 7] = ["kind", "source", "medium", "campaign", "touch_kind", "touch_repeat", "lead"];

/// The touches of the win.
fn winning(journey: &Table) -> Table {
    let Some(kind) = journey.column("kind") else { return journey.clone() };
    let won = |row: &&Vec<Cell>| row.get(kind) == Some(&Cell::Text("won".to_owned()));
    let rows: Vec<Vec<Cell>> = journey.rows.iter().filter(won).cloned().collect();
    let kept = |index: &usize| !LEFT_OUT.contains(&journey.columns[*index].name.as_str());
    pick(&Table { columns: journey.columns.clone(), rows, cut: false }, kept)
}

/// A wide table without the models that are not on the tour.
fn only(table: &Table, models: &[&str]) -> Table {
    let all: Vec<String> = smarketing_attribution::Model::rule_based().into_iter().map(|model| model.id).collect();
    let dropped = |name: &str| all.iter().any(|model| model == name) && !models.contains(&name);
    pick(table, |index| !dropped(&table.columns[*index].name))
}

/// Some columns of a table.
fn pick(table: &Table, keep: impl Fn(&usize) -> bool) -> Table {
    let kept: Vec<usize> = (0..table.columns.len()).filter(keep).collect();
    Table {
        columns: kept.iter().map(|index| table.columns[*index].clone()).collect(),
        rows: table.rows.iter().map(|row| kept.iter().map(|index| row[*index].clone()).collect()).collect(),
        cut: false,
    }
}

/// The won deal with the richest journey among the biggest.
async fn biggest_deal(warehouse: &Warehouse) -> anyhow::Result<Option<String>> {
    let sql = "SELECT subject FROM conversions WHERE kind = 'won' \
               ORDER BY least(journey_length, 8) DESC, value_minor DESC, subject LIMIT 1";
    let mut answer = warehouse.query(sql, "TSV")?;
    let mut bytes = Vec::new();
    while let Some(piece) = answer.next().await? {
        bytes.extend_from_slice(&piece);
    }
    let deal = String::from_utf8(bytes).context("a deal's id is not text")?;
    Ok(Some(deal.trim_end().to_owned()).filter(|deal| !deal.is_empty()))
}

/// The line that matters most: what was booked is what was credited.
async fn reconciled(warehouse: &Warehouse, scope: &Scope) -> anyhow::Result<()> {
    let sql = "SELECT currency, sum(booked_minor), sum(credited_minor), sum(abs(difference_minor)) FROM reconciliation \
               WHERE kind = 'won' AND model = 'w_shaped' GROUP BY currency ORDER BY currency";
    let mut answer = warehouse.query(sql, "TSV")?;
    let mut bytes = Vec::new();
    while let Some(piece) = answer.next().await? {
        bytes.extend_from_slice(&piece);
    }
    say!("\nReconciliation (won deals, in minor units)");
    for line in String::from_utf8_lossy(&bytes).lines() {
        if let [currency, booked, credited, difference] = line.split('\t').collect::<Vec<_>>()[..] {
            say!("  {currency}: booked {booked} = credited {credited}, difference {difference}");
        }
    }
    let wrong = warehouse.reconciliation(scope).await?;
    let column = wrong.column("days_wrong").context("the reconciliation has no column \"days_wrong\"")?;
    let days: i128 = wrong.rows.iter().map(|row| if let Cell::Integer(days) = row[column] { days } else { 0 }).sum();
    say!("  every model, every kind, every day: {days} days with a difference");
    ensure!(days == 0, "booked and credited differ: please report this");
    Ok(())
}

/// A temporary data directory that is gone when the demo is.
struct Folder(PathBuf);

impl Folder {
    fn make() -> anyhow::Result<Self> {
        let path = std::env::temp_dir().join(format!("smarketing-demo-{}", std::process::id()));
        std::fs::create_dir_all(&path).with_context(|| format!("could not create \"{}\"", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, "could not remove the demo's folder");
        }
    }
}
