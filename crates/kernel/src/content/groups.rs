//! What a page is for: its content group and the stage of the buyer who reads it.

use alloc::borrow::Cow;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use crate::channel::{Haystack, PatternError, Patterns};

/// How far a buyer is when they look for such content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BuyerStage {
    /// Learns that there is a problem.
    Awareness,
    /// Compares ways to solve it.
    Consideration,
    /// Chooses a vendor.
    Decision,
}

impl BuyerStage {
    /// The word rows and configuration use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Awareness => "awareness",
            Self::Consideration => "consideration",
            Self::Decision => "decision",
        }
    }

    /// The stage of exactly this name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Awareness, Self::Consideration, Self::Decision].into_iter().find(|stage| stage.name() == name)
    }
}

/// What a page is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Purpose<'a> {
    /// Name of its content group: `blog`, `ebook`, `pricing` …
    pub group: &'a str,
    /// The stage of the buyers it is for; an own group may leave it open.
    pub buyer_stage: Option<BuyerStage>,
}

/// Why a row of content groups cannot be used. Rows count from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupError {
    /// The row has no name or no pattern.
    Empty(usize),
    /// The stage is none of the three.
    Stage(usize, String),
    /// The pattern cannot be read.
    Pattern(usize, PatternError),
}

impl fmt::Display for GroupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty(row) => write!(f, "content group \"{row}\" has no name or no path"),
            Self::Stage(row, stage) => {
                let known = "\"awareness\", \"consideration\", \"decision\"";
                write!(f, "content group \"{row}\": \"{stage}\" is not one of {known}")
            }
            Self::Pattern(row, error) => write!(f, "content group \"{row}\": {error}"),
        }
    }
}

impl core::error::Error for GroupError {}

/// Ordered patterns on the path; the first row that matches tells what a page is for.
#[derive(Clone, Debug)]
pub struct Groups {
    own: Vec<Row>,
    shipped: Vec<Row>,
}

#[derive(Clone, Debug)]
struct Row {
    path: Patterns,
    group: Cow<'static, str>,
    buyer_stage: Option<BuyerStage>,
}

impl Groups {
    /// The shipped groups alone.
    pub fn shipped() -> Self {
        let row = |(path, group, stage): &(&str, &'static str, BuyerStage)| {
            let path = Patterns::parse(path).ok()?;
            Some(Row { path, group: Cow::Borrowed(group), buyer_stage: Some(*stage) })
        };
        Self { own: Vec::new(), shipped: SHIPPED.iter().filter_map(row).collect() }
    }

    /// The workspace's own rows in front of the shipped ones: patterns on the path (`;` between
    /// alternatives), name of the group, name of the stage (may be empty).
    pub fn new<'a>(rows: impl IntoIterator<Item = (&'a str, &'a str, &'a str)>) -> Result<Self, GroupError> {
        let own = rows.into_iter().enumerate().map(|(index, row)| Row::read(index + 1, row));
        Ok(Self { own: own.collect::<Result<_, _>>()?, ..Self::shipped() })
    }

    /// What the page of a normalised path is for. ASCII case is ignored.
    pub fn classify(&self, path: &str) -> Option<Purpose<'_>> {
        let path = Haystack::new(path);
        let row = self.own.iter().chain(&self.shipped).find(|row| row.path.matches(path))?;
        Some(Purpose { group: &row.group, buyer_stage: row.buyer_stage })
    }
}

impl Row {
    fn read(number: usize, (path, group, stage): (&str, &str, &str)) -> Result<Self, GroupError> {
        let path = Patterns::parse(path).map_err(|error| GroupError::Pattern(number, error))?;
        let (group, stage) = (group.trim(), stage.trim());
        if path.is_empty() || group.is_empty() {
            return Err(GroupError::Empty(number));
        }
        let buyer_stage = BuyerStage::from_name(stage);
        if buyer_stage.is_none() && !stage.is_empty() {
            return Err(GroupError::Stage(number, stage.to_string()));
        }
        Ok(Self { path, group: Cow::Owned(group.into()), buyer_stage })
    }
}

use BuyerStage::{Awareness, Consideration, Decision};

