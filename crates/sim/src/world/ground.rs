//! What all drivers of a world share: the journal, the warehouse, chance, and the book of what has been seen.

use super::clickhouse::{ClickHouse, blocks};
use super::journal::Lane;
use super::{Fault, Faults, Violation};
use crate::chance::{Chance, mix};
use smarketing_kernel::entry::Entry;
use smarketing_kernel::row::Rows;
use smarketing_kernel::rules::Rules;
use std::collections::BTreeMap;
use std::sync::Arc;

/// See the module.
pub(super) struct Ground<'r> {
    pub(super) rules: &'r Rules,
    pub(super) chance: Chance,
    pub(super) lanes: Vec<Lane>,
    pub(super) clickhouse: ClickHouse,
    /// Hash of the step that ended at an offset of a partition, and of the state it left.
    pub(super) fold: BTreeMap<(u32, u64), u64>,
    pub(super) steps: u64,
    pub(super) trace: u64,
    pub(super) injected: BTreeMap<Fault, u64>,
    /// Partitions of which the warehouse may have lost something.
    pub(super) lossy: bool,
    faults: Faults,
    /// Appends that timed out and have not landed yet.
    late_appends: Vec<(u32, Vec<Entry>)>,
    late_blocks: Vec<Arc<Rows>>,
}

impl<'r> Ground<'r> {
    pub(super) fn new(rules: &'r Rules, seed: u64, partitions: u32, faults: Faults) -> Self {
        Self {
            rules,
            chance: Chance::new(mix(seed ^ 0x5ce4e)),
            lanes: vec![Lane::default(); partitions as usize],
            clickhouse: ClickHouse::default(),
            fold: BTreeMap::new(),
            steps: 0,
            trace: seed,
            injected: BTreeMap::new(),
            lossy: false,
            faults,
            late_appends: Vec::new(),
            late_blocks: Vec::new(),
        }
    }

    /// No fault from here on; what is late lands.
    pub(super) fn calm(&mut self) -> Result<(), Violation> {
        self.faults = Faults::none();
        while !self.late_appends.is_empty() || !self.late_blocks.is_empty() {
            self.land_late()?;
        }
        Ok(())
    }

    /// Whether this fault strikes now, which it does once in `n` times.
    pub(super) fn strikes(&mut self, fault: Fault, n: u64) -> bool {
        let strikes = self.faults.has(fault) && self.chance.one_in(n);
        if strikes {
            *self.injected.entry(fault).or_default() += 1;
            self.note(fault as u64);
        }
        strikes
    }

    /// Writes something into the trace.
    pub(super) fn note(&mut self, what: u64) {
        self.trace = mix(self.trace ^ what.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    }

    /// Appends to a lane; whether it was acknowledged.
    pub(super) fn produce(&mut self, lane: u32, entries: &[Entry]) -> Result<bool, Violation> {
        self.note(u64::from(lane) << 32 | entries.len() as u64);
        if self.strikes(Fault::ProduceLate, 40) {
            self.late_appends.push((lane, entries.to_vec()));
            return Ok(false);
        }
        let target = &mut self.lanes[lane as usize];
        if self.faults.has(Fault::ProduceFailed) && self.chance.one_in(40) {
            let landed = self.chance.index(entries.len());
            target.append(&entries[..landed])?;
            *self.injected.entry(Fault::ProduceFailed).or_default() += 1;
            return Ok(false);
        }
        target.append(entries)?;
        if self.strikes(Fault::ProduceTwice, 15) {
            self.lanes[lane as usize].append(entries)?;
        }
        Ok(true)
    }

    /// Inserts the rows of some steps together; whether it was acknowledged.
    pub(super) fn insert(&mut self, group: &[&Rows]) -> Result<bool, Violation> {
        let mut all = Vec::new();
        for rows in group {
            let chance = &mut self.chance;
            all.extend(blocks(rows, |len| if chance.one_in(3) { chance.index(len + 1) } else { len }));
        }
        self.note(all.len() as u64);
        if self.strikes(Fault::InsertFailed, 20) {
            return Ok(false);
        }
        if self.strikes(Fault::InsertLate, 20) {
            self.late_blocks.extend(all);
            return Ok(false);
        }
        let landing =
            if self.strikes(Fault::InsertPartial, 15) { self.chance.index(all.len().max(1)) } else { all.len() };
        let whole = landing == all.len();
        for block in all.into_iter().take(landing) {
            self.clickhouse.land(block)?;
        }
        Ok(whole && !self.strikes(Fault::InsertUnanswered, 20))
    }

    /// Something that was late lands, in no order.
    pub(super) fn land_late(&mut self) -> Result<(), Violation> {
        if !self.late_appends.is_empty() && self.chance.one_in(2) {
            // Of one sender's appends to one lane the earlier lands first.
            let (lane, entries) = self.late_appends.remove(0);
            return self.lanes[lane as usize].append(&entries);
        }
        if !self.late_blocks.is_empty() {
            let pick = self.chance.index(self.late_blocks.len());
            return self.clickhouse.land(self.late_blocks.remove(pick));
        }
        Ok(())
    }

    /// ClickHouse merges parts, or loses one in a power cut.
    pub(super) fn stir(&mut self) {
        let pick = self.chance.index(1 << 16);
        self.clickhouse.merge(pick);
        if self.strikes(Fault::InsertLost, 12) && self.clickhouse.lose(pick) {
            self.lossy = true;
        }
    }
}
