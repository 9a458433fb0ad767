//! A small world, built as the kernel builds it: two leads, three deals, four models.

use smarketing_kernel::event::{DealKind, DealType, Stage};
use smarketing_kernel::money::{Currency, Rate};
use smarketing_kernel::row::{
    AdSpend, Change, Content, Conversion, ConversionKind, Deal, DealChange, ExchangeRate, Handoff, JourneyTouch, Lead,
    LeadEvent, LedgerEntry, ModelCredit, Origin, Outcome, Reason, RejectedRecord, Rows, StageEntry, Touch, TouchKind,
    WebEvent,
};
use smarketing_kernel::text::Text;
use smarketing_kernel::time::{DAY_MS, Day, Timestamp};
use std::sync::Arc;

pub(crate) const ADA: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
pub(crate) const BOB: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

pub(crate) fn text(text: &str) -> Text {
    Text::from(text)
}

fn none() -> Text {
    text("(none)")
}

/// Midnight so many days after 2026-03-01.
pub(crate) fn day(days: i64) -> Timestamp {
    Timestamp(1_772_323_200_000 + days * DAY_MS)
}

pub(crate) fn now<R>(row: R) -> Change<R> {
    Change { row, deleted: false, digest: 7 }
}

pub(crate) fn currency(code: &str) -> Currency {
    Currency::parse(code).unwrap()
}

pub(crate) fn origin(channel: &str, source: &str) -> Arc<Origin> {
    let campaign = text("spring");
    Origin { channel: text(channel), subchannel: none(), source: text(source), medium: none(), campaign }.into()
}

pub(crate) fn page(content: &str) -> Arc<Content> {
    Content { content: text(content), content_group: text("blog"), buyer_stage: text("awareness") }.into()
}

pub(crate) fn view(visitor: &str, at: Timestamp, lead: &str, bot: bool) -> WebEvent {
    WebEvent {
        workspace: text("w"),
        visitor: text(visitor),
        viewed_at: at,
        event_id: text(&format!("v-{visitor}-{}", at.0)),
        lead: text(lead),
        session_at: at,
        origin: origin("Paid Search", "google"),
        page: page("/ten-cures"),
        referrer_host: text("www.google.com"),
        bot,
    }
}

pub(crate) fn touch(id: &str, lead: &str, at: Timestamp, channel: &str, source: &str) -> Touch {
    Touch {
        workspace: text("w"),
        lead: text(lead),
        touch_at: at,
        touch_id: text(id),
        account: text("copier.test"),
        kind: TouchKind::Visit,
        origin: origin(channel, source),
        page: page("/ten-cures"),
        visitor: text("v1"),
        ruleset_version: text("1"),
    }
}

pub(crate) fn lead(id: &str, email: &str, channel: &str, source: &str) -> Lead {
    Lead {
        workspace: text("w"),
        lead: text(id),
        sealed: Some(email.as_bytes().to_vec()),
        domain: text("copier.test"),
        account: text("copier.test"),
        account_segment: text("mid-market"),
        account_segment_at: Some(day(1)),
        persona: text("buyer"),
        owner: text("rep-1"),
        stage: Stage::Customer,
        score_centi: 1_250,
        fit_centi: 1_000,
        behaviour_centi: 250,
        created_at: Some(day(0)),
        first_touch_at: Some(day(0)),
        last_touch_at: Some(day(5)),
        first_origin: origin(channel, source),
        touches: 2,
        mqls: 1,
        sqls: 1,
        deals: 1,
        won_deals: 1,
        merged_into: none(),
        erased: false,
        definition_version: text("1"),
    }
}

pub(crate) fn entry(lead: &str, at: Timestamp, stage: Stage, from_stage: Stage) -> StageEntry {
    StageEntry {
        workspace: text("w"),
        lead: text(lead),
        entered_at: at,
        stage,
        from_stage,
        reason: text("score"),
        inferred: false,
        previous_ms: DAY_MS,
        persona: text("buyer"),
        account: text("copier.test"),
        channel: text("Paid Search"),
        score_centi: 5_200,
        definition_version: text("1"),
    }
}

pub(crate) fn deal(
    id: &str,
    outcome: Outcome,
    minor: i64,
    code: &str,
    reporting_minor: Option<i64>,
    contact: &str,
) -> Deal {
    let closed_at = matches!(outcome, Outcome::Won | Outcome::Lost).then(|| day(20));
    Deal {
        workspace: text("w"),
        deal: text(id),
        account: text("copier.test"),
        outcome,
        amount_minor: minor,
        currency: currency(code),
        reporting_minor,
        reporting_currency: Currency::USD,
        opened_at: day(10),
        closed_at,
        stage: text("closed"),
        pipeline: none(),
        owner: text("rep-1"),
        lost_reason: if outcome == Outcome::Lost { text("price") } else { none() },
        deal_type: DealType::New,
        merged_into: none(),
        contacts: vec![text(contact)],
    }
}

