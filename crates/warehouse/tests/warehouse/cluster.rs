//! The tables on a cluster. What a server does with them is seen on the embedded engine, which can be the only server of a
//! cluster; replication and a second server cannot be tried here, so their statements are parsed by the engine's parser.

use crate::rows::world;
use crate::server::{Envelopes, ask, options, run, run_apart, try_ask};
use smarketing_kernel::row::{Rows, Table};
use smarketing_warehouse::{Bucket, Cluster, MIGRATIONS, Options, Warehouse};

/// One shard; and two, which are the same server twice: what is read from both counts twice, and that shows it.
pub(crate) const SERVERS: &str = "<clickhouse><tcp_port>9000</tcp_port><remote_servers>
    <alone><shard><replica><host>127.0.0.1</host><port>9000</port></replica></shard></alone>
    <twice>
      <shard><replica><host>127.0.0.1</host><port>9000</port></replica></shard>
      <shard><replica><host>localhost</host><port>9000</port></replica></shard>
    </twice>
  </remote_servers></clickhouse>";

pub(crate) fn on(options: &Options, name: &str, keeper: bool) -> Options {
    Options {
        cluster: Some(Cluster { name: name.into(), keeper }),
        database: format!("smarketing_{name}"),
        ..options.clone()
    }
}

#[test]
fn the_engine_parses_every_statement_of_a_cluster() {
    run(async {
        let warehouse = Warehouse::connect(on(&options("parse"), "eu", true)).await.unwrap();
        let statements = warehouse.statements();
        assert!(statements.len() > 70);
        // Readers may not even explain what they may not do.
        let plain = Warehouse::connect(Options { reader: None, ..options("parse") }).await.unwrap();
        plain.migrate(&[]).await.unwrap();
        for sql in &statements {
            assert!(sql.contains(" ON CLUSTER `eu`"), "{sql}");
            try_ask(&plain, &format!("EXPLAIN AST {sql}")).await.unwrap_or_else(|error| panic!("{error}: {sql}"));
        }
        let begins =
            |words: &str| statements.iter().find(|sql| sql.starts_with(words)).unwrap_or_else(|| panic!("{words}"));
        let touches = begins("CREATE TABLE IF NOT EXISTS smarketing_eu_g1.touches_local ON CLUSTER `eu` (");
        let engine = "ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/smarketing_eu_g1/touches', '{replica}', \
                      version, is_deleted)\nPARTITION BY toYYYYMM(touch_at)";
        assert!(touches.contains(engine), "{touches}");
        let over = "CREATE TABLE IF NOT EXISTS smarketing_eu_g1.touches ON CLUSTER `eu` AS smarketing_eu_g1.touches_local\n\
                    ENGINE = Distributed('eu', 'smarketing_eu_g1', 'touches_local', partition)\n\
                    COMMENT 'One row per touch of a known lead.'";
        assert!(statements.iter().any(|sql| sql == over), "{statements:?}");
        let switch = begins("CREATE TABLE IF NOT EXISTS smarketing_eu_live.generation ON CLUSTER");
        let engine = "ReplicatedMergeTree('/clickhouse/tables/all/smarketing_eu_live/generation', '{shard}-{replica}')";
        assert!(switch.contains(engine), "{switch}");
        begins("ALTER TABLE smarketing_eu_g1.rejects_local ON CLUSTER `eu` COMMENT COLUMN");
        begins("ALTER TABLE smarketing_eu_g1.rejects ON CLUSTER `eu` COMMENT COLUMN");
        begins("CREATE OR REPLACE VIEW smarketing_eu.touches ON CLUSTER `eu` (");
    });
}

/// Views that say the same whenever they are asked: no clock runs in them.
async fn views(warehouse: &Warehouse, database: &str) -> Vec<String> {
    let clocks = "('handoff_clocks', 'sla', 'sla_breaches')";
    let sql =
        format!("SELECT name FROM system.tables WHERE database = '{database}' AND name NOT IN {clocks} ORDER BY 1");
    ask(warehouse, &sql).await.lines().map(str::to_owned).collect()
}

async fn filled(options: Options, rows: Rows) -> Warehouse {
    let warehouse = Warehouse::connect(options).await.unwrap();
    warehouse.migrate(MIGRATIONS).await.unwrap();
    warehouse.publish().await.unwrap();
    warehouse.insert(&[rows], &Envelopes).await.unwrap();
    warehouse
}

