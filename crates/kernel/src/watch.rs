//! The conversion watch: does a step of the funnel convert worse than it did?
//!
//! Start at [`evaluate`], a pure function of the day, the evaluations of earlier days and the cohorts. For every pair
//! of stages, and every channel, persona, account segment, content and rep within it, entries of the last weeks are held against those
//! of the sixteen weeks before them **at equal age**: an entry of yesterday says nothing yet about conversions that
//! take a week, and is censored instead of counted as a failure. See `sample` for how, `normal` for when a difference
//! is more than chance, `blame` for who explains it.
//!
//! **Windows.** The last 2, 4, 8 and 12 weeks are looked at, so that a busy funnel is answered for fast and a slow one
//! at all. The *usual* window, which is shown and which ends alarms, is the shortest that lets [`Settings::enough`]
//! conversions be expected.
//!
//! **Many segments.** One round may find a drop by chance in at most 2 of [`Settings::one_in`] cases: one for the steps
//! as a whole, one for all their segments, each over all windows by Holm's test.
//!
//! **Neither flapping nor hiding.** An alarm takes [`Settings::confirm`] low evaluations in a row, and as many that have
//! recovered ([`Settings::recovered_z_milli`]) to end. While it lasts its baseline stays where it was, so that a
//! lasting drop does not become its own yardstick; after [`Settings::accept_days`] it is accepted as the new normal.
//!
//! **Late is not low.** Only days that the stream behind the later stage has passed are looked at; when that stream is
//! silent for longer than it ever was, nothing is concluded ([`State::Late`]) and alarms stay as they are. Entries made
//! under other definitions are left out; while those under the present ones are too few, [`State::Redefined`] says so.
//!
//! **Leads are not coins.** Leads of one account convert together, and rates vary from day to day and week to week. The
//! variance of the log-rank test is multiplied by the largest of three: how much accounts vary
//! ([`Series::clustering_milli`]), how much the days of the baseline do, and how much its weeks do. Without this such
//! funnels raised an alarm in one of 5 to 70 evaluations.
//!
//! **What it sees.** A drop by 30 % four weeks ago is found at a single look in 5 of 100 funnels when 50 conversions
//! were to be expected since, in 20 for 100, 60 for 150, 81 for 200 and 98 for 300 (150 funnels each). With 15
//! conversions a day the alarm comes after 16 days in half of them, after 24 in nine of ten. **False alarms:** over 250
//! funnels of each kind and 20 days, an alarm stood in one of 833 evaluations where it takes 45 days to convert, in one
//! of 200 with slow, seasonal growth in four channels, and in none of 5 000 of funnels that are steady, that grow by a
//! tenth a week, that have week-ends off, or whose accounts of four convert together. `tests/watch.rs` measures it on
//! fewer funnels.

mod blame;
mod normal;
mod sample;

use crate::event::{Stage, words};
use crate::text::Text;
use crate::time::Day;
use alloc::vec::Vec;
use sample::{ONE, Source};

/// What funnels are told apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum Dimension {
    /// Everybody.
    All,
    Channel,
    Persona,
    AccountSegment,
    Content,
    Rep,
}

words!(Dimension {
    All = "all", Channel = "channel", Persona = "persona", AccountSegment = "account_segment", Content = "content",
    Rep = "rep",
});

/// Some of those who entered a stage.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Segment {
    /// By what they are told apart.
    pub dimension: Dimension,
    /// Which of them.
    pub value: Text,
}

/// Days in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Days {
    /// The first.
    pub from: Day,
    /// The day after the last.
    pub until: Day,
}

impl Days {
    fn contain(self, day: Day) -> bool {
        (self.from..self.until).contains(&day)
    }
}

/// Everybody who entered a stage on a day, under one version of the definitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cohort {
    /// The day, in UTC.
    pub day: Day,
    /// The version.
    pub definition: Text,
    /// How many there are.
    pub entered: u32,
    /// Days from the entry's day to the conversion's day, ascending, and how many converted then.
    pub converted: Vec<(u16, u32)>,
}

/// The cohorts of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    /// The segment.
    pub segment: Segment,
    /// Its cohorts, by day.
    pub cohorts: Vec<Cohort>,
    /// How much more the conversions of whole accounts vary than those of independent entries would, in thousandths:
    /// 1000 where the leads of an account have nothing to do with each other.
    pub clustering_milli: u32,
}

/// A step of the funnel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Stage that was entered.
    pub stage: Stage,
    /// Stage looked for after it.
    pub next_stage: Stage,
    /// Days on which the stream that brings `next_stage` said anything at all, ascending.
    pub heard: Vec<Day>,
    /// Everybody, and the segments.
    pub series: Vec<Series>,
}

