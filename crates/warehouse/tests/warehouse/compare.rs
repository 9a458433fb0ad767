//! Tables against what is expected of them, row for row.

use crate::rows::{BOB, world};
use crate::server::{Envelopes, holding, run};
use smarketing_kernel::row::{Rows, Table};
use smarketing_warehouse::{Comparison, Warehouse};

async fn compared(warehouse: &Warehouse, rows: Rows, table: Table) -> Comparison {
    let expected = warehouse.expectation().await.unwrap();
    expected.insert(&[rows], &Envelopes).await.unwrap();
    let comparison = warehouse.compare(&expected, table).await.unwrap();
    expected.drop_tables().await.unwrap();
    comparison
}

#[test]
fn the_same_rows_are_equal_whoever_wrote_them_when() {
    run(async {
        let warehouse = holding("equal", &[world()]).await;
        let expected = warehouse.expectation().await.unwrap();
        expected.insert(&[Rows { partition: 0, version: 1, ..world() }], &Envelopes).await.unwrap();
        for table in Table::ALL {
            let comparison = warehouse.compare(&expected, *table).await.unwrap();
            assert!(comparison.is_equal() && comparison.expected > 0, "{}: {comparison:?}", table.word());
            assert_eq!(comparison.expected, comparison.found, "{}", table.word());
        }
    });
}

#[test]
fn every_way_to_differ_is_counted_and_named() {
    run(async {
        let warehouse = holding("unequal", &[world()]).await;
        let mut rows = world();
        let more = rows.deals[0].row.clone();
        rows.deals[0].row.amount_minor += 1;
        rows.deals[1].row = smarketing_kernel::row::Deal { deal: "d-9".into(), ..more };
        let Comparison { expected, found, missing, extra, different } = compared(&warehouse, rows, Table::Deals).await;
        assert_eq!((expected, found), (3, 3));
        let named = |deal: &str| (1, vec![format!("('w','{deal}')")]);
        assert_eq!([missing, extra, different], [named("d-9"), named("d-2"), named("d-1")]);

        // What is null differs from what is not.
        let mut rows = world();
        rows.leads.iter_mut().filter(|lead| &*lead.row.lead == BOB).for_each(|lead| lead.row.created_at = None);
        let leads = compared(&warehouse, rows, Table::Leads).await;
        assert_eq!((leads.missing.0, leads.extra.0, leads.different.0), (0, 0, 1), "{leads:?}");
    });
}

#[test]
fn a_ledger_that_does_not_sum_to_the_credit_is_found() {
    run(async {
        let mut rows = world();
        rows.credit_ledger.pop();
        rows.credit_ledger[0].credits[0].minor[0] += 1;
        let warehouse = holding("balances", &[rows]).await;
        let ledger = compared(&warehouse, world(), Table::CreditLedger).await;
        assert!(ledger.missing.0 > 0 && ledger.different.0 == 1 && ledger.extra.0 == 0, "{ledger:?}");
    });
}
