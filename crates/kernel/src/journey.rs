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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Milestones {
    pub(crate) lead_created_at: Option<Timestamp>,
    pub(crate) opened_at: Option<Timestamp>,
    pub(crate) closed_at: Option<Timestamp>,
    /// When the stages that some model weighs were entered first, by their number.
    pub(crate) stages: Stages,
    pub(crate) converts_at: Timestamp,
    pub(crate) previous_close: Option<Timestamp>,
}

/// Numbers of stages, and when each was entered first.
pub(crate) type Stages = Vec<(u32, Timestamp)>;

/// A touch of a journey, its lead and the lead's persona.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Leg {
    pub(crate) touch: Arc<Interaction>,
    lead: Text,
    persona: Text,
    /// Counts only for the models that count each, see [`JourneyTouch::repeat`].
    repeat: bool,
}

/// What touched one person: its touches, and their repeats.
pub(crate) struct Walked<'a> {
    pub(crate) lead: &'a Text,
    pub(crate) persona: &'a Text,
    pub(crate) touches: &'a [Arc<Interaction>],
    pub(crate) repeats: &'a [Arc<Interaction>],
}

impl<'a> Walked<'a> {
    fn legs(self) -> impl Iterator<Item = Leg> + 'a {
        let each = |touches: &'a [Arc<Interaction>], repeat| touches.iter().map(move |touch| (touch, repeat));
        each(self.touches, false).chain(each(self.repeats, true)).map(move |(touch, repeat)| Leg {
            touch: Arc::clone(touch),
            lead: self.lead.clone(),
            persona: self.persona.clone(),
            repeat,
        })
    }
}

/// What touched some people, in order.
pub(crate) fn legs<'a>(people: impl Iterator<Item = Walked<'a>>) -> Arc<Vec<Leg>> {
    let mut legs: Vec<Leg> = people.flat_map(Walked::legs).collect();
    legs.sort_by(|a, b| (a.touch.at, &a.touch.id).cmp(&(b.touch.at, &b.touch.id)));
    Arc::new(legs)
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
        let kept = kept(self.touches.touches(), rules.journey_touches_max);
        let mut journey: Vec<JourneyTouch> = kept.map(journey_touch).collect();
        let weighed: Vec<attribution::Touch> = journey.iter().map(weighed).collect();
        let credits = split(rules, &self.head, &self.milestones, &weighed);
        journey.push(nobody(rules, self.milestones.converts_at));
        Conversion { journey, credits, ..self.head }
    }
}

/// Of too many touches the first and the latest. Repeats have the room that touches leave, the latest first: so they
/// never push out what other models count.
fn kept(legs: &[Leg], max: usize) -> impl Iterator<Item = &Leg> {
    let repeats = legs.iter().filter(|leg| leg.repeat).count();
    let touches = legs.len() - repeats;
    let surplus = touches.saturating_sub(max);
    let surplus_repeats = repeats.saturating_sub(max.saturating_sub(touches));
    let (mut touch, mut repeat) = (0, 0);
    legs.iter().filter(move |leg| {
        let place = if leg.repeat { &mut repeat } else { &mut touch };
        *place += 1;
        if leg.repeat { repeat > surplus_repeats } else { touch == 1 || touch > surplus + 1 }
    })
}

fn split(
    rules: &Classifier<'_>,
    of: &Conversion,
    milestones: &Milestones,
    touches: &[attribution::Touch],
) -> Vec<ModelCredit> {
    let ms = |at: Option<Timestamp>| at.map(|at| at.0);
    let stages: Vec<(u32, i64)> = milestones.stages.iter().map(|(stage, at)| (*stage, at.0)).collect();
    let journey = attribution::Journey {
        touches,
        lead_created_at: ms(milestones.lead_created_at),
        opened_at: ms(milestones.opened_at),
        closed_at: ms(milestones.closed_at),
        stages: &stages,
        converts_at: milestones.converts_at.0,
        previous_close: ms(milestones.previous_close),
    };
    let mut credits = Vec::with_capacity(rules.models.all.len());
    let mut ids = rules.models.ids.iter();
    attribution::Model::each_shares(&rules.models.all, &journey, &mut Shares::new(), |_, shares| {
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

fn journey_touch(Leg { touch, lead, persona, repeat }: &Leg) -> JourneyTouch {
    JourneyTouch {
        touch_id: touch.id.clone(),
        touch_at: touch.at,
        lead: lead.clone(),
        persona: persona.clone(),
        kind: touch.kind,
        repeat: *repeat,
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
        repeat: false,
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
        repeat: touch.repeat,
    }
}
