//! The export tables of HubSpot, as warehouse connectors write them: `contact.csv` or `contact_data.csv`.
//!
//! Start at [`read`]; `people` says who is meant, and `contacts`, `deals`, `emails` and `activities` each turn their
//! tables. A row that says by itself what happened, to whom and when becomes an event, even where the contact or deal
//! it names is not in the export; a row that only links or details another is joined to it, or ignored by name where
//! that other is not there. Names, phones and free texts are never taken.
//!
//! Exports may hash texts, and not all tables alike: the same MD5 is hex in one and base64 in another, see
//! [`fingerprint`].

mod activities;
mod contacts;
mod deals;
mod emails;
mod people;

use super::sink::{Folder, Sink};
use super::table::{Row, Table};
use super::{Error, Import, Options};
use people::People;
use std::collections::BTreeMap;
use std::path::Path;

const REQUIRED: [&str; 3] = ["contact", "deal", "deal_pipeline_stage"];
const OPTIONAL: [&str; 18] = [
    "company",
    "contact_form_submission",
    "contact_merge_audit",
    "contact_property_history",
    "deal_company",
    "deal_contact",
    "deal_pipeline",
    "deal_stage",
    "email_campaign",
    "email_event",
    "email_event_<kind>",
    "engagement",
    "engagement_call",
    "engagement_contact",
    "engagement_email",
    "engagement_meeting",
    "form",
    "merged_deal",
];

pub(super) fn read(path: &Path, options: &Options) -> Result<Import, Error> {
    let mut folder = Folder::open(path, &REQUIRED, &OPTIONAL)?;
    let contacts = folder.required("contact", &["id"])?;
    let mut sink = Sink::new(options);
    let people = People::of(&contacts);
    contacts::read(&mut folder, &mut sink, &contacts, &people)?;
    deals::read(&mut folder, &mut sink, &people)?;
    emails::read(&mut folder, &mut sink, &people)?;
    activities::read(&mut folder, &mut sink, &people)?;
    folder.close(&mut sink, "a table this import has no use for")?;
    Ok(sink.done())
}

/// The rows of a table by one of its columns; nothing when the table is not there.
fn index<'t>(table: Option<&'t Table>, column: &str) -> BTreeMap<String, Row<'t>> {
    let found = table.map(|table| table.index(column)).unwrap_or_default();
    found.into_iter().map(|(key, row)| (fingerprint(key), row)).collect()
}

/// One spelling of an id, whichever of the two ways its hash was written: 16 bytes of base64 become hex.
fn fingerprint(text: &str) -> String {
    digest(text).map_or_else(|| text.to_owned(), |bytes| bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The 16 bytes of 22 base64 digits and `==`.
fn digest(text: &str) -> Option<[u8; 16]> {
    let digits = text.strip_suffix("==").filter(|digits| digits.len() == 22)?;
    let mut bits: u128 = 0;
    let mut last = 0;
    for (index, byte) in digits.bytes().enumerate() {
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        last = digit;
        // The last digit holds the last two bits of the 128, in its upper part.
        bits = if index < 21 { bits << 6 | u128::from(digit) } else { bits << 2 | u128::from(digit >> 4) };
    }
    (last & 0b1111 == 0).then(|| bits.to_be_bytes())
}
