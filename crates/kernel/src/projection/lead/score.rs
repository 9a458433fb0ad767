//! The score: fit (who it is) plus behaviour (what it did, fading by half every half-life).
//!
//! Behaviour is evaluated at event times only: B(tᵢ) = B(tᵢ₋₁) · 2^(−Δt / half-life) + pᵢ, in hundredths of a point,
//! rounded down at every step. So the moment a score crosses a threshold is a property of the events.

use crate::attribution::exp2_neg;
use crate::classify::Classifier;
use crate::text::Text;
use crate::time::{DAY_MS, Timestamp};

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

/// Fit points of a lead, in hundredths.
pub(super) fn fit_centi(rules: &Classifier<'_>, persona: Option<&Text>, has_domain: bool) -> i64 {
    let by_persona = persona.and_then(|persona| rules.scoring.personas.get(&**persona)).copied().unwrap_or(0);
    let by_domain = if has_domain { rules.scoring.business_domain } else { 0 };
    (i64::from(by_persona) + i64::from(by_domain)) * 100
}
