//! What a person's timeline shows beside touches and stages, and how long sales took.

use super::judge::{none, or_none, path_of};
use super::life::Handed;
use super::{Books, identity};
use smarketing_kernel::event::{Body, ErasureRequested, Event, LeadRef};
use smarketing_kernel::id::LeadId;
use smarketing_kernel::row::{LeadEvent, LeadEventKind};
use smarketing_kernel::text::Text;
use smarketing_kernel::time::Timestamp;
use std::collections::BTreeSet;

/// Every mail, form, call, verdict, CRM update, merge and erasure, under the lead that owns it now.
pub(super) fn rows(books: &Books<'_>) -> Vec<LeadEvent> {
    let erased = erased(books);
    books.events.iter().filter_map(|event| row(books, &erased, event)).collect()
}

/// Everybody who asked to be forgotten; what others wrote about them goes.
fn erased(books: &Books<'_>) -> BTreeSet<LeadId> {
    let asked = books.events.iter().filter_map(|event| match &event.body {
        Body::ErasureRequested(ErasureRequested::Lead(lead)) => Some(books.identity.root(lead.id)),
        _ => None,
    });
    asked.collect()
}

fn row(books: &Books<'_>, erased: &BTreeSet<LeadId>, event: &Event<LeadRef>) -> Option<LeadEvent> {
    use LeadEventKind::{Activity, Email, Erased, Form, Merged, Unmerged, Updated};
    let given = |text: &Option<Text>| or_none(text.as_ref());
    // Kind, campaign, content, rep, detail.
    let (kind, campaign, content, rep, detail) = match &event.body {
        Body::EmailEngaged(e) => (Email(e.kind), e.campaign.clone(), given(&e.content_id), none(), none()),
        Body::SalesActivity(e) => {
            let content = e.content_url.as_deref().map_or_else(none, path_of);
            (Activity(e.kind), none(), content, given(&e.rep), given(&e.outcome))
        }
        Body::LeadReviewed(e) => (LeadEventKind::Verdict(e.verdict), none(), none(), given(&e.rep), given(&e.reason)),
        Body::FormSubmitted(e) => (Form, none(), e.form_id.clone(), none(), none()),
        Body::LeadUpdated(e) => {
            let stage = e.stage.map_or_else(none, |stage| Text::from(stage.word()));
            (Updated, none(), none(), given(&e.owner), stage)
        }
        Body::LeadMerged(e) => (Merged, none(), none(), none(), e.into.id.text()),
        Body::LeadUnmerged(e) => (Unmerged, none(), none(), none(), e.into.id.text()),
        Body::ErasureRequested(ErasureRequested::Lead(_)) => (Erased, none(), none(), none(), none()),
        _ => return None,
    };
    let lead = books.identity.root(identity::named(&event.body).first()?.id);
    let written = matches!(event.body, Body::SalesActivity(_) | Body::LeadReviewed(_));
    Some(LeadEvent {
        workspace: books.workspace.clone(),
        lead: lead.text(),
        occurred_at: event.occurred_at,
        event_id: event.event_id.clone(),
        event: Text::from(kind.word()),
        campaign,
        content,
        rep,
        detail: if written && erased.contains(&lead) { none() } else { detail },
    })
}

/// A hand-off: what happened between an entry into MQL and the next one.
pub(super) struct HandedOff {
    pub(super) first_activity_at: Option<Timestamp>,
    pub(super) rep: Option<Text>,
}

/// The first activity after every entry into MQL; the rep is who gave the first word on it, else the activity's.
pub(super) fn handoffs(handed: &[Handed], events: &[&Event<LeadRef>]) -> Vec<HandedOff> {
    let handoff = |(index, start): (usize, &Handed)| {
        let inside = |at: Timestamp| at >= start.at && handed.get(index + 1).is_none_or(|next| at < next.at);
        let activity = events.iter().filter(|event| inside(event.occurred_at)).find_map(|event| match &event.body {
            Body::SalesActivity(activity) => Some((event.occurred_at, activity.rep.clone())),
            _ => None,
        });
        HandedOff {
            first_activity_at: activity.as_ref().map(|(at, _)| *at),
            rep: start.word.as_ref().and_then(|word| word.rep.clone()).or_else(|| activity?.1),
        }
    };
    handed.iter().enumerate().map(handoff).collect()
}
