//! Raw topics of a real Kafka, divided among feeds of one group that come and go in order: nothing is read twice.

#[path = "../../../tests/kafka/cluster.rs"]
mod cluster;
#[path = "../../../tests/kafka/ports.rs"]
mod ports;

use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::{ClientConfig, TopicPartitionList};
use smarketing_engine::kafka::feed::{Feed, Options, Source};
use smarketing_engine::kafka::group::Seat;
use smarketing_engine::kafka::{Cluster, Copies, Format};
use smarketing_engine::log::{Log, Memory, Reader, Receipt, Result, Size};
use smarketing_engine::vault::Ring;
use smarketing_engine::{Intake, Pepper, Progress, Vault, codec};
use smarketing_kernel::entry::Entry;
use smarketing_kernel::text::Text;
use smarketing_kernel::time::Timestamp;
use smarketing_store::Store as _;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

const TOPIC: &str = "raw";
const PARTITIONS: i32 = 4;
const MORE_PARTITIONS: i32 = 7;
/// Messages written at once.
const ROUND: usize = 14;
const PATIENCE: Duration = Duration::from_secs(60);

/// One process's way to the journal of all.
struct Gate {
    journal: Memory,
    /// While it is shut, appends wait before it.
    shut: Arc<Bolt>,
    /// While it is shut, what was sent does not land.
    shore: Arc<Bolt>,
    passed: AtomicUsize,
    sent: AtomicUsize,
}

#[derive(Default)]
struct Bolt {
    shut: Mutex<bool>,
    opened: Condvar,
}

impl Bolt {
    fn shut(&self, shut: bool) {
        *self.shut.lock().unwrap() = shut;
        self.opened.notify_all();
    }

    fn wait(&self) {
        drop(self.opened.wait_while(self.shut.lock().unwrap(), |shut| *shut).unwrap());
    }
}

impl Log for Gate {
    fn partitions(&self) -> u32 {
        self.journal.partitions()
    }

    fn append(&self, partition: u32, entries: &[&[u8]]) -> Result<u64> {
        self.shut.wait();
        self.passed.fetch_add(entries.len(), Ordering::SeqCst);
        self.journal.append(partition, entries)
    }

    fn send(&self, lanes: &[(u32, Vec<&[u8]>)]) -> Result<Receipt> {
        let landed = lanes.iter().map(|(partition, entries)| self.append(*partition, entries));
        let landed = landed.collect::<Result<Vec<u64>>>()?;
        self.sent.fetch_add(1, Ordering::SeqCst);
        let shore = Arc::clone(&self.shore);
        Ok(Receipt::new(move || {
            shore.wait();
            Ok(landed)
        }))
    }

    fn end(&self, partition: u32) -> Result<u64> {
        self.journal.end(partition)
    }

    fn reader(&self, partition: u32, from: u64) -> Result<Box<dyn Reader>> {
        self.journal.reader(partition, from)
    }

    fn size(&self) -> Size {
        self.journal.size()
    }
}

impl Gate {
    fn new(journal: &Memory) -> Arc<Self> {
        let (shut, shore, passed, sent) = Default::default();
        Arc::new(Self { journal: journal.clone(), shut, shore, passed, sent })
    }

    fn passed(&self) -> usize {
        self.passed.load(Ordering::SeqCst)
    }
}

/// A raw topic and the journal it goes into.
struct Bed {
    _broker: cluster::Cluster,
    cluster: Cluster,
    admin: AdminClient<DefaultClientContext>,
    producer: BaseProducer,
    partitions: i32,
    journal: Memory,
    written: usize,
    runtime: tokio::runtime::Runtime,
}

