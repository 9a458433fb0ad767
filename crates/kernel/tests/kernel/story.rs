//! Worlds made by chance: few people, browsers and deals, so that everything gets tangled.

use super::given::*;
use proptest::prelude::*;
use smarketing_kernel::event::*;
use smarketing_kernel::time::{Day, Timestamp};

/// Dice for one event.
#[derive(Clone, Debug)]
pub(crate) struct Dice {
    kind: u8,
    who: u8,
    whom: u8,
    what: u8,
    when: u16,
    /// Which earlier event's id is repeated, if any.
    repeats: Option<u8>,
}

pub(crate) fn dice() -> impl Strategy<Value = Dice> {
    let repeats = prop_oneof![9 => Just(None), 1 => any::<u8>().prop_map(Some)];
    (0..100_u8, any::<u8>(), any::<u8>(), any::<u8>(), 0..2_000_u16, repeats)
        .prop_map(|(kind, who, whom, what, when, repeats)| Dice { kind, who, whom, what, when, repeats })
}

pub(crate) fn story(dice: &[Dice]) -> Vec<Happened> {
    let told = dice.iter().enumerate().map(|(index, dice)| {
        let number = dice.repeats.map_or(index, |earlier| usize::from(earlier) % (index + 1));
        dice.event(&format!("e{number}"))
    });
    told.collect()
}

const PEOPLE: u8 = 5;
const DOMAINS: [&str; 2] = ["acme.example", "globex.example"];
const PATHS: [&str; 8] = [
    "/",
    "/pricing",
    "/blog/how?utm_source=google&utm_medium=cpc&utm_campaign=brand",
    "/pricing?utm_source=linkedin&utm_medium=paid_social",
    "/ebook?gclid=1",
    "/demo?utm_campaign=spring&utm_source=news&utm_medium=email",
    "/demo",
    "/blog/how",
];
const REFERRERS: [&str; 3] = ["https://www.google.com/", "https://www.smark.example/", "https://blog.other.example/x"];

impl Dice {
    /// Bursts of events some minutes apart, bursts days apart, now and then months.
    fn at(&self) -> Timestamp {
        let (burst, step) = (i64::from(self.when / 40), i64::from(self.when % 40));
        at(burst * 5, step / 2 * 11)
    }

    fn person(&self, number: u8) -> LeadRef {
        let number = number % PEOPLE;
        let mut person = match number {
            0 | 1 => lead_at(number, DOMAINS[0]),
            2 => lead_at(number, DOMAINS[1]),
            _ => lead(number),
        };
        if self.what.is_multiple_of(11) {
            person.alias = Some(lead_id(100 + number % 3));
        }
        person
    }

    fn visitor(&self) -> String {
        format!("v{}", self.whom % 4)
    }

    fn path(&self) -> &'static str {
        PATHS[usize::from(self.what) % PATHS.len()]
    }

    fn event(&self, id: &str) -> Happened {
        match self.kind {
            0..25 => self.page(id),
            25..38 => self.form(id),
            38..48 => {
                let visitor = self.visitor();
                let kind = EmailKind::ALL[usize::from(self.what) % EmailKind::ALL.len()];
                let kind = if self.what < 160 { EmailKind::Clicked } else { kind };
                let visitor = (!self.whom.is_multiple_of(3)).then_some(visitor.as_str());
                mail(id, self.at(), self.person(self.who), kind, Some(self.path()), visitor)
            }
            48..54 => {
                let said = Verdict::ALL[usize::from(self.what) % Verdict::ALL.len()];
                verdict(id, self.at(), self.person(self.who), said, Some("no budget").filter(|_| self.whom > 99))
            }
            54..58 => {
                let kind = ActivityKind::ALL[usize::from(self.whom) % ActivityKind::ALL.len()];
                activity(id, self.at(), self.person(self.who), kind, Some(self.path()))
            }
            58..64 => self.update(id),
            64..70 => merged(id, self.at(), self.who % PEOPLE, self.whom % PEOPLE),
            70..73 => unmerged(id, self.at(), self.who % PEOPLE, self.whom % PEOPLE),
            73..94 => self.deal(id),
            94..97 => {
                let rates = ["1.1", "0.9", "1.25"];
                let day = Day(FIRST_DAY.0 + i32::from(self.when / 40) * 5);
                rate(id, self.at(), day, ["EUR", "JPY"][usize::from(self.who % 2)], rates[usize::from(self.what % 3)])
            }
            97..99 => spent(id, Day(FIRST_DAY.0 + i32::from(self.whom % 5)), "brand", i64::from(self.what)),
            _ if self.whom.is_multiple_of(2) => forgotten(id, self.at(), &self.visitor()),
            _ => erasure(id, self.at(), self.person(self.who)),
        }
    }

    fn page(&self, id: &str) -> Happened {
        let page = view(id, &self.visitor(), self.at(), self.path());
        match self.who % 10 {
            0 => known(self.person(self.who / 10), page),
            1 => by_agent("Googlebot/2.1 (+http://www.google.com/bot.html)", page),
            2..6 => from(REFERRERS[usize::from(self.who) % 3], page),
            _ => page,
        }
    }

    fn form(&self, id: &str) -> Happened {
        let visitor = self.visitor();
        let visitor = (!self.whom.is_multiple_of(5)).then_some(visitor.as_str());
        let fields: &[(&str, &str)] = match self.what % 4 {
            0 => &[("title", "VP Sales"), ("how_did_you_hear_about_us", "a podcast")],
            1 => &[("title", "Head of Growth")],
            _ => &[],
        };
        form_with(id, visitor, self.at(), self.person(self.who), self.path(), fields)
    }

    fn update(&self, id: &str) -> Happened {
        update(id, self.at(), self.person(self.who), |change| match self.what % 4 {
            0 => change.account_id = Some(["acct-1", "acct-2"][usize::from(self.whom % 2)].into()),
            1 => change.stage = Some(Stage::ALL[usize::from(self.whom) % Stage::ALL.len()]),
            2 => change.attributes = attributes(&[("origin_source", "trade show"), ("origin_content", "/booth")]),
            _ => change.persona = Some("executive".into()),
        })
    }

    fn deal(&self, id: &str) -> Happened {
        use DealKind::*;
        let kinds = [Created, Updated, StageChanged, Won, Won, Won, Lost, Reopened, Deleted, Merged, Updated, Won];
        let kind = kinds[usize::from(self.whom) % kinds.len()];
        deal(id, self.at(), ["d-1", "d-2", "d-3"][usize::from(self.who) % 3], kind, |change| {
            let (a, b) = (self.person(self.what), self.person(self.what / 8));
            match self.what % 8 {
                0 => change.contacts = contacts(&[a]),
                1 | 2 => change.contacts = contacts(&[a, b]),
                3 => change.contacts = contacts(&[]),
                4 => change.currency = Some(currency(["USD", "EUR", "JPY"][usize::from(self.whom % 3)])),
                5 => change.account_id = Some(["acct-1", "acct-2"][usize::from(self.whom % 2)].into()),
                6 => change.deal_type = Some(DealType::Expansion),
                _ => {}
            }
            if !self.what.is_multiple_of(3) {
                change.amount_minor = Some(i64::from(self.when) * 37 - 9_000);
            }
        })
    }
}
