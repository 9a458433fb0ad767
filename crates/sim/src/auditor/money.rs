//! Money facts no journey owns: spend as it was sent, rates as they hold.

use super::Books;
use smarketing_kernel::event::Body;
use smarketing_kernel::row::{AdSpend, ExchangeRate, Origin};
use std::collections::BTreeMap;

/// Spend, a row an event; the sender's channel stands above the one the rules find.
pub(super) fn spend(books: &Books<'_>) -> Vec<AdSpend> {
    let mut rows = Vec::new();
    for event in &books.events {
        let Body::AdSpent(spent) = &event.body else { continue };
        let brought = Some([spent.source.clone(), spent.medium.clone(), spent.campaign.clone()]);
        let found = books.judge.origin(&brought, "", None);
        rows.push(AdSpend {
            workspace: books.workspace.clone(),
            day: spent.day,
            event_id: event.event_id.clone(),
            origin: Origin { channel: spent.channel.clone().unwrap_or(found.channel), ..found }.into(),
            amount_minor: spent.amount_minor,
            currency: spent.currency,
            clicks: spent.clicks.unwrap_or(0),
            impressions: spent.impressions.unwrap_or(0),
        });
    }
    rows
}

/// The last word on the rate of every day.
pub(super) fn rates(books: &Books<'_>) -> Vec<ExchangeRate> {
    let mut rows = BTreeMap::new();
    for event in &books.events {
        if let Body::ExchangeRateSet(set) = &event.body {
            let (workspace, currency) = (books.workspace.clone(), set.currency);
            rows.insert((currency, set.day), ExchangeRate { workspace, currency, day: set.day, rate: set.rate });
        }
    }
    rows.into_values().collect()
}
