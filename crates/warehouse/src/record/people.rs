//! What visitors and leads did, and where they stand.

use crate::record::column::{Moment, ms};
use crate::record::record;
use crate::write::{Opened, Opener};
use smarketing_kernel::row::{Handoff, Lead, LeadEvent, StageEntry, Touch, WebEvent};

record! {
    WebEvents, one partition a (month of row.viewed_at.day()),
    |row: WebEvent, _opener| {
        workspace: &str = &row.workspace,
        visitor: &str = &row.visitor,
        viewed_at: Moment = Moment(row.viewed_at),
        event_id: &str = &row.event_id,
        lead: &str = &row.lead,
        session_at: Moment = Moment(row.session_at),
        channel: &str = &row.origin.channel,
        subchannel: &str = &row.origin.subchannel,
        source: &str = &row.origin.source,
        medium: &str = &row.origin.medium,
        campaign: &str = &row.origin.campaign,
        content: &str = &row.page.content,
        content_group: &str = &row.page.content_group,
        buyer_stage: &str = &row.page.buyer_stage,
        referrer_host: &str = &row.referrer_host,
        bot: u8 = u8::from(row.bot),
    }
}

record! {
    Touches, one partition a (month of row.touch_at.day()),
    |row: Touch, _opener| {
        workspace: &str = &row.workspace,
        lead: &str = &row.lead,
        touch_at: Moment = Moment(row.touch_at),
        touch_id: &str = &row.touch_id,
        account: &str = &row.account,
        kind: &str = row.kind.word(),
        channel: &str = &row.origin.channel,
        subchannel: &str = &row.origin.subchannel,
        source: &str = &row.origin.source,
        medium: &str = &row.origin.medium,
        campaign: &str = &row.origin.campaign,
        content: &str = &row.page.content,
        content_group: &str = &row.page.content_group,
        buyer_stage: &str = &row.page.buyer_stage,
        visitor: &str = &row.visitor,
        ruleset_version: &str = &row.ruleset_version,
    }
}

record! {
    Leads, one partition a table,
    |row: Lead, opener| {
        workspace: &str = &row.workspace,
        lead: &str = &row.lead,
        email: String = open(row, opener, |opened| opened.email),
        contact_id: String = open(row, opener, |opened| opened.contact_id),
        domain: &str = &row.domain,
        account: &str = &row.account,
        account_segment: &str = &row.account_segment,
        account_segment_at: Option<Moment> = ms(row.account_segment_at),
        persona: &str = &row.persona,
        owner: &str = &row.owner,
        stage: &str = row.stage.word(),
        score_centi: i64 = row.score_centi,
        fit_centi: i64 = row.fit_centi,
        behaviour_centi: i64 = row.behaviour_centi,
        created_at: Option<Moment> = ms(row.created_at),
        first_touch_at: Option<Moment> = ms(row.first_touch_at),
        last_touch_at: Option<Moment> = ms(row.last_touch_at),
        first_channel: &str = &row.first_origin.channel,
        first_subchannel: &str = &row.first_origin.subchannel,
        first_source: &str = &row.first_origin.source,
        first_medium: &str = &row.first_origin.medium,
        first_campaign: &str = &row.first_origin.campaign,
        touches: u32 = row.touches,
        mqls: u32 = row.mqls,
        sqls: u32 = row.sqls,
        deals: u32 = row.deals,
        won_deals: u32 = row.won_deals,
        merged_into: &str = &row.merged_into,
        erased: u8 = u8::from(row.erased),
        definition_version: &str = &row.definition_version,
    }
}

record! {
    LeadEvents, one partition a (month of row.occurred_at.day()),
    |row: LeadEvent, _opener| {
        workspace: &str = &row.workspace,
        lead: &str = &row.lead,
        occurred_at: Moment = Moment(row.occurred_at),
        event_id: &str = &row.event_id,
        event: &str = &row.event,
        campaign: &str = &row.campaign,
        content: &str = &row.content,
        rep: &str = &row.rep,
        detail: &str = &row.detail,
    }
}

record! {
    StageEntries, one partition a (month of row.entered_at.day()),
    |row: StageEntry, _opener| {
        workspace: &str = &row.workspace,
        lead: &str = &row.lead,
        entered_at: Moment = Moment(row.entered_at),
        stage: &str = row.stage.word(),
        from_stage: &str = row.from_stage.word(),
        reason: &str = &row.reason,
        inferred: u8 = u8::from(row.inferred),
        previous_ms: i64 = row.previous_ms,
        persona: &str = &row.persona,
        account: &str = &row.account,
        channel: &str = &row.channel,
        score_centi: i64 = row.score_centi,
        definition_version: &str = &row.definition_version,
    }
}

record! {
    Handoffs, one partition a (month of row.mql_at.day()),
    |row: Handoff, _opener| {
        workspace: &str = &row.workspace,
        lead: &str = &row.lead,
        mql_at: Moment = Moment(row.mql_at),
        first_activity_at: Option<Moment> = ms(row.first_activity_at),
        verdict_at: Option<Moment> = ms(row.verdict_at),
        verdict: &str = &row.verdict,
        reason: &str = &row.reason,
        rep: &str = &row.rep,
        account: &str = &row.account,
        persona: &str = &row.persona,
        channel: &str = &row.channel,
    }
}

/// One secret of a lead; empty when it has none or its key was destroyed.
fn open(lead: &Lead, opener: &dyn Opener, pick: fn(Opened) -> Option<String>) -> String {
    let opened = lead.sealed.as_deref().filter(|_| !lead.erased).and_then(|sealed| opener.open(&lead.lead, sealed));
    opened.and_then(pick).unwrap_or_default()
}
