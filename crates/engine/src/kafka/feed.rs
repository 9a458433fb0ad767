//! Raw topics on their way into the journal.
//!
//! One thread reads, merges partitions by time and decodes; another journals and only then notes the offsets. A
//! partition's messages wait in a queue of their own, so that one topic can be read while another is waited for: what is
//! not taken from its queue stops librdkafka from fetching, without a word. A message that comes again, after a
//! rebalance or a crash, has the position it had and is a duplicate.

use super::again::stream;
use super::decode::{Decoder, Format, is_envelope};
use super::ferry::{Batch, DeadLetter, Ferry, Road};
use super::group::Seat;
use super::hand::{Flow, Hand};
use super::merge::{Merge, Place, Raw};
use super::registry::{Address, Registry};
use super::{Cluster, Copies, Error, Grumble, Patience, Sender, Topic, ensure, passes};
use crate::intake::{Incoming, Intake};
use crate::limits::{BATCHES_READ, DEAD_LETTER_BYTES, INTAKE_BATCH, REJECT_BYTES};
use crate::progress::Progress;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Header, Message, OwnedHeaders};
use smarketing_kernel::text::Text;
use smarketing_kernel::time::Timestamp;
use smarketing_schema::Context;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// A raw topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its name.
    pub topic: String,
    /// How its messages are written.
    pub format: Format,
}

/// What is read, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// What stands before its topics' names among those of all clusters: nothing, or such as `web/`.
    pub prefix: String,
    /// Where the topics are.
    pub cluster: Cluster,
    /// The topics.
    pub sources: Vec<Source>,
    /// The group that divides their partitions.
    pub seat: Seat,
    /// Longest wait for the topic that is behind, in time of its records.
    pub merge_wait: Duration,
    /// Where rejected messages go as well.
    pub dead_letters: Option<String>,
    /// How often those are kept.
    pub copies: Copies,
    /// Where writer schemas are found.
    pub registry: Option<Address>,
    /// Workspace of events that name none.
    pub workspace: Text,
    /// The time now.
    pub clock: fn() -> Timestamp,
}

/// Pause when there is nothing to read, and when there is no room for more.
const IDLE: Duration = Duration::from_millis(20);
const FULL: Duration = Duration::from_millis(5);

/// Topics being read; stopped when it is dropped.
pub struct Feed {
    stopping: Arc<AtomicBool>,
    patience: Patience,
    threads: Vec<JoinHandle<()>>,
}

impl Feed {
    /// Starts to read; dead letters go to `own` cluster. What stops it later is told to `progress`.
    ///
    /// # Errors
    /// Settings that make no sense; brokers that do not answer.
    pub async fn start(
        own: &Cluster,
        options: Options,
        intake: Arc<Intake>,
        progress: Arc<Progress>,
        runtime: Handle,
    ) -> Result<Self, Error> {
        let dead_letters = dead_letters(own, &options).await?;
        let flow = Arc::new(Flow::default());
        let patience = own.patience.clone();
        let hand = Hand {
            flow: Arc::clone(&flow),
            progress: Arc::clone(&progress),
            patience: patience.clone(),
            prefix: options.prefix.clone(),
        };
        let mut config = options.seat.config(&options.cluster);
        config.set("statistics.interval.ms", "5000");
        let consumer = config.create_with_context(hand).map_err(|error| Error::settings(&error))?;
        let consumer: Arc<BaseConsumer<Hand>> = Arc::new(consumer);
        let topics: Vec<&str> = options.sources.iter().map(|source| source.topic.as_str()).collect();
        consumer.subscribe(&topics).map_err(|error| Error::refused("subscribe to", &topics.join(", "), &error))?;
        let stopping = Arc::new(AtomicBool::new(false));
        let (batches, due) = sync_channel(BATCHES_READ);
        let ferry = Ferry::new(Arc::clone(&consumer), intake, dead_letters, options.clock, patience.clone());
        let registry = options.registry.clone().map(|address| Registry::new(address, runtime));
        let reader = Reader {
            merge: Merge::new(options.merge_wait),
            decoder: Decoder::new(registry),
            queues: BTreeMap::new(),
            numbers: topics.iter().enumerate().map(|(at, topic)| ((*topic).to_owned(), at)).collect(),
            consumer,
            batches,
            stopping: Arc::clone(&stopping),
            grumble: Grumble::new(),
            options,
        };
        let told = Arc::clone(&progress);
        let read = spawn("feed", move || reader.run().map_err(|error| error.to_string()), progress)?;
        let write = spawn("intake", move || ferry.run(&due), told)?;
        Ok(Self { stopping, patience, threads: vec![read, write] })
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::SeqCst);
        for thread in self.threads.drain(..) {
            self.patience.join(thread);
        }
    }
}

