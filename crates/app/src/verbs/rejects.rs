//! `smarketing rejects`: the dead letters.

use super::Desk;
use super::import::context;
use super::read::upright;
use crate::End;
use crate::cli::{Global, Rejects};
use crate::config::Config;
use crate::feed::{self, Feed, stream_name};
use crate::house::House;
use crate::place::Place;
use crate::render;
use anyhow::bail;
use smarketing_kernel::entry::Source;
use smarketing_kernel::step::Stream;
use smarketing_kernel::text::Text;
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
            upright(&found, format)
        }
    };
    render::print(format, "Rejects", &found)?;
    Ok(End::Done)
}

/// Decodes dead letters again. What is an event now is applied and no dead letter any more; event ids make a second
/// retry harmless.
async fn retry(place: &Place, config: &Config, stream: Option<&str>, reason: Option<&str>) -> anyhow::Result<End> {
    if place.running().is_some() {
        bail!("the service of this data directory is running; stop it for a retry");
    }
    let house = House::open(place, config).await?;
    let retried = retried(&house, config, stream, reason).await;
    house.close().await?;
    let (letters, counted) = retried?;
    println!(
        "{letters} dead letters: {} applied, {} already applied before, {} still not events (fix them at their source)",
        counted.applied,
        counted.duplicates,
        letters - counted.applied - counted.duplicates,
    );
    Ok(End::Done)
}

/// How many dead letters there were, and what became of those that are events now.
async fn retried(
    house: &House,
    config: &Config,
    stream: Option<&str>,
    reason: Option<&str>,
) -> anyhow::Result<(u64, Stream)> {
    // What an earlier retry journalled may not be delivered yet.
    tokio::task::block_in_place(|| feed::settle(&house.service))?;
    let letters = house.warehouse.dead_letters(stream, reason).await?;
    let context = context(config);
    let name = stream_name("retry");
    let mut feed = Feed::start(house.service.intake(), name.clone())?;
    let mut events = Vec::new();
    for row in &letters.rows {
        let Some((source, bytes)) = letter(&letters, row) else { continue };
        if let Ok(decoded) = decode_json(&bytes, &context) {
            feed.push(Ok(decoded.event), Vec::new(), 0);
            events.push(source);
        }
    }
    feed.finish()?;
    // Only after the events themselves are durable: a retry that breaks off in between is repeated, and harmless.
    house.service.intake().resolve(&stream_name("resolve"), events)?;
    tokio::task::block_in_place(|| feed::settle(&house.service))?;
    Ok((letters.rows.len() as u64, house.service.progress().stream(&name)))
}

/// Where a dead letter came from and its bytes, if they were kept whole.
fn letter(table: &Table, row: &[Cell]) -> Option<(Source, Vec<u8>)> {
    let cell = |name: &str| table.column(name).and_then(|index| row.get(index));
    let (Some(Cell::Text(stream)), Some(Cell::Integer(position))) = (cell("stream"), cell("position")) else {
        return None;
    };
    let (Some(Cell::Text(hex)), Some(Cell::Integer(length))) = (cell("bytes_hex"), cell("length")) else { return None };
    let digits = hex.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
    let bytes = digits.collect::<Option<Vec<u8>>>()?;
    let source = Source { stream: Text::from(stream.as_str()), position: u64::try_from(*position).ok()? };
    (usize::try_from(*length).ok()? == bytes.len()).then_some((source, bytes))
}
