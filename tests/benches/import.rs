//! How fast a file of generated events becomes acknowledged rows, beside decoding the same file alone.
//!
//! `SMARKETING_BENCH_EVENTS` says how many events (default 5 000 000). Everything runs as a user would run it: the
//! release binary, the embedded engine, one machine. Memory is the service's own, without the engine's process.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

fn main() {
    let events = std::env::var("SMARKETING_BENCH_EVENTS").unwrap_or_else(|_| "5000000".to_owned());
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    for (name, heavy) in [("ordinary", "0"), ("with an account of 100 000 touches", "100000")] {
        let file = folder.path().join("events.jsonl");
        generate(&file, &events, heavy);
        let (decoding, _) = timed(smarketing().args(["check", "--offline", "--events"]).arg(&file));
        let data = folder.path().join("data");
        let (importing, memory) =
            timed(smarketing().arg("--data-dir").arg(&data).args(["import", "events"]).arg(&file));
        let rows = std::fs::read(&file).expect("the history").split(|byte| *byte == b'\n').count() - 1;
        let rate = |took: Duration| rows as f64 / took.as_secs_f64();
        println!(
            "import, {name}: {rows} events, {:.0} events/s; decoding alone {:.0} events/s; ratio {:.2}; {memory} MB resident",
            rate(importing),
            rate(decoding),
            decoding.as_secs_f64() / importing.as_secs_f64()
        );
        std::fs::remove_dir_all(&data).expect("the data directory to go");
    }
}

fn smarketing() -> Command {
    Command::new(env!("CARGO_BIN_EXE_smarketing"))
}

fn generate(file: &Path, events: &str, heavy: &str) {
    let out = std::fs::File::create(file).expect("a file for the history");
    let arguments = ["generate", "--days", "365", "--events", events, "--heavy-account-touches", heavy];
    let status = smarketing().args(arguments).stdout(out).stderr(Stdio::null()).status().expect("the binary to run");
    assert!(status.success(), "generating failed");
}

/// How long a command took, and the most memory it held, in MB.
fn timed(command: &mut Command) -> (Duration, u64) {
    let started = Instant::now();
    let mut child = command.stdout(Stdio::null()).spawn().expect("the binary to run");
    let mut peak = 0;
    let status = loop {
        peak = peak.max(resident(&child));
        match child.try_wait().expect("the binary to end") {
            Some(status) => break status,
            None => std::thread::sleep(Duration::from_millis(50)),
        }
    };
    assert!(status.success(), "{command:?} failed");
    (started.elapsed(), peak)
}

fn resident(child: &Child) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.and_then(|peak| peak.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) / 1_000
}
