//! Writing events as JSON lines: the inverse of [`crate::decode_json`], for generators, importers and exports.

use smarketing_kernel::event::{
    AdSpent, Address, Body, Contact, DealChanged, EmailEngaged, ErasureRequested, Event, ExchangeRateSet,
    FormSubmitted, LeadMerge, LeadReviewed, LeadUpdated, PageViewed, SalesActivity,
};
use smarketing_kernel::text::Text;
use std::collections::BTreeMap;
use std::fmt::Write;

/// One event as one JSON line, without its line end. Decoding it gives the same event.
#[must_use]
pub fn to_json(event: &Event<Address>) -> String {
    let mut line = Line { text: String::with_capacity(320) };
    line.text.push('{');
    line.put("event", event.body.name());
    line.put("event_id", &event.event_id);
    if &*event.workspace != "default" {
        line.put("workspace", &event.workspace);
    }
    line.write("occurred_at", format_args!("\"{}\"", event.occurred_at));
    line.body(&event.body);
    line.text.push('}');
    line.text
}

/// A JSON object being written.
struct Line {
    text: String,
}

impl Line {
    fn body(&mut self, body: &Body<Address>) {
        match body {
            Body::PageViewed(event) => self.page_viewed(event),
            Body::FormSubmitted(event) => self.form_submitted(event),
            Body::EmailEngaged(event) => self.email_engaged(event),
            Body::DealChanged(event) => self.deal_changed(event),
            Body::LeadReviewed(event) => self.lead_reviewed(event),
            Body::SalesActivity(event) => self.sales_activity(event),
            Body::LeadUpdated(event) => self.lead_updated(event),
            Body::LeadMerged(event) | Body::LeadUnmerged(event) => self.lead_merge(event),
            Body::AdSpent(event) => self.ad_spent(event),
            Body::ExchangeRateSet(event) => self.exchange_rate_set(event),
            Body::ErasureRequested(ErasureRequested::Lead(lead)) => self.lead(lead),
            Body::ErasureRequested(ErasureRequested::Visitor(id)) => self.put("visitor_id", id),
        }
    }

    fn page_viewed(&mut self, e: &PageViewed<Address>) {
        self.put("visitor_id", &e.visitor_id);
        self.put("url", &e.url);
        self.maybe("referrer", e.referrer.as_ref());
        self.maybe("title", e.title.as_ref());
        self.maybe("user_agent", e.user_agent.as_ref());
        e.lead.iter().for_each(|lead| self.lead(lead));
    }

    fn form_submitted(&mut self, e: &FormSubmitted<Address>) {
        self.lead(&e.lead);
        self.maybe("visitor_id", e.visitor_id.as_ref());
        self.put("form_id", &e.form_id);
        self.maybe("form_name", e.form_name.as_ref());
        self.maybe("url", e.url.as_ref());
        self.maybe("referrer", e.referrer.as_ref());
        self.map("fields", &e.fields);
    }

    fn email_engaged(&mut self, e: &EmailEngaged<Address>) {
        self.lead(&e.lead);
        self.put("kind", e.kind.word());
        self.put("campaign", &e.campaign);
        self.maybe("content_id", e.content_id.as_ref());
        self.maybe("link_url", e.link_url.as_ref());
        self.maybe("visitor_id", e.visitor_id.as_ref());
    }

    fn lead_reviewed(&mut self, e: &LeadReviewed<Address>) {
        self.lead(&e.lead);
        self.put("verdict", e.verdict.word());
        self.maybe("reason", e.reason.as_ref());
        self.maybe("rep", e.rep.as_ref());
    }

    fn sales_activity(&mut self, e: &SalesActivity<Address>) {
        self.lead(&e.lead);
        self.put("kind", e.kind.word());
        self.maybe("content_url", e.content_url.as_ref());
        self.maybe("rep", e.rep.as_ref());
        self.maybe("outcome", e.outcome.as_ref());
    }

    fn lead_updated(&mut self, e: &LeadUpdated<Address>) {
        self.lead(&e.lead);
        self.maybe("account_id", e.account_id.as_ref());
        self.maybe("account_domain", e.account_domain.as_ref());
        self.maybe("persona", e.persona.as_ref());
        self.maybe("owner", e.owner.as_ref());
        e.stage.iter().for_each(|stage| self.put("stage", stage.word()));
        self.map("attributes", &e.attributes);
    }

