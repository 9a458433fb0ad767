//! Moves records through the rooms: intake, journal, one worker a partition, delivery,
//! snapshots, limits, metrics, shutdown.
//!
//! Start at [`service`] (what runs), then [`intake`] (records to journal), `worker` (journal to commits) and
//! [`delivery`] (commits to warehouse and store) and [`reconciler`] (what the warehouse lost comes back). Everything a worker decides follows from the entries of its
//! partition's journal, in their order.
//!
//! This room must not know flags, environment, TOML, HTML, nor the text of SQL.

pub mod codec;
pub mod delivery;
pub mod intake;
pub mod kafka;
mod keeper;
pub mod limits;
pub mod local;
pub mod log;
pub mod metrics;
pub mod progress;
pub mod reconciler;
mod rerun;
pub mod service;
pub mod shelf;
pub mod shelter;
pub mod vault;
pub mod worker;

pub use intake::{Incoming, Intake};
pub use local::{Local, Shared};
pub use metrics::{Metric, Metrics};
pub use progress::Progress;
pub use service::{Parts, Service};
pub use vault::{Pepper, Vault};
