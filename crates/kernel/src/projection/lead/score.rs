//! The score: fit (who it is) plus behaviour (what it did, fading by half every half-life).
//!
//! Behaviour is evaluated at event times only: B(tᵢ) = B(tᵢ₋₁) · 2^(−Δt / half-life) + pᵢ, in hundredths of a point,
//! rounded down at every step. Fit at a moment is that of what events up to it tell of the person. So the moment a score
//! crosses a threshold is a property of the events.

use super::Profile;
use crate::attribution::exp2_neg;
use crate::classify::Classifier;
use crate::text::Text;
use crate::time::{DAY_MS, Timestamp};
use alloc::vec::Vec;

/// Behaviour points that fade.
pub(super) struct Behaviour {
    centi: i64,
    at: Timestamp,
    half_life_ms: u64,
}

impl Behaviour {
    pub(super) fn new(rules: &Classifier<'_>) -> Self {
        let half_life_ms = u64::from(rules.scoring.half_life_days) * DAY_MS.unsigned_abs();
        Self { centi: 0, at: Timestamp(i64::MIN), half_life_ms }
    }

    /// Adds points at `at`, which is not before any earlier call's.
    pub(super) fn add(&mut self, at: Timestamp, points_centi: i64) {
        self.centi = self.at(at).saturating_add(points_centi);
        self.at = at;
    }

    /// Behaviour at `at`, which is not before any call of [`Behaviour::add`], in hundredths of a point. Looking changes
    /// nothing: it is rounded down once a touch, however often it is looked at in between.
    pub(super) fn at(&self, at: Timestamp) -> i64 {
        let age = u64::try_from(at.since(self.at)).unwrap_or(0);
        if self.centi <= 0 || age == 0 {
            return self.centi;
        }
        let kept = (i128::from(self.centi) * i128::from(exp2_neg(age, self.half_life_ms))) >> 40;
        i64::try_from(kept).unwrap_or(0)
    }

    /// Starts over: sales sent the lead back to marketing.
    pub(super) fn reset(&mut self) {
        self.centi = 0;
    }
}

/// Fit over time.
pub(super) struct Fit {
    /// Since when it is how high, in hundredths of a point; in order of time, one a moment.
    steps: Vec<(Timestamp, i64)>,
}

impl Fit {
    pub(super) fn of(rules: &Classifier<'_>, profile: &Profile<'_>) -> Self {
        let since = profile.contact.domain_since;
        let mut moments: Vec<Timestamp> = profile.personas.iter().map(|(at, _)| *at).chain(since).collect();
        moments.sort_unstable();
        moments.dedup();
        let known = |at: Timestamp| {
            let persona = latest(&profile.personas, at).and_then(Option::as_ref);
            (at, fit_centi(rules, persona, since.is_some_and(|since| since <= at)))
        };
        Self { steps: moments.into_iter().map(known).collect() }
    }

    /// Fit at `at`: nobody is known before anything is said.
    pub(super) fn at(&self, at: Timestamp) -> i64 {
        latest(&self.steps, at).copied().unwrap_or(0)
    }

    /// When it rose.
    pub(super) fn rises(&self) -> impl Iterator<Item = Timestamp> {
        let before = [0].into_iter().chain(self.steps.iter().map(|(_, fit)| *fit));
        before.zip(&self.steps).filter(|(before, (_, fit))| fit > before).map(|(_, (at, _))| *at)
    }
}

/// What holds at `at` of what came one after the other.
fn latest<T>(steps: &[(Timestamp, T)], at: Timestamp) -> Option<&T> {
    let after = steps.partition_point(|(since, _)| *since <= at);
    steps.get(after.checked_sub(1)?).map(|(_, what)| what)
}

/// Fit points of a lead, in hundredths.
fn fit_centi(rules: &Classifier<'_>, persona: Option<&Text>, has_domain: bool) -> i64 {
    let by_persona = persona.and_then(|persona| rules.scoring.personas.get(&**persona)).copied().unwrap_or(0);
    let by_domain = if has_domain { rules.scoring.business_domain } else { 0 };
    (i64::from(by_persona) + i64::from(by_domain)) * 100
}
