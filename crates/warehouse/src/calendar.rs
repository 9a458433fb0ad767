//! The hours in which the hand-off clock runs.

use crate::{Error, Result, Warehouse};
use smarketing_kernel::time::{Day, Timestamp};

/// When sales works, and how long it may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    /// Name of the time zone, such as `Europe/Berlin`.
    pub time_zone: String,
    /// Days of the week sales works on, Monday is 1.
    pub weekdays: Vec<u8>,
    /// When it begins and ends, as `09:00`.
    pub opens: String,
    /// See [`Calendar::opens`].
    pub closes: String,
    /// Days it does not work on.
    pub holidays: Vec<Day>,
    /// Working hours within which it must act on a hand-off.
    pub first_touch_hours: u32,
    /// Working hours within which it must judge it.
    pub verdict_hours: u32,
}

impl Warehouse {
    /// Writes the calendar of a workspace, from 2010 to 2049; `now` only stamps the rows, the latest stands.
    ///
    /// # Errors
    /// Those of the server; a time zone it does not know.
    pub async fn set_calendar(&self, workspace: &str, calendar: &Calendar, now: Timestamp) -> Result<()> {
        self.know_time_zone(&calendar.time_zone).await?;
        let holidays: Vec<String> = calendar.holidays.iter().map(Day::to_string).collect();
        let insert = self
            .service
            .query_raw(&self.names.expand(include_str!("report/calendar.sql")))
            .param("workspace", workspace)
            .param("time_zone", &calendar.time_zone)
            .param("weekdays", &calendar.weekdays)
            .param("holidays", &holidays)
            .param("opens", &calendar.opens)
            .param("closes", &calendar.closes)
            .param("first_touch_hours", calendar.first_touch_hours)
            .param("verdict_hours", calendar.verdict_hours)
            .param("version", now.0)
            .execute();
        crate::error::within(self.options.query_timeout, "calendar", insert).await
    }

    /// Looks whether there is such a time zone.
    ///
    /// # Errors
    /// Those of the server; [`Error::TimeZone`].
    pub async fn know_time_zone(&self, name: &str) -> Result<()> {
        let sql = "SELECT 1 FROM system.time_zones WHERE time_zone = {name:String}";
        let known = self.ask("time zones", sql, &[("name", name)]).await?;
        if known.rows.is_empty() { Err(Error::TimeZone { name: name.to_owned() }) } else { Ok(()) }
    }
}