/// The conversion of a deal over the touches, with four models; the slot without a touch gets nothing.
pub(crate) fn conversion(kind: ConversionKind, deal: &Deal, touches: &[Touch]) -> Conversion {
    let at = if kind == ConversionKind::Won { deal.closed_at.unwrap() } else { deal.opened_at };
    let mut journey: Vec<JourneyTouch> = touches.iter().map(step).collect();
    journey.push(JourneyTouch {
        touch_id: text(""),
        touch_at: at,
        lead: none(),
        persona: none(),
        kind: TouchKind::Visit,
        repeat: false,
        origin: Origin { campaign: none(), ..(*origin("(unattributed)", "(none)")).clone() }.into(),
        page: Content { content: none(), content_group: none(), buyer_stage: none() }.into(),
    });
    let count = touches.len();
    let only = |place: usize| (0..=count).map(|at| i64::from(at == place)).collect::<Vec<_>>();
    let all: Vec<i64> = (0..=count).map(|at| i64::from(at < count)).collect();
    let models = [("first", only(0)), ("last", only(count - 1)), ("linear", all.clone()), ("influenced", all)];
    let credit = |(model, weights): (&str, Vec<i64>)| {
        let whole = model == "influenced";
        let share =
            |value: i64| if whole { weights.iter().map(|w| w * value).collect() } else { split(value, &weights) };
        ModelCredit {
            model: text(model),
            micro: share(1_000_000),
            minor: share(deal.amount_minor),
            reporting: share(deal.reporting_minor.unwrap_or_default()),
        }
    };
    Conversion {
        workspace: text("w"),
        owner: text("0a"),
        conversion: text(&format!("{}:{}", kind.word(), deal.deal)),
        kind,
        subject: deal.deal.clone(),
        account: deal.account.clone(),
        persona: text("buyer"),
        deal_type: text("new"),
        rep: deal.owner.clone(),
        converted_at: at,
        value_minor: deal.amount_minor,
        currency: deal.currency,
        reporting_minor: deal.reporting_minor,
        reporting_currency: deal.reporting_currency,
        truncated: false,
        definition_version: text("1"),
        journey,
        credits: models.into_iter().map(credit).collect(),
    }
}

fn step(touch: &Touch) -> JourneyTouch {
    JourneyTouch {
        touch_id: touch.touch_id.clone(),
        touch_at: touch.touch_at,
        lead: touch.lead.clone(),
        persona: text("buyer"),
        kind: touch.kind,
        repeat: false,
        origin: touch.origin.clone(),
        page: touch.page.clone(),
    }
}

/// `value` over the weights, what does not divide to the first that has one.
fn split(value: i64, weights: &[i64]) -> Vec<i64> {
    let total: i64 = weights.iter().sum();
    let mut shares: Vec<i64> = weights.iter().map(|weight| value * weight / total).collect();
    let first = weights.iter().position(|weight| *weight > 0).unwrap();
    shares[first] += value - shares.iter().sum::<i64>();
    shares
}

/// The ledger entry that says the whole of a conversion's credit.
pub(crate) fn booked(index: u32, conversion: &Conversion) -> LedgerEntry {
    LedgerEntry {
        index,
        workspace: conversion.workspace.clone(),
        conversion: conversion.conversion.clone(),
        kind: conversion.kind,
        subject: conversion.subject.clone(),
        persona: conversion.persona.clone(),
        deal_type: conversion.deal_type.clone(),
        converted_at: conversion.converted_at,
        currency: conversion.currency,
        reporting_currency: conversion.reporting_currency,
        reason: Reason::Converted,
        recorded_at: conversion.converted_at,
        journey: conversion.journey.clone(),
        credits: conversion.credits.clone(),
    }
}

pub(crate) fn reject(position: u64) -> RejectedRecord {
    RejectedRecord {
        stream: text("page-views-0"),
        position,
        reason: text("invalid_json"),
        detail: text("expected `}` at 12"),
        bytes: vec![b'{', 0, 0xff, b'\n', b'\n'],
        length: 5,
        rejected_at: day(1),
    }
}

pub(crate) fn spend(id: &str, code: &str, minor: i64, at: Day) -> AdSpend {
    AdSpend {
        workspace: text("w"),
        day: at,
        event_id: text(id),
        origin: origin("Paid Search", "google"),
        amount_minor: minor,
        currency: currency(code),
        clicks: 10,
        impressions: 1_000,
    }
}

