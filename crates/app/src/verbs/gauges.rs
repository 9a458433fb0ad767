//! What the front door tells the monitor: the conversion watch, the hand-offs, the books, the disk.

use crate::place::Place;
use smarketing_engine::metrics::Values;
use smarketing_engine::{Metric, Metrics};
use smarketing_kernel::time::Timestamp;
use smarketing_kernel::watch::{Dimension, Evaluation, Rate, State};
use smarketing_warehouse::{Cell, Table};
use std::path::Path;

/// The latest evaluations of the conversion watch.
pub(crate) fn watch(metrics: &Metrics, found: &[Evaluation], now: Timestamp) {
    let step = |one: &Evaluation| vec![one.stage.word().to_owned(), one.next_stage.word().to_owned()];
    let with = |one: &Evaluation, more: &[&str]| -> Vec<String> {
        step(one).into_iter().chain(more.iter().map(|label| (*label).to_owned())).collect()
    };
    let alarms = found.iter().filter(|one| one.alarm || one.segment.dimension == Dimension::All).map(|one| {
        let segment = [one.segment.dimension.word(), &*one.segment.value];
        (with(one, &segment), f64::from(u8::from(one.alarm)))
    });
    metrics.set(Metric::WatchAlarm, alarms.collect());
    let steps = || found.iter().filter(|one| one.segment.dimension == Dimension::All);
    let states = steps().flat_map(|one| {
        let each = move |state: &State| (with(one, &[state.word()]), f64::from(u8::from(*state == one.state)));
        State::ALL.iter().map(each)
    });
    metrics.set(Metric::WatchState, states.collect());
    let share = |rate: Rate| f64::from(rate.ppm) / 1e6;
    let rates = steps().filter_map(|one| Some((one, one.reading?))).flat_map(|(one, reading)| {
        let recent = (with(one, &["recent"]), share(reading.rate));
        [recent, (with(one, &["baseline"]), share(reading.baseline_rate))]
    });
    metrics.set(Metric::WatchRate, rates.collect());
    let z = steps().filter_map(|one| Some((step(one), one.reading?.z_milli as f64 / 1e3)));
    metrics.set(Metric::WatchZ, z.collect());
    metrics.set(Metric::WatchDay, vec![(Vec::new(), now.0 as f64 / 1e3)]);
}

/// The books, and the hand-offs answered too late.
pub(crate) fn health(metrics: &Metrics, health: &Table) {
    let cell = |row: &[Cell], name: &str| {
        health.column(name).and_then(|at| row.get(at)).map(Cell::to_string).unwrap_or_default()
    };
    let number = |row: &[Cell], name: &str| cell(row, name).parse::<f64>().unwrap_or(f64::NAN);
    let about = |what: &'static str| health.rows.iter().filter(move |row| cell(row, "about") == what);
    let books = |name: &str| about("reconciliation").map(|row| (Vec::new(), number(row, name))).collect();
    metrics.set(Metric::Reconciliation, books("amount"));
    metrics.set(Metric::ReconciliationRows, books("times"));
    let breaches = about("sla").map(|row| (vec![cell(row, "breach"), cell(row, "open")], number(row, "times")));
    metrics.set(Metric::SlaBreaches, breaches.collect());
}

/// What lies on disk.
pub(crate) fn stores(metrics: &Metrics, place: &Place) {
    let sizes: Values =
        place.stores().into_iter().map(|(name, path)| (vec![name.to_owned()], size(&path) as f64)).collect();
    metrics.set(Metric::StoreBytes, sizes);
}

/// Bytes of the files below a folder; what goes meanwhile counts as nothing.
fn size(path: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(path) else { return 0 };
    let each = entries.filter_map(Result::ok).map(|entry| match entry.metadata() {
        Ok(about) if about.is_dir() => size(&entry.path()),
        Ok(about) => about.len(),
        Err(_) => 0,
    });
    each.sum()
}
