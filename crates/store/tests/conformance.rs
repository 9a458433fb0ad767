//! One suite for every store: the same operations give the same answers as a plain map.

use std::{collections::BTreeMap, fs, ops::ControlFlow, path::Path, sync::Arc};

use proptest::{collection::vec, option, prelude::*};
use smarketing_store::{
    Changes, Commit, Disk, Error, KEY_BYTES_MAX, Memory, Options, Remedy, Store, View,
    snapshot::{self, Snapshot},
};
use tempfile::TempDir;

type Map = BTreeMap<Vec<u8>, Vec<u8>>;

#[derive(Clone, Debug)]
enum Operation {
    Commit(Commit),
    Get(Vec<u8>),
    Reopen,
    SnapshotAndRestore,
    Wipe,
}

fn key() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![vec(0u8..3, 1..4), vec(any::<u8>(), 1..=KEY_BYTES_MAX)]
}

type Change = (Vec<u8>, Option<Arc<[u8]>>);

fn changes() -> impl Strategy<Value = Changes> {
    let value = vec(any::<u8>(), 0..600).prop_map(Arc::from);
    vec((key(), option::weighted(0.7, value)), 0..12)
}

fn operation() -> impl Strategy<Value = Operation> {
    let commit = (changes(), changes()).prop_map(|(subjects, meta)| Operation::Commit(Commit { subjects, meta }));
    prop_oneof![
        8 => commit,
        4 => key().prop_map(Operation::Get),
        1 => Just(Operation::Reopen),
        1 => Just(Operation::SnapshotAndRestore),
        1 => Just(Operation::Wipe),
    ]
}

/// A store that can be closed and opened again without losing anything.
struct Bed {
    directory: TempDir,
    memory: Option<Memory>,
    store: Option<Box<dyn Store>>,
}

impl Bed {
    fn memory() -> Self {
        let memory = Memory::default();
        let store: Box<dyn Store> = Box::new(memory.clone());
        Self { directory: TempDir::new().unwrap(), memory: Some(memory), store: Some(store) }
    }

    fn disk() -> Self {
        let mut bed = Self { directory: TempDir::new().unwrap(), memory: None, store: None };
        bed.reopen();
        bed
    }

