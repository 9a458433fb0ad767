//! The definitions everything is decided with: plain settings in, checked rules out.
//!
//! Rules never change under a running generation: a change is a new version, and a new generation is built with it.

mod definitions;
mod models;

pub use definitions::{
    ChannelRow, ContentRow, Definitions, OwnModel, PersonaRow, Scoring, SegmentRow, Suppress, Weights,
};
pub(crate) use models::Models;

use crate::channel::{Base, CustomRow, Haystack, Input, OwnSites, Patterns, RuleSet, SOURCE_LIST_VERSION};
use crate::content::Groups;
use crate::entry::Lineage;
use crate::event::DealType;
use crate::money::Currency;
use crate::row::{Content, Origin, TouchKind};
use crate::subject::Brought;
use crate::text::{NONE, Text};
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use siphasher::sip::SipHasher13;

/// Whose touches a deal's journey has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The deal's contacts; everybody of the account when it has none.
    ContactRoles,
    /// Everybody of the account.
    Account,
    /// The primary contact (the first when none is marked).
    Primary,
}

/// The definitions, checked and ready to decide with.
#[derive(Clone, Debug)]
pub struct Rules {
    lineage: Lineage,
    pub(crate) version: Text,
    /// Channel rules and source list that classified a touch, as rows say it.
    pub(crate) ruleset_version: Text,
    pub(crate) reporting: Currency,
    pub(crate) own_sites: OwnSites,
    pub(crate) models: Models,
    pub(crate) scope: Scope,
    pub(crate) session_gap_ms: i64,
    pub(crate) click_window_ms: i64,
    pub(crate) anonymous_lookback_ms: i64,
    pub(crate) journey_touches_max: usize,
    pub(crate) scoring: Scoring,
    pub(crate) none: Text,
    deal_types: [Text; 3],
    channels: RuleSet,
    groups: Groups,
    suppress: Suppressed,
    personas: Vec<(Text, String, Patterns)>,
    account_segments: Vec<(SegmentRow, Patterns)>,
}

#[derive(Clone, Debug)]
struct Suppressed {
    paths: Patterns,
    sources: Patterns,
    campaigns: Patterns,
    domains: Patterns,
}

/// What is wrong with a definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where, such as `scoring.half_life_days`.
    pub path: String,
    /// What is wrong and what would be right.
    pub hint: String,
}

impl Rules {
    /// Checks the definitions; all problems at once.
    ///
    /// # Errors
    /// Every problem with its path and a hint.
    pub fn new(definitions: &Definitions) -> Result<Self, Vec<Problem>> {
        let mut check = Check::default();
        let channels = check.channels(definitions);
        let rules = Self {
            lineage: Lineage { generation: 0, rules: digest(definitions) },
            version: Text::from(definitions.version.as_str()),
            ruleset_version: Text::from(format!(
                "{}-{:08x}-{SOURCE_LIST_VERSION}",
                definitions.channel_rules,
                channels.as_ref().map_or(0, RuleSet::version)
            )),
            reporting: check.currency(&definitions.reporting_currency),
            own_sites: OwnSites::new(
                definitions.own_sites.iter().map(String::as_str),
                definitions.ignored_referrers.iter().map(String::as_str),
            ),
            models: check.models(definitions),
            scope: check.scope(&definitions.scope),
            session_gap_ms: check.span("session_gap_minutes", definitions.session_gap_minutes, 60_000),
            click_window_ms: i64::from(definitions.click_window_minutes) * 60_000,
            anonymous_lookback_ms: i64::from(definitions.anonymous_lookback_days) * 86_400_000,
            journey_touches_max: check.touches(definitions.journey_touches_max),
            scoring: check.scoring(&definitions.scoring),
            none: Text::from(NONE),
            deal_types: [DealType::New, DealType::Expansion, DealType::Renewal].map(|kind| Text::from(kind.word())),
            groups: check.groups(definitions),
            suppress: check.suppress(&definitions.suppress),
            personas: check.personas(&definitions.personas),
            account_segments: check.account_segments(&definitions.account_segments),
            channels: match channels {
                Some(rules) => rules,
                None => return Err(check.0),
            },
        };
        if check.0.is_empty() { Ok(rules) } else { Err(check.0) }
    }

    /// The same rules at work in a generation.
    #[must_use]
    pub fn of_generation(self, number: u32) -> Self {
        Self { lineage: Lineage { generation: number, ..self.lineage }, ..self }
    }

    /// What the messages of whoever works by these rules are known by.
    #[must_use]
    pub fn lineage(&self) -> Lineage {
        self.lineage
    }

    /// Own channel rules that can never match because an earlier one takes everything: a warning, not an error.
    #[must_use]
    pub fn shadowed(&self) -> Vec<crate::channel::Shadowed> {
        self.channels.shadowed()
    }

    /// The currency everything is also shown in.
    #[must_use]
    pub fn reporting_currency(&self) -> Currency {
        self.reporting
    }

    /// The ids of the models, in order.
    pub fn models(&self) -> impl Iterator<Item = &str> {
        self.models.ids.iter().map(|id| &**id)
    }

