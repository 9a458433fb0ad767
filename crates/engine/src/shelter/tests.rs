//! The shelter against an S3 server.

#[path = "../../../../tests/kafka/bucket.rs"]
mod bucket;
#[path = "../../../../tests/kafka/ports.rs"]
mod ports;

use super::*;
use bucket::{Bucket, KEY_ID};
use smarketing_store::{Commit, Memory, Store as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// The server, and what is needed to use it.
pub(crate) struct Server {
    pub(crate) bucket: Bucket,
    pub(crate) patience: Patience,
    runtime: Runtime,
}

impl Server {
    pub(crate) fn new() -> Self {
        Self { bucket: Bucket::open(), patience: Patience::default(), runtime: Runtime::new().unwrap() }
    }

    fn folder(&self, url: &str, key_id: &str) -> Shelter {
        let (settings, patience) = (self.bucket.environment(key_id), self.patience.clone());
        Shelter::open(&Folder::parse(url).unwrap(), settings, 1, self.runtime.handle().clone(), patience).unwrap()
    }

    /// The shelter as somebody with this key's id sees it.
    pub(crate) fn shelter_of(&self, key_id: &str) -> Shelter {
        self.folder("s3://snapshots/a/b", key_id)
    }

    pub(crate) fn shelter(&self) -> Shelter {
        self.shelter_of(KEY_ID)
    }

    fn knocked(&self, shelter: &Shelter) -> Result<(), Error> {
        self.runtime.block_on(shelter.knock())
    }

    /// The files of the objects of partition 3, in the order of their names.
    fn objects(&self) -> Vec<PathBuf> {
        self.bucket.objects("a/b/g1/partition-00003")
    }
}

fn always() -> bool {
    true
}

/// A snapshot of partition 3 at `position` that holds so many entries of 64 KiB, each beginning with `mark`.
fn snapshot(directory: &Path, position: u64, entries: u32, mark: u8) -> PathBuf {
    let store = Memory::default();
    let mut partition = store.partition(3).unwrap();
    for entry in 0..entries {
        // Bytes that do not compress.
        let mut state = u64::from(entry) + 1;
        let noise = (0..65_536).map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        });
        let mut value: Vec<u8> = noise.collect();
        value[0] = mark;
        let subjects = vec![(entry.to_be_bytes().to_vec(), Some(Arc::from(value)))];
        partition.commit(Commit { subjects, ..Commit::default() }).unwrap();
    }
    snapshot::write(partition.view().unwrap().as_ref(), 3, position, directory).unwrap()
}

#[test]
fn what_is_sent_is_fetched_byte_for_byte_and_the_highest_position_wins() {
    let server = Server::new();
    let (here, there) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let shelter = server.shelter();
    assert_eq!(shelter.fetch(3, 0, 100, there.path()).unwrap(), None);
    // More than two pieces.
    let large = snapshot(here.path(), 20, 300, 1);
    assert!(std::fs::metadata(&large).unwrap().len() > 17 << 20);
    shelter.send(&large, &always).unwrap();
    shelter.send(&snapshot(here.path(), 10, 1, 1), &always).unwrap();
    shelter.send(&large, &always).unwrap();
    assert_eq!(server.objects().len(), 2);
    assert_eq!(shelter.fetch(3, 0, 100, there.path()).unwrap(), Some(20));
    let fetched = there.path().join(large.file_name().unwrap());
    assert!(std::fs::read(&fetched).unwrap() == std::fs::read(&large).unwrap());
    // Only what is further, only what the journal reaches, and of those the latest that are kept.
    assert_eq!(shelter.fetch(3, 20, 100, there.path()).unwrap(), None);
    assert_eq!(shelter.fetch(3, 0, 19, there.path()).unwrap(), Some(10));
    assert_eq!(shelter.fetch(2, 0, 100, there.path()).unwrap(), None);
    shelter.send(&snapshot(here.path(), 30, 2, 1), &always).unwrap();
    assert_eq!(server.objects().len(), 2);
    assert_eq!(shelter.fetch(3, 0, 19, there.path()).unwrap(), None);
}

#[test]
fn two_contents_of_one_position_are_told_and_none_is_taken() {
    let server = Server::new();
    let [one, other, there] = [(); 3].map(|()| TempDir::new().unwrap());
    let shelter = server.shelter();
    shelter.send(&snapshot(one.path(), 7, 1, 1), &always).unwrap();
    let differs = |error: Error| matches!(error, Error::Differ { partition: 3, position: 7 });
    assert!(differs(shelter.send(&snapshot(other.path(), 7, 1, 2), &always).unwrap_err()));
    assert_eq!(server.objects().len(), 2, "both are evidence");
    assert!(differs(shelter.fetch(3, 0, 100, there.path()).unwrap_err()));
    assert!(std::fs::read_dir(there.path()).unwrap().next().is_none());
}

