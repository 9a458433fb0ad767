//! One suite for every journal, and what only the one on disk has to withstand.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};

use proptest::{collection::vec, prelude::*};
use smarketing_engine::log::{APPEND_ENTRIES_MAX, ENTRY_BYTES_MAX, Error, Local, Log, Memory, Options, Remedy};
use tempfile::TempDir;

const NO_WAIT: Duration = Duration::ZERO;
const ALL: usize = usize::MAX;

/// A journal that can be closed and opened again.
struct Bed {
    directory: TempDir,
    memory: Option<Memory>,
    log: Option<Arc<dyn Log>>,
}

impl Bed {
    fn memory() -> Self {
        let memory = Memory::new(2);
        let log: Arc<dyn Log> = Arc::new(memory.clone());
        Self { directory: TempDir::new().unwrap(), memory: Some(memory), log: Some(log) }
    }

    fn local() -> Self {
        let mut bed = Self { directory: TempDir::new().unwrap(), memory: None, log: None };
        bed.reopen();
        bed
    }

    fn log(&self) -> &Arc<dyn Log> {
        self.log.as_ref().unwrap()
    }

    fn reopen(&mut self) {
        self.log = None;
        self.log = Some(match &self.memory {
            Some(memory) => Arc::new(memory.clone()),
            None => Arc::new(open(self.directory.path()).unwrap()),
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
    let mut all = Vec::new();
    loop {
        let batch = reader.read(ALL, 3_000, NO_WAIT)?;
        if batch.is_empty() {
            return Ok(all);
        }
        assert_eq!(batch.first(), from + all.len() as u64);
        all.extend(batch.iter().map(|(_, entry)| entry.to_vec()));
    }
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
                let batch = reader.read(*entries_max, *bytes_max, NO_WAIT).unwrap();
                assert!(batch.len() <= 1.max(*entries_max) && (batch.bytes() <= *bytes_max || batch.len() == 1));
                assert_eq!(batch.is_empty(), from == model.len() as u64);
                let expect = model.iter().enumerate().skip(from as usize).take(batch.len());
                assert!(batch.iter().eq(expect.map(|(offset, entry)| (offset as u64, entry.as_slice()))));
                assert_eq!(reader.read(ALL, ALL, NO_WAIT).unwrap().next(), model.len() as u64);
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

#[test]
fn appends_at_once_are_each_whole_and_in_one_order() {
    for bed in [Bed::memory(), Bed::local()] {
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
fn what_is_out_of_range_is_refused() {
    for bed in [Bed::memory(), Bed::local()] {
        let log = &**bed.log();
        append(log, 0, &numbered(0..3)).unwrap();
        assert!(matches!(log.reader(0, 4).err(), Some(Error::PastEnd { from: 4, end: 3, .. })));
        assert!(matches!(log.end(2), Err(Error::NoPartition { partition: 2 })));
        assert!(matches!(append(log, 2, &numbered(0..1)), Err(Error::NoPartition { .. })));
        for entries in [vec![vec![0; ENTRY_BYTES_MAX + 1]], vec![vec![]; APPEND_ENTRIES_MAX + 1]] {
            assert_eq!(append(log, 0, &entries).unwrap_err().remedy(), Remedy::Reject);
        }
        append(log, 0, &[vec![7; ENTRY_BYTES_MAX]]).unwrap();
        assert_eq!(log.reader(0, 3).unwrap().read(1, 1, NO_WAIT).unwrap().bytes(), ENTRY_BYTES_MAX);
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
