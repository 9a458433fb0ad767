//! A company: the deals it has, the people it knows, and the credit of every opportunity and win.

use super::Projection;
use crate::classify::Classifier;
use crate::id::{LeadId, SubjectId};
use crate::journey::{self, Leg, Milestones, Recipe, Stages, Subjected, Walked};
use crate::row::{ConversionKind, Outcome};
use crate::rules::Scope;
use crate::subject::{DealState, Member, Part, Subject, Tag};
use crate::text::Text;
use crate::time::Timestamp;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// The account's state, sorted out.
struct Company<'a> {
    subject: &'a Subject,
    members: Vec<(LeadId, &'a Member)>,
    deals: Vec<&'a DealState>,
}

pub(super) fn project(rules: &Classifier<'_>, subject: &Subject) -> Projection {
    let mut projection = Projection::default();
    let mut company = Company { subject, members: Vec::new(), deals: Vec::new() };
    for ((_, from), part) in &subject.inbox {
        match (&**part, from.as_lead()) {
            (Part::Member(member), Some(lead)) => company.members.push((lead, member)),
            (Part::Deal(deal), _) => company.deals.push(deal),
            _ => {}
        }
    }
    company.deals.retain(|deal| !matches!(deal.outcome, Outcome::Deleted | Outcome::Merged));
    company.want_touches(rules, &mut projection);
    for deal in &company.deals {
        company.credit(rules, deal, &mut projection.conversions);
    }
    projection.conversions.sort_by(|a, b| a.head.conversion.cmp(&b.head.conversion));
    projection
}

/// Whether a deal's journey has everybody of the account.
fn whole_account(rules: &Classifier<'_>, deal: &DealState) -> bool {
    rules.scope == Scope::Account || deal.contacts.is_empty()
}

impl<'a> Company<'a> {
    /// Deals of the whole account want the touches of people who have no role on them.
    fn want_touches(&self, rules: &Classifier<'_>, projection: &mut Projection) {
        let whole = self.deals.iter().filter(|deal| whole_account(rules, deal));
        let moments: BTreeSet<Timestamp> =
            whole.flat_map(|deal| [Some(deal.opened_at), deal.won_at]).flatten().collect();
        if moments.is_empty() {
            return;
        }
        for (lead, _) in self.members.iter().filter(|(_, member)| member.belongs) {
            projection.say(SubjectId::lead(*lead), Tag::Want, &lead.text(), Part::Want(moments.clone()));
        }
    }

    /// Pipeline at the opening, revenue at the close.
    fn credit(&self, rules: &Classifier<'_>, deal: &DealState, conversions: &mut Vec<Recipe>) {
        let scope = self.scope(rules, deal);
        let journey = legs(&scope);
        let stages = stages(&scope, deal);
        let created = scope.iter().filter_map(|(_, member)| member.created_at).min();
        let mut convert = |kind: ConversionKind, at: Timestamp| {
            let milestones = Milestones {
                lead_created_at: created,
                opened_at: Some(deal.opened_at),
                closed_at: deal.won_at,
                stages: stages.clone(),
                converts_at: at,
                previous_close: self.previous_close(deal, at),
            };
            conversions.push(journey::recipe(rules, self.subjected(rules, deal, kind, &scope), milestones, &journey));
        };
        convert(ConversionKind::Opportunity, deal.opened_at);
        if let Some(won_at) = deal.won_at {
            convert(ConversionKind::Won, won_at);
        }
    }

    fn subjected<'s>(
        &'s self,
        rules: &'s Classifier<'s>,
        deal: &'s DealState,
        kind: ConversionKind,
        scope: &[(LeadId, &'s Member)],
    ) -> Subjected<'s> {
        Subjected {
            workspace: &self.subject.workspace,
            owner: &self.subject.name,
            conversion: Text::from(format!("{}:{}", kind.word(), deal.deal)),
            kind,
            subject: &deal.deal,
            account: &self.subject.name,
            persona: self.primary(deal, scope).map_or(&rules.none, |member| &member.persona),
            deal_type: rules.deal_type(deal.deal_type),
            rep: deal.owner.as_ref().unwrap_or(&rules.none),
            value_minor: deal.amount_minor,
            currency: deal.currency,
            reporting_minor: deal.reporting_minor,
        }
    }

    /// The people whose touches the deal's journey has.
    fn scope(&self, rules: &Classifier<'_>, deal: &DealState) -> Vec<(LeadId, &'a Member)> {
        let everybody = || self.members.iter().copied().filter(|(_, member)| member.belongs).collect();
        if whole_account(rules, deal) {
            return everybody();
        }
        let on_deal =
            |(_, member): &(LeadId, &Member)| deal.contacts.iter().any(|(lead, _)| member.leads.contains(lead));
        match rules.scope {
            Scope::Primary => self.primary_lead(deal).into_iter().collect(),
            Scope::ContactRoles | Scope::Account => self.members.iter().copied().filter(on_deal).collect(),
        }
    }

    fn primary_lead(&self, deal: &DealState) -> Option<(LeadId, &'a Member)> {
        let marked = deal.contacts.iter().find(|(_, role)| role.as_deref() == Some("primary"));
        let (lead, _) = marked.or_else(|| deal.contacts.first())?;
        self.members.iter().copied().find(|(_, member)| member.leads.contains(lead))
    }

    fn primary<'s>(&self, deal: &DealState, scope: &[(LeadId, &'s Member)]) -> Option<&'s Member>
    where
        'a: 's,
    {
        self.primary_lead(deal).or_else(|| scope.first().copied()).map(|(_, member)| member)
    }

    /// The latest close of another deal of the account before `at`.
    fn previous_close(&self, deal: &DealState, at: Timestamp) -> Option<Timestamp> {
        let others = self.deals.iter().filter(|other| other.deal != deal.deal);
        others.filter_map(|other| other.won_at).filter(|won_at| *won_at < at).max()
    }
}

/// What touched everybody in scope, in order.
fn legs(scope: &[(LeadId, &Member)]) -> Arc<Vec<Leg>> {
    let names: Vec<Text> = scope.iter().map(|(lead, _)| lead.text()).collect();
    journey::legs(names.iter().zip(scope).map(|(lead, (_, member))| Walked {
        lead,
        persona: &member.persona,
        touches: &member.touches,
        repeats: &member.repeats,
    }))
}

/// When the deal, and anybody in scope, entered first the stages that some model weighs.
fn stages(scope: &[(LeadId, &Member)], deal: &DealState) -> Stages {
    let people = scope.iter().flat_map(|(_, member)| &member.stages);
    people.chain(&deal.stages).copied().collect()
}
