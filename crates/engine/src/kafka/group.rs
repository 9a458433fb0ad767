//! Who works which partition of the journal: a consumer group that is joined for its assignments only.
//!
//! Nothing is read through it; workers read the journal from where their own store stands. Being late in giving up a
//! partition costs work done twice and nothing else, because rows are state with the journal's offset as version.

use super::{ANSWER, Cluster, Error, Grumble, Patience, passes, said};
use crate::limits::DRAIN;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{Offset, TopicPartitionList};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How a process takes part in a group.
#[derive(Clone, Debug)]
pub struct Seat {
    /// The group's name.
    pub group: String,
    /// A name that is the process's own and stays through a restart: then a restart moves nothing. Empty for none.
    pub instance: String,
    /// How long the group waits for a silent process.
    pub session_timeout: Duration,
}

/// What is done about partitions.
pub trait Duty: Send + 'static {
    /// Takes partitions up; may take its time.
    fn take(&mut self, partitions: &[u32]);

    /// Gives partitions up and says where it left them; others wait for it, but not for ever.
    fn leave(&mut self, partitions: &[u32]) -> Vec<(u32, u64)>;

    /// Positions of what is worked, for tools that show how far a group is behind.
    fn positions(&self) -> Vec<(u32, u64)>;

    /// The group cannot be taken part in any more.
    fn expelled(&mut self, why: &str);
}

/// How often whoever waits looks whether it is to wait any longer.
const LOOK: Duration = Duration::from_millis(100);
/// How often positions are told.
const TELL_EVERY: Duration = Duration::from_secs(5);

/// A process's place in the group; given up when it is dropped.
pub struct Membership {
    stopping: Arc<AtomicBool>,
    patience: Patience,
    poll: Option<JoinHandle<()>>,
    work: Option<JoinHandle<()>>,
}

impl Seat {
    /// How long a process that ends may still wait for brokers: so that it is gone before the group gives up on it.
    #[must_use]
    pub fn grace(&self) -> Duration {
        DRAIN.min(self.session_timeout / 3)
    }

    /// A group consumer's configuration. The new protocol of Kafka 4 (`group.protocol=consumer`) leaves the times and
    /// the way of assigning to the broker.
    pub(crate) fn config(&self, cluster: &Cluster) -> rdkafka::ClientConfig {
        let mut config = cluster.consumer(&self.group, &[]);
        if cluster.properties.get("group.protocol").is_none_or(|protocol| protocol == "classic") {
            let session = self.session_timeout.as_millis();
            config.set("partition.assignment.strategy", "cooperative-sticky");
            config.set("session.timeout.ms", session.to_string());
            config.set("heartbeat.interval.ms", (session / 5).max(100).to_string());
        }
        if !self.instance.is_empty() {
            config.set("group.instance.id", &self.instance);
        }
        config
    }
}

/// What has to be done, in order.
enum Order {
    Take(Vec<u32>),
    Leave(Vec<u32>, SyncSender<Vec<(u32, u64)>>),
    Expelled(String),
}

/// Turns assignments into orders.
struct Clerk {
    topic: String,
    orders: SyncSender<Order>,
    patience: Patience,
}

impl Membership {
    /// Joins the group of `topic`'s partitions.
    ///
    /// # Errors
    /// Settings that make no sense.
    pub fn join(cluster: &Cluster, topic: &str, seat: &Seat, duty: impl Duty) -> Result<Self, Error> {
        let (orders, due) = sync_channel(64);
        let patience = cluster.patience.clone();
        let clerk = Clerk { topic: topic.to_owned(), orders: orders.clone(), patience };
        let consumer: BaseConsumer<Clerk> =
            seat.config(cluster).create_with_context(clerk).map_err(|error| Error::settings(&error))?;
        consumer.subscribe(&[topic]).map_err(|error| Error::refused("join the group of", topic, &error))?;
        let stopping = Arc::new(AtomicBool::new(false));
        let duty = Arc::new(Mutex::new(duty));
        let worker = Arc::clone(&duty);
        let work = std::thread::Builder::new().name("partitions".into()).spawn(move || work(&worker, &due));
        let member = Member { consumer, topic: topic.to_owned(), orders, stopping: Arc::clone(&stopping) };
        let poll = std::thread::Builder::new().name("group".into()).spawn(move || member.run(&duty));
        let started = |thread: std::io::Result<_>| thread.map(Some).map_err(|error| Error::Settings(error.to_string()));
        Ok(Self { stopping, patience: cluster.patience.clone(), poll: started(poll)?, work: started(work)? })
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::SeqCst);
        let left = self.poll.take().is_none_or(|thread| self.patience.join(thread));
        match self.work.take() {
            // It ends when everything is given up.
            Some(thread) if left => drop(thread.join()),
            Some(thread) => {
                let _left_alone = self.patience.join(thread);
            }
            None => {}
        }
    }
}

