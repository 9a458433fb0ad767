//! Small tangled histories: few people, browsers, deals and accounts, so that everything gets mixed up with everything.
//!
//! Shared browsers, links that come late, merge chains and cycles, merges taken back, contact ids that change hands,
//! accounts that move, deals that reopen, change amount and currency, merge, get deleted, refunds, erasures, bots,
//! forms filled in twice, events of one instant, events told twice, and events told twice in different words.

mod models;

use crate::chance::Chance;
use smarketing_kernel::event::*;
use smarketing_kernel::id::{Kind, LeadId, SubjectId};
use smarketing_kernel::money::{Currency, Rate};
use smarketing_kernel::rules::Definitions;
use smarketing_kernel::text::Text;
use smarketing_kernel::time::{DAY_MS, Day, Timestamp};
use std::collections::BTreeMap;

/// An event as the journal carries it.
pub type Happened = Event<LeadRef>;

const FIRST_DAY: Day = Day(20_454);
const SITE: &str = "https://www.smark.example";
const PEOPLE: u64 = 5;
const DOMAINS: [Option<&str>; 5] =
    [Some("acme.example"), Some("acme.example"), Some("globex.example"), None, Some("own.example")];
const PATHS: [&str; 9] = [
    "/",
    "/pricing",
    "/blog/how?utm_source=google&utm_medium=cpc&utm_campaign=brand",
    "/pricing?utm_source=linkedin&utm_medium=paid_social",
    "/ebook?gclid=1",
    "/demo?utm_campaign=spring&utm_source=news&utm_medium=email",
    "/demo",
    "/blog/how",
    "/careers",
];
const REFERRERS: [&str; 3] = ["https://www.google.com/", "https://www.smark.example/", "https://blog.other.example/x"];
const TITLES: [&str; 3] = ["VP Sales", "Head of Growth", "Analyst"];

/// The definitions of a seed's world: now and then other than the shipped ones.
#[must_use]
pub fn definitions(seed: u64) -> Definitions {
    let mut chance = Chance::new(seed ^ 0xdef1);
    let mut definitions = Definitions { scope: chance.pick(&SCOPES).into(), ..Definitions::default() };
    definitions.scoring.mql_threshold = chance.pick(&[20, 30, 50]);
    if chance.one_in(4) {
        definitions.journey_touches_max = 3;
    }
    if chance.one_in(4) {
        definitions.suppress.paths = "/careers".into();
        definitions.suppress.domains = "own.example".into();
    }
    if chance.one_in(6) {
        definitions.anonymous_lookback_days = 8;
    }
    models::add(&mut chance, &mut definitions);
    definitions
}

const SCOPES: [&str; 4] = ["contact_roles", "contact_roles", "account", "primary"];

/// What happens in a seed's world, in no order: at most `most` events.
#[must_use]
pub fn events(seed: u64, most: usize) -> Vec<Happened> {
    let mut chance = Chance::new(seed);
    let count = 8 + chance.index(most.saturating_sub(7));
    let workspaces = if chance.one_in(8) { 2 } else { 1 };
    let mut tale = Tale { chance, workspaces, events: Vec::with_capacity(count) };
    for number in 0..count {
        let event = tale.event(number);
        tale.events.push(event);
    }
    tale.events
}

struct Tale {
    chance: Chance,
    workspaces: u64,
    events: Vec<Happened>,
}

impl Tale {
    fn event(&mut self, number: usize) -> Happened {
        if !self.events.is_empty() && self.chance.one_in(12) {
            return self.again();
        }
        if self.chance.one_in(8)
            && let Some(event) = self.filled_in(number)
        {
            return event;
        }
        let workspace = Text::from(if self.chance.below(self.workspaces) == 0 { "default" } else { "other" });
        let occurred_at = self.at();
        let body = self.body(&workspace);
        Event { event_id: Text::from(format!("e{number}")), workspace, occurred_at, body }
    }

    /// A producer repeats itself, now and then with another time.
    fn again(&mut self) -> Happened {
        let mut event = self.events[self.chance.index(self.events.len())].clone();
        if self.chance.one_in(4) {
            event.occurred_at = event.occurred_at.plus(self.chance.between(-30, 30) * 60_000);
        }
        event
    }

    /// Somebody fills in a form on a page that was just viewed, or the same form again.
    fn filled_in(&mut self, number: usize) -> Option<Happened> {
        let before = self.events.get(self.chance.index(self.events.len()))?.clone();
        let body = match before.body {
            Body::PageViewed(page) => {
                let form = self.form(&before.workspace);
                let (visitor_id, url) = (Some(page.visitor_id), Some(page.url));
                Body::FormSubmitted(FormSubmitted { visitor_id, url, ..form })
            }
            Body::FormSubmitted(form) => Body::FormSubmitted(form),
            _ => return None,
        };
        let occurred_at = before.occurred_at.plus(self.chance.between(0, 15) * 60_000);
        Some(Event { event_id: Text::from(format!("e{number}")), occurred_at, body, ..before })
    }

