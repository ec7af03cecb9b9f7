//! What differs from the usual hours: the days of a year, as published, and single dates of a unit or team.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{Invalid, code, line, set};
use crate::calendar::{self, CalendarError, NamedDay, YearDays};

/// Holidays and make-up days (调休) of one year, instead of what the program knows; its code is the year.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export_to = "protocol.ts"))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CalendarYear {
    /// Free days.
    pub days_off: Vec<NamedDay>,
    /// Saturdays and Sundays that are worked.
    #[serde(default)]
    pub work_days: Vec<NamedDay>,
    /// Where it was published, e.g. the number of the notice.
    #[serde(default)]
    pub source: String,
}

impl CalendarYear {
    /// Most days of each list.
    const MOST: usize = 100;

    pub(super) fn check(&self) -> Result<(), Invalid> {
        for (field, days) in [("daysOff", &self.days_off), ("workDays", &self.work_days)] {
            if days.len() > Self::MOST {
                return Err(Invalid::new(field, format!("must have at most {} days", Self::MOST)));
            }
            for (n, day) in days.iter().enumerate() {
                line(&format!("{field}[{n}].name"), &day.name, 0, 40)?;
            }
        }
        line("source", &self.source, 0, 200)
    }

    /// Are they days of this year?
    pub(super) fn check_year(&self, year: i16) -> Result<(), Invalid> {
        self.days().check(year).map_err(|error| {
            let field = match &error {
                CalendarError::OtherYear { list, .. } | CalendarError::Twice { list, .. } if *list == "work_days" => {
                    "workDays"
                }
                _ => "daysOff",
            };
            Invalid::new(field, error.to_string())
        })
    }

    /// For the calendar.
    #[must_use]
    pub fn days(&self) -> YearDays {
        YearDays { off: self.days_off.clone(), worked: self.work_days.clone() }
    }
}

/// The year that a code names.
pub(super) fn year_of(id: &str) -> Option<i16> {
    let is_year = id.len() == 4 && id.bytes().all(|byte| byte.is_ascii_digit());
    id.parse().ok().filter(|_| is_year)
}

/// Hours of some dates, instead of the usual ones: for the teams of a unit and of all below it, or for one team.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export_to = "protocol.ts"))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SpecialHours {
    /// Code of the unit; `None`: the city.
    #[serde(default)]
    pub unit: Option<String>,
    /// Codes of its teams for which they hold; empty: all.
    #[serde(default)]
    pub teams: Vec<String>,
    /// First day.
    #[cfg_attr(feature = "ts", ts(type = "string"))]
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Date))]
    pub first: Date,
    /// Last day.
    #[cfg_attr(feature = "ts", ts(type = "string"))]
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Date))]
    pub last: Date,
    /// `HH:MM-HH:MM` of each of the days, in order; empty: closed.
    #[serde(default)]
    pub periods: Vec<String>,
    /// Why.
    #[serde(default)]
    pub note: String,
}

impl SpecialHours {
    /// Most days: who needs more changes the hours of the unit.
    const MOST: i32 = 62;

    pub(super) fn check(&self) -> Result<(), Invalid> {
        set("teams", &self.teams)?;
        for (n, one) in self.teams.iter().enumerate() {
            code(&format!("teams[{n}]"), one)?;
        }
        if self.last < self.first {
            return Err(Invalid::new("last", "must not be before first"));
        }
        if self.first.until(self.last).map_or(i32::MAX, |span| span.get_days()) >= Self::MOST {
            return Err(Invalid::new("last", format!("must be within {} days of first", Self::MOST)));
        }
        if let Some(n) = calendar::first_bad_period(&self.periods) {
            let problem = "must be HH:MM-HH:MM, within one day, after the one before";
            return Err(Invalid::new(format!("periods[{n}]"), problem));
        }
        line("note", &self.note, 0, 200)?;
        self.unit.as_ref().map_or(Ok(()), |unit| code("unit", unit))
    }

    /// Its dates.
    pub fn dates(&self) -> impl Iterator<Item = Date> + use<> {
        let last = self.last;
        self.first.series(jiff::Span::new().days(1)).take_while(move |date| *date <= last)
    }
}