    fn store(&self) -> &dyn Store {
        self.store.as_deref().unwrap()
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn reopen(&mut self) {
        self.store = None;
        self.store = Some(match &self.memory {
            Some(memory) => Box::new(memory.clone()),
            None => Box::new(Disk::open(&self.path().join("store"), Options::default()).unwrap()),
        });
    }
}

fn both() -> [Bed; 2] {
    [Bed::memory(), Bed::disk()]
}

fn content(view: &dyn View) -> (Map, Map) {
    let (mut subjects, mut meta) = (Vec::new(), Vec::new());
    view.scan(&mut collect(&mut subjects)).unwrap();
    view.scan_meta(b"", &mut collect(&mut meta)).unwrap();
    assert!(subjects.is_sorted() && meta.is_sorted());
    (subjects.into_iter().collect(), meta.into_iter().collect())
}

fn collect(into: &mut Vec<(Vec<u8>, Vec<u8>)>) -> impl FnMut(&[u8], &[u8]) -> ControlFlow<()> {
    |key, value| {
        into.push((key.to_vec(), value.to_vec()));
        ControlFlow::Continue(())
    }
}

fn set(pairs: &[(&str, &str)]) -> Commit {
    let subjects = pairs.iter().map(|(k, v)| (k.as_bytes().to_vec(), Some(v.as_bytes().into()))).collect();
    Commit { subjects, meta: vec![(b"position".to_vec(), Some(pairs.len().to_be_bytes().into()))] }
}

fn apply(map: &mut Map, changes: &[Change]) {
    for (key, change) in changes {
        match change {
            Some(value) => drop(map.insert(key.clone(), value.to_vec())),
            None => drop(map.remove(key)),
        }
    }
}

fn run(mut bed: Bed, operations: &[Operation]) {
    let mut model = (Map::new(), Map::new());
    let mut partition = bed.store().partition(3).unwrap();
    for (step, operation) in operations.iter().enumerate() {
        match operation {
            Operation::Commit(commit) => {
                apply(&mut model.0, &commit.subjects);
                apply(&mut model.1, &commit.meta);
                partition.commit(commit.clone()).unwrap();
            }
            Operation::Get(key) => {
                let keys: Vec<&[u8]> = model.0.keys().map(Vec::as_slice).chain([key.as_slice()]).rev().collect();
                let expect: Vec<_> = keys.iter().map(|key| model.0.get(*key).cloned()).collect();
                assert_eq!(partition.get_many(&keys).unwrap(), expect);
                assert_eq!(partition.meta(key).unwrap(), model.1.get(key).cloned());
            }
            Operation::Reopen => {
                drop(partition);
                bed.reopen();
                partition = bed.store().partition(3).unwrap();
            }
            Operation::SnapshotAndRestore => {
                let view = partition.view().unwrap();
                let file = snapshot::write(&*view, 3, step as u64, bed.path()).unwrap();
                partition.commit(set(&[("only", "here")])).unwrap();
                partition.restore(&Snapshot::open(&file).unwrap()).unwrap();
            }
            Operation::Wipe => {
                partition.wipe().unwrap();
                model = (Map::new(), Map::new());
            }
        }
        assert_eq!(content(&*partition.view().unwrap()), model, "after step {step}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn every_store_is_a_map(operations in vec(operation(), 1..30)) {
        for bed in both() {
            run(bed, &operations);
        }
    }
}

#[test]
fn a_view_does_not_see_later_commits() {
    for bed in both() {
        let mut partition = bed.store().partition(0).unwrap();
        partition.commit(set(&[("a", "1"), ("b", "1")])).unwrap();
        let view = partition.view().unwrap();
        let before = content(&*view);
        partition.commit(set(&[("a", "2"), ("c", "2"), ("d", "2")])).unwrap();
        assert_eq!(content(&*view), before);
        partition.wipe().unwrap();
        assert_eq!(content(&*view), before);
        assert_eq!(content(&*partition.view().unwrap()), (Map::new(), Map::new()));
    }
}

#[test]
fn a_walk_ends_when_the_visitor_has_enough_and_keeps_to_its_prefix() {
    for bed in both() {
        let mut partition = bed.store().partition(0).unwrap();
        let meta = ["mark/1", "mark/2", "mark/3", "position"];
        let meta = meta.map(|name| (name.as_bytes().to_vec(), Some(b"v".as_slice().into()))).to_vec();
        partition.commit(Commit { subjects: Vec::new(), meta }).unwrap();
        let mut seen = Vec::new();
        let view = partition.view().unwrap();
        view.scan_meta(b"mark/", &mut collect(&mut seen)).unwrap();
        assert_eq!(seen.len(), 3);
        let mut visits = 0;
        let mut once = |_: &[u8], _: &[u8]| {
            visits += 1;
            ControlFlow::Break(())
        };
        view.scan_meta(b"", &mut once).unwrap();
        assert_eq!(visits, 1);
    }
}

#[test]
fn partitions_and_cells_do_not_see_each_other() {
    for mut bed in both() {
        bed.store().partition(1).unwrap().commit(set(&[("a", "1")])).unwrap();
        let cells = bed.store().cells("person-keys").unwrap();
        cells.put(b"a", b"secret").unwrap();
        cells.put_many(&[(b"b".to_vec(), b"2".to_vec()), (b"c".to_vec(), b"3".to_vec())]).unwrap();
        cells.delete(b"b").unwrap();
        drop(cells);
        bed.reopen();
        assert_eq!(bed.store().partition(2).unwrap().get_many(&[b"a"]).unwrap(), [None]);
        let mut partition = bed.store().partition(1).unwrap();
        partition.wipe().unwrap();
        let cells = bed.store().cells("person-keys").unwrap();
        let answers = ["a", "b", "c"].map(|key| cells.get(key.as_bytes()).unwrap());
        assert_eq!(answers, [Some(b"secret".to_vec()), None, Some(b"3".to_vec())]);
        let file = snapshot::write(&*partition.view().unwrap(), 1, 9, bed.path()).unwrap();
        assert!(Snapshot::open(&file).unwrap().is_empty());
        assert!(matches!(bed.store().cells("no/path").err(), Some(Error::Name { .. })));
    }
}

#[test]
fn keys_and_values_outside_the_limits_are_refused_and_change_nothing() {
    for bed in both() {
        let mut partition = bed.store().partition(0).unwrap();
        for key in [vec![], vec![7; KEY_BYTES_MAX + 1]] {
            let mut commit = set(&[("good", "1")]);
            commit.meta.push((key.clone(), None));
            let error = partition.commit(commit).unwrap_err();
            assert!(matches!(error, Error::KeyLength { .. }));
            assert_eq!(error.remedy(), Remedy::Halt);
            assert!(partition.get_many(&[&key]).is_err());
        }
        assert_eq!(content(&*partition.view().unwrap()), (Map::new(), Map::new()));
    }
}

#[test]
fn equal_content_gives_equal_snapshots_on_every_store() {
    let digests = both().map(|bed| {
        let mut partition = bed.store().partition(5).unwrap();
        for round in 0..20 {
            let pairs: Vec<_> = (0..500).map(|n| (format!("subject-{n}"), format!("{round}").repeat(n))).collect();
            let pairs: Vec<_> = pairs.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
            partition.commit(set(&pairs)).unwrap();
        }
        let view = partition.view().unwrap();
        let file = snapshot::write(&*view, 5, 77, bed.path()).unwrap();
        // Writing the same again is fine, writing something else at the position is not.
        assert_eq!(snapshot::write(&*view, 5, 77, bed.path()).unwrap(), file);
        let later = snapshot::write(&*view, 5, 1_000, bed.path()).unwrap();
        assert_eq!(snapshot::list(bed.path(), 5).unwrap(), [later, file.clone()]);
        partition.wipe().unwrap();
        let other = snapshot::write(&*partition.view().unwrap(), 5, 77, bed.path());
        assert!(matches!(other, Err(Error::Differ { .. })));
        let opened = Snapshot::open(&file).unwrap();
        assert_eq!((opened.partition(), opened.position(), opened.len()), (5, 77, 501));
        opened.digest()
    });
    assert_eq!(digests[0], digests[1]);
}

#[test]
fn a_snapshot_with_any_byte_changed_or_missing_is_refused() {
    let bed = Bed::memory();
    let mut partition = bed.store().partition(0).unwrap();
    partition.commit(set(&[("a", "1"), ("b", "2")])).unwrap();
    let file = snapshot::write(&*partition.view().unwrap(), 0, 2, bed.path()).unwrap();
    let sound = fs::read(&file).unwrap();
    let broken = bed.path().join("broken");
    for at in 0..sound.len() {
        let mut flipped = sound.clone();
        flipped[at] ^= 0x10;
        for bytes in [&flipped[..], &sound[..at], &[&sound[..], &sound[..=at]].concat()] {
            fs::write(&broken, bytes).unwrap();
            let error = Snapshot::open(&broken).expect_err("a broken snapshot was believed");
            assert!(matches!(error, Error::Corrupt { .. } | Error::Format { .. }), "{error}");
        }
    }
}

#[test]
fn a_restore_that_fails_leaves_the_content_as_it_was() {
    for mut bed in both() {
        let mut partition = bed.store().partition(0).unwrap();
        partition.commit(set(&[("old", "1")])).unwrap();
        let file = snapshot::write(&*partition.view().unwrap(), 0, 1, bed.path()).unwrap();
        let verified = Snapshot::open(&file).unwrap();
        let mut bytes = fs::read(&file).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        fs::write(&file, bytes).unwrap();
        partition.commit(set(&[("old", "2"), ("new", "2")])).unwrap();
        let before = content(&*partition.view().unwrap());
        assert!(matches!(partition.restore(&verified), Err(Error::Corrupt { .. })));
        assert_eq!(content(&*partition.view().unwrap()), before);
        drop(partition);
        bed.reopen();
        assert_eq!(content(&*bed.store().partition(0).unwrap().view().unwrap()), before);
    }
}

#[test]
fn a_directory_has_one_process_and_one_format() {
    let directory = TempDir::new().unwrap();
    let open = || Disk::open(directory.path(), Options::default());
    let disk = open().unwrap();
    disk.partition(4).unwrap();
    let locked = open().err().unwrap();
    assert!(locked.to_string().contains(&format!("process {}", std::process::id())), "{locked}");
    drop(disk);
    assert_eq!(open().unwrap().partitions().unwrap(), [4]);
    for format in ["0", "2", "x"] {
        fs::write(directory.path().join("format"), format).unwrap();
        let error = open().err().unwrap();
        assert!(matches!(error, Error::Format { .. }));
        assert!(error.to_string().contains("smarketing replay"), "{error}");
        assert_eq!(error.remedy(), Remedy::Halt);
    }
    fs::remove_file(directory.path().join("format")).unwrap();
    assert!(matches!(open().err().unwrap(), Error::Format { .. }));
}
