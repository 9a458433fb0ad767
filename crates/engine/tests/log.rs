//! One suite for every journal, and what only the one on disk, or only the one in a topic, has to withstand.

#[path = "../../../tests/kafka/cluster.rs"]
mod cluster;
#[path = "../../../tests/kafka/ports.rs"]
mod ports;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use proptest::{collection::vec, prelude::*};
use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use smarketing_engine::kafka::{self, Copies};
use smarketing_engine::log::{APPEND_ENTRIES_MAX, ENTRY_BYTES_MAX, Error, Kafka, Local, Log, Memory, Options, Remedy};
use tempfile::TempDir;

/// Long enough for what is there to come over a network; our own journals do not need it.
const MOMENT: Duration = Duration::from_secs(20);
const ALL: usize = usize::MAX;

/// A broker for the whole suite; it goes with the process.
static CLUSTER: LazyLock<cluster::Cluster> = LazyLock::new(|| cluster::Cluster::start(1));

const ONE_COPY: Copies = Copies { replication: 1, in_sync_min: 1 };

/// The broker and a topic of its own.
fn new_topic() -> (kafka::Cluster, String) {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let cluster = kafka::Cluster { brokers: CLUSTER.brokers(), ..kafka::Cluster::default() };
    (cluster, format!("journal-{}", NUMBER.fetch_add(1, Ordering::Relaxed)))
}

fn open_topic((cluster, topic): &(kafka::Cluster, String), partitions: u32) -> Result<Kafka, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(Kafka::open(cluster, topic, partitions, ONE_COPY))
}

/// A journal that can be closed and opened again.
struct Bed {
    kept: Kept,
    log: Option<Arc<dyn Log>>,
}

enum Kept {
    Memory(Memory),
    Local(TempDir),
    Topic((kafka::Cluster, String)),
}

impl Bed {
    fn of(kept: Kept) -> Self {
        let mut bed = Self { kept, log: None };
        bed.reopen();
        bed
    }

    fn memory() -> Self {
        Self::of(Kept::Memory(Memory::new(2)))
    }

    fn local() -> Self {
        Self::of(Kept::Local(TempDir::new().unwrap()))
    }

    fn kafka() -> Self {
        Self::of(Kept::Topic(new_topic()))
    }

    fn log(&self) -> &Arc<dyn Log> {
        self.log.as_ref().unwrap()
    }

    fn reopen(&mut self) {
        self.log = None;
        self.log = Some(match &self.kept {
            Kept::Memory(memory) => Arc::new(memory.clone()),
            Kept::Local(directory) => Arc::new(open(directory.path()).unwrap()),
            Kept::Topic(topic) => Arc::new(open_topic(topic, 2).unwrap()),
        });
    }
}

fn open(directory: &Path) -> Result<Local, Error> {
    // So small that every few appends start a segment.
    Local::open(directory, 2, Options { segment_bytes: 2_000 })
}

