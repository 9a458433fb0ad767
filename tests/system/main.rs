//! The product from the outside: the real binary, the real embedded ClickHouse, files and sockets.
//!
//! Needs what `scripts/setup test` installs: libchdb, curl, java, Kafka's jars and a schema registry's, node and an S3 server; without them the
//! tests fail and say so.

#[path = "../kafka/bucket.rs"]
mod bucket;
#[path = "../kafka/cluster.rs"]
mod cluster;
mod crash;
mod disk;
#[path = "../kafka/engine.rs"]
mod engine;
mod golden;
mod home;
mod import;
mod kafka;
mod models;
mod monitor;
#[path = "../kafka/ports.rs"]
mod ports;
mod questions;
#[path = "../kafka/registry.rs"]
mod registry;
mod repair;
mod serving;
mod upgrade;
mod watch;