    /// Bursts days apart, minutes apart within; often the very instant of something else.
    fn at(&mut self) -> Timestamp {
        match self.events.last() {
            Some(event) if self.chance.one_in(6) => event.occurred_at,
            _ => {
                let apart = self.chance.pick(&[3, 4, 11]);
                let (day, step) = (self.chance.below(45) as i64 * apart, self.chance.below(20) as i64);
                FIRST_DAY.start().plus(day * DAY_MS + step * 11 * 60_000)
            }
        }
    }

    fn body(&mut self, workspace: &Text) -> Body<LeadRef> {
        match self.chance.below(100) {
            0..24 => Body::PageViewed(self.page(workspace)),
            24..36 => Body::FormSubmitted(self.form(workspace)),
            36..46 => Body::EmailEngaged(self.mail(workspace)),
            46..52 => Body::LeadReviewed(LeadReviewed {
                lead: self.person(workspace),
                verdict: self.chance.pick(Verdict::ALL),
                reason: self.maybe("no budget"),
                rep: self.maybe("rep-1"),
            }),
            52..56 => Body::SalesActivity(SalesActivity {
                lead: self.person(workspace),
                kind: self.chance.pick(ActivityKind::ALL),
                content_url: Some(self.url()),
                rep: self.maybe("rep-2"),
                outcome: self.maybe("asked for a brother's wedding"),
            }),
            56..62 => Body::LeadUpdated(self.update(workspace)),
            62..69 => Body::LeadMerged(self.merge(workspace)),
            69..73 => Body::LeadUnmerged(self.merge(workspace)),
            73..93 => Body::DealChanged(self.deal(workspace)),
            93..96 => Body::ExchangeRateSet(ExchangeRateSet {
                day: Day(FIRST_DAY.0 + self.chance.below(45) as i32 * 4),
                currency: self.currency(),
                rate: self.rate(),
            }),
            96..98 => Body::AdSpent(self.spend()),
            _ if self.chance.one_in(2) => Body::ErasureRequested(ErasureRequested::Visitor(self.visitor())),
            _ => Body::ErasureRequested(ErasureRequested::Lead(self.person(workspace))),
        }
    }

    fn maybe(&mut self, text: &str) -> Option<Text> {
        self.chance.one_in(2).then(|| Text::from(text))
    }

    /// A person by its address, now and then with a contact id, now and then by that alone; rarely another's.
    fn person(&mut self, workspace: &Text) -> LeadRef {
        let number = self.chance.below(PEOPLE);
        let contact = if self.chance.one_in(6) { self.chance.below(PEOPLE) } else { number } % 3;
        let mut person = person(workspace, number);
        match self.chance.below(10) {
            0 => person.alias = Some(lead_id(workspace, "contact", contact)),
            1 => person = known_by_contact(workspace, contact),
            _ => {}
        }
        person
    }

    fn visitor(&mut self) -> Text {
        Text::from(format!("v{}", self.chance.below(4)))
    }

    fn url(&mut self) -> Text {
        Text::from(format!("{SITE}{}", self.chance.pick(&PATHS)))
    }

    fn currency(&mut self) -> Currency {
        Currency::parse(self.chance.pick(&["USD", "EUR", "JPY"])).unwrap_or(Currency::USD)
    }

    fn rate(&mut self) -> Rate {
        let rates = ["1.1", "0.9", "1.25"].map(Rate::parse);
        self.chance.pick(&rates).unwrap_or(Rate::ONE)
    }

    fn page(&mut self, workspace: &Text) -> PageViewed<LeadRef> {
        PageViewed {
            visitor_id: self.visitor(),
            url: self.url(),
            referrer: self.chance.one_in(3).then(|| Text::from(self.chance.pick(&REFERRERS))),
            title: None,
            user_agent: self.chance.one_in(12).then(|| Text::from("Googlebot/2.1 (+http://www.google.com/bot.html)")),
            lead: self.chance.one_in(8).then(|| self.person(workspace)),
        }
    }

    fn form(&mut self, workspace: &Text) -> FormSubmitted<LeadRef> {
        let mut fields = BTreeMap::new();
        if self.chance.one_in(2) {
            fields.insert(Text::from("title"), Text::from(self.chance.pick(&TITLES)));
        }
        if self.chance.one_in(4) {
            fields.insert(Text::from("how_did_you_hear_about_us"), Text::from("a podcast"));
        }
        FormSubmitted {
            lead: self.person(workspace),
            visitor_id: (!self.chance.one_in(5)).then(|| self.visitor()),
            form_id: Text::from("f-1"),
            form_name: None,
            url: (!self.chance.one_in(6)).then(|| self.url()),
            referrer: None,
            fields,
        }
    }

