//! Rows on their way in: versions, tombstones, blocks, checksums, errors.

use crate::rows::{self, ADA, BOB, day, now, world};
use crate::server::{Envelopes, ask, empty, holding, options, run};
use smarketing_kernel::row::{Outcome, Rows, Table};
use smarketing_warehouse::{Bucket, Checksum, Error, Options, Remedy, Warehouse};

fn deals(version: u64, changes: Vec<smarketing_kernel::row::Change<smarketing_kernel::row::Deal>>) -> Rows {
    Rows { partition: 1, version, deals: changes, ..Rows::default() }
}

#[test]
fn writing_again_late_or_twice_changes_nothing() {
    run(async {
        let row = |minor| now(rows::deal("d-1", Outcome::Open, minor, "USD", None, ADA));
        let (older, newer) = (deals(5, vec![row(100)]), deals(9, vec![row(200)]));
        let warehouse = holding("again", &[newer.clone(), older.clone()]).await;
        let amounts = "SELECT deal, amount_minor FROM deals";
        assert_eq!(ask(&warehouse, amounts).await, "d-1\t200");
        warehouse.insert(std::slice::from_ref(&older), &Envelopes).await.unwrap();
        warehouse.insert(&[newer], &Envelopes).await.unwrap();
        assert_eq!(ask(&warehouse, amounts).await, "d-1\t200");

        let mut gone = row(200);
        gone.deleted = true;
        warehouse.insert(&[deals(12, vec![gone])], &Envelopes).await.unwrap();
        warehouse.insert(&[older], &Envelopes).await.unwrap();
        assert_eq!(ask(&warehouse, amounts).await, "");

        warehouse.insert(&[deals(13, vec![row(300)])], &Envelopes).await.unwrap();
        assert_eq!(ask(&warehouse, amounts).await, "d-1\t300");
    });
}

#[test]
fn the_whole_world_written_twice_is_the_same_world() {
    run(async {
        let warehouse = holding("twice", &[world()]).await;
        let mut before = Vec::new();
        for table in Table::ALL {
            before.push(warehouse.checksums(*table, 3).await.unwrap());
        }
        warehouse.insert(&[world(), world()], &Envelopes).await.unwrap();
        for (table, before) in Table::ALL.iter().zip(before) {
            assert!(!before.is_empty(), "{} holds nothing", table.word());
            assert_eq!(warehouse.checksums(*table, 3).await.unwrap(), before, "{}", table.word());
        }
    });
}

#[test]
fn checksums_tell_partitions_and_months_apart() {
    run(async {
        let touch = |id: &str, days: i64, digest: u64| {
            let mut change = now(rows::touch(id, ADA, day(days), "Email", "email"));
            change.digest = digest;
            change
        };
        let first = Rows {
            partition: 1,
            version: 4,
            touches: vec![touch("a", 0, u64::MAX), touch("b", 1, 3)],
            ..Rows::default()
        };
        let second =
            Rows { partition: 2, version: 4, touches: vec![touch("c", 0, 5), touch("d", 40, 6)], ..Rows::default() };
        let warehouse = holding("checksums", &[first, second]).await;
        let sums = |expect: &[(i32, u64, u64)]| -> Vec<Checksum> {
            expect.iter().map(|&(month, rows, digests)| Checksum { month, rows, digests }).collect()
        };
        assert_eq!(warehouse.checksums(Table::Touches, 1).await.unwrap(), sums(&[(202_603, 2, 2)]));
        let second = sums(&[(202_603, 1, 5), (202_604, 1, 6)]);
        assert_eq!(warehouse.checksums(Table::Touches, 2).await.unwrap(), second);
        let mut gone = touch("d", 40, 0);
        gone.deleted = true;
        let gone = Rows { partition: 2, version: 5, touches: vec![gone], ..Rows::default() };
        warehouse.insert(&[gone], &Envelopes).await.unwrap();
        assert_eq!(warehouse.checksums(Table::Touches, 2).await.unwrap(), second[..1]);
    });
}

