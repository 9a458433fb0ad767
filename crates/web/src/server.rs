//! The server: sockets, routes, start and stop.

use crate::admin::{self, Admin};
use crate::ends::Ends;
use crate::options::{HEAD_BYTES, HEADERS, INQUIRIES, Options};
use crate::queue::Queue;
use crate::refusal::{Refusal, no_such_method, no_such_path};
use crate::{events, reports, status};
use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use smarketing_engine::intake::stream_name;
use smarketing_engine::{Intake, Progress};
use smarketing_kernel::text::Text;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::task::{JoinHandle, JoinSet};

/// Pause after the system refused a connection (out of files, mostly).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why the collector could not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address could not be taken.
    #[error("could not listen on \"{address}\": {source}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// The system's answer.
        source: io::Error,
    },
    /// No thread.
    #[error("could not start a thread: {0}")]
    Thread(#[source] io::Error),
    /// No name for its stream.
    #[error(transparent)]
    Name(#[from] smarketing_engine::vault::Error),
}

/// What requests work with.
pub(crate) struct Front {
    pub(crate) options: Options,
    pub(crate) ends: Ends,
    pub(crate) progress: Arc<Progress>,
    pub(crate) admin: Arc<dyn Admin>,
    pub(crate) queue: Queue,
    pub(crate) stream: Text,
    /// A permit for each body that may be received or journalled.
    pub(crate) requests: Arc<Semaphore>,
    /// A permit for each question that may be answered.
    pub(crate) inquiries: Arc<Semaphore>,
    /// A permit for each byte of a body that may be held.
    pub(crate) room: Arc<Semaphore>,
}

impl Front {
    /// Refuses while records would not be delivered.
    pub(crate) fn check_ready(&self) -> Result<(), Refusal> {
        if self.progress.halted().is_some() {
            return Err(Refusal::later("a partition has stopped, see /v1/status; nothing of this request was taken"));
        }
        if !self.queue.is_open() {
            return Err(Refusal::later("the collector has stopped; nothing of this request was taken"));
        }
        Ok(())
    }
}

/// Who is at the other end of a connection.
#[derive(Clone, Copy)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// A running collector. Dropped without [`Collector::stop`] it stops as well, without anybody waiting for it.
pub struct Collector {
    address: SocketAddr,
    stream: Text,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
    appending: std::thread::JoinHandle<()>,
}

impl Collector {
    /// Listens and serves. Records go through `intake` as one stream, new at every start.
    ///
    /// # Errors
    /// An address that cannot be taken.
    pub async fn start(
        options: Options,
        intake: Arc<Intake>,
        progress: Arc<Progress>,
        admin: Arc<dyn Admin>,
    ) -> Result<Self, Error> {
        let listening = |source| Error::Listen { address: options.listen, source };
        let listener = TcpListener::bind(options.listen).await.map_err(listening)?;
        let address = listener.local_addr().map_err(listening)?;
        let stream = stream_name("collector", (options.clock)())?;
        let waiting_max = options.requests_max;
        let (queue, appending) =
            Queue::start(Arc::clone(&intake), stream.clone(), options.clock, waiting_max).map_err(Error::Thread)?;
        let front = Front {
            requests: Arc::new(Semaphore::new(options.requests_max)),
            inquiries: Arc::new(Semaphore::new(INQUIRIES)),
            room: Arc::new(Semaphore::new(options.buffer_bytes_max)),
            options,
            ends: Ends::new(intake),
            progress,
            admin,
            queue,
            stream: stream.clone(),
        };
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(serve(listener, Arc::new(front), stopped));
        Ok(Self { address, stream, stop, serving, appending })
    }

    /// Where it listens, such as `http://127.0.0.1:7070`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The stream of its records in the journal.
    #[must_use]
    pub fn stream(&self) -> &Text {
        &self.stream
    }

    /// Accepts nothing more, lets requests finish within the bound, and cuts the others off. When it returns nothing
    /// is appended any more.
    pub async fn stop(self) {
        drop(self.stop);
        let appending = self.appending;
        let serving = self.serving.await;
        let appending = tokio::task::spawn_blocking(move || appending.join()).await;
        if serving.is_err() || !matches!(appending, Ok(Ok(()))) {
            tracing::error!("the collector did not stop in order; what was answered for is in the journal");
        }
    }
}

fn routes(front: &Arc<Front>) -> Router {
    let origin = from_fn_with_state(Arc::clone(front), events::check_origin);
    let admin = Router::new()
        .route("/import", post(admin::import))
        .route("/retry", post(admin::retry))
        .route("/settle", post(admin::settle))
        .route("/watch", post(admin::watch))
        .route_layer(from_fn_with_state(Arc::clone(front), admin::guard));
    let readers = Router::new()
        .route("/v1/reports/{name}", get(reports::report))
        .route("/v1/leads/{who}", get(reports::lead))
        .route("/v1/deals/{id}", get(reports::deal))
        .route_layer(from_fn_with_state(Arc::clone(front), reports::guard));
    Router::new()
        .route("/v1/events", post(events::collect).fallback(no_such_method).layer(origin))
        .route("/v1/status", get(status::status))
        .route("/metrics", get(status::metrics))
        .route("/healthz", get(status::alive))
        .route("/readyz", get(status::ready))
        .merge(readers)
        .nest("/admin", admin)
        .fallback(no_such_path)
        .method_not_allowed_fallback(no_such_method)
        .with_state(Arc::clone(front))
}

/// Serves until `stop` is sent or dropped.
async fn serve(listener: TcpListener, front: Arc<Front>, mut stop: oneshot::Receiver<()>) {
    let service = TowerToHyperService::new(routes(&front));
    let places = Arc::new(Semaphore::new(front.options.connections_max));
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = &mut stop => break,
            Some(ended) = connections.join_next() => {
                if ended.is_err() {
                    tracing::error!("a connection ended in a panic");
                }
            }
            (stream, peer, place) = accept(&listener, &places) => {
                // Answers are small: nothing is won by waiting to fill a packet.
                let _at_once = stream.set_nodelay(true);
                let service = service.clone();
                let named = service_fn(move |mut request: hyper::Request<Incoming>| {
                    let _none = request.extensions_mut().insert(Peer(peer.ip()));
                    service.call(request)
                });
                let connection = http(front.options.patience).serve_connection(TokioIo::new(stream), named);
                let connection = graceful.watch(connection);
                connections.spawn(async move {
                    let _held = place;
                    if let Err(error) = connection.await {
                        tracing::debug!(%error, "a connection broke off");
                    }
                });
            }
        }
    }
    drop(listener);
    let _in_time = tokio::time::timeout(front.options.stop_within, graceful.shutdown()).await;
    connections.shutdown().await;
}

fn http(patience: Duration) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(patience).max_headers(HEADERS).max_buf_size(HEAD_BYTES);
    builder
}

/// The next connection, once there is a place for it.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> (TcpStream, SocketAddr, Option<OwnedSemaphorePermit>) {
    // The places are never closed, so there always is one.
    let place = Arc::clone(places).acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => return (stream, peer, place),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}