fn spawn(
    name: &str,
    work: impl FnOnce() -> Result<(), String> + Send + 'static,
    progress: Arc<Progress>,
) -> Result<JoinHandle<()>, Error> {
    let run = move || {
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        if let Err(why) = ended.unwrap_or_else(|_| Err("a thread of the intake panicked".to_owned())) {
            tracing::error!(why, "the intake stopped; what was not journalled is read again");
            progress.fail(&why);
        }
    };
    std::thread::Builder::new().name(name.to_owned()).spawn(run).map_err(|error| Error::Settings(error.to_string()))
}

async fn dead_letters(cluster: &Cluster, options: &Options) -> Result<Option<Sender>, Error> {
    let Some(name) = &options.dead_letters else { return Ok(None) };
    let topic = Topic { name, partitions: 1, copies: options.copies, cleanup: "delete", forgets: true };
    ensure(cluster, &topic).await?;
    Ok(Some(Sender::open(cluster, name)?))
}

/// The thread that reads.
struct Reader {
    options: Options,
    consumer: Arc<BaseConsumer<Hand>>,
    numbers: HashMap<String, usize>,
    queues: BTreeMap<Place, PartitionQueue<Hand>>,
    merge: Merge,
    decoder: Decoder,
    batches: SyncSender<Batch>,
    stopping: Arc<AtomicBool>,
    grumble: Grumble,
}

impl Reader {
    fn run(mut self) -> Result<(), Error> {
        let mut wait = Duration::ZERO;
        while !self.stopping.load(Ordering::SeqCst) {
            self.attend(wait)?;
            self.fill()?;
            wait = match self.pass_on() {
                Passed::Some => Duration::ZERO,
                Passed::Nothing => {
                    self.rest();
                    IDLE
                }
                Passed::NoRoom => FULL,
                Passed::Nobody => return Ok(()),
            };
        }
        Ok(())
    }

    /// Hands what is due to the journal. Nothing is taken before there is room for it: what has left the queues is
    /// always on its way to the journal, and whoever must give up a partition waits for that, not for himself.
    fn pass_on(&mut self) -> Passed {
        if self.consumer.context().flow.hold().batches >= BATCHES_READ {
            return Passed::NoRoom;
        }
        let taken = self.merge.take(INTAKE_BATCH, Instant::now());
        let batch = self.decode(taken);
        if batch.records.is_empty() {
            return Passed::Nothing;
        }
        match self.batches.try_send(batch) {
            Ok(()) => Passed::Some,
            // What was not handed over is read again.
            Err(_) => Passed::Nobody,
        }
    }

    /// Tells when there is nothing left to read: until the next statistics of librdkafka come, whoever catches up would
    /// go on in large steps, and the last of what came would wait for company that does not come.
    fn rest(&self) {
        if self.merge.is_at_end() {
            let topics = self.options.sources.iter();
            let none = topics.map(|source| (format!("{}{}", self.options.prefix, source.topic), 0));
            self.consumer.context().progress.lag(none);
        }
    }

    /// Lets the group speak, and follows what it decided. Messages come here only from partitions without a queue.
    fn attend(&mut self, wait: Duration) -> Result<(), Error> {
        let consumer = Arc::clone(&self.consumer);
        let mut news = consumer.poll(wait);
        loop {
            let changes = std::mem::take(&mut consumer.context().flow.hold().changes);
            for (comes, topic, partition) in changes {
                self.change(comes, &topic, partition)?;
            }
            let Some(one) = news else { return Ok(()) };
            let one = owned(one, &self.numbers);
            note(&mut self.merge, &self.options, &self.grumble, one)?;
            news = consumer.poll(Duration::ZERO);
        }
    }

    /// A partition comes, and gets a queue of its own, or goes.
    fn change(&mut self, comes: bool, topic: &str, partition: i32) -> Result<(), Error> {
        let Some(number) = self.numbers.get(topic).copied() else { return Ok(()) };
        let place = (number, partition);
        let _old = self.queues.remove(&place);
        self.merge.close(place);
        if comes {
            self.merge.open(place, Text::from(stream(&self.options.prefix, topic, partition)));
            let queue = self.consumer.split_partition_queue(topic, partition);
            self.queues.extend(queue.map(|queue| (place, queue)));
            let mut one = TopicPartitionList::new();
            let _added = one.add_partition(topic, partition);
            self.consumer.resume(&one).map_err(|error| Error::refused("read", topic, &error))?;
        }
        Ok(())
    }

    /// Takes in what has come, as far as there is room.
    fn fill(&mut self) -> Result<(), Error> {
        for (place, queue) in &self.queues {
            while self.merge.lane(*place).is_some_and(|lane| lane.has_room()) {
                let Some(news) = queue.poll(Duration::ZERO) else { break };
                let news = News { place: Some(*place), ..owned(news, &self.numbers) };
                note(&mut self.merge, &self.options, &self.grumble, news)?;
            }
        }
        Ok(())
    }

