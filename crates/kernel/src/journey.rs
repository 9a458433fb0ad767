//! From touches to a conversion row: the journey, and the credit of every model over it.

use crate::attribution::{self, MICRO_CREDITS, Shares};
use crate::channel::{self, UNATTRIBUTED};
use crate::classify::Classifier;
use crate::money::Currency;
use crate::row::{Content, Conversion, ConversionKind, JourneyTouch, ModelCredit, Origin, TouchKind};
use crate::subject::Interaction;
use crate::text::Text;
use crate::time::Timestamp;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

/// What converted.
pub(crate) struct Subjected<'a> {
    pub(crate) workspace: &'a Text,
    pub(crate) owner: &'a Text,
    pub(crate) conversion: Text,
    pub(crate) kind: ConversionKind,
    pub(crate) subject: &'a Text,
    pub(crate) account: &'a Text,
    pub(crate) persona: &'a Text,
    pub(crate) deal_type: &'a Text,
    pub(crate) rep: &'a Text,
    pub(crate) value_minor: i64,
    pub(crate) currency: Currency,
    pub(crate) reporting_minor: Option<i64>,
}

/// The moments that positions hang on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Milestones {
    pub(crate) lead_created_at: Option<Timestamp>,
    pub(crate) opened_at: Option<Timestamp>,
    pub(crate) closed_at: Option<Timestamp>,
    pub(crate) converts_at: Timestamp,
    pub(crate) previous_close: Option<Timestamp>,
}

/// A touch of a journey, its lead and the lead's persona.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Leg {
    pub(crate) touch: Arc<Interaction>,
    lead: Text,
    persona: Text,
}

impl Leg {
    pub(crate) fn new(touch: &Arc<Interaction>, lead: &Text, persona: &Text) -> Self {
        Self { touch: Arc::clone(touch), lead: lead.clone(), persona: persona.clone() }
    }
}

/// A conversion before its value is split: everything the split depends on. Comparing two is cheap, splitting is not,
/// so only what differs from the last settle is ever split.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Recipe {
    /// The row, without journey and credits.
    pub(crate) head: Conversion,
    milestones: Milestones,
    touches: Journey,
}

/// The first touches of a journey that several conversions share.
#[derive(Clone, Debug, Eq)]
struct Journey {
    all: Arc<Vec<Leg>>,
    /// How many of them came before the conversion.
    eligible: usize,
}

impl Journey {
    fn touches(&self) -> &[Leg] {
        self.all.get(..self.eligible).unwrap_or_default()
    }
}

impl PartialEq for Journey {
    fn eq(&self, other: &Self) -> bool {
        self.touches() == other.touches()
    }
}

/// The recipe of one conversion; legs (in order, shared by several recipes) after it are left out.
pub(crate) fn recipe(
    rules: &Classifier<'_>,
    of: Subjected<'_>,
    milestones: Milestones,
    journey: &Arc<Vec<Leg>>,
) -> Recipe {
    let eligible = journey.partition_point(|leg| leg.touch.at <= milestones.converts_at);
    let head = Conversion {
        workspace: of.workspace.clone(),
        owner: of.owner.clone(),
        conversion: of.conversion,
        kind: of.kind,
        subject: of.subject.clone(),
        account: of.account.clone(),
        persona: of.persona.clone(),
        deal_type: of.deal_type.clone(),
        rep: of.rep.clone(),
        converted_at: milestones.converts_at,
        value_minor: of.value_minor,
        currency: of.currency,
        reporting_minor: of.reporting_minor,
        reporting_currency: rules.reporting,
        truncated: eligible > rules.journey_touches_max,
        definition_version: rules.version.clone(),
        journey: Vec::new(),
        credits: Vec::new(),
    };
    Recipe { head, milestones, touches: Journey { all: Arc::clone(journey), eligible } }
}

