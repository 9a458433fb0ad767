//! Every view over the small world, value by value.

use crate::rows::{self, ADA, world};
use crate::server::{ask, empty, holding, run};
use smarketing_kernel::row::Rows;
use std::collections::BTreeSet;

/// View, what to ask it, and the answer, fields separated by `|` and rows by `;`.
const EXPECTED: &[(&str, &str, &str)] = &[
    (
        "web_events",
        "SELECT visitor, viewed_at, channel, bot FROM web_events ORDER BY visitor",
        "v1|2026-03-01 00:00:00.000|Paid Search|0;v2|2026-03-01 00:00:00.000|Paid Search|0;v3|2026-03-01 00:00:00.000|Paid Search|1",
    ),
    (
        "touches",
        "SELECT touch_id, kind, touch_at, channel, source, medium, campaign, content, content_group, buyer_stage, account FROM touches WHERE touch_id = 't2'",
        "t2|visit|2026-03-06 00:00:00.000|Email|email|(none)|spring|/ten-cures|blog|awareness|copier.test",
    ),
    (
        "leads",
        "SELECT email, contact_id, stage, score, score_centi, first_channel, touches FROM leads ORDER BY email",
        "ada@copier.test|003A|customer|12.5|1250|Paid Search|2;bob@copier.test|003A|customer|12.5|1250|Organic Search|2",
    ),
    ("lead_events", "SELECT event, rep, detail FROM lead_events", "call|rep-1|reached"),
    ("stage_entries", "SELECT stage, from_stage, previous_days FROM stage_entries WHERE stage = 'sql'", "sql|mql|1"),
    (
        "handoffs",
        "SELECT verdict, hours_to_activity, hours_to_verdict FROM handoffs ORDER BY mql_at",
        "recycled|2|24;(none)|\\N|\\N",
    ),
    (
        "handoff_clocks",
        "SELECT verdict, hours_to_verdict, working_hours_untouched < 25, touch_breached, verdict_breached FROM handoff_clocks ORDER BY mql_at",
        "recycled|24|1|0|0;(none)|\\N|0|1|1",
    ),
    (
        "deals",
        "SELECT deal, outcome, amount, currency, reporting, closed_at, lost_reason, deal_type, length(contacts) FROM deals ORDER BY deal",
        "d-1|won|1000.01|USD|1000.01|2026-03-21 00:00:00.000|(none)|new|1;\
      d-2|won|5000|JPY|\\N|2026-03-21 00:00:00.000|(none)|new|1;\
      d-3|lost|200|USD|200|2026-03-21 00:00:00.000|price|new|1",
    ),
    ("deal_history", "SELECT deal, kind, amount, currency FROM deal_history", "d-1|won|1000.01|USD"),
    (
        "conversions",
        "SELECT conversion, kind, subject, converted_at, value_minor, value, journey_length, path FROM conversions WHERE kind = 'won' ORDER BY conversion",
        "won:d-1|won|d-1|2026-03-21 00:00:00.000|100001|1000.01|2|Paid Search > Email;\
      won:d-2|won|d-2|2026-03-21 00:00:00.000|5000|5000|1|Organic Search",
    ),
    (
        "conversion_credits",
        "SELECT model, touch_id, credit_minor FROM conversion_credits WHERE conversion = 'won:d-1' ORDER BY model",
        "first|['t1','t2','']|[100001,0,0];influenced|['t1','t2','']|[100001,100001,0];last|['t1','t2','']|[0,100001,0];linear|['t1','t2','']|[50001,50000,0]",
    ),
    (
        "credits",
        "SELECT model, position, touch_id, touch_at, channel, persona, micro_credits, conversions, credit_minor, credit FROM credits WHERE conversion = 'won:d-1' AND model IN ('first', 'linear') ORDER BY model, position",
        "first|1|t1|2026-03-01 00:00:00.000|Paid Search|buyer|1000000|1|100001|1000.01;\
      linear|1|t1|2026-03-01 00:00:00.000|Paid Search|buyer|500000|0.5|50001|500.01;\
      linear|2|t2|2026-03-06 00:00:00.000|Email|buyer|500000|0.5|50000|500",
    ),
    (
        "credit_ledger",
        "SELECT entry_id, conversion, reason, touch_id, credit_minor, recorded_at FROM credit_ledger WHERE conversion = 'won:d-1' AND model = 'linear' ORDER BY entry_id",
        "3-100-1-linear-1|won:d-1|converted|t1|50001|2026-03-21 00:00:00.000;3-100-1-linear-2|won:d-1|converted|t2|50000|2026-03-21 00:00:00.000",
    ),
    (
        "ad_spend",
        "SELECT day, channel, amount, currency, clicks FROM ad_spend WHERE event_id = 's-1'",
        "2026-03-03|Paid Search|100|USD|10",
    ),
    ("exchange_rates", "SELECT currency, day, rate FROM exchange_rates", "EUR|2026-03-01|1.1"),
    (
        "rejects",
        "SELECT stream, position, reason, hex(bytes), length FROM rejects",
        "page-views-0|9|invalid_json|7B00FF0A0A|5",
    ),
    (
        "attribution",
        "SELECT kind, conversion_day, channel, currency, conversions, credit_minor, credit FROM attribution WHERE model = 'linear' ORDER BY kind, channel, currency",
        "opportunity|2026-03-11|Email|USD|0.5|10000|100;opportunity|2026-03-11|Organic Search|JPY|1|5000|5000;opportunity|2026-03-11|Paid Search|USD|1.5|110001|1100.01;\
      won|2026-03-21|Email|USD|0.5|50000|500;won|2026-03-21|Organic Search|JPY|1|5000|5000;won|2026-03-21|Paid Search|USD|0.5|50001|500.01",
    ),
    (
        "attribution_daily",
        "SELECT channel, content_group, buyer_stage, micro_credits, reporting_credit FROM attribution_daily WHERE model = 'last' AND kind = 'won' ORDER BY channel",
        "Email|blog|awareness|1000000|1000.01;Organic Search|blog|awareness|1000000|0",
    ),
    (
        "attribution_by_touch_day",
        "SELECT touch_day, channel, credit_minor FROM attribution_by_touch_day WHERE model = 'linear' AND kind = 'won' ORDER BY touch_day",
        "2026-03-01|Paid Search|50001;2026-03-02|Organic Search|5000;2026-03-06|Email|50000",
    ),
    (
        "content_daily",
        "SELECT day, content, views, bot_views, visitors, leads, influenced_opportunity, influenced_won FROM content_daily ORDER BY day",
        "2026-03-01|/ten-cures|2|1|2|1|0|0;2026-03-11|/ten-cures|0|0|0|0|3|0;2026-03-21|/ten-cures|0|0|0|0|0|2",
    ),
    (
        "content_performance",
        "SELECT content, currency, views, visitors, opportunities, won, pipeline_minor, revenue_minor, revenue FROM content_performance WHERE model = 'linear' ORDER BY currency",
        "/ten-cures|JPY|2|2|1|1|5000|5000|5000;/ten-cures|USD|2|2|2|1|120001|100001|1000.01",
    ),
    (
        "stage_steps",
        "SELECT stage, next_stage, entered_at, converted_at, days FROM stage_steps WHERE stage = 'mql' AND next_stage = 'sql' ORDER BY entered_at",
        "mql|sql|2026-03-03 00:00:00.000|\\N|\\N;mql|sql|2026-03-07 00:00:00.000|2026-03-09 00:00:00.000|2",
    ),
    (
        "funnel_daily",
        "SELECT cohort_day, stage, next_stage, entered, converted, days_to_convert FROM funnel_daily WHERE stage IN ('lead', 'mql') AND next_stage IN ('mql', 'sql') ORDER BY cohort_day, stage",
        "2026-03-01|lead|mql|1|1|{2:1};2026-03-02|lead|mql|1|0|{};2026-03-03|mql|sql|1|0|{};2026-03-07|mql|sql|1|1|{2:1}",
    ),
    (
        "funnel",
        "SELECT cohort_month, stage, next_stage, entered, converted, conversion_rate FROM funnel WHERE stage = 'lead' AND next_stage = 'mql'",
        "2026-03-01|lead|mql|2|1|0.5",
    ),
    (
        "velocity",
        "SELECT stage, next_stage, converted, days_average, days_median, days_p90 FROM velocity ORDER BY stage, next_stage",
        "lead|mql|1|2|2|2;mql|sql|1|2|2|2",
    ),
    (
        "sla",
        "SELECT mql_day, handoffs, worked, within_1h, within_24h, hours_to_activity_median, judged, accepted, rejected FROM sla ORDER BY mql_day",
        "2026-03-03|1|1|0|1|2|1|0|1;2026-03-07|1|0|0|0|\\N|0|0|0",
    ),
    (
        "lost_reasons",
        "SELECT lost, lost_reason, model, channel, times, amount_minor, amount FROM lost_reasons WHERE model IN ('first', 'linear') ORDER BY lost, model, channel",
        "deal|price|first|Paid Search|1|20000|200;deal|price|linear|Email|0.5|10000|100;deal|price|linear|Paid Search|0.5|10000|100;handoff|no budget|first|Paid Search|1|0|0",
    ),
    (
        "lead_timeline",
        "SELECT at, what, event_id, channel, detail FROM lead_timeline WHERE lead = 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' AND at < '2026-03-04' ORDER BY at, what",
        "2026-03-01 00:00:00.000|page_view|v-v1-1772323200000|Paid Search|www.google.com;2026-03-01 00:00:00.000|stage|lead|Paid Search|visitor > lead: score;\
      2026-03-01 00:00:00.000|touch|t1|Paid Search|visit;2026-03-03 00:00:00.000|stage|mql|Paid Search|lead > mql: score;\
      2026-03-03 02:00:00.000|call|c-1|(none)|reached",
    ),
    ("working_days", "SELECT count() FROM working_days", "0"),
    ("conversion_watch", "SELECT count() FROM conversion_watch", "0"),
    (
        "account_segments",
        "SELECT account, account_segment, said_at FROM account_segments",
        "copier.test|mid-market|2026-03-02 00:00:00.000",
    ),
    (
        "lead_origins",
        "SELECT channel, source, campaign, content, persona, rep, account_segment FROM lead_origins ORDER BY lead",
        "Paid Search|google|spring|(none)|buyer|rep-1|mid-market;Organic Search|google|spring|(none)|buyer|rep-1|mid-market",
    ),
    (
        "sla_breaches",
        "SELECT breach, mql_at, open, working_hours > target_hours, target_hours, rep FROM sla_breaches ORDER BY breach",
        "first_touch|2026-03-07 00:00:00.000|1|1|24|rep-1;verdict|2026-03-07 00:00:00.000|1|1|72|rep-1",
    ),
    (
        "verdicts",
        "SELECT mql_at, verdict, reason, accepted, refused, qualified_by, definition_version, source, campaign, rep, score, score_band, account_segment FROM verdicts ORDER BY mql_at",
        "2026-03-03 00:00:00.000|recycled|no budget|0|1|score|1|google|spring|rep-1|52|050-074|mid-market;\
      2026-03-07 00:00:00.000|(none)|(none)|0|0|score|1|google|spring|rep-1|52|050-074|mid-market",
    ),
    (
        "recycled",
        "SELECT left_at, stage, from_stage, reason, came_back_at, won_at, rep FROM recycled",
        "2026-03-04 00:00:00.000|recycled|mql|score|2026-03-07 00:00:00.000|\\N|rep-1",
    ),
    (
        "content_conversion",
        "SELECT content, views, visitors, influenced_opportunity, influenced_won, leads, mqls, round(rate_low, 4), round(rate_high, 4), peer_rate, stands, shared FROM content_conversion",
        "/ten-cures|2|2|3|2|2|1|0.0945|0.9055|\\N|as its peers|0",
    ),
    (
        "campaign_spend",
        "SELECT month, channel, source, campaign, spend, spend_without_rate, clicks, opportunities, won, revenue, realised_revenue FROM campaign_spend WHERE model = 'linear' ORDER BY channel",
        "2026-03-01|Email|email|spring|0|0|0|0.5|0.5|500|500;2026-03-01|Organic Search|google|spring|0|0|0|1|1|0|0;\
      2026-03-01|Paid Search|google|spring|210|1|30|1.5|0.5|500.01|500.01",
    ),
    (
        "model_comparison",
        "SELECT channel, model, conversions, credit, conversion_share, round(credit_share, 6) FROM model_comparison WHERE kind = 'won' AND currency = 'USD' AND model IN ('first', 'linear') ORDER BY channel, model",
        "Email|linear|0.5|500|0.5|0.499995;Paid Search|first|1|1000.01|1|1;Paid Search|linear|0.5|500.01|0.5|0.500005",
    ),
    (
        "spend_and_credit",
        "SELECT what, day, channel, kind, deal_type, currency, clicks, micro_credits, amount_minor, without_rate FROM spend_and_credit WHERE model = 'linear' AND what != 'credit' ORDER BY what, day, channel, amount_minor",
        "realised|2026-03-01|Paid Search|won|new|USD|0|500000|50001|0;realised|2026-03-02|Organic Search|won|new|USD|0|1000000|0|1;\
      realised|2026-03-06|Email|won|new|USD|0|500000|50000|0;spend|2026-03-03|Paid Search|(none)|(none)|USD|10|0|0|1;\
      spend|2026-03-03|Paid Search|(none)|(none)|USD|10|0|10000|0;spend|2026-03-03|Paid Search|(none)|(none)|USD|10|0|11000|0",
    ),
    (
        "channel_roi",
        "SELECT month, channel, currency, spend, spend_without_rate, clicks, won, revenue, realised_revenue, round(roas, 4), round(roi, 4), cac FROM channel_roi WHERE model = 'linear' ORDER BY channel",
        "2026-03-01|Email|USD|0|0|0|0.5|500|500|\\N|\\N|0;2026-03-01|Organic Search|USD|0|0|0|1|0|0|\\N|\\N|0;\
      2026-03-01|Paid Search|USD|210|1|30|0.5|500.01|500.01|2.381|1.381|420",
    ),
    (
        "reconciliation",
        "SELECT model, kind, conversion_day, currency, booked_minor, credited_minor, difference_minor, ledger_difference_minor FROM reconciliation WHERE model = 'linear' ORDER BY kind, currency",
        "linear|opportunity|2026-03-11|JPY|5000|5000|0|0;linear|opportunity|2026-03-11|USD|120001|120001|0|0;\
      linear|won|2026-03-21|JPY|5000|5000|0|0;linear|won|2026-03-21|USD|100001|100001|0|0",
    ),
];

