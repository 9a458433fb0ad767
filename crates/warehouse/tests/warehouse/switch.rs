//! Readers while a generation takes over from another: the old numbers, then the new ones, never some of each.

use crate::rows::world;
use crate::server::{Envelopes, ask, holding, run, try_ask};
use smarketing_kernel::row::Rows;
use smarketing_warehouse::{MIGRATIONS, Warehouse};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// One number of several views that stand on different tables, directly and through other views.
const NUMBERS: &str = "SELECT (SELECT count() FROM deals), (SELECT count() FROM touches), (SELECT count() FROM leads),
    (SELECT count() FROM web_events), (SELECT uniqExact(conversion) FROM credits), (SELECT count() FROM stage_entries),
    (SELECT sum(credit_minor) FROM attribution WHERE model = 'first'), (SELECT count() FROM rejects)";

/// The same numbers by joins, whose sides are resolved one after the other.
const JOINED: &str = "SELECT d.n, t.n, l.n, w.n, c.n, s.n, a.n, r.n FROM (SELECT count() AS n FROM deals) AS d,
    (SELECT count() AS n FROM touches) AS t, (SELECT count() AS n FROM leads) AS l,
    (SELECT count() AS n FROM web_events) AS w, (SELECT uniqExact(conversion) AS n FROM credits) AS c,
    (SELECT count() AS n FROM stage_entries) AS s,
    (SELECT sum(credit_minor) AS n FROM attribution WHERE model = 'first') AS a,
    (SELECT count() AS n FROM rejects) AS r";

/// A world in which every table holds less.
fn less() -> Rows {
    let mut rows = world();
    rows.deals.truncate(1);
    rows.touches.truncate(1);
    rows.leads.truncate(1);
    rows.web_events.truncate(1);
    rows.conversions.truncate(1);
    rows.stage_entries.truncate(1);
    rows.rejects.clear();
    rows
}

async fn filled(warehouse: &Warehouse, generation: u32, rows: Rows) -> Warehouse {
    let next = warehouse.generation(generation).unwrap();
    next.migrate(MIGRATIONS).await.unwrap();
    next.insert(&[rows], &Envelopes).await.unwrap();
    next
}

/// Asks over and over until told to stop; everything that was ever answered.
async fn watch(warehouse: Warehouse, sql: &'static str, stop: Arc<AtomicBool>) -> (BTreeSet<String>, u32) {
    let (mut seen, mut asked) = (BTreeSet::new(), 0);
    while !stop.load(Ordering::SeqCst) {
        seen.insert(try_ask(&warehouse, sql).await.unwrap_or_else(|error| format!("error: {error}")));
        asked += 1;
    }
    (seen, asked)
}

#[test]
fn readers_see_the_old_generation_and_then_the_new_one() {
    run(async {
        let first = holding("switch", &[world()]).await;
        let second = filled(&first, 2, less()).await;
        let old = ask(&first, NUMBERS).await;
        let stop = Arc::new(AtomicBool::new(false));
        let readers: Vec<_> = [NUMBERS, JOINED, NUMBERS, JOINED]
            .map(|sql| tokio::spawn(watch(first.clone(), sql, Arc::clone(&stop))))
            .into_iter()
            .collect();
        let rounds = std::env::var("SMARKETING_SWITCHES").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(3);
        second.publish().await.unwrap();
        let new = ask(&second, NUMBERS).await;
        for _ in 0..rounds {
            first.publish().await.unwrap();
            assert_eq!(ask(&first, NUMBERS).await, old);
            second.publish().await.unwrap();
            assert_eq!(ask(&first, NUMBERS).await, new);
        }
        first.drop_tables().await.unwrap();
        stop.store(true, Ordering::SeqCst);
        for reader in readers {
            let (seen, asked) = reader.await.unwrap();
            assert!(asked > 1, "a reader asked only {asked} times");
            assert_eq!(seen, BTreeSet::from([old.clone(), new.clone()]), "{asked} questions");
        }
    });
}

#[test]
fn a_switch_that_breaks_off_anywhere_goes_on_or_back() {
    run(async {
        let first = holding("broken_switch", &[world()]).await;
        let (old, second) = (ask(&first, NUMBERS).await, filled(&first, 2, less()).await);
        second.publish().await.unwrap();
        let new = ask(&first, NUMBERS).await;
        first.publish().await.unwrap();
        for (round, wait) in [3, 40, 90, 150, 220, 300].into_iter().enumerate() {
            let broken = tokio::time::timeout(Duration::from_millis(wait), second.publish()).await;
            let seen = ask(&first, NUMBERS).await;
            assert!([&old, &new].contains(&&seen), "after {wait} ms, {broken:?}: {seen}");
            if round % 2 == 0 {
                second.publish().await.unwrap();
                assert_eq!(ask(&first, NUMBERS).await, new);
            }
            first.publish().await.unwrap();
            assert_eq!(ask(&first, NUMBERS).await, old);
        }
        second.drop_tables().await.unwrap();
        assert_eq!(ask(&first, NUMBERS).await, old);
    });
}
