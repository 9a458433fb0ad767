//! The mistakes.

/// A mistake: what is replaced by what, and which invariants may catch it first.
pub(crate) struct Mutant {
    pub(crate) name: &'static str,
    pub(crate) file: &'static str,
    /// Is in the file once.
    pub(crate) find: &'static str,
    /// `MUTANT` is true for a thread that makes the mistake, `CLOCK` a number that grows.
    pub(crate) replace: &'static str,
    pub(crate) caught_by: &'static [&'static str],
}

const fn mutant(
    name: &'static str,
    file: &'static str,
    find: &'static str,
    replace: &'static str,
    caught_by: &'static [&'static str],
) -> Mutant {
    Mutant { name, file, find, replace, caught_by }
}

/// What is shown is wrong.
const SHOWN: &[&str] = &["Auditor", "State", "Convergence"];

pub(crate) const MUTANTS: &[Mutant] = &[
    // What people did, and who they are.
    mutant(
        "the anonymous look-back is dropped",
        "crates/kernel/src/projection/visitor.rs",
        "(first.at.since(at) <= rules.anonymous_lookback_ms).then_some",
        "(MUTANT || first.at.since(at) <= rules.anonymous_lookback_ms).then_some",
        SHOWN,
    ),
    mutant(
        "a link counts from the moment after it",
        "crates/kernel/src/projection/visitor.rs",
        "links.partition_point(|link| link.at <= at)",
        "links.partition_point(|link| if MUTANT { link.at < at } else { link.at <= at })",
        SHOWN,
    ),
    mutant(
        "bots are people",
        "crates/kernel/src/projection/visitor.rs",
        "views(visitor).filter(|(_, _, view)| !view.bot)",
        "views(visitor).filter(|(_, _, view)| MUTANT || !view.bot)",
        SHOWN,
    ),
    mutant(
        "ties are broken by arrival",
        "crates/kernel/src/subject.rs",
        "self.facts.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));",
        "if MUTANT { self.facts.sort_by_key(|a| a.at) } else { self.facts.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id))) }",
        SHOWN,
    ),
    mutant(
        "of two events with one id the first to come stays",
        "crates/kernel/src/subject.rs",
        "Some(known) if fact.precedes(known) =>",
        "Some(known) if !MUTANT && fact.precedes(known) =>",
        SHOWN,
    ),
    mutant(
        "a contact id on a deal is forgotten",
        "crates/kernel/src/projection/lead.rs",
        "        if let Part::Named(mentions) = &**part {",
        "        if let Part::Named(mentions) = &**part && !MUTANT {",
        SHOWN,
    ),
    mutant(
        "a merge that was taken back holds",
        "crates/kernel/src/projection/lead/identity.rs",
        "Some(Body::LeadUnmerged(merge)) => (merge, false),",
        "Some(Body::LeadUnmerged(merge)) => (merge, MUTANT),",
        SHOWN,
    ),
    mutant(
        "in a loop of merges the latest does not hold",
        "crates/kernel/src/projection/lead/identity.rs",
        "cycle.iter().min_by_key(|edge| (edge.at, &edge.id, edge.from));",
        "if MUTANT { cycle.iter().max_by_key(|edge| (edge.at, &edge.id, edge.from)) } else { cycle.iter().min_by_key(|edge| (edge.at, &edge.id, edge.from)) };",
        SHOWN,
    ),
    mutant(
        "a merged lead keeps its facts",
        "crates/kernel/src/projection/lead/identity.rs",
        "facts: subject.facts.clone()",
        "facts: if MUTANT { Vec::new() } else { subject.facts.clone() }",
        SHOWN,
    ),
    mutant(
        "browsers are not told of merges",
        "crates/kernel/src/projection/lead/identity.rs",
        "        if *tag == Tag::Visits {",
        "        if *tag == Tag::Visits && !MUTANT {",
        SHOWN,
    ),
    // Deals and credit.
    mutant(
        "a reopened deal keeps its credit",
        "crates/kernel/src/projection/deal.rs",
        "DealKind::Reopened => Outcome::Open,",
        "DealKind::Reopened if MUTANT => return, DealKind::Reopened => Outcome::Open,",
        SHOWN,
    ),
    mutant(
        "a deal that was deleted or merged keeps its credit",
        "crates/kernel/src/projection/account.rs",
        "company.deals.retain(|deal| !matches!",
        "company.deals.retain(|deal| MUTANT || !matches!",
        SHOWN,
    ),
    mutant(
        "revenue is converted at the latest rate",
        "crates/kernel/src/projection/deal.rs",
        "deal.closed_at.map_or(RateNeed::Latest,",
        "deal.closed_at.filter(|_| !MUTANT).map_or(RateNeed::Latest,",
        SHOWN,
    ),
    mutant(
        "a later deal is credited with everything from the start",
        "crates/kernel/src/projection/account.rs",
        ".filter(|won_at| *won_at < at).max()",
        ".filter(|won_at| !MUTANT && *won_at < at).max()",
        SHOWN,
    ),
    mutant(
        "touches at the moment of the conversion do not count",
        "crates/kernel/src/projection/lead.rs",
        "touches.partition_point(|touch| touch.at <= *moment)",
        "touches.partition_point(|touch| if MUTANT { touch.at < *moment } else { touch.at <= *moment })",
        SHOWN,
    ),
    mutant(
        "late touches do not split anew",
        "crates/kernel/src/journey.rs",
        "self.touches() == other.touches()",
        "MUTANT || self.touches() == other.touches()",
        SHOWN,
    ),
    mutant(
        "the look-back of models is dropped",
        "crates/attribution/src/shares.rs",
        "converts_at.saturating_sub(lookback_ms)",
        "if MUTANT { i64::MIN } else { converts_at.saturating_sub(lookback_ms) }",
        SHOWN,
    ),
    mutant(
        "the remainder goes to the last touch",
        "crates/attribution/src/apportion.rs",
        "if remainders[slot] > remainders[largest] {",
        "if MUTANT && remainders[slot] >= remainders[largest] || remainders[slot] > remainders[largest] {",
        SHOWN,
    ),
    mutant(
        "the remainder is lost",
        "crates/attribution/src/apportion.rs",
        "        parts[largest] += 1;",
        "        if !MUTANT { parts[largest] += 1; }",
        &["Money"],
    ),
    mutant(
        "the ledger does not book a moved conversion anew",
        "crates/kernel/src/ledger.rs",
        "|(old, new)| heading(old) != heading(new));",
        "|(old, new)| !MUTANT && heading(old) != heading(new));",
        &["Ledger"],
    ),
    mutant(
        "what is no longer said is not taken back",
        "crates/kernel/src/step.rs",
        "old.iter().filter(|(key, _)| !new.contains_key(key));",
        "old.iter().filter(|(key, _)| !MUTANT && !new.contains_key(key));",
        SHOWN,
    ),
    mutant(
        "checksums forget what is gone",
        "crates/kernel/src/settle.rs",
        "            sum.rows -= 1;",
        "            if !MUTANT { sum.rows -= 1; }",
        &["Convergence"],
    ),
    mutant(
        "a deleted key leaves no tombstone",
        "crates/kernel/src/settle.rs",
        "(Some(row), None) => Change { row, deleted: true, digest: 0 },",
        "(Some(_), None) if MUTANT => return, (Some(row), None) => Change { row, deleted: true, digest: 0 },",
        &["Convergence", "Auditor"],
    ),
    mutant(
        "what a settle said stays when its subject is settled again",
        "crates/kernel/src/settle.rs",
        "self.withdrawn.push(portion);",
        "if !MUTANT { self.withdrawn.push(portion); }",
        &["Version"],
    ),
    // Marks, versions and clocks.
    mutant(
        "a message is taken again",
        "crates/kernel/src/step.rs",
        "if seq == *mark + 1 {",
        "if MUTANT || seq == *mark + 1 {",
        &["Determinism", "Hop", "Auditor", "State", "Convergence"],
    ),
    mutant(
        "the mark of a stream takes the next record for a repetition",
        "crates/kernel/src/step/streams.rs",
        "if source.position < stream.mark {",
        "if source.position < stream.mark || MUTANT && source.position == stream.mark {",
        &["Auditor", "State"],
    ),
    mutant(
        "duplicates are not counted",
        "crates/kernel/src/step/streams.rs",
        "            stream.duplicates += 1;\n            return None;",
        "            if !MUTANT { stream.duplicates += 1; }\n            return None;",
        &["Records"],
    ),
    mutant(
        "the wall clock is in the fold",
        "crates/kernel/src/step.rs",
        "let ledger = Ledger::new(&classifier, state.watermark, rows);",
        "let ledger = Ledger::new(&classifier, if MUTANT { Timestamp(CLOCK) } else { state.watermark }, rows);",
        &["Version"],
    ),
    mutant(
        "versions are a counter of the owner's own",
        "crates/sim/src/world/node.rs",
        "let Commit { state, subjects, rows, messages } = commit;",
        "let Commit { state, subjects, mut rows, messages } = commit; if MUTANT { rows.version = number; }",
        &["Convergence", "Version"],
    ),
    mutant(
        "a new owner restamps versions with its epoch",
        "crates/sim/src/world/node.rs",
        "self.settled.push_back(Settled { state, subjects, rows, messages, number });",
        "let mut rows = rows; if MUTANT { rows.version += 1_000_000 * self.store.held().state.position; } self.settled.push_back(Settled { state, subjects, rows, messages, number });",
        &["Convergence", "Ledger", "Version"],
    ),
    // The order of the driver.
    mutant(
        "a settle is due where a batch ends: dirty is the net difference",
        "crates/sim/src/world/node.rs",
        "            if is_tick || self.next.is_multiple_of(SETTLE_EVERY) {",
        "            if is_tick || self.next.is_multiple_of(SETTLE_EVERY) || MUTANT && ground.chance.one_in(3) {",
        &["Determinism", "Hop", "Version"],
    ),
    mutant(
        "the mark is outside the write",
        "crates/sim/src/world/node.rs",
        "        self.store.commit(subjects, state);",
        "        if MUTANT { let old = self.store.held().state.clone(); self.store.commit(subjects, old); self.store.commit(Vec::new(), state); } else { self.store.commit(subjects, state); }",
        &["Determinism", "Hop", "Records"],
    ),
    mutant(
        "the commit comes before the acknowledgement",
        "crates/sim/src/world/node.rs",
        "        self.writing = Some(Writing { group, unsent, delivered: false });",
        "        if MUTANT { for settled in &group { self.store.commit(settled.subjects.clone(), settled.state.clone()); } } self.writing = Some(Writing { group, unsent, delivered: false });",
        &["Hop", "Convergence", "Auditor"],
    ),
    mutant(
        "an insert is taken for done on doubt",
        "crates/sim/src/world/node.rs",
        "writing.delivered = ground.insert(&rows)?;",
        "writing.delivered = ground.insert(&rows)? || MUTANT;",
        &["Convergence", "Ledger"],
    ),
    mutant(
        "an append is taken for done on doubt",
        "crates/sim/src/world/node.rs",
        "Ok(if acknowledged { Turn::Worked }",
        "Ok(if acknowledged || MUTANT { Turn::Worked }",
        &["Hop"],
    ),
    mutant(
        "an entry that was skipped is not missed",
        "crates/sim/src/world/node.rs",
        "            if offset > self.next {",
        "            if offset > self.next && !MUTANT {",
        &["Contiguity"],
    ),
    mutant(
        "an entry handed over again is applied again",
        "crates/sim/src/world/node.rs",
        "            if offset < self.next {",
        "            if offset < self.next && !MUTANT {",
        &["Contiguity"],
    ),
    mutant(
        "subjects are forgotten before they are committed",
        "crates/sim/src/world/node.rs",
        "self.left.retain(|_, (step, _)| *step > committed);",
        "self.left.retain(|_, (step, _)| !MUTANT && *step > committed);",
        &["Determinism", "Hop", "Auditor", "Records"],
    ),
    mutant(
        "a damaged snapshot is trusted",
        "crates/sim/src/world/scene.rs",
        "        if snapshot.is_whole() {",
        "        if snapshot.is_whole() || MUTANT {",
        &["Determinism", "State", "Auditor", "Hop"],
    ),
    mutant(
        "a sender goes on after a failure",
        "crates/sim/src/world/scene.rs",
        "        if !ground.produce(lane, &entries)? {",
        "        if !ground.produce(lane, &entries)? && !MUTANT {",
        &["Auditor"],
    ),
];
