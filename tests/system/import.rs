//! Files in, counts out: nothing is lost, nothing stops at a bad record, nothing counts twice.

use crate::home::Home;
use serde_json::json;
use std::io::Write as _;

fn view(id: &str, at: &str, url: &str) -> String {
    format!(r#"{{"event":"page_viewed","event_id":"{id}","occurred_at":"{at}","visitor_id":"v-1","url":"{url}"}}"#)
}

#[test]
fn bad_records_are_rejected_with_a_reason_and_the_import_goes_on() {
    let home = Home::new();
    let good = view("e-1", "2026-03-01T09:30:00Z", "https://acme.test/blog/a?utm_source=google&utm_medium=cpc");
    let bad = [
        "{not json".to_owned(),
        "[".repeat(100_000),
        r#"{"event":"page_seen","event_id":"x","occurred_at":1}"#.to_owned(),
        view("e-2", "1989-12-31T23:59:59Z", "https://acme.test/"),
        view("e-3", "2099-01-01T00:00:00Z", "https://acme.test/"),
        view("e-4", "2026-03-01T09:30:00Z", "ftp://acme.test/"),
        r#"{"event":"form_submitted","event_id":"e-5","occurred_at":"2026-03-01T09:30:00Z","email":"nobody","form_id":"f"}"#
            .to_owned(),
        r#"{"event":"deal_changed","event_id":"e-6","occurred_at":"2026-03-01T09:30:00Z","deal_id":"d","kind":"won","amount_minor":99999999999999999999,"currency":"USD"}"#
            .to_owned(),
        r#"{"event":"deal_changed","event_id":"e-7","occurred_at":"2026-03-01T09:30:00Z","deal_id":"d","kind":"won","amount_minor":1,"currency":"ZZZ"}"#
            .to_owned(),
    ];
    let mut lines = format!("{good}\n{}\n{good}\n", bad.join("\n")).into_bytes();
    lines.extend(b"{\"event\":\"\xff\xfe\"}\n");
    let file = home.file("events.jsonl", &lines);
    let ran = home.done(&["import", "events", file.to_str().unwrap(), "--format", "json"]);
    let counts = json!({ "records": 12, "applied": 1, "duplicates": 1, "rejected": 10 });
    ran.row(&counts);
    let listed = home.done(&["rejects", "list", "--format", "json"]).rows();
    let reasons: u64 = listed.iter().map(|row| row["records"].as_u64().unwrap()).sum();
    assert_eq!(reasons, 10, "{listed:?}");
    let first = &listed[0];
    let (stream, position) = (first["stream"].as_str().unwrap(), first["first_position"].to_string());
    let shown = home.done(&["rejects", "show", stream, &position, "--format", "json"]).rows();
    assert_eq!(shown.len(), 1);
    assert_eq!(home.run(&["rejects", "show", stream, "999"]).code, 1);
    assert_eq!(home.run(&["check"]).code, 3, "rejects are something found");
    // Importing the same file again changes nothing.
    home.done(&["import", "events", file.to_str().unwrap(), "--format", "json"])
        .row(&json!({ "records": 12, "applied": 0, "duplicates": 2, "rejected": 10 }));
    assert_eq!(home.query("SELECT count() AS views FROM web_events"), [json!({ "views": 1 })]);
}

/// A server that is configured is asked, however new the data directory is; one that is not there is something found.
#[test]
fn check_asks_the_server_that_is_configured() {
    let home = Home::new();
    let up = home.up();
    let server = up.url("clickhouse");
    let new = Home::new().with(&[("CLICKHOUSE__URL", &server)]);
    let new = new.within(vec![("SMARKETING_LIBCHDB".into(), "/nowhere".into())]);
    let checked = new.run(&["check"]);
    assert_eq!(checked.code, 0, "{}", checked.errors);
    assert_eq!(up.stop(), Some(0));
    let checked = new.run(&["check"]);
    assert!(checked.code == 3 && checked.errors.contains(&server), "{}", checked.errors);
}

#[test]
fn compressed_and_truncated_files_give_what_they_hold() {
    let home = Home::new();
    let lines: String = (0..5_000)
        .map(|n| {
            view(&format!("e-{n}"), &format!("2026-03-01T09:{:02}:{:02}Z", n / 60 % 60, n % 60), "https://acme.test/p")
                + "\n"
        })
        .collect();
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packer.write_all(lines.as_bytes()).unwrap();
    let packed = packer.finish().unwrap();
    let cut = home.file("cut.jsonl.gz", &packed[..packed.len() / 2]);
    let ran = home.done(&["import", "events", cut.to_str().unwrap(), "--format", "json"]);
    let counted = ran.rows().into_iter().find(|row| row["records"].is_u64()).unwrap();
    let number = |name: &str| counted[name].as_u64().unwrap();
    assert!(number("applied") > 100 && number("rejected") == 1, "{counted}");
    assert_eq!(number("records"), number("applied") + number("rejected"));
    let whole = home.file("whole.jsonl.gz", &packed);
    home.done(&["import", "events", whole.to_str().unwrap(), "--format", "json"]).row(
        &json!({ "records": 5_000, "applied": 5_000 - number("applied"), "duplicates": number("applied"), "rejected": 0 }),
    );
    let piped = home.pipe(&["import", "events", "-", "--format", "json"], lines.as_bytes());
    piped.row(&json!({ "records": 5_000, "duplicates": 5_000 }));
}

#[test]
fn wrong_usage_and_missing_things_say_what_to_do() {
    let home = Home::new();
    assert_eq!(home.run(&["report", "everything"]).code, 2);
    assert_eq!(home.run(&["import", "events"]).code, 2);
    let ran = home.run(&["report", "channels"]);
    assert_eq!(ran.code, 1);
    assert!(ran.errors.contains("there is no data yet"), "{}", ran.errors);
    let ran = home.run(&["import", "events", "nowhere.jsonl"]);
    assert!(ran.code == 1 && ran.errors.contains("could not open \"nowhere.jsonl\""), "{}", ran.errors);
    for dialect in ["events", "spend"] {
        let ran = home.run(&["import", dialect, "."]);
        assert!(ran.code == 2 && ran.errors.contains("\".\" is a directory"), "{}", ran.errors);
    }
    let ran = home.run(&["import", "olist", "."]);
    assert!(ran.code == 1 && ran.errors.contains("has no table"), "{}", ran.errors);
    let ran = home.run(&["check", "--offline", "--format", "table"]);
    assert_eq!(ran.code, 0, "{}", ran.errors);
    assert!(ran.output.lines().all(|line| line.chars().count() <= 100), "{}", ran.output);
    let config = home.file("bad.toml", "[collector]\nlisten = 7\n[definitions]\nscop = \"account\"\n");
    let ran = home.run(&["check", "--config", config.to_str().unwrap()]);
    assert!(ran.code == 1 && ran.errors.contains("definitions.scop: no such key"), "{}", ran.errors);
}

#[test]
fn the_marketplace_data_set_keeps_every_lead_and_every_cent() {
    let home = Home::new();
    home.file("olist/olist_marketing_qualified_leads_dataset.csv", "mql_id,first_contact_date,landing_page_id,origin\n\
        m1,2018-02-01,lp1,paid_search\nm2,2018-02-02,lp1,organic_search\nm3,2018-02-03,lp2,\nm4,2018-03-10,lp2,social\n");
    home.file("olist/olist_closed_deals_dataset.csv", "mql_id,seller_id,sdr_id,sr_id,won_date,business_segment,lead_type,\
        lead_behaviour_profile,has_company,has_gtin,average_stock,business_type,declared_product_catalog_size,declared_monthly_revenue\n\
        m1,s1,sdr1,sr1,2018-02-20 10:00:00,pet,online_big,cat,,,,reseller,,0.0\n\
        m2,s2,sdr1,sr2,2018-02-21 10:00:00,toys,online_big,cat,,,,reseller,,0.0\n\
        m4,s3,sdr2,sr2,2018-03-01 10:00:00,toys,online_big,cat,,,,reseller,,0.0\n");
    home.file(
        "olist/olist_sellers_dataset.csv",
        "\"seller_id\",\"seller_zip_code_prefix\",\"seller_city\",\"seller_state\"\ns1,\"1\",x,SP\n",
    );
    home.file("olist/seller_metrics.csv", "\u{feff}seller_id;seller_name;gmv\ns1;A;2748,06\ns3;B;10,00\n");
    home.done(&["import", "olist", "olist", "--format", "json"]).row(&json!({ "rejected": 0, "records": 14 }));
    let by_source = home.done(&["report", "channels", "--by", "source", "--format", "json"]);
    by_source.row(&json!({ "name": "paid_search", "leads": 1, "won_deals": 1, "revenue": "2748.06", "credited_revenue": "2748.06" }));
    by_source.row(&json!({ "name": "organic_search", "leads": 1, "won_deals": 1, "won_deals_with_revenue": 0 }));
    // Won before its first contact: acquired by social, but no touch can have earned it.
    by_source.row(&json!({ "name": "social", "leads": 1, "won_deals": 1, "revenue": "10", "credited_deals": "0" }));
    let by_channel = home.done(&["report", "channels", "--by", "channel", "--format", "json"]);
    by_channel.row(&json!({ "name": "Paid Search", "leads": 1 }));
    by_channel.row(&json!({ "name": "(unattributed)", "credited_revenue": "10" }));
    assert!(
        home.done(&["report", "reconciliation", "--format", "json"]).rows().iter().all(|row| row["days_wrong"] == 0)
    );
}
