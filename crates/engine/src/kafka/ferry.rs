//! The thread that journals batches and only then notes where reading goes on.
//!
//! A wait for brokers is the same for one batch and for several. So the keys of one batch's people are on their way
//! while the entries of those before it are, and no wait stands between. What is sent first lands first.

use super::hand::{Flow, Hand};
use super::{Letter, Patience, Sender, sender};
use crate::intake::{Addressed, Incoming, Intake, Sent};
use crate::limits::BATCHES_SENT;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::message::OwnedHeaders;
use rdkafka::{Offset, TopicPartitionList};
use smarketing_kernel::text::Text;
use smarketing_kernel::time::Timestamp;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

/// How often offsets are committed; they only spare work after a restart.
const COMMIT_EVERY: Duration = Duration::from_secs(1);

/// Records on their way to the journal.
pub(super) struct Batch {
    pub(super) records: Vec<(Text, Incoming)>,
    pub(super) dead: Vec<DeadLetter>,
    pub(super) road: Road,
}

/// A rejected message, whole unless it is larger than a topic of ours takes.
pub(super) struct DeadLetter {
    pub(super) bytes: Vec<u8>,
    pub(super) headers: OwnedHeaders,
}

/// A batch's way: the flow counts it from its beginning until it is dropped.
pub(super) struct Road {
    flow: Arc<Flow>,
    /// Topic, partition and offset to go on from once the batch has landed.
    offsets: Vec<(String, i32, i64)>,
}

impl Road {
    pub(super) fn begin(flow: &Arc<Flow>, offsets: Vec<(String, i32, i64)>) -> Self {
        flow.hold().batches += 1;
        Self { flow: Arc::clone(flow), offsets }
    }
}

impl Drop for Road {
    fn drop(&mut self) {
        self.flow.done();
    }
}

/// Takes batches across, in order.
pub(super) struct Ferry {
    consumer: Arc<BaseConsumer<Hand>>,
    intake: Arc<Intake>,
    dead_letters: Option<Sender>,
    clock: fn() -> Timestamp,
    patience: Patience,
    /// The keys of its people are on their way.
    addressed: Option<(Addressed, Vec<DeadLetter>, Road)>,
    /// It is on its way itself, and so are its dead letters.
    sent: VecDeque<(Sent, Option<sender::Receipt>, Road)>,
}

impl Ferry {
    pub(super) fn new(
        consumer: Arc<BaseConsumer<Hand>>,
        intake: Arc<Intake>,
        dead_letters: Option<Sender>,
        clock: fn() -> Timestamp,
        patience: Patience,
    ) -> Self {
        Self { consumer, intake, dead_letters, clock, patience, addressed: None, sent: VecDeque::new() }
    }

    /// Works until nobody hands over batches any more and all have landed, or brokers are not waited for any longer.
    pub(super) fn run(mut self, due: &Receiver<Batch>) -> Result<(), String> {
        match self.carry(due) {
            Err(why) if self.patience.is_over() => {
                tracing::warn!(why, "what was read last is read again");
                Ok(())
            }
            done => {
                let _spared = self.consumer.commit_consumer_state(CommitMode::Async);
                done
            }
        }
    }

    fn carry(&mut self, due: &Receiver<Batch>) -> Result<(), String> {
        let mut committed = Instant::now();
        loop {
            let wait = if self.is_idle() { COMMIT_EVERY } else { Duration::ZERO };
            match due.recv_timeout(wait) {
                Ok(batch) => self.embark(batch)?,
                Err(RecvTimeoutError::Disconnected) if self.is_idle() => return Ok(()),
                Err(_) => self.advance()?,
            }
            if committed.elapsed() >= COMMIT_EVERY {
                committed = Instant::now();
                let _spared = self.consumer.commit_consumer_state(CommitMode::Async);
            }
        }
    }

    fn is_idle(&self) -> bool {
        self.addressed.is_none() && self.sent.is_empty()
    }

    /// Takes a batch on board; as many as may be are on their way then.
    fn embark(&mut self, batch: Batch) -> Result<(), String> {
        let addressed = self.intake.address(batch.records, (self.clock)()).map_err(said)?;
        self.send()?;
        let erases = addressed.erases();
        self.addressed = Some((addressed, batch.dead, batch.road));
        while self.sent.len() > BATCHES_SENT {
            self.land()?;
        }
        while erases && !self.is_idle() {
            self.advance()?;
        }
        Ok(())
    }

    /// One step: what waits to be sent is sent, otherwise the first that was sent lands.
    fn advance(&mut self) -> Result<(), String> {
        match self.addressed {
            Some(_) => self.send(),
            None => self.land(),
        }
    }

    fn send(&mut self) -> Result<(), String> {
        let Some((addressed, dead, road)) = self.addressed.take() else { return Ok(()) };
        let sent = self.intake.send(addressed).map_err(said)?;
        let letters = dead.iter().map(|dead| Letter {
            partition: 0,
            key: None,
            payload: Some(&dead.bytes),
            headers: Some(dead.headers.clone()),
        });
        let topic = self.dead_letters.as_ref().filter(|_| !dead.is_empty());
        let receipt = topic.map(|topic| topic.send(letters)).transpose().map_err(said)?;
        self.sent.push_back((sent, receipt, road));
        Ok(())
    }

    fn land(&mut self) -> Result<(), String> {
        let Some((sent, dead, road)) = self.sent.pop_front() else { return Ok(()) };
        self.intake.land(sent).map_err(said)?;
        dead.map(sender::Receipt::wait).transpose().map_err(said)?;
        // For partitions that were given up meanwhile, whoever has them reads it again.
        for (topic, partition, offset) in &road.offsets {
            let mut one = TopicPartitionList::new();
            let _added = one.add_partition_offset(topic, *partition, Offset::Offset(*offset));
            let _given_up = self.consumer.store_offsets(&one);
        }
        Ok(())
    }
}

fn said(error: impl std::fmt::Display) -> String {
    error.to_string()
}
