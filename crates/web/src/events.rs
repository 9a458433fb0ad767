//! `POST /v1/events`: a body of records becomes journal entries.
//!
//! The body is JSON lines (one object a line; an array or an object over several lines is not) or an Avro container,
//! plain, gzip or zstd. Which, its first bytes say: `Content-Type` is not looked at, and `Content-Encoding` only has
//! to be one of those. The answer comes when everything is durable:
//! - **200**: every record is in the journal, as an event or as a reject; `accepted` and `rejected` count them.
//! - **400, 413** with counts: part of the body is damaged, or too large (once decompressed, too). What could be read
//!   is taken as counted, and a reject in the journal tells of the rest. Without counts: nothing was taken.
//! - **503**: not now. Some of it may be in the journal: repeat all of it, `event_id` tells what is known. Rejects
//!   have no such id; those of a repeated body are counted again.

use crate::options::{FIELDS_SHOWN, Options, REJECTS_SHOWN};
use crate::queue::{Batch, NotTaken, Queue, Receipt};
use crate::refusal::Refusal;
use crate::server::Front;
use crate::upload;
use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use smarketing_engine::Incoming;
use smarketing_schema::{Context, Reason, Record, Rejected, read_events_within};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What became of a body.
#[derive(Default, Serialize)]
struct Taken {
    accepted: u64,
    rejected: u64,
    rejects: Vec<Shown>,
    /// Fields no event knows: not an error, but perhaps a slip of the pen.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    unknown_fields: BTreeSet<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<&'static str>,
    #[serde(skip)]
    status: StatusCode,
}

/// A reject as its sender sees it.
#[derive(Serialize)]
struct Shown {
    /// Number of the line or datum in the body, from 1.
    position: u64,
    reason: &'static str,
    detail: String,
}

/// Takes the records of one request.
pub(crate) async fn collect(State(front): State<Arc<Front>>, request: Request) -> Response {
    let (parts, mut body) = request.into_parts();
    match take(&front, &parts.headers, &mut body).await {
        Ok(taken) => (taken.status, Json(taken)).into_response(),
        Err(refusal) => {
            upload::discard(&parts.headers, body).await;
            refusal.into_response()
        }
    }
}

async fn take(front: &Arc<Front>, headers: &HeaderMap, body: &mut Body) -> Result<Taken, Refusal> {
    if !front.options.collects {
        let remedy = "send records to a process whose service.roles has web";
        return Err(Refusal::new(StatusCode::NOT_FOUND, "this process takes no records", remedy));
    }
    check_encoding(headers)?;
    front.check_ready()?;
    let turn = Arc::clone(&front.requests)
        .try_acquire_owned()
        .map_err(|_| Refusal::later("too many requests at once; nothing of this one was taken"))?;
    let options = &front.options;
    let upload = upload::receive(body, options.body_bytes_max, options, &front.room).await?;
    let front = Arc::clone(front);
    let work = move || {
        // Both are held to the end, even when the sender goes away meanwhile.
        let _held = (turn, &upload);
        journal(&upload.bytes, &front.options, &front.queue)
    };
    let done = tokio::task::spawn_blocking(work).await.map_err(|_| Refusal::fault())?;
    done.map_err(|NotTaken| Refusal::later("the journal did not take the records, or not all of them"))
}

/// Decodes a body and journals it batch by batch; one batch is appended while the next is decoded. After a batch that
/// was not taken none follows, so that nothing is appended behind the back of the answer.
fn journal(bytes: &[u8], options: &Options, queue: &Queue) -> Result<Taken, NotTaken> {
    let context = Context { now: (options.clock)(), workspace: options.workspace.clone() };
    let mut taken = Taken::default();
    let mut batch = Batch::default();
    let mut receipt: Option<Receipt> = None;
    for record in read_events_within(bytes, &context, options.body_bytes_max) {
        batch.push(taken.count(record));
        if batch.is_full() {
            wait(receipt.take())?;
            receipt = Some(queue.put(std::mem::take(&mut batch))?);
        }
    }
    wait(receipt)?;
    if !batch.is_empty() {
        wait(Some(queue.put(batch)?))?;
    }
    Ok(taken)
}

fn wait(receipt: Option<Receipt>) -> Result<(), NotTaken> {
    receipt.map_or(Ok(()), |receipt| receipt.blocking_recv().unwrap_or(Err(NotTaken)))
}

impl Taken {
    fn count(&mut self, record: Record) -> Incoming {
        let outcome = match record.outcome {
            Ok(decoded) => {
                self.accepted += 1;
                let room = FIELDS_SHOWN.saturating_sub(self.unknown_fields.len());
                self.unknown_fields.extend(decoded.unknown_fields.into_iter().take(room));
                Ok(decoded.event)
            }
            Err(rejected) => {
                self.reject(record.position, &rejected);
                Err(rejected)
            }
        };
        Incoming { position: record.position, outcome, bytes: record.bytes, length: record.length }
    }

    fn reject(&mut self, position: u64, rejected: &Rejected) {
        self.rejected += 1;
        if self.rejects.len() < REJECTS_SHOWN {
            let (reason, detail) = (rejected.reason.code(), rejected.detail.clone());
            self.rejects.push(Shown { position, reason, detail });
        }
        if let Some(status) = loss(rejected.reason) {
            self.status = status;
            self.error = Some("part of the body could not be read or kept; the rest was taken as counted");
            self.remedy = Some("mend what the rejects name and send it again; known events are recognised by event_id");
        }
    }
}

/// The status for rejects that stand for more than was kept of them: the sender must not think all is well.
fn loss(reason: Reason) -> Option<StatusCode> {
    match reason {
        Reason::TooLarge => Some(StatusCode::PAYLOAD_TOO_LARGE),
        Reason::InvalidCompression
        | Reason::TruncatedCompression
        | Reason::InvalidAvro
        | Reason::TruncatedAvro
        | Reason::ReadFailed => Some(StatusCode::BAD_REQUEST),
        _ => None,
    }
}

fn check_encoding(headers: &HeaderMap) -> Result<(), Refusal> {
    match headers.get(header::CONTENT_ENCODING).map(HeaderValue::as_bytes) {
        None | Some(b"identity" | b"gzip" | b"x-gzip" | b"zstd") => Ok(()),
        Some(_) => {
            let error = "the content encoding is unknown; nothing was taken";
            Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, error, "send it plain, or use gzip or zstd"))
        }
    }
}

/// Lets pages of the configured origins send events, and no others: a browser sends where any page tells it to.
pub(crate) async fn check_origin(State(front): State<Arc<Front>>, request: Request, next: Next) -> Response {
    let Some(origin) = request.headers().get(header::ORIGIN).cloned() else { return next.run(request).await };
    if !front.options.origins.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes()) {
        let error = "pages of this origin may not send events";
        let remedy = "add the origin to collector.origins of the configuration";
        return Refusal::new(StatusCode::FORBIDDEN, error, remedy).into_response();
    }
    let mut response = if request.method() == Method::OPTIONS {
        let allowed = [
            (header::ACCESS_CONTROL_ALLOW_METHODS, "POST"),
            (header::ACCESS_CONTROL_ALLOW_HEADERS, "content-type, content-encoding"),
            (header::ACCESS_CONTROL_MAX_AGE, "600"),
        ];
        (StatusCode::NO_CONTENT, allowed).into_response()
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    headers.extend([(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin), (header::VARY, HeaderValue::from_static("origin"))]);
    response
}
