//! What was worked out about a lead, as rows.

use super::lifecycle::{self, Lifecycle};
use super::{Person, Profile};
use crate::classify::Classifier;
use crate::event::Stage;
use crate::id::LeadId;
use crate::journey::{self, Milestones, Recipe, Subjected, Walked};
use crate::projection::{Projection, Touched};
use crate::row::{self, ConversionKind, Origin};
use crate::subject::{Interaction, Subject};
use crate::text::Text;
use crate::time::Timestamp;
use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// The row of a lead that was merged away: where it went, nothing else.
pub(super) fn merged_row(rules: &Classifier<'_>, root: LeadId, subject: &Subject) -> row::Lead {
    let none = || rules.none.clone();
    row::Lead {
        workspace: subject.workspace.clone(),
        lead: subject.name.clone(),
        sealed: None,
        domain: none(),
        account: none(),
        account_segment: none(),
        account_segment_at: None,
        persona: none(),
        owner: none(),
        stage: Stage::Visitor,
        score_centi: 0,
        fit_centi: 0,
        behaviour_centi: 0,
        created_at: None,
        first_touch_at: None,
        last_touch_at: None,
        first_origin: no_origin(rules),
        touches: 0,
        mqls: 0,
        sqls: 0,
        deals: 0,
        won_deals: 0,
        merged_into: root.text(),
        erased: false,
        definition_version: rules.version.clone(),
    }
}

fn no_origin(rules: &Classifier<'_>) -> Arc<Origin> {
    let none = || rules.none.clone();
    Arc::new(Origin { channel: none(), subchannel: none(), source: none(), medium: none(), campaign: none() })
}

/// Everything worked out about a lead, on its way into rows.
pub(super) struct Shown<'a> {
    pub(super) rules: &'a Classifier<'a>,
    pub(super) person: &'a Person<'a>,
    pub(super) profile: &'a Profile<'a>,
    pub(super) account: &'a Text,
    pub(super) touches: &'a [Arc<Interaction>],
    pub(super) repeats: &'a [Arc<Interaction>],
    pub(super) life: &'a Lifecycle,
    pub(super) created_at: Timestamp,
}

