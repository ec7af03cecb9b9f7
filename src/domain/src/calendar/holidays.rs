//! The State Council's list of days: holidays and make-up days (调休), year by year.

use std::collections::BTreeMap;

use jiff::civil::{Date, Weekday};
use serde::{Deserialize, Serialize};

use super::CalendarError;

/// A day, and what it is free or worked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export_to = "protocol.ts"))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NamedDay {
    /// Which.
    #[cfg_attr(feature = "ts", ts(type = "string"))]
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Date))]
    pub date: Date,
    /// E.g. 国庆节; may be empty.
    #[serde(default)]
    pub name: String,
}

/// The file's shape: `{"years": {"2026": {"days_off": [{"date", "name"}], "work_days": [..]}}}`; what else is in it is
/// for people.
#[derive(Debug, Deserialize)]
pub struct CalendarFile {
    years: BTreeMap<String, YearFile>,
}

#[derive(Debug, Deserialize)]
struct YearFile {
    days_off: Vec<NamedDay>,
    work_days: Vec<NamedDay>,
}

/// The days of one year, as published.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct YearDays {
    /// Free although some would be worked.
    pub off: Vec<NamedDay>,
    /// Saturdays and Sundays that are worked.
    pub worked: Vec<NamedDay>,
}

impl YearDays {
    /// Does every day belong to the year, and is none both?
    ///
    /// # Errors
    /// Names the day.
    pub fn check(&self, year: i16) -> Result<(), CalendarError> {
        for (list, days) in [("days_off", &self.off), ("work_days", &self.worked)] {
            for (n, day) in days.iter().enumerate() {
                if day.date.year() != year {
                    return Err(CalendarError::OtherYear { year, list, date: day.date });
                }
                if days[..n].iter().any(|other| other.date == day.date) {
                    return Err(CalendarError::Twice { year, list, date: day.date });
                }
            }
        }
        match self.off.iter().find(|day| self.worked.iter().any(|other| other.date == day.date)) {
            Some(day) => Err(CalendarError::Both { year, date: day.date }),
            None => Ok(()),
        }
    }
}

impl CalendarFile {
    /// Its years.
    ///
    /// # Errors
    /// Names the year and the day that cannot be taken.
    pub fn years(self) -> Result<BTreeMap<i16, YearDays>, CalendarError> {
        let year = |(key, file): (String, YearFile)| {
            let year = key.parse().map_err(|_| CalendarError::Year(key))?;
            let days = YearDays { off: file.days_off, worked: file.work_days };
            days.check(year)?;
            Ok((year, days))
        };
        self.years.into_iter().map(year).collect()
    }
}

/// What a day is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DayKind<'a> {
    /// Monday to Friday.
    Weekday,
    /// A Saturday or Sunday that is worked for a holiday.
    MakeUp(&'a str),
    /// Saturday or Sunday.
    Weekend,
    /// Free, although it may be a weekday.
    Holiday(&'a str),
}

impl DayKind<'_> {
    /// Does the administration work?
    #[must_use]
    pub const fn is_worked(self) -> bool {
        matches!(self, Self::Weekday | Self::MakeUp(_))
    }
}

/// The official list of days.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holidays {
    years: BTreeMap<i16, YearDays>,
    /// Of all years: is it worked, and for what?
    days: BTreeMap<Date, (bool, String)>,
}

impl TryFrom<CalendarFile> for Holidays {
    type Error = CalendarError;

    fn try_from(file: CalendarFile) -> Result<Self, CalendarError> {
        Ok(file.years()?.into_iter().fold(Self::default(), |holidays, (year, days)| holidays.with_year(year, days)))
    }
}

impl Holidays {
    /// The same with another list for one year.
    #[must_use]
    pub fn with_year(mut self, year: i16, days: YearDays) -> Self {
        self.days.retain(|date, _| date.year() != year);
        let of = |list: &[NamedDay], is_worked| {
            list.iter().map(|day| (day.date, (is_worked, day.name.clone()))).collect::<Vec<_>>()
        };
        self.days.extend(of(&days.off, false));
        self.days.extend(of(&days.worked, true));
        self.years.insert(year, days);
        self
    }

    /// What a day is.
    #[must_use]
    pub fn kind(&self, date: Date) -> DayKind<'_> {
        match self.days.get(&date) {
            Some((true, name)) => DayKind::MakeUp(name),
            Some((false, name)) => DayKind::Holiday(name),
            None if matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday) => DayKind::Weekend,
            None => DayKind::Weekday,
        }
    }

    /// A day on which the administration works.
    #[must_use]
    pub fn is_working_day(&self, date: Date) -> bool {
        self.kind(date).is_worked()
    }

    /// Is the list of this year still to be published?
    #[must_use]
    pub fn is_provisional(&self, year: i16) -> bool {
        !self.years.contains_key(&year)
    }

    /// The years that are known.
    pub fn years(&self) -> impl Iterator<Item = (i16, &YearDays)> {
        self.years.iter().map(|(year, days)| (*year, days))
    }
}
