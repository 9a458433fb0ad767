//! Questions and their answers.

use crate::rows::{self, ADA, day, world};
use crate::server::{ask, holding, options, run, try_ask};
use smarketing_kernel::row::Rows;
use smarketing_kernel::time::Day;
use smarketing_warehouse::report::{By, Scope};
use smarketing_warehouse::{Cell, Error, Kind, MIGRATIONS, ROWS_MAX, Table, Warehouse};

/// Header and rows, fields separated by `|`.
pub(crate) fn text(table: &Table) -> Vec<String> {
    let header = table.columns.iter().map(|column| column.name.clone()).collect::<Vec<_>>().join("|");
    let line = |row: &Vec<Cell>| row.iter().map(Cell::to_string).collect::<Vec<_>>().join("|");
    std::iter::once(header).chain(table.rows.iter().map(line)).collect()
}

#[test]
fn channels_set_acquisition_beside_credit() {
    run(async {
        let warehouse = holding("channels", &[world()]).await;
        let scope = Scope::all("w");
        let header = "name|currency|leads|won_deals|won_deals_with_revenue|revenue|credited_deals|credited_revenue";
        let check = |table: Table, expect: &[&str]| {
            assert_eq!(text(&table)[0], header);
            assert_eq!(text(&table)[1..], *expect);
        };
        let by_channel = warehouse.channels(&scope, "linear", By::Channel).await.unwrap();
        check(
            by_channel,
            &[
                "Organic Search|JPY|0|1|1|5000|1|5000",
                "Paid Search|USD|1|1|1|1000.01|0.5|500.01",
                "Email|USD|0|0|0|0|0.5|500",
                "Organic Search|USD|1|0|0|0|0|0",
            ],
        );
        let by_source = warehouse.channels(&scope, "first", By::Source).await.unwrap();
        check(by_source, &["google|JPY|0|1|1|5000|1|5000", "google|USD|2|1|1|1000.01|1|1000.01"]);
        let by_campaign = warehouse.channels(&scope, "first", By::Campaign).await.unwrap();
        assert_eq!(by_campaign.rows.len(), 2);
        let later = Scope { from: Day::from_civil(2026, 4, 1), ..Scope::all("w") };
        assert!(warehouse.channels(&later, "first", By::Channel).await.unwrap().rows.is_empty());
        assert!(warehouse.channels(&Scope::all("x"), "first", By::Channel).await.unwrap().rows.is_empty());
    });
}

#[test]
fn reports_answer() {
    run(async {
        let warehouse = holding("reports", &[world()]).await;
        let scope = Scope::all("w");
        let check = |table: Table, expect: &[&str]| assert_eq!(text(&table), expect);
        check(
            warehouse.content(&scope, "linear").await.unwrap(),
            &[
                "content|content_group|buyer_stage|currency|leads|mqls|opportunities|won|pipeline|revenue",
                "/ten-cures|blog|awareness|JPY|0|0|1|1|5000|5000",
                "/ten-cures|blog|awareness|USD|0|0|2|1|1200.01|1000.01",
            ],
        );
        check(
            warehouse.velocity(&scope, None).await.unwrap(),
            &[
                "stage|next_stage|segment|converted|days_average|days_median|days_p90",
                "lead|mql|(all)|1|2|2|2",
                "mql|sql|(all)|1|2|2|2",
            ],
        );
        check(
            warehouse.models(&scope, "won").await.unwrap(),
            &[
                "channel|currency|first|last|linear|influenced",
                "Organic Search|JPY|5000|5000|5000|5000",
                "Paid Search|USD|1000.01||500.01|1000.01",
                "Email|USD||1000.01|500|1000.01",
            ],
        );
        check(
            warehouse.roi(&scope, "linear").await.unwrap(),
            &[
                "channel|currency|spend|clicks|won|won_without_rate|revenue|realised_revenue|roas|roi|realised_roi|cac",
                "Paid Search|USD|210|30|0.5|0|500.01|500.01|2.381|1.381|1.381|420",
                "Email|USD|0|0|0.5|0|500|500||||0",
                "Organic Search|USD|0|0|1|1|0|0||||0",
            ],
        );
        check(
            warehouse.lost(&scope, "last", None).await.unwrap(),
            &[
                "lost|lost_reason|segment|currency|times|amount",
                "deal|price|Email|USD|1|200",
                "handoff|no budget|Paid Search|(none)|1|0",
            ],
        );
        check(
            warehouse.paths(&scope).await.unwrap(),
            &[
                "path|conversions|value_minor|nulls|won_without_rate",
                "Organic Search|1|0|0|1",
                "Paid Search > Email|1|100001|1|0",
            ],
        );
        let reconciliation = warehouse.reconciliation(&scope).await.unwrap();
        let wrong = reconciliation.column("days_wrong").unwrap();
        assert_eq!(reconciliation.rows.len(), 12);
        assert!(reconciliation.rows.iter().all(|row| row[wrong] == Cell::Integer(0)));
    });
}

