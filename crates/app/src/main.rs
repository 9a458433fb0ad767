//! The front door: command line, configuration, wiring.
//!
//! Start at [`cli`] (what can be asked) and `verbs` (what is done). This room knows every other one but keeps no
//! knowledge of its own; it must not know the types of the key-value store or of libchdb.

mod bar;
mod cli;
mod config;
mod feed;
mod house;
mod place;
mod remote;
mod render;
mod shared;
mod verbs;

use clap::Parser as _;
use std::process::ExitCode;

/// Rows are made on one thread and freed on another; the system's allocator takes a fifth of the time for that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Exit codes of the contract.
const FAILED: u8 = 1;
const WRONG_USAGE: u8 = 2;
const FOUND: u8 = 3;

/// How a verb ended when it did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Everything is as it should be.
    Done,
    /// Something was found that somebody should look at.
    Found,
}

/// What was asked makes no sense: what is wrong with it and what would be right, in one sentence.
#[derive(Debug, PartialEq, Eq)]
struct Misused(String);

impl std::fmt::Display for Misused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Misused {}

fn main() -> ExitCode {
    // What a step needs comes and goes: huge pages stay half empty behind it, and clearing them costs more than they
    // save. Where the kernel does not know the switch, it only takes more memory.
    let _ignored = rustix::thread::disable_transparent_huge_pages(true);
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() == Some("chbox") {
        smarketing_chbox::child_main(arguments);
    }
    let cli = cli::Cli::parse();
    // What matters of the Kafka client's errors is said where they are met.
    let filter = tracing_subscriber::EnvFilter::try_from_env("SMARKETING_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn,rdkafka=off"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match verbs::run(cli) {
        Ok(End::Done) => ExitCode::SUCCESS,
        Ok(End::Found) => ExitCode::from(FOUND),
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(if error.is::<Misused>() { WRONG_USAGE } else { FAILED })
        }
    }
}

/// Whoever read our output has read enough.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let broken = |cause: &(dyn std::error::Error + 'static)| {
        cause.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
    };
    error.chain().any(broken)
}
