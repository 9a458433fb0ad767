//! The warehouse against the real engine: every view, every report, and every way a write can go wrong.

mod compare;
mod migrate;
mod report;
mod rows;
mod server;
mod switch;
mod view;
mod write;
