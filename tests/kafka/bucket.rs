//! An S3 server for tests, with one bucket: `s3rver`, which `scripts/test-clients` installs. It knows one key's id and
//! reads no signature of version 4.

use super::ports;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The id of the only key.
pub(crate) const KEY_ID: &str = "S3RVER";

/// The server, and what is in it.
pub(crate) struct Bucket {
    folder: TempDir,
    running: Option<Child>,
    port: u16,
    /// Files of a certificate and its key, where it is spoken to over TLS.
    tls: Option<[PathBuf; 2]>,
}

#[allow(dead_code)]
impl Bucket {
    pub(crate) fn open() -> Self {
        Self::start_with(None)
    }

    /// Spoken to over TLS only.
    pub(crate) fn over_tls(certificate: &Path, key: &Path) -> Self {
        Self::start_with(Some([certificate, key].map(Path::to_owned)))
    }

    fn start_with(tls: Option<[PathBuf; 2]>) -> Self {
        let mut bucket = Self { folder: TempDir::new().unwrap(), running: None, port: ports::free(), tls };
        bucket.start();
        bucket
    }

    pub(crate) fn start(&mut self) {
        let cache = std::env::var_os("SMARKETING_CACHE").map(PathBuf::from);
        let cache = cache.unwrap_or_else(|| PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache/smarketing"));
        let program = cache.join("test-clients/javascript/node_modules/s3rver/bin/s3rver.js");
        assert!(program.exists(), "{} is missing: run `scripts/test-clients`", program.display());
        let mut node = Command::new("node");
        node.arg(program).arg("--directory").arg(self.folder.path()).args(["--address", "127.0.0.1", "--silent"]);
        node.args(["--port", &self.port.to_string(), "--configure-bucket", "snapshots"]);
        for (option, file) in ["--cert", "--key"].iter().zip(self.tls.iter().flatten()) {
            node.arg(option).arg(file);
        }
        self.running = Some(node.stdin(Stdio::null()).stdout(Stdio::null()).spawn().expect("node is needed"));
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(started.elapsed() < Duration::from_secs(60), "the S3 server did not start");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub(crate) fn stop(&mut self) {
        if let Some(mut running) = self.running.take() {
            running.kill().unwrap();
            running.wait().unwrap();
        }
    }

    /// Sends it a signal, such as `STOP`: then it takes connections and answers nothing.
    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.running.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args([&format!("-{signal}"), &pid]).status().unwrap().success());
    }

    /// What the environment of a process holds that uses it with this key's id.
    pub(crate) fn environment(&self, key_id: &str) -> Vec<(String, String)> {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let endpoint = format!("{scheme}://127.0.0.1:{}", self.port);
        let settings = [
            ("AWS_ACCESS_KEY_ID", key_id),
            ("AWS_SECRET_ACCESS_KEY", "S3RVER"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ENDPOINT_URL", &endpoint),
        ];
        settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }

    /// The files of the objects of a folder of the bucket, in the order of their names.
    pub(crate) fn objects(&self, folder: &str) -> Vec<PathBuf> {
        let Ok(entries) = std::fs::read_dir(self.folder.path().join("snapshots").join(folder)) else {
            return Vec::new();
        };
        let files = entries.map(|entry| entry.unwrap().path());
        let mut files: Vec<_> = files.filter(|file| file.to_str().unwrap().ends_with("_object")).collect();
        files.sort();
        files
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        self.stop();
    }
}
