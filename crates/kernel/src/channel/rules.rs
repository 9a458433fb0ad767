//! Rule sets: the workspace's own rows first, then the shipped rules.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::ga4::{self, Rule, Signs};
use super::pattern::{Haystack, PatternError, Patterns};
use super::source_list::{Category, SourceList};
use super::{Channel, NOT_SET, b2b};

/// Raised whenever the shipped rules change, so that stored versions differ.
const RULES_VERSION: u32 = 2;

/// The shipped rules a workspace builds on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Base {
    /// The public default channel group.
    Ga4,
    /// `ga4` behind the business additions.
    #[default]
    B2b,
}

/// A rule of the workspace, as configured. An empty cell matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CustomRow {
    /// The channel it gives: a shipped name or the workspace's own.
    pub channel: String,
    /// A finer name below the channel.
    pub subchannel: Option<String>,
    /// Patterns on the campaign.
    pub campaign: String,
    /// Patterns on the medium.
    pub medium: String,
    /// Patterns on the source.
    pub source: String,
    /// Patterns on the normalised path of the landing page.
    pub landing_path: String,
    /// Patterns on the host of the referrer.
    pub referrer_host: String,
}

/// Why a rule set cannot be used. Rows count from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleError {
    /// The row gives no channel.
    NoChannel(usize),
    /// The row has no pattern at all and would take everything; `*` says that on purpose.
    NoPattern(usize),
    /// A cell cannot be read.
    Pattern(usize, PatternError),
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoChannel(row) => write!(f, "channel rule \"{row}\" names no channel"),
            Self::NoPattern(row) => write!(f, "channel rule \"{row}\" has no pattern; write \"*\" to match everything"),
            Self::Pattern(row, error) => write!(f, "channel rule \"{row}\": {error}"),
        }
    }
}

impl core::error::Error for RuleError {}

/// An own row that can never win, because an earlier one takes all it would. Rows count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shadowed {
    /// The unreachable row.
    pub row: usize,
    /// The first row that takes everything it would.
    pub by: usize,
}

/// What is classified. Lower case; empty or `(not set)` is missing.
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)]
pub struct Input<'a> {
    pub source: &'a str,
    pub medium: &'a str,
    pub campaign: &'a str,
    pub landing_path: &'a str,
    pub referrer_host: &'a str,
}

/// The channel of a touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Classified<'r> {
    /// Name of the channel, never empty.
    pub channel: &'r str,
    /// From an own row, else the group of a listed source (`linkedin` below `Paid Social`).
    pub subchannel: Option<&'r str>,
}

/// Ordered rules with the source list they ask; a pure function from [`Input`] to [`Classified`].
#[derive(Clone, Debug)]
pub struct RuleSet {
    custom: Vec<CustomRule>,
    base: Base,
    sources: SourceList,
    version: u32,
}

impl RuleSet {
    /// Reads the workspace's own rows, first wins, in front of a base.
    pub fn new(base: Base, rows: &[CustomRow]) -> Result<Self, RuleError> {
        let custom = rows.iter().enumerate().map(|(index, row)| CustomRule::read(index + 1, row));
        let custom = custom.collect::<Result<_, _>>()?;
        Ok(Self { custom, base, sources: SourceList::shipped(), version: version_of(base, rows) })
    }

    /// A number that differs when the rules do. Rows store it beside the version of the source list.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// Whether any rule looks at the landing page.
    pub fn looks_at_pages(&self) -> bool {
        self.custom.iter().any(|rule| !rule.landing_path().is_empty())
    }

