//! The conversion watch's way through the warehouse: cohorts out, evaluations in.
//!
//! ClickHouse counts the cohorts, the kernel judges them, and what it finds becomes rows of `conversion_watch`, one a
//! day: an evaluation only ever reads those of earlier days, so doing it again on the same day replaces it.

use crate::{Cell, Error, Result, Table, Warehouse};
use clickhouse::Row;
use serde::Serialize;
use smarketing_kernel::event::Stage;
use smarketing_kernel::text::{NONE, Text};
use smarketing_kernel::time::{Day, Timestamp};
use smarketing_kernel::watch::{
    Cohort, Days, Dimension, Evaluation, Rate, Reading, Segment, Series, Settings, State, Step, evaluate,
};

/// A table whose rows are being read.
struct Rows<'a> {
    subject: &'static str,
    table: &'a Table,
}

/// A row, by names of columns.
struct Named<'a> {
    rows: &'a Rows<'a>,
    cells: &'a [Cell],
}

impl Warehouse {
    /// Evaluates the conversion watch of a workspace on a day, given what the warehouse holds now, and keeps what it
    /// finds. `now` only stamps the rows.
    ///
    /// # Errors
    /// Those of the server.
    pub async fn watch(
        &self,
        workspace: &str,
        settings: &Settings,
        day: Day,
        now: Timestamp,
    ) -> Result<Vec<Evaluation>> {
        let from = Day(day.0.saturating_sub(i32::from(settings.history_days()))).to_string();
        let to = day.to_string();
        let named = [("workspace", workspace), ("from", from.as_str()), ("to", to.as_str())];
        let cohorts = self.ask("watch", include_str!("report/watch_cohorts.sql"), &named).await?;
        let heard = self.ask("watch", include_str!("report/watch_heard.sql"), &named).await?;
        let before = [("workspace", workspace), ("day", to.as_str())];
        let before = self.ask("watch", include_str!("report/watch_before.sql"), &before).await?;
        let steps = steps(&cohorts, &heard)?;
        let found = evaluate(settings, day, &evaluations(&before)?, &steps);
        self.keep(workspace, &found, now).await?;
        Ok(found)
    }

    async fn keep(&self, workspace: &str, found: &[Evaluation], now: Timestamp) -> Result<()> {
        if found.is_empty() {
            return Ok(());
        }
        let timeout = Some(self.options.insert_timeout);
        let table = format!("{}.conversion_watch", self.names.data);
        let write = async {
            let mut insert = self
                .service
                .insert_unescaped::<Watched<'_>>(&table)
                .await?
                .with_timeouts(timeout, timeout)
                .with_setting("async_insert", "0")
                .with_setting("deduplicate_insert", "disable");
            for evaluation in found {
                insert.write(&Watched::of(workspace, evaluation, now)).await?;
            }
            insert.end().await
        };
        write.await.map_err(|error| Error::from_client("conversion_watch", &error))
    }
}

/// The steps of the funnel with their cohorts, in the order of the answer.
fn steps(cohorts: &Table, heard: &Table) -> Result<Vec<Step>> {
    let heard: Vec<(Stage, Day)> = Rows { subject: "watch", table: heard }
        .each(|row| Ok((row.word("next_stage", Stage::parse)?, row.need_day("day")?)))?;
    let mut steps: Vec<Step> = Vec::new();
    let rows = Rows { subject: "watch", table: cohorts };
    rows.each(|row| {
        let (stage, next_stage) = (row.word("stage", Stage::parse)?, row.word("next_stage", Stage::parse)?);
        let segment = row.segment()?;
        if steps.last().is_none_or(|step| (step.stage, step.next_stage) != (stage, next_stage)) {
            let heard = heard.iter().filter(|(of, _)| *of == next_stage).map(|(_, day)| *day).collect();
            steps.push(Step { stage, next_stage, heard, series: Vec::new() });
        }
        let Some(step) = steps.last_mut() else { return Ok(()) };
        if step.series.last().is_none_or(|series| series.segment != segment) {
            step.series.push(Series {
                segment,
                cohorts: Vec::new(),
                clustering_milli: row.number("clustering_milli")?,
            });
        }
        let Some(series) = step.series.last_mut() else { return Ok(()) };
        series.cohorts.push(Cohort {
            day: row.need_day("day")?,
            definition: row.text("definition_version")?,
            entered: row.number("entered")?,
            converted: row.conversions()?,
        });
        Ok(())
    })?;
    Ok(steps)
}

