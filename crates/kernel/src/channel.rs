//! Channels: where a touch came from, as marketing counts it.
//!
//! Two pure steps. [`source_of`] reads source, medium and campaign from a landing page and its
//! referrer; [`RuleSet::classify`] turns them into the name of a channel. Start reading at
//! `channel/ga4.rs`, the rule table everyone knows.

mod b2b;
mod ga4;
mod host_table;
mod pattern;
mod rules;
mod sites;
mod source;
mod source_list;

pub use pattern::PatternError;
pub(crate) use pattern::{Haystack, Patterns};
pub use rules::{Base, Classified, CustomRow, Input, RuleError, RuleSet, Shadowed};
pub use sites::OwnSites;
pub use source::{DIRECT, Facts, MAX_VALUE, NONE, NOT_SET, source_of};
pub use source_list::SOURCE_LIST_VERSION;

/// The channel of credit that has no touch to go to.
pub const UNATTRIBUTED: &str = "(unattributed)";

/// The channels that ship. A workspace's own rules may name others; those are plain text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Channel {
    /// Typed in, bookmarked, or of unknown origin.
    Direct,
    /// An answer of an AI assistant.
    AiAssistant,
    /// A campaign that spans several ad networks.
    CrossNetwork,
    /// Ads of shops and marketplaces.
    PaidShopping,
    /// Ads of search engines.
    PaidSearch,
    /// Ads of social networks.
    PaidSocial,
    /// Ads of video sites.
    PaidVideo,
    /// Banners.
    Display,
    /// Ads of anyone else.
    PaidOther,
    /// Shops and marketplaces, unpaid.
    OrganicShopping,
    /// Social networks, unpaid.
    OrganicSocial,
    /// Video sites, unpaid.
    OrganicVideo,
    /// Search engines, unpaid.
    OrganicSearch,
    /// A link on another site.
    Referral,
    /// A link in a mail.
    Email,
    /// Affiliate links.
    Affiliates,
    /// Podcasts and other audio.
    Audio,
    /// Text messages.
    Sms,
    /// Push notifications of phones.
    MobilePush,
    /// Software review sites (`b2b` only).
    ReviewSites,
    /// Webinars, trade shows, conferences (`b2b` only).
    Events,
    /// Partners and resellers (`b2b` only).
    Partner,
    /// Sales sequences (`b2b` only).
    Outbound,
    /// Chat communities (`b2b` only).
    Community,
    /// No rule matched.
    Unassigned,
}

impl Channel {
    /// Every channel that ships.
    pub const ALL: [Self; 25] = [
        Self::Direct,
        Self::AiAssistant,
        Self::CrossNetwork,
        Self::PaidShopping,
        Self::PaidSearch,
        Self::PaidSocial,
        Self::PaidVideo,
        Self::Display,
        Self::PaidOther,
        Self::OrganicShopping,
        Self::OrganicSocial,
        Self::OrganicVideo,
        Self::OrganicSearch,
        Self::Referral,
        Self::Email,
        Self::Affiliates,
        Self::Audio,
        Self::Sms,
        Self::MobilePush,
        Self::ReviewSites,
        Self::Events,
        Self::Partner,
        Self::Outbound,
        Self::Community,
        Self::Unassigned,
    ];

    /// The name as rows, reports and configuration spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Direct => "Direct",
            Self::AiAssistant => "AI Assistant",
            Self::CrossNetwork => "Cross-network",
            Self::PaidShopping => "Paid Shopping",
            Self::PaidSearch => "Paid Search",
            Self::PaidSocial => "Paid Social",
            Self::PaidVideo => "Paid Video",
            Self::Display => "Display",
            Self::PaidOther => "Paid Other",
            Self::OrganicShopping => "Organic Shopping",
            Self::OrganicSocial => "Organic Social",
            Self::OrganicVideo => "Organic Video",
            Self::OrganicSearch => "Organic Search",
            Self::Referral => "Referral",
            Self::Email => "Email",
            Self::Affiliates => "Affiliates",
            Self::Audio => "Audio",
            Self::Sms => "SMS",
            Self::MobilePush => "Mobile Push Notifications",
            Self::ReviewSites => "Review Sites",
            Self::Events => "Webinar & Events",
            Self::Partner => "Partner",
            Self::Outbound => "Outbound",
            Self::Community => "Community",
            Self::Unassigned => "Unassigned",
        }
    }

    /// The channel of exactly this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.name() == name)
    }

    /// Whether its touches are bought: the paid channels, Display and Cross-network.
    pub const fn is_paid(self) -> bool {
        matches!(
            self,
            Self::CrossNetwork
                | Self::PaidShopping
                | Self::PaidSearch
                | Self::PaidSocial
                | Self::PaidVideo
                | Self::Display
                | Self::PaidOther
        )
    }
}

/// Whether touches of this channel are bought. A workspace's own channel is, if its name begins with "paid".
pub fn is_paid(channel: &str) -> bool {
    let own = || channel.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("paid"));
    Channel::from_name(channel).map_or_else(own, Channel::is_paid)
}

/// Whether this is the channel of touches of unknown origin.
pub fn is_direct(channel: &str) -> bool {
    channel == Channel::Direct.name()
}

#[cfg(test)]
mod tests;