    /// The channel of a touch.
    pub fn classify(&self, input: &Input<'_>) -> Classified<'_> {
        self.custom_match(input).unwrap_or_else(|| self.shipped_match(input))
    }

    /// The own rows that can never win. Only single earlier rows are compared, not their union.
    pub fn shadowed(&self) -> Vec<Shadowed> {
        let shadow = |(index, later): (usize, &CustomRule)| {
            let by = self.custom.iter().take(index).position(|earlier| earlier.covers(later))?;
            Some(Shadowed { row: index + 1, by: by + 1 })
        };
        self.custom.iter().enumerate().filter_map(shadow).collect()
    }

    fn custom_match(&self, input: &Input<'_>) -> Option<Classified<'_>> {
        if self.custom.is_empty() {
            return None;
        }
        let cells = input.cells().map(Haystack::new);
        let rule = self.custom.iter().find(|rule| rule.matches(&cells))?;
        Some(Classified { channel: &rule.channel, subchannel: rule.subchannel.as_deref() })
    }

    fn shipped_match(&self, input: &Input<'_>) -> Classified<'_> {
        let listed = self.sources.find(input.source);
        let medium = or_not_set(input.medium);
        let signs = Signs {
            source: or_not_set(input.source),
            medium,
            campaign: input.campaign,
            category: listed.and_then(|row| row.category),
            referrer: self.referrer_category(input),
            is_paid: ga4::is_paid_medium(medium),
        };
        let additions: &[Rule] = if self.base == Base::B2b { &b2b::ADDITIONS } else { &[] };
        let rule = additions.iter().chain(&ga4::RULES).find(|(_, applies)| applies(&signs));
        let channel = rule.map_or(Channel::Unassigned, |(channel, _)| *channel);
        Classified { channel: channel.name(), subchannel: listed.map(|row| row.group) }
    }

    /// Asked by the additions only, and mostly the source itself.
    fn referrer_category(&self, input: &Input<'_>) -> Option<Category> {
        if self.base == Base::Ga4 || input.referrer_host.is_empty() {
            return None;
        }
        self.sources.find(input.referrer_host)?.category
    }
}

impl<'a> Input<'a> {
    fn cells(&self) -> [&'a str; 5] {
        [self.campaign, self.medium, self.source, self.landing_path, self.referrer_host]
    }
}

/// An own row, read.
#[derive(Clone, Debug)]
struct CustomRule {
    channel: Box<str>,
    subchannel: Option<Box<str>>,
    /// In the order of [`Input::cells`].
    cells: [Patterns; 5],
}

impl CustomRule {
    fn read(number: usize, row: &CustomRow) -> Result<Self, RuleError> {
        let channel = row.channel.trim();
        if channel.is_empty() {
            return Err(RuleError::NoChannel(number));
        }
        let mut cells: [Patterns; 5] = Default::default();
        for (cell, text) in cells.iter_mut().zip(row.cells()) {
            *cell = Patterns::parse(text).map_err(|error| RuleError::Pattern(number, error))?;
        }
        if cells.iter().all(Patterns::is_empty) {
            return Err(RuleError::NoPattern(number));
        }
        let subchannel = row.subchannel.as_deref().map(str::trim).filter(|name| !name.is_empty());
        Ok(Self { channel: channel.into(), subchannel: subchannel.map(Box::from), cells })
    }

    fn matches(&self, texts: &[Haystack<'_>; 5]) -> bool {
        self.cells.iter().zip(texts).all(|(cell, text)| cell.matches(*text))
    }

    fn landing_path(&self) -> &Patterns {
        let [_, _, _, landing_path, _] = &self.cells;
        landing_path
    }

    fn covers(&self, later: &Self) -> bool {
        self.cells.iter().zip(&later.cells).all(|(mine, theirs)| mine.covers(theirs))
    }
}

impl CustomRow {
    fn cells(&self) -> [&str; 5] {
        [&self.campaign, &self.medium, &self.source, &self.landing_path, &self.referrer_host]
    }
}

fn or_not_set(text: &str) -> &str {
    if text.is_empty() { NOT_SET } else { text }
}

/// FNV-1a over everything that decides, each text closed by a zero.
fn version_of(base: Base, rows: &[CustomRow]) -> u32 {
    let hash = |hash: u32, text: &str| {
        text.bytes().chain([0]).fold(hash, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
    };
    let start = 0x811c_9dc5 ^ RULES_VERSION << 8 ^ u32::from(base == Base::B2b);
    rows.iter().fold(start, |start, row| {
        let names = [row.channel.as_str(), row.subchannel.as_deref().unwrap_or_default()];
        row.cells().into_iter().chain(names).fold(start, hash)
    })
}

#[cfg(test)]
mod tests;
