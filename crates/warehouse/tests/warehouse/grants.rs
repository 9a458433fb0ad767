//! The rights of `deploy/clickhouse/`, enforced by the engine while everything is done that the service and BI do.
//!
//! The embedded engine cannot create users: what is granted to the two users is granted to the two roles its connections
//! take. That users and settings profiles are created as the files say is only parsed here.

use crate::cluster::{SERVERS, on};
use crate::rows::world;
use crate::server::{Envelopes, ask, options, run, run_apart, try_ask};
use smarketing_kernel::row::{Rows, Table};
use smarketing_kernel::time::{Day, Timestamp};
use smarketing_kernel::watch::Settings;
use smarketing_warehouse::report::Scope;
use smarketing_warehouse::{Bucket, Calendar, MIGRATIONS, Options, Warehouse};

const GRANTS: &str = include_str!("../../../../deploy/clickhouse/grants.sql");
const CLUSTER: &str = include_str!("../../../../deploy/clickhouse/cluster_grants.sql");
const USERS: &str = include_str!("../../../../deploy/clickhouse/users.sh");

fn statements(sql: &str) -> Vec<String> {
    let bare: Vec<&str> = sql.lines().filter(|line| !line.trim_start().starts_with("--")).collect();
    bare.join("\n").split(';').map(|sql| sql.trim().to_owned()).filter(|sql| !sql.is_empty()).collect()
}

/// The engine's configuration of users in which a role has what the files grant to a user.
fn roles(files: &[&str]) -> String {
    let granted = |user: &str| -> String {
        let all: Vec<String> = files.iter().flat_map(|file| statements(file)).collect();
        let of = all
            .iter()
            .filter_map(|sql| sql.strip_suffix(&format!(" TO {user}")).filter(|sql| sql.starts_with("GRANT ")));
        of.map(|sql| format!("<query>{sql}</query>")).collect()
    };
    let (service, reader) = (granted("smarketing"), granted("smarketing_reader"));
    assert!(service.contains("INSERT") && reader.contains("SELECT"));
    format!(
        "<clickhouse><roles>
          <everything><grants><query>GRANT ALL ON *.*</query></grants></everything>
          <service><grants replace=\"replace\">{service}</grants></service>
          <reader><grants replace=\"replace\">{reader}</grants></reader>
        </roles><users><default><grants replace=\"replace\">
          <query>GRANT everything</query><query>GRANT service</query><query>GRANT reader</query>
        </grants></default></users></clickhouse>"
    )
}

/// Everything a running service, an audit and a replay ask of the warehouse.
async fn served(options: Options) -> Warehouse {
    let warehouse = Warehouse::connect(options).await.unwrap();
    warehouse.migrate(MIGRATIONS).await.unwrap();
    warehouse.publish().await.unwrap();
    let calendar = Calendar {
        time_zone: "UTC".into(),
        weekdays: vec![1, 2, 3],
        opens: "09:00".into(),
        closes: "17:00".into(),
        holidays: Vec::new(),
        first_touch_hours: 8,
        verdict_hours: 24,
    };
    warehouse.set_calendar("w", &calendar, Timestamp(1)).await.unwrap();
    warehouse.insert(&[world()], &Envelopes).await.unwrap();
    for table in Table::ALL {
        for sum in warehouse.checksums(*table, 3).await.unwrap() {
            let bucket = Bucket { table: *table, partition: 3, month: sum.month };
            let digests = warehouse.digests(bucket).await.unwrap();
            warehouse.bury(bucket, 1, &[digests[0].0]).await.unwrap();
        }
    }
    let expected = warehouse.expectation().await.unwrap();
    expected.insert(&[world()], &Envelopes).await.unwrap();
    assert!(warehouse.compare(&expected, Table::Deals).await.unwrap().is_equal());
    expected.drop_tables().await.unwrap();
    warehouse.watch("w", &Settings::default(), Day::from_civil(2026, 4, 1).unwrap(), Timestamp(1)).await.unwrap();
    let next = warehouse.generation(2).unwrap();
    next.migrate(MIGRATIONS).await.unwrap();
    next.insert(&[Rows { version: 7, ..world() }], &Envelopes).await.unwrap();
    next.publish().await.unwrap();
    warehouse.drop_tables().await.unwrap();
    next
}

async fn read(warehouse: &Warehouse, database: &str) {
    let all = ask(warehouse, &format!("SELECT name FROM system.tables WHERE database = '{database}'")).await;
    assert!(all.lines().count() > 30, "{all}");
    for view in all.lines() {
        try_ask(warehouse, &format!("SELECT * FROM {view} FORMAT Null"))
            .await
            .unwrap_or_else(|error| panic!("{view}: {error}"));
    }
    warehouse.funnel(&Scope::all("w"), None).await.unwrap();
    warehouse.dead_letters(None, None, None).await.unwrap();
    warehouse.forget().await.unwrap();
}

#[test]
fn the_grants_are_enough_and_hold_only_for_our_databases() {
    run_apart("grants", &[("users.d/grants.xml", &roles(&[GRANTS]))], async |options| {
        let warehouse = served(options.clone()).await;
        read(&warehouse, "smarketing").await;
        let elsewhere = Warehouse::connect(Options { database: "elsewhere".into(), ..options }).await.unwrap();
        let refused = elsewhere.migrate(MIGRATIONS).await.unwrap_err().to_string();
        assert!(refused.contains("code 497"), "{refused}");
    });
}

#[test]
fn the_grants_of_a_cluster_are_enough() {
    let roles = roles(&[GRANTS, CLUSTER]);
    let files = [("users.d/grants.xml", roles.as_str()), ("config.d/servers.xml", SERVERS)];
    run_apart("cluster-grants", &files, async |options| {
        let warehouse = served(on(&options, "alone", false)).await;
        read(&warehouse, "smarketing_alone").await;
    });
}

#[test]
fn the_engine_parses_what_creates_users() {
    run(async {
        let warehouse = Warehouse::connect(Options { reader: None, ..options("users") }).await.unwrap();
        warehouse.migrate(&[]).await.unwrap();
        let users = USERS.split('"').find(|text| text.contains("CREATE USER")).unwrap();
        let all: Vec<String> = [GRANTS, CLUSTER, users].iter().flat_map(|sql| statements(sql)).collect();
        assert!(all.len() >= 7, "{all:?}");
        for sql in all {
            // Passwords come as parameters, which an explanation has not.
            let sql = sql.replace("{service:String}", "'a'").replace("{reader:String}", "'b'");
            try_ask(&warehouse, &format!("EXPLAIN AST {sql}")).await.unwrap_or_else(|error| panic!("{error}: {sql}"));
        }
    });
}
