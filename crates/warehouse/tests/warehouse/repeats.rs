//! What only models that count each know: here for them, and in no other number.

use crate::rows::{self, ADA, world};
use crate::server::{ask, holding, options, run};
use smarketing_kernel::row::{ConversionKind, Rows};
use smarketing_warehouse::{MIGRATIONS, Migration, Warehouse};

/// The small world in which the last touch of every journey is a repeat of something on another page.
fn repeated() -> Rows {
    let mut rows = world();
    let lead = rows.conversions.iter().find(|change| &*change.row.conversion == "won:d-1").cloned();
    let mut lead = lead.unwrap();
    lead.row.kind = ConversionKind::Lead;
    (lead.row.subject, lead.row.conversion) = (rows::text(ADA), rows::text("lead:ada"));
    rows.conversions.push(lead);
    let conversions = rows.conversions.iter_mut().map(|change| &mut change.row.journey);
    let entries = rows.credit_ledger.iter_mut().map(|entry| &mut entry.journey);
    for touch in conversions.chain(entries).flatten().filter(|touch| &*touch.touch_id == "t2") {
        touch.repeat = true;
        touch.page = rows::page("/repeated");
    }
    rows
}

#[test]
fn repeats_have_credit_and_count_for_nothing_else() {
    run(async {
        let warehouse = holding("repeats", &[repeated()]).await;
        let asked = |sql: &'static str| ask(&warehouse, sql);
        let journey = "SELECT journey_length, path FROM conversions WHERE conversion = 'won:d-1'";
        assert_eq!(asked(journey).await, "1\tPaid Search");
        for table in ["credits", "credit_ledger"] {
            let sql = format!(
                "SELECT position, touch_id, touch_repeat, credit_minor FROM {table} WHERE conversion = 'won:d-1' AND model = 'linear' ORDER BY position"
            );
            assert_eq!(ask(&warehouse, &sql).await, "1\tt1\t0\t50001\n2\tt2\t1\t50000", "{table}");
        }
        let flags = "SELECT DISTINCT touch_repeat FROM conversion_credits WHERE conversion = 'won:d-1'";
        assert_eq!(asked(flags).await, "[0,1,0]");
        let origin = format!("SELECT content FROM lead_origins WHERE lead = '{ADA}'");
        assert_eq!(ask(&warehouse, &origin).await, "/ten-cures");
        let pages = "SELECT content, new_leads, influenced_won FROM content_daily WHERE new_leads + influenced_won > 0 AND day = '2026-03-21' ORDER BY ALL";
        assert_eq!(asked(pages).await, "/ten-cures\t1\t2");
    });
}

#[test]
fn what_was_written_before_there_were_repeats_has_none() {
    run(async {
        let warehouse = Warehouse::connect(options("unrepeated")).await.unwrap();
        let old = "INSERT INTO $data.conversions (conversion, touch_id, touch_channel) VALUES ('won:d-1', ['t1', ''], ['Email', '(unattributed)']);\n";
        let old = Migration { number: 1_000, name: "old", sql: old };
        warehouse.migrate(&[&MIGRATIONS[..9], &[old]].concat()).await.unwrap();
        assert_eq!(warehouse.migrate(&[MIGRATIONS, &[old]].concat()).await.unwrap(), [10]);
        warehouse.publish().await.unwrap();
        assert_eq!(ask(&warehouse, "SELECT journey_length, path FROM conversions").await, "1\tEmail");
    });
}

#[test]
fn models_that_give_everybody_everything_are_not_reconciled() {
    run(async {
        let mut rows = world();
        let conversions = rows.conversions.iter_mut().map(|change| &mut change.row.credits);
        let entries = rows.credit_ledger.iter_mut().map(|entry| &mut entry.credits);
        for credit in conversions.chain(entries).flatten().filter(|credit| &*credit.model == "influenced") {
            credit.model = rows::text("adobe_participation");
        }
        let warehouse = holding("participation", &[rows]).await;
        let models = "SELECT DISTINCT model FROM reconciliation ORDER BY model";
        assert_eq!(ask(&warehouse, models).await, "first\nlast\nlinear");
    });
}
