//! The consumer of raw topics and its group: partitions come at their committed offsets and go with what was journalled.

use super::{Patience, passes, said};
use crate::limits::DRAIN;
use crate::progress::Progress;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{Offset, Statistics, TopicPartitionList};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Longest wait for one answer to a question that is asked again, and the pause before.
const ASK: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(50);

/// What the group decided, and what is on its way to the journal.
#[derive(Default)]
pub(super) struct Flow {
    state: Mutex<Flowing>,
    drained: Condvar,
}

#[derive(Default)]
pub(super) struct Flowing {
    /// Partitions that came and went, in order.
    pub(super) changes: Vec<(bool, String, i32)>,
    /// Batches that were read and not journalled yet.
    pub(super) batches: usize,
}

impl Flow {
    /// A batch is journalled, or never will be.
    pub(super) fn done(&self) {
        self.hold().batches -= 1;
        self.drained.notify_all();
    }

    pub(super) fn hold(&self) -> MutexGuard<'_, Flowing> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The consumer's ear for the group.
pub(super) struct Hand {
    pub(super) flow: Arc<Flow>,
    pub(super) progress: Arc<Progress>,
    pub(super) patience: Patience,
    /// What stands before the topics' names among those of all clusters.
    pub(super) prefix: String,
}

impl ClientContext for Hand {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        said(level, facility, message);
    }

    fn stats(&self, statistics: Statistics) {
        let lag = |topic: &rdkafka::statistics::Topic| {
            let known = topic.partitions.values().map(|partition| u64::try_from(partition.consumer_lag).unwrap_or(0));
            known.sum()
        };
        let named = |(name, topic): (&String, _)| (format!("{}{name}", self.prefix), lag(topic));
        self.progress.lag(statistics.topics.iter().map(named));
    }
}

impl ConsumerContext for Hand {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, what: RDKafkaRespErr, list: &mut TopicPartitionList) {
        let comes = what == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
        let done = if comes { self.assign(consumer, list) } else { self.revoke(consumer, list) };
        if let Err(error) = done {
            tracing::error!(%error, "the group's decision could not be followed");
            // Nobody else reads what the group believes to be read here.
            if comes && !consumer.assignment_lost() && !self.patience.is_over() {
                self.progress.fail(&format!("raw topics were given to this process and could not be taken: {error}"));
            }
        }
        let changes = list.elements().into_iter().map(|one| (comes, one.topic().to_owned(), one.partition()));
        self.flow.hold().changes.extend(changes);
    }
}

impl Hand {
    /// Takes partitions at their committed offsets, or from the beginning.
    fn assign(&self, consumer: &BaseConsumer<Self>, list: &mut TopicPartitionList) -> Result<(), KafkaError> {
        for one in self.committed(consumer, list)?.elements() {
            let offset = if one.offset() == Offset::Invalid { Offset::Beginning } else { one.offset() };
            list.set_partition_offset(one.topic(), one.partition(), offset)?;
        }
        consumer.incremental_assign(list)?;
        // Until the reader has given each a queue of its own; what was fetched before that is fetched again, so that
        // nothing comes out of order.
        consumer.pause(list)
    }

    /// The committed offsets; waits while brokers are away. Whoever never took its partitions would hold them unread.
    fn committed(
        &self,
        consumer: &BaseConsumer<Self>,
        list: &TopicPartitionList,
    ) -> Result<TopicPartitionList, KafkaError> {
        loop {
            match consumer.committed_offsets(list.clone(), ASK) {
                Err(error) if passes(&error) && !self.patience.is_over() => {
                    tracing::warn!(%error, "the committed offsets are not known, asking again");
                    std::thread::sleep(PAUSE);
                }
                done => return done,
            }
        }
    }

    /// Gives partitions up: what was read of them is journalled and committed first, if that is done soon.
    fn revoke(&self, consumer: &BaseConsumer<Self>, list: &TopicPartitionList) -> Result<(), KafkaError> {
        let busy = |flowing: &mut Flowing| flowing.batches > 0;
        let waited = self.flow.drained.wait_timeout_while(self.flow.hold(), DRAIN / 4, busy);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
        if !consumer.assignment_lost() {
            // Nothing to commit is no error; a failure costs reading again. What is sent now leaves before the request
            // that gives the partitions up; brokers that are away must not be waited for here.
            let _spared = consumer.commit_consumer_state(CommitMode::Async);
        }
        consumer.incremental_unassign(list)
    }
}
