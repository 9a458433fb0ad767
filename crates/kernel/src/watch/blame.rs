//! Who explains most of a drop.
//!
//! Within a dimension every value is held against its own baseline: what it is short of is its part of the drop. What
//! no value is short of by itself is the mix: more of those who never converted well. Whoever explains at least half,
//! and clearly more than its size would, is named; a drop that all share alike has no culprit.

use super::sample::{ONE, Sample, Source};
use super::{Cause, Days, Dimension, Evaluation, Reading, Segment, Series, Settings, Step};
use alloc::vec::Vec;

/// Least share of the drop that makes a cause, in parts per million.
const LEAST_PPM: i128 = 500_000;
/// How far the share of the drop must pass the share of expected conversions, in parts per million.
const BEYOND_PPM: i128 = 200_000;
/// Baseline conversions to be expected of a value that make it known well enough to be held against itself rather
/// than against everybody.
const OWN_LEAST: i128 = 10;

/// A value of a dimension over the compared days; conversions in [`ONE`].
struct Part<'a> {
    segment: &'a Segment,
    entered: i128,
    entered_before: i128,
    expected: i128,
    missing: i128,
}

/// The cause of the drop that the evaluation of a step as a whole saw.
pub(crate) fn explain(settings: &Settings, step: &Step, evaluation: &Evaluation) -> Option<Cause> {
    let whole = step.series.iter().find(|series| series.segment == evaluation.segment)?;
    let reading = evaluation.reading.as_ref()?;
    let samples = |series| samples(series, evaluation, reading);
    let (recent, baseline) = samples(whole);
    let horizon = usize::from(reading.horizon_days);
    let expected = recent.expected_after(&baseline, horizon);
    let missing = expected - recent.converted(horizon) * ONE;
    if missing <= 0 {
        return None;
    }
    let mut best: Option<(i128, Cause)> = None;
    for dimension in Dimension::ALL.iter().filter(|dimension| **dimension != Dimension::All) {
        let parts: Vec<Part<'_>> = step
            .series
            .iter()
            .filter(|series| series.segment.dimension == *dimension)
            .map(|series| part(settings, series, samples(series), &baseline, horizon))
            .collect();
        if parts.len() < 2 {
            continue;
        }
        let within = parts.iter().map(|part| (part.missing * 1_000_000 / missing, part));
        let within = within.map(|(share, part)| (share, share - part.expected * 1_000_000 / expected.max(1), part));
        let named = within.map(|(share, beyond, part)| (beyond, cause(part, false, share)));
        let own: i128 = parts.iter().map(|part| part.expected).sum();
        let share = (expected - own) * 1_000_000 / missing;
        let mixed = parts.iter().max_by_key(|part| part.grown(&recent, &baseline));
        let mixed = mixed.map(|part| (share, cause(part, true, share)));
        for (beyond, cause) in named.chain(mixed) {
            let counts = i128::from(cause.share_ppm) >= LEAST_PPM && beyond >= BEYOND_PPM;
            if counts && best.as_ref().is_none_or(|(most, _)| beyond > *most) {
                best = Some((beyond, cause));
            }
        }
    }
    best.map(|(_, cause)| cause)
}

fn cause(part: &Part<'_>, mix: bool, share: i128) -> Cause {
    Cause { segment: part.segment.clone(), mix, share_ppm: u32::try_from(share.max(0)).unwrap_or(u32::MAX) }
}

fn samples(series: &Series, evaluation: &Evaluation, reading: &Reading) -> (Sample, Sample) {
    let source = Source {
        cohorts: &series.cohorts,
        definition: &evaluation.definition,
        left_out: evaluation.left_out,
        as_of: reading.as_of,
    };
    let sample = |from, until| source.sample(Days { from, until }, usize::from(reading.horizon_days));
    (sample(reading.recent_from, reading.as_of), sample(reading.baseline_from, reading.baseline_until))
}

fn part<'a>(
    settings: &Settings,
    series: &'a Series,
    (recent, baseline): (Sample, Sample),
    everybody: &Sample,
    horizon: usize,
) -> Part<'a> {
    let known =
        baseline.expected_after(everybody, horizon) >= OWN_LEAST * ONE && baseline.horizon(settings.at_risk) >= horizon;
    let expected = recent.expected_after(if known { &baseline } else { everybody }, horizon);
    Part {
        segment: &series.segment,
        entered: i128::from(recent.entered),
        entered_before: i128::from(baseline.entered),
        expected,
        missing: expected - recent.converted(horizon) * ONE,
    }
}

impl Part<'_> {
    /// By how much its share of the entries grew, in parts per million.
    fn grown(&self, recent: &Sample, baseline: &Sample) -> i128 {
        let share = |part: i128, all: u64| part * 1_000_000 / i128::from(all.max(1));
        share(self.entered, recent.entered) - share(self.entered_before, baseline.entered)
    }
}
