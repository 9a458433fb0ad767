//! `smarketing check`: is the configuration right, does everything answer, what do the values come from.

use super::Desk;
use super::import::context;
use crate::End;
use crate::cli::{Check, Format, Global};
use crate::config::Config;
use crate::house::{Engine, options};
use crate::place::Place;
use crate::render;
use anyhow::Context as _;
use smarketing_schema::read_events;
use smarketing_warehouse::{Cell, Column, Kind, Table, Warehouse};
use std::collections::BTreeMap;

pub(crate) async fn run(place: &Place, config: &Config, global: &Global, asked: &Check) -> anyhow::Result<End> {
    let mut findings = config.warnings.clone();
    let format = render::format(global.format);
    let values = if format == Format::Table { wrapped(&values(config)) } else { values(config) };
    render::print(format, "Effective configuration", &values)?;
    if let Some(path) = &asked.events {
        findings.extend(unknown_fields(config, path)?);
    }
    if !asked.offline {
        findings.extend(connections(place, config).await?);
        findings.extend(brokers(config).await);
        findings.extend(registries(config).await);
        findings.extend(snapshots(config).await);
    }
    for finding in &findings {
        eprintln!("found: {finding}");
    }
    Ok(if findings.is_empty() { End::Done } else { End::Found })
}

fn values(config: &Config) -> Table {
    let column = |name: &str| Column { name: name.to_owned(), kind: Kind::Text };
    let row = |(path, (value, origin)): (&String, &(String, crate::config::Origin))| {
        vec![Cell::Text(path.clone()), Cell::Text(value.clone()), Cell::Text(origin.to_string())]
    };
    Table {
        columns: vec![column("key"), column("value"), column("from")],
        rows: config.values.iter().map(row).collect(),
        cut: false,
    }
}

/// How wide a terminal is taken to be, and how much of it a key and the name of a variable may take.
const WIDTH: usize = 100;
const KEY_WIDTH: usize = 44;
const ORIGIN_WIDTH: usize = 24;

/// The same with long cells on several rows, so that no line is wider than a terminal.
fn wrapped(table: &Table) -> Table {
    let widest = |at: usize| table.rows.iter().map(|row| row[at].to_string().chars().count()).max().unwrap_or(0);
    let (key, from) = (widest(0).min(KEY_WIDTH), widest(2).min(ORIGIN_WIDTH));
    // Two blanks between columns.
    let widths = [key, WIDTH - key - from - 4, from];
    let rows = table.rows.iter().flat_map(|row| {
        let cells = row.iter().zip(widths).map(|(cell, width)| pieces(&cell.to_string(), width));
        let cells: Vec<Vec<String>> = cells.collect();
        let piece =
            |cell: &Vec<String>, line: usize| cell.get(line).map_or(Cell::Empty, |text| Cell::Text(text.clone()));
        let lines = cells.iter().map(Vec::len).max().unwrap_or(0);
        (0..lines).map(|line| cells.iter().map(|cell| piece(cell, line)).collect()).collect::<Vec<Vec<Cell>>>()
    });
    Table { columns: table.columns.clone(), rows: rows.collect(), cut: false }
}

/// A text in pieces of at most so many letters, cut behind a blank or an underscore where there is one.
fn pieces(text: &str, most: usize) -> Vec<String> {
    let letters: Vec<char> = text.chars().collect();
    let (mut rest, mut pieces) = (letters.as_slice(), Vec::new());
    while rest.len() > most {
        let (line, _) = rest.split_at(most);
        let cut = line.iter().rposition(|letter| matches!(letter, ' ' | '_')).map_or(most, |at| at + 1);
        let (line, after) = rest.split_at(cut);
        pieces.push(line.iter().collect());
        rest = after;
    }
    pieces.push(rest.iter().collect());
    pieces
}

/// The engine answers, the tables are current, the definitions are those of the data.
async fn connections(place: &Place, config: &Config) -> anyhow::Result<Vec<String>> {
    if config.has_server() {
        if let Err(error) = server(config).await {
            return Ok(vec![format!("{error:#}")]);
        }
    } else if let Err(error) = smarketing_chbox::find_library(None) {
        return Ok(vec![error.to_string()]);
    }
    let Some(layout) = place.layout()? else {
        eprintln!("the data directory is new; there are no tables of its own yet");
        return Ok(Vec::new());
    };
    let mut findings = Vec::new();
    findings.extend(config.pepper(place).err().map(|error| error.to_string()));
    findings.extend(layout.outdated(config)?.map(|why| format!("{why}: run `smarketing replay`")));
    let desk = Desk::open(place, config).await?;
    let rejects = desk.warehouse.rejects().await.context("the warehouse does not answer")?;
    desk.close().await;
    if !rejects.rows.is_empty() {
        findings.push("there are rejects: see `smarketing rejects list`".to_owned());
    }
    Ok(findings)
}

