//! `smarketing rejects`: the dead letters.

use super::Desk;
use super::import::context;
use super::read::upright;
use crate::End;
use crate::cli::{Global, Rejects};
use crate::config::Config;
use crate::feed::{self, Feed, now};
use crate::place::Place;
use crate::render::say;
use crate::{remote, render, shared};
use anyhow::bail;
use serde::{Deserialize, Serialize};
use smarketing_engine::Service;
use smarketing_engine::intake::stream_name;
use smarketing_engine::kafka::RegistryAway;
use smarketing_kernel::entry::Source;
use smarketing_kernel::step::Stream;
use smarketing_kernel::text::Text;
use smarketing_warehouse::{Cell, Table, Warehouse};
use smarketing_web::RetryRequest;
use tokio::runtime::Handle;

pub(crate) async fn run(place: &Place, config: &Config, global: &Global, asked: &Rejects) -> anyhow::Result<End> {
    let format = render::format(global.format);
    let found = match asked {
        Rejects::Retry { stream, reason } => {
            let asked = RetryRequest { stream: stream.clone(), reason: reason.clone() };
            return retry(place, config, &asked).await;
        }
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
async fn retry(place: &Place, config: &Config, asked: &RetryRequest) -> anyhow::Result<End> {
    let retried = if let Some(running) = place.running() {
        remote::retry(&running, asked).await?
    } else {
        let house = shared::open_any(place, config).await?;
        let runtime = Handle::current();
        let work = || retried(&house.service, &house.warehouse, config, &runtime, asked);
        let retried = tokio::task::block_in_place(work);
        house.close().await?;
        retried?
    };
    let Retried { letters, events, counted, waiting } = retried;
    let became = match counted {
        Some(counted) => format!("{} applied, {} already applied before", counted.applied, counted.duplicates),
        None => format!("{events} journalled for the processes that work their partitions"),
    };
    let still = letters - events - waiting;
    say!("{letters} dead letters: {became}, {still} still not events (fix them at their source)");
    if waiting > 0 {
        bail!("{waiting} of them name schemas of a registry that does not answer now: repeat it later");
    }
    Ok(End::Done)
}

/// What became of dead letters.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Retried {
    letters: u64,
    /// How many are events now.
    events: u64,
    /// How many nothing can be said of now, because their schema registry does not answer.
    waiting: u64,
    /// What became of the events, where all partitions are worked here.
    counted: Option<Stream>,
}

/// Does it in an open house. Must be called where it may block.
pub(crate) fn retried(
    service: &Service,
    warehouse: &Warehouse,
    config: &Config,
    runtime: &Handle,
    asked: &RetryRequest,
) -> anyhow::Result<Retried> {
    // What an earlier retry journalled may not be delivered yet.
    feed::settle(service)?;
    let context = context(config);
    let mut again = shared::again(config, runtime);
    let name = stream_name("retry", now())?;
    let mut feed = Feed::start(service.intake(), name.clone())?;
    let (mut retried, mut resolved) = (Retried::default(), Vec::new());
    let mut last: Option<Source> = None;
    loop {
        let after = last.as_ref().map(|Source { stream, position }| (stream.as_str(), *position));
        let next = warehouse.dead_letters(asked.stream.as_deref(), asked.reason.as_deref(), after);
        let letters = runtime.block_on(next)?;
        for row in &letters.rows {
            retried.letters += 1;
            let Some(Letter { source, bytes }) = letter(&letters, row) else {
                bail!("a dead letter is not understood")
            };
            last = Some(source.clone());
            match bytes.map(|bytes| again.decode(&source.stream, &bytes, &context)) {
                Some(Ok(Ok(event))) => {
                    feed.push(Ok(event), Vec::new(), 0);
                    resolved.push(source);
                }
                Some(Err(RegistryAway)) => retried.waiting += 1,
                Some(Ok(Err(_))) | None => {}
            }
        }
        if letters.rows.is_empty() {
            break;
        }
    }
    retried.events = feed.finish()?;
    // Only after the events themselves are durable: a retry that breaks off in between is repeated, and harmless.
    service.intake().resolve(&stream_name("resolve", now())?, resolved)?;
    retried.counted = feed::counted(service, &name, retried.events)?;
    Ok(retried)
}

/// A dead letter.
struct Letter {
    source: Source,
    /// `None` where they were not kept whole.
    bytes: Option<Vec<u8>>,
}

fn letter(table: &Table, row: &[Cell]) -> Option<Letter> {
    let cell = |name: &str| table.column(name).and_then(|index| row.get(index));
    let (Some(Cell::Text(stream)), Some(Cell::Integer(position))) = (cell("stream"), cell("position")) else {
        return None;
    };
    let (Some(Cell::Text(hex)), Some(Cell::Integer(length))) = (cell("bytes_hex"), cell("length")) else { return None };
    let digits = hex.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
    let bytes = digits.collect::<Option<Vec<u8>>>()?;
    let whole = usize::try_from(*length).ok()? == bytes.len();
    let source = Source { stream: Text::from(stream.as_str()), position: u64::try_from(*position).ok()? };
    Some(Letter { source, bytes: whole.then_some(bytes) })
}
