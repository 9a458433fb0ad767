//! What must be true of a world at rest.

use super::ground::Ground;
use super::store::{Held, Recent};
use super::{Invariant, Setup, Violation};
use crate::auditor::{audit, differences, ledger_balances};
use smarketing_kernel::entry::{Entry, Source};
use smarketing_kernel::id::SubjectId;
use smarketing_kernel::step::{Partition, State, step};
use smarketing_kernel::text::Text;
use smarketing_kernel::{Checksum, Checksums};
use std::collections::BTreeMap;

/// Where a partition's checksums differ from the warehouse's.
pub(super) fn unlike(partition: u32, held: &Held, ground: &Ground<'_>) -> Option<String> {
    let own = held.state.checksums.iter().filter(|(_, sum)| **sum != Checksum::default());
    let own: Checksums = own.map(|(key, sum)| (*key, *sum)).collect();
    let differences = differences("checksum", &own, &ground.clickhouse.checksums(partition));
    Some(format!("partition {partition}: {}", differences.first()?))
}

pub(super) fn check(setup: &Setup, ground: &Ground<'_>, places: &[&Held]) -> Result<(), Violation> {
    let fail = |invariant, what: String| Err(Violation::new(invariant, what));
    let audited = match audit(&setup.definitions, &setup.events) {
        Ok(tables) => tables,
        Err(problems) => return fail(Invariant::Auditor, format!("definitions: {problems:?}")),
    };
    if let Some(first) = audited.differences(&ground.clickhouse.tables()).first() {
        return fail(Invariant::Auditor, first.to_string());
    }
    let ledger = ground.clickhouse.ledger();
    let balances = ledger_balances(ledger.into_values());
    if let Some(first) = differences("ledger", &audited.balances(), &balances).first() {
        return fail(Invariant::Ledger, first.to_string());
    }
    for (bookings, row) in audited.reconciliation(&setup.definitions) {
        let deals = i128::from(row.booked_deals) * 1_000_000;
        if (row.booked_minor, deals) != (row.credited_minor, row.credited_micro) {
            return fail(Invariant::Money, format!("{bookings:?}: {row:?}"));
        }
    }
    let expected = undisturbed(setup, ground)?;
    let found = places.iter().flat_map(|held| held.subjects.iter().map(|(id, bytes)| (*id, bytes.to_vec())));
    if let Some(first) = differences("subject", &expected, &found.collect()).first() {
        return fail(Invariant::State, first.to_string());
    }
    Ok(())
}

/// The subjects after one partition has taken every event in one step: nothing can go wrong there.
fn undisturbed(setup: &Setup, ground: &Ground<'_>) -> Result<BTreeMap<SubjectId, Vec<u8>>, Violation> {
    let entry = |(position, event): (u64, &crate::workload::Happened)| Entry::Event {
        source: Source { stream: Text::from("all"), position },
        event: event.clone(),
    };
    let entries = (1..).zip(&setup.events).map(entry).collect();
    let (left, held) = (BTreeMap::new(), Held::default());
    let mut shelf = Recent { left: &left, held: &held };
    let alone = Partition { index: 0, count: 1 };
    let commit = step(ground.rules, alone, State::default(), entries, &mut shelf)
        .map_err(|error| Violation::new(Invariant::State, format!("without faults: {error:?}")))?;
    Ok(commit.subjects.into_iter().filter_map(|(id, kept)| Some((id, kept?.to_vec()))).collect())
}
