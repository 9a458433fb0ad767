//! What the command line asks of the service that has the data directory open.

use crate::End;
use crate::cli::{Dialect, Format, Import};
use crate::feed::{Outcome, word};
use crate::place::Running;
use crate::verbs::import::show;
use crate::verbs::rejects::Retried;
use anyhow::{Context as _, bail};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::{Method, Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use smarketing_kernel::time::Day;
use smarketing_web::RetryRequest;
use std::path::{Path, PathBuf};

/// Has the running service import files of this machine.
pub(crate) async fn import(running: &Running, asked: &Import, format: Format) -> anyhow::Result<End> {
    if asked.dialect == Dialect::Events && asked.paths.iter().any(|path| path == Path::new("-")) {
        bail!(
            "the service of this data directory is running: send lines to {}/v1/events instead of standard input",
            running.collector
        );
    }
    let absolute =
        |path: &PathBuf| std::path::absolute(path).with_context(|| format!("\"{}\" is no path", path.display()));
    let paths: Vec<PathBuf> = asked.paths.iter().map(absolute).collect::<anyhow::Result<_>>()?;
    let body = serde_json::json!({ "dialect": word(asked.dialect), "paths": paths, "currency": asked.currency });
    let answer = post(running, "/admin/import", body.to_string()).await?;
    show(format, &serde_json::from_value::<Outcome>(answer).context("the running service is of another version")?)
}

/// Has the running service decode dead letters again.
pub(crate) async fn retry(running: &Running, asked: &RetryRequest) -> anyhow::Result<Retried> {
    let body = serde_json::json!({ "stream": asked.stream, "reason": asked.reason });
    let answer = post(running, "/admin/retry", body.to_string()).await?;
    serde_json::from_value(answer).context("the running service is of another version")
}

/// Has the running service evaluate the conversion watch.
pub(crate) async fn watch(running: &Running, day: Day) -> anyhow::Result<()> {
    let body = serde_json::json!({ "day": day.0 });
    post(running, "/admin/watch", body.to_string()).await.map(|_| ())
}

async fn post(running: &Running, path: &str, body: String) -> anyhow::Result<serde_json::Value> {
    let request = Request::builder()
        .method(Method::POST)
        .uri(format!("{}{path}", running.collector))
        .header("content-type", "application/json")
        .header("authorization", format!("Bearer {}", running.token))
        .body(Full::new(Bytes::from(body)))?;
    let client = Client::builder(TokioExecutor::new()).build_http();
    let answer = client.request(request).await.context("the running service does not answer")?;
    let status = answer.status();
    let bytes = answer.into_body().collect().await?.to_bytes();
    let value: serde_json::Value = serde_json::from_slice(&bytes).unwrap_or_default();
    if status != StatusCode::OK {
        let said = value["error"].as_str().map_or_else(|| status.to_string(), str::to_owned);
        bail!("the running service refused: {said}");
    }
    Ok(value)
}
