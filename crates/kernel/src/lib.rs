//! The kernel: given the same entries it decides the same journeys, credits and rows, and does nothing else.
//!
//! Start at [`entry`] (what comes in), [`subject`] (what is kept), [`step()`] (the one function that decides) and
//! [`row`] (what goes out). It must not know tokio, threads, clocks, files, sockets, `std`, Kafka, ClickHouse, Avro or
//! metrics; `no_std` makes that a fact of the compiler.
#![cfg_attr(not(test), no_std)]

extern crate alloc;

pub use smarketing_attribution as attribution;

pub mod bots;
pub mod channel;
mod classify;
pub mod content;
pub mod email;
pub mod entry;
pub mod event;
pub mod id;
mod journey;
mod ledger;
pub mod money;
mod projection;
pub mod repair;
mod route;
pub mod row;
pub mod rules;
mod settle;
pub mod step;
pub mod subject;
pub mod text;
pub mod time;
pub mod url;
pub mod watch;

/// Version of what the kernel makes of a journal. Raised with every change after which the same entries give other
/// rows, other digests or other stored bytes: what was built with another one is rebuilt from the journal.
pub const LOGIC: u32 = 9;

pub use route::{OwnerName, owner};
pub use settle::{Checksum, Checksums};
pub use step::step;