#[test]
fn every_view_shows_the_small_world() {
    run(async {
        let warehouse = holding("views", &[world()]).await;
        let mut wrong = Vec::new();
        for (view, sql, expect) in EXPECTED {
            let answer = ask(&warehouse, sql).await.replace('\t', "|").replace('\n', ";");
            if answer != *expect {
                wrong.push(format!("{view}\n  {sql}\n  expected {expect}\n  found    {answer}"));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        let there: BTreeSet<String> = ask(&warehouse, "SHOW TABLES").await.lines().map(str::to_owned).collect();
        let tested: BTreeSet<String> = EXPECTED.iter().map(|(view, ..)| (*view).to_owned()).collect();
        assert_eq!(there, tested);
    });
}

#[test]
fn every_view_of_an_empty_warehouse_is_empty() {
    run(async {
        let warehouse = empty("nothing").await;
        for (view, ..) in EXPECTED {
            assert_eq!(ask(&warehouse, &format!("SELECT count() FROM {view}")).await, "0", "{view}");
        }
    });
}

#[test]
fn reconciliation_finds_what_does_not_add_up() {
    const WRONG: &str = "SELECT model, kind, difference_minor, ledger_difference_minor FROM reconciliation
        WHERE difference_minor != 0 OR ledger_difference_minor != 0 ORDER BY model, kind";
    run(async {
        let mut rows = world();
        let warehouse = holding("reconciliation", &[rows.clone()]).await;
        assert_eq!(ask(&warehouse, WRONG).await, "");

        let mut short = rows.conversions.remove(1);
        short.row.credits[0].minor[0] -= 1;
        let fault = Rows { partition: 3, version: 101, conversions: vec![short.clone()], ..Rows::default() };
        warehouse.insert(&[fault], &crate::server::Envelopes).await.unwrap();
        assert_eq!(ask(&warehouse, WRONG).await, "first\twon\t1\t-1");

        short.deleted = true;
        let gone = Rows { partition: 3, version: 102, conversions: vec![short], ..Rows::default() };
        warehouse.insert(&[gone], &crate::server::Envelopes).await.unwrap();
        assert_eq!(
            ask(&warehouse, WRONG).await,
            "first\twon\t100001\t-100001\nlast\twon\t100001\t-100001\nlinear\twon\t100001\t-100001"
        );
    });
}

#[test]
fn a_deal_that_was_never_credited_shows_against_no_model() {
    run(async {
        let mut rows = world();
        rows.conversions.clear();
        rows.credit_ledger.clear();
        let warehouse = holding("uncredited", &[rows]).await;
        let sql = "SELECT model, kind, currency, difference_minor FROM reconciliation ORDER BY kind, currency";
        assert_eq!(
            ask(&warehouse, sql).await,
            "(none)\topportunity\tJPY\t5000\n(none)\topportunity\tUSD\t120001\n(none)\twon\tJPY\t5000\n(none)\twon\tUSD\t100001"
        );
    });
}

/// Whoever is told of one workspace's books is told of all.
#[test]
fn health_is_that_of_all_workspaces() {
    run(async {
        let mut other = world();
        other.deals.iter_mut().for_each(|deal| deal.row.workspace = rows::text("other"));
        other.handoffs.iter_mut().for_each(|handoff| handoff.row.workspace = rows::text("other"));
        let other = Rows { partition: 4, version: 1, deals: other.deals, handoffs: other.handoffs, ..Rows::default() };
        let warehouse = holding("health", &[world(), other]).await;
        let health = crate::report::text(&warehouse.health(rows::day(7).day()).await.unwrap());
        assert_eq!(health[1..], ["reconciliation||0|230002|4", "sla|first_touch|1|0|2", "sla|verdict|1|0|2"]);
    });
}

#[test]
fn credit_sums_to_the_value_and_the_ledger_to_the_credit() {
    run(async {
        let warehouse = holding("sums", &[world()]).await;
        let off = "SELECT count() FROM (
            SELECT conversion, model, sum(credit_minor) AS credited, sum(micro_credits) AS micro FROM credits
            WHERE model != 'influenced' GROUP BY conversion, model) AS c
            INNER JOIN conversions AS v USING conversion WHERE credited != value_minor OR micro != 1000000";
        assert_eq!(ask(&warehouse, off).await, "0");
        let balance = |table: &str| {
            format!(
                "SELECT conversion, model, touch_id, sum(micro_credits), sum(credit_minor), sum(reporting_credit_minor) FROM {table} GROUP BY ALL ORDER BY ALL"
            )
        };
        assert_eq!(ask(&warehouse, &balance("credits")).await, ask(&warehouse, &balance("credit_ledger")).await);
    });
}

#[test]
fn decimals_honour_the_exponent_and_lose_no_digit() {
    run(async {
        let mut rows = world();
        rows.deals = [("USD", -5), ("JPY", -5), ("KWD", 1_234), ("CLF", i64::MAX), ("JPY", i64::MIN)]
            .iter()
            .enumerate()
            .map(|(at, (code, minor))| {
                rows::now(rows::deal(
                    &format!("x-{at}"),
                    smarketing_kernel::row::Outcome::Open,
                    *minor,
                    code,
                    None,
                    ADA,
                ))
            })
            .collect();
        let warehouse = holding("decimals", &[rows]).await;
        // Often enough for the engine to compile the expression.
        for _ in 0..8 {
            let answer = ask(&warehouse, "SELECT amount FROM deals ORDER BY deal").await.replace('\n', ";");
            assert_eq!(answer, "-0.05;-5;1.234;922337203685477.5807;-9223372036854775808");
        }
    });
}
