//! The journal on a Kafka topic.
//!
//! An offset is the topic's own. It grows, but it may jump (a compacted topic, an aborted transaction of somebody
//! else), so a [`Batch`] carries every entry's offset. Appends go through one idempotent producer that tries for as
//! long as it takes; when it has lost its place it says so and takes nothing more.

use super::{Batch, Error, Log, Reader, Receipt, Result, Size, check_limits, hold};
use crate::kafka::{self, Cluster, Copies, Grumble, Letter, READERS, Sender, Topic, passes, sender};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::{Offset, TopicPartitionList};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// A journal on a topic. Any number of processes may append and read; who works which partition is not decided here.
pub struct Kafka {
    cluster: Cluster,
    topic: String,
    sender: Sender,
    /// One lock a partition: entries of one append stand next to each other.
    lanes: Vec<Mutex<()>>,
}

impl Kafka {
    /// Opens the journal on `topic`, creating the topic if it is missing.
    ///
    /// # Errors
    /// A topic that would lose entries, or has another number of partitions; brokers that do not answer.
    pub async fn open(cluster: &Cluster, topic: &str, partitions: u32, copies: Copies) -> Result<Self> {
        let spec = Topic { name: topic, partitions, copies, cleanup: "delete", forgets: false };
        let found = kafka::ensure(cluster, &spec).await?;
        if found != partitions {
            return Err(Error::Partitions { path: topic.into(), found, asked: partitions });
        }
        let lanes = (0..partitions).map(|_| Mutex::default()).collect();
        let sender = Sender::open(cluster, topic)?;
        Ok(Self { cluster: cluster.clone(), topic: topic.to_owned(), sender, lanes })
    }

    fn lane(&self, partition: u32) -> Result<(&Mutex<()>, i32)> {
        let lane = usize::try_from(partition).ok().and_then(|index| self.lanes.get(index));
        lane.zip(i32::try_from(partition).ok()).ok_or(Error::NoPartition { partition })
    }
}

impl Kafka {
    fn send_to(&self, partition: u32, entries: &[&[u8]]) -> Result<sender::Receipt> {
        check_limits(entries)?;
        let (lane, number) = self.lane(partition)?;
        let _together = hold(lane);
        let letters =
            entries.iter().map(|entry| Letter { partition: number, payload: Some(entry), ..Letter::default() });
        Ok(self.sender.send(letters)?)
    }
}

impl Log for Kafka {
    fn partitions(&self) -> u32 {
        u32::try_from(self.lanes.len()).unwrap_or(u32::MAX)
    }

    fn append(&self, partition: u32, entries: &[&[u8]]) -> Result<u64> {
        if entries.is_empty() {
            return self.end(partition);
        }
        Ok(self.send_to(partition, entries)?.wait()?)
    }

    fn send(&self, lanes: &[(u32, Vec<&[u8]>)]) -> Result<Receipt> {
        let sent = lanes.iter().map(|(partition, entries)| self.send_to(*partition, entries));
        let sent = sent.collect::<Result<Vec<_>>>()?;
        Ok(Receipt::new(|| sent.into_iter().map(|receipt| Ok(receipt.wait()?)).collect()))
    }

    fn end(&self, partition: u32) -> Result<u64> {
        Ok(self.sender.bounds(self.lane(partition)?.1)?.1)
    }

    fn reader(&self, partition: u32, from: u64) -> Result<Box<dyn Reader>> {
        let number = self.lane(partition)?.1;
        let (low, end) = self.sender.bounds(number)?;
        if from > end {
            return Err(Error::PastEnd { partition, from, end });
        }
        if from < low {
            let problem = format!("does not have partition {partition} from offset {from} any more, only from {low}");
            let fix = "restore a snapshot that is further, or rebuild from the raw topics".to_owned();
            return Err(kafka::Error::Topic { topic: self.topic.clone(), problem, fix }.into());
        }
        Ok(Box::new(TopicReader::open(&self.cluster, &self.topic, partition, from)?))
    }

    /// Kafka keeps its files elsewhere.
    fn size(&self) -> Size {
        Size::default()
    }
}

/// A place in one partition of the topic.
struct TopicReader {
    consumer: BaseConsumer,
    topic: String,
    next: u64,
    /// An entry that did not fit the batch before.
    held: Option<(u64, Vec<u8>)>,
}

impl TopicReader {
    fn open(cluster: &Cluster, topic: &str, partition: u32, from: u64) -> Result<Self> {
        let refused = |error: &KafkaError| kafka::Error::refused("read", topic, error);
        let config = cluster.consumer(
            READERS,
            &[
                ("fetch.message.max.bytes", "4194304"),
                ("queued.max.messages.kbytes", "32768"),
                ("fetch.queue.backoff.ms", "5"),
                ("fetch.error.backoff.ms", "100"),
            ],
        );
        let consumer: BaseConsumer = config.create().map_err(|error| kafka::Error::settings(&error))?;
        let mut place = TopicPartitionList::new();
        let (number, offset) = (i32::try_from(partition), i64::try_from(from));
        let (Ok(number), Ok(offset)) = (number, offset) else { return Err(Error::NoPartition { partition }) };
        place.add_partition_offset(topic, number, Offset::Offset(offset)).map_err(|error| refused(&error))?;
        consumer.assign(&place).map_err(|error| refused(&error))?;
        Ok(Self { consumer, topic: topic.to_owned(), next: from, held: None })
    }
}

/// The next message, or none within `wait`.
fn poll<'c>(consumer: &'c BaseConsumer, topic: &str, wait: Duration) -> Result<Option<BorrowedMessage<'c>>> {
    match consumer.poll(wait) {
        Some(Ok(message)) => Ok(Some(message)),
        Some(Err(KafkaError::PartitionEOF(_))) | None => Ok(None),
        Some(Err(error)) if passes(&error) => {
            // Every reader of every partition finds that out for itself.
            static GRUMBLE: Grumble = Grumble::new();
            if GRUMBLE.is_due() {
                tracing::warn!(topic, %error, "the journal is away, waiting");
            }
            Ok(None)
        }
        Some(Err(error)) => Err(kafka::Error::refused("read", topic, &error).into()),
    }
}

impl Reader for TopicReader {
    fn read(&mut self, entries_max: usize, bytes_max: usize, wait: Duration) -> Result<Batch> {
        let mut batch = Batch::starting_at(self.next);
        if let Some((offset, entry)) = self.held.take() {
            batch.push_at(offset, &entry);
        }
        let started = Instant::now();
        loop {
            let left = if batch.is_empty() { wait.saturating_sub(started.elapsed()) } else { Duration::ZERO };
            let Some(message) = poll(&self.consumer, &self.topic, left)? else {
                if !batch.is_empty() || started.elapsed() >= wait {
                    break;
                }
                continue;
            };
            let offset = u64::try_from(message.offset()).unwrap_or(0);
            let entry = message.payload().unwrap_or_default();
            if offset < batch.next() {
                continue;
            }
            if !batch.has_room(entry.len(), entries_max, bytes_max) {
                self.held = Some((offset, entry.to_vec()));
                break;
            }
            batch.push_at(offset, entry);
        }
        self.next = batch.next();
        Ok(batch)
    }
}
