//! Messages on their way into one topic: in order, once, acknowledged by every replica that must have them.

use super::{Cluster, Error, Patience, passes, said};
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Message as _, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer as _, ProducerContext, ThreadedProducer};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Pause while the producer's queue is full.
const FULL: Duration = Duration::from_millis(2);
/// How often whoever waits looks whether it is to wait any longer.
const LOOK: Duration = Duration::from_millis(100);
/// Longest wait for one answer to a question that is asked again.
const ASK: Duration = Duration::from_secs(2);

/// A producer for one topic. When it has lost its place it says so and takes nothing more.
pub(crate) struct Sender {
    topic: String,
    producer: ThreadedProducer<Acks>,
    patience: Patience,
}

/// One message.
#[derive(Default)]
pub(crate) struct Letter<'l> {
    pub(crate) partition: i32,
    pub(crate) key: Option<&'l [u8]>,
    pub(crate) payload: Option<&'l [u8]>,
    pub(crate) headers: Option<OwnedHeaders>,
}

/// Messages that were sent together.
#[must_use]
pub(crate) struct Receipt {
    topic: String,
    ack: Arc<Ack>,
    patience: Patience,
}

impl Sender {
    pub(crate) fn open(cluster: &Cluster, topic: &str) -> Result<Self, Error> {
        let producer = cluster.producer().create_with_context(Acks);
        let producer = producer.map_err(|error| Error::settings(&error))?;
        Ok(Self { topic: topic.to_owned(), producer, patience: cluster.patience.clone() })
    }

    /// Queues messages in order, waiting while the queue is full.
    pub(crate) fn send<'l>(&self, letters: impl ExactSizeIterator<Item = Letter<'l>>) -> Result<Receipt, Error> {
        if let Some((_, reason)) = self.producer.client().fatal_error() {
            return Err(lost(&self.topic, reason));
        }
        let ack = Arc::new(Ack::of(letters.len()));
        for letter in letters {
            self.queue(letter, &ack)?;
        }
        Ok(Receipt { topic: self.topic.clone(), ack, patience: self.patience.clone() })
    }

    fn queue(&self, letter: Letter<'_>, ack: &Arc<Ack>) -> Result<(), Error> {
        let mut record: BaseRecord<'_, [u8], [u8], Arc<Ack>> =
            BaseRecord::with_opaque_to(&self.topic, Arc::clone(ack)).partition(letter.partition);
        record.key = letter.key;
        record.payload = letter.payload;
        record.headers = letter.headers;
        loop {
            match self.producer.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), same)) => {
                    if self.patience.is_over() {
                        return Err(stopped(&self.topic));
                    }
                    record = same;
                    std::thread::sleep(FULL);
                }
                Err((error, _)) => return Err(lost(&self.topic, error.to_string())),
            }
        }
    }

    /// The first offset of a partition, and the one after its last message; waits while brokers are away.
    pub(crate) fn bounds(&self, partition: i32) -> Result<(u64, u64), Error> {
        loop {
            let error = match self.producer.client().fetch_watermarks(&self.topic, partition, ASK) {
                Ok((low, high)) => return Ok((u64::try_from(low).unwrap_or(0), u64::try_from(high).unwrap_or(0))),
                Err(error) => error,
            };
            if self.patience.is_over() {
                return Err(stopped(&self.topic));
            }
            if !passes(&error) {
                return Err(Error::refused("find the end of", &self.topic, &error));
            }
            tracing::warn!(topic = self.topic, partition, %error, "the end of the topic is not known, asking again");
            std::thread::sleep(LOOK);
        }
    }
}

fn lost(topic: &str, reason: String) -> Error {
    Error::Producer { topic: topic.to_owned(), reason }
}

fn stopped(topic: &str) -> Error {
    Error::Stopped { topic: topic.to_owned() }
}

impl Receipt {
    /// Waits until all are durable, for as long as it takes and the cluster's patience lasts; the lowest of their
    /// offsets. What was not waited for may be durable or not: it is to be sent again.
    pub(crate) fn wait(self) -> Result<u64, Error> {
        match self.ack.wait(&self.patience) {
            Some(delivered) => delivered.map_err(|reason| lost(&self.topic, reason)),
            None => Err(stopped(&self.topic)),
        }
    }
}

/// Counts acknowledgements.
struct Acks;

impl ClientContext for Acks {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        said(level, facility, message);
    }
}

impl ProducerContext for Acks {
    type DeliveryOpaque = Arc<Ack>;

    fn delivery(&self, result: &DeliveryResult<'_>, ack: Arc<Ack>) {
        match result {
            Ok(message) => ack.count(Ok(message.offset())),
            Err((error, _)) => ack.count(Err(error.to_string())),
        }
    }
}

struct Ack {
    open: Mutex<Open>,
    done: Condvar,
}

struct Open {
    left: usize,
    first: i64,
    failed: Option<String>,
}

impl Ack {
    fn of(letters: usize) -> Self {
        Self { open: Mutex::new(Open { left: letters, first: i64::MAX, failed: None }), done: Condvar::new() }
    }

    fn hold(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, delivered: Result<i64, String>) {
        let mut open = self.hold();
        open.left = open.left.saturating_sub(1);
        match delivered {
            Ok(offset) => open.first = open.first.min(offset),
            Err(reason) => open.failed = Some(reason),
        }
        if open.left == 0 {
            self.done.notify_all();
        }
    }

    /// `None` when patience ended first.
    fn wait(&self, patience: &Patience) -> Option<Result<u64, String>> {
        let mut open = self.hold();
        while open.left > 0 {
            if patience.is_over() {
                return None;
            }
            open = self.done.wait_timeout(open, LOOK).unwrap_or_else(PoisonError::into_inner).0;
        }
        Some(match open.failed.take() {
            Some(reason) => Err(reason),
            None => u64::try_from(open.first).map_err(|_| "an offset was not told".to_owned()),
        })
    }
}
