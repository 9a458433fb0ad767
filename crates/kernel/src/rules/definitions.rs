//! The definitions as they are written: plain settings, every one with a default.

use crate::attribution::Model;
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// The definitions as an operator writes them; every field has a default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Definitions {
    /// Name of this set of definitions; stands on every row made with it.
    pub version: String,
    /// Three letters: what all amounts are also shown in.
    pub reporting_currency: String,
    /// Channel rules to start from: `b2b` or `ga4`.
    pub channel_rules: String,
    /// Own channel rules, before the shipped ones; first match wins.
    pub channels: Vec<ChannelRow>,
    /// Own sites: a visit from one of them to another is not a referral.
    pub own_sites: Vec<String>,
    /// Sites that are passed through (payment, single sign-on).
    pub ignored_referrers: Vec<String>,
    /// Own content groups, before the shipped ones; first match wins.
    pub content: Vec<ContentRow>,
    /// Models to credit with, by id: those that ship, a preset's (`hubspot_w_shaped`), or a preset with all of them.
    pub models: Vec<String>,
    /// Own models, credited after those.
    pub own_models: Vec<OwnModel>,
    /// Whose touches a deal's journey has: `contact_roles`, `account` or `primary`.
    pub scope: String,
    /// Minutes without a page view that end a session.
    pub session_gap_minutes: u32,
    /// Minutes within which a session after a mail click is the same interaction.
    pub click_window_minutes: u32,
    /// Days before its first link that an anonymous visitor's touches still belong to the lead.
    pub anonymous_lookback_days: u32,
    /// Most touches one conversion's journey may have; the first and the latest stay.
    pub journey_touches_max: u32,
    /// Touches that do not count.
    pub suppress: Suppress,
    /// How leads are scored, and when they are marketing qualified.
    pub scoring: Scoring,
    /// Personas by form and CRM attributes; first match wins. What a CRM says of the persona stands above them.
    pub personas: Vec<PersonaRow>,
    /// Segments of accounts by form and CRM attributes of their leads; first match wins.
    pub account_segments: Vec<SegmentRow>,
}

/// A model of the operator's own. What is not said is as in `like`, else as in the models that ship.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OwnModel {
    /// What rows and reports call it.
    pub id: String,
    /// Id of the model it starts from: one that ships, or a preset's.
    pub like: Option<String>,
    /// What each position earns.
    pub weights: Option<Weights>,
    /// Days in which a touch loses half its weight; instead of weights.
    pub half_life_days: Option<u32>,
    /// Days before the conversion in which touches count.
    pub lookback_days: Option<u32>,
    /// Which channels' touches count: `any`, `not_direct` or `paid`.
    pub counted: Option<String>,
    /// Which touches the middle, and models without positions, may credit: `any`, `engaged` or `form_or_event`.
    pub eligible: Option<String>,
    /// What becomes of the weight of a position that no touch holds: `renormalise` or `unattributed`.
    pub missing: Option<String>,
    /// How the positions share the weight of a middle without touches: `equal` or `pro_rata`.
    pub empty_middle: Option<String>,
    /// What a later deal takes from before the previous close: `carry`, `fresh` or `full`.
    pub expansion: Option<String>,
    /// Whether a touch counts once a session, or each time: `session` or `none`.
    pub dedupe: Option<String>,
    /// Whether what people say they heard of counts.
    pub self_reported: Option<bool>,
}

/// Weights over positions, relative to each other: 30/30/30/10 and 3/3/3/1 are the same.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Weights {
    /// The first touch.
    pub first: u32,
    /// The last touch.
    pub last: u32,
    /// The last touch up to the creation of the lead.
    pub lead_creation: u32,
    /// The last touch up to its first entry into MQL.
    pub mql: u32,
    /// The last touch up to its first entry into SQL.
    pub sql: u32,
    /// The last touch up to the creation of the deal.
    pub opportunity_creation: u32,
    /// The last touch up to the deal's first entry into a stage, by the CRM's name of the stage.
    pub stages: BTreeMap<String, u32>,
    /// The last touch up to the close.
    pub close: u32,
    /// All forms and attended events together.
    pub converting: u32,
    /// All other touches together.
    pub middle: u32,
}