/// What most business sites have. Places that hold any topic (blog, docs) stand before the topics.
#[rustfmt::skip]
const SHIPPED: &[(&str, &str, BuyerStage)] = &[
    ("/", "home", Awareness),
    ("*/careers*;*/jobs*;*/career;*/career/*;*/karriere*;*/vacancies*", "careers", Awareness),
    ("*/legal*;*/privacy*;*/terms*;*/imprint*;*/impressum*;*/datenschutz*;*/cookie*;*/gdpr*;*/dpa", "legal", Awareness),
    ("*/docs*;*/documentation*;*/help*;*/support*;*/knowledge-base*;*/kb/*;*/api-reference*;*/developers*;*/changelog*;*/faq*", "docs", Decision),
    ("*/blog*;*/articles*;*/magazine*;*/magazin*;*/insights*", "blog", Awareness),
    ("*/news;*/news/*;*/newsroom*;*/press;*/press/*;*/press-release*;*/presse*;*/media-center*", "news", Awareness),
    ("*case-stud*;*/casestud*;*success-stor*;*customer-stor*;*/customers*;*/testimonials*;*/references*;*referenzen*;*/kunden*", "case study", Decision),
    ("*webinar*;*/workshop*;*/masterclass*", "webinar", Consideration),
    ("*/events*;*/event/*;*/conference*;*/summit*;*/tradeshow*;*/veranstaltung*", "event", Consideration),
    ("*whitepaper*;*white-paper*;*/whitepapers*", "whitepaper", Consideration),
    ("*ebook*;*e-book*", "ebook", Consideration),
    ("*/report;*/report/*;*/reports*;*/research*;*benchmark*;*/state-of-*;*/studie*;*/survey*", "report", Awareness),
    ("*/template*;*/checklist*;*/toolkit*;*/calculator*;*/tools/*;*-calculator;*-template;*-checklist", "tool", Consideration),
    ("*/guide*;*-guide;*-guide/*;*/how-to*;*/tutorial*;*/playbook*;*/ratgeber*;*/leitfaden*;*/learn;*/learn/*;*/academy*", "guide", Awareness),
    ("*/glossary*;*/glossar*;*/what-is-*;*/wiki*;*/lexikon*", "glossary", Awareness),
    ("*/podcast*", "podcast", Awareness),
    ("*/video*", "video", Awareness),
    ("*/compare*;*/comparison*;*/vs;*/vs/*;*-vs-*;*/alternative*;*-alternative;*-alternatives;*/vergleich*", "comparison", Decision),
    ("*/pricing*;*/prices*;*/preise*;*/tarif*;*/plans;*/plans/*;*/quote*;*/angebot*", "pricing", Decision),
    ("*demo;*/demo/*;*/demo-*;*-demo-*;*/book-a-*;*/schedule*;*/meeting*", "demo", Decision),
    ("*/trial*;*free-trial*;*/signup*;*/sign-up*;*/register*;*/get-started*;*/start-free*;*/registrier*", "trial", Decision),
    ("*/contact*;*/kontakt*;*/talk-to-*", "contact", Decision),
    ("*/checkout*;*/cart;*/cart/*;*/order;*/order/*;*/buy;*/buy/*", "checkout", Decision),
    ("*/thank-you*;*/thank_you*;*/thanks*;*/danke*;*/confirmation*", "thank you", Decision),
    ("*/security*;*/trust;*/trust/*;*/compliance*", "security", Decision),
    ("*/integrations*;*/integration/*;*/partners*;*/marketplace*;*/apps;*/apps/*", "integration", Consideration),
    ("*/product*;*/produkt*;*/features*;*/feature/*;*/platform*;*/how-it-works*;*/tour;*/tour/*", "product", Consideration),
    ("*/solution*;*/loesung*;*/use-case*;*/industries*;*/industry/*;*/branchen*;*/for-*;*/services*", "solution", Consideration),
    ("*/resources*;*/ressourcen*;*/library*;*/content-hub*;*/downloads*;*/download/*", "resource", Awareness),
    ("*/about*;*/company*;*/team;*/team/*;*/ueber-uns*;*/unternehmen*;*/our-story*", "about", Awareness),
    ("*/lp/*;*/lp-*;*/landing*;*/go/*;*/offer*;*/promo*;*/campaign*", "landing", Consideration),
    ("*/login*;*/signin*;*/sign-in*;*/account;*/account/*;*/app/*;*/dashboard*", "app", Decision),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shipped_groups() {
        let groups = Groups::shipped();
        assert_eq!(groups.shipped.len(), SHIPPED.len());
        for (path, group, stage) in [
            ("/", "home", Awareness),
            ("/blog", "blog", Awareness),
            ("/en/blog/pricing-guide", "blog", Awareness),
            ("/Blog/ABM", "blog", Awareness),
            ("/resources/ebook-abm", "ebook", Consideration),
            ("/whitepapers/attribution", "whitepaper", Consideration),
            ("/resources/attribution-guide", "guide", Awareness),
            ("/webinars/q3", "webinar", Consideration),
            ("/customers/acme", "case study", Decision),
            ("/case-studies/acme", "case study", Decision),
            ("/pricing", "pricing", Decision),
            ("/request-demo", "demo", Decision),
            ("/demo", "demo", Decision),
            ("/product/reports", "report", Awareness),
            ("/product/journeys", "product", Consideration),
            ("/docs/api/pricing", "docs", Decision),
            ("/lp/spring", "landing", Consideration),
            ("/careers/rust-engineer", "careers", Awareness),
        ] {
            assert_eq!(groups.classify(path), Some(Purpose { group, buyer_stage: Some(stage) }), "{path}");
        }
        assert_eq!(groups.classify("/x"), None);
    }

    #[test]
    fn own_rows_come_first() {
        let groups = Groups::new([("/blog/launch*", "launch", "decision"), ("/x; /y", "letters", "")]).unwrap();
        for (path, group, buyer_stage) in [
            ("/blog/launch-2026", "launch", Some(Decision)),
            ("/blog/other", "blog", Some(Awareness)),
            ("/y", "letters", None),
        ] {
            assert_eq!(groups.classify(path), Some(Purpose { group, buyer_stage }), "{path}");
        }
    }

    #[test]
    fn unusable_rows_are_named() {
        for (row, expect) in [
            ((" ", "b", ""), "content group \"2\" has no name or no path"),
            (("/b", " ", ""), "content group \"2\" has no name or no path"),
            (
                ("/b", "b", "late"),
                "content group \"2\": \"late\" is not one of \"awareness\", \"consideration\", \"decision\"",
            ),
            (
                ("a*b", "b", ""),
                "content group \"2\": pattern \"a*b\" has a star inside; only \"*x*\", \"*x\", \"x*\" and \"x\" are known",
            ),
        ] {
            assert_eq!(Groups::new([("/a", "a", ""), row]).unwrap_err().to_string(), expect);
        }
    }
}
