//! The product beyond one machine: journal and keys in Kafka, and this process one of several.

use crate::config::Config;
use crate::feed;
use crate::house::{House, connect, migrate, start_engine};
use crate::place::{Layout, Place};
use anyhow::{Context as _, bail};
use smarketing_engine::kafka::feed::{Feed, Options, Source};
use smarketing_engine::kafka::group::{Duty, Membership, Seat};
use smarketing_engine::kafka::{Cluster, Format};
use smarketing_engine::{Local, Parts, Service, Shared};
use smarketing_kernel::text::Text;
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::runtime::Handle;

/// Opens this process's part of the house. No partition is worked yet.
pub(crate) async fn open(place: &Place, config: &Config, cluster: &Cluster) -> anyhow::Result<House> {
    let kafka = &config.raw.kafka;
    if kafka.brokers.is_empty() {
        bail!("kafka.brokers is not set: name the brokers, or use `smarketing up`, which needs none");
    }
    place.create()?;
    let layout = layout(place, config)?;
    let pepper = config.pepper(place)?;
    knock(cluster, &kafka.journal).await?;
    let shared = Shared {
        cluster: cluster.clone(),
        journal: kafka.journal.clone(),
        vault: kafka.vault.clone(),
        copies: kafka.copies(),
        agreed: agreed(&layout),
    };
    let store = place.store(layout.generation);
    let local = Local::share(&shared, &store, &place.vault(), layout.partitions, pepper).await?;
    let engine = start_engine(place, config).await?;
    let warehouse = connect(&engine, config, layout.generation).await?;
    migrate(&warehouse, config).await?;
    let service = Service::idle(Parts {
        log: local.log,
        store: local.store,
        vault: local.vault,
        warehouse: warehouse.clone(),
        rules: config.rules_of(layout.generation),
        clear_fields: config.raw.privacy.clear_fields.clone(),
        runtime: Handle::current(),
        reconcile_every: Duration::from_secs(config.raw.service.reconcile_seconds),
        snapshots: snapshots(place, config, layout.generation),
        snapshot_every: Duration::from_secs(config.raw.service.snapshot_seconds),
        moves: true,
    })?;
    Ok(House { clickhouse: engine, warehouse, service })
}

/// Waits until the brokers answer, or finds out why not.
pub(crate) async fn knock(cluster: &Cluster, topic: &str) -> anyhow::Result<()> {
    let (cluster, topic) = (cluster.clone(), topic.to_owned());
    Ok(tokio::task::spawn_blocking(move || cluster.knock(&topic)).await??)
}

/// What all processes of a generation must have alike.
fn agreed(layout: &Layout) -> Vec<(String, String)> {
    let Layout { generation, definitions, logic, .. } = layout;
    vec![(format!("definitions of generation {generation}"), format!("logic {logic}: {definitions}"))]
}

/// The directory that all processes share, or at least this one's own.
fn snapshots(place: &Place, config: &Config, generation: u32) -> PathBuf {
    match config.raw.kafka.snapshots.as_str() {
        "" => place.snapshots(generation),
        shared => PathBuf::from(shared).join(format!("g{generation}")),
    }
}

/// The layout of this process's directory, which must be that of the configuration.
fn layout(place: &Place, config: &Config) -> anyhow::Result<Layout> {
    let kafka = &config.raw.kafka;
    let wanted = Layout {
        journal: kafka.journal.clone(),
        ..Layout::of_generation(kafka.generation, config.raw.service.partitions, config)?
    };
    match place.layout()? {
        Some(found) if found.journal != wanted.journal => {
            bail!("the data directory belongs to {}; use another one", found.owner())
        }
        Some(found) if found.partitions != wanted.partitions => {
            bail!("the journal has {} partitions; their number cannot change", found.partitions)
        }
        Some(found) if found.generation == wanted.generation => {
            if let Some(why) = found.outdated(config)? {
                bail!("{why}: give kafka.generation the next number, and everything is built again from the journal");
            }
        }
        _ => {}
    }
    place.save(&wanted)?;
    Ok(wanted)
}