#[test]
fn a_lead_and_a_deal_are_explained_down_to_their_events() {
    run(async {
        let warehouse = holding("pages", &[world()]).await;
        let page = warehouse.lead("w", ADA).await.unwrap();
        let email = page.profile.column("email").unwrap();
        assert_eq!(page.profile.rows[0][email], Cell::Text("ada@copier.test".into()));
        assert_eq!(page.timeline.columns[0].kind, Kind::Time);
        assert_eq!(page.timeline.rows.len(), 9);
        assert_eq!(page.timeline.rows[0][0], Cell::Time("2026-03-01T00:00:00.000Z".into()));
        assert!(warehouse.lead("w", "nobody").await.unwrap().profile.rows.is_empty());

        let page = warehouse.deal("w", "d-1").await.unwrap();
        assert_eq!(page.deal.rows.len(), 1);
        assert_eq!(page.conversions.rows.len(), 2);
        assert_eq!(page.history.rows.len(), 1);
        let journey = text(&page.journey);
        assert_eq!(
            journey[0],
            "kind|position|touch_at|channel|source|medium|campaign|content|touch_kind|touch_repeat|lead|touch_id|first|last|linear|influenced"
        );
        assert_eq!(
            journey[4],
            format!(
                "won|2|2026-03-06T00:00:00.000Z|Email|email|(none)|spring|/ten-cures|visit|0|{ADA}|t2|0|1000.01|500|1000.01"
            )
        );
        assert_eq!(page.ledger.rows.len(), 4 + 6);
    });
}

#[test]
fn values_never_become_sql_and_readers_only_read() {
    run(async {
        let warehouse = holding("safe", &[world()]).await;
        for evil in ["' OR 1 = 1 --", "\\", "'); DROP TABLE deals; --", "a\tb\nc", "{x:String}", "?"] {
            assert!(warehouse.deal(evil, evil).await.unwrap().deal.rows.is_empty(), "{evil}");
            assert!(warehouse.reject(evil, 1).await.unwrap().rows.is_empty(), "{evil}");
        }
        assert_eq!(warehouse.rejects().await.unwrap().rows.len(), 1);
        assert_eq!(warehouse.reject("page-views-0", 9).await.unwrap().rows.len(), 1);
        for refused in
            ["DROP TABLE t_safe_g1.deals", "INSERT INTO t_safe_g1.one VALUES (1)", "SELECT * FROM file('/etc/passwd')"]
        {
            let error = try_ask(&warehouse, refused).await.unwrap_err();
            assert!(matches!(error, Error::Refused { .. }), "{refused}: {error}");
        }
        assert_eq!(ask(&warehouse, "SELECT '?', count() FROM deals WHERE deal != '?' FORMAT CSV").await, "\"?\",3");
    });
}