    /// Whether the landing page has a say in where an interaction came from.
    pub(crate) fn looks_at_pages(&self) -> bool {
        self.channels.looks_at_pages()
    }

    /// Where an interaction came from, by the channel rules.
    pub(crate) fn origin(&self, brought: Option<&Brought>, path: &str, referrer_host: Option<&str>) -> Origin {
        let found = |part: fn(&Brought) -> Option<&Text>| brought.and_then(part);
        let (source, medium) = (found(|b| b.source.as_ref()), found(|b| b.medium.as_ref()));
        let campaign = found(|b| b.campaign.as_ref());
        let classified = self.channels.classify(&Input {
            source: source.map_or("", |text| text),
            medium: medium.map_or("", |text| text),
            campaign: campaign.map_or("", |text| text),
            landing_path: path,
            referrer_host: referrer_host.unwrap_or(""),
        });
        let or_none = |text: Option<&Text>| text.unwrap_or(&self.none).clone();
        Origin {
            channel: Text::from(classified.channel),
            subchannel: classified.subchannel.map_or_else(|| self.none.clone(), Text::from),
            source: or_none(source),
            medium: or_none(medium),
            campaign: or_none(campaign),
        }
    }

    /// What a path or asset id is.
    pub(crate) fn content(&self, content: &Text) -> Content {
        match self.groups.classify(content) {
            Some(found) => Content {
                content: content.clone(),
                content_group: Text::from(found.group),
                buyer_stage: found.buyer_stage.map_or_else(|| self.none.clone(), |stage| Text::from(stage.name())),
            },
            None => {
                Content { content: content.clone(), content_group: self.none.clone(), buyer_stage: self.none.clone() }
            }
        }
    }

    /// The word of a deal type, shared.
    pub(crate) fn deal_type(&self, deal_type: DealType) -> &Text {
        let [new, expansion, renewal] = &self.deal_types;
        match deal_type {
            DealType::New => new,
            DealType::Expansion => expansion,
            DealType::Renewal => renewal,
        }
    }

    /// Whether a touch does not count.
    pub(crate) fn suppressed(&self, origin: &Origin, page: &Content, domain: Option<&str>) -> bool {
        let hit = |patterns: &Patterns, text: &str| !patterns.is_empty() && patterns.matches(Haystack::new(text));
        hit(&self.suppress.paths, &page.content)
            || hit(&self.suppress.sources, &origin.source)
            || hit(&self.suppress.campaigns, &origin.campaign)
            || domain.is_some_and(|domain| hit(&self.suppress.domains, domain))
    }

    /// The persona of a lead with these attributes.
    pub(crate) fn persona(&self, attributes: &BTreeMap<Text, Text>) -> Option<Text> {
        let fits = |(_, attribute, patterns): &&(Text, String, Patterns)| {
            let value = attributes.get(attribute.as_str()).map(|value| value.to_lowercase());
            value.is_some_and(|value| patterns.matches(Haystack::new(&value)))
        };
        self.personas.iter().find(fits).map(|(persona, _, _)| persona.clone())
    }

    /// Whether the definitions know the persona, so that it is no free text.
    pub(crate) fn knows_persona(&self, persona: &Text) -> bool {
        self.personas.iter().any(|(known, ..)| known == persona) || self.scoring.personas.contains_key(&**persona)
    }

    /// Whether the definitions name the segment, so that it is no free text.
    pub(crate) fn knows_segment(&self, segment: &Text) -> bool {
        self.account_segments.iter().any(|(row, _)| *row.segment == **segment)
    }

    /// The segment of the company of a lead with these attributes, and the attribute that decides it.
    pub(crate) fn account_segment(&self, attributes: &BTreeMap<Text, Text>) -> Option<(Text, &str)> {
        self.account_segments.iter().find_map(|(row, patterns)| {
            let value = attributes.get(row.attribute.as_str())?.trim().to_lowercase();
            let large = row.at_least == 0 || number(&value).is_some_and(|number| number >= row.at_least);
            let segment = if row.segment.is_empty() { value.as_str() } else { row.segment.as_str() };
            let fits = patterns.matches(Haystack::new(&value)) && large && !segment.is_empty();
            fits.then(|| (Text::from(segment), row.attribute.as_str()))
        })
    }

    /// Behaviour points of a touch, in hundredths.
    pub(crate) fn points_centi(&self, kind: TouchKind, page: &Content) -> i64 {
        let by_kind = match kind {
            TouchKind::Visit => self.scoring.visit,
            TouchKind::EmailClick => self.scoring.email_click,
            TouchKind::Form => self.scoring.form,
            TouchKind::Event => self.scoring.event,
            TouchKind::Enablement => self.scoring.enablement,
            TouchKind::SelfReported => 0,
        };
        let by_stage = match &*page.buyer_stage {
            "consideration" => self.scoring.consideration,
            "decision" => self.scoring.decision,
            _ => 0,
        };
        (i64::from(by_kind) + i64::from(by_stage)) * 100
    }
}

