//! Files that are not what they should be.

use super::*;
use crate::dialect::table::Table;

#[test]
fn what_is_missing_is_named() {
    let check = |dialect, tables: &[(&str, &str)], expect: &str| {
        let error = import(dialect, tables).expect_err(expect).to_string();
        assert!(error.contains(expect), "{error}");
    };
    check(
        Dialect::Olist,
        &[(LEADS, "mql_id,first_contact_date,landing_page_id,origin\n")],
        "no table \"olist_closed_deals",
    );
    check(Dialect::Crm, &[], "required: sales_pipeline; used when there: accounts, products");
    check(
        Dialect::Hubspot,
        &[("contact.csv", "name\n")],
        "file \"contact.csv\" has no column \"id\"; its columns are: name",
    );
    check(Dialect::Rates, &[("rates.csv", "")], "no column \"day\"");
    let options = Options { context: Context::at(Timestamp(0)), currency: Currency::USD };
    let error = Dialect::Crm.read(Path::new("/no/such/folder"), &options).expect_err("no folder");
    assert!(error.to_string().starts_with("cannot read \"/no/such/folder\""), "{error}");
}

#[test]
fn malformed_rows_are_rejected_and_the_import_goes_on() {
    let rates = "day,currency,rate\r\n\
        \r\n\
        2026-03-01,BRL,1\r\n\
        2026-03-02,BRL\r\n\
        \"2026-03-03,BRL,3\r\n\
        2026-03-04,BRL,4\r\n\
        2026-03-05,\"BRL\n\",5\r\n\
        2026-03-06,BRL,6";
    check(
        Dialect::Rates,
        &[("rates.csv", rates)],
        &[
            "rate:2026-03-01:BRL 2026-03-01T00:00 BRL=1",
            "row_width: file \"rates.csv\" line 4 has 2 cells, the header has 3 <2026-03-02,BRL>",
            "row_width: file \"rates.csv\" line 5 has 1 cells, the header has 3 <\"2026-03-03,BRL,3\r>",
            "rate:2026-03-04:BRL 2026-03-04T00:00 BRL=4",
            "rate:2026-03-05:BRL 2026-03-05T00:00 BRL=5",
            "rate:2026-03-06:BRL 2026-03-06T00:00 BRL=6",
        ],
        &[("rates.csv", [6, 4, 0, 0, 2])],
    );
    let long = format!("day,amount,currency,campaign\n2026-03-01,1,EUR,{}\n", "x".repeat(1_025));
    let found = import(Dialect::Spend, &[("spend.csv", &long)]).expect("an import");
    assert!(line(&found.records[0]).starts_with("field_too_long: file \"spend.csv\" line 2 column \"campaign\""));
    let open = format!("day,currency,rate\n{}", "\"x\n".repeat(1_000));
    let error = import(Dialect::Rates, &[("rates.csv", &open)]).expect_err("no CSV");
    assert!(matches!(error, Error::Quotes { .. }), "{error}");
}

#[test]
fn rows_that_are_not_utf8_name_the_column() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("spend.csv");
    fs::write(&path, b"day,amount,currency,campaign\n2026-03-01,1,EUR,\xFF\n").expect("a table");
    let table = Table::read(&path).expect("a table");
    let refused = table.rows().next().and_then(|row| row.check().err()).expect("a reject");
    assert_eq!(refused.to_string(), "invalid_utf8: file \"spend.csv\" line 2 column \"campaign\" is not UTF-8");
}

proptest::proptest! {
    #[test]
    fn no_file_panics_and_nothing_is_missing(text in "(day|currency|rate|\r\n|[,;\t\"\n]|2026-03-01|BRL|1|é|\\PC){0,60}") {
        let text = format!("day,currency,rate\n{text}");
        let found = import(Dialect::Rates, &[("rates.csv", &text)]).expect("an import");
        proptest::prop_assert!(found.balanced());
        for record in &found.records {
            let record = &record.record;
            if record.outcome.is_err() {
                let first = text.lines().nth(record.position as usize - 1).unwrap_or_default();
                proptest::prop_assert!(record.bytes.starts_with(&first.as_bytes()[..1]), "{record:?} but {first:?}");
            }
        }
    }

    #[test]
    fn the_same_files_give_the_same_events(rows in proptest::collection::vec(("[a-e]", 1..29_u8, "[a-c]?"), 0..12)) {
        let row = |(id, day, origin): &(String, u8, String)| format!("{id},2018-02-{day:02},p,{origin}\n");
        let leads = format!("mql_id,first_contact_date,landing_page_id,origin\n{}", rows.iter().map(row).collect::<String>());
        let deals = "mql_id,seller_id,sdr_id,sr_id,won_date,business_segment\n";
        let tables = [(LEADS, leads.as_str()), (DEALS, deals), ("seller_metrics.csv", "seller_id;gmv\n")];
        let lines = || import(Dialect::Olist, &tables).map(|found| found.records.iter().map(line).collect::<Vec<_>>());
        let found = lines().expect("an import");
        proptest::prop_assert_eq!(&found, &lines().expect("an import"));
        let ids: std::collections::BTreeSet<_> = found.iter().map(|line| line.split(' ').next()).collect();
        proptest::prop_assert_eq!(ids.len(), found.len());
    }
}
