//! The definitions as the auditor reads them. Channels, content, URLs and bots are judged by the kernel's pure rules,
//! which have golden vectors of their own; everything else is read again here.

use super::model::{self, Model};
use smarketing_kernel::channel::{Base, CustomRow, Input, OwnSites, RuleSet, SOURCE_LIST_VERSION, source_of};
use smarketing_kernel::content::{Groups, normalise};
use smarketing_kernel::money::Currency;
use smarketing_kernel::row::{Content, Origin, TouchKind};
use smarketing_kernel::rules::{Definitions, Problem, Rules};
use smarketing_kernel::text::{NONE, Text};
use smarketing_kernel::time::DAY_MS;
use smarketing_kernel::url::Url;
use std::collections::BTreeMap;

/// Source, medium and campaign as a page view or a CRM brought them.
pub(super) type Brought = Option<[Option<Text>; 3]>;

/// Definitions, ready to judge by.
pub(super) struct Judge {
    pub(super) definitions: Definitions,
    pub(super) reporting: Currency,
    pub(super) models: Vec<Model>,
    pub(super) ruleset_version: Text,
    channels: RuleSet,
    groups: Groups,
    sites: OwnSites,
}

/// A web address taken apart.
pub(super) struct Address {
    pub(super) path: Text,
    pub(super) brought: Brought,
    pub(super) referrer_host: Option<Text>,
}

pub(super) fn none() -> Text {
    Text::from(NONE)
}

pub(super) fn or_none(text: Option<&Text>) -> Text {
    text.cloned().unwrap_or_else(none)
}

impl Judge {
    pub(super) fn new(definitions: &Definitions) -> Result<Self, Vec<Problem>> {
        Rules::new(definitions)?;
        let base = if definitions.channel_rules == "ga4" { Base::Ga4 } else { Base::B2b };
        let rows: Vec<CustomRow> = definitions.channels.iter().cloned().map(CustomRow::from).collect();
        let groups = definitions.content.iter().map(|row| (&*row.path, &*row.group, &*row.buyer_stage));
        let wrong = |path: &str, hint: String| vec![Problem { path: path.into(), hint }];
        let channels = RuleSet::new(base, &rows).map_err(|error| wrong("channels", error.to_string()))?;
        let version = format!("{}-{:08x}-{SOURCE_LIST_VERSION}", definitions.channel_rules, channels.version());
        let passed = definitions.ignored_referrers.iter().map(String::as_str);
        Ok(Self {
            reporting: Currency::parse(&definitions.reporting_currency).unwrap_or(Currency::USD),
            models: model::all(definitions),
            ruleset_version: Text::from(version),
            groups: Groups::new(groups).map_err(|error| wrong("content", error.to_string()))?,
            sites: OwnSites::new(definitions.own_sites.iter().map(String::as_str), passed),
            channels,
            definitions: definitions.clone(),
        })
    }

    pub(super) fn version(&self) -> Text {
        Text::from(&*self.definitions.version)
    }

    pub(super) fn gap_ms(&self) -> i64 {
        i64::from(self.definitions.session_gap_minutes) * 60_000
    }

    pub(super) fn click_window_ms(&self) -> i64 {
        i64::from(self.definitions.click_window_minutes) * 60_000
    }

    pub(super) fn lookback_ms(&self) -> i64 {
        i64::from(self.definitions.anonymous_lookback_days) * DAY_MS
    }

    /// A page and what led to it; a text that is no URL is its own path.
    pub(super) fn address(&self, url: &str, referrer: Option<&str>) -> Address {
        let page = Url::parse(url).ok();
        let before = referrer.and_then(|referrer| Url::parse(referrer).ok());
        let facts = page.as_ref().and_then(|page| source_of(page, before.as_ref(), &self.sites));
        let text = |part: Option<std::borrow::Cow<'_, str>>| part.map(|part| Text::from(&*part));
        Address {
            path: path_of(url),
            brought: facts.map(|facts| [text(facts.source), text(facts.medium), text(facts.campaign)]),
            referrer_host: before.as_ref().and_then(Url::host).map(Text::from),
        }
    }

    pub(super) fn origin(&self, brought: &Brought, path: &str, referrer_host: Option<&str>) -> Origin {
        let [source, medium, campaign] = brought.clone().unwrap_or_default();
        let found = self.channels.classify(&Input {
            source: source.as_deref().unwrap_or(""),
            medium: medium.as_deref().unwrap_or(""),
            campaign: campaign.as_deref().unwrap_or(""),
            landing_path: path,
            referrer_host: referrer_host.unwrap_or(""),
        });
        Origin {
            channel: Text::from(found.channel),
            subchannel: found.subchannel.map_or_else(none, Text::from),
            source: or_none(source.as_ref()),
            medium: or_none(medium.as_ref()),
            campaign: or_none(campaign.as_ref()),
        }
    }

