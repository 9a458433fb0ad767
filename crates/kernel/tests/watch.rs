//! The conversion watch against funnels whose truth is known.

mod watch {
    pub(crate) mod funnel;
    pub(crate) mod simulation;
    pub(crate) mod story;
}
