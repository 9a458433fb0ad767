//! Messages on their way into one topic: in order, once, acknowledged by every replica that must have them.

use super::{Cluster, Error};
use rdkafka::client::ClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Message as _, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer as _, ProducerContext, ThreadedProducer};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Pause while the producer's queue is full.
const FULL: Duration = Duration::from_millis(2);

/// A producer for one topic. When it has lost its place it says so and takes nothing more.
pub(crate) struct Sender {
    topic: String,
    producer: ThreadedProducer<Acks>,
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
}

impl Sender {
    pub(crate) fn open(cluster: &Cluster, topic: &str) -> Result<Self, Error> {
        let producer = cluster.producer().create_with_context(Acks);
        let producer = producer.map_err(|error| Error::Settings(error.to_string()))?;
        Ok(Self { topic: topic.to_owned(), producer })
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
        Ok(Receipt { topic: self.topic.clone(), ack })
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
                    record = same;
                    std::thread::sleep(FULL);
                }
                Err((error, _)) => return Err(lost(&self.topic, error.to_string())),
            }
        }
    }

    /// The first offset of a partition, and the one after its last message.
    pub(crate) fn bounds(&self, partition: i32) -> Result<(u64, u64), Error> {
        let found = self.producer.client().fetch_watermarks(&self.topic, partition, super::ANSWER);
        let (low, high) = found.map_err(|error| Error::refused("find the end of", &self.topic, &error))?;
        Ok((u64::try_from(low).unwrap_or(0), u64::try_from(high).unwrap_or(0)))
    }
}

fn lost(topic: &str, reason: String) -> Error {
    Error::Producer { topic: topic.to_owned(), reason }
}

impl Receipt {
    /// Waits, for as long as it takes, until all are durable; the lowest of their offsets.
    pub(crate) fn wait(self) -> Result<u64, Error> {
        self.ack.wait().map_err(|reason| lost(&self.topic, reason))
    }
}

/// Counts acknowledgements.
struct Acks;

impl ClientContext for Acks {}

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

    fn wait(&self) -> Result<u64, String> {
        let waited = self.done.wait_while(self.hold(), |open| open.left > 0);
        let mut open = waited.unwrap_or_else(PoisonError::into_inner);
        match open.failed.take() {
            Some(reason) => Err(reason),
            None => u64::try_from(open.first).map_err(|_| "an offset was not told".to_owned()),
        }
    }
}
