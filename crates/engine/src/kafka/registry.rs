//! Writer schemas of a Confluent schema registry: fetched once, kept, asked for again only after a pause.
//!
//! Only what the registry itself says of an id decides about records. Whoever else answers in its place, a gateway before
//! a registry that is down, says nothing about them: they wait.

use super::Error;
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
/// How long an id is refused without asking again: its schema may be registered yet.
const REFUSED: Duration = Duration::from_secs(10);
/// What the registry calls an id it does not know.
const NO_SUCH_ID: u32 = 40_403;
/// An id that no schema has.
const NOBODYS: u32 = i32::MAX.unsigned_abs();
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

impl Address {
    /// Asks what readers ask, of an id that no schema has: whether the registry knows and lets us in.
    ///
    /// # Errors
    /// What a person must see to.
    pub async fn knock(&self) -> Result<(), Error> {
        let registry = Registry::new(self.clone(), Handle::current());
        let asked = tokio::time::timeout(ANSWER, registry.ask(NOBODYS)).await;
        let answer = asked.map_err(|_| "no answer in time".to_owned()).and_then(|answer| answer);
        answer.map(drop).map_err(|reason| Error::Registry { url: self.url.clone(), reason })
    }
}

/// The registry as one reader sees it.
pub(crate) struct Registry {
    address: Address,
    client: Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
    runtime: Handle,
    known: HashMap<u32, (Known, Instant)>,
    pause: Duration,
    again: Option<Instant>,
}

/// A schema, which is for ever: an id never changes its meaning. Or why its records are no events.
pub(crate) type Known = Arc<Result<WriterSchema, Rejected>>;

/// The registry does not answer now; the record must wait.
#[derive(Debug)]
pub(crate) struct Away;

/// What the registry says when it refuses.
#[derive(Deserialize)]
struct Refusal {
    error_code: u32,
}

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
        if let Some((known, asked)) = self.known.get(&id)
            && (known.is_ok() || asked.elapsed() < REFUSED)
        {
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
                let _before = self.known.insert(id, (Arc::clone(&known), Instant::now()));
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
        let answer = self.client.request(request).await.map_err(|error| told(&error))?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), ANSWER_BYTES).collect().await;
        let body = body.map_err(|error| error.to_string())?.to_bytes();
        match status {
            StatusCode::OK => read(id, &body),
            StatusCode::NOT_FOUND if is_of_the_id(&body) => {
                Ok(Err(refused(format!("the schema registry has no schema {id}"))))
            }
            other => Err(format!("it answered {other}")),
        }
    }
}

fn read(id: u32, body: &[u8]) -> Result<Result<WriterSchema, Rejected>, String> {
    let answer: Answer =
        serde_json::from_slice(body).map_err(|error| format!("its answer is not understood: {error}"))?;
    Ok(match answer.kind.as_deref() {
        None | Some("AVRO") => WriterSchema::parse(&answer.schema),
        Some(other) => Err(refused(format!("schema {id} is of type {other}; only AVRO is read"))),
    })
}

/// An error with what caused it.
fn told(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |said, cause| format!("{said}: {cause}"))
}

/// Whether it is the id that was not found, and not the registry.
fn is_of_the_id(body: &[u8]) -> bool {
    serde_json::from_slice(body).is_ok_and(|Refusal { error_code }| error_code == NO_SUCH_ID)
}

fn refused(detail: String) -> Rejected {
    Rejected::new(Reason::InvalidAvro, detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    /// Answers one question after the other with a status and a body, and is gone then.
    fn serve(answers: Vec<(u16, String)>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for (status, body) in answers {
                let (mut stream, _) = listener.accept().unwrap();
                assert!(stream.read(&mut [0; 4_096]).unwrap() > 0);
                let head = format!("HTTP/1.1 {status} -\r\nContent-Length: {}\r\nConnection: close", body.len());
                stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).unwrap();
            }
        });
        url
    }

    #[test]
    fn a_knock_tells_a_registry_from_who_answers_in_its_place() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let unknown = "{\"error_code\":40403}".to_owned();
        let url = serve(vec![(404, unknown), (401, String::new()), (404, "<html>no such backend</html>".to_owned())]);
        let address = Address { url: url.clone(), ..Address::default() };
        let knock = || runtime.block_on(address.knock()).map_err(|error| error.to_string());
        assert_eq!(knock(), Ok(()));
        for said in ["it answered 401 Unauthorized", "it answered 404 Not Found", "Connection refused"] {
            let error = knock().unwrap_err();
            let whole = error.contains(&url) && error.contains(said) && error.contains("schema_registry_authorization");
            assert!(whole, "{error}");
        }
    }

    #[test]
    fn only_what_the_registry_says_of_an_id_decides_and_a_refusal_is_not_for_ever() {
        let schema = smarketing_schema::reader_schema("page_viewed").unwrap();
        let schema = serde_json::json!({ "schema": schema }).to_string();
        let elsewhere = || "<html>sign in</html>".to_owned();
        let unknown = "{\"error_code\":40403}".to_owned();
        let away = [(500, unknown.clone()), (404, elsewhere()), (200, elsewhere())];
        let url = serve([&away[..], &[(404, unknown), (200, schema)]].concat());
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let mut registry = Registry::new(Address { url, ..Address::default() }, runtime.handle().clone());
        for _ in away {
            assert!(registry.schema(7).is_err());
            assert!(registry.schema(7).is_err(), "not asked before the pause is over");
            registry.again = None;
        }
        assert_eq!(registry.pause, PAUSE.0 * 8);
        assert!(registry.schema(7).unwrap().is_err());
        assert!(registry.schema(7).unwrap().is_err(), "not asked again at once");
        registry.known.get_mut(&7).unwrap().1 -= REFUSED;
        assert!(registry.schema(7).unwrap().is_ok());
        // What is known stays known when the registry is gone; what is not waits, and the pause does not grow for ever.
        for _ in 0..20 {
            assert!(registry.schema(8).is_err());
            registry.again = None;
        }
        assert_eq!(registry.pause, PAUSE.1);
        assert!(registry.schema(7).unwrap().is_ok());
    }
}
