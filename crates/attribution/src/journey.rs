//! What is attributed: the touches before one conversion, and the milestones on the way.

/// Touches of one journey that can count: the newest this many; older ones are treated as outside the look-back.
/// The bound keeps every weight inside 64 bits.
pub const MAX_TOUCHES: usize = 1 << 14;

/// What a touch was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A bare visit.
    Visit,
    /// A click on an advertisement, a link or an e-mail.
    Click,
    /// A form was submitted.
    Form,
    /// An event was attended.
    Event,
    /// Sales used a piece of content with the buyer.
    Enablement,
    /// The buyer said so; counts only for models that name it.
    SelfReported,
}

/// One touch of a journey.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Touch {
    /// When, in milliseconds since the epoch.
    pub at: i64,
    /// The caller's number of the channel; only data-driven models read it.
    pub channel: u32,
    /// The channel is Direct.
    pub direct: bool,
    /// The channel is paid.
    pub paid: bool,
    /// What the touch was.
    pub kind: Kind,
    /// A later duplicate of the same (lead, session, channel, campaign, content).
    pub repeat: bool,
}

/// The touches and milestones of one conversion.
///
/// Invariant: `touches` ascend by (`at`, event id); the order is total, so two touches never share a position.
/// Times are milliseconds since the epoch. A milestone after `converts_at` is treated as absent.
#[derive(Clone, Copy, Debug)]
pub struct Journey<'a> {
    /// The touches in scope.
    pub touches: &'a [Touch],
    /// The earliest lead creation in scope.
    pub lead_created_at: Option<i64>,
    /// When the deal was created.
    pub opened_at: Option<i64>,
    /// When the deal was closed.
    pub closed_at: Option<i64>,
    /// Other stage transitions, as (the caller's stage number, when).
    pub stages: &'a [(u32, i64)],
    /// The milestone of this conversion; touches after it never count, and look-back counts back from it.
    pub converts_at: i64,
    /// When the previous deal of the same people or account closed.
    pub previous_close: Option<i64>,
}
