//! Seeded damage to the tables of every importer: nothing panics, and every row that was read went somewhere.

mod support;

use smarketing_kernel::money::Currency;
use smarketing_schema::dialect::{Dialect, Options};
use std::path::Path;
use support::context;
use support::damage::Seeded;

/// Rounds of damage for each file of each importer.
const ROUNDS: u64 = 60;

type Tables = &'static [(&'static str, &'static str)];

const OLIST: Tables = &[
    (
        "olist_marketing_qualified_leads_dataset.csv",
        "mql_id,first_contact_date,landing_page_id,origin\na,2018-02-01,page,paid_search\nb,2018-02-02,page,\nc,2018-02-03,,unknown\n",
    ),
    (
        "olist_closed_deals_dataset.csv",
        "mql_id,seller_id,sdr_id,sr_id,won_date,business_segment,lead_type,has_company\n\
         a,rich,sdr,sr,2018-03-01 10:00:00,pet,online_big,\nb,absent,sdr,sr,2018-02-21 9:00:00,,,True\n",
    ),
    ("seller_metrics.csv", "seller_id;name;gmv\nrich;Ada;1748,5\nother;Eve;3,00\n"),
];

const HUBSPOT: Tables = &[
    (
        "contact.csv",
        "_fivetran_deleted,id,property_email,property_createdate,property_jobtitle,property_hs_merged_object_ids\n\
         FALSE,1,ada@acme.test,2021-04-01 17:32:47,CEO,2;3\nFALSE,2,bob@acme.test,2021-05-01 00:00:00,CTO,\n",
    ),
    ("contact_merge_audit.csv", "canonical_vid,vid_to_merge,timestamp\n1,3,2021-04-02 0:00:00\n"),
    (
        "contact_property_history.csv",
        "contact_id,timestamp,name,value\n1,2021-04-03 00:00:00,lifecyclestage,marketingqualifiedlead\n",
    ),
    ("form.csv", "guid,name\n012,Request demo\n"),
    (
        "contact_form_submission.csv",
        "timestamp,form_id,contact_id,conversion_id,page_url,title\n2023-08-12 14:05:00,012,1,104,https://acme.test/demo,Demo\n",
    ),
    (
        "deal.csv",
        "deal_id,is_deleted,deal_pipeline_id,deal_pipeline_stage_id,owner_id,property_amount,property_closedate,\
         property_createdate,property_deal_currency_code\n10,false,default,won,7,1000.50,2021-02-02,2021-01-01 00:00:00,eur\n",
    ),
    ("deal_stage.csv", "deal_id,value,date_entered\n10,open,2021-01-02 00:00:00\n10,won,2021-01-05 00:00:00\n"),
    (
        "deal_pipeline_stage.csv",
        "stage_id,label,closed_won,is_closed,pipeline_id\nwon,Won it,TRUE,TRUE,default\nopen,,FALSE,FALSE,default\n",
    ),
    ("deal_contact.csv", "contact_id,deal_id,_fivetran_deleted\n1,10,\n"),
    (
        "email_event.csv",
        "id,created,email_campaign_id,type,filtered_event,obsoleted_by_id,recipient\n\
         e1,2020-03-16 19:03:20.357,2,CLICK,false,,ada@acme.test\ne2,2020-03-16 19:03:21,9,OPEN,,,eve@acme.test\n",
    ),
    ("engagement_contact.csv", "engagement_id,contact_id\nm1,1\n"),
    (
        "engagement_meeting.csv",
        "engagement_id,start_time,meeting_outcome,_fivetran_deleted\nm1,2020-05-01 10:00:00,COMPLETED,\n",
    ),
];

const CRM: Tables = &[
    (
        "sales_pipeline.csv",
        "opportunity_id,sales_agent,product,account,deal_stage,engage_date,close_date,close_value\n\
         W,Moses,GTXPro,Cancity,Won,2016-10-20,2017-03-01,1054\nP,Moses,MG,,Prospecting,,,\n",
    ),
    ("accounts.csv", "account,sector\nCancity,retail\n"),
    ("products.csv", "product,series\nGTX Pro,GTX\n"),
];

const SPEND: Tables = &[(
    "spend.csv",
    "day;channel;campaign;amount;currency;clicks\n2026-03-01;Paid Search;brand;1234,56;eur;7\n2026-03-01;Paid Search;other;100;JPY;\n",
)];

const RATES: Tables = &[("rates.csv", "day,currency,rate\n2026-03-01,BRL,0.1834\n2026-03-02,BRL,0.19\n")];

/// Imports the tables, one of them replaced; how many events there were, or `None` where the import was refused.
fn import(dialect: Dialect, tables: Tables, replaced: usize, bytes: &[u8]) -> Option<u64> {
    let folder = tempfile::tempdir().unwrap();
    for (index, (name, text)) in tables.iter().enumerate() {
        let bytes = if index == replaced { bytes } else { text.as_bytes() };
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    let single = matches!(dialect, Dialect::Spend | Dialect::Rates);
    let path = if single { folder.path().join(tables[0].0) } else { folder.path().to_owned() };
    let import = match dialect.read(&path, &Options { context: context(), currency: Currency::USD }) {
        Ok(import) => import,
        Err(refused) => {
            let why = refused.to_string();
            assert!(names_a_file(&why, tables, folder.path()), "a refusal names the file: {why}");
            return None;
        }
    };
    assert!(import.balanced(), "{:?} of {:?}", import.counts, String::from_utf8_lossy(bytes));
    for count in &import.counts {
        let ignored: u64 = count.ignored.values().sum();
        assert_eq!(count.read, count.turned + count.joined + ignored + count.rejected, "{}", count.file);
    }
    Some(import.records.iter().filter(|imported| imported.record.outcome.is_ok()).count() as u64)
}

fn names_a_file(why: &str, tables: Tables, folder: &Path) -> bool {
    tables.iter().any(|(name, _)| why.contains(name)) || why.contains(folder.to_str().unwrap())
}

#[test]
fn damaged_tables_are_events_rejects_or_refused_and_the_counts_add_up() {
    let dialects = [
        (Dialect::Olist, OLIST),
        (Dialect::Hubspot, HUBSPOT),
        (Dialect::Crm, CRM),
        (Dialect::Spend, SPEND),
        (Dialect::Rates, RATES),
    ];
    for (dialect, tables) in dialects {
        let whole = import(dialect, tables, usize::MAX, b"").expect("an import");
        assert!(whole > 1, "{dialect:?} makes {whole} events");
        let mut outcomes = [0, 0];
        for (index, (_, text)) in tables.iter().enumerate() {
            for round in 0..ROUNDS {
                let damaged = Seeded::new(round * 100 + index as u64).damaged(text.as_bytes());
                outcomes[usize::from(import(dialect, tables, index, &damaged).is_some())] += 1;
            }
        }
        assert!(outcomes[1] > 20, "{dialect:?}: some damage is met row by row: {outcomes:?}");
    }
}
