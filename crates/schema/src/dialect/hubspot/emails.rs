//! E-mail events: one table says who, when and what; a table a kind says more.

use super::{People, index};
use crate::dialect::Error;
use crate::dialect::sink::{Fact, Folder, Sink};
use crate::dialect::table::Row;
use crate::international::web_address;
use crate::{Reason, Rejected};
use smarketing_kernel::event::{Body, EmailEngaged, EmailKind};
use smarketing_kernel::text::{NONE, Text};
use std::collections::BTreeMap;

/// The tables of single kinds, and the columns this dialect uses of them.
const DETAILS: [(&str, &[&str]); 11] = [
    ("email_event_click", &["id", "url"]),
    ("email_event_status_change", &["id", "portal_subscription_status"]),
    ("email_event_bounce", &["id"]),
    ("email_event_deferred", &["id"]),
    ("email_event_delivered", &["id"]),
    ("email_event_dropped", &["id"]),
    ("email_event_forward", &["id"]),
    ("email_event_open", &["id"]),
    ("email_event_print", &["id"]),
    ("email_event_sent", &["id"]),
    ("email_event_spam_report", &["id"]),
];

pub(super) fn read(folder: &mut Folder, sink: &mut Sink<'_>, people: &People<'_>) -> Result<(), Error> {
    let events = folder.optional("email_event", &["id", "created", "type", "recipient", "email_campaign_id"])?;
    let campaigns = folder.optional("email_campaign", &["id"])?;
    let mut tables = Vec::new();
    for (name, columns) in DETAILS {
        tables.extend(folder.optional(name, columns)?);
    }
    let details = tables.iter().flat_map(|table| table.index("id")).collect();
    let mail = Mail { campaigns: index(campaigns.as_ref(), "id"), details, people };
    if let Some(events) = &events {
        events.index("id");
        sink.turn_all(events, |row| mail.event(row));
        sink.close(events, "no event");
    }
    if let Some(campaigns) = &campaigns {
        sink.close(campaigns, "a campaign of no e-mail event");
    }
    for table in &tables {
        sink.close(table, "its row in email_event is not in the export");
    }
    Ok(())
}

/// All that is known besides an e-mail event's own row. Event ids are one row in one table of details.
struct Mail<'t> {
    campaigns: BTreeMap<String, Row<'t>>,
    details: BTreeMap<&'t str, Row<'t>>,
    people: &'t People<'t>,
}

impl Mail<'_> {
    fn event(&self, row: Row<'_>) -> Result<Vec<Fact>, Rejected> {
        let id = row.need("id")?;
        let detail = self.details.get(id).copied();
        if let Some(detail) = detail {
            detail.joined();
        }
        let kind = match kind(row, detail)? {
            Ok(kind) => kind,
            Err(reason) => {
                row.ignored(reason);
                return Ok(Vec::new());
            }
        };
        let at = row.need_time(&["created"])?;
        let (campaign, content_id) = self.campaign(row);
        let link = detail.and_then(|detail| detail.get("url")).and_then(web_address);
        let body = EmailEngaged {
            lead: self.people.recipient(row.need("recipient")?),
            kind,
            campaign,
            content_id,
            link_url: link,
            visitor_id: None,
        };
        Ok(vec![Fact::new(&["hubspot", "email", id], at, Body::EmailEngaged(body))])
    }

    /// A campaign's name, else its id; and the mail it sent.
    fn campaign(&self, row: Row<'_>) -> (Text, Option<Text>) {
        let Some(id) = row.get("email_campaign_id") else { return (NONE.into(), None) };
        let Some(listed) = self.campaigns.get(&super::fingerprint(id)) else { return (id.into(), None) };
        listed.joined();
        (listed.text("name").unwrap_or_else(|| id.into()), listed.text("content_id"))
    }
}

/// What a row says happened to the mail, or why it says nothing we use.
fn kind(row: Row<'_>, detail: Option<Row<'_>>) -> Result<Result<EmailKind, &'static str>, Rejected> {
    if row.flag("filtered_event") {
        return Ok(Err("filtered out by HubSpot"));
    }
    if row.get("obsoleted_by_id").is_some() {
        return Ok(Err("made obsolete by a later event"));
    }
    let word = row.need("type")?;
    Ok(match word {
        "SENT" => Ok(EmailKind::Sent),
        "DELIVERED" => Ok(EmailKind::Delivered),
        "OPEN" => Ok(EmailKind::Opened),
        "CLICK" => Ok(EmailKind::Clicked),
        "REPLY" => Ok(EmailKind::Replied),
        "BOUNCE" => Ok(EmailKind::Bounced),
        "SPAMREPORT" => Ok(EmailKind::Complained),
        "STATUSCHANGE" => match detail.and_then(|detail| detail.get("portal_subscription_status")) {
            Some("UNSUBSCRIBED") => Ok(EmailKind::Unsubscribed),
            Some(_) => Err("a status change other than unsubscribing"),
            None => Err("a status change that does not say to what"),
        },
        "PROCESSED" => Err("processed: a step inside HubSpot"),
        "DEFERRED" => Err("deferred: delivery was tried again"),
        "DROPPED" => Err("dropped: never sent"),
        "FORWARD" => Err("forwarded: to whom is not known"),
        "PRINT" => Err("printed: not an engagement here"),
        "UNBOUNCE" => Err("unbounced: takes back a status, not an engagement"),
        _ => return Err(row.wrong(Reason::InvalidValue, "type", word, "no type of e-mail event")),
    })
}
