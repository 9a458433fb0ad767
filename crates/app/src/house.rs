//! The whole product on one machine: embedded ClickHouse, journal, store, vault, service — opened and closed together.

use crate::config::Config;
use crate::feed;
use crate::place::{Layout, Place};
use anyhow::{Context as _, bail};
use smarketing_chbox::{Launch, Options as BoxOptions, Supervisor};
use smarketing_engine::{Local, Parts, Service};
use smarketing_warehouse::{Credentials, MIGRATIONS, Options as WarehouseOptions, Remedy, Warehouse};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// An open house.
pub(crate) struct House {
    pub(crate) clickhouse: Engine,
    pub(crate) warehouse: Warehouse,
    pub(crate) service: Service,
}

/// Where the warehouse is.
pub(crate) enum Engine {
    /// A child of ours.
    Embedded(Supervisor),
    /// A server of somebody's, by its URL.
    Server(String),
}

impl Engine {
    pub(crate) fn url(&self) -> String {
        match self {
            Self::Embedded(engine) => engine.url(),
            Self::Server(url) => url.clone(),
        }
    }

    /// Stops it, if it is ours.
    pub(crate) async fn stop(self) {
        if let Self::Embedded(engine) = self {
            engine.stop().await;
        }
    }
}

/// Opens journal, store and vault of a data directory.
pub(crate) fn open_disks(place: &Place, config: &Config, layout: &Layout) -> anyhow::Result<Local> {
    let store = place.store(layout.generation);
    Ok(Local::open(&place.journal(), &store, &place.vault(), layout.partitions, config.pepper(place)?)?)
}

/// Starts the embedded engine of a data directory, where no server is configured.
pub(crate) async fn start_engine(place: &Place, config: &Config) -> anyhow::Result<Engine> {
    if !config.raw.clickhouse.url.is_empty() {
        return Ok(Engine::Server(config.raw.clickhouse.url.clone()));
    }
    start_embedded(place, config).await.map(Engine::Embedded)
}

