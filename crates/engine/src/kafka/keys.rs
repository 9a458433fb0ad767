//! The keys of persons where several processes share them: a compacted topic, followed into each process's own cells.
//!
//! A message's key is the lead's id and a digest of the person key, its value the person key: processes that draw keys
//! for the same person at the same moment do not overwrite each other. Destroying is a message without a value for
//! each key; compaction then removes them from the brokers' disks as well.
//!
//! The topic's second partition holds what all processes must agree on before any of them works, word by word.

use super::{Cluster, Copies, Error, Letter, Patience, READERS, Sender, Topic, ensure, passes};
use crate::vault::{self, Keys, PersonKey, Promise, Ring};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::{Offset, TopicPartitionList};
use sha2::{Digest, Sha256};
use smarketing_kernel::id::LeadId;
use smarketing_store::{Cells, Store};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The topic's partition of person keys, and that of words.
const KEYS: i32 = 0;
const WORDS: i32 = 1;
/// Bytes of the digest in a message's key.
const DIGEST_BYTES: usize = 8;
/// Where the follower notes how far it is.
const POSITION: &[u8] = b"position";
/// Most keys that are taken over in one write.
const TAKEN: usize = 1_000;
/// Longest wait for news.
const WAIT: Duration = Duration::from_millis(100);
/// Longest wait for what other processes told.
const PATIENCE: Duration = Duration::from_secs(600);

/// Keys that processes share.
pub struct SharedKeys {
    followed: Arc<Followed>,
    sender: Sender,
    topic: String,
    patience: Patience,
    thread: Option<JoinHandle<()>>,
}

/// What the follower has read.
struct Followed {
    ring: Ring,
    notes: Box<dyn Cells>,
    next: Mutex<Next>,
    moved: Condvar,
    stopping: AtomicBool,
}

/// The offset after what was read; why nothing more is.
#[derive(Default)]
struct Next {
    offset: u64,
    failed: Option<String>,
}

impl SharedKeys {
    /// Opens the topic, creating it if it is missing, and reads the keys to their end. `agreed` are words and values:
    /// whoever comes first sets them, and whoever has another value is refused.
    ///
    /// # Errors
    /// A topic that would lose keys, a word with another value; brokers or cells that do not answer.
    pub async fn open(
        cluster: &Cluster,
        topic: &str,
        copies: Copies,
        store: &dyn Store,
        agreed: &[(String, String)],
    ) -> Result<Self, vault::Error> {
        let spec = Topic { name: topic, partitions: 2, copies, cleanup: "compact", forgets: false };
        if ensure(cluster, &spec).await? != 2 {
            let problem = "has not two partitions".to_owned();
            return Err(wrong(topic, problem, "name another topic: the order of its messages matters").into());
        }
        let sender = Sender::open(cluster, topic)?;
        for (word, value) in agreed {
            agree(cluster, &sender, topic, word, value)?;
        }
        let notes = store.cells("keys-topic")?;
        let stored = notes.get(POSITION)?.and_then(|bytes| bytes.as_slice().try_into().ok());
        let offset = stored.map_or(0, u64::from_be_bytes);
        let consumer = reader(cluster, topic, KEYS, offset)?;
        let followed = Arc::new(Followed {
            ring: Ring::new(store.cells("persons")?),
            notes,
            next: Mutex::new(Next { offset, failed: None }),
            moved: Condvar::new(),
            stopping: AtomicBool::new(false),
        });
        let follower = Arc::clone(&followed);
        let run = move || {
            if let Err(error) = follower.follow(&consumer) {
                tracing::error!(%error, "the keys of other processes are not followed any more");
                follower.hold().failed = Some(error.to_string());
                follower.moved.notify_all();
            }
        };
        let thread = std::thread::Builder::new().name("keys".into()).spawn(run);
        let thread = thread.map_err(|error| Error::Settings(error.to_string()))?;
        let patience = cluster.patience.clone();
        let keys = Self { followed, sender, topic: topic.to_owned(), patience, thread: Some(thread) };
        keys.reach_end()?;
        Ok(keys)
    }

    /// Waits until everything that is in the topic now was read.
    fn reach_end(&self) -> Result<(), Error> {
        let (_, end) = self.sender.bounds(KEYS)?;
        let mut next = self.followed.hold();
        while next.offset < end {
            if let Some(reason) = next.failed.clone() {
                return Err(Error::Refused { action: "follow", topic: self.topic.clone(), reason, passing: false });
            }
            if self.patience.is_over() {
                return Err(Error::Stopped { topic: self.topic.clone() });
            }
            next = self.followed.moved.wait_timeout(next, WAIT).unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(())
    }
}

impl Drop for SharedKeys {
    fn drop(&mut self) {
        self.followed.stopping.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            let _said_already = thread.join();
        }
    }
}

impl Keys for SharedKeys {
    fn of(&self, id: LeadId) -> Result<Arc<[PersonKey]>, vault::Error> {
        self.followed.ring.of(id)
    }

    fn keep(&self, fresh: Vec<(LeadId, PersonKey)>) -> Result<Promise, vault::Error> {
        let names: Vec<Vec<u8>> = fresh.iter().map(|(id, key)| name(*id, key)).collect();
        let letters = names.iter().zip(&fresh).map(|(name, (_, key))| Letter {
            partition: KEYS,
            key: Some(name),
            payload: Some(key),
            headers: None,
        });
        let (sent, followed) = (self.sender.send(letters)?, Arc::clone(&self.followed));
        Ok(Box::new(move || {
            let _offset = sent.wait()?;
            followed.ring.add(&fresh)
        }))
    }