/// What a process does besides its web interface; ends when it is dropped.
pub(crate) struct Part {
    // Dropped in this order: nothing more comes in, then what is worked is given up.
    _feed: Option<Feed>,
    _membership: Option<Membership>,
    cluster: Cluster,
    grace: Duration,
}

impl Drop for Part {
    /// Brokers that are away are waited for until here, and not much longer.
    fn drop(&mut self) {
        self.cluster.patience.ends_in(self.grace);
    }
}

/// Starts to read raw topics, to work partitions, or both.
pub(crate) async fn join(service: &Arc<Service>, config: &Config, cluster: Cluster) -> anyhow::Result<Part> {
    let roles = &config.raw.service.roles;
    let has = |role: &str| roles.iter().any(|one| one == role);
    let feed = if has("intake") { Some(read(service, config, &cluster).await?) } else { None };
    let membership = if has("worker") { Some(work(service, config, &cluster)?) } else { None };
    let grace = seat(config, "").grace();
    Ok(Part { _feed: feed, _membership: membership, cluster, grace })
}

fn seat(config: &Config, what: &str) -> Seat {
    let kafka = &config.raw.kafka;
    let named = |instance: &String| if instance.is_empty() { String::new() } else { format!("{instance}-{what}") };
    Seat {
        group: format!("{}-{what}", kafka.group),
        instance: named(&kafka.instance),
        session_timeout: Duration::from_millis(kafka.session_timeout_ms),
    }
}

async fn read(service: &Service, config: &Config, cluster: &Cluster) -> anyhow::Result<Feed> {
    let kafka = &config.raw.kafka;
    let source = |(topic, format): (&String, &String)| {
        Format::parse(format).map(|format| Source { topic: topic.clone(), format })
    };
    let options = Options {
        sources: kafka.topics.iter().filter_map(source).collect(),
        seat: seat(config, "intake"),
        merge_wait: Duration::from_millis(kafka.merge_wait_ms),
        dead_letters: (!kafka.dead_letters.is_empty()).then(|| kafka.dead_letters.clone()),
        copies: kafka.copies(),
        registry: kafka.registry(),
        workspace: Text::from(config.raw.service.workspace.as_str()),
        clock: feed::now,
    };
    let started = Feed::start(cluster, options, service.intake(), service.progress(), Handle::current()).await;
    started.context("the raw topics could not be read")
}

fn work(service: &Arc<Service>, config: &Config, cluster: &Cluster) -> anyhow::Result<Membership> {
    let kafka = &config.raw.kafka;
    let seat = seat(config, &format!("workers-g{}", kafka.generation));
    let worker = Worker { service: Arc::downgrade(service) };
    Ok(Membership::join(cluster, &kafka.journal, &seat, worker)?)
}

/// Works what the group assigns. The service may end before the group is done with us.
struct Worker {
    service: Weak<Service>,
}

impl Duty for Worker {
    fn take(&mut self, partitions: &[u32]) {
        let Some(service) = self.service.upgrade() else { return };
        for partition in partitions {
            match service.take(*partition) {
                Ok(()) => {}
                Err(error) if error.is_stop() => return,
                Err(error) => {
                    tracing::error!(partition, %error, "the partition could not be opened");
                    service.progress().halt(*partition, &error.to_string());
                }
            }
        }
        tracing::info!(?partitions, "working");
    }

    fn leave(&mut self, partitions: &[u32]) {
        let Some(service) = self.service.upgrade() else { return };
        for partition in partitions {
            if let Err(error) = service.leave(*partition) {
                service.progress().fail(&error.to_string());
            }
        }
        tracing::info!(?partitions, "given up");
    }

    fn positions(&self) -> Vec<(u32, u64)> {
        let Some(service) = self.service.upgrade() else { return Vec::new() };
        let lanes = (0..).zip(service.progress().lanes());
        lanes.filter(|(_, lane)| lane.owned).map(|(partition, lane)| (partition, lane.position)).collect()
    }

    fn expelled(&mut self, why: &str) {
        if let Some(service) = self.service.upgrade() {
            service.progress().fail(why);
        }
    }
}