/// Does what is due, one thing after the other, until nobody gives orders any more.
fn work(duty: &Mutex<impl Duty>, due: &Receiver<Order>) {
    for order in due {
        let mut duty = duty.lock().unwrap_or_else(PoisonError::into_inner);
        match order {
            Order::Take(partitions) => duty.take(&partitions),
            Order::Leave(partitions, done) => {
                let left = duty.leave(&partitions);
                let _nobody_waits_any_more = done.try_send(left);
            }
            Order::Expelled(why) => duty.expelled(&why),
        }
    }
}

/// The thread that keeps the process in the group.
struct Member {
    consumer: BaseConsumer<Clerk>,
    topic: String,
    orders: SyncSender<Order>,
    stopping: Arc<AtomicBool>,
}

impl Member {
    fn run(self, duty: &Mutex<impl Duty>) {
        let (mut told, grumble) = (Instant::now(), Grumble::new());
        while !self.stopping.load(Ordering::SeqCst) {
            match self.consumer.poll(Duration::from_millis(100)) {
                Some(Err(error)) if !passes(&error) && !matches!(error, KafkaError::PartitionEOF(_)) => {
                    if let Some((_, why)) = self.consumer.client().fatal_error() {
                        let _gone = self.orders.send(Order::Expelled(why));
                        return;
                    }
                    if grumble.is_due() {
                        tracing::warn!(%error, "the group of workers");
                    }
                }
                _ => {}
            }
            if told.elapsed() >= TELL_EVERY {
                told = Instant::now();
                // Whoever works a partition up or down must not be waited for here.
                if let Ok(duty) = duty.try_lock() {
                    self.tell(&duty.positions());
                }
            }
        }
        // Dropping the consumer gives everything up, through the same way as a rebalance.
    }

    fn tell(&self, positions: &[(u32, u64)]) {
        tell(&self.consumer, &self.topic, positions, CommitMode::Async);
    }
}

/// Tells the group how far partitions are.
fn tell(consumer: &BaseConsumer<Clerk>, topic: &str, positions: &[(u32, u64)], mode: CommitMode) {
    let mut list = TopicPartitionList::new();
    for (partition, position) in positions {
        let (Ok(partition), Ok(position)) = (i32::try_from(*partition), i64::try_from(*position)) else { continue };
        let _added = list.add_partition_offset(topic, partition, Offset::Offset(position));
    }
    if !positions.is_empty()
        && let Err(error) = consumer.commit(&list, mode)
    {
        tracing::debug!(%error, "positions were not told");
    }
}

/// Up to where the partitions of `topic` are delivered, as the members of a group told it last: every few seconds, and
/// when they left. Nothing is known of a partition that nobody ever worked: 0.
///
/// # Errors
/// Brokers that do not answer.
pub fn delivered(cluster: &Cluster, group: &str, topic: &str, partitions: u32) -> Result<Vec<u64>, Error> {
    let consumer = cluster.consumer(group, &[]).create();
    let consumer: BaseConsumer = consumer.map_err(|error| Error::settings(&error))?;
    let numbers: Vec<i32> = (0..partitions).filter_map(|partition| i32::try_from(partition).ok()).collect();
    let mut asked = TopicPartitionList::new();
    for number in &numbers {
        asked.add_partition(topic, *number);
    }
    let told = consumer.committed_offsets(asked, ANSWER);
    let told = told.map_err(|error| Error::refused("see how far the workers are on", topic, &error))?;
    let position = |number: &i32| match told.find_partition(topic, *number).map(|one| one.offset()) {
        Some(Offset::Offset(offset)) => u64::try_from(offset).unwrap_or(0),
        _ => 0,
    };
    Ok(numbers.iter().map(position).collect())
}

impl ClientContext for Clerk {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        said(level, facility, message);
    }
}

impl ConsumerContext for Clerk {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, what: RDKafkaRespErr, list: &mut TopicPartitionList) {
        let partitions: Vec<u32> =
            list.elements_for_topic(&self.topic).iter().filter_map(|one| u32::try_from(one.partition()).ok()).collect();
        let done = if what == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            let _gone = self.orders.send(Order::Take(partitions));
            // Nothing is read here.
            let paused = list.set_all_offsets(Offset::End).and_then(|()| consumer.incremental_assign(list));
            paused.and_then(|()| consumer.pause(list))
        } else {
            let left = self.leave(partitions);
            if !consumer.assignment_lost() {
                tell(consumer, &self.topic, &left, CommitMode::Sync);
            }
            consumer.incremental_unassign(list)
        };
        if let Err(error) = done {
            tracing::error!(%error, "the group's decision could not be followed");
        }
    }
}

impl Clerk {
    fn leave(&self, partitions: Vec<u32>) -> Vec<(u32, u64)> {
        let (done, wait) = sync_channel(1);
        if self.orders.send(Order::Leave(partitions, done)).is_err() {
            return Vec::new();
        }
        let started = Instant::now();
        loop {
            match wait.recv_timeout(LOOK) {
                Err(RecvTimeoutError::Timeout) if started.elapsed() < DRAIN && !self.patience.is_over() => {}
                Err(RecvTimeoutError::Timeout) => {
                    tracing::warn!("a partition is given up before its work is done; whoever takes it does that again");
                    return Vec::new();
                }
                left => return left.unwrap_or_default(),
            }
        }
    }
}
