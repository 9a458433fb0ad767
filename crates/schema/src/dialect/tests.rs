//! Each dialect on tables of its own making, one trap a row.

use super::*;
use crate::Decoded;
use smarketing_kernel::event::{Address, Body, Contact};
use smarketing_kernel::time::Timestamp;
use std::fs;

mod small;
mod tables;

/// A folder of tables as an import.
fn import(dialect: Dialect, tables: &[(&str, &str)]) -> Result<Import, Error> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, text) in tables {
        fs::write(folder.path().join(name), text).expect("a table");
    }
    let now = Timestamp(1_795_305_600_000); // 2026-11-22
    let options = Options { context: Context::at(now), currency: Currency::USD };
    let is_file = matches!(dialect, Dialect::Spend | Dialect::Rates);
    let path = if is_file { folder.path().join(tables[0].0) } else { folder.path().to_owned() };
    dialect.read(&path, &options)
}

/// Checks an import's records, one line each, and where its rows went: read, turned, joined, ignored, rejected.
fn check(dialect: Dialect, tables: &[(&str, &str)], records: &[&str], counts: &[(&str, [u64; 5])]) {
    let found = import(dialect, tables).expect("an import");
    assert!(found.balanced(), "{:?}", found.counts);
    let lines: Vec<String> = found.records.iter().map(line).collect();
    assert_eq!(lines, records);
    let of = |count: &Count| [count.read, count.turned, count.joined, count.ignored.values().sum(), count.rejected];
    let went: Vec<(&str, [u64; 5])> = found.counts.iter().map(|count| (&*count.file, of(count))).collect();
    assert_eq!(went, counts);
}

fn line(imported: &Imported) -> String {
    let record = &imported.record;
    match &record.outcome {
        Ok(Decoded { event, .. }) => {
            format!("{} {} {}", event.event_id, &event.occurred_at.to_string()[..16], body(&event.body))
        }
        Err(rejected) => format!("{rejected} <{}>", String::from_utf8_lossy(&record.bytes)),
    }
}

fn who(lead: &Address) -> String {
    [&lead.contact_id, &lead.email].into_iter().flatten().map(|name| &**name).collect::<Vec<_>>().join("=")
}

fn body(body: &Body<Address>) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut add = |name: &str, value: Option<&str>| words.extend(value.map(|value| format!("{name}={value}")));
    match body {
        Body::FormSubmitted(e) => {
            add("lead", Some(&who(&e.lead)));
            add("form", Some(&e.form_id));
            add("name", e.form_name.as_deref());
            add("url", e.url.as_deref());
        }
        Body::LeadUpdated(e) => {
            add("lead", Some(&who(&e.lead)));
            add("account", e.account_id.as_deref());
            add("persona", e.persona.as_deref());
            add("owner", e.owner.as_deref());
            add("stage", e.stage.map(|stage| stage.word()));
            e.attributes.iter().for_each(|(name, value)| add(name, Some(value)));
        }
        Body::DealChanged(e) => {
            add(e.kind.word(), Some(&e.deal_id));
            add("account", e.account_id.as_deref());
            add("domain", e.account_domain.as_deref());
            let one = |c: &Contact<Address>| who(&c.lead) + c.role.as_deref().unwrap_or_default();
            let contacts = e.contacts.as_ref().map(|all| all.iter().map(one).collect::<Vec<_>>().join("+"));
            add("contacts", contacts.as_deref());
            let amount = e.amount_minor.map(|minor| format!("{minor}{}", e.currency.expect("a currency")));
            add("amount", amount.as_deref());
            add("stage", e.stage.as_deref());
            add("pipeline", e.pipeline.as_deref());
            add("owner", e.owner.as_deref());
            add("reason", e.reason.as_deref());
            add("into", e.merged_into.as_deref());
        }
        Body::EmailEngaged(e) => {
            add(e.kind.word(), Some(&who(&e.lead)));
            add("campaign", Some(&e.campaign));
            add("content", e.content_id.as_deref());
            add("link", e.link_url.as_deref());
        }
        Body::SalesActivity(e) => {
            add(e.kind.word(), Some(&who(&e.lead)));
            add("rep", e.rep.as_deref());
            add("outcome", e.outcome.as_deref());
        }
        Body::LeadMerged(e) => add(&who(&e.from), Some(&who(&e.into))),
        Body::AdSpent(e) => {
            add("channel", e.channel.as_deref());
            add("campaign", e.campaign.as_deref());
            add("amount", Some(&format!("{}{}", e.amount_minor, e.currency)));
            add("clicks", e.clicks.map(|clicks| clicks.to_string()).as_deref());
        }
        Body::ExchangeRateSet(e) => add(e.currency.code(), Some(&e.rate.to_string())),
        other => add(other.name(), Some("")),
    }
    words.join(" ")
}

