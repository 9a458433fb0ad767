//! What stands for a row until it is known to differ. Most rows of a subject are the same from settle to settle:
//! comparing what they are made of is a few pointers, making them is not.

use crate::classify::Classifier;
use crate::event::Body;
use crate::id::LeadId;
use crate::row::{LeadEvent, LeadEventKind, Origin, Touch, WebEvent};
use crate::subject::{Fact, FactBody, Interaction, Subject};
use crate::text::Text;
use crate::time::Timestamp;
use alloc::sync::Arc;

/// A page view; a [`WebEvent`] in the making.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Seen {
    /// The browser, or what stands for it.
    pub(crate) visitor: Text,
    /// The view.
    pub(crate) fact: Arc<Fact>,
    pub(crate) session_at: Timestamp,
    pub(crate) origin: Arc<Origin>,
    pub(crate) lead: Option<LeadId>,
}

/// A touch of a lead; a [`Touch`] in the making.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Touched {
    pub(crate) lead: Text,
    pub(crate) account: Text,
    pub(crate) touch: Arc<Interaction>,
}

/// What a lead's timeline shows beside touches and stages; a [`LeadEvent`] in the making.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Told {
    pub(crate) lead: Text,
    pub(crate) by: Teller,
    /// Whether the lead is to be forgotten, with what anybody wrote about it.
    pub(crate) erased: bool,
}

/// Whose word a [`Told`] is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Teller {
    /// A fact of the lead.
    Fact(Arc<Fact>),
    /// A form that was filled in on a page.
    Form(Arc<Interaction>),
}

impl Seen {
    pub(crate) fn row(self, rules: &Classifier<'_>, subject: &Subject) -> WebEvent {
        let view = match &self.fact.body {
            FactBody::View(view) => Some(view),
            FactBody::Event(_) => None,
        };
        let none = || rules.none.clone();
        WebEvent {
            workspace: subject.workspace.clone(),
            visitor: self.visitor,
            viewed_at: self.fact.at,
            event_id: self.fact.id.clone(),
            lead: self.lead.map_or_else(none, LeadId::text),
            session_at: self.session_at,
            origin: self.origin,
            page: rules.content(view.map_or(&rules.none, |view| &view.path)),
            referrer_host: view.and_then(|view| view.referrer_host.clone()).unwrap_or_else(none),
            bot: view.is_some_and(|view| view.bot),
        }
    }
}

impl Touched {
    pub(crate) fn row(self, rules: &Classifier<'_>, lead: &Subject) -> Touch {
        let Interaction { at, id, kind, origin, page, session, form: _ } = &*self.touch;
        Touch {
            workspace: lead.workspace.clone(),
            lead: self.lead,
            touch_at: *at,
            touch_id: id.clone(),
            account: self.account,
            kind: *kind,
            origin: Arc::clone(origin),
            page: Arc::clone(page),
            visitor: session.as_ref().map_or_else(|| rules.none.clone(), |(visitor, _)| visitor.clone()),
            ruleset_version: rules.ruleset_version.clone(),
        }
    }
}

impl Told {
    /// Time and event id: where it stands.
    pub(crate) fn place(&self) -> (Timestamp, &Text) {
        match &self.by {
            Teller::Fact(fact) => (fact.at, &fact.id),
            Teller::Form(form) => (form.at, &form.id),
        }
    }

    /// Whether the timeline shows such a fact.
    pub(crate) fn shows(fact: &Fact) -> bool {
        fact.event().is_some_and(|body| kind(body).is_some())
    }

    pub(crate) fn row(self, rules: &Classifier<'_>, lead: &Subject) -> LeadEvent {
        let (occurred_at, event_id) = self.place();
        let none = || rules.none.clone();
        let mut row = LeadEvent {
            workspace: lead.workspace.clone(),
            lead: self.lead.clone(),
            occurred_at,
            event_id: event_id.clone(),
            event: Text::from(LeadEventKind::Form.word()),
            campaign: none(),
            content: none(),
            rep: none(),
            detail: none(),
        };
        match &self.by {
            Teller::Fact(fact) => tell(fact, self.erased, &mut row),
            Teller::Form(form) => row.content = form.form.as_ref().map_or_else(none, |form| form.form_id.clone()),
        }
        row
    }
}

fn kind(body: &Body<()>) -> Option<LeadEventKind> {
    Some(match body {
        Body::EmailEngaged(event) => LeadEventKind::Email(event.kind),
        Body::SalesActivity(event) => LeadEventKind::Activity(event.kind),
        Body::LeadReviewed(event) => LeadEventKind::Verdict(event.verdict),
        Body::FormSubmitted(_) => LeadEventKind::Form,
        Body::LeadUpdated(_) => LeadEventKind::Updated,
        Body::LeadMerged(_) => LeadEventKind::Merged,
        Body::LeadUnmerged(_) => LeadEventKind::Unmerged,
        Body::ErasureRequested(_) => LeadEventKind::Erased,
        _ => return None,
    })
}

/// Fills in what an event says of itself; of an erased lead nothing in somebody's own words.
fn tell(fact: &Fact, erased: bool, row: &mut LeadEvent) {
    let Some((body, kind)) = fact.event().and_then(|body| Some((body, kind(body)?))) else { return };
    let set = |slot: &mut Text, value: &Option<Text>| value.iter().for_each(|value| slot.clone_from(value));
    let set_words = |slot: &mut Text, words: &Option<Text>| {
        if !erased {
            set(slot, words);
        }
    };
    row.event = Text::from(kind.word());
    match body {
        Body::EmailEngaged(event) => {
            row.campaign = event.campaign.clone();
            set(&mut row.content, &event.content_id);
        }
        Body::SalesActivity(event) => {
            set(&mut row.content, &event.content_url.as_deref().map(crate::content::path_of));
            set(&mut row.rep, &event.rep);
            set_words(&mut row.detail, &event.outcome);
        }
        Body::LeadReviewed(event) => {
            set(&mut row.rep, &event.rep);
            set_words(&mut row.detail, &event.reason);
        }
        Body::FormSubmitted(event) => row.content = event.form_id.clone(),
        Body::LeadUpdated(event) => {
            set(&mut row.rep, &event.owner);
            set(&mut row.detail, &event.stage.map(|stage| Text::from(stage.word())));
        }
        Body::LeadMerged(_) | Body::LeadUnmerged(_) => {
            row.detail = fact.people().last().map_or_else(|| row.detail.clone(), |into| into.id.text());
        }
        _ => {}
    }
}