/// An own channel rule; every non-empty cell must match (`*x*`, `*x`, `x*`, exact; several split by `;`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(missing_docs)]
pub struct ChannelRow {
    pub channel: String,
    pub subchannel: Option<String>,
    pub campaign: String,
    pub medium: String,
    pub source: String,
    pub landing_path: String,
    pub referrer_host: String,
}

/// An own content group: paths like `/blog/*` and what they are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(missing_docs)]
pub struct ContentRow {
    pub path: String,
    pub group: String,
    /// `awareness`, `consideration` or `decision`.
    pub buyer_stage: String,
}

/// Patterns of touches that do not count; each list is split by `;`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Suppress {
    pub paths: String,
    pub sources: String,
    pub campaigns: String,
    /// Business domains whose people are not prospects, such as one's own.
    pub domains: String,
}

/// Points, in whole numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Scoring {
    /// Score at which a lead is marketing qualified.
    pub mql_threshold: u32,
    /// Days after which behaviour counts half.
    pub half_life_days: u32,
    pub visit: u32,
    pub email_click: u32,
    pub form: u32,
    pub event: u32,
    pub enablement: u32,
    /// Extra points of a touch by the buyer's stage of its content.
    pub consideration: u32,
    pub decision: u32,
    /// Fit points by persona.
    pub personas: BTreeMap<String, u32>,
    /// Fit points of a lead with a business domain.
    pub business_domain: u32,
}

/// A persona and the attribute values that make it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(missing_docs)]
pub struct PersonaRow {
    pub persona: String,
    /// The form field or CRM attribute looked at, such as `title`.
    pub attribute: String,
    /// Patterns of its value, lower case, split by `;`.
    pub matches: String,
}

/// A segment of accounts and the attribute values that make it. Every condition that is given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SegmentRow {
    /// Its name; the attribute's own value, lower case, where it is empty.
    pub segment: String,
    /// The form field or CRM attribute looked at, such as `industry`.
    pub attribute: String,
    /// Patterns of its value, lower case, split by `;`; every value where there are none.
    pub matches: String,
    /// Least number its value may begin with, such as 200 for `201-500`; 0 for any value.
    pub at_least: u32,
}

impl Default for Definitions {
    fn default() -> Self {
        Self {
            version: "default-1".into(),
            reporting_currency: "USD".into(),
            channel_rules: "b2b".into(),
            channels: Vec::new(),
            own_sites: Vec::new(),
            ignored_referrers: Vec::new(),
            content: Vec::new(),
            models: Model::rule_based().into_iter().map(|model| model.id).collect(),
            own_models: Vec::new(),
            scope: "contact_roles".into(),
            session_gap_minutes: 30,
            click_window_minutes: 10,
            anonymous_lookback_days: 90,
            journey_touches_max: 10_000,
            suppress: Suppress::default(),
            scoring: Scoring::default(),
            personas: default_personas(),
            account_segments: default_account_segments(),
        }
    }
}

impl Default for Scoring {
    fn default() -> Self {
        let personas = [("executive", 20), ("manager", 15), ("practitioner", 10)];
        Self {
            mql_threshold: 50,
            half_life_days: 30,
            visit: 2,
            email_click: 4,
            form: 20,
            event: 20,
            enablement: 8,
            consideration: 3,
            decision: 10,
            personas: personas.map(|(name, points)| (name.to_string(), points)).into(),
            business_domain: 5,
        }
    }
}

fn default_personas() -> Vec<PersonaRow> {
    let row = |persona: &str, matches: &str| PersonaRow {
        persona: persona.into(),
        attribute: "title".into(),
        matches: matches.into(),
    };
    [
        row("executive", "ceo;cto;cfo;coo;cmo;cio;chief*;founder*;co-founder*;president*;*vice president*;vp*;owner"),
        row("manager", "*manager*;*director*;head of*;*lead"),
        row("practitioner", "*"),
    ]
    .into()
}

/// What the CRM calls the segment; else by employees.
fn default_account_segments() -> Vec<SegmentRow> {
    let row = |attribute: &str, segment: &str, at_least| SegmentRow {
        segment: segment.into(),
        attribute: attribute.into(),
        matches: String::new(),
        at_least,
    };
    let sizes = [("enterprise", 1_000), ("mid-market", 50), ("small", 1)];
    let by = |attribute: &'static str| sizes.into_iter().map(move |(segment, least)| row(attribute, segment, least));
    let said = [row("account_segment", "", 0)];
    said.into_iter().chain(by("company_size")).chain(by("employees")).collect()
}