/// Thresholds. The defaults are those the simulations were made with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Days of entry looked at, shortest first.
    pub windows: Vec<u16>,
    /// Days of entry before them that they are held against.
    pub baseline_days: u16,
    /// Conversions expected in a window that make it long enough.
    pub enough: u32,
    /// Expected conversions below which nothing is concluded.
    pub least: u32,
    /// Entries at risk below which an age is not looked at.
    pub at_risk: u32,
    /// A round may raise a false alarm once in so many, for the steps and for the segments each.
    pub one_in: u32,
    /// Smallest relative drop worth an alarm, in parts per million.
    pub drop_ppm: u32,
    /// Evaluations in a row that raise an alarm, or end it.
    pub confirm: u16,
    /// The z, in thousandths, from which a step has recovered.
    pub recovered_z_milli: i64,
    /// Days after which a lasting drop is the new normal.
    pub accept_days: u16,
    /// Days without a word that are never late; else as many as there have been without one before, and one more.
    pub quiet_days: u16,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            windows: [14, 28, 56, 84].into(),
            baseline_days: 112,
            enough: 200,
            least: 15,
            at_risk: 20,
            one_in: 1_300,
            drop_ppm: 100_000,
            confirm: 2,
            recovered_z_milli: -1_500,
            accept_days: 90,
            quiet_days: 3,
        }
    }
}

impl Settings {
    /// Days before the day of evaluation from which cohorts matter.
    #[must_use]
    pub fn history_days(&self) -> u16 {
        let longest = self.windows.iter().copied().max().unwrap_or_default();
        longest.saturating_add(self.baseline_days).saturating_add(self.accept_days)
    }
}

/// What an evaluation found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It converts as it did, as far as can be told.
    Steady,
    /// It converts worse, for certain.
    Fell,
    /// Too few entries to say anything.
    Few,
    /// The stream behind the later stage is silent or behind.
    Late,
    /// The definitions changed too recently to compare.
    Redefined,
}

words!(State { Steady = "steady", Fell = "fell", Few = "few", Late = "late", Redefined = "redefined" });

/// A share that converts, with its standard error, in parts per million.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Rate {
    pub ppm: u32,
    pub error_ppm: u32,
}

/// What was compared, and how it came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Days before this one are over.
    pub as_of: Day,
    /// First day of entry of the recent window.
    pub recent_from: Day,
    /// First day of entry of the baseline.
    pub baseline_from: Day,
    /// Day after its last.
    pub baseline_until: Day,
    /// Oldest age compared, in days.
    pub horizon_days: u16,
    /// Entries in the recent window.
    pub entered: u64,
    /// Of those, how many converted up to the horizon.
    pub converted: u64,
    /// How many would have, had they converted as the baseline did; in thousandths.
    pub expected_milli: u64,
    /// Share of the recent window that converts up to the horizon.
    pub rate: Rate,
    /// The same of the baseline.
    pub baseline_rate: Rate,
    /// Standard deviations above what is expected if both convert alike, in thousandths (log-rank test).
    pub z_milli: i64,
    /// What it was held against, in thousandths: at or below it is more than chance.
    pub limit_milli: i64,
}

impl Reading {
    /// The relative change of the rate, in parts per million; 0 where the baseline has none.
    #[must_use]
    pub fn change_ppm(&self) -> i64 {
        let (now, then) = (i64::from(self.rate.ppm), i64::from(self.baseline_rate.ppm));
        if then == 0 { 0 } else { (now - then) * 1_000_000 / then }
    }
}

/// Who explains most of a drop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// The segment.
    pub segment: Segment,
    /// Whether there are more of them than there were, rather than that they convert worse.
    pub mix: bool,
    /// The share of the missing conversions it explains, in parts per million; above one million where others gained.
    pub share_ppm: u32,
}

/// An evaluation of a segment of a step on a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evaluation {
    /// The day.
    pub day: Day,
    /// The step: stage that was entered.
    pub stage: Stage,
    /// The step: stage looked for after it.
    pub next_stage: Stage,
    /// The segment.
    pub segment: Segment,
    /// Version of the definitions of the entries looked at.
    pub definition: Text,
    /// What was found.
    pub state: State,
    /// Whether an alarm stands.
    pub alarm: bool,
    /// Day the alarm was raised.
    pub alarm_since: Option<Day>,
    /// Day after the last of the baseline that the alarm was raised against.
    pub alarm_baseline: Option<Day>,
    /// Days of entry that are not looked at any more, since an alarm ended: those of the drop where it recovered, all
    /// before it where it is the new normal.
    pub left_out: Option<Days>,
    /// Evaluations in a row that speak for raising, or while an alarm stands for ending it.
    pub streak: u16,
    /// Days before this one have been judged; an evaluation that knows of no further day changes no alarm.
    pub judged_until: Option<Day>,
    /// What was compared; none where nothing could be.
    pub reading: Option<Reading>,
    /// Of a step as a whole that fell: who explains most of it; none where all segments fell alike.
    pub cause: Option<Cause>,
}

