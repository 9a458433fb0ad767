//! Sessions: page views of one browser with short gaps and one source.

use super::Books;
use super::judge::{Address, Brought, none, or_none};
use smarketing_kernel::bots::is_bot;
use smarketing_kernel::event::Body;
use smarketing_kernel::row::{Content, Origin, WebEvent};
use smarketing_kernel::text::Text;
use smarketing_kernel::time::Timestamp;
use std::collections::BTreeMap;

/// A session, as its first page view began it.
#[derive(Clone, Debug)]
pub(super) struct Session {
    pub(super) start: Timestamp,
    pub(super) first_id: Text,
    pub(super) origin: Origin,
    pub(super) page: Content,
    last: Timestamp,
    brought: Brought,
}

/// The sessions of every browser, in order; bots have none.
pub(super) fn all(books: &Books<'_>) -> BTreeMap<Text, Vec<Session>> {
    let judge = books.judge;
    let mut sessions: BTreeMap<Text, Vec<Session>> = BTreeMap::new();
    for event in &books.events {
        let Body::PageViewed(view) = &event.body else { continue };
        if view.user_agent.as_deref().is_some_and(is_bot) {
            continue;
        }
        let Address { path, brought, referrer_host } = judge.address(&view.url, view.referrer.as_deref());
        let known = sessions.entry(view.visitor_id.clone()).or_default();
        let goes_on = known.last_mut().filter(|session| {
            let same = brought.is_none() || brought == session.brought;
            same && event.occurred_at.since(session.last) <= judge.gap_ms()
        });
        match goes_on {
            Some(session) => session.last = event.occurred_at,
            None => known.push(Session {
                start: event.occurred_at,
                first_id: event.event_id.clone(),
                origin: judge.origin(&brought, &path, referrer_host.as_deref()),
                page: judge.content(&path),
                last: event.occurred_at,
                brought,
            }),
        }
    }
    sessions
}

/// Every page view, with what its session and its browser say of it; a bot's stands alone and is nobody's.
pub(super) fn rows(books: &Books<'_>, sessions: &BTreeMap<Text, Vec<Session>>) -> Vec<WebEvent> {
    let mut rows = Vec::new();
    for event in &books.events {
        let Body::PageViewed(view) = &event.body else { continue };
        let Address { path, brought, referrer_host } = books.judge.address(&view.url, view.referrer.as_deref());
        let bot = view.user_agent.as_deref().is_some_and(is_bot);
        let at = (event.occurred_at, &event.event_id);
        let own = sessions.get(&view.visitor_id).filter(|_| !bot);
        let session = own.and_then(|own| own.iter().rfind(|session| (session.start, &session.first_id) <= at));
        let lead = books.identity.lead_of(&view.visitor_id, event.occurred_at, books.judge.lookback_ms());
        let lead = lead
            .filter(|_| !bot && !books.identity.forgets(&view.visitor_id))
            .map(|lead| books.identity.root(lead).text());
        let alone = || books.judge.origin(&brought, &path, referrer_host.as_deref());
        rows.push(WebEvent {
            workspace: books.workspace.clone(),
            visitor: books.identity.shown(&view.visitor_id),
            viewed_at: event.occurred_at,
            event_id: event.event_id.clone(),
            lead: or_none(lead.as_ref()),
            session_at: session.map_or(event.occurred_at, |session| session.start),
            origin: session.map_or_else(alone, |session| session.origin.clone()).into(),
            page: books.judge.content(&path).into(),
            referrer_host: referrer_host.unwrap_or_else(none),
            bot,
        });
    }
    rows
}

/// The browser's session at a moment, give or take the gap.
pub(super) fn running(sessions: &[Session], at: Timestamp, gap_ms: i64) -> Option<&Session> {
    let session = sessions.iter().rfind(|session| session.start <= at)?;
    (at.since(session.last) <= gap_ms).then_some(session)
}
