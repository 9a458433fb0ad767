//! The patterns of configuration: `*x*`, `*x`, `x*`, `x`, several separated by `;`.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

/// Why a text is not a list of patterns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PatternError {
    /// A star may only stand at either end.
    StarInside(String),
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StarInside(text) => {
                write!(f, "pattern \"{text}\" has a star inside; only \"*x*\", \"*x\", \"x*\" and \"x\" are known")
            }
        }
    }
}

impl core::error::Error for PatternError {}

/// Which adjacent letters a text has, as 128 bits, case ignored.
///
/// A text can only contain a needle whose grams are all among its own: one pass over the text
/// spares nearly every search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Grams(u128);

impl Grams {
    fn of(text: &[u8]) -> Self {
        let letters = text.iter().map(|byte| u32::from(byte.to_ascii_lowercase()));
        let pairs = letters.clone().zip(letters.skip(1));
        Self(pairs.fold(0, |bits, (first, second)| bits | 1 << ((first * 37 + second) & 127)))
    }

    fn may_contain(self, needle: Self) -> bool {
        needle.0 & !self.0 == 0
    }
}

/// A text prepared for many patterns.
#[derive(Clone, Copy)]
pub(crate) struct Haystack<'a> {
    text: &'a [u8],
    grams: Grams,
}

impl<'a> Haystack<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text: text.as_bytes(), grams: Grams::of(text.as_bytes()) }
    }

    fn contains(self, needle: &str) -> bool {
        let Some(first) = needle.bytes().next() else { return true };
        let is_here = |window: &[u8]| {
            window.first().is_some_and(|byte| byte.to_ascii_lowercase() == first)
                && window.eq_ignore_ascii_case(needle.as_bytes())
        };
        self.text.windows(needle.len()).any(is_here)
    }

    fn starts_with(self, needle: &str) -> bool {
        self.text.get(..needle.len()).is_some_and(|start| start.eq_ignore_ascii_case(needle.as_bytes()))
    }

    fn ends_with(self, needle: &str) -> bool {
        let start = self.text.len().checked_sub(needle.len());
        let end = start.and_then(|start| self.text.get(start..));
        end.is_some_and(|end| end.eq_ignore_ascii_case(needle.as_bytes()))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Exact,
    Prefix,
    Suffix,
    Contains,
}

/// One pattern, lower case. ASCII case is ignored when it is matched.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern {
    kind: Kind,
    needle: Box<str>,
    grams: Grams,
}

impl Pattern {
    fn parse(text: &str) -> Result<Self, PatternError> {
        let (kind, needle) = match (text.strip_prefix('*'), text.strip_suffix('*')) {
            (Some(""), _) => (Kind::Contains, ""),
            (Some(needle), Some(_)) => (Kind::Contains, needle.strip_suffix('*').unwrap_or(needle)),
            (Some(needle), None) => (Kind::Suffix, needle),
            (None, Some(needle)) => (Kind::Prefix, needle),
            (None, None) => (Kind::Exact, text),
        };
        if needle.contains('*') {
            return Err(PatternError::StarInside(text.to_string()));
        }
        let needle = needle.to_lowercase().into_boxed_str();
        Ok(Self { kind, grams: Grams::of(needle.as_bytes()), needle })
    }

    fn matches(&self, text: Haystack<'_>) -> bool {
        text.grams.may_contain(self.grams) && self.is_in_place(text)
    }

    fn is_in_place(&self, text: Haystack<'_>) -> bool {
        match self.kind {
            Kind::Exact => text.text.eq_ignore_ascii_case(self.needle.as_bytes()),
            Kind::Prefix => text.starts_with(&self.needle),
            Kind::Suffix => text.ends_with(&self.needle),
            Kind::Contains => text.contains(&self.needle),
        }
    }

    /// Whether every text that matches `other` matches this one.
    fn covers(&self, other: &Self) -> bool {
        let (mine, theirs) = (&*self.needle, &*other.needle);
        match (self.kind, other.kind) {
            (Kind::Contains, _) => theirs.contains(mine),
            (Kind::Exact, Kind::Exact) => theirs == mine,
            (Kind::Prefix, Kind::Exact | Kind::Prefix) => theirs.starts_with(mine),
            (Kind::Suffix, Kind::Exact | Kind::Suffix) => theirs.ends_with(mine),
            _ => false,
        }
    }
}

/// One cell of a rule: alternatives, any of which may match. An empty cell matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Patterns(Vec<Pattern>);

impl Patterns {
    pub(crate) fn parse(cell: &str) -> Result<Self, PatternError> {
        let texts = cell.split(';').map(str::trim).filter(|text| !text.is_empty());
        texts.map(Pattern::parse).collect::<Result<_, _>>().map(Self)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn matches(&self, text: Haystack<'_>) -> bool {
        self.0.is_empty() || self.0.iter().any(|pattern| pattern.matches(text))
    }

    /// Whether every text that matches `other` matches this cell, told from single patterns.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        let covered = |theirs: &Pattern| self.0.iter().any(|mine| mine.covers(theirs));
        self.is_everything() || !other.is_empty() && other.0.iter().all(covered)
    }

    fn is_everything(&self) -> bool {
        self.is_empty() || self.0.iter().any(|pattern| pattern.kind == Kind::Contains && pattern.needle.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A pattern matched the slow way: every way to cut the text where the stars are.
    fn naive(pattern: &str, text: &str) -> bool {
        match pattern.strip_prefix('*') {
            Some(rest) => (0..=text.len()).any(|at| naive(rest, &text[at..])),
            None if pattern.is_empty() => text.is_empty(),
            None => text.starts_with(&pattern[..1]) && naive(&pattern[1..], &text[1..]),
        }
    }

    #[test]
    fn a_star_stands_at_an_end() {
        assert_eq!(Patterns::parse("a*b"), Err(PatternError::StarInside("a*b".into())));
        assert!(Patterns::parse(" ; ").unwrap().is_empty());
        for (cell, text, expect) in [
            ("Spring*; *-eu", "SPRING-2026", true),
            ("spring*;*-eu", "fall-eu", true),
            ("spring*;*-eu", "fall-us", false),
            ("*", "", true),
            ("**", "x", true),
            ("größe", "größe", true),
        ] {
            assert_eq!(Patterns::parse(cell).unwrap().matches(Haystack::new(text)), expect, "{cell} {text}");
        }
    }

    proptest! {
        #[test]
        fn matches_what_the_stars_say(pattern in "\\*?[ab]{1,3}\\*?", text in "[ab]{0,6}") {
            let cell = Patterns::parse(&pattern).unwrap();
            prop_assert_eq!(cell.matches(Haystack::new(&text)), naive(&pattern, &text));
        }

        #[test]
        fn a_covered_cell_never_matches_alone(a in "\\*?[ab]{1,2}\\*?(;\\*?[ab]{1,2})?", b in "\\*?[ab]{1,3}\\*?", text in "[ab]{0,6}") {
            let (a, b) = (Patterns::parse(&a).unwrap(), Patterns::parse(&b).unwrap());
            let text = Haystack::new(&text);
            prop_assert!(!a.covers(&b) || !b.matches(text) || a.matches(text));
        }
    }
}
