//! Who is meant: contacts by id, and recipients by address or by the hash of one.

use super::fingerprint;
use crate::dialect::bare;
use crate::dialect::table::{Row, Table};
use smarketing_kernel::event::Address;
use smarketing_kernel::text::Text;
use std::collections::BTreeMap;

/// Columns that hold an address of a contact, or its hash.
const ADDRESSES: [&str; 2] = ["property_email", "property_email_1"];

/// Every contact of the export, deleted and merged ones too: their addresses are in old e-mail events.
pub(super) struct People<'t> {
    by_id: BTreeMap<&'t str, Row<'t>>,
    by_address: BTreeMap<String, &'t str>,
}

impl<'t> People<'t> {
    pub(super) fn of(contacts: &'t Table) -> Self {
        let by_id = contacts.index("id");
        let mut by_address = BTreeMap::new();
        for (id, row) in &by_id {
            for address in ADDRESSES.iter().filter_map(|column| row.get(column)) {
                by_address.entry(key(address)).or_insert(*id);
            }
        }
        Self { by_id, by_address }
    }

    /// The row of a contact.
    pub(super) fn row(&self, id: &str) -> Option<Row<'t>> {
        self.by_id.get(id).copied()
    }

    /// A person by contact id, with the address where the export has it in clear.
    pub(super) fn contact(&self, id: &str) -> Address {
        let email = self.by_id.get(id).and_then(|row| address(row.get("property_email")?));
        Address { email, contact_id: Some(id.into()) }
    }

    /// A person by address; by `recipient:` and the hash where the hash is nobody's.
    pub(super) fn recipient(&self, recipient: &str) -> Address {
        match (self.by_address.get(&key(recipient)), address(recipient)) {
            (Some(id), email) => Address { email, contact_id: Some((*id).into()) },
            (None, Some(email)) => Address { email: Some(email), contact_id: None },
            (None, None) => bare::contact(&format!("recipient:{recipient}")),
        }
    }
}

/// An address in its one spelling, if it is one.
fn address(text: &str) -> Option<Text> {
    crate::address(text).ok()
}

fn key(text: &str) -> String {
    address(text).map_or_else(|| fingerprint(text), |address| address.to_string())
}
