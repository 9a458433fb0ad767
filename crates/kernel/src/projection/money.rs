//! Money facts that no journey owns: the rates of a currency, the spend of a day.

use super::Projection;
use crate::classify::Classifier;
use crate::event::{AdSpent, Body};
use crate::money::{Currency, Rate};
use crate::row::{AdSpend, ExchangeRate};
use crate::subject::{Brought, Fact, Part, RateNeed, Subject, Tag};
use crate::text::Text;
use crate::time::Day;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;

/// The rate of every day, and the answer to every deal that asked.
pub(super) fn project_rates(subject: &Subject) -> Projection {
    let mut projection = Projection::default();
    let mut book: BTreeMap<Day, (Currency, Rate)> = BTreeMap::new();
    for fact in &subject.facts {
        if let Some(Body::ExchangeRateSet(set)) = fact.event() {
            book.insert(set.day, (set.currency, set.rate));
        }
    }
    for ((_, deal), part) in &subject.inbox {
        if let Part::NeedRate(need) = &**part
            && let Some((day, rate)) = answer(&book, *need)
        {
            projection.say(*deal, Tag::Rate, &subject.name, Part::Rate { day, rate });
        }
    }
    projection.exchange_rates = book
        .into_iter()
        .map(|(day, (currency, rate))| ExchangeRate { workspace: subject.workspace.clone(), currency, day, rate })
        .collect();
    projection
}

/// The rate of the day; of a day without one the latest before it, else the earliest after it.
fn answer(book: &BTreeMap<Day, (Currency, Rate)>, need: RateNeed) -> Option<(Day, Rate)> {
    let found = match need {
        RateNeed::Latest => book.last_key_value(),
        RateNeed::On(day) => book.range(..=day).next_back().or_else(|| book.range(day..).next()),
    };
    found.map(|(day, (_, rate))| (*day, *rate))
}

/// Spend as it was sent.
pub(super) fn project_spend(rules: &Classifier<'_>, subject: &Subject) -> Projection {
    let row = |fact: &Arc<Fact>| match fact.event() {
        Some(Body::AdSpent(spent)) => Some(spend_row(rules, subject, &fact.id, spent)),
        _ => None,
    };
    let mut projection =
        Projection { ad_spend: subject.facts.iter().filter_map(row).collect(), ..Projection::default() };
    projection.ad_spend.sort_by(|a, b| (a.day, &a.event_id).cmp(&(b.day, &b.event_id)));
    projection
}

fn spend_row(rules: &Classifier<'_>, subject: &Subject, event_id: &Text, spent: &AdSpent) -> AdSpend {
    let brought =
        Brought { source: spent.source.clone(), medium: spent.medium.clone(), campaign: spent.campaign.clone() };
    let mut origin = rules.origin(Some(&brought), "", None);
    if let Some(channel) = &spent.channel {
        Arc::make_mut(&mut origin).channel = channel.clone();
    }
    AdSpend {
        workspace: subject.workspace.clone(),
        day: spent.day,
        event_id: event_id.clone(),
        origin,
        amount_minor: spent.amount_minor,
        currency: spent.currency,
        clicks: spent.clicks.unwrap_or(0),
        impressions: spent.impressions.unwrap_or(0),
    }
}
