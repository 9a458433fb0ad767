//! The warehouse: owns the ClickHouse tables. It migrates them, writes rows, and answers questions.
//!
//! Start at [`Warehouse`]; then `migrations/` (the tables) and `views/` (what BI reads), [`mod@write`] (rows on their
//! way in) and [`report`] (questions and answers). It must not know whether ClickHouse is embedded or remote, Kafka,
//! or the store: it is given a URL and talks HTTP to it.
//!
//! Two databases: `smarketing_g1` holds the tables of generation 1, `smarketing` holds views over the active one.
//! A row is (key, version, whole value): writing it again, late or twice, changes nothing.

mod ask;
mod calendar;
mod checksum;
mod cluster;
mod compare;
mod dictionary;
mod error;
mod migrate;
mod options;
mod publish;
mod record;
pub mod report;
mod table;
mod template;
mod upkeep;
mod views;
mod watch;
pub mod write;

pub use ask::{Answer, ROWS_MAX};
pub use calendar::Calendar;
pub use checksum::{Bucket, Checksum};
pub use cluster::Cluster;
pub use compare::Comparison;
pub use error::{Error, Remedy, Result};
pub use migrate::{MIGRATIONS, Migration};
pub use options::{Credentials, Options};
pub use table::{Cell, Column, Kind, Table};
pub use write::{Opened, Opener, Parcel};

use clickhouse::{Client, Compression};
use template::Names;

/// A connection to the warehouse of one generation. Cheap to clone; every clone shares its connections.
#[derive(Clone, Debug)]
pub struct Warehouse {
    /// The service: migrates and writes, in the database of the tables.
    service: Client,
    /// Whoever asks: may read only.
    reader: Client,
    names: Names,
    options: Options,
}

impl Warehouse {
    /// Connects and asks the server for its version.
    ///
    /// # Errors
    /// A database name that is none; a server that cannot be reached or refuses the user.
    pub async fn connect(options: Options) -> Result<Self> {
        let names = Names::new(&options)?;
        let mut service = client(&options, &options.service);
        if let Some(cluster) = &options.cluster {
            cluster.check()?;
            for (setting, value) in cluster.settings() {
                service = service.with_setting(*setting, *value);
            }
        }
        let reader = client(&options, options.reader.as_ref().unwrap_or(&options.service));
        let warehouse = Self { service, reader, names, options };
        warehouse.execute("connection", "SELECT version()").await?;
        Ok(warehouse)
    }

    /// The same server and users, but the tables of `generation`: what `replay` fills before it switches.
    ///
    /// # Errors
    /// None but those of [`Warehouse::connect`] for the names.
    pub fn generation(&self, generation: u32) -> Result<Self> {
        let options = Options { generation, ..self.options.clone() };
        Ok(Self { names: Names::new(&options)?, options, ..self.clone() })
    }

    /// Runs one statement of ours as the service, on a cluster as the cluster wants it; `subject` names it in errors.
    async fn execute(&self, subject: &str, sql: &str) -> Result<()> {
        for sql in self.spread(sql) {
            let statement = self.service.query_raw(&sql).execute();
            error::within(self.options.query_timeout, subject, statement).await?;
        }
        Ok(())
    }

    /// What is run for one statement of ours.
    fn spread(&self, sql: &str) -> Vec<String> {
        let sql = self.names.expand(sql);
        match &self.options.cluster {
            Some(cluster) => cluster.spread(&sql),
            None => vec![sql],
        }
    }
}

fn client(options: &Options, user: &Credentials) -> Client {
    let compression = if options.compress { Compression::Lz4 } else { Compression::None };
    Client::default()
        .with_url(&options.url)
        .with_user(&user.user)
        .with_password(&user.password)
        .with_compression(compression)
        .with_validation(false)
}
