//! The product beyond one machine: journal and keys in Kafka, and this process one of several.

use crate::config::Config;
use crate::feed;
use crate::house::{House, connect, migrate, prepare, start_engine, switch};
use crate::place::{Layout, Place};
use anyhow::{Context as _, bail};
use smarketing_engine::kafka::feed::{Feed, Options};
use smarketing_engine::kafka::group::{self, Duty, Membership, Seat};
use smarketing_engine::kafka::{Again, Cluster};
use smarketing_engine::shelter::{self, Folder, Shelter};
use smarketing_engine::{Intake, Local, Parts, Pepper, Service, Shared};
use smarketing_kernel::text::Text;
use smarketing_warehouse::Warehouse;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::task::JoinSet;

/// Whether the data directory is that of a process of several.
pub(crate) fn is_shared(place: &Place) -> anyhow::Result<bool> {
    Ok(place.layout()?.is_some_and(|layout| !layout.journal.is_empty()))
}

/// Opens the house of a data directory for what a command journals: beside others it works no partition of it.
pub(crate) async fn open_any(place: &Place, config: &Config) -> anyhow::Result<House> {
    if is_shared(place)? {
        open(place, config, &config.raw.kafka.cluster(), None).await
    } else {
        House::open(place, config).await
    }
}

/// Opens this process's part of the house. No partition is worked yet; whoever will work some needs the shelter.
pub(crate) async fn open(
    place: &Place,
    config: &Config,
    cluster: &Cluster,
    shelter: Option<Shelter>,
) -> anyhow::Result<House> {
    let kafka = &config.raw.kafka;
    if kafka.brokers.is_empty() {
        bail!("kafka.brokers is not set: name the brokers, or use `smarketing up`, which needs none");
    }
    place.create()?;
    let (mut layout, pepper) = layout(place, config)?;
    let digest = pepper.digest();
    knock(cluster, &kafka.journal).await?;
    let shared = describe(config, &layout, cluster);
    let store = place.store(layout.generation);
    let local = Local::share(&shared, &store, &place.vault(), layout.partitions, pepper).await?;
    // Only now it is known to be the one of all processes: another may still be given.
    layout.pepper = digest;
    place.save(&layout)?;
    let engine = start_engine(place, config).await?;
    let warehouse = connect(&engine, config, layout.generation).await?;
    match warehouse.shown().await? {
        // Readers see another generation until this one has caught up.
        Some(shown) if shown != layout.generation => prepare(&warehouse, config).await?,
        _ => migrate(&warehouse, config).await?,
    }
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
        shelter: shelter.map(Arc::new),
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

/// What the processes of a deployment share.
pub(crate) fn describe(config: &Config, layout: &Layout, cluster: &Cluster) -> Shared {
    let kafka = &config.raw.kafka;
    Shared {
        cluster: cluster.clone(),
        journal: kafka.journal.clone(),
        vault: kafka.vault.clone(),
        copies: kafka.copies(),
        agreed: agreed(layout),
    }
}

/// Up to where each partition of the journal is delivered, as its workers told it.
pub(crate) fn delivered(config: &Config, layout: &Layout) -> anyhow::Result<Vec<u64>> {
    let kafka = &config.raw.kafka;
    let Seat { group, .. } = workers(config);
    Ok(group::delivered(&kafka.cluster(), &group, &kafka.journal, layout.partitions)?)
}

/// What all processes of a generation must have alike.
fn agreed(layout: &Layout) -> Vec<(String, String)> {
    let Layout { generation, definitions, logic, .. } = layout;
    vec![(format!("definitions of generation {generation}"), format!("logic {logic}: {definitions}"))]
}

/// The object store of snapshots, if it lets us in; [`None`] where none is configured or no partition will be worked.
/// That it is away is no reason not to begin: work goes on without.
pub(crate) async fn shelter(config: &Config, cluster: &Cluster) -> anyhow::Result<Option<Shelter>> {
    if !has_role(config, "worker") {
        return Ok(None);
    }
    let Some(shelter) = closed_shelter(config, cluster)? else { return Ok(None) };
    match shelter.knock().await {
        Err(error @ shelter::Error::Away { .. }) => tracing::warn!(%error, "snapshots are not shared"),
        knocked => knocked?,
    }
    Ok(Some(shelter))
}

/// The same before anybody knocked. How to get in comes from the environment, as with other tools for S3.
pub(crate) fn closed_shelter(config: &Config, cluster: &Cluster) -> anyhow::Result<Option<Shelter>> {
    let kafka = &config.raw.kafka;
    if !Folder::is_meant(&kafka.snapshots) {
        return Ok(None);
    }
    let text = |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
    let environment = std::env::vars_os().filter_map(text);
    let folder = Folder::parse(&kafka.snapshots)?;
    let shelter = Shelter::open(&folder, environment, kafka.generation, Handle::current(), cluster.patience.clone());
    Ok(Some(shelter?))
}

fn has_role(config: &Config, role: &str) -> bool {
    config.raw.service.roles.iter().any(|one| one == role)
}

/// The directory that all processes share, or at least this one's own.
fn snapshots(place: &Place, config: &Config, generation: u32) -> PathBuf {
    match config.raw.kafka.snapshots.as_str() {
        own if own.is_empty() || Folder::is_meant(own) => place.snapshots(generation),
        shared => PathBuf::from(shared).join(format!("g{generation}")),
    }
}

/// The layout of this process's directory, which must be that of the configuration, and its pepper.
fn layout(place: &Place, config: &Config) -> anyhow::Result<(Layout, Pepper)> {
    let mut wanted = wanted(config)?;
    let pepper = match place.layout()? {
        Some(found) => {
            check(&found, &wanted, config)?;
            wanted.pepper = found.pepper;
            config.pepper(place)?
        }
        None => config.pepper_or_new(place)?,
    };
    place.save(&wanted)?;
    Ok((wanted, pepper))
}

/// The layout of a directory that a process of the configured deployment made.
pub(crate) fn current(place: &Place, config: &Config) -> anyhow::Result<Layout> {
    let wanted = wanted(config)?;
    let found = place.layout()?.context("there is no data yet: start `smarketing run` first")?;
    check(&found, &wanted, config)?;
    if found.generation != wanted.generation {
        bail!("generation {} is not begun yet: start `smarketing run` first", wanted.generation);
    }
    Ok(wanted)
}

fn wanted(config: &Config) -> anyhow::Result<Layout> {
    let kafka = &config.raw.kafka;
    let layout = Layout::of_generation(kafka.generation, config.raw.service.partitions, config)?;
    Ok(Layout { journal: kafka.journal.clone(), ..layout })
}

/// Refuses a directory of another deployment, or what was built by other rules.
fn check(found: &Layout, wanted: &Layout, config: &Config) -> anyhow::Result<()> {
    if found.journal != wanted.journal {
        bail!("the data directory belongs to {}; use another one", found.owner());
    }
    if found.partitions != wanted.partitions {
        bail!("the journal has {} partitions; their number cannot change", found.partitions);
    }
    match found.outdated(config)? {
        Some(why) if found.generation == wanted.generation => {
            bail!("{why}: give kafka.generation the next number, and everything is built again from the journal")
        }
        _ => Ok(()),
    }
}

/// What a process does besides its web interface; ends when it is dropped.
pub(crate) struct Part {
    _switch: JoinSet<()>,
    // Dropped in this order: nothing more comes in, then what is worked is given up.
    _feeds: Vec<Feed>,
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
pub(crate) async fn join(
    service: &Arc<Service>,
    warehouse: &Warehouse,
    config: &Config,
    cluster: Cluster,
) -> anyhow::Result<Part> {
    let has = |role: &str| has_role(config, role);
    let feeds = if has("intake") { read(service, config, &cluster).await? } else { Vec::new() };
    let membership = if has("worker") { Some(work(service, config, &cluster)?) } else { None };
    let mut switch = JoinSet::new();
    if has("worker") && warehouse.shown().await? != Some(config.raw.kafka.generation) {
        let (intake, warehouse, config) = (service.intake(), warehouse.clone(), config.clone());
        let _running = switch.spawn(async move { show_when_caught_up(intake, &warehouse, &config).await });
    }
    let grace = seat(config, "").grace();
    Ok(Part { _switch: switch, _feeds: feeds, _membership: membership, cluster, grace })
}

/// A generation has caught up when it has what was journalled so long ago. Workers tell every few seconds.
const CAUGHT_UP: Duration = Duration::from_secs(10);

/// Lets readers see the configured generation as soon as its workers have caught up, unless they see a later one.
async fn show_when_caught_up(intake: Arc<Intake>, warehouse: &Warehouse, config: &Config) {
    loop {
        match show_if_caught_up(&intake, warehouse, config).await {
            Ok(true) => return,
            Ok(false) => {}
            Err(error) => tracing::warn!(why = format!("{error:#}"), "readers still see the old generation"),
        }
    }
}

/// Whether there is nothing left to do about it.
async fn show_if_caught_up(intake: &Intake, warehouse: &Warehouse, config: &Config) -> anyhow::Result<bool> {
    let then = tokio::task::block_in_place(|| intake.ends());
    tokio::time::sleep(CAUGHT_UP).await;
    let (then, layout) = (then?, wanted(config)?);
    match warehouse.shown().await? {
        Some(shown) if shown < layout.generation => {
            let delivered = tokio::task::block_in_place(|| delivered(config, &layout))?;
            if delivered.iter().zip(&then).any(|(position, end)| position < end) {
                return Ok(false);
            }
            switch(warehouse, shown).await?;
            tracing::info!(generation = layout.generation, "readers see the new generation");
        }
        Some(shown) if shown > layout.generation => {
            tracing::warn!(shown, "readers see a later generation than the configured one");
        }
        _ => {}
    }
    Ok(true)
}

/// Starts to read the raw topics of every cluster.
async fn read(service: &Service, config: &Config, cluster: &Cluster) -> anyhow::Result<Vec<Feed>> {
    let kafka = &config.raw.kafka;
    let mut feeds = Vec::new();
    for (name, source) in kafka.all_sources() {
        let seated = if name.is_empty() { "intake".to_owned() } else { format!("intake-{name}") };
        let options = Options {
            prefix: prefix(name),
            cluster: Cluster { patience: cluster.patience.clone(), ..source.cluster() },
            sources: source.topics(),
            seat: seat(config, &seated),
            merge_wait: Duration::from_millis(kafka.merge_wait_ms),
            dead_letters: (!kafka.dead_letters.is_empty()).then(|| kafka.dead_letters.clone()),
            copies: kafka.copies(),
            registry: source.registry(),
            workspace: Text::from(config.raw.service.workspace.as_str()),
            clock: feed::now,
        };
        let feed = Feed::start(cluster, options, service.intake(), service.progress(), Handle::current()).await;
        feeds.push(feed.with_context(|| format!("the raw topics at {} could not be read", source.brokers))?);
    }
    Ok(feeds)
}

/// What stands before the topics of a cluster in the names of their streams.
fn prefix(cluster: &str) -> String {
    if cluster.is_empty() { String::new() } else { format!("{cluster}/") }
}

/// Whatever reads the dead letters of raw topics again.
pub(crate) fn again(config: &Config, runtime: &Handle) -> Again {
    let clusters = config.raw.kafka.all_sources();
    Again::new(clusters.map(|(name, source)| (prefix(name), source.topics(), source.registry())), runtime)
}

/// The place of this process in the group that does something of what there is to do.
fn seat(config: &Config, what: &str) -> Seat {
    let kafka = &config.raw.kafka;
    let named = |instance: &String| if instance.is_empty() { String::new() } else { format!("{instance}-{what}") };
    Seat {
        group: format!("{}-{what}", kafka.group),
        instance: named(&kafka.instance),
        session_timeout: Duration::from_millis(kafka.session_timeout_ms),
    }
}

/// The place in the group that works a generation.
fn workers(config: &Config) -> Seat {
    seat(config, &format!("workers-g{}", config.raw.kafka.generation))
}

fn work(service: &Arc<Service>, config: &Config, cluster: &Cluster) -> anyhow::Result<Membership> {
    let worker = Worker { service: Arc::downgrade(service) };
    Ok(Membership::join(cluster, &config.raw.kafka.journal, &workers(config), worker)?)
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

    fn leave(&mut self, partitions: &[u32]) -> Vec<(u32, u64)> {
        let Some(service) = self.service.upgrade() else { return Vec::new() };
        let mut left = Vec::new();
        service.give_notice(partitions);
        for partition in partitions {
            match service.leave(*partition) {
                Ok(position) => left.extend(position.map(|position| (*partition, position))),
                Err(error) => service.progress().fail(&error.to_string()),
            }
        }
        tracing::info!(?partitions, "given up");
        left
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
