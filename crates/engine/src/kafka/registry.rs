//! Writer schemas of a Confluent schema registry: fetched once, kept, asked for again only after a pause.

use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Bytes;
use hyper::{Request, StatusCode};
use hyper_tls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::Deserialize;
use smarketing_schema::{Reason, Rejected, WriterSchema};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// Longest wait for an answer.
const ANSWER: Duration = Duration::from_secs(10);
/// Largest answer in bytes.
const ANSWER_BYTES: usize = 1 << 20;
/// First and longest pause after the registry did not answer.
const PAUSE: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(10));
/// Ids that are remembered; a hostile writer can name any.
const REMEMBERED: usize = 10_000;

/// Where the registry is, and how to get in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Address {
    /// Such as `http://registry:8081`.
    pub url: String,
    /// The `Authorization` header, such as `Basic …`; empty for none.
    pub authorization: String,
}

/// The registry as one reader sees it.
pub(crate) struct Registry {
    address: Address,
    client: Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
    runtime: Handle,
    known: HashMap<u32, Known>,
    pause: Duration,
    again: Option<Instant>,
}

/// A schema, or why its records are no events. Either is for ever: an id never changes its meaning.
pub(crate) type Known = Arc<Result<WriterSchema, Rejected>>;

/// The registry does not answer now; the record must wait.
#[derive(Debug)]
pub(crate) struct Away;

#[derive(Deserialize)]
struct Answer {
    schema: String,
    #[serde(default, rename = "schemaType")]
    kind: Option<String>,
}

impl Registry {
    pub(crate) fn new(address: Address, runtime: Handle) -> Self {
        let client = Client::builder(TokioExecutor::new()).build(HttpsConnector::new());
        Self { address, client, runtime, known: HashMap::new(), pause: PAUSE.0, again: None }
    }

    /// The schema that writers call `id`.
    pub(crate) fn schema(&mut self, id: u32) -> Result<Known, Away> {
        if let Some(known) = self.known.get(&id) {
            return Ok(Arc::clone(known));
        }
        if self.again.is_some_and(|again| Instant::now() < again) {
            return Err(Away);
        }
        let asked = self.runtime.block_on(async { tokio::time::timeout(ANSWER, self.ask(id)).await });
        match asked.map_err(|_| "no answer in time".to_owned()).and_then(|answer| answer) {
            Ok(known) => {
                (self.pause, self.again) = (PAUSE.0, None);
                if self.known.len() >= REMEMBERED {
                    self.known.clear();
                }
                let known = Arc::new(known);
                let _before = self.known.insert(id, Arc::clone(&known));
                Ok(known)
            }
            Err(why) => {
                tracing::warn!(registry = self.address.url, id, why, "the schema registry is away, waiting");
                self.again = Some(Instant::now() + self.pause);
                self.pause = (self.pause * 2).min(PAUSE.1);
                Err(Away)
            }
        }
    }

    /// The outer error may pass, the inner one does not.
    async fn ask(&self, id: u32) -> Result<Result<WriterSchema, Rejected>, String> {
        let url = format!("{}/schemas/ids/{id}", self.address.url.trim_end_matches('/'));
        let mut request = Request::get(&url).header("Accept", "application/vnd.schemaregistry.v1+json");
        if !self.address.authorization.is_empty() {
            request = request.header("Authorization", &self.address.authorization);
        }
        let request = request.body(Empty::new()).map_err(|error| error.to_string())?;
        let answer = self.client.request(request).await.map_err(|error| error.to_string())?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), ANSWER_BYTES).collect().await;
        let body = body.map_err(|error| error.to_string())?.to_bytes();
        match status {
            StatusCode::OK => Ok(read(id, &body)),
            StatusCode::NOT_FOUND => Ok(Err(refused(format!("the schema registry has no schema {id}")))),
            other => Err(format!("it answered {other}")),
        }
    }
}

fn read(id: u32, body: &[u8]) -> Result<WriterSchema, Rejected> {
    let answer: Answer = serde_json::from_slice(body)
        .map_err(|error| refused(format!("the registry's answer for schema {id} is not understood: {error}")))?;
    match answer.kind.as_deref() {
        None | Some("AVRO") => WriterSchema::parse(&answer.schema),
        Some(other) => Err(refused(format!("schema {id} is of type {other}; only AVRO is read"))),
    }
}

fn refused(detail: String) -> Rejected {
    Rejected::new(Reason::InvalidAvro, detail)
}