impl Recipe {
    /// Splits the value over the journey under every model.
    pub(crate) fn split(self, rules: &Classifier<'_>) -> Conversion {
        let touches = self.touches.touches();
        let surplus = touches.len().saturating_sub(rules.journey_touches_max);
        let kept = touches.iter().enumerate().filter(|(index, _)| *index == 0 || *index > surplus || surplus == 0);
        let mut journey: Vec<JourneyTouch> = kept.map(|(_, leg)| journey_touch(leg)).collect();
        let weighed: Vec<attribution::Touch> = journey.iter().map(weighed).collect();
        let credits = split(rules, &self.head, self.milestones, &weighed);
        journey.push(nobody(rules, self.milestones.converts_at));
        Conversion { journey, credits, ..self.head }
    }
}

fn split(
    rules: &Classifier<'_>,
    of: &Conversion,
    milestones: Milestones,
    touches: &[attribution::Touch],
) -> Vec<ModelCredit> {
    let ms = |at: Option<Timestamp>| at.map(|at| at.0);
    let journey = attribution::Journey {
        touches,
        lead_created_at: ms(milestones.lead_created_at),
        opened_at: ms(milestones.opened_at),
        closed_at: ms(milestones.closed_at),
        stages: &[],
        converts_at: milestones.converts_at.0,
        previous_close: ms(milestones.previous_close),
    };
    let mut credits = Vec::with_capacity(rules.models.len());
    let mut ids = rules.model_ids.iter();
    attribution::Model::each_shares(&rules.models, &journey, &mut Shares::new(), |_, shares| {
        let minor = parts(shares, touches.len(), of.value_minor);
        let same = of.currency == rules.reporting && of.reporting_minor == Some(of.value_minor);
        credits.push(ModelCredit {
            model: ids.next().unwrap_or(&rules.none).clone(),
            micro: parts(shares, touches.len(), MICRO_CREDITS),
            reporting: if same { minor.clone() } else { parts(shares, touches.len(), of.reporting_minor.unwrap_or(0)) },
            minor,
        });
    });
    credits
}

/// An amount split over the touches, and what nobody earned at the end.
fn parts(shares: &mut Shares, touches: usize, amount: i64) -> Vec<i64> {
    if amount == 0 {
        return vec![0; touches + 1];
    }
    let mut parts = Vec::with_capacity(touches + 1);
    let nobody = shares.split(amount, &mut parts);
    parts.push(nobody);
    parts
}

fn journey_touch(Leg { touch, lead, persona }: &Leg) -> JourneyTouch {
    JourneyTouch {
        touch_id: touch.id.clone(),
        touch_at: touch.at,
        lead: lead.clone(),
        persona: persona.clone(),
        kind: touch.kind,
        origin: touch.origin.clone(),
        page: touch.page.clone(),
    }
}

/// The slot of credit that no touch has earned.
fn nobody(rules: &Classifier<'_>, at: Timestamp) -> JourneyTouch {
    let none = || rules.none.clone();
    JourneyTouch {
        touch_id: Text::default(),
        touch_at: at,
        lead: none(),
        persona: none(),
        kind: TouchKind::Visit,
        origin: Arc::new(Origin {
            channel: Text::from(UNATTRIBUTED),
            subchannel: none(),
            source: none(),
            medium: none(),
            campaign: none(),
        }),
        page: Arc::new(Content { content: none(), content_group: none(), buyer_stage: none() }),
    }
}

fn weighed(touch: &JourneyTouch) -> attribution::Touch {
    attribution::Touch {
        at: touch.touch_at.0,
        channel: 0,
        direct: channel::is_direct(&touch.origin.channel),
        paid: channel::is_paid(&touch.origin.channel),
        kind: match touch.kind {
            TouchKind::Visit => attribution::Kind::Visit,
            TouchKind::EmailClick => attribution::Kind::Click,
            TouchKind::Form => attribution::Kind::Form,
            TouchKind::Event => attribution::Kind::Event,
            TouchKind::Enablement => attribution::Kind::Enablement,
            TouchKind::SelfReported => attribution::Kind::SelfReported,
        },
        repeat: false,
    }
}
