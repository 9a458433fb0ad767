use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{
    Cells, Changes, Commit, Partition, Result, Store, View, Visit, check_key,
    disk::check_name,
    snapshot::{Kind, Snapshot},
};

type Map = BTreeMap<Vec<u8>, Vec<u8>>;

/// A store in memory: the same answers as [`crate::Disk`], for simulations and tests.
///
/// Clones share the content, so that a "restarted" owner finds what was committed.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    partitions: Arc<Mutex<BTreeMap<u32, Arc<Mutex<State>>>>>,
    cells: Arc<Mutex<BTreeMap<String, Arc<Mutex<Map>>>>>,
}

#[derive(Clone, Debug, Default)]
struct State {
    subjects: Map,
    meta: Map,
}

/// A panic elsewhere does not make the maps wrong: every change is applied in one hold.
fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Store for Memory {
    fn partition(&self, number: u32) -> Result<Box<dyn Partition>> {
        Ok(Box::new(MemoryPartition(hold(&self.partitions).entry(number).or_default().clone())))
    }

    fn cells(&self, name: &str) -> Result<Box<dyn Cells>> {
        check_name(name)?;
        Ok(Box::new(MemoryCells(hold(&self.cells).entry(name.into()).or_default().clone())))
    }

    fn sync(&self) -> Result<()> {
        Ok(())
    }

    fn bytes(&self) -> Result<u64> {
        let partitions = hold(&self.partitions);
        Ok(partitions.values().map(|state| hold(state).bytes()).sum())
    }
}

impl State {
    fn bytes(&self) -> u64 {
        let entries = self.subjects.iter().chain(&self.meta);
        entries.map(|(key, value)| (key.len() + value.len()) as u64).sum()
    }
}

struct MemoryPartition(Arc<Mutex<State>>);

impl Partition for MemoryPartition {
    fn get_many(&self, keys: &[&[u8]]) -> Result<Vec<Option<Vec<u8>>>> {
        let state = hold(&self.0);
        let get = |key: &&[u8]| check_key(key).map(|()| state.subjects.get(*key).cloned());
        keys.iter().map(get).collect()
    }

    fn meta(&self, name: &[u8]) -> Result<Option<Vec<u8>>> {
        check_key(name)?;
        Ok(hold(&self.0).meta.get(name).cloned())
    }

    fn view(&self) -> Result<Box<dyn View>> {
        Ok(Box::new(hold(&self.0).clone()))
    }

    fn commit(&mut self, commit: Commit) -> Result<()> {
        commit.check()?;
        let mut state = hold(&self.0);
        apply(&mut state.subjects, commit.subjects);
        apply(&mut state.meta, commit.meta);
        Ok(())
    }

    fn restore(&mut self, from: &Snapshot) -> Result<()> {
        let mut restored = State::default();
        for entry in from.entries()? {
            let (kind, key, value) = entry?;
            match kind {
                Kind::Subject => restored.subjects.insert(key, value),
                Kind::Meta => restored.meta.insert(key, value),
            };
        }
        *hold(&self.0) = restored;
        Ok(())
    }

    fn wipe(&mut self) -> Result<()> {
        *hold(&self.0) = State::default();
        Ok(())
    }
}

fn apply(map: &mut Map, changes: Changes) {
    for (key, change) in changes {
        match change {
            Some(value) => drop(map.insert(key, value.to_vec())),
            None => drop(map.remove(&key)),
        }
    }
}

impl View for State {
    fn scan(&self, visit: &mut Visit<'_>) -> Result<()> {
        walk(self.subjects.iter(), visit);
        Ok(())
    }

    fn scan_meta(&self, prefix: &[u8], visit: &mut Visit<'_>) -> Result<()> {
        let from = self.meta.range(prefix.to_vec()..);
        walk(from.take_while(|(name, _)| name.starts_with(prefix)), visit);
        Ok(())
    }
}

fn walk<'a>(mut entries: impl Iterator<Item = (&'a Vec<u8>, &'a Vec<u8>)>, visit: &mut Visit<'_>) {
    // The answer only says whether the visitor had enough.
    let _enough = entries.try_for_each(|(key, value)| visit(key, value));
}

struct MemoryCells(Arc<Mutex<Map>>);

impl Cells for MemoryCells {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        check_key(key)?;
        Ok(hold(&self.0).get(key).cloned())
    }

    fn put(&self, key: &[u8], value: &[u8]) -> Result<()> {
        self.put_many(&[(key.to_vec(), value.to_vec())])
    }

    fn put_many(&self, entries: &[(Vec<u8>, Vec<u8>)]) -> Result<()> {
        let changes: Changes = entries.iter().map(|(k, v)| (k.clone(), Some(v.as_slice().into()))).collect();
        let commit = Commit { subjects: changes, meta: Vec::new() };
        commit.check()?;
        apply(&mut hold(&self.0), commit.subjects);
        Ok(())
    }

    fn delete(&self, key: &[u8]) -> Result<()> {
        check_key(key)?;
        drop(hold(&self.0).remove(key));
        Ok(())
    }

    fn scan(&self, visit: &mut Visit<'_>) -> Result<()> {
        walk(hold(&self.0).iter(), visit);
        Ok(())
    }
}
