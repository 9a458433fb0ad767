//! The child process: boots the engine, serves it, and goes when its parent goes.
//!
//! Its first line of input is the key of the user `service`; the end of its input means that the
//! parent is gone. Its first line of output is `{"port":N}`, or `{"error":"…"}`.

use crate::engine::Engine;
use crate::gate::Secret;
use crate::serve::Server;
use crate::sessions::Sessions;
use crate::{Error, Options, ffi, find_library};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use std::convert::Infallible;
use std::io::{self, BufRead, Read, Write};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// Queries under way get so long to end when the process is asked to.
const DRAIN: Duration = Duration::from_secs(10);
/// Closing the engine gets so long; then the process goes without.
const CLOSE: Duration = Duration::from_secs(15);
/// ClickHouse expects deep stacks.
const STACK: usize = 8 << 20;
const MAX_KEY: u64 = 1024;
/// Network connections held at once; more are closed at once.
const MAX_CONNECTIONS: usize = 1024;

/// Runs a box until its input ends or it is told to stop; `arguments` are [`Options::to_arguments`].
/// Never returns: the engine's exit handlers are not to be run.
pub fn child_main(arguments: impl IntoIterator<Item = String>) -> ! {
    let code = match run(arguments) {
        Ok(()) => 0,
        Err(error) => {
            let message = error.to_string().replace('\\', "\\\\").replace('"', "\\\"").replace('\n', " ");
            say(&format!("{{\"error\":\"{message}\"}}"));
            2
        }
    };
    ffi::exit_now(code)
}

/// Tells the parent one line. A parent that is gone is noticed by the end of input.
fn say(line: &str) {
    let mut out = io::stdout().lock();
    let _gone = writeln!(out, "{line}").and_then(|()| out.flush());
}

fn run(arguments: impl IntoIterator<Item = String>) -> Result<(), Error> {
    let options = Options::from_arguments(arguments)?;
    let library = find_library(options.library.as_deref())?;
    let mut input = io::BufReader::new(io::stdin());
    let mut key = String::new();
    input.by_ref().take(MAX_KEY).read_line(&mut key).map_err(Error::Key)?;
    let secret = Secret(key.trim().to_owned());
    if secret.0.is_empty() {
        return Err(Error::Key(io::ErrorKind::UnexpectedEof.into()));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(256)
        .thread_stack_size(STACK)
        .enable_all()
        .build()
        .map_err(Error::Runtime)?;
    let engine = Arc::new(Engine::boot(&library, &options)?);
    let (gone_in, gone) = oneshot::channel();
    drop(thread::spawn(move || {
        let _ended = io::copy(&mut input, &mut io::sink());
        let _stopping = gone_in.send(());
    }));
    let sessions = Arc::new(Sessions::default());
    let server = Arc::new(Server::new(engine.clone(), sessions.clone(), secret, &options));
    runtime.block_on(serve(server, sessions.clone(), options.port, gone))?;
    drop(thread::spawn(|| {
        thread::sleep(CLOSE);
        ffi::exit_now(0);
    }));
    engine.kill_all();
    runtime.shutdown_timeout(DRAIN / 2);
    sessions.clear();
    engine.close();
    Ok(())
}

async fn serve(
    server: Arc<Server>,
    sessions: Arc<Sessions>,
    port: u16,
    mut gone: oneshot::Receiver<()>,
) -> Result<(), Error> {
    let listen = |source| Error::Listen { port, source };
    let listener = TcpListener::bind(("127.0.0.1", port)).await.map_err(listen)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(Error::Runtime)?;
    // Ctrl-C reaches the whole group; when to stop is the parent's decision.
    let _ignored = signal(SignalKind::interrupt()).map_err(Error::Runtime)?;
    say(&format!("{{\"port\":{}}}", listener.local_addr().map_err(listen)?.port()));

    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut sweep = tokio::time::interval(Duration::from_secs(1));
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => match places.clone().try_acquire_owned() {
                    Ok(place) => spawn(stream, place, server.clone(), &graceful),
                    Err(_) => drop(stream),
                },
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            },
            _ = sweep.tick() => {
                let sessions = sessions.clone();
                drop(tokio::task::spawn_blocking(move || sessions.expire(Instant::now())));
            }
            _ = terminate.recv() => break,
            _ = &mut gone => break,
        }
    }
    drop(listener);
    let _late = tokio::time::timeout(DRAIN, graceful.shutdown()).await;
    Ok(())
}

fn spawn(stream: TcpStream, place: OwnedSemaphorePermit, server: Arc<Server>, graceful: &GracefulShutdown) {
    // Only latency is at stake.
    let _slower = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let server = server.clone();
        async move { Ok::<_, Infallible>(server.answer(request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(120))
        .max_buf_size(2 << 20)
        .serve_connection(TokioIo::new(stream), service);
    let watched = graceful.watch(connection);
    drop(tokio::spawn(async move {
        // A connection that breaks has told its own story.
        let _broken = watched.await;
        drop(place);
    }));
}
