//! People without addresses, as the intake leaves them, but by a plain hash: a seeded world has no secret to keep.

use smarketing_kernel::email::business_domain;
use smarketing_kernel::event::{Address, Event, LeadRef};
use smarketing_kernel::id::{Kind, LeadId, SubjectId};
use smarketing_kernel::text::Text;
use std::convert::Infallible;

/// The event with every person named by a [`LeadRef`]: the id of the e-mail address where there is one, the contact
/// id's as its alias, nothing sealed.
#[must_use]
pub fn pseudonymise(event: Event<Address>) -> Event<LeadRef> {
    let workspace = event.workspace.clone();
    let named = event.body.try_name(|address| Ok::<_, Infallible>(lead_ref(&workspace, &address)));
    let Ok(body) = named;
    Event { event_id: event.event_id, workspace: event.workspace, occurred_at: event.occurred_at, body }
}

fn lead_ref(workspace: &str, address: &Address) -> LeadRef {
    let id = |name: &Text| LeadId(SubjectId::named(Kind::Lead, workspace, name).hash);
    let contact = address.contact_id.as_ref().map(id);
    let person = address.email.as_ref().map(id);
    LeadRef {
        id: person.or(contact).unwrap_or(LeadId([0; 16])),
        alias: person.and(contact),
        domain: address.email.as_deref().and_then(business_domain).map(Text::from),
        sealed: None,
    }
}
