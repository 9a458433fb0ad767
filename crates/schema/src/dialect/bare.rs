//! Events that say nothing yet but whom or what they are about; importers fill in what their tables know.

use smarketing_kernel::event::{Address, DealChanged, DealKind, LeadUpdated};
use std::collections::BTreeMap;

/// A person known by the CRM's id alone.
pub(super) fn contact(id: &str) -> Address {
    Address { email: None, contact_id: Some(id.into()) }
}

/// An update of a lead.
pub(super) fn lead_updated(lead: Address) -> LeadUpdated<Address> {
    let attributes = BTreeMap::new();
    LeadUpdated { lead, account_id: None, account_domain: None, persona: None, owner: None, stage: None, attributes }
}

/// A change of a deal.
pub(super) fn deal_changed(deal_id: &str, kind: DealKind) -> DealChanged<Address> {
    DealChanged {
        deal_id: deal_id.into(),
        kind,
        account_id: None,
        account_domain: None,
        contacts: None,
        amount_minor: None,
        currency: None,
        stage: None,
        pipeline: None,
        owner: None,
        reason: None,
        deal_type: None,
        merged_into: None,
    }
}