impl Bed {
    fn new() -> Self {
        let broker = cluster::Cluster::start(1);
        let often = ("topic.metadata.refresh.interval.ms".to_owned(), "500".to_owned());
        let cluster = Cluster { brokers: broker.brokers(), properties: [often].into(), ..Cluster::default() };
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &cluster.brokers).set("topic.metadata.refresh.interval.ms", "500");
        let admin: AdminClient<_> = config.create().unwrap();
        let topic = NewTopic::new(TOPIC, PARTITIONS, TopicReplication::Fixed(1));
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let created = runtime.block_on(admin.create_topics([&topic], &AdminOptions::new())).unwrap();
        assert!(created.iter().all(std::result::Result::is_ok), "{created:?}");
        let producer = config.create().unwrap();
        let (partitions, journal) = (PARTITIONS, Memory::new(1));
        Self { _broker: broker, cluster, admin, producer, partitions, journal, written: 0, runtime }
    }

    /// Adds partitions to the topic, and writes to them from now on.
    fn grow(&mut self) {
        let more = NewPartitions::new(TOPIC, usize::try_from(MORE_PARTITIONS).unwrap());
        let grown = self.runtime.block_on(self.admin.create_partitions([&more], &AdminOptions::new())).unwrap();
        assert!(grown.iter().all(std::result::Result::is_ok), "{grown:?}");
        self.partitions = MORE_PARTITIONS;
    }

    /// Another member of the group.
    fn feed(&self, gate: &Arc<Gate>) -> Feed {
        self.feed_telling(gate, Arc::new(Progress::new(1)))
    }

    fn feed_telling(&self, gate: &Arc<Gate>, progress: Arc<Progress>) -> Feed {
        let options = Options {
            prefix: String::new(),
            cluster: self.cluster.clone(),
            sources: vec![Source { topic: TOPIC.to_owned(), format: Format::Auto }],
            seat: Seat { group: "intake".to_owned(), instance: String::new(), session_timeout: Duration::from_secs(6) },
            merge_wait: Duration::from_millis(100),
            dead_letters: None,
            copies: Copies { replication: 1, in_sync_min: 1 },
            registry: None,
            workspace: Text::from("acme"),
            clock: || Timestamp(1_780_000_000_000),
        };
        let cells = smarketing_store::Memory::default().cells("persons").unwrap();
        let vault = Arc::new(Vault::new(Box::new(Ring::new(cells)), Pepper([7; 32])));
        let intake = Arc::new(Intake::new(Arc::clone(gate) as Arc<dyn Log>, vault, []));
        let handle = self.runtime.handle().clone();
        self.runtime.block_on(Feed::start(&self.cluster, options, intake, progress, handle)).unwrap()
    }

    /// Writes some events to every partition.
    fn write(&mut self) {
        for partition in (0..self.partitions).cycle().take(ROUND) {
            self.written += 1;
            let event = format!(
                "{{\"event\":\"page_viewed\",\"event_id\":\"{0}\",\"occurred_at\":\"2026-03-01T09:30:00Z\",\
                 \"visitor_id\":\"v-{0}\",\"url\":\"https://acme.test/\"}}",
                self.written
            );
            let mut record = BaseRecord::<(), _>::to(TOPIC).partition(partition).payload(&event);
            while let Err((error, same)) = self.producer.send(record) {
                // A partition that is new is not known at once.
                assert_eq!(error.rdkafka_error_code(), Some(RDKafkaErrorCode::UnknownPartition));
                self.producer.poll(Duration::from_millis(20));
                record = same;
            }
        }
        self.producer.flush(PATIENCE).unwrap();
    }

    /// How often each message is in the journal.
    fn journalled(&self) -> BTreeMap<(String, u64), usize> {
        let mut reader = self.journal.reader(0, 0).unwrap();
        let mut found = BTreeMap::new();
        loop {
            let batch = reader.read(usize::MAX, usize::MAX, Duration::ZERO).unwrap();
            if batch.is_empty() {
                return found;
            }
            for (_, bytes) in batch.iter() {
                let Entry::Event { source, .. } = codec::decode(bytes).unwrap() else { panic!("no event") };
                *found.entry((source.stream.to_string(), source.position)).or_default() += 1;
            }
        }
    }

    /// How many messages the group knows to be journalled.
    fn noted(&self) -> usize {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.cluster.brokers).set("group.id", "intake");
        let looker: BaseConsumer = config.create().unwrap();
        let mut places = TopicPartitionList::new();
        places.add_partition_range(TOPIC, 0, self.partitions - 1);
        let told = looker.committed_offsets(places, PATIENCE).unwrap();
        let offsets = told.elements().into_iter().map(|one| one.offset().to_raw().unwrap_or(0).max(0));
        usize::try_from(offsets.sum::<i64>()).unwrap()
    }

    /// Waits until the group knows that everything written is journalled.
    fn must_be_noted(&self) {
        let started = Instant::now();
        while self.noted() != self.written {
            assert!(started.elapsed() < PATIENCE, "{} of {} messages", self.noted(), self.written);
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits until everything written is journalled: each message once.
    fn must_hold_all_once(&self) {
        let started = Instant::now();
        while self.journalled().len() < self.written {
            assert!(started.elapsed() < PATIENCE, "{} of {} came", self.journalled().len(), self.written);
            std::thread::sleep(Duration::from_millis(50));
        }
        let twice: Vec<_> = self.journalled().into_iter().filter(|(_, times)| *times > 1).collect();
        assert_eq!(twice, []);
    }
}

#[test]
fn whoever_gives_a_partition_up_has_journalled_and_noted_what_it_read() {
    let mut bed = Bed::new();
    let gates = [Gate::new(&bed.journal), Gate::new(&bed.journal)];
    let first = bed.feed(&gates[0]);
    bed.write();
    bed.must_hold_all_once();
    bed.must_be_noted();

    // More is read than the journal takes, and then half of the partitions must go.
    gates[0].shut.shut(true);
    for _ in 0..6 {
        bed.write();
        std::thread::sleep(Duration::from_millis(250));
    }
    let second = bed.feed(&gates[1]);
    std::thread::sleep(Duration::from_secs(3));
    gates[0].shut.shut(false);
    bed.must_hold_all_once();

    // Both read now; the one that leaves takes nothing along.
    let before = gates.each_ref().map(|gate| gate.passed());
    while gates.iter().zip(before).any(|(gate, before)| gate.passed() == before) {
        bed.write();
        bed.must_hold_all_once();
    }
    bed.write();
    drop(first);
    bed.write();
    bed.must_hold_all_once();
    let before = gates[1].passed();
    bed.write();
    bed.must_hold_all_once();
    assert_eq!(gates[1].passed() - before, ROUND, "the second reads everything");
    drop(second);
}

#[test]
fn batches_follow_each_other_without_waiting_and_count_when_they_have_landed() {
    let mut bed = Bed::new();
    let gate = Gate::new(&bed.journal);
    let feed = bed.feed(&gate);
    bed.write();
    bed.must_hold_all_once();
    bed.must_be_noted();

    // More is read than can be sent; then it can be, but does not land.
    let (noted, sent) = (bed.written, gate.sent.load(Ordering::SeqCst));
    gate.shut.shut(true);
    for _ in 0..6 {
        bed.write();
        std::thread::sleep(Duration::from_millis(250));
    }
    gate.shore.shut(true);
    gate.shut.shut(false);
    // Longer than offsets wait to be committed.
    std::thread::sleep(Duration::from_millis(1_500));
    let (on_their_way, noted_meanwhile) = (gate.sent.load(Ordering::SeqCst) - sent, bed.noted());
    gate.shore.shut(false);
    assert!(on_their_way >= 2, "one batch waits for another");
    assert_eq!(noted_meanwhile, noted);
    bed.must_hold_all_once();
    bed.must_be_noted();
    drop(feed);
}

#[test]
fn whoever_has_read_everything_knows_it_before_statistics_come() {
    let mut bed = Bed::new();
    bed.write();
    let (gate, progress) = (Gate::new(&bed.journal), Arc::new(Progress::new(1)));
    let feed = bed.feed_telling(&gate, Arc::clone(&progress));
    bed.must_hold_all_once();
    let journalled = Instant::now();
    while progress.lags().is_empty() {
        assert!(journalled.elapsed() < PATIENCE);
        std::thread::sleep(Duration::from_millis(10));
    }
    // Statistics come every five seconds.
    assert!(journalled.elapsed() < Duration::from_secs(2), "{:?}", journalled.elapsed());
    assert_eq!(progress.lags(), BTreeMap::from([(TOPIC.to_owned(), 0)]));
    drop(feed);
}

#[test]
fn new_partitions_are_read_from_their_beginning() {
    let mut bed = Bed::new();
    let gates = [Gate::new(&bed.journal), Gate::new(&bed.journal)];
    let feeds = gates.each_ref().map(|gate| bed.feed(gate));
    for _ in 0..20 {
        bed.write();
    }
    bed.grow();
    for _ in 0..20 {
        bed.write();
        std::thread::sleep(Duration::from_millis(100));
    }
    bed.must_hold_all_once();
    bed.write();
    bed.must_hold_all_once();
    drop(feeds);
}
