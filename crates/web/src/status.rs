//! `GET /healthz`, `GET /readyz`, `GET /v1/status`, `GET /metrics`: whether the service lives, takes records, and how far it is.

use crate::refusal::Refusal;
use crate::server::Front;
use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use serde_json::{Value, json};
use smarketing_engine::reconciler::Repairs;
use smarketing_engine::{metrics, progress};
use smarketing_kernel::text::Text;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How far everything is. `delivered` is in the warehouse and in the store.
#[derive(Serialize)]
pub(crate) struct Status {
    /// `ready`, `waiting` (for the warehouse; records are taken) or `halted`.
    state: &'static str,
    /// The stream of this collector.
    collector: Text,
    /// Entries in the journal, over all partitions; `None` while it does not answer.
    journalled: Option<u64>,
    /// Of those, how many are delivered.
    delivered: u64,
    partitions: Vec<Lane>,
    streams: BTreeMap<Text, Stream>,
}

#[derive(Serialize)]
struct Lane {
    partition: usize,
    journalled: Option<u64>,
    delivered: u64,
    rows: u64,
    /// Whether this process works it.
    owned: bool,
    halted: Option<String>,
    waiting: Option<String>,
    reconciled: Reconciled,
}

/// What the comparison with the warehouse found since the start.
#[derive(Serialize)]
struct Reconciled {
    comparisons: u64,
    /// Rows that were missing and were sent again, by table.
    sent: BTreeMap<&'static str, u64>,
    /// Rows that should not have been there and were taken out, by table.
    buried: BTreeMap<&'static str, u64>,
    trouble: Option<String>,
}

/// What became of the records of a stream that are delivered.
#[derive(Serialize)]
struct Stream {
    applied: u64,
    duplicates: u64,
    rejected: u64,
    reasons: BTreeMap<Text, u64>,
}

/// The process lives.
pub(crate) async fn alive() -> Json<Value> {
    Json(json!({ "state": "alive" }))
}

/// Records are taken.
pub(crate) async fn ready(State(front): State<Arc<Front>>) -> Result<Json<Value>, Refusal> {
    front.check_ready()?;
    Ok(Json(json!({ "state": "ready" })))
}

/// How far everything is.
pub(crate) async fn status(State(front): State<Arc<Front>>) -> Json<Status> {
    // Positions before ends: what is delivered is never more than what is journalled.
    let lanes = front.progress.lanes();
    let ends = front.ends.ask().await;
    let names: BTreeSet<Text> = lanes.iter().flat_map(|lane| lane.streams.keys().cloned()).collect();
    let streams = names.into_iter().map(|name| {
        let sum = front.progress.stream(&name);
        let stream =
            Stream { applied: sum.applied, duplicates: sum.duplicates, rejected: sum.rejected, reasons: sum.reasons };
        (name, stream)
    });
    let delivered = lanes.iter().map(|lane| lane.position).sum();
    let state = state(&lanes);
    let end = |partition: usize| ends.as_ref().and_then(|ends| ends.get(partition).copied());
    Json(Status {
        state,
        collector: front.stream.clone(),
        journalled: ends.as_ref().map(|ends| ends.iter().sum()),
        delivered,
        streams: streams.collect(),
        partitions: lanes.into_iter().enumerate().map(|(at, lane)| shown(at, lane, end(at))).collect(),
    })
}

/// Everything a monitor reads, in Prometheus' text format.
pub(crate) async fn metrics(State(front): State<Arc<Front>>) -> Result<Response, Refusal> {
    let fault = |error: &dyn std::fmt::Display| {
        tracing::error!(%error, "the metrics could not be written");
        Refusal::fault()
    };
    let metrics = front.progress.metrics().ok_or_else(|| fault(&"nothing is measured"))?;
    let lanes = front.progress.lanes();
    let ends = front.ends.ask().await;
    let (lags, failed) = (front.progress.lags(), front.progress.failed());
    let state = metrics::State { lanes: &lanes, ends: ends.as_deref(), lags: &lags, failed };
    let text = metrics.text(&state).map_err(|error| fault(&error))?;
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response())
}

fn state(lanes: &[progress::Lane]) -> &'static str {
    if lanes.iter().any(|lane| lane.halted.is_some()) {
        "halted"
    } else if lanes.iter().any(|lane| lane.waiting.is_some()) {
        "waiting"
    } else {
        "ready"
    }
}

fn shown(partition: usize, lane: progress::Lane, journalled: Option<u64>) -> Lane {
    let progress::Lane { position, rows, owned, halted, waiting, repairs, .. } = lane;
    let Repairs { comparisons, sent, buried, trouble } = repairs;
    let reconciled = Reconciled { comparisons, sent, buried, trouble };
    Lane { partition, journalled, delivered: position, rows, owned, halted, waiting, reconciled }
}
