//! `smarketing generate`: a synthetic history as event lines.

use crate::End;
use crate::cli::Generate;
use crate::feed::now;
use anyhow::Context as _;
use smarketing_kernel::text::Text;
use smarketing_kernel::time::{DAY_MS, Day, Timestamp};
use smarketing_schema::to_json;
use smarketing_sim::history::Plan;
use std::io::Write as _;

pub(crate) fn run(asked: &Generate) -> anyhow::Result<End> {
    let mut history = plan(asked)?.history();
    let mut out = std::io::BufWriter::with_capacity(1 << 20, std::io::stdout().lock());
    for event in history.by_ref() {
        out.write_all(to_json(&event).as_bytes())?;
        out.write_all(b"\n")?;
    }
    out.flush()?;
    for (event, count) in history.describe() {
        eprintln!("{count:>12}  {event}");
    }
    Ok(End::Done)
}

fn plan(asked: &Generate) -> anyhow::Result<Plan> {
    let ends_at = match &asked.ends {
        Some(day) => parse_day(day)?.start().plus(DAY_MS - 1),
        None => yesterday(),
    };
    let plan = Plan {
        seed: asked.seed,
        leads: asked.leads,
        days: asked.days,
        ends_at,
        workspace: Text::from("default"),
        heavy_account_touches: asked.heavy_account_touches,
    };
    Ok(match asked.events {
        Some(events) => plan.events(events),
        None => plan,
    })
}

/// The last moment of yesterday: nothing of a history that ends then is in the future.
pub(crate) fn yesterday() -> Timestamp {
    now().day().start().plus(-1)
}

/// A day as people write it.
pub(crate) fn parse_day(text: &str) -> anyhow::Result<Day> {
    let mut parts = text.splitn(3, '-').map(str::parse::<i32>);
    let mut next = || parts.next().and_then(Result::ok);
    let mut civil = || {
        let (year, month, day) = (next()?, next()?, next()?);
        Day::from_civil(year, u8::try_from(month).ok()?, u8::try_from(day).ok()?)
    };
    civil().with_context(|| format!("\"{text}\" is not a day such as \"2026-03-01\""))
}
