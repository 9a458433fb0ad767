//! `/admin`: what the command line asks of the service that has the data directory open.

use crate::options::ADMIN_BYTES;
use crate::refusal::Refusal;
use crate::reports::{Answered, Inquiry, Unanswered};
use crate::server::{Front, Peer};
use crate::upload;
use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::Value;
use smarketing_kernel::time::Day;
use std::path::PathBuf;
use std::sync::Arc;

/// What the service does on behalf of its command line and its readers. All of it is called on threads that may block.
///
/// A stop of the collector does not wait for them beyond its bound: whoever implements this ends them.
pub trait Admin: Send + Sync + 'static {
    /// Imports files of this machine and waits until all of it is delivered; answers what became of the records.
    ///
    /// # Errors
    /// Why not, in a sentence for whoever asked.
    fn import(&self, request: ImportRequest) -> Result<Value, String>;

    /// Decodes dead letters again and waits until all of it is delivered; answers what became of them.
    ///
    /// # Errors
    /// Why not, in a sentence for whoever asked.
    fn retry(&self, request: RetryRequest) -> Result<Value, String>;

    /// Evaluates the conversion watch on a day; answers how many alarms stand.
    ///
    /// # Errors
    /// Why not, in a sentence for whoever asked.
    fn watch(&self, day: Day) -> Result<Value, String>;

    /// Answers a question as the command line does with `--format json`: one object a line.
    ///
    /// # Errors
    /// What is wrong with the question, or why it has no answer.
    fn ask(&self, inquiry: &Inquiry) -> Result<Answered, Unanswered>;

    /// Waits until everything journalled so far is delivered; answers the positions.
    ///
    /// # Errors
    /// Why it never will be, in a sentence for whoever asked.
    fn settle(&self) -> Result<Value, String>;
}

/// Files to import.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportRequest {
    /// How the files are written, as on the command line.
    pub dialect: String,
    /// Files or folders, absolute.
    pub paths: Vec<PathBuf>,
    /// ISO 4217 code of amounts that name none.
    pub currency: String,
}

/// Dead letters to decode again: all, or those of one stream or one reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetryRequest {
    /// Only of this stream.
    pub stream: Option<String>,
    /// Only of this reason.
    pub reason: Option<String>,
}

/// A day to evaluate on, counted from 1970-01-01.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WatchRequest {
    day: i32,
}

/// Lets in who is on this machine and has the token.
pub(crate) async fn guard(State(front): State<Arc<Front>>, request: Request, next: Next) -> Response {
    let local = request.extensions().get::<Peer>().is_some_and(|Peer(ip)| ip.to_canonical().is_loopback());
    if !local {
        let remedy = "run the command on the machine of the service";
        return Refusal::new(StatusCode::FORBIDDEN, "this path is for this machine only", remedy).into_response();
    }
    if !bears(request.headers(), &front.options.token) {
        let remedy = "send the token of the data directory's \"service.json\" as \"Authorization: Bearer …\"";
        return Refusal::new(StatusCode::UNAUTHORIZED, "the token is missing or wrong", remedy).into_response();
    }
    next.run(request).await
}

/// `POST /admin/import`: the body is an [`ImportRequest`] as JSON.
pub(crate) async fn import(State(front): State<Arc<Front>>, request: Request) -> Result<Json<Value>, Refusal> {
    let request: ImportRequest =
        read(&front, request, "import", "send {\"dialect\":…,\"paths\":[…],\"currency\":…}").await?;
    let admin = Arc::clone(&front.admin);
    perform(move || admin.import(request)).await
}

/// `POST /admin/retry`: the body is a [`RetryRequest`] as JSON.
pub(crate) async fn retry(State(front): State<Arc<Front>>, request: Request) -> Result<Json<Value>, Refusal> {
    let request: RetryRequest = read(&front, request, "retry", "send {\"stream\":…,\"reason\":…}, or {}").await?;
    let admin = Arc::clone(&front.admin);
    perform(move || admin.retry(request)).await
}

/// `POST /admin/watch`: the body is `{"day":…}`, a number of days since 1970-01-01.
pub(crate) async fn watch(State(front): State<Arc<Front>>, request: Request) -> Result<Json<Value>, Refusal> {
    let request: WatchRequest = read(&front, request, "watch", "send {\"day\":…}").await?;
    let admin = Arc::clone(&front.admin);
    perform(move || admin.watch(Day(request.day))).await
}

/// `POST /admin/settle`: the body does not matter.
pub(crate) async fn settle(State(front): State<Arc<Front>>) -> Result<Json<Value>, Refusal> {
    let admin = Arc::clone(&front.admin);
    perform(move || admin.settle()).await
}

async fn read<T: for<'de> Deserialize<'de>>(
    front: &Front,
    request: Request,
    what: &str,
    remedy: &'static str,
) -> Result<T, Refusal> {
    let mut body = request.into_body();
    let upload = upload::receive(&mut body, ADMIN_BYTES, &front.options, &front.room).await?;
    serde_json::from_slice(&upload.bytes).map_err(|error| {
        Refusal::new(StatusCode::BAD_REQUEST, format!("the body is no {what} request: {error}"), remedy)
    })
}

async fn perform(work: impl FnOnce() -> Result<Value, String> + Send + 'static) -> Result<Json<Value>, Refusal> {
    let done = tokio::task::spawn_blocking(work).await.map_err(|_| Refusal::fault())?;
    let remedy = "mend what the error names and repeat; known events are recognised by event_id";
    done.map(Json).map_err(|error| Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, error, remedy))
}

pub(crate) fn bears(headers: &HeaderMap, token: &str) -> bool {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
    !token.is_empty() && given.is_some_and(|given| same(given, token.as_bytes()))
}

/// Compares every byte, so that the time taken does not tell how many were right.
fn same(a: &[u8], b: &[u8]) -> bool {
    let differences = a.iter().zip(b).fold(0, |sum, (a, b)| std::hint::black_box(sum | (a ^ b)));
    a.len() == b.len() && differences == 0
}
