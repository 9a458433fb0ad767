//! `kill -9` in the middle of commits, restores and wipes: what is found is exactly the
//! state after some prefix, and at least after all that was acknowledged.

use std::{
    collections::BTreeMap,
    env,
    io::{BufRead, BufReader, Write},
    ops::ControlFlow,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use smarketing_store::{
    Commit, Disk, Options, Partition, Store, View,
    snapshot::{self, Snapshot},
};

const CHILD: &str = "SMARKETING_STORE_CRASH_CHILD";
const SUBJECTS: u64 = 4_000;
const A_COMMIT: u64 = 700;

/// The commit at `position` touches subjects that depend on it, and deletes some.
fn step(position: u64) -> Commit {
    let subject = |n: u64| (position * 7_919 + n * 104_729) % SUBJECTS;
    let change = |n: u64| {
        let text = format!("{position}-{n}-").repeat(30);
        (subject(n).to_be_bytes().to_vec(), (!n.is_multiple_of(10)).then(|| text.into_bytes().into()))
    };
    let meta = vec![(b"position".to_vec(), Some((position + 1).to_be_bytes().into()))];
    Commit { subjects: (0..A_COMMIT).map(change).collect(), meta }
}

fn position(partition: &dyn Partition) -> u64 {
    let cell = partition.meta(b"position").unwrap();
    cell.map_or(0, |cell| u64::from_be_bytes(cell.try_into().unwrap()))
}

fn options() -> Options {
    Options { buffer_bytes: 4 << 20, ..Options::default() }
}

/// The child: commits for ever and says so after each; now and then replaces its content
/// by the very same from a snapshot.
fn commit_for_ever(directory: &Path) -> ! {
    let disk = Disk::open(&directory.join("store"), options()).unwrap();
    let mut partition = disk.partition(0).unwrap();
    let mut out = std::io::stdout().lock();
    for position in position(&*partition).. {
        partition.commit(step(position)).unwrap();
        writeln!(out, "\nacknowledged {}", position + 1).unwrap();
        if position % 9 == 0 {
            let view = partition.view().unwrap();
            let file = snapshot::write(&*view, 0, position + 1, &directory.join("snapshots")).unwrap();
            partition.restore(&Snapshot::open(&file).unwrap()).unwrap();
        }
    }
    unreachable!("positions do not run out")
}

fn spawn(directory: &Path) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["a_killed_store_holds_a_prefix_of_its_commits", "--exact", "--nocapture"])
        .env(CHILD, directory)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Lets the child run for `life`, kills it, and answers the last acknowledged position.
fn run_and_kill(directory: &Path, life: Duration) -> u64 {
    let mut child = spawn(directory);
    let out = BufReader::new(child.stdout.take().unwrap());
    let reader = thread::spawn(move || {
        let lines = out.lines().map_while(Result::ok);
        lines.filter_map(|line| line.strip_prefix("acknowledged ")?.parse().ok()).last()
    });
    thread::sleep(life);
    child.kill().unwrap();
    child.wait().unwrap();
    reader.join().unwrap().unwrap_or(0)
}

fn subjects(view: &dyn View) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut visit = |key: &[u8], value: &[u8]| {
        found.insert(key.to_vec(), value.to_vec());
        ControlFlow::Continue(())
    };
    view.scan(&mut visit).unwrap();
    found
}

#[test]
fn a_killed_store_holds_a_prefix_of_its_commits() {
    if let Some(directory) = env::var_os(CHILD) {
        commit_for_ever(Path::new(&directory));
    }
    let directory = tempfile::tempdir().unwrap();
    let mut model = BTreeMap::new();
    let mut applied = 0;
    for round in 0..12 {
        let acknowledged = run_and_kill(directory.path(), Duration::from_millis(120 + round * 37));
        let disk = Disk::open(&directory.path().join("store"), options()).unwrap();
        let partition = disk.partition(0).unwrap();
        let reached = position(&*partition);
        assert!(reached >= acknowledged, "acknowledged {acknowledged}, found {reached}");
        for (key, change) in (applied..reached).flat_map(|position| step(position).subjects) {
            match change {
                Some(value) => drop(model.insert(key, value.to_vec())),
                None => drop(model.remove(&key)),
            }
        }
        applied = applied.max(reached);
        assert!(subjects(&*partition.view().unwrap()) == model, "round {round}: not the state at {reached}");
    }
    assert!(applied > 20, "only {applied} commits in all rounds: the test saw nothing");
}
