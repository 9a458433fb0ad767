//! Meetings, calls and mails of sales: an activity needs a contact, which another table links.

use super::People;
use crate::Rejected;
use crate::dialect::Error;
use crate::dialect::sink::{Fact, Folder, Sink};
use crate::dialect::table::{Row, Table};
use smarketing_kernel::event::{ActivityKind, Body, SalesActivity};
use smarketing_kernel::time::Timestamp;
use std::collections::BTreeMap;

/// The tables of activities.
const KINDS: [(&str, ActivityKind); 3] = [
    ("engagement_meeting", ActivityKind::Meeting),
    ("engagement_call", ActivityKind::Call),
    ("engagement_email", ActivityKind::Email),
];

/// The tables of engagements that are none of sales with a lead.
const OTHERS: [(&str, &str); 4] = [
    ("engagement_note", "a note is no activity with a lead"),
    ("engagement_task", "a task is planned, not done"),
    ("engagement_communication", "a communication is none of call, meeting and e-mail"),
    ("owner", "owners stand by their id"),
];

/// Columns of the time an activity took place, newest naming last.
const TIMES: [&str; 4] =
    ["start_time", "property_hs_meeting_start_time", "property_hs_timestamp", "property_hs_createdate"];

pub(super) fn read(folder: &mut Folder, sink: &mut Sink<'_>, people: &People<'_>) -> Result<(), Error> {
    let engagements = folder.optional("engagement", &["id"])?;
    let links = folder.optional("engagement_contact", &["contact_id", "engagement_id"])?;
    let book = Book {
        people,
        engagements: engagements.as_ref().map(|table| table.index("id")).unwrap_or_default(),
        contacts: links.as_ref().map(linked).unwrap_or_default(),
        now: sink.options.context.now,
    };
    for (name, kind) in KINDS {
        let Some(table) = folder.optional(name, &["engagement_id"])? else { continue };
        table.index("engagement_id");
        sink.turn_all(&table, |row| book.activity(row, kind));
        sink.close(&table, "an activity with nobody");
    }
    for (name, reason) in OTHERS {
        if let Some(table) = folder.optional(name, &[])? {
            sink.close(&table, reason);
        }
    }
    for (table, rest) in
        [(&links, "its activity is not in the export"), (&engagements, "no activity in the export details it")]
    {
        if let Some(table) = table {
            sink.close(table, rest);
        }
    }
    Ok(())
}

fn linked(links: &Table) -> BTreeMap<&str, Vec<Row<'_>>> {
    let mut found: BTreeMap<&str, Vec<Row<'_>>> = BTreeMap::new();
    for row in links.rows().filter(|row| row.check().is_ok()) {
        if let Some(engagement) = row.get("engagement_id") {
            found.entry(engagement).or_default().push(row);
        }
    }
    found
}

/// All that is known besides an activity's own row.
struct Book<'t> {
    people: &'t People<'t>,
    engagements: BTreeMap<&'t str, Row<'t>>,
    contacts: BTreeMap<&'t str, Vec<Row<'t>>>,
    now: Timestamp,
}

impl Book<'_> {
    /// One activity a contact that took part.
    fn activity(&self, row: Row<'_>, kind: ActivityKind) -> Result<Vec<Fact>, Rejected> {
        let id = row.need("engagement_id")?;
        let engagement = self.engagements.get(id).copied();
        if let Some(engagement) = engagement {
            engagement.joined();
        }
        if row.flag("_fivetran_deleted") {
            row.ignored("an activity deleted in HubSpot");
            return Ok(Vec::new());
        }
        let Some(links) = self.contacts.get(id) else { return Ok(Vec::new()) };
        links.iter().for_each(|link| link.joined());
        let at = row.need_time(&TIMES)?;
        if at > self.now {
            row.ignored("an activity that lies ahead");
            return Ok(Vec::new());
        }
        let owner = ["property_hubspot_owner_id", "owner_id"];
        let rep = row.any(&owner).or_else(|| engagement?.any(&owner));
        let outcome = row.any(&["meeting_outcome", "property_hs_meeting_outcome", "property_hs_call_disposition"]);
        let contacts = links.iter().filter_map(|link| link.get("contact_id"));
        let fact = |contact: &str| {
            let (rep, outcome) = (rep.map(Into::into), outcome.map(Into::into));
            let lead = self.people.contact(contact);
            let body = Body::SalesActivity(SalesActivity { lead, kind, content_url: None, rep, outcome });
            Fact::new(&["hubspot", "engagement", id, contact], at, body)
        };
        Ok(contacts.map(fact).collect())
    }
}
