//! The parent's side: starts the child, watches its health, and starts it again on the same port
//! with the same key when it dies or hangs, so that clients just retry.

use crate::{Error, Options};
use std::env;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// Opening a large data directory takes a while.
const BOOT: Duration = Duration::from_secs(300);
/// A child that was asked to stop gets so long.
const STOP: Duration = Duration::from_secs(30);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// A child that lived so long died of something new.
const SETTLED: Duration = Duration::from_secs(60);
/// All of the environment a child gets: the engine shows its own to whoever may read it.
const ENVIRONMENT: &[&str] =
    &["HOME", "LANG", "LD_LIBRARY_PATH", "PATH", "SMARKETING_CACHE", "SMARKETING_LIBCHDB", "TMPDIR", "TZ"];

/// How the child is started and watched.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The program; it must end up in [`crate::child_main`].
    pub program: PathBuf,
    /// Arguments before those of [`Options::to_arguments`].
    pub arguments: Vec<String>,
    /// Time between two checks of its health.
    pub check_every: Duration,
    /// A check that takes longer means that the child hangs.
    pub check_timeout: Duration,
}

impl Launch {
    /// This very program with the verb `chbox`, checked each second.
    ///
    /// # Errors
    /// [`Error::Spawn`] when the system does not tell which program this is.
    pub fn this_program() -> Result<Launch, Error> {
        Ok(Launch {
            program: env::current_exe().map_err(Error::Spawn)?,
            arguments: vec!["chbox".into()],
            check_every: Duration::from_secs(1),
            check_timeout: Duration::from_secs(20),
        })
    }
}

/// A running box. Dropped, it takes the child with it; [`Supervisor::stop`] does so gently.
pub struct Supervisor {
    port: u16,
    key: String,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    watch: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    /// 0 while no child runs.
    pid: AtomicU32,
    restarts: AtomicU64,
}

struct Running {
    child: Child,
    /// Kept open: its end tells the child to go.
    stdin: ChildStdin,
    port: u16,
}

impl Supervisor {
    /// The user that may do everything; its key is [`Supervisor::service_key`].
    pub const SERVICE_USER: &'static str = "service";
    /// The user that may read, without a key.
    pub const READER_USER: &'static str = "default";

    /// Starts a box and waits until it answers.
    ///
    /// # Errors
    /// What kept the first child from answering; later ones are started over and over.
    pub async fn start(launch: Launch, mut options: Options) -> Result<Supervisor, Error> {
        let key = random_key()?;
        let running = boot(&launch, &options, &key).await?;
        options.port = running.port;
        let shared = Arc::new(Shared::default());
        shared.pid.store(running.child.id().unwrap_or(0), Ordering::Release);
        let (stop, stopped) = oneshot::channel();
        let port = running.port;
        let watch = tokio::spawn(watch(launch, options, key.clone(), running, shared.clone(), stopped));
        Ok(Supervisor { port, key, shared, stop: Some(stop), watch })
    }

    /// `http://127.0.0.1:PORT`, the same for the supervisor's whole life.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The loopback port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The key of the user `service`: random, the same for the supervisor's whole life. A secret.
    pub fn service_key(&self) -> &str {
        &self.key
    }

    /// The child's process id, while there is one.
    pub fn pid(&self) -> Option<u32> {
        Some(self.shared.pid.load(Ordering::Acquire)).filter(|pid| *pid != 0)
    }

    /// How often a child had to be started again.
    pub fn restarts(&self) -> u64 {
        self.shared.restarts.load(Ordering::Acquire)
    }

    /// Lets queries under way end, closes the engine and waits for the child to go.
    pub async fn stop(mut self) {
        drop(self.stop.take());
        let _ended = (&mut self.watch).await;
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        // The task owns the child, which is killed when the task is.
        self.watch.abort();
    }
}

fn random_key() -> Result<String, Error> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(|_| Error::Key(std::io::Error::other("no randomness")))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Starts a child and waits until it serves.
async fn boot(launch: &Launch, options: &Options, key: &str) -> Result<Running, Error> {
    let kept = ENVIRONMENT.iter().filter_map(|name| Some((name, env::var_os(name)?)));
    let mut child = Command::new(&launch.program)
        .args(&launch.arguments)
        .args(options.to_arguments())
        .env_clear()
        .envs(kept)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(Error::Spawn)?;
    let no_pipe = || Error::Spawn(std::io::ErrorKind::BrokenPipe.into());
    let mut stdin = child.stdin.take().ok_or_else(no_pipe)?;
    stdin.write_all(format!("{key}\n").as_bytes()).await.map_err(Error::Spawn)?;
    let mut said = String::new();
    let mut stdout = BufReader::new(child.stdout.take().ok_or_else(no_pipe)?);
    timeout(BOOT, stdout.read_line(&mut said)).await.map_err(|_| Error::Silent)?.map_err(Error::Spawn)?;
    let port = said.trim().strip_prefix("{\"port\":").and_then(|rest| rest.strip_suffix('}')?.parse().ok());
    match port {
        Some(port) => Ok(Running { child, stdin, port }),
        None => Err(Error::Child(said.trim().to_owned())),
    }
}

/// Keeps a child running until told to stop.
async fn watch(
    launch: Launch,
    options: Options,
    key: String,
    mut running: Running,
    shared: Arc<Shared>,
    mut stopped: oneshot::Receiver<()>,
) {
    let mut pause = FIRST_PAUSE;
    loop {
        let began = Instant::now();
        let why = tokio::select! {
            why = failed(&mut running, &launch) => why,
            _ = &mut stopped => return end(running, &shared).await,
        };
        tracing::warn!(why, "clickhouse in the box failed; starting it again");
        shared.pid.store(0, Ordering::Release);
        let _gone = running.child.kill().await;
        if began.elapsed() > SETTLED {
            pause = FIRST_PAUSE;
        }
        running = loop {
            tokio::select! {
                () = sleep(pause) => {}
                _ = &mut stopped => return,
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
            shared.restarts.fetch_add(1, Ordering::AcqRel);
            tokio::select! {
                booted = boot(&launch, &options, &key) => match booted {
                    Ok(running) => {
                        shared.pid.store(running.child.id().unwrap_or(0), Ordering::Release);
                        break running;
                    }
                    Err(error) => tracing::warn!(%error, "clickhouse in the box did not start"),
                },
                _ = &mut stopped => return,
            }
        };
    }
}

/// Returns when the child died or hangs.
async fn failed(running: &mut Running, launch: &Launch) -> &'static str {
    loop {
        tokio::select! {
            _ = running.child.wait() => return "it died",
            () = sleep(launch.check_every) => {}
        }
        for path in ["/ping", "/health"] {
            tokio::select! {
                _ = running.child.wait() => return "it died",
                fine = timeout(launch.check_timeout, fetch(running.port, path)) => match fine {
                    Ok(Ok(true)) => {}
                    Ok(_) => return "it does not answer well",
                    Err(_) => return "it hangs",
                },
            }
        }
    }
}

/// Whether `path` answers 200. A whole HTTP client is not needed for that.
async fn fetch(port: u16, path: &str) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut status = [0_u8; 12];
    stream.read_exact(&mut status).await?;
    Ok(status.ends_with(b" 200"))
}

/// Lets the child end by itself, for a while.
async fn end(mut running: Running, shared: &Shared) {
    drop(running.stdin);
    if timeout(STOP, running.child.wait()).await.is_err() {
        let _gone = running.child.kill().await;
    }
    shared.pid.store(0, Ordering::Release);
}