impl Shown<'_> {
    pub(super) fn rows(&self, projection: &mut Projection) {
        projection.leads.push(self.lead());
        let lead = self.person.name();
        let touched = |touch: &Arc<Interaction>| Touched {
            lead: lead.clone(),
            account: self.account.clone(),
            touch: Arc::clone(touch),
        };
        projection.touches = self.touches.iter().map(touched).collect();
        projection.stage_entries = self.life.entries.iter().map(|entry| self.stage_entry(entry)).collect();
        projection.stage_entries.sort_by_key(|entry| (entry.entered_at, entry.stage));
        projection.handoffs = self.life.handoffs.iter().map(|handoff| self.handoff(handoff)).collect();
        projection.conversions = self.conversions();
    }

    pub(super) fn persona(&self) -> Text {
        self.profile.persona().cloned().unwrap_or_else(|| self.rules.none.clone())
    }

    fn first_origin(&self) -> Arc<Origin> {
        self.touches.first().map_or_else(|| no_origin(self.rules), |touch| touch.origin.clone())
    }

    fn lead(&self) -> row::Lead {
        let none = || self.rules.none.clone();
        let contact = &self.profile.contact;
        let count =
            |stage| u32::try_from(self.life.entries.iter().filter(|e| e.stage == stage).count()).unwrap_or(u32::MAX);
        let segment = self.profile.account_segment.as_ref();
        let deals = self.person.roles.values().filter(|role| role.opened_at.is_some()).count();
        let won = self.person.roles.values().filter(|role| role.won_at.is_some()).count();
        row::Lead {
            workspace: self.person.subject.workspace.clone(),
            lead: self.person.name().clone(),
            sealed: contact.sealed.filter(|_| !self.person.erased).cloned(),
            domain: contact.domain.cloned().unwrap_or_else(none),
            account: self.account.clone(),
            account_segment: segment.map_or_else(none, |(name, _)| name.clone()),
            account_segment_at: segment.map(|(_, at)| *at),
            persona: self.persona(),
            owner: self.profile.owner.clone().unwrap_or_else(none),
            stage: self.life.stage,
            score_centi: self.life.fit_centi + self.life.behaviour_centi,
            fit_centi: self.life.fit_centi,
            behaviour_centi: self.life.behaviour_centi,
            created_at: Some(self.created_at),
            first_touch_at: self.touches.first().map(|touch| touch.at),
            last_touch_at: self.touches.last().map(|touch| touch.at),
            first_origin: self.first_origin(),
            touches: u32::try_from(self.touches.len()).unwrap_or(u32::MAX),
            mqls: count(Stage::Mql),
            sqls: count(Stage::Sql),
            deals: u32::try_from(deals).unwrap_or(u32::MAX),
            won_deals: u32::try_from(won).unwrap_or(u32::MAX),
            merged_into: none(),
            erased: self.person.erased,
            definition_version: self.rules.version.clone(),
        }
    }

    fn stage_entry(&self, entry: &lifecycle::Entered) -> row::StageEntry {
        row::StageEntry {
            workspace: self.person.subject.workspace.clone(),
            lead: self.person.name().clone(),
            entered_at: entry.at,
            stage: entry.stage,
            from_stage: entry.from,
            reason: entry.reason.clone(),
            inferred: entry.inferred,
            previous_ms: entry.previous_ms,
            persona: self.persona(),
            account: self.account.clone(),
            channel: self.first_origin().channel.clone(),
            score_centi: entry.score_centi,
            definition_version: self.rules.version.clone(),
        }
    }

    fn handoff(&self, handoff: &lifecycle::HandedOff) -> row::Handoff {
        let none = || self.rules.none.clone();
        let verdict = handoff.verdict.as_ref();
        row::Handoff {
            workspace: self.person.subject.workspace.clone(),
            lead: self.person.name().clone(),
            mql_at: handoff.mql_at,
            first_activity_at: handoff.first_activity_at,
            verdict_at: verdict.map(|verdict| verdict.at),
            verdict: verdict.map_or_else(none, |verdict| Text::from(verdict.verdict.word())),
            reason: verdict.and_then(|verdict| verdict.reason.clone()).unwrap_or_else(none),
            rep: verdict.and_then(|verdict| verdict.rep.clone()).or_else(|| handoff.rep.clone()).unwrap_or_else(none),
            account: self.account.clone(),
            persona: self.persona(),
            channel: self.first_origin().channel.clone(),
        }
    }

    /// Conversions of the lead itself: creation, every MQL and SQL entry. They are worth 0 and count in micro-credits.
    fn conversions(&self) -> Vec<Recipe> {
        let persona = self.persona();
        let owner = self.profile.owner.clone().unwrap_or_else(|| self.rules.none.clone());
        let lead = self.person.name();
        let walked = Walked { lead, persona: &persona, touches: self.touches, repeats: self.repeats };
        let journey = journey::legs(core::iter::once(walked));
        let stages = self.life.stages(self.rules);
        let at = |kind: ConversionKind, at: Timestamp, id: Text| {
            let subject = Subjected {
                workspace: &self.person.subject.workspace,
                owner: lead,
                conversion: id,
                kind,
                subject: lead,
                account: self.account,
                persona: &persona,
                deal_type: &self.rules.none,
                rep: &owner,
                value_minor: 0,
                currency: self.rules.reporting,
                reporting_minor: Some(0),
            };
            let milestones = Milestones {
                lead_created_at: Some(self.created_at),
                stages: stages.clone(),
                converts_at: at,
                ..Milestones::default()
            };
            journey::recipe(self.rules, subject, milestones, &journey)
        };
        let mut conversions =
            Vec::from([at(ConversionKind::Lead, self.created_at, Text::from(format!("lead:{lead}")))]);
        for entry in &self.life.entries {
            let kind = match entry.stage {
                Stage::Mql => ConversionKind::Mql,
                Stage::Sql => ConversionKind::Sql,
                _ => continue,
            };
            let id = Text::from(format!("{}:{lead}:{}", kind.word(), entry.at.0));
            conversions.push(at(kind, entry.at, id));
        }
        conversions.sort_by(|a, b| a.head.conversion.cmp(&b.head.conversion));
        conversions.dedup_by(|a, b| a.head.conversion == b.head.conversion);
        conversions
    }
}