/// Evaluates every segment of every step on the day `now`. `previous` are the latest evaluations of earlier days;
/// given the same arguments it finds the same.
#[must_use]
pub fn evaluate(settings: &Settings, now: Day, previous: &[Evaluation], steps: &[Step]) -> Vec<Evaluation> {
    let mut looks = Vec::new();
    for step in steps {
        let clock = Clock::new(settings, now, step);
        for series in &step.series {
            let before = previous.iter().find(|before| {
                let same = (before.stage, before.next_stage) == (step.stage, step.next_stage);
                same && before.segment == series.segment && before.day < now
            });
            looks.push(Look::new(settings, &clock, step, series, before));
        }
    }
    judge(settings, &mut looks);
    let mut found: Vec<Evaluation> = looks.into_iter().map(|look| look.evaluation).collect();
    for evaluation in &mut found {
        let step = steps.iter().find(|step| (step.stage, step.next_stage) == (evaluation.stage, evaluation.next_stage));
        if let (true, Some(step)) = (evaluation.is_low_as_a_whole(), step) {
            evaluation.cause = blame::explain(settings, step, evaluation);
        }
    }
    found
}

impl Evaluation {
    fn end(&mut self, left_out: Days) {
        (self.alarm, self.alarm_since, self.alarm_baseline, self.streak) = (false, None, None, 0);
        self.left_out = Some(left_out);
    }

    fn is_low_as_a_whole(&self) -> bool {
        self.segment.dimension == Dimension::All && (self.alarm || self.state == State::Fell)
    }
}

/// Up to when a step was heard of.
struct Clock {
    now: Day,
    /// Days before this one are over and heard of.
    as_of: Day,
    late: bool,
}

impl Clock {
    fn new(settings: &Settings, now: Day, step: &Step) -> Self {
        let mut heard = step.heard.iter().copied().filter(|day| *day <= now);
        let Some(first) = heard.next() else { return Self { now, as_of: now, late: false } };
        let (last, longest) = heard.fold((first, 0), |(last, gap), day| (day, gap.max(day.0 - last.0)));
        let patience = i32::from(settings.quiet_days).max(longest.saturating_add(1));
        Self { now, as_of: last, late: now.0 - last.0 > patience }
    }
}

/// An evaluation on its way, with the reading that is lowest of all windows.
struct Look {
    evaluation: Evaluation,
    lowest: Option<Reading>,
}

impl Look {
    /// Compares the windows of a segment, and carries over what its evaluation before remembered.
    fn new(settings: &Settings, clock: &Clock, step: &Step, series: &Series, before: Option<&Evaluation>) -> Self {
        let known = series.cohorts.iter().rfind(|cohort| cohort.day < clock.as_of);
        let definition = known.map_or_else(|| Text::from(""), |cohort| cohort.definition.clone());
        let before = before.filter(|before| before.definition == definition);
        let frozen = before.and_then(|before| before.alarm_baseline);
        let left_out = before.and_then(|before| before.left_out);
        let others = series.cohorts.iter().any(|cohort| cohort.definition != definition);
        let source = Source { cohorts: &series.cohorts, definition: &definition, left_out, as_of: clock.as_of };
        let readings =
            if clock.late { Vec::new() } else { readings(settings, &source, series.clustering_milli, frozen) };
        let enough = |reading: &&Reading| reading.expected_milli >= u64::from(settings.enough) * 1_000;
        let usual = readings.iter().find(enough).or_else(|| readings.last()).copied();
        let state = match usual {
            _ if clock.late => State::Late,
            None if others => State::Redefined,
            None => State::Few,
            Some(_) => State::Steady,
        };
        let evaluation = Evaluation {
            day: clock.now,
            stage: step.stage,
            next_stage: step.next_stage,
            segment: series.segment.clone(),
            definition,
            state,
            alarm: before.is_some_and(|before| before.alarm),
            alarm_since: before.and_then(|before| before.alarm_since),
            alarm_baseline: frozen,
            left_out,
            streak: before.map_or(0, |before| before.streak),
            judged_until: before.and_then(|before| before.judged_until),
            reading: usual,
            cause: None,
        };
        Self { evaluation, lowest: readings.into_iter().min_by_key(|reading| reading.z_milli) }
    }
}

