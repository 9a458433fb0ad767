//! The queue before the journal: one thread appends, and merges what waits into one append.
//!
//! A collector is one stream. Its positions grow along the journal of every partition, which is why one thread gives
//! them and appends; merging keeps the cost of becoming durable per append, not per request.

use crate::options::{APPEND_BYTES, BATCH_BYTES, BATCH_RECORDS};
use smarketing_engine::{Incoming, Intake};
use smarketing_kernel::text::Text;
use smarketing_kernel::time::Timestamp;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::sync::{mpsc, oneshot};

/// The records were not journalled, or not all of them. Sending them again is safe.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NotTaken;

/// Answers when a batch is durable.
pub(crate) type Receipt = oneshot::Receiver<Result<(), NotTaken>>;

/// Some records of one request.
#[derive(Default)]
pub(crate) struct Batch {
    records: Vec<Incoming>,
    bytes: u64,
}

impl Batch {
    /// Adds a record; the queue gives it its position.
    pub(crate) fn push(&mut self, record: Incoming) {
        let kept = record.bytes.len() as u64;
        self.bytes += if record.outcome.is_ok() { record.length } else { kept };
        self.records.push(record);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.records.len() >= BATCH_RECORDS || self.bytes >= BATCH_BYTES
    }
}

/// A batch and who waits for it.
type Waiting = (Batch, oneshot::Sender<Result<(), NotTaken>>);

/// The way to the appending thread, which ends when the last queue of it is dropped.
pub(crate) struct Queue {
    batches: mpsc::Sender<Waiting>,
}

impl Queue {
    /// Starts the thread that appends to `stream`; `waiting_max` batches may wait.
    pub(crate) fn start(
        intake: Arc<Intake>,
        stream: Text,
        clock: fn() -> Timestamp,
        waiting_max: usize,
    ) -> io::Result<(Self, JoinHandle<()>)> {
        let (batches, waiting) = mpsc::channel(waiting_max.max(1));
        let run = move || append_all(&intake, &stream, clock, waiting);
        let thread = std::thread::Builder::new().name("collector".into()).spawn(run)?;
        Ok((Self { batches }, thread))
    }

    /// Hands a batch over, waiting for a place. Not to be called where blocking is forbidden.
    pub(crate) fn put(&self, batch: Batch) -> Result<Receipt, NotTaken> {
        let (done, receipt) = oneshot::channel();
        self.batches.blocking_send((batch, done)).map_err(|_| NotTaken)?;
        Ok(receipt)
    }

    /// Whether somebody appends at the other end.
    pub(crate) fn is_open(&self) -> bool {
        !self.batches.is_closed()
    }
}

fn append_all(intake: &Intake, stream: &Text, clock: fn() -> Timestamp, mut waiting: mpsc::Receiver<Waiting>) {
    let mut position = 0;
    while let Some(first) = waiting.blocking_recv() {
        let (mut records, answers) = gather(first, &mut waiting);
        for record in &mut records {
            position += 1;
            record.position = position;
        }
        let outcome = intake.append(stream, records, clock()).map_err(|error| {
            tracing::error!(%error, requests = answers.len(), "the journal did not take records; their senders were told");
            NotTaken
        });
        for answer in answers {
            // A sender that went away repeats its request, or does not care.
            let _heard = answer.send(outcome);
        }
    }
}

/// `first` and what waits behind it, as far as one append goes.
fn gather(
    first: Waiting,
    waiting: &mut mpsc::Receiver<Waiting>,
) -> (Vec<Incoming>, Vec<oneshot::Sender<Result<(), NotTaken>>>) {
    let (Batch { mut records, mut bytes }, answer) = first;
    let mut answers = vec![answer];
    while bytes + BATCH_BYTES < APPEND_BYTES && records.len() < 4 * BATCH_RECORDS {
        let Ok((batch, answer)) = waiting.try_recv() else { break };
        bytes += batch.bytes;
        records.extend(batch.records);
        answers.push(answer);
    }
    (records, answers)
}
