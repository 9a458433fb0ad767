//! The HTTP interface: routes, headers, and the bridge between the network's tasks and the threads
//! on which queries run.

use crate::Options;
use crate::access::Role;
use crate::answer::{Answer, Head, random_word};
use crate::engine::{Cancel, Engine};
use crate::fault::{Fault, Raised};
use crate::gate::{self, Gate, Secret};
use crate::multipart;
use crate::packing::BodyReader;
use crate::request::Request as Asked;
use crate::run::{Job, Over};
use crate::sessions::Sessions;
use bytes::Bytes;
use http_body_util::{BodyExt, Either, Full};
use hyper::body::{Body, Frame, Incoming};
use hyper::http::response::Builder;
use hyper::{Method, Request, Response, StatusCode};
use std::io;
use std::pin::Pin;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Sleep, sleep};

/// Pieces of a body on their way between a task and a thread.
const PIECES: usize = 8;
/// A body nobody reads any more is read to its end for so long, so that the client reads its answer.
const DRAIN: Duration = Duration::from_secs(10);

/// An error's text gets so long to leave before the connection is cut, which drops what is unsent.
const CUT: Duration = Duration::from_millis(250);

/// A served box.
pub(crate) struct Server {
    engine: Arc<Engine>,
    sessions: Arc<Sessions>,
    secret: Secret,
    service: Gate,
    readers: Gate,
}

/// A whole answer, or one that flows.
pub(crate) type Answered = Response<Either<Full<Bytes>, Flow>>;

impl Server {
    /// Serves `engine`; the user `service` has the key `secret`.
    pub(crate) fn new(engine: Arc<Engine>, sessions: Arc<Sessions>, secret: Secret, options: &Options) -> Server {
        let gate = |running| Gate::new(running, options.waiting_queries);
        Server {
            engine,
            sessions,
            secret,
            service: gate(options.service_queries),
            readers: gate(options.reader_queries),
        }
    }

    /// Answers one request.
    pub(crate) async fn answer(&self, request: Request<Incoming>) -> Answered {
        if !gate::is_local(request.headers()) {
            let fault = Fault::raise(Raised::AccessDenied, "This server answers local clients only");
            return self.failed(&fault, &random_word());
        }
        let path = request.uri().path();
        match (request.method(), path) {
            (&Method::GET | &Method::HEAD, "/ping" | "/replicas_status") => plain(StatusCode::OK, "Ok.\n"),
            (&Method::GET | &Method::HEAD, "/") if request.uri().query().is_none() => plain(StatusCode::OK, "Ok.\n"),
            (&Method::GET, "/health") => self.health().await,
            (&Method::GET | &Method::POST, "/" | "/query") => self.query(request).await,
            (&Method::GET | &Method::POST, _) => {
                plain(StatusCode::NOT_FOUND, "There is no handle here, use / to ask\n")
            }
            _ => plain(StatusCode::METHOD_NOT_ALLOWED, "Use GET or POST\n"),
        }
    }

    /// Whether the engine itself answers, without a place in any queue.
    async fn health(&self) -> Answered {
        let engine = self.engine.clone();
        match tokio::task::spawn_blocking(move || engine.healthy()).await {
            Ok(true) => plain(StatusCode::OK, "Ok.\n"),
            _ => plain(StatusCode::SERVICE_UNAVAILABLE, "The engine does not answer\n"),
        }
    }

    async fn query(&self, request: Request<Incoming>) -> Answered {
        let url = request.uri().query().unwrap_or_default();
        let asked = match Asked::read(url, request.headers()) {
            Ok(asked) => asked,
            Err(fault) => return self.failed(&fault, &random_word()),
        };
        let query_id = asked.query_id.clone().unwrap_or_else(random_word);
        match self.start(request, asked).await {
            Ok((head, flow)) => self.succeeded(&head, flow, &query_id),
            Err(fault) => self.failed(&fault, &query_id),
        }
    }

    /// Runs the query on a thread, up to the point where its status is certain.
    async fn start(&self, request: Request<Incoming>, asked: Asked) -> Result<(Head, Flow), Fault> {
        let role = gate::role(&asked.credentials, &self.secret)?;
        let turn = match role {
            Role::Service => self.service.enter().await?,
            Role::Reader => self.readers.enter().await?,
        };
        let content_type = request.headers().get("content-type").and_then(|v| v.to_str().ok());
        let form = content_type.and_then(multipart::boundary);
        let get = request.method() == Method::GET;
        let (body_in, body_out) = mpsc::channel(PIECES);
        tokio::spawn(pump(request.into_body(), body_in));

        let (head_in, head_out) = oneshot::channel();
        let (out_in, out_out) = mpsc::channel(PIECES);
        let answer = Answer::new(head_in, out_in, &asked);
        let mark = Arc::new(OnceLock::new());
        let over = Over(Arc::new(AtomicBool::new(false)));
        let cancel = Cancel::new(self.engine.clone(), mark.clone(), over.0.clone());
        let (engine, sessions) = (self.engine.clone(), self.sessions.clone());
        let job =
            Job { engine, sessions, role, get, request: asked, form, body: BodyReader::new(body_out), mark, over };
        tokio::task::spawn_blocking(move || {
            job.run(answer);
            drop(turn);
        });
        let lost = |_| Fault::raise(Raised::Internal, "The query ended without an answer");
        let head = head_out.await.map_err(lost)??;
        Ok((head, Flow { pieces: out_out, cut: None, _cancel: cancel }))
    }

