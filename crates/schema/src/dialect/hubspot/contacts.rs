//! Contacts, their merges, their stages and the forms they sent.

use super::{People, index};
use crate::Rejected;
use crate::dialect::sink::{Fact, Folder, Sink};
use crate::dialect::table::{Row, Table};
use crate::dialect::{Error, bare};
use crate::international::web_address;
use smarketing_kernel::event::{Address, Body, FormSubmitted, LeadMerge, LeadUpdated, Stage};
use smarketing_kernel::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// Columns of a contact that name nobody, and what they are called here.
const ATTRIBUTES: [(&str, &str); 7] = [
    ("property_jobtitle", "title"),
    ("property_company", "company"),
    ("property_industry", "industry"),
    ("property_country", "country"),
    ("property_numemployees", "company_size"),
    ("property_annualrevenue", "annual_revenue"),
    ("property_hs_analytics_source", "origin_source"),
];

/// Merges some table told with their time: (from, into).
type Told<'t> = BTreeSet<(&'t str, &'t str)>;

pub(super) fn read(
    folder: &mut Folder,
    sink: &mut Sink<'_>,
    contacts: &Table,
    people: &People<'_>,
) -> Result<(), Error> {
    let audit = folder.optional("contact_merge_audit", &["canonical_vid", "vid_to_merge", "timestamp"])?;
    let told = audit
        .iter()
        .flat_map(Table::rows)
        .filter_map(|row| Some((row.get("vid_to_merge")?, row.get("canonical_vid")?)));
    let told: Told<'_> = told.collect();
    sink.turn_all(contacts, |row| contact(row, people, &told));
    sink.close(contacts, "a contact deleted in HubSpot");
    if let Some(audit) = &audit {
        sink.turn_all(audit, |row| {
            let (from, into) = (row.need("vid_to_merge")?, row.need("canonical_vid")?);
            Ok(merge(from, into, row.need_time(&["timestamp"])?, people))
        });
        sink.close(audit, "merges a contact with itself");
    }
    histories(folder, sink, people)?;
    forms(folder, sink, people)
}

/// What a contact's row tells: that it was created, what it is, and who was merged into it.
fn contact(row: Row<'_>, people: &People<'_>, told: &Told<'_>) -> Result<Vec<Fact>, Rejected> {
    let id = row.need("id")?;
    let at = row.need_time(&["property_createdate", "property_created_at"])?;
    let mut facts = Vec::new();
    if !row.flag("_fivetran_deleted") {
        facts.extend(updates(row, id, at, people)?);
    }
    for from in row.get("property_hs_merged_object_ids").unwrap_or_default().split(';').map(str::trim) {
        if from.is_empty() || told.contains(&(from, id)) {
            continue;
        }
        // The export does not say when: not before both existed.
        let other = people.row(from).map(|row| row.time("property_createdate")).transpose().ok().flatten().flatten();
        facts.extend(merge(from, id, other.map_or(at, |other| at.max(other)), people));
    }
    Ok(facts)
}

/// The contact's creation, and its present state as of the row's last synchronisation, where that is told: a later
/// export then tells of changes, while the same export twice gives the same ids.
fn updates(row: Row<'_>, id: &str, created: Timestamp, people: &People<'_>) -> Result<Vec<Fact>, Rejected> {
    let present = LeadUpdated {
        account_id: row.text("property_associatedcompanyid"),
        persona: row.text("property_hs_persona"),
        owner: row.text("property_hubspot_owner_id"),
        attributes: ATTRIBUTES.iter().filter_map(|(column, name)| Some(((*name).into(), row.text(column)?))).collect(),
        ..bare::lead_updated(people.contact(id))
    };
    let synced = row.time("_fivetran_synced")?.filter(|synced| *synced > created);
    let mut facts = Vec::new();
    if let Some(synced) = synced {
        let ids = ["hubspot", "contact", id, "synced", &synced.0.to_string()];
        facts.push(Fact::new(&ids, synced, Body::LeadUpdated(present.clone())));
    }
    facts.insert(0, Fact::new(&["hubspot", "contact", id, "created"], created, Body::LeadUpdated(present)));
    Ok(facts)
}

/// A merge; a contact with itself is none.
fn merge(from: &str, into: &str, at: Timestamp, people: &People<'_>) -> Vec<Fact> {
    if from == into {
        return Vec::new();
    }
    let (from_lead, into_lead): (Address, Address) = (people.contact(from), people.contact(into));
    let body = Body::LeadMerged(LeadMerge { from: from_lead, into: into_lead });
    vec![Fact::new(&["hubspot", "merge", from, into], at, body)]
}

/// Life-cycle stages from the property history. HubSpot's `customer` and `opportunity` come from deals here.
fn histories(folder: &mut Folder, sink: &mut Sink<'_>, people: &People<'_>) -> Result<(), Error> {
    let columns = ["contact_id", "timestamp", "name", "value"];
    let Some(table) = folder.optional("contact_property_history", &columns)? else { return Ok(()) };
    sink.turn_all(&table, |row| {
        if row.get("name") != Some("lifecyclestage") {
            row.ignored("a property other than lifecyclestage");
            return Ok(Vec::new());
        }
        let stage = match row.get("value") {
            Some("lead" | "subscriber") => Stage::Lead,
            Some("marketingqualifiedlead") => Stage::Mql,
            Some("salesqualifiedlead") => Stage::Sql,
            _ => return Ok(Vec::new()),
        };
        let (id, at) = (row.need("contact_id")?, row.need_time(&["timestamp"])?);
        let body = Body::LeadUpdated(LeadUpdated { stage: Some(stage), ..bare::lead_updated(people.contact(id)) });
        Ok(vec![Fact::new(&["hubspot", "contact", id, stage.word(), &at.0.to_string()], at, body)])
    });
    sink.close(&table, "a life-cycle stage that deals tell, or none of HubSpot's own");
    Ok(())
}

fn forms(folder: &mut Folder, sink: &mut Sink<'_>, people: &People<'_>) -> Result<(), Error> {
    let forms = folder.optional("form", &["guid", "name"])?;
    let submissions = folder.optional("contact_form_submission", &["timestamp", "form_id", "contact_id"])?;
    let named = index(forms.as_ref(), "guid");
    if let Some(table) = &submissions {
        sink.turn_all(table, |row| submission(row, &named, people));
        sink.close(table, "no submission");
    }
    if let Some(table) = &forms {
        sink.close(table, "a form nobody sent");
    }
    Ok(())
}

fn submission(row: Row<'_>, forms: &BTreeMap<String, Row<'_>>, people: &People<'_>) -> Result<Vec<Fact>, Rejected> {
    let (contact, form, at) = (row.need("contact_id")?, row.need("form_id")?, row.need_time(&["timestamp"])?);
    let listed = forms.get(&super::fingerprint(form));
    if let Some(listed) = listed {
        listed.joined();
    }
    let body = FormSubmitted {
        lead: people.contact(contact),
        visitor_id: None,
        form_id: form.into(),
        form_name: listed.and_then(|listed| listed.text("name")).or_else(|| row.text("title")),
        url: row.get("page_url").and_then(web_address),
        referrer: None,
        fields: BTreeMap::new(),
    };
    let parts = ["hubspot", "form", contact, form, &at.0.to_string(), row.get("conversion_id").unwrap_or_default()];
    Ok(vec![Fact::new(&parts, at, Body::FormSubmitted(body))])
}
