//! Conversions: whose touches count for what, and the credit of every model.

use super::Books;
use super::credit::{self, Moments, Weighed};
use super::deal::{self, Deal};
use super::judge::{none, or_none};
use super::model::Model;
use super::person::Person;
use super::touch::Interaction;
use smarketing_kernel::attribution::MICRO_CREDITS;
use smarketing_kernel::channel::UNATTRIBUTED;
use smarketing_kernel::event::Stage;
use smarketing_kernel::id::LeadId;
use smarketing_kernel::row::{Content, Conversion, ConversionKind, JourneyTouch, ModelCredit, Origin, TouchKind};
use smarketing_kernel::text::Text;
use smarketing_kernel::time::Timestamp;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

type People = BTreeMap<LeadId, Person>;

/// The conversions of a lead: its creation, and every entry into MQL and SQL.
pub(super) fn of_person(books: &Books<'_>, person: &Person) -> Vec<Conversion> {
    let lead = person.lead.text();
    let mut moments = vec![(ConversionKind::Lead, person.created_at, format!("lead:{lead}"))];
    for entry in &person.life.entries {
        let kind = match entry.stage {
            Stage::Mql => ConversionKind::Mql,
            Stage::Sql => ConversionKind::Sql,
            _ => continue,
        };
        let id = format!("{}:{lead}:{}", kind.word(), entry.at.0);
        if moments.iter().all(|(_, _, known)| *known != id) {
            moments.push((kind, entry.at, id));
        }
    }
    let convert = |(kind, at, id): (ConversionKind, Timestamp, String)| {
        let bare = Conversion {
            owner: lead.clone(),
            subject: lead.clone(),
            account: person.account.clone(),
            persona: or_none(person.persona.as_ref()),
            rep: or_none(person.rep.as_ref()),
            reporting_minor: Some(0),
            ..blank(books, kind, at, Text::from(id))
        };
        let moments = Moments { converts_at: at, ..reached(&[person]) };
        credited(books, bare, moments, &[person])
    };
    moments.into_iter().map(convert).collect()
}

/// The conversions of deals: pipeline at the opening, revenue at the close.
pub(super) fn of_deals(
    books: &Books<'_>,
    deals: &BTreeMap<Text, Deal>,
    accounts: &BTreeMap<Text, Text>,
    people: &People,
) -> Vec<Conversion> {
    let mut by_account: BTreeMap<&Text, Vec<&Deal>> = BTreeMap::new();
    for deal in deals.values().filter(|deal| deal.lives()) {
        by_account.entry(&accounts[&deal.id]).or_default().push(deal);
    }
    let mut conversions = Vec::new();
    for (account, deals) in by_account {
        for deal in &deals {
            let scope = scope(books, deal, account, people);
            let close =
                |at| deals.iter().filter(|d| d.id != deal.id).filter_map(|d| d.won_at()).filter(|won| *won < at).max();
            let opening = (ConversionKind::Opportunity, deal.opened_at);
            let winning = deal.won_at().map(|at| (ConversionKind::Won, at));
            for (kind, at) in [opening].into_iter().chain(winning) {
                let moments = Moments {
                    opened_at: Some(deal.opened_at),
                    staged_at: deal.staged_at.clone(),
                    won_at: deal.won_at(),
                    converts_at: at,
                    previous_close: close(at),
                    ..reached(&scope)
                };
                let bare = of_deal(books, deal, account, kind, at, &scope, people);
                conversions.push(credited(books, bare, moments, &scope));
            }
        }
    }
    conversions
}

/// What any of some people came to first.
fn reached(scope: &[&Person]) -> Moments {
    let first = |stage| scope.iter().filter_map(|person| person.entered_at(stage)).min();
    Moments {
        created_at: scope.iter().map(|person| person.created_at).min(),
        mql_at: first(Stage::Mql),
        sql_at: first(Stage::Sql),
        ..Moments::default()
    }
}

/// Rule 1: the people whose touches a deal's journey has.
fn scope<'p>(books: &Books<'_>, deal: &Deal, account: &Text, people: &'p People) -> Vec<&'p Person> {
    let everybody = || people.values().filter(|person| person.account == *account).collect();
    let named: BTreeSet<LeadId> = match books.judge.definitions.scope.as_str() {
        "account" => return everybody(),
        _ if deal.contacts.is_empty() => return everybody(),
        "primary" => deal.primary().map(|lead| books.identity.root(lead)).into_iter().collect(),
        _ => deal::on_deal(books, deal),
    };
    named.iter().filter_map(|lead| people.get(lead)).collect()
}

