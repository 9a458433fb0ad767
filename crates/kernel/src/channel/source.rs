//! Source, medium and campaign of a page view, before any rule.

use alloc::borrow::Cow;
use alloc::string::String;

use super::sites::OwnSites;
use crate::url::{Query, Url, decode};

/// Source of a touch of unknown origin.
pub const DIRECT: &str = "(direct)";
/// Medium of a touch of unknown origin.
pub const NONE: &str = "(none)";
/// How reports spell a missing source, medium or campaign.
pub const NOT_SET: &str = "(not set)";

/// Longest source, medium, campaign, term or content in bytes; the rest is cut off.
pub const MAX_VALUE: usize = 256;

/// What a page view says about where it came from: trimmed, lower case, bounded. `None` is missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts<'a> {
    /// Who sent the visitor: `google`, `linkedin.com`, `hs_email`.
    pub source: Option<Cow<'a, str>>,
    /// By what means: `cpc`, `referral`, `email`.
    pub medium: Option<Cow<'a, str>>,
    /// The campaign's name.
    pub campaign: Option<Cow<'a, str>>,
    /// The paid keyword.
    pub term: Option<Cow<'a, str>>,
    /// The variant of the ad or link.
    pub content: Option<Cow<'a, str>>,
}

/// Where a page view came from; `None` when it brought nothing of its own (direct, or inside the site).
///
/// UTM parameters, else click ids, else a foreign referrer. The click id of an ad fills a source or
/// medium that the UTM parameters leave out; a UTM campaign without both takes them from the next
/// step.
pub fn source_of<'a>(landing: &'a Url<'a>, referrer: Option<&'a Url<'a>>, own: &OwnSites) -> Option<Facts<'a>> {
    let (mut facts, click) = Facts::tagged(landing.query());
    if let Some(ad) = click.filter(|click| click.is_ad()) {
        let (source, medium) = ad.origin();
        facts.source.get_or_insert(Cow::Borrowed(source));
        facts.medium.get_or_insert(Cow::Borrowed(medium));
    }
    if facts.source.is_none() && facts.medium.is_none() {
        let clicked = click.map(ClickId::origin);
        let origin = clicked.or_else(|| own.brought(landing.host()?, referrer?.host()?));
        (facts.source, facts.medium) = origin.map(|(s, m)| (Cow::Borrowed(s), Cow::Borrowed(m))).unzip();
    }
    let is_own = facts.source.is_some() || facts.medium.is_some() || facts.campaign.is_some();
    is_own.then_some(facts)
}

impl<'a> Facts<'a> {
    /// The UTM parameters, and the strongest click id beside them. Of a repeated parameter the first with a value counts.
    fn tagged(query: Query<'a>) -> (Self, Option<ClickId>) {
        let mut facts = Self::default();
        let mut click = None;
        for (key, value) in query {
            let Some(parameter) = Parameter::named(key) else { continue };
            let slot = match parameter {
                Parameter::Click(id) if value.is_empty() || click.is_some_and(|other| other < id) => continue,
                Parameter::Click(id) => {
                    click = Some(id);
                    continue;
                }
                Parameter::Source => &mut facts.source,
                Parameter::Medium => &mut facts.medium,
                Parameter::Campaign => &mut facts.campaign,
                Parameter::Term => &mut facts.term,
                Parameter::Content => &mut facts.content,
            };
            *slot = slot.take().or_else(|| clean(decode(value)));
        }
        (facts, click)
    }
}

/// Ad networks mark the visitors they send. In order of strength.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum ClickId {
    Google,
    Microsoft,
    LinkedIn,
    TikTok,
    Facebook,
}

impl ClickId {
    /// Source and medium it stands for. Facebook's is on every outbound link, so it is no ad.
    fn origin(self) -> (&'static str, &'static str) {
        match self {
            Self::Google => ("google", "cpc"),
            Self::Microsoft => ("bing", "cpc"),
            Self::LinkedIn => ("linkedin", "paid social"),
            Self::TikTok => ("tiktok", "paid social"),
            Self::Facebook => ("facebook", "social"),
        }
    }

    fn is_ad(self) -> bool {
        self != Self::Facebook
    }
}

#[derive(Clone, Copy)]
enum Parameter {
    Source,
    Medium,
    Campaign,
    Term,
    Content,
    Click(ClickId),
}

impl Parameter {
    const NAMES: [(&str, Self); 12] = [
        ("utm_source", Self::Source),
        ("utm_medium", Self::Medium),
        ("utm_campaign", Self::Campaign),
        ("utm_term", Self::Term),
        ("utm_content", Self::Content),
        ("gclid", Self::Click(ClickId::Google)),
        ("gbraid", Self::Click(ClickId::Google)),
        ("wbraid", Self::Click(ClickId::Google)),
        ("msclkid", Self::Click(ClickId::Microsoft)),
        ("li_fat_id", Self::Click(ClickId::LinkedIn)),
        ("ttclid", Self::Click(ClickId::TikTok)),
        ("fbclid", Self::Click(ClickId::Facebook)),
    ];

    /// Links copied out of HTML carry `&amp;`, whose tail sticks to the next name.
    fn named(key: &str) -> Option<Self> {
        let key = key.strip_prefix("amp;").unwrap_or(key);
        Self::NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, parameter)| *parameter)
    }
}

/// One spelling of a value: trimmed, lower case, at most [`MAX_VALUE`] bytes, control characters as spaces.
fn clean(value: Cow<'_, str>) -> Option<Cow<'_, str>> {
    let is_clean = |b: u8| b.is_ascii() && !b.is_ascii_uppercase() && !b.is_ascii_control();
    let is_trim = value.as_ref().trim().len() == value.len();
    if is_trim && value.len() <= MAX_VALUE && value.bytes().all(is_clean) {
        return Some(value).filter(|value| !value.is_empty());
    }
    let text: String = value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let text = text.trim().to_lowercase();
    let text = text.get(..text.floor_char_boundary(MAX_VALUE)).unwrap_or_default().trim_end();
    (!text.is_empty()).then(|| Cow::Owned(text.into()))
}

#[cfg(test)]
mod tests;
