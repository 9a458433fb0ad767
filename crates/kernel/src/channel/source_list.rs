//! What is publicly known about sources: which are search engines, networks, shops …

use alloc::borrow::Cow;

use super::host_table::HostTable;
use crate::url::registrable_domain;

/// Version of the shipped list, the day of its last change; every change of `source_list.csv` changes it.
pub const SOURCE_LIST_VERSION: u32 = 20_261_122;

const CSV: &str = include_str!("source_list.csv");

/// What kind of place a source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Category {
    /// Search engines.
    Search,
    /// Social networks.
    Social,
    /// Shops, marketplaces, price comparison.
    Shopping,
    /// Video sites.
    Video,
    /// Mail tools and web mail.
    Email,
    /// AI assistants.
    Ai,
    /// Software review sites.
    Review,
}

/// A row of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Listed {
    /// None for a host that is not what its domain is (`docs.google.com` is no search engine).
    pub(super) category: Option<Category>,
    /// The one name for all spellings: `facebook` for `fb`, `m-facebook`, `l.facebook.com`.
    pub(super) group: &'static str,
}

/// The shipped list, ready to be asked.
///
/// A row is a UTM source (`fb`), a host with all below it (`facebook.com`), or a name under every
/// public suffix (`google.*`).
#[derive(Clone, Debug)]
pub(super) struct SourceList {
    hosts: HostTable<Listed>,
    everywhere: HostTable<Listed>,
}

impl SourceList {
    /// Reads the shipped list.
    pub(super) fn shipped() -> Self {
        let everywhere = |(name, listed)| Some((Cow::Borrowed(str::strip_suffix(name, ".*")?), listed));
        Self {
            hosts: rows().filter(|(name, _)| !name.ends_with(".*")).map(|(name, row)| (name.into(), row)).collect(),
            everywhere: rows().filter_map(everywhere).collect(),
        }
    }

    /// What is known about a source or host, lower case.
    pub(super) fn find(&self, source: &str) -> Option<&Listed> {
        self.resolve(source).1
    }

    /// The name a host goes by as a source, with what is known about it: the longest listed parent,
    /// else the registrable domain.
    pub(super) fn resolve<'h>(&self, host: &'h str) -> (&'h str, Option<&Listed>) {
        if let Some((listed, row)) = self.hosts.covering(host) {
            return (listed, Some(row));
        }
        let domain = registrable_domain(host);
        let label = domain.split_once('.').map_or("", |(label, _)| label);
        (domain, self.everywhere.exact(label))
    }
}

fn rows() -> impl Iterator<Item = (&'static str, Listed)> {
    CSV.lines().skip(1).filter_map(|line| {
        let (name, rest) = line.split_once(',')?;
        let (category, group) = rest.split_once(',')?;
        Some((name, Listed { category: Category::named(category), group }))
    })
}

impl Category {
    const NAMES: [(&str, Self); 7] = [
        ("SEARCH", Self::Search),
        ("SOCIAL", Self::Social),
        ("SHOPPING", Self::Shopping),
        ("VIDEO", Self::Video),
        ("EMAIL", Self::Email),
        ("AI", Self::Ai),
        ("REVIEW", Self::Review),
    ];

    fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(other, _)| *other == name).map(|(_, category)| *category)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;

    #[test]
    fn the_list_is_well_formed() {
        let mut names = BTreeSet::new();
        for line in CSV.lines().skip(1) {
            let cells: Vec<_> = line.split(',').collect();
            let [name, category, group] = cells[..] else { panic!("not three cells: {line}") };
            assert!(names.insert(name), "twice: {name}");
            assert!(category.is_empty() || Category::named(category).is_some(), "{line}");
            for text in [name, group] {
                assert!(!text.is_empty() && text == text.trim().to_lowercase(), "{line}");
            }
        }
        assert!(names.len() > 500, "{}", names.len());
    }

    /// A host that says nothing its parent does not say would split one source into two.
    #[test]
    fn no_row_is_idle() {
        let list = SourceList::shipped();
        for (name, listed) in rows() {
            let parent = name.split_once('.').and_then(|(_, parent)| list.find(parent));
            assert!(name.ends_with(".*") || parent != Some(&listed), "{name}");
        }
    }

    /// A changed list must get a new version: rows store it.
    #[test]
    fn the_version_belongs_to_the_list() {
        let print =
            CSV.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3));
        assert_eq!((SOURCE_LIST_VERSION, print), (20_261_122, 0x3a58_836e_59aa_ec17));
    }

    #[test]
    fn spellings_and_hosts() {
        let list = SourceList::shipped();
        for (source, name, category, group) in [
            ("fb", "fb", Some(Category::Social), "facebook"),
            ("m-facebook", "m-facebook", Some(Category::Social), "facebook"),
            ("meta", "meta", Some(Category::Social), "facebook"),
            ("lm.facebook.com", "facebook.com", Some(Category::Social), "facebook"),
            ("google", "google", Some(Category::Search), "google"),
            ("www.google.com", "google.com", Some(Category::Search), "google"),
            ("www.google.co.uk", "google.co.uk", Some(Category::Search), "google"),
            ("docs.google.com", "docs.google.com", None, "google docs"),
            ("gemini.google.com", "gemini.google.com", Some(Category::Ai), "gemini"),
            ("mail.google.com", "mail.google.com", Some(Category::Email), "gmail"),
            ("smile.amazon.de", "amazon.de", Some(Category::Shopping), "amazon"),
            ("m.youtube.com", "youtube.com", Some(Category::Video), "youtube"),
            ("www.linkedin.com", "linkedin.com", Some(Category::Social), "linkedin"),
            ("www.g2.com", "g2.com", Some(Category::Review), "g2"),
            ("copilot.microsoft.com", "copilot.microsoft.com", Some(Category::Ai), "copilot"),
        ] {
            let (found, row) = list.resolve(source);
            assert_eq!((found, row.map(|r| (r.category, r.group))), (name, Some((category, group))), "{source}");
        }
        for (source, name) in [("x", "x"), ("google.acme.com", "acme.com"), ("notfacebook.com", "notfacebook.com")] {
            assert_eq!(list.resolve(source), (name, None));
        }
    }
}
