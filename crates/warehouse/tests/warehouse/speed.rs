//! How fast rows get in: `cargo test --release -p smarketing-warehouse -- --ignored --nocapture speed`.

use crate::rows::{self, ADA, conversion, day, now, touch};
use crate::server::{Envelopes, ask, empty, options, run};
use smarketing_kernel::row::{ConversionKind, Outcome, Rows};
use smarketing_warehouse::{Options, Warehouse};
use std::time::Instant;

const ROWS: u32 = 1_000_000;

#[test]
#[ignore = "measures, does not check"]
fn page_views() {
    run(async {
        let views = (0..ROWS)
            .map(|n| now(rows::view(&format!("visitor-{}", n / 7), day(0).plus(i64::from(n) * 997), "(none)", false)));
        let rows = Rows { partition: 1, version: 1, web_events: views.collect(), ..Rows::default() };
        measure("views_lz4", true, &rows, ROWS).await;
        measure("views_plain", false, &rows, ROWS).await;
    });
}

#[test]
#[ignore = "measures, does not check"]
fn conversions_with_journeys_of_ten() {
    run(async {
        let touches: Vec<_> =
            (0..10).map(|n| touch(&format!("touch-{n}"), ADA, day(n), "Paid Search", "google")).collect();
        let rows = (0..ROWS / 10).map(|n| {
            let deal = rows::deal(&format!("d-{n}"), Outcome::Won, 100_000, "USD", Some(100_000), ADA);
            now(conversion(ConversionKind::Won, &deal, &touches))
        });
        let rows = Rows { partition: 1, version: 1, conversions: rows.collect(), ..Rows::default() };
        measure("conversions_lz4", true, &rows, ROWS / 10).await;
        measure("conversions_plain", false, &rows, ROWS / 10).await;
    });
}

async fn measure(name: &str, compress: bool, rows: &Rows, count: u32) {
    drop(empty(name).await);
    let warehouse = Warehouse::connect(Options { compress, ..options(name) }).await.unwrap();
    let began = Instant::now();
    warehouse.insert(std::slice::from_ref(rows), &Envelopes).await.unwrap();
    println!("{name}: {:.0} rows/s", f64::from(count) / began.elapsed().as_secs_f64());
    let size = format!(
        "SELECT table, sum(rows), sum(bytes_on_disk), count() FROM system.parts WHERE active AND database = 't_{name}_g1' AND rows > 10 GROUP BY table"
    );
    println!("  {}", ask(&warehouse, &size).await);
    for sql in [
        "SELECT count() FROM web_events",
        "SELECT sum(credit_minor) FROM attribution WHERE model = 'linear'",
        "SELECT countIf(difference_minor != 0) FROM reconciliation",
    ] {
        let began = Instant::now();
        let answer = ask(&warehouse, sql).await;
        println!("  {sql}: {answer} in {:.3} s", began.elapsed().as_secs_f64());
    }
}