const LEADS: &str = "olist_marketing_qualified_leads_dataset.csv";
const DEALS: &str = "olist_closed_deals_dataset.csv";

#[test]
fn olist_leads_contact_qualify_and_win() {
    let leads = "mql_id,first_contact_date,landing_page_id,origin\r\n\
        a,2018-02-01,page,paid_search\r\n\
        b,2018-02-02,page,\r\n\
        c,2018-02-03,,unknown\r\n\
        a,2018-02-04,page,social\r\n\
        d,02/05/2018,page,social\r\n";
    let deals = "mql_id,seller_id,sdr_id,sr_id,won_date,business_segment,lead_type,has_company\n\
        a,rich,sdr,sr,2018-03-01 10:00:00,pet,online_big,\n\
        b,absent,sdr,sr,2018-01-01 9:00:00,,,True\n\
        c,broken,sdr,sr,2018-03-02 10:00:00,pet,,\n";
    let sellers = "\u{feff}seller_id;name;gmv\nrich;Ada;1748,5\nbroken;Bob;1.748,50\nother;Eve;3,00\n";
    let tables = [(LEADS, leads), (DEALS, deals), ("seller_metrics.csv", sellers), ("more.csv", "x\n1\n2\n")];
    check(
        Dialect::Olist,
        &tables,
        &[
            "invalid_amount: file \"seller_metrics.csv\" line 3 column \"gmv\" holds \"1.748,50\", which is no exact amount \
             <broken;Bob;1.748,50>",
            "olist:mql:a:contact 2018-02-01T00:00 lead=a form=page \
             url=https://olist.example/lp/page?utm_source=paid_search&utm_medium=cpc",
            "olist:mql:a:stage 2018-02-01T00:00 lead=a stage=mql",
            "olist:mql:b:contact 2018-02-02T00:00 lead=b form=page url=https://olist.example/lp/page",
            "olist:mql:b:stage 2018-02-02T00:00 lead=b stage=mql",
            "olist:mql:c:contact 2018-02-03T00:00 lead=c form=landing-page url=https://olist.example/lp/?utm_source=unknown",
            "olist:mql:c:stage 2018-02-03T00:00 lead=c stage=mql",
            "invalid_time: file \"olist_marketing_qualified_leads_dataset.csv\" line 6 column \"first_contact_date\" \
             holds \"02/05/2018\", which is no day such as 2026-03-01 <d,02/05/2018,page,social>",
            "olist:deal:a:lead 2018-03-01T10:00 lead=a persona=pet owner=sdr lead_type=online_big",
            "olist:deal:a:won 2018-03-01T10:00 won=olist-a contacts=aprimary amount=174850BRL owner=sr",
            "olist:deal:b:lead 2018-01-01T09:00 lead=b owner=sdr has_company=True",
            "olist:deal:b:won 2018-01-01T09:00 won=olist-b contacts=bprimary amount=0BRL owner=sr",
            "invalid_amount: file \"olist_closed_deals_dataset.csv\" line 4 column \"seller_id\" names a seller whose gmv \
             was rejected <c,broken,sdr,sr,2018-03-02 10:00:00,pet,,>",
        ],
        &[
            (LEADS, [5, 3, 0, 1, 1]),
            (DEALS, [3, 2, 0, 0, 1]),
            ("seller_metrics.csv", [3, 0, 1, 1, 1]),
            ("more.csv", [2, 0, 0, 2, 0]),
        ],
    );
}