/// The configured server answers, and lets in whoever asks.
async fn server(config: &Config) -> anyhow::Result<()> {
    let engine = Engine::Server(config.raw.clickhouse.url.clone());
    let warehouse = Warehouse::connect(options(&engine, config, 1)).await;
    let warehouse = warehouse.with_context(|| format!("could not connect to ClickHouse at {}", engine.url()))?;
    warehouse.query("SELECT 1", "TSV")?.next().await?;
    Ok(())
}

/// The brokers, where some are configured, answer and let us in.
async fn brokers(config: &Config) -> Vec<String> {
    let kafka = &config.raw.kafka;
    let own = (!kafka.brokers.is_empty()).then(|| ("kafka.brokers".to_owned(), kafka.cluster(), kafka.journal.clone()));
    let others = kafka.sources.iter().filter_map(|(name, source)| {
        Some((format!("kafka.sources.{name}"), source.cluster(), source.topics.keys().next()?.clone()))
    });
    let mut findings = Vec::new();
    for (key, cluster, topic) in own.into_iter().chain(others) {
        let answered = crate::shared::knock(&cluster, &topic).await;
        findings.extend(answered.err().map(|error| format!("{key}: {error:#}")));
    }
    findings
}

/// The schema registries, where some are configured, answer and let us in.
async fn registries(config: &Config) -> Vec<String> {
    let mut findings = Vec::new();
    for (key, address) in config.raw.kafka.registries() {
        findings.extend(address.knock().await.err().map(|error| format!("{key}: {error}")));
    }
    findings
}

/// The object store of snapshots, where one is configured, answers and lets us in.
async fn snapshots(config: &Config) -> Option<String> {
    match crate::shared::closed_shelter(config, &config.raw.kafka.cluster()) {
        Ok(shelter) => shelter?.knock().await.err().map(|error| error.to_string()),
        Err(error) => Some(error.to_string()),
    }
}

/// Fields of a file of events that no event knows, and records that would be rejected.
fn unknown_fields(config: &Config, path: &std::path::Path) -> anyhow::Result<Vec<String>> {
    let file = std::fs::File::open(path).with_context(|| format!("could not open \"{}\"", path.display()))?;
    let context = context(config);
    let mut found: BTreeMap<String, u64> = BTreeMap::new();
    for record in read_events(file, &context) {
        match record.outcome {
            Ok(decoded) => decoded.unknown_fields.into_iter().for_each(|field| {
                *found
                    .entry(format!("field \"{field}\" is not known to its event and would be left out"))
                    .or_default() += 1;
            }),
            Err(rejected) => *found.entry(format!("{rejected}")).or_default() += 1,
        }
    }
    Ok(found.into_iter().map(|(what, records)| format!("{what} ({records} records)")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_wider_than_a_terminal_and_nothing_is_lost() {
        let cell = |text: &str| Cell::Text(text.to_owned());
        let models = format!("[{}]", vec!["\"half_life_of_a_fortnight\""; 30].join(", "));
        let rows = vec![
            vec![cell("definitions.models"), cell(&models), cell("SMARKETING__DEFINITIONS__MODELS")],
            vec![
                cell(&format!("kafka.sources.{}.schema_registry_authorization", "x".repeat(40))),
                cell(&"ü".repeat(250)),
                cell("default"),
            ],
            vec![cell("collector.origins"), cell("[]"), cell("file")],
        ];
        let columns = ["key", "value", "from"].map(|name| Column { name: name.to_owned(), kind: Kind::Text });
        let table = Table { columns: columns.to_vec(), rows, cut: false };
        let narrow = wrapped(&table);
        let mut out = Vec::new();
        render::text(&mut out, "", &narrow).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
        let column = |table: &Table, at: usize| table.rows.iter().map(|row| row[at].to_string()).collect::<String>();
        assert_eq!([0, 1, 2].map(|at| column(&narrow, at)), [0, 1, 2].map(|at| column(&table, at)));
        assert_eq!(narrow.rows.last(), table.rows.last());
    }
}
