//! The product from the outside: the real binary, the real embedded ClickHouse, files and sockets.
//!
//! Needs libchdb (`scripts/libchdb` fetches it) and curl; without them the tests fail and say so.

mod crash;
mod disk;
mod golden;
mod home;
mod import;
mod monitor;
mod questions;
mod repair;
mod serving;
mod upgrade;
mod watch;