#[test]
fn hubspot_contacts_merge_qualify_and_send_forms() {
    let contacts = "_fivetran_deleted,id,property_email,property_createdate,property_jobtitle,property_hs_merged_object_ids,\
        _fivetran_synced\n\
        FALSE,1,Ada@Acme.test ,2021-04-01 17:32:47,CEO,2;3,\n\
        FALSE,2,fcb67ef339b691956cc85fa12be6490c,2021-05-01 00:00:00,d41d8cd98f00b204e9800998ecf8427e,,2021-06-01 1:00:00\n\
        TRUE,3,,2021-01-01 00:00:00,CTO,,\n\
        FALSE,4,,,CTO,,\n";
    let audit = "canonical_vid,vid_to_merge,timestamp\n1,3,2021-04-02 0:00:00\n5,5,2021-04-02 0:00:00\n";
    let history = "contact_id,timestamp,name,value\n\
        1,2021-04-03 00:00:00,lifecyclestage,marketingqualifiedlead\n\
        1,2021-04-04 00:00:00,lifecyclestage,customer\n\
        1,2021-04-04 00:00:00,jobtitle,CEO\n";
    let forms = "guid,name\n012,Request demo\n345,Unused\n";
    let sent = "timestamp,form_id,contact_id,conversion_id,page_url,title\n\
        2023-08-12 14:05:00,012,1,104,https://acme.test/demo,Demo\n\
        2023-08-12 14:06:00,999,77,105,not a page,Other\n";
    check(
        Dialect::Hubspot,
        &[
            ("contact_data.csv", contacts),
            ("contact_merge_audit.csv", audit),
            ("contact_property_history_data.csv", history),
            ("form_data.csv", forms),
            ("contact_form_submission_data.csv", sent),
            ("deal_data.csv", "deal_id,property_createdate\n"),
            ("deal_pipeline_stage_data.csv", "stage_id,closed_won\n"),
        ],
        &[
            "hubspot:contact:1:created 2021-04-01T17:32 lead=1=ada@acme.test title=CEO",
            "hubspot:merge:2:1 2021-05-01T00:00 2=1=ada@acme.test",
            "hubspot:contact:2:created 2021-05-01T00:00 lead=2",
            "hubspot:contact:2:synced:1622509200000 2021-06-01T01:00 lead=2",
            "missing_field: file \"contact_data.csv\" line 5 column \"property_createdate\" is blank <FALSE,4,,,CTO,,>",
            "hubspot:merge:3:1 2021-04-02T00:00 3=1=ada@acme.test",
            "hubspot:contact:1:mql:1617408000000 2021-04-03T00:00 lead=1=ada@acme.test stage=mql",
            "hubspot:form:1:012:1691849100000:104 2023-08-12T14:05 lead=1=ada@acme.test form=012 name=Request demo \
             url=https://acme.test/demo",
            "hubspot:form:77:999:1691849160000:105 2023-08-12T14:06 lead=77 form=999 name=Other",
        ],
        &[
            ("contact_data.csv", [4, 2, 0, 1, 1]),
            ("contact_merge_audit.csv", [2, 1, 0, 1, 0]),
            ("contact_property_history_data.csv", [3, 1, 0, 2, 0]),
            ("contact_form_submission_data.csv", [2, 2, 0, 0, 0]),
            ("form_data.csv", [2, 0, 1, 1, 0]),
            ("deal_data.csv", [0, 0, 0, 0, 0]),
            ("deal_pipeline_stage_data.csv", [0, 0, 0, 0, 0]),
        ],
    );
}

