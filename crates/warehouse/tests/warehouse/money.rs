//! Every report that shows money, in currencies with and without decimals, against what the deals say.

use crate::report::text;
use crate::rows::{ADA, conversion, currency, day, deal, lead, now, spend, touch};
use crate::server::{holding, run};
use smarketing_kernel::row::{ConversionKind, Outcome, Rows};
use smarketing_warehouse::report::{By, Scope};

/// In the currency called `code`: one deal of 1 000 000 minor units is won, one of 300 000 lost, 200 000 are spent.
fn told_in(code: &str) -> Rows {
    let mut rows = Rows { partition: 0, version: 1, ..Rows::default() };
    let ada = [touch("t1", ADA, day(0), "Email", "email")];
    for (id, outcome, minor) in [("d-1", Outcome::Won, 1_000_000), ("d-2", Outcome::Lost, 300_000)] {
        let mut deal = deal(id, outcome, minor, code, Some(minor), ADA);
        deal.reporting_currency = currency(code);
        rows.conversions.push(now(conversion(ConversionKind::Opportunity, &deal, &ada)));
        if outcome == Outcome::Won {
            rows.conversions.push(now(conversion(ConversionKind::Won, &deal, &ada)));
        }
        rows.deals.push(now(deal));
    }
    rows.leads.push(now(lead(ADA, "ada@copier.test", "Email", "email")));
    rows.ad_spend.push(now(spend("s-1", code, 200_000, day(2).day())));
    rows
}

#[test]
fn every_report_shows_the_money_of_the_deals() {
    run(async {
        for (code, [won, lost, spent]) in [("JPY", ["1000000", "300000", "200000"]), ("KWD", ["1000", "300", "200"])] {
            let warehouse = holding(&format!("money_{}", code.to_lowercase()), &[told_in(code)]).await;
            let scope = Scope::all("w");
            let shows = |table: smarketing_warehouse::Table, column: &str, row: &str, expect: &str| {
                let at = table.column(column).unwrap();
                let found = table.rows.iter().find(|cells| cells.iter().any(|cell| cell.to_string() == row));
                let found = found.map(|cells| cells[at].to_string());
                assert_eq!(found.as_deref(), Some(expect), "{code}: {column} of {row} in {:?}", text(&table));
            };
            for by in [By::Channel, By::Source, By::Campaign] {
                let channels = warehouse.channels(&scope, "linear", by).await.unwrap();
                shows(channels.clone(), "revenue", code, won);
                shows(channels, "credited_revenue", code, won);
            }
            let content = warehouse.content(&scope, "linear").await.unwrap();
            shows(content.clone(), "revenue", code, won);
            let both = if code == "JPY" { "1300000" } else { "1300" };
            shows(content, "pipeline", code, both);
            shows(warehouse.models(&scope, "won").await.unwrap(), "linear", code, won);
            shows(warehouse.models(&scope, "opportunity").await.unwrap(), "linear", code, both);
            shows(warehouse.lost(&scope, "linear", None).await.unwrap(), "amount", "price", lost);
            for table in
                [warehouse.roi(&scope, "linear").await.unwrap(), warehouse.spend(&scope, "linear", None).await.unwrap()]
            {
                shows(table.clone(), "revenue", "Email", won);
                shows(table.clone(), "realised_revenue", "Email", won);
                shows(table, "spend", "Paid Search", spent);
            }
            // A goal of five such deals takes five of them.
            let target = 5 * won.parse::<u64>().unwrap();
            shows(warehouse.goal(&scope, target).await.unwrap(), "needed", "won deals", "5");
            let page = warehouse.deal("w", "d-1").await.unwrap();
            for (table, column, row) in
                [(page.deal, "amount", "d-1"), (page.conversions, "value", "won"), (page.journey, "linear", "won")]
            {
                shows(table, column, row, won);
            }
        }
    });
}