    pub(super) fn content(&self, content: &Text) -> Content {
        let purpose = self.groups.classify(content);
        Content {
            content: content.clone(),
            content_group: purpose.map_or_else(none, |found| Text::from(found.group)),
            buyer_stage: purpose
                .and_then(|found| found.buyer_stage)
                .map_or_else(none, |stage| Text::from(stage.name())),
        }
    }

    pub(super) fn suppressed(&self, origin: &Origin, page: &Content, domain: Option<&Text>) -> bool {
        let suppress = &self.definitions.suppress;
        matches(&suppress.paths, &page.content)
            || matches(&suppress.sources, &origin.source)
            || matches(&suppress.campaigns, &origin.campaign)
            || domain.is_some_and(|domain| matches(&suppress.domains, domain))
    }

    pub(super) fn persona(&self, attributes: &BTreeMap<Text, Text>) -> Option<Text> {
        let mut rows = self.definitions.personas.iter();
        let fits = rows.find(|row| {
            attributes.get(&*row.attribute).is_some_and(|value| matches(&row.matches, &value.to_lowercase()))
        });
        fits.map(|row| Text::from(&*row.persona))
    }

    /// The segment of the company of a lead with these attributes, and the attribute that says so.
    pub(super) fn account_segment(&self, attributes: &BTreeMap<Text, Text>) -> Option<(Text, Text)> {
        for row in &self.definitions.account_segments {
            let Some((attribute, value)) = attributes.get_key_value(&*row.attribute) else { continue };
            let value = value.trim().to_lowercase();
            let plain: String = value.replace([',', '.', '\''], "");
            let end = plain.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(plain.len());
            let too_small = plain[..end].parse::<u32>().map_or(true, |size| size < row.at_least);
            let other = !row.matches.is_empty() && !matches(&row.matches, &value);
            if other || (row.at_least > 0 && too_small) || (row.segment.is_empty() && value.is_empty()) {
                continue;
            }
            let name = if row.segment.is_empty() { &value } else { &row.segment };
            return Some((Text::from(name.as_str()), attribute.clone()));
        }
        None
    }

    /// Whether a persona is a word of the definitions.
    pub(super) fn knows_persona(&self, persona: &Text) -> bool {
        let mut words = self.definitions.personas.iter().map(|row| &row.persona);
        words.any(|word| **word == **persona) || self.definitions.scoring.personas.contains_key(persona.as_str())
    }

    /// Whether a segment of accounts is a word of the definitions.
    pub(super) fn knows_segment(&self, segment: &Text) -> bool {
        self.definitions.account_segments.iter().any(|row| *row.segment == **segment)
    }

    /// Points of a touch.
    pub(super) fn points(&self, kind: TouchKind, page: &Content) -> i64 {
        let scoring = &self.definitions.scoring;
        let by_kind = match kind {
            TouchKind::Visit => scoring.visit,
            TouchKind::EmailClick => scoring.email_click,
            TouchKind::Form => scoring.form,
            TouchKind::Event => scoring.event,
            TouchKind::Enablement => scoring.enablement,
            TouchKind::SelfReported => 0,
        };
        let by_stage = match &*page.buyer_stage {
            "consideration" => scoring.consideration,
            "decision" => scoring.decision,
            _ => 0,
        };
        i64::from(by_kind) + i64::from(by_stage)
    }
}

/// The normalised path of a URL; the text itself when it is none.
pub(super) fn path_of(url: &str) -> Text {
    Url::parse(url).map_or_else(|_| Text::from(url), |page| Text::from(&*normalise(page.path())))
}

/// Whether a text matches one of the patterns `x`, `x*`, `*x`, `*x*`, split by `;`, ASCII case ignored.
fn matches(patterns: &str, text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let one = |pattern: &str| {
        let pattern = pattern.to_ascii_lowercase();
        let bare = pattern.trim_matches('*');
        match (pattern.starts_with('*'), pattern.ends_with('*')) {
            (true, true) => text.contains(bare),
            (true, false) => text.ends_with(bare),
            (false, true) => text.starts_with(bare),
            (false, false) => text == bare,
        }
    };
    patterns.split(';').map(str::trim).filter(|pattern| !pattern.is_empty()).any(one)
}