#[test]
fn a_cluster_answers_as_one_server_does() {
    run_apart("cluster", &[("config.d/servers.xml", SERVERS)], async |options| {
        let plain = filled(options.clone(), world()).await;
        let alone = filled(on(&options, "alone", false), world()).await;
        let same = views(&plain, "smarketing").await;
        assert!(same.len() > 25, "{same:?}");
        for view in &same {
            let sql = format!("SELECT hex(toString(tuple(*))) AS row FROM {view} ORDER BY row");
            assert_eq!(ask(&alone, &sql).await, ask(&plain, &sql).await, "{view}");
        }
        for table in Table::ALL {
            let sums = alone.checksums(*table, 3).await.unwrap();
            assert_eq!(sums, plain.checksums(*table, 3).await.unwrap(), "{}", table.word());
            assert!(!sums.is_empty(), "{}", table.word());
            for month in sums.iter().map(|sum| sum.month) {
                let bucket = Bucket { table: *table, partition: 3, month };
                let digests: Vec<u64> =
                    alone.digests(bucket).await.unwrap().into_iter().map(|(digest, _)| digest).collect();
                alone.bury(bucket, 101, &digests).await.unwrap();
            }
            assert_eq!(alone.checksums(*table, 3).await.unwrap(), [], "{}", table.word());
        }
        alone.insert(&[Rows { version: 102, ..world() }], &Envelopes).await.unwrap();
        audited(&alone).await;
        switched(&alone).await;
    });
}

/// What is expected lies beside the tables, is compared, and goes.
async fn audited(warehouse: &Warehouse) {
    for _ in 0..2 {
        let expected = warehouse.expectation().await.unwrap();
        expected.insert(&[world()], &Envelopes).await.unwrap();
        for table in [Table::Touches, Table::Deals, Table::Conversions] {
            let comparison = warehouse.compare(&expected, table).await.unwrap();
            assert!(comparison.is_equal() && comparison.expected > 0, "{}: {comparison:?}", table.word());
        }
        expected.drop_tables().await.unwrap();
    }
}

/// Another generation takes over, and migrating again changes nothing.
async fn switched(warehouse: &Warehouse) {
    let next = warehouse.generation(2).unwrap();
    next.migrate(MIGRATIONS).await.unwrap();
    next.insert(&[Rows { touches: Vec::new(), ..world() }], &Envelopes).await.unwrap();
    next.publish().await.unwrap();
    assert_eq!(ask(warehouse, "SELECT (SELECT count() FROM touches), (SELECT count() > 0 FROM deals)").await, "0\t1");
    warehouse.drop_tables().await.unwrap();
    assert_eq!(next.migrate(MIGRATIONS).await.unwrap(), [0_u32; 0]);
    assert_eq!(ask(warehouse, "SELECT count() > 0 FROM deals").await, "1");
}

#[test]
fn every_view_can_be_asked_where_there_are_shards() {
    run_apart("shards", &[("config.d/servers.xml", SERVERS)], async |options| {
        let warehouse = filled(on(&options, "twice", false), world()).await;
        let rows = ask(&warehouse, "SELECT count() FROM smarketing_twice_g1.deals_local FINAL").await;
        let both = format!("{}", 2 * rows.parse::<u64>().unwrap());
        assert_eq!(ask(&warehouse, "SELECT count() FROM deals").await, both);
        // A join is made where both sides are whole, not on each shard with what that one has.
        let pairs = ask(&warehouse, "SELECT count() FROM deals AS a, deals AS b").await;
        assert_eq!(pairs, both.parse::<u64>().map(|both| (both * both).to_string()).unwrap());
        // A partition's rows lie on one shard, and only that one is asked.
        let sums = warehouse.checksums(Table::Deals, 3).await.unwrap();
        assert_eq!(sums.iter().map(|sum| sum.rows).sum::<u64>().to_string(), rows);
        let all =
            ask(&warehouse, "SELECT name FROM system.tables WHERE database = 'smarketing_twice' ORDER BY name").await;
        assert!(all.lines().count() > 30);
        for view in all.lines() {
            try_ask(&warehouse, &format!("SELECT * FROM {view} FORMAT Null"))
                .await
                .unwrap_or_else(|error| panic!("{view}: {error}"));
        }
        let next = warehouse.generation(2).unwrap();
        next.migrate(MIGRATIONS).await.unwrap();
        next.publish().await.unwrap();
    });
}

/// The file that shows how servers become a cluster, read by the engine.
#[test]
fn the_shipped_cluster_has_shards_and_replicas() {
    let shipped = include_str!("../../../../deploy/clickhouse/cluster.xml");
    let shipped = shipped.replace(r#"<secret from_env="CLICKHOUSE_CLUSTER_SECRET"/>"#, "<secret>s</secret>");
    run_apart("shipped", &[("config.d/cluster.xml", &shipped)], async |options| {
        let warehouse = Warehouse::connect(options).await.unwrap();
        warehouse.migrate(&[]).await.unwrap();
        let sql = "SELECT uniqExact(shard_num), uniqExact(replica_num), count(), min(internal_replication) FROM system.clusters WHERE cluster = 'smarketing'";
        assert_eq!(ask(&warehouse, sql).await, "2\t2\t4\t1");
        assert_eq!(ask(&warehouse, "SELECT getMacro('shard'), getMacro('replica')").await, "1\tclickhouse-1-1");
    });
}