/// What earlier evaluations remember; readings of theirs do not matter any more.
fn evaluations(before: &Table) -> Result<Vec<Evaluation>> {
    Rows { subject: "watch", table: before }.each(|row| {
        let left_out = (row.day("left_out_from")?, row.day("left_out_until")?);
        Ok(Evaluation {
            day: row.need_day("day")?,
            stage: row.word("stage", Stage::parse)?,
            next_stage: row.word("next_stage", Stage::parse)?,
            segment: row.segment()?,
            definition: row.text("definition_version")?,
            state: row.word("state", State::parse)?,
            alarm: row.number::<u8>("alarm")? == 1,
            alarm_since: row.day("alarm_since")?,
            alarm_baseline: row.day("alarm_baseline")?,
            left_out: left_out.0.zip(left_out.1).map(|(from, until)| Days { from, until }),
            streak: row.number("streak")?,
            judged_until: row.day("judged_until")?,
            reading: None,
            cause: None,
        })
    })
}

impl<'a> Rows<'a> {
    fn each<T>(&'a self, mut read: impl FnMut(Named<'a>) -> Result<T>) -> Result<Vec<T>> {
        self.table.rows.iter().map(|cells| read(Named { rows: self, cells })).collect()
    }
}

impl Named<'_> {
    fn cell(&self, column: &str) -> Option<&Cell> {
        self.rows.table.column(column).and_then(|at| self.cells.get(at))
    }

    fn wrong(&self, column: &str) -> Error {
        let found = self.cell(column).map(Cell::to_string).unwrap_or_default();
        let message = format!("{column} \"{found}\" is not what this build writes");
        Error::Answer { subject: self.rows.subject.to_owned(), message }
    }

    fn text(&self, column: &str) -> Result<Text> {
        self.cell(column).map(|cell| Text::from(cell.to_string())).ok_or_else(|| self.wrong(column))
    }

    fn word<T>(&self, column: &str, parse: fn(&str) -> Option<T>) -> Result<T> {
        parse(&self.text(column)?).ok_or_else(|| self.wrong(column))
    }

    fn number<N: TryFrom<i128>>(&self, column: &str) -> Result<N> {
        match self.cell(column) {
            Some(Cell::Integer(number)) => N::try_from(*number).map_err(|_| self.wrong(column)),
            _ => Err(self.wrong(column)),
        }
    }

    /// A day, where there is one.
    fn day(&self, column: &str) -> Result<Option<Day>> {
        let Some(Cell::Text(text)) = self.cell(column) else { return Ok(None) };
        let mut parts = text.splitn(3, '-').map(str::parse::<u16>);
        let (Some(Ok(year)), Some(Ok(month)), Some(Ok(day))) = (parts.next(), parts.next(), parts.next()) else {
            return Err(self.wrong(column));
        };
        let narrow = |part: u16| u8::try_from(part).unwrap_or(0);
        Day::from_civil(i32::from(year), narrow(month), narrow(day)).map(Some).ok_or_else(|| self.wrong(column))
    }

    fn need_day(&self, column: &str) -> Result<Day> {
        self.day(column)?.ok_or_else(|| self.wrong(column))
    }

    fn segment(&self) -> Result<Segment> {
        Ok(Segment { dimension: self.word("dimension", Dimension::parse)?, value: self.text("value")? })
    }

    /// `2:1 5:3`: after two days one, after five days three.
    fn conversions(&self) -> Result<Vec<(u16, u32)>> {
        let wrong = || self.wrong("conversions");
        let pair = |pair: &str| {
            let (age, times) = pair.split_once(':')?;
            Some((age.parse().ok()?, times.parse().ok()?))
        };
        self.text("conversions")?.split_whitespace().map(|text| pair(text).ok_or_else(wrong)).collect()
    }
}