#[test]
fn ten_years_fit_in_one_insert() {
    run(async {
        let views = (0..3_652).map(|days| now(rows::view("v1", day(-days), "(none)", false))).collect();
        let rows = Rows { partition: 0, version: 1, web_events: views, ..Rows::default() };
        let warehouse = holding("years", &[rows]).await;
        let sql = "SELECT count(), uniqExact(toYYYYMM(viewed_at)) FROM web_events";
        assert_eq!(ask(&warehouse, sql).await, "3652\t121");
        let parts =
            "SELECT count() FROM system.parts WHERE active AND database = 't_years_g1' AND table = 'web_events'";
        let parts: usize = ask(&warehouse, parts).await.parse().unwrap();
        assert!(parts <= 122, "{parts} parts for 121 months");
    });
}

#[test]
fn an_address_is_there_until_the_person_is_erased() {
    run(async {
        let mut rows = world();
        rows.leads[1].row.sealed = Some(b"key destroyed".to_vec());
        let warehouse = holding("erased", &[rows.clone()]).await;
        let emails = "SELECT lead, email FROM leads ORDER BY lead";
        assert_eq!(ask(&warehouse, emails).await, format!("{ADA}\tada@copier.test\n{BOB}\t"));
        rows.version += 1;
        rows.leads[0].row.erased = true;
        warehouse.insert(&[rows], &Envelopes).await.unwrap();
        assert_eq!(ask(&warehouse, emails).await, format!("{ADA}\t\n{BOB}\t"));
    });
}

#[test]
fn credit_that_does_not_match_its_journey_is_not_written() {
    run(async {
        let warehouse = empty("uneven").await;
        let mut rows = world();
        rows.conversions[0].row.credits[0].minor.pop();
        let error = warehouse.insert(&[rows], &Envelopes).await.unwrap_err();
        assert_eq!(error.remedy(), Remedy::Halt);
        assert!(error.to_string().contains("\"opportunity:d-1\" has credit of model \"first\""), "{error}");
        assert_eq!(ask(&warehouse, "SELECT count() FROM conversions").await, "0");
    });
}

#[test]
fn a_missing_table_halts_and_a_missing_server_is_tried_again() {
    run(async {
        let warehouse = Warehouse::connect(options("missing")).await.unwrap();
        let error = warehouse.insert(&[world()], &Envelopes).await.unwrap_err();
        assert!(matches!(error, Error::Refused { code: 60 | 81, .. }), "{error}");
        assert_eq!(error.remedy(), Remedy::Halt);

        let gone = Options { url: "http://127.0.0.1:9".into(), ..options("gone") };
        let error = Warehouse::connect(gone).await.unwrap_err();
        assert!(matches!(error, Error::Unreachable { .. }), "{error}");
        assert_eq!(error.remedy(), Remedy::Retry);

        let mut stranger = options("stranger");
        stranger.service.password = "wrong".into();
        let error = Warehouse::connect(stranger).await.unwrap_err();
        assert_eq!(error.remedy(), Remedy::Halt, "{error}");
        assert!(!error.to_string().contains("wrong"), "{error}");
    });
}

#[test]
fn what_should_not_be_there_is_buried_and_stays_so() {
    run(async {
        let warehouse = holding("buried", &[world()]).await;
        let count = "SELECT (SELECT count() FROM deals), (SELECT count() FROM credit_ledger)";
        let before = ask(&warehouse, count).await;
        for table in Table::ALL {
            for Checksum { month, .. } in warehouse.checksums(*table, 3).await.unwrap() {
                let bucket = Bucket { table: *table, partition: 3, month };
                let found = warehouse.digests(bucket).await.unwrap();
                assert!(!found.is_empty() && found.iter().all(|(_, version)| *version == 100), "{bucket:?}");
                let digests: Vec<u64> = found.iter().map(|(digest, _)| *digest).collect();
                // Who knows less than the rows do, leaves them.
                warehouse.bury(bucket, 99, &digests).await.unwrap();
                assert_eq!(warehouse.digests(bucket).await.unwrap().len(), found.len(), "{bucket:?}");
                warehouse.bury(bucket, 100, &digests).await.unwrap();
                assert_eq!(warehouse.digests(bucket).await.unwrap(), [], "{bucket:?}");
            }
            assert_eq!(warehouse.checksums(*table, 3).await.unwrap(), [], "{}", table.word());
        }
        // A row of the same version that comes after its tombstone holds: what a repair sends again is shown.
        warehouse.insert(&[world()], &Envelopes).await.unwrap();
        assert_eq!(ask(&warehouse, count).await, before);
    });
}