/// Ten thousand rows are shown, and it is told that there are more; of what has an order in time, the latest.
#[test]
fn what_is_cut_is_told_and_the_latest_stays() {
    run(async {
        let most = i64::try_from(ROWS_MAX).unwrap();
        let mut rows = world();
        let call = rows.lead_events.remove(0);
        let calls = |count: i64| {
            let at = |number: i64| {
                let mut call = call.clone();
                (call.row.occurred_at, call.row.event_id) = (day(30).plus(number), rows::text(&format!("c-{number}")));
                call
            };
            (0..count).map(at).collect::<Vec<_>>()
        };
        let whole = Rows { partition: 3, version: 1, lead_events: calls(most), ..Rows::default() };
        let warehouse = holding("whole", &[whole]).await;
        let timeline = warehouse.lead("w", ADA).await.unwrap().timeline;
        assert_eq!((timeline.rows.len(), timeline.cut), (ROWS_MAX, false));

        rows.lead_events = calls(most);
        let entry = rows.credit_ledger.remove(0);
        rows.credit_ledger = (0..4_000_u32)
            .map(|index| {
                let mut entry = entry.clone();
                (entry.index, entry.recorded_at) = (index, day(40).plus(i64::from(index)));
                entry
            })
            .collect();
        let warehouse = holding("cut", &[rows]).await;
        let timeline = warehouse.lead("w", ADA).await.unwrap().timeline;
        assert_eq!((timeline.rows.len(), timeline.cut), (ROWS_MAX, true));
        let told = text(&timeline);
        assert!(told[1].contains("|call|") && told[ROWS_MAX].contains(&format!("|c-{}", most - 1)), "{}", told[1]);
        let ledger = warehouse.deal("w", "d-1").await.unwrap().ledger;
        assert_eq!((ledger.rows.len(), ledger.cut), (ROWS_MAX, true));
        assert!(ledger.rows[0][0].to_string() < ledger.rows[ROWS_MAX - 1][0].to_string());
        assert!(ledger.rows[ROWS_MAX - 1][0].to_string().starts_with("2026-04-10T00:00:03.999"));
        assert!(!warehouse.funnel(&Scope::all("w"), None).await.unwrap().cut);
    });
}

/// What has a day is told of the days that are asked for, in the middle of a month as well.
#[test]
fn days_are_honoured_to_the_day() {
    run(async {
        let warehouse = holding("days", &[world()]).await;
        let within =
            |from: i64, to: i64| Scope { from: Some(day(from).day()), to: Some(day(to).day()), ..Scope::all("w") };
        let column = |table: &Table, name: &str| {
            let at = table.column(name).unwrap();
            table.rows.iter().map(|row| row[at].to_string()).collect::<Vec<_>>().join(" ")
        };
        // Touches are of days 0 to 5, money is spent on day 2, deals are won and lost on day 20.
        for (from, to, spent, revenue, realised) in [
            (0, 1, "0 0", "0 0", "0 500.01"),
            (2, 2, "210", "0", "0"),
            (2, 5, "210 0", "0 0", "0 500"),
            (3, 4, "", "", ""),
            (20, 20, "0 0 0", "500.01 500 0", "0 0 0"),
            (21, 25, "", "", ""),
        ] {
            let roi = warehouse.roi(&within(from, to), "linear").await.unwrap();
            let found = ["spend", "revenue", "realised_revenue"].map(|name| column(&roi, name));
            assert_eq!(found, [spent, revenue, realised], "{from}..{to}: {:?}", text(&roi));
        }
        let spend = warehouse.spend(&within(2, 20), "linear", Some(By::Month)).await.unwrap();
        assert_eq!((column(&spend, "segment"), column(&spend, "spend")), ("2026-03-01".to_owned(), "210".to_owned()));
        for (from, to, lost) in [(0, 2, ""), (3, 3, "handoff"), (3, 20, "deal handoff"), (19, 19, ""), (20, 20, "deal")]
        {
            let found = warehouse.lost(&within(from, to), "last", None).await.unwrap();
            assert_eq!(column(&found, "lost"), lost, "{from}..{to}");
        }
        for (from, to, kinds) in [(10, 10, "opportunity"), (11, 19, ""), (20, 20, "won")] {
            let found = column(&warehouse.reconciliation(&within(from, to)).await.unwrap(), "kind");
            assert!(
                found.split_whitespace().all(|kind| kind == kinds) && found.is_empty() == kinds.is_empty(),
                "{found}"
            );
        }
    });
}

#[test]
fn the_models_there_is_credit_of_are_told_in_their_order() {
    run(async {
        let warehouse = holding("credited", &[world()]).await;
        assert_eq!(warehouse.credited_models("w").await.unwrap(), ["first", "last", "linear", "influenced"]);
        assert!(warehouse.credited_models("nobody's").await.unwrap().is_empty());
    });
}

#[test]
fn views_of_another_build_are_told_as_such() {
    run(async {
        let warehouse = Warehouse::connect(options("outdated")).await.unwrap();
        warehouse.migrate(MIGRATIONS).await.unwrap();
        let error = warehouse.roi(&Scope::all("w"), "first").await.unwrap_err();
        assert!(matches!(error, Error::Outdated { .. }) && error.to_string().contains("smarketing migrate"), "{error}");
    });
}
