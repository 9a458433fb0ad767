//! What business marketing adds in front of the default group.
//!
//! A paid medium is never taken by an addition: an ad on a review site stays an ad. The first five rows read the words
//! in which CRMs tell where a contact first came from (HubSpot's original source): there the source is a channel.

use super::Channel;
use super::ga4::{Rule, Signs};
use super::source_list::Category;

/// In order, before the `ga4` rules; the first that applies wins.
#[rustfmt::skip]
pub(super) const ADDITIONS: [Rule; 12] = [
    (Channel::Direct, |s| s.source == "direct_traffic"),
    (Channel::PaidSearch, |s| s.source == "paid_search"),
    (Channel::OrganicSearch, |s| s.source == "organic_search" && !s.is_paid),
    (Channel::PaidSocial, |s| s.source == "paid_social"),
    (Channel::AiAssistant, |s| s.source == "ai_referrals" && !s.is_paid),
    (Channel::AiAssistant, |s| !s.is_paid && (s.is(Category::Ai) || s.referrer == Some(Category::Ai))),
    (Channel::ReviewSites, |s| !s.is_paid && s.is(Category::Review)),
    (Channel::Events, |s| is_event(s.medium)),
    (Channel::Partner, |s| matches!(s.medium, "partner" | "partners" | "reseller" | "resellers")),
    (Channel::Email, |s| matches!(s.medium, "newsletter" | "nurture") || !s.is_paid && s.is(Category::Email)),
    (Channel::Outbound, is_outbound),
    (Channel::Community, |s| !s.is_paid && is_community(s.source)),
];

fn is_event(medium: &str) -> bool {
    matches!(
        medium,
        "event" | "events" | "webinar" | "webinars" | "tradeshow" | "trade show" | "trade-show" | "conference"
    )
}

fn is_outbound(s: &Signs<'_>) -> bool {
    matches!(s.medium, "outbound" | "sdr" | "sequence")
        || !s.is_paid
            && matches!(s.source, "outreach" | "outreach.io" | "salesloft" | "salesloft.com" | "apollo" | "apollo.io")
}

/// Reddit is a social network until a workspace's own rule says otherwise.
fn is_community(source: &str) -> bool {
    matches!(source, "slack" | "slack.com" | "discord" | "discord.com" | "discord.gg")
}
