//! The journal: one lane of entries a partition, appended for good.

use super::{Invariant, Violation};
use smarketing_kernel::entry::Entry;
use std::collections::BTreeMap;

/// A partition's lane.
#[derive(Clone, Debug, Default)]
pub(super) struct Lane {
    pub(super) entries: Vec<Entry>,
    /// How many of the first n entries are records of raw streams.
    records: Vec<u64>,
    /// The messages of every sender, by number.
    messages: BTreeMap<u32, Vec<Entry>>,
}

impl Lane {
    /// Appends entries; messages must be new and next, or what they were.
    pub(super) fn append(&mut self, entries: &[Entry]) -> Result<(), Violation> {
        for entry in entries {
            if let Entry::Message { from, seq, .. } = entry {
                let known = self.messages.entry(*from).or_default();
                match known.get(*seq as usize - 1) {
                    Some(before) if before == entry => {}
                    Some(before) => {
                        let what =
                            format!("message {seq} of partition {from} is now\n  {entry:?}\nbut was\n  {before:?}");
                        return Err(Violation::new(Invariant::Hop, what));
                    }
                    None if *seq as usize == known.len() + 1 => known.push(entry.clone()),
                    None => {
                        let what = format!("message {seq} of partition {from} comes after {}", known.len());
                        return Err(Violation::new(Invariant::Hop, what));
                    }
                }
            }
            let record = matches!(entry, Entry::Event { .. } | Entry::Reject { .. });
            self.records.push(self.records.last().unwrap_or(&0) + u64::from(record));
            self.entries.push(entry.clone());
        }
        Ok(())
    }

    /// Records among the first `position` entries.
    pub(super) fn records(&self, position: u64) -> u64 {
        position.checked_sub(1).map_or(0, |last| self.records[last as usize])
    }

    /// How many messages of a sender have landed.
    pub(super) fn landed(&self, from: u32) -> u64 {
        self.messages.get(&from).map_or(0, Vec::len) as u64
    }
}