#[test]
fn hubspot_deals_walk_through_their_stages() {
    let deals = "deal_id,is_deleted,deal_pipeline_id,deal_pipeline_stage_id,owner_id,property_amount,property_closedate,\
        property_createdate,property_deal_currency_code\n\
        10,false,default,,7,1000.50,,2021-01-01 00:00:00,eur\n\
        11,false,default,won,,20,2021-02-02 00:00:00,2021-02-01 00:00:00,\n\
        12,TRUE,default,open,,,,2021-03-01 00:00:00,\n\
        13,false,default,open,,12.345,,2021-03-01 00:00:00,\n";
    // The history comes out of order, and spells the hash of the won stage in hex.
    let history = "deal_id,value,date_entered\n\
        10,lost,2021-01-05 00:00:00\n\
        10,1cbec737f863e4922cee63cc2ebbfaaf,2021-01-03 6:49:18\n\
        10,open,2021-01-02 00:00:00\n\
        10,open,2021-01-04 00:00:00\n\
        99,open,2021-01-04 00:00:00\n\
        99,open,yesterday\n";
    let stages = "stage_id,label,closed_won,is_closed,pipeline_id\n\
        HL7HN/hj5JIs7mPMLrv6rw==,Won it,TRUE,TRUE,default\nwon,,TRUE,TRUE,default\nlost,Lost it,FALSE,TRUE,default\n\
        open,,FALSE,FALSE,default\nnever,,FALSE,FALSE,default\n";
    let links = "contact_id,deal_id,_fivetran_deleted\n1,10,\n1,10,\n2,10,\n3,10,TRUE\n4,55,\n";
    let companies = "company_id,deal_id,type_id\n500,10,341\n501,10,5\n";
    check(
        Dialect::Hubspot,
        &[
            ("contact.csv", "id,property_createdate\n"),
            ("deal.csv", deals),
            ("deal_stage.csv", history),
            ("deal_pipeline_stage.csv", stages),
            ("deal_pipeline.csv", "pipeline_id,label\ndefault,Sales\n"),
            ("deal_contact.csv", links),
            ("deal_company.csv", companies),
            ("company.csv", "id,property_domain\n501,Köpier.test\n502,x.test\n"),
            ("merged_deal.csv", "deal_id,merged_deal_id,_fivetran_synced\n10,12,2023-06-22 11:37:07.210000\n"),
        ],
        &[
            "hubspot:deal:10:created 2021-01-01T00:00 created=10 account=501 domain=xn--kpier-jua.test contacts=1+2 \
             amount=100050EUR pipeline=Sales owner=7",
            "hubspot:deal:11:created 2021-02-01T00:00 created=11 amount=2000USD stage=won pipeline=Sales",
            "hubspot:deal:11:won:1612224000000 2021-02-02T00:00 won=11 amount=2000USD stage=won pipeline=Sales",
            "hubspot:deal:12:created 2021-03-01T00:00 created=12 stage=open pipeline=Sales",
            "hubspot:deal:12:deleted 2021-03-01T00:00 deleted=12",
            "invalid_amount: file \"deal.csv\" line 5 column \"property_amount\" holds \"12.345\", which is no exact amount \
             <13,false,default,open,,12.345,,2021-03-01 00:00:00,>",
            "hubspot:deal:10:stage:1609545600000:open 2021-01-02T00:00 stage_changed=10 stage=open pipeline=Sales",
            "hubspot:deal:10:stage:1609656558000:1cbec737f863e4922cee63cc2ebbfaaf 2021-01-03T06:49 won=10 stage=Won it \
             pipeline=Sales",
            "hubspot:deal:10:stage:1609718400000:open 2021-01-04T00:00 reopened=10 stage=open pipeline=Sales",
            "hubspot:deal:10:stage:1609804800000:lost 2021-01-05T00:00 lost=10 stage=Lost it pipeline=Sales",
            "hubspot:deal:99:stage:1609718400000:open 2021-01-04T00:00 stage_changed=99 stage=open pipeline=Sales",
            "invalid_time: file \"deal_stage.csv\" line 7 column \"date_entered\" holds \"yesterday\", which is no time \
             <99,open,yesterday>",
            "hubspot:deal:12:merged:10 2023-06-22T11:37 merged=12 into=10",
        ],
        &[
            ("contact.csv", [0, 0, 0, 0, 0]),
            ("merged_deal.csv", [1, 1, 0, 0, 0]),
            ("deal.csv", [4, 3, 0, 0, 1]),
            ("deal_stage.csv", [6, 5, 0, 0, 1]),
            ("deal_contact.csv", [5, 0, 3, 2, 0]),
            ("deal_company.csv", [2, 0, 1, 1, 0]),
            ("company.csv", [2, 0, 1, 1, 0]),
            ("deal_pipeline.csv", [1, 0, 1, 0, 0]),
            ("deal_pipeline_stage.csv", [5, 0, 4, 1, 0]),
        ],
    );
}

