//! The warehouse against the real engine: every view, every report, and every way a write can go wrong.

mod cluster;
mod compare;
mod dashboards;
mod dbt;
mod grants;
mod migrate;
mod money;
mod repeats;
mod report;
mod rows;
mod sales;
mod server;
mod switch;
mod view;
mod watch;
mod write;