    /// Decodes as many as can be decoded now; the rest is given back.
    fn decode(&mut self, taken: Vec<(Place, Raw)>) -> Batch {
        let ctx = Context { now: (self.options.clock)(), workspace: self.options.workspace.clone() };
        let (mut records, mut dead) = (Vec::with_capacity(taken.len()), Vec::new());
        let mut offsets: BTreeMap<Place, i64> = BTreeMap::new();
        let mut taken = taken.into_iter();
        while let Some((place, raw)) = taken.next() {
            let Some(source) = self.options.sources.get(place.0) else { continue };
            let outcome = self.decoder.decode(&source.format, raw.in_envelope, &raw.bytes, &ctx);
            let Ok(outcome) = outcome else {
                self.merge.give_back(std::iter::once((place, raw)).chain(taken).collect());
                break;
            };
            let Some(lane) = self.merge.lane(place) else { continue };
            let _before = offsets.insert(place, raw.offset + 1);
            let length = raw.bytes.len() as u64;
            let mut bytes = Vec::new();
            if let Err(rejected) = &outcome {
                let headers = headers(source, place.1, &raw, rejected);
                bytes = raw.bytes.get(..REJECT_BYTES).unwrap_or(&raw.bytes).to_vec();
                let mut whole = raw.bytes;
                whole.truncate(DEAD_LETTER_BYTES);
                dead.push(DeadLetter { bytes: whole, headers });
            }
            let position = u64::try_from(raw.offset).unwrap_or(0) + 1;
            let outcome = outcome.map(|decoded| decoded.event);
            records.push((lane.stream.clone(), Incoming { position, outcome, bytes, length }));
        }
        let named = |(place, offset): (Place, i64)| {
            let source = self.options.sources.get(place.0)?;
            Some((source.topic.clone(), place.1, offset))
        };
        let offsets = offsets.into_iter().filter_map(named).collect();
        Batch { records, dead, road: Road::begin(&self.consumer.context().flow, offsets) }
    }
}

/// What became of the messages that were due.
enum Passed {
    /// Some are on their way to the journal.
    Some,
    /// None can be read now.
    Nothing,
    /// As many as may be are on their way already.
    NoRoom,
    /// The journal takes no more.
    Nobody,
}

/// What a queue had to tell.
struct News {
    place: Option<Place>,
    /// A message, or that there is none for now.
    came: Result<Option<Raw>, KafkaError>,
}

/// Puts what came into its lane.
fn note(merge: &mut Merge, options: &Options, grumble: &Grumble, news: News) -> Result<(), Error> {
    let News { place, came } = news;
    let lane = place.and_then(|place| merge.lane(place));
    match (came, lane) {
        (Ok(Some(raw)), Some(lane)) => {
            if !lane.push(raw) {
                let reason = "messages came out of order; a restart reads them again".to_owned();
                return Err(Error::Producer { topic: lane.stream.to_string(), reason });
            }
        }
        (Ok(None), Some(lane)) => lane.end(),
        (Ok(_), None) => {}
        (Err(error), _) if passes(&error) => {
            if grumble.is_due() {
                tracing::warn!(brokers = options.cluster.brokers, %error, "raw topics cannot be read, waiting");
            }
        }
        (Err(error), _) => {
            let source = place.and_then(|(number, _)| options.sources.get(number));
            let topic = source.map_or("of the intake", |source| source.topic.as_str());
            if error.rdkafka_error_code() != Some(RDKafkaErrorCode::AutoOffsetReset) {
                return Err(Error::refused("read", topic, &error));
            }
            let problem = format!("lost messages before they were read: {error}");
            let fix = "keep its messages longer; to go on with what there is, reset the group's offsets".into();
            return Err(Error::Topic { topic: topic.to_owned(), problem, fix });
        }
    }
    Ok(())
}

fn owned(news: Result<BorrowedMessage<'_>, KafkaError>, numbers: &HashMap<String, usize>) -> News {
    match news {
        Ok(message) => {
            let raw = Raw {
                offset: message.offset(),
                at: message.timestamp().to_millis().unwrap_or(i64::MIN),
                bytes: message.payload().unwrap_or_default().to_vec(),
                in_envelope: message.headers().is_some_and(is_envelope),
            };
            News {
                place: numbers.get(message.topic()).map(|number| (*number, message.partition())),
                came: Ok(Some(raw)),
            }
        }
        Err(KafkaError::PartitionEOF(_)) => News { place: None, came: Ok(None) },
        Err(error) => News { place: None, came: Err(error) },
    }
}

/// What a dead letter says of its origin.
fn headers(source: &Source, partition: i32, raw: &Raw, rejected: &smarketing_schema::Rejected) -> OwnedHeaders {
    let all = [
        ("smarketing-reason", rejected.reason.code().to_owned()),
        ("smarketing-detail", rejected.detail.clone()),
        ("smarketing-topic", source.topic.clone()),
        ("smarketing-partition", partition.to_string()),
        ("smarketing-offset", raw.offset.to_string()),
        ("smarketing-bytes", raw.bytes.len().to_string()),
    ];
    let headers = OwnedHeaders::new_with_capacity(all.len());
    all.iter().fold(headers, |headers, (key, value)| headers.insert(Header { key, value: Some(value) }))
}