fn append(log: &dyn Log, partition: u32, entries: &[Vec<u8>]) -> Result<u64, Error> {
    log.append(partition, &entries.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

fn read_all(log: &dyn Log, partition: u32, from: u64) -> Result<Vec<Vec<u8>>, Error> {
    let mut reader = log.reader(partition, from)?;
    let end = log.end(partition)?;
    let mut all = Vec::new();
    while from + (all.len() as u64) < end {
        let batch = reader.read(ALL, 3_000, MOMENT)?;
        assert_eq!(batch.first(), from + all.len() as u64);
        assert!(!batch.is_empty(), "an entry is missing");
        all.extend(batch.iter().map(|(_, entry)| entry.to_vec()));
    }
    assert!(reader.read(ALL, 3_000, Duration::ZERO)?.is_empty());
    Ok(all)
}

fn numbered(range: std::ops::Range<u64>) -> Vec<Vec<u8>> {
    range.map(|n| format!("entry {n} {}", "x".repeat(n as usize % 50)).into_bytes()).collect()
}

#[derive(Clone, Debug)]
enum Operation {
    Append(Vec<Vec<u8>>),
    ReadFrom { of_hundred: u64, entries_max: usize, bytes_max: usize },
    Reopen,
}

fn operation() -> impl Strategy<Value = Operation> {
    let entries = vec(vec(any::<u8>(), 0..300), 0..20);
    let read = (0u64..=100, 0usize..30, 0usize..3_000);
    prop_oneof![
        4 => entries.prop_map(Operation::Append),
        3 => read.prop_map(|(of_hundred, entries_max, bytes_max)| Operation::ReadFrom { of_hundred, entries_max, bytes_max }),
        1 => Just(Operation::Reopen),
    ]
}

fn run(mut bed: Bed, operations: &[Operation]) {
    let mut model: Vec<Vec<u8>> = Vec::new();
    for operation in operations {
        match operation {
            Operation::Append(entries) => {
                assert_eq!(append(&**bed.log(), 1, entries).unwrap(), model.len() as u64);
                model.extend_from_slice(entries);
            }
            Operation::ReadFrom { of_hundred, entries_max, bytes_max } => {
                let from = model.len() as u64 * of_hundred / 100;
                let mut reader = bed.log().reader(1, from).unwrap();
                let wait = if from == model.len() as u64 { Duration::ZERO } else { MOMENT };
                let batch = reader.read(*entries_max, *bytes_max, wait).unwrap();
                assert!(batch.len() <= 1.max(*entries_max) && (batch.bytes() <= *bytes_max || batch.len() == 1));
                assert_eq!(batch.is_empty(), from == model.len() as u64);
                let expect = model.iter().enumerate().skip(from as usize).take(batch.len());
                assert!(batch.iter().eq(expect.map(|(offset, entry)| (offset as u64, entry.as_slice()))));
                let mut next = batch.next();
                while next < model.len() as u64 {
                    let more = reader.read(ALL, ALL, MOMENT).unwrap();
                    assert!(more.first() == next && !more.is_empty());
                    next = more.next();
                }
                assert_eq!(reader.read(ALL, ALL, Duration::ZERO).unwrap().next(), model.len() as u64);
            }
            Operation::Reopen => bed.reopen(),
        }
        assert_eq!(bed.log().end(1).unwrap(), model.len() as u64);
    }
    assert_eq!(read_all(&**bed.log(), 1, 0).unwrap(), model);
    assert_eq!(bed.log().end(0).unwrap(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn every_journal_is_a_list(operations in vec(operation(), 1..40)) {
        for bed in [Bed::memory(), Bed::local()] {
            run(bed, &operations);
        }
    }
}

proptest! {
    // Every opening of a topic takes a client its time.
    #![proptest_config(ProptestConfig { cases: 3, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn a_topic_is_a_list(operations in vec(operation(), 1..15)) {
        run(Bed::kafka(), &operations);
    }
}

#[test]
fn appends_at_once_are_each_whole_and_in_one_order() {
    for bed in [Bed::memory(), Bed::local(), Bed::kafka()] {
        let writers: Vec<_> = (0..8u8)
            .map(|writer| {
                let log = bed.log().clone();
                thread::spawn(move || {
                    let entries = |round: u8| [0, 1, 2].map(|part| vec![writer, round, part]).to_vec();
                    (0..40)
                        .map(|round| (append(&*log, 0, &entries(round)).unwrap(), entries(round)))
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        let mut reader = bed.log().reader(0, 0).unwrap();
        let mut seen: Vec<Vec<u8>> = Vec::new();
        while seen.len() < 8 * 40 * 3 {
            let batch = reader.read(50, ALL, Duration::from_secs(20)).unwrap();
            assert!(!batch.is_empty(), "waited for entries that never came");
            seen.extend(batch.iter().map(|(_, entry)| entry.to_vec()));
        }
        for (first, entries) in writers.into_iter().flat_map(|writer| writer.join().unwrap()) {
            assert_eq!(seen[first as usize..][..3], entries);
        }
        assert_eq!(bed.log().end(0).unwrap(), seen.len() as u64);
    }
}

#[test]
fn several_partitions_are_appended_to_at_once() {
    for bed in [Bed::memory(), Bed::local(), Bed::kafka()] {
        let log = &**bed.log();
        append(log, 1, &numbered(0..2)).unwrap();
        let (first, second) = (numbered(10..15), numbered(20..21));
        let lanes = [(0, &first), (1, &second)].map(|(lane, all)| (lane, all.iter().map(Vec::as_slice).collect()));
        let (sent, again) = (log.send(&lanes).unwrap(), log.send(&lanes).unwrap());
        // In the order of sending, whichever is waited for first.
        assert_eq!(again.wait().unwrap(), [5, 3]);
        assert_eq!(sent.wait().unwrap(), [0, 2]);
        let (first, second) = ([&first[..], &first].concat(), [&second[..], &second].concat());
        assert_eq!(read_all(log, 0, 0).unwrap(), first);
        assert_eq!(read_all(log, 1, 2).unwrap(), second);
        assert!(matches!(log.send(&[(2, vec![b"x"])]), Err(Error::NoPartition { .. })));
    }
}

#[test]
fn what_is_out_of_range_is_refused() {
    for bed in [Bed::memory(), Bed::local(), Bed::kafka()] {
        let log = &**bed.log();
        append(log, 0, &numbered(0..3)).unwrap();
        assert!(matches!(log.reader(0, 4).err(), Some(Error::PastEnd { from: 4, end: 3, .. })));
        assert!(matches!(log.end(2), Err(Error::NoPartition { partition: 2 })));
        assert!(matches!(append(log, 2, &numbered(0..1)), Err(Error::NoPartition { .. })));
        for entries in [vec![vec![0; ENTRY_BYTES_MAX + 1]], vec![vec![]; APPEND_ENTRIES_MAX + 1]] {
            assert_eq!(append(log, 0, &entries).unwrap_err().remedy(), Remedy::Reject);
        }
        append(log, 0, &[vec![7; ENTRY_BYTES_MAX]]).unwrap();
        assert_eq!(log.reader(0, 3).unwrap().read(1, 1, MOMENT).unwrap().bytes(), ENTRY_BYTES_MAX);
    }
}

#[test]
fn a_directory_has_one_process_one_format_and_one_number_of_partitions() {
    let directory = TempDir::new().unwrap();
    let log = open(directory.path()).unwrap();
    let locked = open(directory.path()).err().unwrap().to_string();
    assert!(locked.contains(&format!("process {}", std::process::id())), "{locked}");
    drop(log);
    let error = Local::open(directory.path(), 3, Options::default()).err().unwrap();
    assert!(matches!(error, Error::Partitions { found: 2, asked: 3, .. }));
    fs::write(directory.path().join("journal"), "format 9\npartitions 2\n").unwrap();
    assert!(matches!(open(directory.path()).err(), Some(Error::Format { .. })));
    fs::remove_file(directory.path().join("journal")).unwrap();
    assert!(matches!(open(directory.path()).err(), Some(Error::Format { .. })));
}

/// The only segment of partition 0 of a journal with three blocks, and where each ends.
fn three_blocks(directory: &Path) -> (PathBuf, Vec<u64>) {
    let log = Local::open(directory, 2, Options::default()).unwrap();
    let ends = [0..4, 4..9, 9..12].map(|range| {
        append(&log, 0, &numbered(range)).unwrap();
        log.size().bytes
    });
    (directory.join("partition-00000/00000000000000000000.segment"), ends.to_vec())
}

#[test]
fn a_torn_end_is_cut_off_wherever_it_tore() {
    let directory = TempDir::new().unwrap();
    let (segment, ends) = three_blocks(directory.path());
    let whole = fs::read(&segment).unwrap();
    for length in ends[1]..ends[2] {
        let mut zeroed = whole.clone();
        zeroed[length as usize..].fill(0);
        for torn in [&whole[..length as usize], &zeroed] {
            fs::write(&segment, torn).unwrap();
            let log = open(directory.path()).unwrap();
            assert_eq!(log.end(0).unwrap(), 9, "torn at {length}");
            assert_eq!(append(&log, 0, &numbered(100..101)).unwrap(), 9);
            assert_eq!(read_all(&log, 0, 8).unwrap(), [numbered(8..9), numbered(100..101)].concat());
        }
    }
}

#[test]
fn a_flipped_bit_before_the_last_block_halts_and_says_where() {
    let directory = TempDir::new().unwrap();
    let (segment, ends) = three_blocks(directory.path());
    let whole = fs::read(&segment).unwrap();
    for at in 0..ends[1] {
        let mut flipped = whole.clone();
        flipped[at as usize] ^= 4;
        fs::write(&segment, &flipped).unwrap();
        let error = open(directory.path()).err().expect("damage was passed over");
        let block = if at < ends[0] { 0 } else { ends[0] };
        assert!(matches!(&error, Error::Corrupt { path, at, .. } if *path == segment && *at == block), "{error}");
        assert_eq!(error.remedy(), Remedy::Halt);
        assert_eq!(fs::read(&segment).unwrap(), flipped, "damaged bytes are evidence");
    }
}

#[test]
fn damage_in_a_closed_segment_is_found_by_whoever_reads_it() {
    let directory = TempDir::new().unwrap();
    let log = open(directory.path()).unwrap();
    let entries = numbered(0..400);
    for some in entries.chunks(10) {
        append(&log, 0, some).unwrap();
    }
    let segments = log.size().segments as usize;
    assert!(segments > 4, "the test needs closed segments, has {segments}");
    drop(log);
    let mut files: Vec<_> =
        fs::read_dir(directory.path().join("partition-00000")).unwrap().map(|f| f.unwrap().path()).collect();
    files.sort();
    let sound = fs::read(&files[1]).unwrap();
    for at in (0..sound.len()).step_by(3) {
        let mut flipped = sound.clone();
        flipped[at] ^= 1;
        for (damaged, what) in [(&flipped[..], "flipped"), (&sound[..at], "cut")] {
            fs::write(&files[1], damaged).unwrap();
            let log = open(directory.path()).unwrap();
            let error = read_all(&log, 0, 0).expect_err("damage was passed over");
            assert!(matches!(&error, Error::Corrupt { path, .. } if *path == files[1]), "{what} at {at}: {error}");
        }
    }
    fs::remove_file(&files[1]).unwrap();
    assert!(matches!(read_all(&open(directory.path()).unwrap(), 0, 0), Err(Error::Corrupt { .. })));
    fs::write(&files[1], sound).unwrap();
    assert_eq!(read_all(&open(directory.path()).unwrap(), 0, 0).unwrap(), entries);
    // A segment that closed early would hide what follows it.
    fs::remove_file(&files[files.len() - 2]).unwrap();
    assert!(matches!(open(directory.path()).err(), Some(Error::Corrupt { .. })));
}

fn admin<F: Future>(ask: impl FnOnce(AdminClient<DefaultClientContext>) -> F) -> F::Output {
    let admin = rdkafka::ClientConfig::new().set("bootstrap.servers", CLUSTER.brokers()).create().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(ask(admin))
}

fn create(topic: &str, partitions: i32, setting: &str, value: &str) {
    let topic = NewTopic::new(topic, partitions, TopicReplication::Fixed(1)).set(setting, value);
    let created = admin(async |admin| admin.create_topics([&topic], &AdminOptions::new()).await.unwrap());
    assert!(created.iter().all(Result::is_ok), "{created:?}");
}

fn change(topic: &str, setting: &str, value: &str) {
    let change = AlterConfig::new(ResourceSpecifier::Topic(topic)).set(setting, value);
    let changed = admin(async |admin| admin.alter_configs([&change], &AdminOptions::new()).await.unwrap());
    assert!(changed.iter().all(Result::is_ok), "{changed:?}");
}

#[test]
fn a_topic_that_would_lose_entries_is_refused() {
    let topic = new_topic();
    let log = open_topic(&topic, 2).unwrap();
    append(&log, 0, &numbered(0..3)).unwrap();
    assert!(matches!(open_topic(&topic, 3).err(), Some(Error::Partitions { found: 2, asked: 3, .. })));
    let other = new_topic();
    create(&other.1, 2, "retention.ms", "1000");
    let error = open_topic(&other, 2).err().unwrap();
    let text = error.to_string();
    assert!(text.contains("retention.ms=1000") && text.contains("--add-config retention.ms=-1"), "{text}");
    assert_eq!(error.remedy(), Remedy::Halt);
}

#[test]
fn behind_an_entry_that_brokers_refuse_for_good_nothing_is_taken() {
    let topic = new_topic();
    let log = open_topic(&topic, 1).unwrap();
    append(&log, 0, &numbered(0..2)).unwrap();
    change(&topic.1, "max.message.bytes", "2000");
    // Nothing that compression makes small.
    let next = |n: &u32| Some(n.wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
    let fat: Vec<u8> = std::iter::successors(Some(1), next).map(|n| (n >> 24) as u8).take(4_000).collect();
    let refused = (0..400).find_map(|_| {
        thread::sleep(Duration::from_millis(50));
        append(&log, 0, std::slice::from_ref(&fat)).err()
    });
    assert_eq!(refused.unwrap().remedy(), Remedy::Halt);
    let end = log.end(0).unwrap();
    assert!(append(&log, 0, &numbered(2..3)).is_err());
    assert_eq!(log.end(0).unwrap(), end);
}

#[test]
fn aborted_transactions_of_others_are_jumped_over() {
    let topic = new_topic();
    let log = open_topic(&topic, 1).unwrap();
    append(&log, 0, &numbered(0..2)).unwrap();
    let stranger: BaseProducer = rdkafka::ClientConfig::new()
        .set("bootstrap.servers", CLUSTER.brokers())
        .set("transactional.id", "stranger")
        .create()
        .unwrap();
    stranger.init_transactions(MOMENT).unwrap();
    stranger.begin_transaction().unwrap();
    for _ in 0..5 {
        stranger.send(BaseRecord::<(), [u8]>::to(&topic.1).partition(0).payload(b"never was".as_slice())).unwrap();
    }
    stranger.flush(MOMENT).unwrap();
    stranger.abort_transaction(MOMENT).unwrap();
    // Five entries, and the mark that takes them back once the broker gets round to it.
    let started = Instant::now();
    while log.end(0).unwrap() < 8 && started.elapsed() < MOMENT {
        thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(append(&log, 0, &numbered(2..4)).unwrap(), 8);
    let mut reader = log.reader(0, 0).unwrap();
    let mut seen = Vec::new();
    let started = Instant::now();
    while seen.len() < 4 && started.elapsed() < MOMENT {
        let batch = reader.read(ALL, ALL, MOMENT).unwrap();
        seen.extend(batch.iter().map(|(offset, entry)| (offset, entry.to_vec())));
    }
    let entries = numbered(0..4).into_iter();
    assert_eq!(seen, [0, 1, 8, 9].into_iter().zip(entries).collect::<Vec<_>>());
}
