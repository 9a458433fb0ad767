//! `smarketing rejects`: the dead letters.

use super::Desk;
use super::import::context;
use crate::End;
use crate::cli::{Global, Rejects};
use crate::config::Config;
use crate::feed::{self, Feed, stream_name};
use crate::house::House;
use crate::place::Place;
use crate::render;
use anyhow::bail;
use smarketing_schema::decode_json;
use smarketing_warehouse::{Cell, Table};

pub(crate) async fn run(place: &Place, config: &Config, global: &Global, asked: &Rejects) -> anyhow::Result<End> {
    let format = render::format(global.format);
    let found = match asked {
        Rejects::Retry { stream, reason } => return retry(place, config, stream.as_deref(), reason.as_deref()).await,
        Rejects::List => {
            let desk = Desk::open(place, config).await?;
            let found = desk.warehouse.rejects().await;
            desk.close().await;
            found?
        }
        Rejects::Show { stream, position } => {
            let desk = Desk::open(place, config).await?;
            let found = desk.warehouse.reject(stream, *position).await;
            desk.close().await;
            let found = found?;
            if found.rows.is_empty() {
                bail!("there is no reject at position {position} of stream \"{stream}\"");
            }
            read_upright(&found, format)
        }
    };
    render::print(format, "Rejects", &found)?;
    Ok(End::Done)
}

fn read_upright(table: &Table, format: crate::cli::Format) -> Table {
    super::read::upright(table, format)
}

/// Decodes dead letters again. What is an event now is applied; its id makes a second retry harmless.
async fn retry(place: &Place, config: &Config, stream: Option<&str>, reason: Option<&str>) -> anyhow::Result<End> {
    if place.running().is_some() {
        bail!("the service of this data directory is running; stop it for a retry");
    }
    let house = House::open(place, config).await?;
    let letters = house.warehouse.dead_letters(stream, reason).await?;
    let context = context(config);
    let name = stream_name("retry");
    let mut feed = Feed::start(house.service.intake(), name.clone())?;
    let mut still = 0;
    for row in &letters.rows {
        match bytes(&letters, row).map(|bytes| decode_json(&bytes, &context)) {
            Some(Ok(decoded)) => {
                feed.push(Ok(decoded.event), Vec::new(), 0);
            }
            Some(Err(_)) | None => still += 1,
        }
    }
    let sent = feed.finish()?;
    tokio::task::block_in_place(|| feed::settle(&house.service))?;
    let counted = house.service.progress().stream(&name);
    house.close().await?;
    println!(
        "{} dead letters: {} applied, {} already applied before, {still} still not events (fix them at their source)",
        letters.rows.len(),
        counted.applied,
        counted.duplicates
    );
    debug_assert_eq!(sent, counted.applied + counted.duplicates);
    Ok(End::Done)
}

/// The bytes of a dead letter, if they were kept whole.
fn bytes(table: &Table, row: &[Cell]) -> Option<Vec<u8>> {
    let cell = |name: &str| table.column(name).and_then(|index| row.get(index));
    let (Some(Cell::Text(hex)), Some(Cell::Integer(length))) = (cell("bytes_hex"), cell("length")) else { return None };
    let digits = hex.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
    let bytes = digits.collect::<Option<Vec<u8>>>()?;
    (usize::try_from(*length).ok()? == bytes.len()).then_some(bytes)
}