/// The comparisons of all windows that have enough to say anything, shortest first.
fn readings(settings: &Settings, source: &Source<'_>, clustering_milli: u32, frozen: Option<Day>) -> Vec<Reading> {
    let least = i128::from(settings.least);
    let clustering = i128::from(clustering_milli) * ONE / 1_000;
    let as_of = source.as_of;
    let read = |window: &u16| {
        let from = Day(as_of.0.saturating_sub(i32::from(*window)));
        let recent_from = frozen.map_or(from, |until| from.max(until));
        let baseline_until = frozen.unwrap_or(recent_from);
        let baseline_from = baseline_from(settings, source.left_out, baseline_until);
        let ages = usize::try_from(as_of.0.saturating_sub(recent_from.0)).unwrap_or(0);
        let recent = source.sample(Days { from: recent_from, until: as_of }, ages);
        let before = Days { from: baseline_from, until: baseline_until };
        let baseline = source.sample(before, ages);
        let horizon = recent.horizon(settings.at_risk).min(baseline.horizon(settings.at_risk));
        let expected = recent.expected_after(&baseline, horizon);
        if expected < least * ONE || baseline.converted(horizon) < least {
            return None;
        }
        let dispersion = source.dispersion(&baseline, before, horizon).max(clustering);
        Some(Reading {
            as_of,
            recent_from,
            baseline_from,
            baseline_until,
            horizon_days: u16::try_from(horizon).unwrap_or(u16::MAX),
            entered: recent.entered,
            converted: u64::try_from(recent.converted(horizon)).unwrap_or_default(),
            expected_milli: u64::try_from(expected * 1_000 / ONE).unwrap_or_default(),
            rate: recent.rate(horizon),
            baseline_rate: baseline.rate(horizon),
            z_milli: recent.compare(&baseline, horizon).z_milli(dispersion),
            limit_milli: 0,
        })
    };
    settings.windows.iter().filter_map(read).collect()
}

/// The first day of a baseline, which is longer by what is left out of it.
fn baseline_from(settings: &Settings, left_out: Option<Days>, until: Day) -> Day {
    let from = until.0.saturating_sub(i32::from(settings.baseline_days));
    let within = left_out.filter(|days| days.from.0 >= from && days.until <= until);
    Day(from.saturating_sub(within.map_or(0, |days| days.until.0 - days.from.0)))
}

/// Decides who is low for certain, and moves the alarms.
fn judge(settings: &Settings, looks: &mut [Look]) {
    let windows = u32::try_from(settings.windows.len()).unwrap_or(u32::MAX);
    for whole in [true, false] {
        let mut family: Vec<(&mut Evaluation, Reading, Reading)> = looks
            .iter_mut()
            .filter(|look| (look.evaluation.segment.dimension == Dimension::All) == whole)
            .filter_map(|look| Some((look.evaluation.reading?, look.lowest?, &mut look.evaluation)))
            .map(|(usual, lowest, evaluation)| (evaluation, usual, lowest))
            .collect();
        let lowest: Vec<i64> = family.iter().map(|(_, _, lowest)| lowest.z_milli).collect();
        let held = normal::holm(&lowest, settings.one_in.saturating_mul(windows));
        for ((evaluation, usual, lowest), (low, limit_milli)) in family.iter_mut().zip(held) {
            let fell = low && lowest.change_ppm() <= -i64::from(settings.drop_ppm);
            evaluation.state = if fell { State::Fell } else { State::Steady };
            let shown = if fell { *lowest } else { *usual };
            evaluation.reading = Some(Reading { limit_milli, ..shown });
            remember(settings, evaluation, usual, lowest);
        }
    }
}

/// Raises and ends alarms; nothing else changes what an evaluation remembers.
fn remember(settings: &Settings, evaluation: &mut Evaluation, usual: &Reading, lowest: &Reading) {
    if evaluation.judged_until.is_some_and(|until| usual.as_of <= until) {
        return;
    }
    evaluation.judged_until = Some(usual.as_of);
    let speaks = match evaluation.alarm {
        false => evaluation.state == State::Fell,
        true => usual.z_milli >= settings.recovered_z_milli,
    };
    evaluation.streak = if speaks { evaluation.streak.saturating_add(1) } else { 0 };
    let confirmed = evaluation.streak >= settings.confirm;
    match (evaluation.alarm_since, evaluation.alarm_baseline) {
        (Some(since), Some(baseline)) => {
            let accepted = evaluation.day.0.saturating_sub(since.0) >= i32::from(settings.accept_days);
            if confirmed {
                evaluation.end(Days { from: baseline, until: usual.recent_from });
            } else if accepted {
                evaluation.end(Days { from: Day(i32::MIN), until: baseline });
            }
        }
        _ if confirmed => {
            evaluation.alarm = true;
            evaluation.alarm_since = Some(evaluation.day);
            evaluation.alarm_baseline = Some(lowest.baseline_until);
            evaluation.streak = 0;
        }
        _ => {}
    }
}
