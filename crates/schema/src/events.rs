//! Which fields make which event. The one place where JSON and Avro become a [`Body`].

use crate::form::{Form, WordList, missing};
use crate::reject::{Reason, Rejected, shown};
use crate::wire::{Field, Wire};
use crate::{Context, Decoded};
use smarketing_kernel::event::{
    ActivityKind, AdSpent, Address, Body, DealChanged, DealKind, DealType, EmailEngaged, EmailKind, ErasureRequested,
    Event, ExchangeRateSet, FormSubmitted, LeadMerge, LeadReviewed, LeadUpdated, PageViewed, SalesActivity, Stage,
    Verdict,
};

/// Names a closed list of the kernel together with its spelling.
macro_rules! list {
    ($type:ty) => {
        &WordList { all: <$type>::ALL, word: <$type>::word, parse: <$type>::parse }
    };
}

/// The names of the twelve events, in the order of the contract.
pub const EVENTS: [&str; 12] = [
    "page_viewed",
    "form_submitted",
    "email_engaged",
    "deal_changed",
    "lead_reviewed",
    "sales_activity",
    "lead_updated",
    "lead_merged",
    "lead_unmerged",
    "ad_spent",
    "exchange_rate_set",
    "erasure_requested",
];

/// Judges one record: an event, or the first reason why not.
pub(crate) fn judge(wire: Wire<'_>, ctx: &Context) -> Result<Decoded, Rejected> {
    if let Some(field) = wire.duplicate {
        return Err(Rejected::new(Reason::DuplicateField, format!("field \"{}\" is there twice", field.word())));
    }
    let mut form = Form { wire, ctx };
    let name = form.event_name()?;
    let event_id = form.event_id()?;
    let workspace = form.workspace()?;
    let occurred_at = form.occurred_at()?;
    let body = form.body(&name)?;
    let event = Event { event_id, workspace, occurred_at, body };
    Ok(Decoded { event, unknown_fields: form.wire.into_unknown() })
}

impl Form<'_, '_> {
    fn body(&mut self, name: &str) -> Result<Body<Address>, Rejected> {
        Ok(match name {
            "page_viewed" => Body::PageViewed(self.page_viewed()?),
            "form_submitted" => Body::FormSubmitted(self.form_submitted()?),
            "email_engaged" => Body::EmailEngaged(self.email_engaged()?),
            "deal_changed" => Body::DealChanged(self.deal_changed()?),
            "lead_reviewed" => Body::LeadReviewed(self.lead_reviewed()?),
            "sales_activity" => Body::SalesActivity(self.sales_activity()?),
            "lead_updated" => Body::LeadUpdated(self.lead_updated()?),
            "lead_merged" => Body::LeadMerged(self.lead_merge()?),
            "lead_unmerged" => Body::LeadUnmerged(self.lead_merge()?),
            "ad_spent" => Body::AdSpent(self.ad_spent()?),
            "exchange_rate_set" => Body::ExchangeRateSet(self.exchange_rate_set()?),
            "erasure_requested" => Body::ErasureRequested(self.erasure_requested()?),
            other => {
                let detail = format!("event {} is none of {}", shown(other), EVENTS.join(", "));
                return Err(Rejected::new(Reason::UnknownEvent, detail));
            }
        })
    }

    fn page_viewed(&mut self) -> Result<PageViewed<Address>, Rejected> {
        Ok(PageViewed {
            visitor_id: self.required_id(Field::VisitorId)?,
            url: self.url(Field::Url)?.ok_or_else(|| missing("url"))?,
            referrer: self.referrer()?,
            title: self.text(Field::Title)?,
            user_agent: self.text(Field::UserAgent)?,
            lead: self.lead()?,
        })
    }

    fn form_submitted(&mut self) -> Result<FormSubmitted<Address>, Rejected> {
        Ok(FormSubmitted {
            lead: self.required_lead()?,
            visitor_id: self.id(Field::VisitorId)?,
            form_id: self.required_label(Field::FormId)?,
            form_name: self.text(Field::FormName)?,
            url: self.url(Field::Url)?,
            referrer: self.referrer()?,
            fields: self.map(Field::Fields)?,
        })
    }

