//! Moves records through the rooms: intake, journal, one worker a partition, delivery,
//! snapshots, limits, metrics, shutdown.
//!
//! Start at [`log`]: everything a worker decides follows from the entries of its
//! partition's journal, in their order.
//!
//! This room must not know flags, environment, TOML, HTML, nor the text of SQL.

pub mod log;