    fn destroy(&self, id: LeadId) -> Result<(), vault::Error> {
        self.reach_end()?;
        let keys = self.followed.ring.of(id)?;
        let names: Vec<Vec<u8>> = keys.iter().map(|key| name(id, key)).collect();
        if names.is_empty() {
            return Ok(());
        }
        let letters = names.iter().map(|name| Letter { partition: KEYS, key: Some(name), ..Letter::default() });
        let _offset = self.sender.send(letters)?.wait()?;
        self.followed.ring.remove(id, |_| true)
    }

    fn catch_up(&self, id: LeadId) -> Result<bool, vault::Error> {
        // Without keys but not unknown: destroyed. Asking the brokers again for every row of theirs helps nobody.
        if self.followed.ring.of(id)?.is_empty() && self.followed.ring.has_heard_of(id)? {
            return Ok(false);
        }
        self.reach_end()?;
        Ok(true)
    }
}

impl Followed {
    fn hold(&self) -> MutexGuard<'_, Next> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn follow(&self, consumer: &BaseConsumer) -> Result<(), vault::Error> {
        let mut fresh = Vec::new();
        let mut next = self.hold().offset;
        while !self.stopping.load(Ordering::SeqCst) {
            let news = consumer.poll(if fresh.is_empty() { WAIT } else { Duration::ZERO });
            if let Some(Ok(message)) = &news {
                self.take(message, &mut fresh)?;
                next = u64::try_from(message.offset()).unwrap_or(0) + 1;
            }
            match news {
                Some(Ok(_)) if fresh.len() < TAKEN => {}
                Some(Err(error)) if !matches!(error, KafkaError::PartitionEOF(_)) && !passes(&error) => {
                    return Err(Error::refused("follow", "of keys", &error).into());
                }
                _ if next > self.hold().offset => {
                    self.ring.add(&std::mem::take(&mut fresh))?;
                    self.notes.put(POSITION, &next.to_be_bytes())?;
                    self.hold().offset = next;
                    self.moved.notify_all();
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Takes a key over, or away.
    fn take(&self, message: &BorrowedMessage<'_>, fresh: &mut Vec<(LeadId, PersonKey)>) -> Result<(), vault::Error> {
        let Some((id, digest)) = message.key().and_then(|name| name.split_first_chunk::<16>()) else { return Ok(()) };
        let id = LeadId(*id);
        match message.payload().map(PersonKey::try_from) {
            Some(Ok(key)) => fresh.push((id, key)),
            Some(Err(_)) => return Err(vault::Error::Damaged(message.payload_len())),
            None => {
                self.ring.add(&std::mem::take(fresh))?;
                self.ring.remove(id, |key| digest_of(key) == digest)?;
            }
        }
        Ok(())
    }
}

/// Sets a word for all processes, or finds that another value was set.
fn agree(cluster: &Cluster, sender: &Sender, topic: &str, word: &str, value: &str) -> Result<(), Error> {
    if words(cluster, sender, topic, word)?.is_none() {
        let letter =
            Letter { partition: WORDS, key: Some(word.as_bytes()), payload: Some(value.as_bytes()), headers: None };
        let _offset = sender.send(std::iter::once(letter))?.wait()?;
    }
    match words(cluster, sender, topic, word)? {
        Some(set) if set == value => Ok(()),
        set => {
            let problem = format!(
                "says that the {word} of all processes is {}, but here it is {value}",
                set.unwrap_or_else(|| "not known".to_owned())
            );
            Err(wrong(topic, problem, "give every process the same one"))
        }
    }
}

/// The value of a word: the first that was set, should two have set it at the same moment.
fn words(cluster: &Cluster, sender: &Sender, topic: &str, word: &str) -> Result<Option<String>, Error> {
    let (_, end) = sender.bounds(WORDS)?;
    let consumer = reader(cluster, topic, WORDS, 0)?;
    let started = Instant::now();
    let (mut next, mut found) = (0, None);
    while next < end && started.elapsed() < PATIENCE {
        match consumer.poll(WAIT) {
            Some(Ok(message)) => {
                next = u64::try_from(message.offset()).unwrap_or(0) + 1;
                if found.is_none() && message.key() == Some(word.as_bytes()) {
                    found = message.payload().map(|value| String::from_utf8_lossy(value).into_owned());
                }
            }
            Some(Err(KafkaError::PartitionEOF(_))) => break,
            Some(Err(error)) if !passes(&error) => return Err(Error::refused("read", topic, &error)),
            _ => {}
        }
    }
    Ok(found)
}

fn reader(cluster: &Cluster, topic: &str, partition: i32, from: u64) -> Result<BaseConsumer, Error> {
    let refused = |error: KafkaError| Error::refused("read", topic, &error);
    let consumer = cluster.consumer(READERS, &[]).create();
    let consumer: BaseConsumer = consumer.map_err(|error| Error::settings(&error))?;
    let mut place = TopicPartitionList::new();
    let offset = Offset::Offset(i64::try_from(from).unwrap_or(i64::MAX));
    place.add_partition_offset(topic, partition, offset).map_err(refused)?;
    consumer.assign(&place).map_err(refused)?;
    Ok(consumer)
}

/// The name of a key among all keys of all persons.
fn name(id: LeadId, key: &PersonKey) -> Vec<u8> {
    [&id.0[..], &digest_of(key)[..]].concat()
}

fn digest_of(key: &PersonKey) -> [u8; DIGEST_BYTES] {
    let digest: [u8; 32] = Sha256::digest(key).into();
    digest.first_chunk().copied().unwrap_or_default()
}

fn wrong(topic: &str, problem: String, fix: &str) -> Error {
    Error::Topic { topic: topic.to_owned(), problem, fix: fix.to_owned() }
}