/// The number a text begins with, thousands split by nothing, `,`, `.` or `'`: 1 001 of `1,001-5,000`.
fn number(text: &str) -> Option<u32> {
    let digits = text.chars().filter(|letter| !matches!(letter, ',' | '.' | '\''));
    let digits: String = digits.take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// What tells definitions, and what this program makes of them, from others.
fn digest(definitions: &Definitions) -> u64 {
    // Every definition has an encoding.
    let bytes = postcard::to_allocvec(&(crate::LOGIC, definitions)).unwrap_or_default();
    SipHasher13::new().hash(&bytes)
}

/// Collects problems while the pieces are built.
#[derive(Default)]
struct Check(Vec<Problem>);

impl Check {
    fn problem(&mut self, path: impl Into<String>, hint: impl Into<String>) {
        self.0.push(Problem { path: path.into(), hint: hint.into() });
    }

    fn channels(&mut self, definitions: &Definitions) -> Option<RuleSet> {
        let base = match definitions.channel_rules.as_str() {
            "b2b" => Base::B2b,
            "ga4" => Base::Ga4,
            other => {
                self.problem("channel_rules", format!("\"{other}\" is not one of \"b2b\", \"ga4\""));
                return None;
            }
        };
        let rows: Vec<CustomRow> = definitions.channels.iter().cloned().map(CustomRow::from).collect();
        RuleSet::new(base, &rows).map_err(|error| self.problem("channels", error.to_string())).ok()
    }

    fn currency(&mut self, code: &str) -> Currency {
        Currency::parse(code).unwrap_or_else(|| {
            self.problem("reporting_currency", format!("\"{code}\" is not an ISO 4217 code such as \"USD\""));
            Currency::USD
        })
    }

    fn scope(&mut self, name: &str) -> Scope {
        match name {
            "contact_roles" => Scope::ContactRoles,
            "account" => Scope::Account,
            "primary" => Scope::Primary,
            other => {
                self.problem("scope", format!("\"{other}\" is not one of \"contact_roles\", \"account\", \"primary\""));
                Scope::ContactRoles
            }
        }
    }

    fn span(&mut self, path: &str, value: u32, unit_ms: i64) -> i64 {
        if value == 0 {
            self.problem(path, "must be above 0");
        }
        i64::from(value) * unit_ms
    }

    fn touches(&mut self, max: u32) -> usize {
        let limit = crate::attribution::MAX_TOUCHES;
        let max = usize::try_from(max).unwrap_or(usize::MAX);
        if max < 2 || max > limit {
            self.problem("journey_touches_max", format!("must be between 2 and {limit}"));
        }
        max
    }

    fn scoring(&mut self, scoring: &Scoring) -> Scoring {
        if scoring.half_life_days == 0 {
            self.problem("scoring.half_life_days", "must be above 0");
        }
        if scoring.mql_threshold == 0 {
            self.problem("scoring.mql_threshold", "must be above 0, or every lead is marketing qualified at once");
        }
        scoring.clone()
    }

    fn groups(&mut self, definitions: &Definitions) -> Groups {
        let rows =
            definitions.content.iter().map(|row| (row.path.as_str(), row.group.as_str(), row.buyer_stage.as_str()));
        Groups::new(rows).unwrap_or_else(|error| {
            self.problem("content", error.to_string());
            Groups::shipped()
        })
    }

    fn patterns(&mut self, path: &str, cell: &str) -> Patterns {
        Patterns::parse(cell).unwrap_or_else(|error| {
            self.problem(path, error.to_string());
            Patterns::default()
        })
    }

    fn suppress(&mut self, suppress: &Suppress) -> Suppressed {
        Suppressed {
            paths: self.patterns("suppress.paths", &suppress.paths),
            sources: self.patterns("suppress.sources", &suppress.sources),
            campaigns: self.patterns("suppress.campaigns", &suppress.campaigns),
            domains: self.patterns("suppress.domains", &suppress.domains),
        }
    }

    fn personas(&mut self, rows: &[PersonaRow]) -> Vec<(Text, String, Patterns)> {
        let mut personas = Vec::new();
        for (index, row) in rows.iter().enumerate() {
            let patterns = self.patterns(&format!("personas[{index}].matches"), &row.matches);
            personas.push((Text::from(row.persona.as_str()), row.attribute.clone(), patterns));
        }
        personas
    }

    fn account_segments(&mut self, rows: &[SegmentRow]) -> Vec<(SegmentRow, Patterns)> {
        let mut segments = Vec::new();
        for (index, row) in rows.iter().enumerate() {
            if row.attribute.is_empty() {
                let hint = "name the form field or CRM attribute to look at, such as \"industry\"";
                self.problem(format!("account_segments[{index}].attribute"), hint);
            }
            let patterns = self.patterns(&format!("account_segments[{index}].matches"), &row.matches);
            segments.push((row.clone(), patterns));
        }
        segments
    }
}

impl From<ChannelRow> for CustomRow {
    fn from(row: ChannelRow) -> Self {
        Self {
            channel: row.channel,
            subchannel: row.subchannel,
            campaign: row.campaign,
            medium: row.medium,
            source: row.source,
            landing_path: row.landing_path,
            referrer_host: row.referrer_host,
        }
    }
}