    fn ad_spent(&mut self, e: &AdSpent) {
        self.write("day", format_args!("\"{}\"", e.day));
        self.maybe("channel", e.channel.as_ref());
        self.maybe("source", e.source.as_ref());
        self.maybe("medium", e.medium.as_ref());
        self.maybe("campaign", e.campaign.as_ref());
        self.write("amount_minor", format_args!("{}", e.amount_minor));
        self.put("currency", e.currency.code());
        e.clicks.iter().for_each(|n| self.write("clicks", format_args!("{n}")));
        e.impressions.iter().for_each(|n| self.write("impressions", format_args!("{n}")));
    }

    fn exchange_rate_set(&mut self, e: &ExchangeRateSet) {
        self.write("day", format_args!("\"{}\"", e.day));
        self.put("currency", e.currency.code());
        self.write("rate", format_args!("\"{}\"", e.rate));
    }

    fn deal_changed(&mut self, deal: &DealChanged<Address>) {
        self.put("deal_id", &deal.deal_id);
        self.put("kind", deal.kind.word());
        self.maybe("account_id", deal.account_id.as_ref());
        self.maybe("account_domain", deal.account_domain.as_ref());
        deal.contacts.iter().for_each(|contacts| self.contacts(contacts));
        deal.amount_minor.iter().for_each(|amount| self.write("amount_minor", format_args!("{amount}")));
        deal.currency.iter().for_each(|currency| self.put("currency", currency.code()));
        self.maybe("stage", deal.stage.as_ref());
        self.maybe("pipeline", deal.pipeline.as_ref());
        self.maybe("owner", deal.owner.as_ref());
        self.maybe("reason", deal.reason.as_ref());
        deal.deal_type.iter().for_each(|deal_type| self.put("deal_type", deal_type.word()));
        self.maybe("merged_into", deal.merged_into.as_ref());
    }

    fn contacts(&mut self, contacts: &[Contact<Address>]) {
        self.key("contacts");
        self.text.push('[');
        for (at, contact) in contacts.iter().enumerate() {
            self.text.push_str(if at == 0 { "{" } else { ",{" });
            self.lead(&contact.lead);
            self.maybe("role", contact.role.as_ref());
            self.text.push('}');
        }
        self.text.push(']');
    }

    fn lead_merge(&mut self, merge: &LeadMerge<Address>) {
        self.maybe("from", merge.from.email.as_ref());
        self.maybe("from_contact_id", merge.from.contact_id.as_ref());
        self.maybe("into", merge.into.email.as_ref());
        self.maybe("into_contact_id", merge.into.contact_id.as_ref());
    }

    fn lead(&mut self, lead: &Address) {
        self.maybe("email", lead.email.as_ref());
        self.maybe("contact_id", lead.contact_id.as_ref());
    }

    fn map(&mut self, key: &str, map: &BTreeMap<Text, Text>) {
        if map.is_empty() {
            return;
        }
        self.key(key);
        self.text.push('{');
        map.iter().for_each(|(key, value)| self.put(key, value));
        self.text.push('}');
    }

    fn maybe(&mut self, key: &str, text: Option<&Text>) {
        text.into_iter().for_each(|text| self.put(key, text));
    }

    fn put(&mut self, key: &str, text: &str) {
        self.key(key);
        self.quoted(text);
    }

    fn write(&mut self, key: &str, value: std::fmt::Arguments<'_>) {
        self.key(key);
        // Writing to a string cannot fail.
        let _ = self.text.write_fmt(value);
    }

    fn key(&mut self, key: &str) {
        if !self.text.ends_with('{') {
            self.text.push(',');
        }
        self.quoted(key);
        self.text.push(':');
    }

    /// A JSON string (RFC 8259, section 7).
    fn quoted(&mut self, text: &str) {
        self.text.push('"');
        let mut plain = text;
        while let Some(at) = plain.bytes().position(|byte| byte < 0x20 || byte == b'"' || byte == b'\\') {
            let (head, tail) = plain.split_at(at);
            let mut rest = tail.chars();
            self.text.push_str(head);
            match rest.next() {
                Some(sign @ ('"' | '\\')) => self.text.extend(['\\', sign]),
                Some(control) => {
                    let _ = write!(self.text, "\\u{:04x}", u32::from(control));
                }
                None => {}
            }
            plain = rest.as_str();
        }
        self.text.push_str(plain);
        self.text.push('"');
    }
}
