//! What visitors and leads did, and where they stand.

use crate::record::{ms, record};
use crate::write::{Opened, Opener};
use smarketing_kernel::row::{Handoff, Lead, LeadEvent, StageEntry, Touch, WebEvent};

record! {
    WebEventRecord: WebEvents, one partition a (month of row.viewed_at.day()),
    |row: WebEvent, _opener| {
        workspace: &'a str = &row.workspace,
        visitor: &'a str = &row.visitor,
        viewed_at: i64 = row.viewed_at.0,
        event_id: &'a str = &row.event_id,
        lead: &'a str = &row.lead,
        session_at: i64 = row.session_at.0,
        channel: &'a str = &row.origin.channel,
        subchannel: &'a str = &row.origin.subchannel,
        source: &'a str = &row.origin.source,
        medium: &'a str = &row.origin.medium,
        campaign: &'a str = &row.origin.campaign,
        content: &'a str = &row.page.content,
        content_group: &'a str = &row.page.content_group,
        buyer_stage: &'a str = &row.page.buyer_stage,
        referrer_host: &'a str = &row.referrer_host,
        bot: u8 = u8::from(row.bot),
    }
}

record! {
    TouchRecord: Touches, one partition a (month of row.touch_at.day()),
    |row: Touch, _opener| {
        workspace: &'a str = &row.workspace,
        lead: &'a str = &row.lead,
        touch_at: i64 = row.touch_at.0,
        touch_id: &'a str = &row.touch_id,
        account: &'a str = &row.account,
        kind: &'a str = row.kind.word(),
        channel: &'a str = &row.origin.channel,
        subchannel: &'a str = &row.origin.subchannel,
        source: &'a str = &row.origin.source,
        medium: &'a str = &row.origin.medium,
        campaign: &'a str = &row.origin.campaign,
        content: &'a str = &row.page.content,
        content_group: &'a str = &row.page.content_group,
        buyer_stage: &'a str = &row.page.buyer_stage,
        visitor: &'a str = &row.visitor,
        ruleset_version: &'a str = &row.ruleset_version,
    }
}

record! {
    LeadRecord: Leads, one partition a table,
    |row: Lead, opener| {
        workspace: &'a str = &row.workspace,
        lead: &'a str = &row.lead,
        email: String = open(row, opener, |opened| opened.email),
        contact_id: String = open(row, opener, |opened| opened.contact_id),
        domain: &'a str = &row.domain,
        account: &'a str = &row.account,
        persona: &'a str = &row.persona,
        owner: &'a str = &row.owner,
        stage: &'a str = row.stage.word(),
        score_centi: i64 = row.score_centi,
        fit_centi: i64 = row.fit_centi,
        behaviour_centi: i64 = row.behaviour_centi,
        created_at: Option<i64> = ms(row.created_at),
        first_touch_at: Option<i64> = ms(row.first_touch_at),
        last_touch_at: Option<i64> = ms(row.last_touch_at),
        first_channel: &'a str = &row.first_origin.channel,
        first_subchannel: &'a str = &row.first_origin.subchannel,
        first_source: &'a str = &row.first_origin.source,
        first_medium: &'a str = &row.first_origin.medium,
        first_campaign: &'a str = &row.first_origin.campaign,
        touches: u32 = row.touches,
        mqls: u32 = row.mqls,
        sqls: u32 = row.sqls,
        deals: u32 = row.deals,
        won_deals: u32 = row.won_deals,
        merged_into: &'a str = &row.merged_into,
        erased: u8 = u8::from(row.erased),
        definition_version: &'a str = &row.definition_version,
    }
}

record! {
    LeadEventRecord: LeadEvents, one partition a (month of row.occurred_at.day()),
    |row: LeadEvent, _opener| {
        workspace: &'a str = &row.workspace,
        lead: &'a str = &row.lead,
        occurred_at: i64 = row.occurred_at.0,
        event_id: &'a str = &row.event_id,
        event: &'a str = &row.event,
        campaign: &'a str = &row.campaign,
        content: &'a str = &row.content,
        rep: &'a str = &row.rep,
        detail: &'a str = &row.detail,
    }
}

record! {
    StageEntryRecord: StageEntries, one partition a (month of row.entered_at.day()),
    |row: StageEntry, _opener| {
        workspace: &'a str = &row.workspace,
        lead: &'a str = &row.lead,
        entered_at: i64 = row.entered_at.0,
        stage: &'a str = row.stage.word(),
        from_stage: &'a str = row.from_stage.word(),
        reason: &'a str = &row.reason,
        inferred: u8 = u8::from(row.inferred),
        previous_ms: i64 = row.previous_ms,
        persona: &'a str = &row.persona,
        account: &'a str = &row.account,
        channel: &'a str = &row.channel,
        definition_version: &'a str = &row.definition_version,
    }
}

record! {
    HandoffRecord: Handoffs, one partition a (month of row.mql_at.day()),
    |row: Handoff, _opener| {
        workspace: &'a str = &row.workspace,
        lead: &'a str = &row.lead,
        mql_at: i64 = row.mql_at.0,
        first_activity_at: Option<i64> = ms(row.first_activity_at),
        verdict_at: Option<i64> = ms(row.verdict_at),
        verdict: &'a str = &row.verdict,
        reason: &'a str = &row.reason,
        rep: &'a str = &row.rep,
        account: &'a str = &row.account,
        persona: &'a str = &row.persona,
        channel: &'a str = &row.channel,
    }
}

/// One secret of a lead; empty when it has none or its key was destroyed.
fn open(lead: &Lead, opener: &dyn Opener, pick: fn(Opened) -> Option<String>) -> String {
    let opened = lead.sealed.as_deref().filter(|_| !lead.erased).and_then(|sealed| opener.open(&lead.lead, sealed));
    opened.and_then(pick).unwrap_or_default()
}
