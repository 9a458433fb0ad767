use std::{ops::ControlFlow, path::Path, sync::Arc};

use fjall::{Keyspace, OwnedWriteBatch, PersistMode, Readable};

use super::{Options, Shared, parse, read_error};
use crate::{
    Changes, Commit, Partition, Result, View, Visit, check_key,
    snapshot::{Kind, Snapshot},
};

/// The keyspaces of one partition.
#[derive(Clone)]
pub(super) struct Generation {
    number: u64,
    subjects: Keyspace,
    meta: Keyspace,
}

impl Generation {
    fn open(shared: &Shared, partition: u32, number: u64) -> Result<Self> {
        let name = |map: &str| format!("p{partition}.g{number}.{map}");
        let subjects = shared.keyspace(&name("subjects"), Options::subjects)?;
        let meta = shared.keyspace(&name("meta"), Options::small)?;
        Ok(Self { number, subjects, meta })
    }
}

/// Handles come before what they belong to, here and below: fields drop in this order,
/// and the directory must not be free before the last handle is gone.
pub(super) struct DiskPartition {
    current: Generation,
    number: u32,
    shared: Arc<Shared>,
}

impl DiskPartition {
    pub(super) fn open(shared: Arc<Shared>, number: u32) -> Result<Self> {
        let generation = shared.generation(number)?;
        let current = Generation::open(&shared, number, generation)?;
        Ok(Self { shared, number, current })
    }

    /// An empty generation: one that an unfinished replacement left behind is passed over.
    fn next_generation(&self) -> Result<Generation> {
        let taken = self.shared.keyspaces();
        let used = taken.iter().filter_map(|name| parse(name)).filter(|(partition, _)| *partition == self.number);
        let last = used.map(|(_, generation)| generation).max().unwrap_or(self.current.number);
        Generation::open(&self.shared, self.number, last + 1)
    }

    /// Makes `next` the partition's content, durably, and drops what it was.
    fn switch(&mut self, next: Generation) -> Result<()> {
        let shared = &self.shared;
        let mut batch = shared.database.batch().durability(Some(PersistMode::SyncAll));
        batch.insert(&shared.root, self.number.to_be_bytes(), next.number.to_be_bytes());
        batch.commit().map_err(|e| shared.write_error(e))?;
        let old = std::mem::replace(&mut self.current, next);
        discard(shared, old)
    }
}

fn discard(shared: &Shared, generation: Generation) -> Result<()> {
    for keyspace in [generation.subjects, generation.meta] {
        shared.database.delete_keyspace(keyspace).map_err(|e| shared.write_error(e))?;
    }
    Ok(())
}

impl Partition for DiskPartition {
    /// Reads in the order of keys, so that neighbours share a block.
    fn get_many(&self, keys: &[&[u8]]) -> Result<Vec<Option<Vec<u8>>>> {
        let mut order: Vec<usize> = (0..keys.len()).collect();
        order.sort_unstable_by_key(|&index| keys[index]);
        let mut values = vec![None; keys.len()];
        for index in order {
            check_key(keys[index])?;
            let value = self.current.subjects.get(keys[index]).map_err(|e| read_error(&self.shared.path, e))?;
            values[index] = value.map(|value| value.to_vec());
        }
        Ok(values)
    }

    fn meta(&self, name: &[u8]) -> Result<Option<Vec<u8>>> {
        check_key(name)?;
        let value = self.current.meta.get(name).map_err(|e| read_error(&self.shared.path, e))?;
        Ok(value.map(|value| value.to_vec()))
    }

    fn view(&self) -> Result<Box<dyn View>> {
        let at = self.shared.database.snapshot();
        Ok(Box::new(DiskView { shared: self.shared.clone(), at, content: self.current.clone() }))
    }

    fn commit(&mut self, commit: Commit) -> Result<()> {
        commit.check()?;
        let mut batch = self.shared.database.batch().durability(Some(PersistMode::Buffer));
        stage(&mut batch, &self.current.subjects, commit.subjects);
        stage(&mut batch, &self.current.meta, commit.meta);
        batch.commit().map_err(|e| self.shared.write_error(e))
    }

    fn restore(&mut self, from: &Snapshot) -> Result<()> {
        let next = self.next_generation()?;
        match fill(&self.shared, &next, from) {
            Ok(()) => self.switch(next),
            Err(error) => {
                // The first error is what matters; the next open removes left-overs too.
                let _ignored = discard(&self.shared, next);
                Err(error)
            }
        }
    }

    fn wipe(&mut self) -> Result<()> {
        let next = self.next_generation()?;
        self.switch(next)
    }
}

/// Bulk-loads a snapshot into empty keyspaces. [`Snapshot::entries`] vouches for what
/// the loader demands: ascending keys within their limits.
fn fill(shared: &Shared, next: &Generation, from: &Snapshot) -> Result<()> {
    let mut entries = from.entries()?.peekable();
    for (kind, keyspace) in [(Kind::Subject, &next.subjects), (Kind::Meta, &next.meta)] {
        let mut load = keyspace.start_ingestion().map_err(|e| shared.write_error(e))?;
        while let Some(entry) = entries.next_if(|entry| !matches!(entry, Ok((found, ..)) if *found != kind)) {
            let (_, key, value) = entry?;
            load.write(key, value).map_err(|e| shared.write_error(e))?;
        }
        load.finish().map_err(|e| shared.write_error(e))?;
    }
    Ok(())
}

/// The last change of a key is the only one to reach the batch: the tree orders the
/// entries of a batch by key alone.
pub(super) fn stage(batch: &mut OwnedWriteBatch, keyspace: &Keyspace, mut changes: Changes) {
    changes.reverse();
    changes.sort_by(|(a, _), (b, _)| a.cmp(b));
    changes.dedup_by(|(earlier, _), (last, _)| earlier == last);
    for (key, change) in changes {
        match change {
            Some(value) => batch.insert(keyspace, key, &*value),
            None => batch.remove(keyspace, key),
        }
    }
}

struct DiskView {
    at: fjall::Snapshot,
    content: Generation,
    shared: Arc<Shared>,
}

impl View for DiskView {
    fn scan(&self, visit: &mut Visit<'_>) -> Result<()> {
        walk(&self.shared.path, self.at.iter(&self.content.subjects), visit)
    }

    fn scan_meta(&self, prefix: &[u8], visit: &mut Visit<'_>) -> Result<()> {
        walk(&self.shared.path, self.at.prefix(&self.content.meta, prefix), visit)
    }
}

pub(super) fn walk(path: &Path, entries: fjall::Iter, visit: &mut Visit<'_>) -> Result<()> {
    for entry in entries {
        let (key, value) = entry.into_inner().map_err(|e| read_error(path, e))?;
        if let ControlFlow::Break(()) = visit(&key, &value) {
            break;
        }
    }
    Ok(())
}
