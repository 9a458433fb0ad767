//! People and the companies they work for.

use super::lead::LeadKey;
use super::world::World;
use crate::chance::Chance;
use smarketing_kernel::text::Text;

/// A company, found when its first lead appears.
#[derive(Debug)]
pub(super) struct Company {
    pub(super) domain: Text,
    pub(super) crm_id: Text,
    pub(super) country: usize,
    pub(super) size: usize,
    pub(super) members: Vec<LeadKey>,
    /// The lead whose deal is open.
    pub(super) champion: Option<LeadKey>,
}

/// Country, the currency it pays in, and its share of companies.
pub(super) const COUNTRIES: &[(&str, &str, u64)] = &[
    ("US", "USD", 46),
    ("CA", "USD", 6),
    ("GB", "GBP", 15),
    ("DE", "EUR", 13),
    ("FR", "EUR", 8),
    ("NL", "EUR", 6),
    ("IE", "EUR", 3),
    ("AU", "USD", 3),
];

/// Employees, share of companies, and the range of a first deal in whole units of the currency.
pub(super) const SIZES: &[(&str, u64, i64, i64)] = &[
    ("1-10", 14, 3_000, 7_000),
    ("11-50", 30, 5_000, 14_000),
    ("51-200", 30, 11_000, 30_000),
    ("201-1000", 18, 24_000, 68_000),
    ("1001+", 8, 55_000, 140_000),
];

/// Title, weight among people who buy, weight among people who only read.
const TITLES: &[(&str, u64, u64)] = &[
    ("Chief Financial Officer", 14, 2),
    ("VP Finance", 12, 2),
    ("Founder", 5, 3),
    ("Finance Director", 15, 4),
    ("Controller", 12, 8),
    ("Accounts Payable Manager", 18, 8),
    ("Head of Operations", 10, 4),
    ("IT Manager", 8, 6),
    ("Accountant", 4, 26),
    ("Administrative Assistant", 2, 20),
    ("Consultant", 0, 8),
    ("Student", 0, 9),
];

/// The titles of people sales adds to a deal, with their role in it.
pub(super) const COMMITTEE: &[(&str, &str)] = &[
    ("Chief Financial Officer", "decision maker"),
    ("IT Manager", "technical evaluator"),
    ("Controller", "influencer"),
    ("Head of Procurement", "procurement"),
    ("Accounts Payable Manager", "user"),
];

const FIRST: &[&str] = &[
    "ada", "ben", "carla", "david", "elena", "felix", "grace", "hanna", "igor", "julia", "karim", "laura", "marco",
    "nadia", "oscar", "paula", "quentin", "rosa", "samir", "tessa", "ulrich", "vera", "walter", "xenia", "yusuf",
    "zoe", "amara", "bruno", "chloe", "dmitri", "esther", "farid", "gloria", "henrik", "ines", "jonas", "katya",
    "liam", "mina", "noel",
];
const LAST: &[&str] = &[
    "abbott", "berger", "costa", "dahl", "ekstrom", "fischer", "garcia", "hughes", "ivanova", "jansen", "keller",
    "lopez", "martin", "novak", "obrien", "park", "quinn", "rossi", "schmidt", "tanaka", "umar", "vogel", "weber",
    "xu", "young", "ziegler", "adeyemi", "bauer", "chen", "dubois", "eriksen", "fontaine", "green", "haas",
];
const TRADE_A: &[&str] = &[
    "north", "blue", "stone", "river", "silver", "green", "iron", "harbor", "summit", "cedar", "amber", "delta",
    "falcon", "granite", "maple", "orion", "polar", "quartz", "sierra", "vector", "willow", "atlas", "beacon",
    "copper", "ember",
];
const TRADE_B: &[&str] = &[
    "freight",
    "dental",
    "works",
    "foods",
    "logistics",
    "labs",
    "textiles",
    "clinics",
    "energy",
    "retail",
    "tools",
    "media",
    "motors",
    "paper",
    "print",
    "systems",
    "travel",
    "builders",
    "pharma",
    "optics",
];
const FREE_MAIL: &[&str] = &["gmail.com", "outlook.com", "yahoo.com", "gmx.de", "icloud.com"];

/// How many people of one company are found at most.
const MEMBERS_MAX: usize = 6;
/// A new lead's colleagues are looked for among the companies found last.
const RECENT: u64 = 400;

/// The title of someone who buys, or of someone who only reads.
pub(super) fn title(chance: &mut Chance, buys: bool) -> &'static str {
    TITLES[chance.weighted(TITLES.iter().map(|(_, buyer, reader)| if buys { *buyer } else { *reader }))].0
}

/// Any country, by share.
pub(super) fn country(chance: &mut Chance) -> usize {
    chance.weighted(COUNTRIES.iter().map(|(_, _, share)| *share))
}

/// The company of a new lead: often one that is already known.
pub(super) fn employer(world: &mut World) -> u32 {
    let known = world.companies.len() as u64;
    if known > 0 && world.chance.percent(42) {
        let key = known - 1 - world.chance.below(known.min(RECENT));
        if world.companies[key as usize].members.len() < MEMBERS_MAX {
            return key as u32;
        }
    }
    found(world)
}

/// A new company; its name is numbered once the plain names are used up.
fn found(world: &mut World) -> u32 {
    let number = world.companies.len();
    let (a, b) = (TRADE_A[number % TRADE_A.len()], TRADE_B[number / TRADE_A.len() % TRADE_B.len()]);
    let round = number / (TRADE_A.len() * TRADE_B.len());
    let domain = if round == 0 { format!("{a}{b}.test") } else { format!("{a}{b}{}.test", round + 1) };
    let company = Company {
        domain: Text::from(domain),
        crm_id: world.name("acc-"),
        country: country(&mut world.chance),
        size: world.chance.weighted(SIZES.iter().map(|(_, share, _, _)| *share)),
        members: Vec::new(),
        champion: None,
    };
    world.companies.push(company);
    number as u32
}

/// The address of a company's next person: no two have the same name, because the strides share no factor with the
/// tables' lengths.
pub(super) fn business_address(company: &Company, number: usize) -> Text {
    let member = company.members.len();
    let first = FIRST[(number * 7 + member * 3) % FIRST.len()];
    let last = LAST[(number * 11 + member * 5) % LAST.len()];
    Text::from(format!("{first}.{last}@{}", company.domain))
}

/// A private address.
pub(super) fn free_address(world: &mut World) -> Text {
    let number = world.leads.len();
    let (first, last) = (world.chance.pick(FIRST), world.chance.pick(LAST));
    let host = world.chance.pick(FREE_MAIL);
    Text::from(format!("{first}.{last}{number}@{host}"))
}