fn of_deal(
    books: &Books<'_>,
    deal: &Deal,
    account: &Text,
    kind: ConversionKind,
    at: Timestamp,
    scope: &[&Person],
    people: &People,
) -> Conversion {
    let primary = deal.primary().and_then(|lead| people.get(&books.identity.root(lead)));
    let persona = primary.or_else(|| scope.first().copied()).and_then(|person| person.persona.as_ref());
    Conversion {
        owner: account.clone(),
        subject: deal.id.clone(),
        account: account.clone(),
        persona: or_none(persona),
        deal_type: Text::from(deal.deal_type.word()),
        rep: or_none(deal.owner.as_ref()),
        value_minor: deal.amount_minor,
        currency: deal.currency,
        reporting_minor: deal.reporting_minor,
        ..blank(books, kind, at, Text::from(format!("{}:{}", kind.word(), deal.id)))
    }
}

/// A conversion that nothing is known of but what it is and when.
fn blank(books: &Books<'_>, kind: ConversionKind, at: Timestamp, conversion: Text) -> Conversion {
    Conversion {
        workspace: books.workspace.clone(),
        owner: none(),
        conversion,
        kind,
        subject: none(),
        account: none(),
        persona: none(),
        deal_type: none(),
        rep: none(),
        converted_at: at,
        value_minor: 0,
        currency: books.judge.reporting,
        reporting_minor: None,
        reporting_currency: books.judge.reporting,
        truncated: false,
        definition_version: books.judge.version(),
        journey: Vec::new(),
        credits: Vec::new(),
    }
}

/// The conversion with its journey and its credit.
fn credited(books: &Books<'_>, bare: Conversion, moments: Moments, scope: &[&Person]) -> Conversion {
    let (steps, truncated) = steps(books, moments.converts_at, scope);
    let weighed: Vec<Weighed<'_>> = steps
        .iter()
        .map(|(touch, _, repeat)| Weighed {
            at: touch.at,
            kind: touch.kind,
            channel: &touch.origin.channel,
            repeat: *repeat,
        })
        .collect();
    let credit = |model: &Model| {
        let shares = credit::shares(model, &weighed, &moments);
        ModelCredit {
            model: Text::from(model.id.as_str()),
            micro: credit::split(&model.rule, MICRO_CREDITS, &shares),
            minor: credit::split(&model.rule, bare.value_minor, &shares),
            reporting: credit::split(&model.rule, bare.reporting_minor.unwrap_or(0), &shares),
        }
    };
    let credits = books.judge.models.iter().map(credit).collect();
    let mut journey: Vec<JourneyTouch> = steps.iter().map(journey_touch).collect();
    journey.push(nobody(moments.converts_at));
    Conversion { truncated, journey, credits, ..bare }
}

/// A touch of somebody, and whether it is one only to models that count each.
type Step<'p> = (&'p Interaction, &'p Person, bool);

/// What happened to some people up to a moment, in order, and whether that was too much. Of too many touches the first
/// and the latest stay; of the others, where a model counts them, the latest that there is room for.
fn steps<'p>(books: &Books<'_>, until: Timestamp, scope: &[&'p Person]) -> (Vec<Step<'p>>, bool) {
    let gather = |of: fn(&Person) -> &Vec<Interaction>, repeat| {
        let mut steps: Vec<Step<'p>> =
            scope.iter().flat_map(|person| of(person).iter().map(move |touch| (touch, *person, repeat))).collect();
        steps.retain(|(touch, ..)| touch.at <= until);
        steps.sort_by(in_order);
        steps
    };
    let most = books.judge.definitions.journey_touches_max as usize;
    let mut steps = gather(|person| &person.touches, false);
    let mut repeats = gather(|person| &person.repeats, true);
    if books.judge.models.iter().all(|model| model.dedupe != "none") {
        repeats.clear();
    }
    let truncated = steps.len() + repeats.len() > most;
    let surplus = steps.len().saturating_sub(most);
    steps.drain(steps.len().min(1)..steps.len().min(1) + surplus);
    let surplus = (steps.len() + repeats.len()).saturating_sub(most);
    steps.extend(repeats.split_off(surplus));
    steps.sort_by(in_order);
    (steps, truncated)
}

fn in_order((a, ..): &Step<'_>, (b, ..): &Step<'_>) -> Ordering {
    (a.at, &a.id).cmp(&(b.at, &b.id))
}

fn journey_touch((touch, person, repeat): &Step<'_>) -> JourneyTouch {
    JourneyTouch {
        touch_id: touch.id.clone(),
        touch_at: touch.at,
        lead: person.lead.text(),
        persona: or_none(person.persona.as_ref()),
        kind: touch.kind,
        repeat: *repeat,
        origin: touch.origin.clone().into(),
        page: touch.page.clone().into(),
    }
}

/// The slot of credit no touch has.
fn nobody(at: Timestamp) -> JourneyTouch {
    JourneyTouch {
        touch_id: Text::from(""),
        touch_at: at,
        lead: none(),
        persona: none(),
        kind: TouchKind::Visit,
        repeat: false,
        origin: Origin {
            channel: Text::from(UNATTRIBUTED),
            subchannel: none(),
            source: none(),
            medium: none(),
            campaign: none(),
        }
        .into(),
        page: Content { content: none(), content_group: none(), buyer_stage: none() }.into(),
    }
}