#[test]
fn hubspot_mail_finds_its_recipient_and_activities_their_contacts() {
    let contacts = "id,property_email,property_createdate,_fivetran_deleted\n\
        1,1cbec737f863e4922cee63cc2ebbfaaf,2020-01-01,TRUE\n2,eve@acme.test,2020-01-01,TRUE\n";
    let events = "id,created,email_campaign_id,type,filtered_event,obsoleted_by_id,recipient\n\
        e1,2020-03-16 19:03:20.357,2,CLICK,false,,HL7HN/hj5JIs7mPMLrv6rw==\n\
        e2,2020-03-16 19:03:21,9,OPEN,,,Eve@Acme.Test\n\
        e3,2020-03-16 19:03:22,,SENT,,,AAAAAAAAAAAAAAAAAAAAAA==\n\
        e4,2020-03-16 19:03:23,2,OPEN,true,,x\n\
        e5,2020-03-16 19:03:24,2,BOUNCE,,e6,x\n\
        e6,2020-03-16 19:03:25,2,PROCESSED,,,x\n\
        e7,2020-03-16 19:03:26,2,STATUSCHANGE,,,bob@acme.test\n\
        e8,2020-03-16 19:03:27,2,STATUSCHANGE,,,bob@acme.test\n\
        e9,2020-03-16 19:03:28,2,TELEPATHY,,,bob@acme.test\n\
        e1,2020-03-16 19:03:29,2,CLICK,false,,x\n";
    let meetings = "engagement_id,start_time,meeting_outcome,_fivetran_deleted\n\
        m1,2020-05-01 10:00:00,COMPLETED,\nm2,2020-05-01 10:00:00,,\nm3,2020-05-01 10:00:00,,TRUE\nm4,2027-05-01 10:00:00,,\n";
    let calls = "engagement_id,property_hs_createdate,property_hs_timestamp\nc1,2022-03-01 19:43:05.526000,2014-08-27 20:50:44\n";
    check(
        Dialect::Hubspot,
        &[
            ("contact.csv", contacts),
            ("deal.csv", "deal_id\n"),
            ("deal_pipeline_stage.csv", "stage_id,closed_won\n"),
            ("email_event.csv", events),
            ("email_campaign.csv", "id,name,content_id\n2,Spring,c-7\n3,Unused,\n"),
            ("email_event_click.csv", "id,url\ne1,https://acme.test/x\nnone,https://acme.test/y\n"),
            ("email_event_status_change.csv", "id,portal_subscription_status\ne7,UNSUBSCRIBED\n"),
            ("engagement.csv", "id,owner_id\nc1,7\nn1,7\n"),
            ("engagement_contact.csv", "engagement_id,contact_id\nm1,1\nm1,5\nc1,5\nm4,1\nm3,1\ngone,1\n"),
            ("engagement_meeting.csv", meetings),
            ("engagement_call.csv", calls),
            ("engagement_note.csv", "engagement_id\nn1\n"),
        ],
        &[
            "hubspot:email:e1 2020-03-16T19:03 clicked=1 campaign=Spring content=c-7 link=https://acme.test/x",
            "hubspot:email:e2 2020-03-16T19:03 opened=2=eve@acme.test campaign=9",
            "hubspot:email:e3 2020-03-16T19:03 sent=recipient:AAAAAAAAAAAAAAAAAAAAAA== campaign=(none)",
            "hubspot:email:e7 2020-03-16T19:03 unsubscribed=bob@acme.test campaign=Spring content=c-7",
            "invalid_value: file \"email_event.csv\" line 10 column \"type\" holds \"TELEPATHY\", which is no type of e-mail \
             event <e9,2020-03-16 19:03:28,2,TELEPATHY,,,bob@acme.test>",
            "hubspot:engagement:m1:1 2020-05-01T10:00 meeting=1 outcome=COMPLETED",
            "hubspot:engagement:m1:5 2020-05-01T10:00 meeting=5 outcome=COMPLETED",
            "hubspot:engagement:c1:5 2014-08-27T20:50 call=5 rep=7",
        ],
        &[
            ("contact.csv", [2, 0, 0, 2, 0]),
            ("deal.csv", [0, 0, 0, 0, 0]),
            ("deal_pipeline_stage.csv", [0, 0, 0, 0, 0]),
            ("email_event.csv", [10, 4, 0, 5, 1]),
            ("email_campaign.csv", [2, 0, 1, 1, 0]),
            ("email_event_click.csv", [2, 0, 1, 1, 0]),
            ("email_event_status_change.csv", [1, 0, 1, 0, 0]),
            ("engagement_meeting.csv", [4, 1, 0, 3, 0]),
            ("engagement_call.csv", [1, 1, 0, 0, 0]),
            ("engagement_note.csv", [1, 0, 0, 1, 0]),
            ("engagement_contact.csv", [6, 0, 4, 2, 0]),
            ("engagement.csv", [2, 0, 1, 1, 0]),
        ],
    );
}
