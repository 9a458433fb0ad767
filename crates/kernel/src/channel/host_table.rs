//! A table of hosts, asked for the longest entry that covers a given host.

use alloc::borrow::Cow;
use alloc::vec::Vec;

/// Values by host. An entry covers its host and everything below it.
///
/// The table is hashed backwards, so one pass over the asked host probes it and all its parents.
#[derive(Clone, Debug)]
pub(super) struct HostTable<V> {
    rows: Vec<(Cow<'static, str>, V)>,
    /// Index into `rows` plus one, by hash with linear probing; 0 is free. Never more than half full.
    slots: Vec<u32>,
}

/// FNV-1a, 32 bits.
const SEED: u32 = 0x811c_9dc5;
const PRIME: u32 = 0x0100_0193;

const fn step(hash: u32, byte: u8) -> u32 {
    (hash ^ byte as u32).wrapping_mul(PRIME)
}

impl<V> FromIterator<(Cow<'static, str>, V)> for HostTable<V> {
    /// The first of two equal hosts stays.
    fn from_iter<I: IntoIterator<Item = (Cow<'static, str>, V)>>(rows: I) -> Self {
        let rows: Vec<_> = rows.into_iter().collect();
        let slots = alloc::vec![0; (rows.len() * 2).next_power_of_two()];
        let mut table = Self { rows, slots };
        for index in 0..table.rows.len() {
            table.seat(index);
        }
        table
    }
}

impl<V> HostTable<V> {
    fn seat(&mut self, index: usize) {
        let Some((host, _)) = self.rows.get(index) else { return };
        let hash = host.bytes().rev().fold(SEED, step);
        if let (None, free) = self.probe(hash, host)
            && let Some(slot) = self.slots.get_mut(free)
        {
            *slot = u32::try_from(index + 1).unwrap_or(0);
        }
    }

    /// The value of exactly this host.
    pub(super) fn exact(&self, host: &str) -> Option<&V> {
        self.probe(host.bytes().rev().fold(SEED, step), host).0
    }

    /// The longest entry that covers `host`, and the part of `host` it is.
    pub(super) fn covering<'h>(&self, host: &'h str) -> Option<(&'h str, &V)> {
        let mut hash = SEED;
        let mut found = None;
        for (at, byte) in host.bytes().enumerate().rev() {
            if byte == b'.'
                && let Some(parent) = host.get(at + 1..)
                && let Some(value) = self.probe(hash, parent).0
            {
                found = Some((parent, value));
            }
            hash = step(hash, byte);
        }
        self.probe(hash, host).0.map(|value| (host, value)).or(found)
    }

    /// The value of `host`, else the slot where it would go.
    fn probe(&self, hash: u32, host: &str) -> (Option<&V>, usize) {
        let mask = self.slots.len() - 1;
        let mut at = (hash ^ hash >> 16) as usize & mask;
        while let Some(index) = self.slots.get(at).and_then(|slot| slot.checked_sub(1)) {
            match self.rows.get(index as usize) {
                Some((name, value)) if name == host => return (Some(value), at),
                _ => at = (at + 1) & mask,
            }
        }
        (None, at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;
    use proptest::prelude::*;

    #[test]
    fn the_longest_entry_wins() {
        let table: HostTable<u8> =
            [("a.com", 1), ("x.a.com", 2), ("com", 3)].map(|(h, v)| (h.into(), v)).into_iter().collect();
        for (host, expect) in [
            ("a.com", Some(("a.com", 1))),
            ("b.a.com", Some(("a.com", 1))),
            ("y.x.a.com", Some(("x.a.com", 2))),
            ("ba.com", Some(("com", 3))),
            ("a.org", None),
            ("", None),
            (".", None),
        ] {
            assert_eq!(table.covering(host).map(|(part, v)| (part, *v)), expect, "{host}");
        }
        let empty: HostTable<u8> = core::iter::empty().collect();
        assert_eq!(empty.covering("a.com"), None);
    }

    proptest! {
        #[test]
        fn finds_what_a_scan_finds(rows in proptest::collection::vec("[ab.]{1,4}", 0..20), host in "[ab.]{0,6}") {
            let table: HostTable<()> = rows.iter().cloned().map(|row| (Cow::Owned(row), ())).collect();
            let covers = |row: &&String| host == **row || host.ends_with(&alloc::format!(".{row}"));
            let expect = rows.iter().filter(covers).map(|row| row.len()).max();
            prop_assert_eq!(table.covering(&host).map(|(part, ())| part.len()), expect);
            prop_assert_eq!(table.exact(&host).is_some(), rows.contains(&host));
        }
    }
}
