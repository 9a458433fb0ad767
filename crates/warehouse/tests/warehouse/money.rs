//! Every report that shows money, in currencies with and without decimals, against what the deals say.

use crate::report::text;
use crate::rows::{ADA, conversion, currency, day, deal, lead, now, spend, touch};
use crate::server::{ask, holding, run};
use smarketing_kernel::row::{ConversionKind, Outcome, Rows};
use smarketing_warehouse::Table;
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

/// The cell of the first row that has `row` in one of its cells.
fn cell(table: &Table, column: &str, row: &str) -> Option<String> {
    let at = table.column(column).unwrap();
    let found = table.rows.iter().find(|cells| cells.iter().any(|cell| cell.to_string() == row));
    found.map(|cells| cells[at].to_string())
}

#[test]
fn every_report_shows_the_money_of_the_deals() {
    run(async {
        for (code, [won, lost, spent]) in [("JPY", ["1000000", "300000", "200000"]), ("KWD", ["1000", "300", "200"])] {
            let warehouse = holding(&format!("money_{}", code.to_lowercase()), &[told_in(code)]).await;
            let scope = Scope::all("w");
            let shows = |table: Table, column: &str, row: &str, expect: &str| {
                let found = cell(&table, column, row);
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

/// A deal of 3 000 JPY whose rate nobody knows is won beside one of 500 USD, by the same channel that money went to.
#[test]
fn revenue_without_a_rate_is_told_and_not_taken_for_none() {
    run(async {
        let mut rows = Rows { partition: 0, version: 1, ..Rows::default() };
        let ada = [touch("t1", ADA, day(0), "Paid Search", "google")];
        for (id, minor, code, reporting) in [("d-1", 50_000, "USD", Some(50_000)), ("d-2", 3_000, "JPY", None)] {
            let deal = deal(id, Outcome::Won, minor, code, reporting, ADA);
            rows.conversions.push(now(conversion(ConversionKind::Won, &deal, &ada)));
            rows.deals.push(now(deal));
        }
        rows.ad_spend.push(now(spend("s-1", "USD", 10_000, day(2).day())));
        let warehouse = holding("unrated", &[rows]).await;
        let scope = Scope::all("w");
        let cells = |table: &Table, names: &[&str]| {
            let cell = |name: &&str| table.rows[0][table.column(name).unwrap()].to_string();
            names.iter().map(cell).collect::<Vec<_>>().join("|")
        };
        let names = ["spend", "won", "won_without_rate", "revenue", "roas", "roi", "realised_roi"];
        for table in
            [warehouse.roi(&scope, "last").await.unwrap(), warehouse.spend(&scope, "last", None).await.unwrap()]
        {
            assert_eq!(cells(&table, &names), "100|2|1|500|||");
        }
        for view in ["channel_roi", "campaign_spend"] {
            let sql = format!("SELECT won_without_rate, realised_without_rate FROM {view} WHERE model = 'last'");
            assert_eq!(ask(&warehouse, &sql).await, "1\t1", "{view}");
        }
        let sql = "SELECT roas, roi, realised_roas, realised_roi FROM channel_roi WHERE model = 'last'";
        assert_eq!(ask(&warehouse, sql).await, "\\N\t\\N\t\\N\t\\N");
        // Ten times the deal whose size is known.
        let goal = warehouse.goal(&scope, 5_000).await.unwrap();
        assert_eq!(cells(&goal, &["in_this_time", "needed", "won_without_rate"]), "2|10|1");
        let paths = warehouse.paths(&scope).await.unwrap();
        assert_eq!(cells(&paths, &["conversions", "value_minor", "won_without_rate"]), "2|50000|1");
    });
}

/// Three deals won, two lost and two reports of spend, each of as much as 64 bits hold.
fn as_much_as_64_bits_hold() -> Rows {
    let mut rows = Rows { partition: 0, version: 1, ..Rows::default() };
    let ada = [touch("t1", ADA, day(0), "Paid Search", "google")];
    for (number, outcome) in [Outcome::Won, Outcome::Won, Outcome::Won, Outcome::Lost, Outcome::Lost].iter().enumerate()
    {
        let deal = deal(&format!("d-{number}"), *outcome, i64::MAX, "USD", Some(i64::MAX), ADA);
        rows.conversions.push(now(conversion(ConversionKind::Opportunity, &deal, &ada)));
        if *outcome == Outcome::Won {
            rows.conversions.push(now(conversion(ConversionKind::Won, &deal, &ada)));
        }
        rows.deals.push(now(deal));
    }
    rows.leads.push(now(lead(ADA, "ada@copier.test", "Paid Search", "google")));
    rows.ad_spend = ["s-1", "s-2"].map(|id| now(spend(id, "USD", i64::MAX, day(2).day()))).to_vec();
    rows
}

/// Twice, three and five times the largest number of 64 bits, in minor units and in dollars.
const TWO: [&str; 2] = ["18446744073709551614", "184467440737095516.14"];
const THREE: [&str; 2] = ["27670116110564327421", "276701161105643274.21"];
const FIVE: [&str; 2] = ["46116860184273879035", "461168601842738790.35"];

#[test]
fn reports_lose_no_digit_of_sums_beyond_64_bits() {
    run(async {
        let (warehouse, scope) = (holding("large_reports", &[as_much_as_64_bits_hold()]).await, Scope::all("w"));
        // Often enough for the engine to compile the expressions.
        for _ in 0..5 {
            let content = warehouse.content(&scope, "last").await.unwrap();
            let (roi, spend) =
                (warehouse.roi(&scope, "last").await.unwrap(), warehouse.spend(&scope, "last", None).await.unwrap());
            let channels = warehouse.channels(&scope, "last", By::Channel).await.unwrap();
            let models = warehouse.models(&scope, "opportunity").await.unwrap();
            let lost = warehouse.lost(&scope, "last", None).await.unwrap();
            let booked = warehouse.reconciliation(&scope).await.unwrap();
            let deal = warehouse.deal("w", "d-0").await.unwrap();
            for (table, column, row, expect) in [
                (&channels, "revenue", "USD", THREE[1]),
                (&channels, "credited_revenue", "USD", THREE[1]),
                (&content, "revenue", "USD", THREE[1]),
                (&content, "pipeline", "USD", FIVE[1]),
                (&models, "last", "USD", FIVE[1]),
                (&lost, "amount", "price", TWO[1]),
                (&roi, "spend", "USD", TWO[1]),
                (&roi, "revenue", "USD", THREE[1]),
                (&roi, "roas", "USD", "1.5"),
                (&spend, "spend", "USD", TWO[1]),
                (&spend, "realised_revenue", "USD", THREE[1]),
                (&warehouse.paths(&scope).await.unwrap(), "value_minor", "Paid Search", THREE[0]),
                (&booked, "booked_minor", "opportunity", FIVE[0]),
                (&booked, "credited_minor", "won", THREE[0]),
                (&deal.deal, "amount", "d-0", "92233720368547758.07"),
                (&deal.journey, "last", "won", "92233720368547758.07"),
            ] {
                assert_eq!(cell(table, column, row).as_deref(), Some(expect), "{column} in {:?}", text(table));
            }
            warehouse.health(day(30).day()).await.unwrap();
        }
    });
}

#[test]
fn views_lose_no_digit_of_sums_beyond_64_bits() {
    run(async {
        let warehouse = holding("large_views", &[as_much_as_64_bits_hold()]).await;
        let credited = format!("{}|{}|{}|{}", THREE[0], THREE[1], THREE[0], THREE[1]);
        let spent = format!("{}|{}|{}|{}|{}|{}", TWO[0], TWO[1], THREE[0], THREE[1], THREE[0], THREE[1]);
        let credits = "credit_minor, credit, reporting_credit_minor, reporting_credit";
        let monthly = "spend_minor, spend, revenue_minor, revenue, realised_revenue_minor, realised_revenue";
        let content = "pipeline_minor, revenue_minor, revenue, reporting_revenue_minor";
        for (view, columns, of, expect) in [
            ("attribution", credits, "kind = 'won'", credited.as_str()),
            ("attribution_daily", credits, "kind = 'won'", &credited),
            ("attribution_by_touch_day", credits, "kind = 'won'", &credited),
            (
                "model_comparison",
                "credit_minor, credit, credit_share",
                "kind = 'won'",
                &format!("{}|{}|1", THREE[0], THREE[1]),
            ),
            ("content_performance", content, "1", &format!("{}|{}|{}|{}", FIVE[0], THREE[0], THREE[1], THREE[0])),
            ("channel_roi", monthly, "1", &spent),
            ("campaign_spend", monthly, "1", &spent),
            ("lost_reasons", "amount_minor, amount", "1", &TWO.join("|")),
            ("reconciliation", "booked_minor, difference_minor", "kind = 'won'", &format!("{}|0", THREE[0])),
        ] {
            let sql = format!("SELECT {columns} FROM {view} WHERE model = 'last' AND {of}");
            for _ in 0..5 {
                assert_eq!(ask(&warehouse, &sql).await.replace('\t', "|"), *expect, "{view}");
            }
        }
    });
}
