//! `smarketing watch`, and the rounds a running service makes by itself.

use super::generate::parse_day;
use super::{Desk, gauges};
use crate::End;
use crate::cli::{Global, Watch};
use crate::config::Config;
use crate::place::Place;
use crate::{feed, remote, render};
use smarketing_engine::Progress;
use smarketing_kernel::time::Day;
use smarketing_kernel::watch::Evaluation;
use smarketing_warehouse::report::Scope;
use smarketing_warehouse::{MIGRATIONS, Warehouse};
use std::sync::Arc;
use std::time::Duration;

pub(crate) async fn run(place: &Place, config: &Config, global: &Global, asked: &Watch) -> anyhow::Result<End> {
    let day = asked.day.as_deref().map_or_else(|| Ok(feed::now().day()), parse_day)?;
    let desk = Desk::open(place, config).await?;
    let evaluated = match place.running() {
        Some(running) => remote::watch(&running, day).await,
        None => evaluate_alone(&desk.warehouse, config, day).await,
    };
    let scope = Scope { to: Some(day), ..Scope::all(&config.raw.service.workspace) };
    let found = desk.warehouse.watched(&scope).await;
    desk.close().await;
    evaluated?;
    render::print(render::format(global.format), "Conversion watch", &found?)?;
    Ok(End::Done)
}

/// The tables may be those of an older build.
async fn evaluate_alone(warehouse: &Warehouse, config: &Config, day: Day) -> anyhow::Result<()> {
    warehouse.migrate(MIGRATIONS).await?;
    warehouse.publish().await?;
    evaluate(warehouse, config, day).await.map(|_| ())
}

/// One evaluation; alarms that were raised or ended on the day are said aloud.
pub(crate) async fn evaluate(warehouse: &Warehouse, config: &Config, day: Day) -> anyhow::Result<Vec<Evaluation>> {
    let found = warehouse.watch(&config.raw.service.workspace, &config.watch, day, feed::now()).await?;
    for one in found.iter().filter(|one| one.alarm && one.alarm_since == Some(day)) {
        let change = one.reading.map_or(0, |reading| reading.change_ppm() / 10_000);
        let cause = one.cause.as_ref().map(|cause| &*cause.segment.value).unwrap_or_default();
        tracing::warn!(
            from = one.stage.word(),
            to = one.next_stage.word(),
            segment = &*one.segment.value,
            change_percent = change,
            cause,
            "conversion fell; see `smarketing report watch`"
        );
    }
    Ok(found)
}

/// How often the monitor is told what the warehouse and the disk know, whatever the watch does. The books are read whole.
const TOLD_EVERY: Duration = Duration::from_secs(3_600);

/// Evaluates, and tells the monitor what the warehouse knows.
pub(crate) async fn round(
    warehouse: &Warehouse,
    config: &Config,
    place: &Place,
    progress: &Progress,
    day: Day,
) -> anyhow::Result<usize> {
    let found = evaluate(warehouse, config, day).await?;
    if let Some(metrics) = progress.metrics() {
        gauges::watch(metrics, &found, feed::now());
    }
    tell(warehouse, place, progress, day).await?;
    Ok(found.iter().filter(|one| one.alarm).count())
}

/// Tells the monitor of the books, the hand-offs and the disk.
async fn tell(warehouse: &Warehouse, place: &Place, progress: &Progress, day: Day) -> anyhow::Result<()> {
    let Some(metrics) = progress.metrics() else { return Ok(()) };
    gauges::stores(metrics, place);
    gauges::health(metrics, &warehouse.health(day).await?);
    Ok(())
}

/// Evaluates, and tells the monitor, at once and then every so often, until it is dropped. What goes wrong is tried
/// again next time.
pub(crate) async fn rounds(warehouse: Warehouse, config: Config, place: Place, progress: Arc<Progress>) {
    tokio::join!(tellings(&warehouse, &place, &progress), evaluations(&warehouse, &config, &place, &progress));
}

async fn tellings(warehouse: &Warehouse, place: &Place, progress: &Progress) {
    loop {
        if let Err(error) = tell(warehouse, place, progress, feed::now().day()).await {
            tracing::warn!(%error, "could not tell the monitor what the warehouse knows");
        }
        tokio::time::sleep(TOLD_EVERY).await;
    }
}

async fn evaluations(warehouse: &Warehouse, config: &Config, place: &Place, progress: &Progress) {
    let Some(every) = config.raw.watch.every_minutes.checked_mul(60).filter(|seconds| *seconds > 0) else { return };
    loop {
        if let Err(error) = round(warehouse, config, place, progress, feed::now().day()).await {
            tracing::warn!(%error, "the conversion watch could not evaluate");
        }
        tokio::time::sleep(Duration::from_secs(u64::from(every))).await;
    }
}