    fn mail(&mut self, workspace: &Text) -> EmailEngaged<LeadRef> {
        let clicked = self.chance.percent(70);
        EmailEngaged {
            lead: self.person(workspace),
            kind: if clicked { EmailKind::Clicked } else { self.chance.pick(EmailKind::ALL) },
            campaign: Text::from("spring"),
            content_id: self.chance.one_in(4).then(|| Text::from("mail-1")),
            link_url: (!self.chance.one_in(4)).then(|| self.url()),
            visitor_id: (!self.chance.one_in(3)).then(|| self.visitor()),
        }
    }

    fn update(&mut self, workspace: &Text) -> LeadUpdated<LeadRef> {
        let mut update = LeadUpdated {
            lead: self.person(workspace),
            account_id: None,
            account_domain: None,
            persona: None,
            owner: self.maybe("rep-3"),
            stage: None,
            attributes: BTreeMap::new(),
        };
        if self.chance.one_in(3) {
            update.attributes.insert(Text::from("title"), Text::from(self.chance.pick(&TITLES)));
            let (name, segment) = self.chance.pick(&[("account_segment", "Ada's own"), ("employees", "70")]);
            update.attributes.insert(Text::from(name), Text::from(segment));
        }
        match self.chance.below(4) {
            0 => update.account_id = Some(self.account()),
            1 => update.stage = Some(self.chance.pick(Stage::ALL)),
            2 => {
                let told = [("origin_source", "trade show"), ("origin_content", "/booth")];
                update.attributes.extend(told.map(|(name, value)| (Text::from(name), Text::from(value))));
            }
            _ => update.persona = Some(Text::from(self.chance.pick(&["executive", "ada's boss"]))),
        }
        update
    }

    fn account(&mut self) -> Text {
        Text::from(self.chance.pick(&["acct-1", "acct-2", "globex.example"]))
    }

    fn merge(&mut self, workspace: &Text) -> LeadMerge<LeadRef> {
        LeadMerge { from: self.person(workspace), into: self.person(workspace) }
    }

    fn deal(&mut self, workspace: &Text) -> DealChanged<LeadRef> {
        use DealKind::{Created, Deleted, Lost, Merged, Reopened, StageChanged, Updated, Won};
        let kinds = [Created, Created, Updated, StageChanged, Won, Won, Won, Won, Lost, Reopened, Deleted, Merged];
        let mut change = DealChanged {
            deal_id: Text::from(format!("d-{}", self.chance.below(3))),
            kind: self.chance.pick(&kinds),
            account_id: self.chance.one_in(5).then(|| self.account()),
            account_domain: None,
            contacts: None,
            amount_minor: None,
            currency: self.chance.one_in(6).then(|| self.currency()),
            stage: self.chance.one_in(2).then(|| Text::from(self.chance.pick(&models::STAGES[..2]))),
            pipeline: None,
            owner: self.maybe("rep-1"),
            reason: self.maybe("price"),
            deal_type: self.chance.one_in(6).then_some(DealType::Expansion),
            merged_into: None,
        };
        if self.chance.one_in(3) {
            let people = self.chance.index(4);
            let role = |chance: &mut Chance| chance.one_in(4).then(|| Text::from("primary"));
            let contact = |tale: &mut Self| Contact { lead: tale.person(workspace), role: role(&mut tale.chance) };
            change.contacts = Some((0..people).map(|_| contact(self)).collect());
        }
        if self.chance.percent(60) {
            change.amount_minor = Some(self.chance.between(-9_000, 60_000));
        }
        if change.kind == Merged {
            change.merged_into = Some(Text::from("d-0"));
        }
        change
    }

    fn spend(&mut self) -> AdSpent {
        AdSpent {
            day: Day(FIRST_DAY.0 + self.chance.below(5) as i32),
            channel: self.maybe("Paid Search"),
            source: Some(Text::from("google")),
            medium: Some(Text::from("cpc")),
            campaign: self.maybe("brand"),
            amount_minor: self.chance.between(0, 9_999),
            currency: self.currency(),
            clicks: Some(3),
            impressions: None,
        }
    }
}

/// A person by its address.
fn person(workspace: &str, number: u64) -> LeadRef {
    let domain = DOMAINS[number as usize % DOMAINS.len()].map(Text::from);
    LeadRef { id: lead_id(workspace, "person", number), alias: None, domain, sealed: Some(vec![number as u8; 3]) }
}

/// A person of whom only the CRM's contact id is known.
fn known_by_contact(workspace: &str, number: u64) -> LeadRef {
    let sealed = Some(vec![100 + number as u8; 3]);
    LeadRef { id: lead_id(workspace, "contact", number), alias: None, domain: None, sealed }
}

fn lead_id(workspace: &str, what: &str, number: u64) -> LeadId {
    LeadId(SubjectId::named(Kind::Lead, workspace, &format!("{what}-{number}")).hash)
}