async fn start_embedded(place: &Place, config: &Config) -> anyhow::Result<Supervisor> {
    let options = BoxOptions {
        path: place.clickhouse(),
        port: config.raw.clickhouse.port,
        memory_bytes: config.raw.clickhouse.memory_mib << 20,
        ..BoxOptions::default()
    };
    let started = Instant::now();
    loop {
        // The engine of a service that was killed a moment ago may still be on its way out.
        match Supervisor::start(Launch::this_program()?, options.clone()).await {
            Err(error @ smarketing_chbox::Error::NoLibrary { .. }) => return Err(error.into()),
            Err(error) if started.elapsed() < LINGERING => tracing::info!(%error, "trying again"),
            done => return done.context("could not start the embedded ClickHouse engine"),
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// How long a start waits for the engine of a killed service to go.
const LINGERING: Duration = Duration::from_secs(5);

/// A warehouse on the engine.
pub(crate) async fn connect(engine: &Engine, config: &Config, generation: u32) -> anyhow::Result<Warehouse> {
    let options = options(engine, config, generation);
    patiently(|| Warehouse::connect(options.clone()))
        .await
        .with_context(|| format!("could not connect to ClickHouse at {}", engine.url()))
}

/// How a generation of the engine, or the server, is reached.
pub(crate) fn options(engine: &Engine, config: &Config, generation: u32) -> WarehouseOptions {
    let raw = &config.raw.clickhouse;
    let user = |user: &str, password: &str| Credentials { user: user.to_owned(), password: password.to_owned() };
    let (service, reader) = match engine {
        Engine::Embedded(engine) => (user("service", engine.service_key()), Some(user("default", ""))),
        Engine::Server(_) if raw.reader_user.is_empty() => (user(&raw.user, &raw.password), None),
        Engine::Server(_) => (user(&raw.user, &raw.password), Some(user(&raw.reader_user, &raw.reader_password))),
    };
    WarehouseOptions {
        url: engine.url(),
        service,
        reader,
        database: raw.database.clone(),
        generation,
        cluster: raw.cluster(),
        durable: raw.durable,
        compress: matches!(engine, Engine::Server(_)),
        ..WarehouseOptions::default()
    }
}

/// Brings tables and views to today's.
pub(crate) async fn migrate(warehouse: &Warehouse, config: &Config) -> anyhow::Result<()> {
    prepare(warehouse, config).await?;
    patiently(|| warehouse.publish()).await.context("could not create the views of the warehouse")
}

/// How long a start waits for an engine that is being started again.
const PATIENCE: Duration = Duration::from_secs(60);

/// Tries again what may pass: the engine may be on its way back.
async fn patiently<T, F>(mut attempt: impl FnMut() -> F) -> smarketing_warehouse::Result<T>
where
    F: Future<Output = smarketing_warehouse::Result<T>>,
{
    let started = Instant::now();
    loop {
        match attempt().await {
            Err(error) if error.remedy() == Remedy::Retry && started.elapsed() < PATIENCE => {
                tracing::warn!(%error, "trying again");
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            done => return done,
        }
    }
}

/// Lets readers see a generation instead of another, once both have today's tables.
pub(crate) async fn switch(warehouse: &Warehouse, shown: u32) -> anyhow::Result<()> {
    let before = warehouse.generation(shown)?;
    patiently(|| before.migrate(MIGRATIONS)).await.context("could not migrate the tables that are shown")?;
    patiently(|| warehouse.publish()).await.context("could not create the views of the warehouse")
}

/// Brings the tables of a generation up to date, and the calendar of sales in them.
pub(crate) async fn prepare(warehouse: &Warehouse, config: &Config) -> anyhow::Result<()> {
    patiently(|| warehouse.migrate(MIGRATIONS)).await.context("could not migrate the warehouse")?;
    let workspace = &config.raw.service.workspace;
    patiently(|| warehouse.set_calendar(workspace, &config.calendar, feed::now()))
        .await
        .context("could not write the calendar of sales ([sla])")
}

impl House {
    /// Opens a data directory, creating it if absent, and starts to work where it stopped.
    pub(crate) async fn open(place: &Place, config: &Config) -> anyhow::Result<Self> {
        place.create()?;
        let layout = place.layout_or_new(config)?;
        if !layout.journal.is_empty() {
            bail!("the data directory belongs to {}; use another one", layout.owner());
        }
        let mut layout = place.current(config)?;
        if layout.pepper.is_empty() {
            layout.pepper = config.pepper(place)?.digest();
            place.save(&layout)?;
        }
        let disks = open_disks(place, config, &layout)?;
        let clickhouse = start_engine(place, config).await?;
        let warehouse = connect(&clickhouse, config, layout.generation).await?;
        migrate(&warehouse, config).await?;
        Self::work(place, config, &layout, disks, clickhouse, warehouse)
    }

    /// Opens an empty generation beside the one that readers see, and starts to fill it.
    pub(crate) async fn open_beside(
        place: &Place,
        config: &Config,
        shown: &Layout,
        next: &Layout,
    ) -> anyhow::Result<Self> {
        let disks = open_disks(place, config, next)?;
        let clickhouse = start_engine(place, config).await?;
        let warehouse = connect(&clickhouse, config, next.generation).await?;
        // An attempt that broke off may have left views that look at both; the tables must stay alike for the switch.
        let before = warehouse.generation(shown.generation)?;
        patiently(|| before.migrate(MIGRATIONS)).await.context("could not migrate the tables that are shown")?;
        patiently(|| before.publish()).await.context("could not create the views of the warehouse")?;
        patiently(|| warehouse.drop_tables()).await?;
        prepare(&warehouse, config).await?;
        Self::work(place, config, next, disks, clickhouse, warehouse)
    }

    fn work(
        place: &Place,
        config: &Config,
        layout: &Layout,
        disks: Local,
        clickhouse: Engine,
        warehouse: Warehouse,
    ) -> anyhow::Result<Self> {
        let Local { log, store, vault } = disks;
        let service = Service::start(Parts {
            log,
            store,
            vault,
            warehouse: warehouse.clone(),
            rules: config.rules_of(layout.generation),
            clear_fields: config.raw.privacy.clear_fields.clone(),
            runtime: Handle::current(),
            reconcile_every: Duration::from_secs(config.raw.service.reconcile_seconds),
            snapshots: place.snapshots(layout.generation),
            shelter: None,
            snapshot_every: Duration::from_secs(config.raw.service.snapshot_seconds),
            moves: false,
        })?;
        Ok(Self { clickhouse, warehouse, service })
    }

    /// Finishes what was decided, and closes everything in order.
    pub(crate) async fn close(self) -> anyhow::Result<()> {
        let service = self.service;
        let stopped = tokio::task::spawn_blocking(move || service.stop()).await?;
        self.clickhouse.stop().await;
        Ok(stopped?)
    }
}