    fn common(&self, status: StatusCode, query_id: &str) -> Builder {
        let printable = |text: &str| -> String { text.chars().filter(|c| c.is_ascii_graphic()).take(256).collect() };
        Response::builder()
            .status(status)
            .header("X-ClickHouse-Server-Display-Name", "chbox")
            .header("X-ClickHouse-Query-Id", printable(query_id))
            .header("X-ClickHouse-Timezone", printable(&self.engine.timezone))
    }

    fn succeeded(&self, head: &Head, flow: Flow, query_id: &str) -> Answered {
        let mut response = self
            .common(StatusCode::OK, query_id)
            .header("Content-Type", content_type(&head.format))
            .header("X-ClickHouse-Format", head.format.as_str())
            .header("X-ClickHouse-Exception-Tag", head.tag.as_str())
            .header("X-ClickHouse-Summary", summary(head));
        if let Some(encoding) = head.encoding.header() {
            response = response.header("Content-Encoding", encoding);
        }
        let failed = || plain(StatusCode::BAD_REQUEST, "The format's name does not fit a header\n");
        response.body(Either::Right(flow)).unwrap_or_else(|_| failed())
    }

    fn failed(&self, fault: &Fault, query_id: &str) -> Answered {
        let body = Full::from(fault.body(&self.engine.version));
        self.common(fault.status(), query_id)
            .header("Content-Type", "text/plain; charset=UTF-8")
            .header("X-ClickHouse-Exception-Code", fault.code)
            .body(Either::Left(body))
            .unwrap_or_else(|_| plain(StatusCode::INTERNAL_SERVER_ERROR, "error\n"))
    }
}

/// Hands a request's body to the query's thread piece by piece.
async fn pump(mut body: Incoming, pieces: mpsc::Sender<io::Result<Bytes>>) {
    while let Some(frame) = body.frame().await {
        let piece = frame.map(|frame| frame.into_data().unwrap_or_default()).map_err(io::Error::other);
        let broken = piece.is_err();
        if pieces.send(piece).await.is_err() {
            // Nobody listens any more, so it does not matter how far this gets.
            let _late = tokio::time::timeout(DRAIN, async { while let Some(Ok(_)) = body.frame().await {} }).await;
            return;
        }
        if broken {
            return;
        }
    }
}

/// The body of an answer as it comes from the query's thread. Dropped by the network before its
/// end, it ends the query.
pub(crate) struct Flow {
    pieces: mpsc::Receiver<io::Result<Bytes>>,
    /// Running when the answer failed in its middle, until the connection is cut.
    cut: Option<Pin<Box<Sleep>>>,
    _cancel: Cancel,
}

impl Body for Flow {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.cut.is_none() {
            match ready!(self.pieces.poll_recv(context)) {
                Some(Err(_)) => self.cut = Some(Box::pin(sleep(CUT))),
                other => return Poll::Ready(other.map(|piece| piece.map(Frame::data))),
            }
        }
        if let Some(cut) = &mut self.cut {
            ready!(cut.as_mut().poll(context));
        }
        Poll::Ready(Some(Err(io::ErrorKind::ConnectionAborted.into())))
    }
}

fn plain(status: StatusCode, text: &'static str) -> Answered {
    let mut response = Response::new(Either::Left(Full::from(text)));
    *response.status_mut() = status;
    let kind = hyper::header::HeaderValue::from_static("text/html; charset=UTF-8");
    drop(response.headers_mut().insert("content-type", kind));
    response
}

fn summary(head: &Head) -> String {
    let c = &head.counts;
    format!(
        "{{\"read_rows\":\"{}\",\"read_bytes\":\"{}\",\"written_rows\":\"{}\",\"written_bytes\":\"{}\",\
         \"total_rows_to_read\":\"{}\",\"result_rows\":\"{}\",\"result_bytes\":\"{}\",\"elapsed_ns\":\"{}\"}}",
        c.read_rows,
        c.read_bytes,
        c.written_rows,
        c.written_bytes,
        c.read_rows,
        c.result_rows.max(c.written_rows),
        c.written_bytes,
        head.elapsed.as_nanos()
    )
}

fn content_type(format: &str) -> &'static str {
    match format {
        "JSON" | "JSONCompact" | "JSONStrings" | "JSONColumns" | "JSONCompactStrings" | "JSONObjectEachRow" => {
            "application/json; charset=UTF-8"
        }
        f if f.contains("EachRow") => "application/x-ndjson; charset=UTF-8",
        f if f.starts_with("CSV") => "text/csv; charset=UTF-8; header=absent",
        f if f.starts_with("TabSeparated") || f.starts_with("TSV") => "text/tab-separated-values; charset=UTF-8",
        "XML" => "application/xml; charset=UTF-8",
        "Native" | "Parquet" | "Arrow" | "ArrowStream" | "ORC" | "Avro" => "application/octet-stream",
        f if f.starts_with("RowBinary") => "application/octet-stream",
        _ => "text/plain; charset=UTF-8",
    }
}
