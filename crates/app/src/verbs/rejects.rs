//! `smarketing rejects`: the dead letters.

use super::Desk;
use super::import::context;
use super::read::upright;
use crate::End;
use crate::cli::{Global, Rejects};
use crate::config::Config;
use crate::feed::{self, Feed, now};
use crate::house::House;
use crate::place::Place;
use crate::{render, shared};
use anyhow::bail;
use smarketing_engine::intake::stream_name;
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
    let house = shared::open_any(place, config).await?;
    let retried = retried(&house, config, stream, reason).await;
    house.close().await?;
    let Retried { letters, events, counted } = retried?;
    match counted {
        Some(counted) => println!(
            "{letters} dead letters: {} applied, {} already applied before, {} still not events (fix them at their source)",
            counted.applied,
            counted.duplicates,
            letters - events,
        ),
        None => println!(
            "{letters} dead letters: {events} journalled for the processes that work their partitions, {} still not \
             events (fix them at their source)",
            letters - events,
        ),
    }
    Ok(End::Done)
}

/// What became of dead letters.
struct Retried {
    letters: u64,
    /// How many are events now.
    events: u64,
    /// What became of those, where all partitions are worked here.
    counted: Option<Stream>,
}

async fn retried(
    house: &House,
    config: &Config,
    stream: Option<&str>,
    reason: Option<&str>,
) -> anyhow::Result<Retried> {
    // What an earlier retry journalled may not be delivered yet.
    tokio::task::block_in_place(|| feed::settle(&house.service))?;
    let letters = house.warehouse.dead_letters(stream, reason).await?;
    let context = context(config);
    let name = stream_name("retry", now())?;
    let mut feed = Feed::start(house.service.intake(), name.clone())?;
    let mut events = Vec::new();
    for row in &letters.rows {
        let Some((source, bytes)) = letter(&letters, row) else { continue };
        if let Ok(decoded) = decode_json(&bytes, &context) {
            feed.push(Ok(decoded.event), Vec::new(), 0);
            events.push(source);
        }
    }
    let journalled = feed.finish()?;
    // Only after the events themselves are durable: a retry that breaks off in between is repeated, and harmless.
    house.service.intake().resolve(&stream_name("resolve", now())?, events)?;
    let counted = tokio::task::block_in_place(|| feed::counted(&house.service, &name, journalled))?;
    Ok(Retried { letters: letters.rows.len() as u64, events: journalled, counted })
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