#[test]
fn a_damaged_object_is_passed_over() {
    let server = Server::new();
    let (here, there) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let shelter = server.shelter();
    let good = snapshot(here.path(), 5, 1, 1);
    shelter.send(&good, &always).unwrap();
    shelter.send(&snapshot(here.path(), 6, 1, 1), &always).unwrap();
    let newest = server.objects().pop().unwrap();
    let mut bytes = std::fs::read(&newest).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(newest, bytes).unwrap();
    assert_eq!(shelter.fetch(3, 0, 100, there.path()).unwrap(), Some(5));
    let names: Vec<_> = std::fs::read_dir(there.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(names.len(), 1, "{names:?}");
    assert_eq!(Snapshot::open(&names[0]).unwrap().digest(), Snapshot::open(&good).unwrap().digest());
}

#[test]
fn a_process_that_lost_its_partition_harms_nothing_its_successor_sent() {
    let server = Server::new();
    let [old, new, there] = [(); 3].map(|()| TempDir::new().unwrap());
    let late = [snapshot(old.path(), 10, 1, 1), snapshot(old.path(), 20, 1, 1)];
    let shelter = server.shelter();
    shelter.send(&snapshot(new.path(), 20, 1, 1), &always).unwrap();
    shelter.send(&snapshot(new.path(), 30, 2, 1), &always).unwrap();
    let before: Vec<_> = server.objects().into_iter().map(|file| (std::fs::read(&file).unwrap(), file)).collect();
    // It sends what is older, and what its successor decided alike.
    for late in late {
        server.shelter().send(&late, &always).unwrap();
    }
    let after: Vec<_> = server.objects().into_iter().map(|file| (std::fs::read(&file).unwrap(), file)).collect();
    assert!(before == after && before.len() == 2);
    assert_eq!(shelter.fetch(3, 0, 100, there.path()).unwrap(), Some(30));
}

#[test]
fn of_a_snapshot_that_is_broken_off_nobody_sees_anything() {
    let server = Server::new();
    let (here, there) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let (shelter, large) = (server.shelter(), snapshot(here.path(), 20, 300, 1));
    // Looked at by the list, the beginning and the first part.
    let asked = AtomicUsize::new(0);
    let waits = || asked.fetch_add(1, Ordering::SeqCst) < 3;
    assert!(matches!(shelter.send(&large, &waits), Err(Error::Left)));
    assert!(server.objects().is_empty());
    assert_eq!(shelter.fetch(3, 0, 100, there.path()).unwrap(), None);
    shelter.send(&large, &always).unwrap();
    assert_eq!(shelter.fetch(3, 0, 100, there.path()).unwrap(), Some(20));
}

#[test]
fn a_store_that_is_away_is_an_error_and_serves_again() {
    let mut server = Server::new();
    let here = TempDir::new().unwrap();
    let path = snapshot(here.path(), 5, 1, 1);
    let shelter = server.shelter();
    server.bucket.stop();
    let began = Instant::now();
    let away = shelter.send(&path, &always).unwrap_err();
    assert!(matches!(away, Error::Away { .. }) && away.to_string().contains("AWS_ENDPOINT_URL"), "{away}");
    assert!(matches!(server.knocked(&shelter), Err(Error::Away { .. })));
    assert!(began.elapsed() < Duration::from_secs(30));
    server.bucket.start();
    shelter.send(&path, &always).unwrap();
    server.knocked(&shelter).unwrap();
}

#[test]
fn a_store_that_does_not_let_us_in_says_what_to_change() {
    let server = Server::new();
    for (url, key_id, fix) in
        [("s3://snapshots", "a-stranger", "AWS_ACCESS_KEY_ID"), ("s3://nowhere/a", KEY_ID, "kafka.snapshots")]
    {
        let error = server.knocked(&server.folder(url, key_id)).unwrap_err();
        assert!(matches!(&error, Error::Refused { fix: said, .. } if said.contains(fix)), "{error}");
    }
}

#[test]
fn nobody_waits_for_a_store_that_is_silent_when_the_process_ends() {
    let server = Server::new();
    let here = TempDir::new().unwrap();
    let path = snapshot(here.path(), 5, 1, 1);
    server.bucket.signal("STOP");
    let began = Instant::now();
    server.patience.ends_in(Duration::from_millis(300));
    assert!(matches!(server.shelter().send(&path, &always), Err(Error::Left)));
    assert!(matches!(server.shelter().fetch(3, 0, 9, here.path()), Err(Error::Left)));
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}
