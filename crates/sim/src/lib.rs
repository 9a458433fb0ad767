//! Seeded worlds: a believable history to show and to measure with, and the auditor that recomputes everything naively.
//!
//! Start at [`history`] (what happened, invented from a seed), then [`auditor`] (what follows from it). It must not know tokio, Kafka, ClickHouse or the wall
//! clock: the same seed is the same world on every machine.

pub mod auditor;
mod chance;
pub mod history;
pub mod pseudonym;
pub mod workload;
pub mod world;
