//! Duty rosters: who is on duty for which team, when.
//!
//! A shift repeats on its weekdays. A free day of the official calendar that is a weekday counts as a Sunday; a make-up
//! day (调休) is worked by those who have its own weekday and by those who work Monday to Friday. A shift of one day
//! (`validFrom` = `validTo`) holds on that day, whatever day it is.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{Invalid, code, line};
use crate::{
    AgentId, Timestamp,
    calendar::{self, Holidays},
    time::{DAY, Millis},
};

/// Duty of one member of staff.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export_to = "protocol.ts"))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Shift {
    /// Who.
    pub agent: AgentId,
    /// Code of the team.
    pub team: String,
    /// 1 (Monday) to 7 (Sunday).
    pub weekdays: Vec<u8>,
    /// Local time, `HH:MM`.
    pub from: String,
    /// Local time; not after `from`: on the next day.
    pub to: String,
    /// First day.
    #[cfg_attr(feature = "ts", ts(type = "string"))]
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Date))]
    pub valid_from: Date,
    /// Last day; `None`: until it is changed.
    #[serde(default)]
    #[cfg_attr(feature = "ts", ts(type = "string | null"))]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = Date))]
    pub valid_to: Option<Date>,
    /// Remark.
    #[serde(default)]
    pub note: String,
}

/// Somebody's duty on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Duty {
    /// Begin.
    pub from: Timestamp,
    /// End; belongs to it no more.
    pub to: Timestamp,
    /// Who.
    pub agent: AgentId,
}

const WORKING_WEEK: std::ops::RangeInclusive<u8> = 1..=5;

impl Shift {
    pub(super) fn check(&self) -> Result<(), Invalid> {
        code("team", &self.team)?;
        let in_order = self.weekdays.windows(2).all(|two| two[0] < two[1]);
        if !in_order || self.weekdays.iter().any(|day| !(1..=7).contains(day)) {
            return Err(Invalid::new("weekdays", "must be days from 1 (Monday) to 7 (Sunday), each once, in order"));
        }
        if self.weekdays.is_empty() && !self.is_of_one_day() {
            return Err(Invalid::new("weekdays", "must name a day, unless the shift is of one day only"));
        }
        for (field, text) in [("from", &self.from), ("to", &self.to)] {
            if calendar::clock_time(text).is_none_or(|time| field == "from" && time == DAY) {
                return Err(Invalid::new(field, "must be a time of the day, HH:MM"));
            }
        }
        if self.valid_to.is_some_and(|last| last < self.valid_from) {
            return Err(Invalid::new("validTo", "must not be before validFrom"));
        }
        line("note", &self.note, 0, 200)
    }

    fn is_of_one_day(&self) -> bool {
        self.valid_to == Some(self.valid_from)
    }

    /// Does it begin on this day?
    #[must_use]
    pub fn is_on(&self, date: Date, holidays: &Holidays) -> bool {
        if date < self.valid_from || self.valid_to.is_some_and(|last| last < date) {
            return false;
        }
        if self.is_of_one_day() {
            return true;
        }
        let own = u8::try_from(date.weekday().to_monday_one_offset()).unwrap_or(0);
        let has = |day: u8| self.weekdays.contains(&day);
        match (WORKING_WEEK.contains(&own), holidays.is_working_day(date)) {
            (true, true) | (false, false) => has(own),
            (true, false) => has(7),
            (false, true) => has(own) || WORKING_WEEK.into_iter().all(has),
        }
    }

    /// Begin and end in milliseconds after the midnight of its day; the empty span of one that was never checked.
    fn span(&self) -> (Millis, Millis) {
        match (calendar::clock_time(&self.from), calendar::clock_time(&self.to)) {
            (Some(from), Some(to)) if to > from => (from, to),
            (Some(from), Some(to)) => (from, to + DAY),
            _ => (0, 0),
        }
    }

    /// Duties that end after `from` and begin before `to`, in order.
    pub fn duties<'a>(
        &'a self,
        from: Timestamp,
        to: Timestamp,
        holidays: &'a Holidays,
    ) -> impl Iterator<Item = Duty> + 'a {
        let span = self.span();
        // One that began the day before may reach into the span.
        calendar::days(from - DAY, to).filter(|date| self.is_on(*date, holidays)).filter_map(move |date| {
            let midnight = calendar::midnight(date);
            let duty = Duty { from: midnight + span.0, to: midnight + span.1, agent: self.agent };
            (duty.to > from && duty.from < to && duty.from < duty.to).then_some(duty)
        })
    }
}