/// Ada comes by Paid Search, then Email, and buys for 1 000.01 USD (d-1); Bob comes by Organic Search and buys for
/// 5 000 JPY with no rate known (d-2); a third deal of Ada over 200.00 USD is lost (d-3).
pub(crate) fn world() -> Rows {
    let mut rows = Rows { partition: 3, version: 100, ..Rows::default() };
    let ada = [touch("t1", ADA, day(0), "Paid Search", "google"), touch("t2", ADA, day(5), "Email", "email")];
    let bob = [touch("t3", BOB, day(1), "Organic Search", "google")];
    let deals = [
        deal("d-1", Outcome::Won, 100_001, "USD", Some(100_001), ADA),
        deal("d-2", Outcome::Won, 5_000, "JPY", None, BOB),
        deal("d-3", Outcome::Lost, 20_000, "USD", Some(20_000), ADA),
    ];
    let [first, second, third] = &deals;
    let conversions = [
        conversion(ConversionKind::Opportunity, first, &ada[..1]),
        conversion(ConversionKind::Won, first, &ada),
        conversion(ConversionKind::Opportunity, second, &bob),
        conversion(ConversionKind::Won, second, &bob),
        conversion(ConversionKind::Opportunity, third, &ada),
    ];
    rows.credit_ledger = (0..).zip(&conversions).map(|(index, conversion)| booked(index, conversion)).collect();
    rows.conversions = conversions.into_iter().map(now).collect();
    rows.deals = deals.into_iter().map(now).collect();
    rows.touches = ada.into_iter().chain(bob).map(now).collect();
    let (visit, other, bot) =
        (view("v1", day(0), ADA, false), view("v2", day(0), "(none)", false), view("v3", day(0), "(none)", true));
    rows.web_events = [visit, other, bot].map(now).to_vec();
    rows.leads = [
        lead(ADA, "ada@copier.test", "Paid Search", "google"),
        lead(BOB, "bob@copier.test", "Organic Search", "google"),
    ]
    .map(now)
    .to_vec();
    people(&mut rows);
    money(&mut rows);
    rows.rejects = vec![now(reject(9))];
    rows
}

fn people(rows: &mut Rows) {
    rows.stage_entries = [
        entry(ADA, day(0), Stage::Lead, Stage::Visitor),
        entry(ADA, day(2), Stage::Mql, Stage::Lead),
        entry(ADA, day(3), Stage::Recycled, Stage::Mql),
        entry(ADA, day(6), Stage::Mql, Stage::Recycled),
        entry(ADA, day(8), Stage::Sql, Stage::Mql),
        entry(BOB, day(1), Stage::Lead, Stage::Visitor),
    ]
    .map(now)
    .to_vec();
    rows.handoffs = vec![
        now(Handoff {
            workspace: text("w"),
            lead: text(ADA),
            mql_at: day(2),
            first_activity_at: Some(day(2).plus(2 * 3_600_000)),
            verdict_at: Some(day(3)),
            verdict: text("recycled"),
            reason: text("no budget"),
            rep: text("rep-1"),
            account: text("copier.test"),
            persona: text("buyer"),
            channel: text("Paid Search"),
        }),
        now(Handoff {
            workspace: text("w"),
            lead: text(ADA),
            mql_at: day(6),
            first_activity_at: None,
            verdict_at: None,
            verdict: none(),
            reason: none(),
            rep: text("rep-1"),
            account: text("copier.test"),
            persona: text("buyer"),
            channel: text("Paid Search"),
        }),
    ];
    rows.lead_events = vec![now(LeadEvent {
        workspace: text("w"),
        lead: text(ADA),
        occurred_at: day(2).plus(2 * 3_600_000),
        event_id: text("c-1"),
        event: text("call"),
        campaign: none(),
        content: none(),
        rep: text("rep-1"),
        detail: text("reached"),
    })];
}

fn money(rows: &mut Rows) {
    rows.deal_history = vec![now(DealChange {
        workspace: text("w"),
        deal: text("d-1"),
        changed_at: day(20),
        event_id: text("e-9"),
        kind: DealKind::Won,
        stage: none(),
        amount_minor: Some(100_001),
        currency: text("USD"),
        reason: none(),
    })];
    let third = day(2).day();
    rows.ad_spend =
        [spend("s-1", "USD", 10_000, third), spend("s-2", "EUR", 10_000, third), spend("s-3", "GBP", 1, third)]
            .map(now)
            .to_vec();
    rows.exchange_rates = vec![now(ExchangeRate {
        workspace: text("w"),
        currency: currency("EUR"),
        day: day(0).day(),
        rate: Rate::parse("1.1").unwrap(),
    })];
}