/// A row of `conversion_watch`.
#[derive(Row, Serialize)]
struct Watched<'a> {
    workspace: &'a str,
    stage: &'a str,
    next_stage: &'a str,
    dimension: &'a str,
    value: &'a str,
    day: u16,
    definition_version: &'a str,
    state: &'a str,
    alarm: u8,
    alarm_since: Option<u16>,
    alarm_baseline: Option<u16>,
    left_out_from: Option<u16>,
    left_out_until: Option<u16>,
    streak: u16,
    judged_until: Option<u16>,
    as_of: Option<u16>,
    recent_from: u16,
    baseline_from: u16,
    baseline_until: u16,
    horizon_days: u16,
    entered: u64,
    converted: u64,
    expected_milli: u64,
    rate_ppm: u32,
    rate_error_ppm: u32,
    baseline_rate_ppm: u32,
    baseline_error_ppm: u32,
    z_milli: i64,
    limit_milli: i64,
    cause_dimension: &'a str,
    cause_value: &'a str,
    cause_mix: u8,
    cause_share_ppm: u32,
    version: u64,
    is_deleted: u8,
}

/// What stands in the columns of a reading where there is none.
const UNREAD: Reading = Reading {
    as_of: Day(0),
    recent_from: Day(0),
    baseline_from: Day(0),
    baseline_until: Day(0),
    horizon_days: 0,
    entered: 0,
    converted: 0,
    expected_milli: 0,
    rate: Rate { ppm: 0, error_ppm: 0 },
    baseline_rate: Rate { ppm: 0, error_ppm: 0 },
    z_milli: 0,
    limit_milli: 0,
};

impl<'a> Watched<'a> {
    fn of(workspace: &'a str, evaluation: &'a Evaluation, now: Timestamp) -> Self {
        let reading = evaluation.reading.unwrap_or(UNREAD);
        let cause = evaluation.cause.as_ref();
        let day = crate::record::column::date;
        Self {
            workspace,
            stage: evaluation.stage.word(),
            next_stage: evaluation.next_stage.word(),
            dimension: evaluation.segment.dimension.word(),
            value: &evaluation.segment.value,
            day: day(evaluation.day),
            definition_version: &evaluation.definition,
            state: evaluation.state.word(),
            alarm: u8::from(evaluation.alarm),
            alarm_since: evaluation.alarm_since.map(day),
            alarm_baseline: evaluation.alarm_baseline.map(day),
            left_out_from: evaluation.left_out.map(|days| day(days.from)),
            left_out_until: evaluation.left_out.map(|days| day(days.until)),
            streak: evaluation.streak,
            judged_until: evaluation.judged_until.map(day),
            as_of: evaluation.reading.map(|reading| day(reading.as_of)),
            recent_from: day(reading.recent_from),
            baseline_from: day(reading.baseline_from),
            baseline_until: day(reading.baseline_until),
            horizon_days: reading.horizon_days,
            entered: reading.entered,
            converted: reading.converted,
            expected_milli: reading.expected_milli,
            rate_ppm: reading.rate.ppm,
            rate_error_ppm: reading.rate.error_ppm,
            baseline_rate_ppm: reading.baseline_rate.ppm,
            baseline_error_ppm: reading.baseline_rate.error_ppm,
            z_milli: reading.z_milli,
            limit_milli: reading.limit_milli,
            cause_dimension: cause.map_or(NONE, |cause| cause.segment.dimension.word()),
            cause_value: cause.map_or(NONE, |cause| &cause.segment.value),
            cause_mix: cause.map_or(0, |cause| u8::from(cause.mix)),
            cause_share_ppm: cause.map_or(0, |cause| cause.share_ppm),
            version: u64::try_from(now.0).unwrap_or_default(),
            is_deleted: 0,
        }
    }
}
