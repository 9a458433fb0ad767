//! Seeded worlds: histories invented from a seed, the auditor that recomputes everything naively, and the kernel among
//! everything that can go wrong.
//!
//! Start at [`history`] (believable, to show and to measure with) or [`workload`] (small and tangled), then [`auditor`]
//! (what follows from events), then [`world`] (faults, invariants). It must not know tokio, Kafka, ClickHouse or the
//! wall clock: the same seed is the same world on every machine.

pub mod auditor;
mod chance;
pub mod history;
pub mod pseudonym;
pub mod workload;
pub mod world;
