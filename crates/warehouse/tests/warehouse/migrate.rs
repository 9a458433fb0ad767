//! The tables from any earlier state to today's, and their description.

use crate::rows::world;
use crate::server::{Envelopes, ask, empty, options, run};
use smarketing_warehouse::{Error, MIGRATIONS, Migration, Remedy, Warehouse};

const ONE: Migration = Migration {
    number: 1,
    name: "one",
    sql: "CREATE TABLE IF NOT EXISTS $data.one (a Int64) ENGINE = MergeTree ORDER BY a;\nINSERT INTO $data.one VALUES (7);\n",
};
const TWO: Migration = Migration {
    number: 2,
    name: "two",
    sql: "ALTER TABLE $data.one ADD COLUMN IF NOT EXISTS b Int64 DEFAULT a + 1;\n",
};

#[test]
fn migrating_again_does_nothing_and_an_older_state_is_brought_up() {
    run(async {
        let warehouse = Warehouse::connect(options("steps")).await.unwrap();
        assert_eq!(warehouse.migrate(&[ONE]).await.unwrap(), [1]);
        assert_eq!(warehouse.migrate(&[ONE]).await.unwrap(), [0_u32; 0]);
        assert_eq!(warehouse.migrate(&[ONE, TWO]).await.unwrap(), [2]);
        assert_eq!(ask(&warehouse, "SELECT a, b FROM t_steps_g1.one").await, "7\t8");
        let journal = "SELECT number, name, length(checksum), applied_at > '2020-01-01' FROM t_steps_g1.migrations FINAL ORDER BY number";
        assert_eq!(ask(&warehouse, journal).await, "1\tone\t16\t1\n2\ttwo\t16\t1");
    });
}

#[test]
fn an_edited_or_unknown_migration_stops() {
    run(async {
        let warehouse = Warehouse::connect(options("edited")).await.unwrap();
        warehouse.migrate(&[ONE, TWO]).await.unwrap();
        let edited = Migration { sql: "SELECT 1;\n", ..TWO };
        let error = warehouse.migrate(&[ONE, edited]).await.unwrap_err();
        assert!(matches!(&error, Error::Changed { name, .. } if name == "0002_two"), "{error}");
        assert_eq!(error.remedy(), Remedy::Halt);
        let error = warehouse.migrate(&[ONE]).await.unwrap_err();
        assert!(matches!(error, Error::Newer { applied: 2, known: 1 }), "{error}");
    });
}

#[test]
fn several_processes_migrate_at_once() {
    run(async {
        let start = || async {
            let warehouse = Warehouse::connect(options("race")).await.unwrap();
            warehouse.migrate(MIGRATIONS).await?;
            warehouse.publish().await
        };
        let (a, b, c, d) = tokio::join!(start(), start(), start(), start());
        for result in [a, b, c, d] {
            result.unwrap();
        }
        let warehouse = Warehouse::connect(options("race")).await.unwrap();
        assert!(warehouse.migrate(MIGRATIONS).await.unwrap().is_empty());
        warehouse.insert(&[world()], &Envelopes).await.unwrap();
        assert_eq!(
            ask(&warehouse, "SELECT sum(credit_minor) FROM credits WHERE model = 'first' AND kind = 'won'").await,
            "105001"
        );
    });
}

#[test]
fn every_statement_may_run_twice() {
    for migration in MIGRATIONS {
        for statement in migration.sql.split(";\n").filter(|statement| !statement.trim().is_empty()) {
            let twice = statement.contains("IF NOT EXISTS") || statement.contains("COMMENT COLUMN IF EXISTS");
            assert!(twice, "{}: {statement}", migration.name);
        }
    }
}

#[test]
fn every_table_and_column_has_a_comment() {
    run(async {
        let warehouse = empty("comments").await;
        let ours = "database IN ('t_comments', 't_comments_g1')";
        let bare = format!(
            "SELECT table, name FROM system.columns WHERE {ours} AND comment = ''
            UNION ALL SELECT name, '' FROM system.tables WHERE {ours} AND comment = ''"
        );
        assert_eq!(ask(&warehouse, &bare).await, "");
        assert_eq!(ask(&warehouse, &format!("SELECT count() FROM system.tables WHERE {ours}")).await, "57");
    });
}

/// `SMARKETING_BLESS=1` writes the files anew.
#[test]
fn the_data_dictionary_and_the_sources_of_dbt_are_current() {
    run(async {
        let warehouse = empty("dictionary").await;
        let dictionary = warehouse.dictionary().await.unwrap();
        let sources = warehouse.dbt_sources().await.unwrap();
        for (name, present) in [("schemas/TABLES.md", dictionary), ("deploy/dbt/models/sources.yml", sources)] {
            let path = format!("{}/../../{name}", env!("CARGO_MANIFEST_DIR"));
            if std::env::var_os("SMARKETING_BLESS").is_some() {
                std::fs::write(&path, &present).unwrap();
            }
            let committed = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(committed == present, "{name} is out of date: run with SMARKETING_BLESS=1");
        }
    });
}
