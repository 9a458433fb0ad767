//! Sessions: page views of one browser with short gaps and one source.

use super::Books;
use super::judge::{Address, Brought};
use smarketing_kernel::bots::is_bot;
use smarketing_kernel::event::Body;
use smarketing_kernel::row::{Content, Origin};
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

/// The browser's session at a moment, give or take the gap.
pub(super) fn running(sessions: &[Session], at: Timestamp, gap_ms: i64) -> Option<&Session> {
    let session = sessions.iter().rfind(|session| session.start <= at)?;
    (at.since(session.last) <= gap_ms).then_some(session)
}