    fn email_engaged(&mut self) -> Result<EmailEngaged<Address>, Rejected> {
        Ok(EmailEngaged {
            lead: self.required_lead()?,
            kind: self.required_word(Field::Kind, list!(EmailKind))?,
            campaign: self.required_text(Field::Campaign)?,
            content_id: self.label(Field::ContentId)?,
            link_url: self.url(Field::LinkUrl)?,
            visitor_id: self.id(Field::VisitorId)?,
        })
    }

    fn deal_changed(&mut self) -> Result<DealChanged<Address>, Rejected> {
        let kind = self.required_word(Field::Kind, list!(DealKind))?;
        let currency = self.currency()?;
        let merged_into = self.id(Field::MergedInto)?;
        if kind == DealKind::Merged && merged_into.is_none() {
            return Err(missing("merged_into"));
        }
        Ok(DealChanged {
            deal_id: self.required_id(Field::DealId)?,
            kind,
            account_id: self.id(Field::AccountId)?,
            account_domain: self.domain(Field::AccountDomain)?,
            contacts: self.contacts()?,
            amount_minor: self.amount(currency)?,
            currency,
            stage: self.text(Field::Stage)?,
            pipeline: self.text(Field::Pipeline)?,
            owner: self.text(Field::Owner)?,
            reason: self.text(Field::Reason)?,
            deal_type: self.word(Field::DealType, list!(DealType))?,
            merged_into,
        })
    }

    fn lead_reviewed(&mut self) -> Result<LeadReviewed<Address>, Rejected> {
        Ok(LeadReviewed {
            lead: self.required_lead()?,
            verdict: self.required_word(Field::Verdict, list!(Verdict))?,
            reason: self.text(Field::Reason)?,
            rep: self.text(Field::Rep)?,
        })
    }

    fn sales_activity(&mut self) -> Result<SalesActivity<Address>, Rejected> {
        Ok(SalesActivity {
            lead: self.required_lead()?,
            kind: self.required_word(Field::Kind, list!(ActivityKind))?,
            content_url: self.url(Field::ContentUrl)?,
            rep: self.text(Field::Rep)?,
            outcome: self.text(Field::Outcome)?,
        })
    }

    fn lead_updated(&mut self) -> Result<LeadUpdated<Address>, Rejected> {
        Ok(LeadUpdated {
            lead: self.required_lead()?,
            account_id: self.id(Field::AccountId)?,
            account_domain: self.domain(Field::AccountDomain)?,
            persona: self.text(Field::Persona)?,
            owner: self.text(Field::Owner)?,
            stage: self.word(Field::Stage, list!(Stage))?,
            attributes: self.map(Field::Attributes)?,
        })
    }

    fn lead_merge(&mut self) -> Result<LeadMerge<Address>, Rejected> {
        Ok(LeadMerge {
            from: self.side(Field::From, Field::FromContactId)?,
            into: self.side(Field::Into, Field::IntoContactId)?,
        })
    }

    fn ad_spent(&mut self) -> Result<AdSpent, Rejected> {
        let currency = self.currency()?.ok_or_else(|| missing("currency"))?;
        Ok(AdSpent {
            day: self.day()?,
            channel: self.text(Field::Channel)?,
            source: self.text(Field::Source)?,
            medium: self.text(Field::Medium)?,
            campaign: self.text(Field::Campaign)?,
            amount_minor: self.amount(Some(currency))?.ok_or_else(|| missing("amount_minor"))?,
            currency,
            clicks: self.count(Field::Clicks)?,
            impressions: self.count(Field::Impressions)?,
        })
    }

    fn exchange_rate_set(&mut self) -> Result<ExchangeRateSet, Rejected> {
        Ok(ExchangeRateSet {
            day: self.day()?,
            currency: self.currency()?.ok_or_else(|| missing("currency"))?,
            rate: self.rate()?,
        })
    }

    fn erasure_requested(&mut self) -> Result<ErasureRequested<Address>, Rejected> {
        match (self.lead()?, self.id(Field::VisitorId)?) {
            (Some(lead), None) => Ok(ErasureRequested::Lead(lead)),
            (None, Some(visitor)) => Ok(ErasureRequested::Visitor(visitor)),
            (Some(_), Some(_)) => {
                let detail = "fields \"email\" and \"visitor_id\" are both there: send one event for each";
                Err(Rejected::new(Reason::InvalidValue, detail))
            }
            (None, None) => {
                let detail = "field \"email\" is missing: send \"email\", \"contact_id\" or \"visitor_id\"";
                Err(Rejected::new(Reason::MissingField, detail))
            }
        }
    }
}
