//! How fast a filled Kafka topic becomes acknowledged rows, beside a consumer that only decodes; how late a row can be
//! queried at a steady rate; what a partition with many subjects costs to go on with, and to restore.
//!
//! A real broker, the release binary and a real ClickHouse on one machine, as the tests start them; nothing is mocked.
//! Every figure is a line: `kafka, <what>: <number> <unit>`. Sizes are set by the environment:
//!
//! | variable | default | what |
//! |---|---|---|
//! | `SMARKETING_BENCH_PARTS` | `throughput,latency,state` | which parts run |
//! | `SMARKETING_BENCH_EVENTS` | 2 000 000 | events of the filled topic |
//! | `SMARKETING_BENCH_RATE`, `_SECONDS` | 10 000, 30 | events a second, for how long |
//! | `SMARKETING_BENCH_SUBJECTS` | 1 000 000 | visitors one partition has in the end |
//! | `SMARKETING_BENCH_FILLS` | 4 | steps in which they come; half of each step's events are of known visitors |

#[allow(dead_code)]
#[path = "../kafka/cluster.rs"]
mod cluster;
#[path = "../kafka/engine.rs"]
mod engine;
#[allow(dead_code)]
#[path = "../system/home.rs"]
mod home;
#[path = "kafka/latency.rs"]
mod latency;
#[path = "../kafka/ports.rs"]
mod ports;
#[path = "kafka/site.rs"]
mod site;
#[path = "kafka/state.rs"]
mod state;
#[path = "kafka/throughput.rs"]
mod throughput;

use site::Site;
use std::fmt::Display;

fn main() {
    let parts = std::env::var("SMARKETING_BENCH_PARTS").unwrap_or_else(|_| "throughput,latency,state".to_owned());
    let site = Site::open();
    for part in parts.split(',') {
        match part {
            "throughput" => throughput::run(&site),
            "latency" => latency::run(&site),
            "state" => state::run(&site),
            other => panic!("SMARKETING_BENCH_PARTS: \"{other}\" is none of throughput, latency and state"),
        }
    }
}

/// A size that the environment may set.
fn size(name: &str, default: u64) -> u64 {
    let set = std::env::var(format!("SMARKETING_BENCH_{name}")).ok();
    set.map_or(default, |set| set.parse().unwrap_or_else(|_| panic!("SMARKETING_BENCH_{name}: \"{set}\" is no number")))
}

/// One figure, on a line of its own.
fn figure(what: &str, number: impl Display, unit: &str) {
    println!("kafka, {what}: {number} {unit}");
}
