//! Service hours and working days (DOMAIN rules 1, 2, 8, 12).
//!
//! China has one time zone without summer time, so local time is UTC+8 and no time-zone database is needed. The list of
//! holidays and make-up days (调休) is the State Council's, year by year; a year that is not published yet counts
//! weekdays and is marked provisional.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{
    civil::{Date, Weekday},
    tz::Offset,
};
use serde::Deserialize;

use crate::{
    Timestamp,
    org::ServiceHours,
    time::{DAY, MINUTE, Millis},
};

/// Shanghai.
const OFFSET: Offset = Offset::constant(8);

/// The offset in milliseconds.
const OFFSET_MS: Millis = 8 * 60 * MINUTE;

/// A calendar or service-hours text that cannot be taken; names what is wrong where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CalendarError {
    /// A key that is not a year.
    #[error("years.{0}: not a year")]
    Year(String),
    /// A day of another year than it is listed under.
    #[error("years.{year}.{list}: {date} is not in {year}")]
    OtherYear {
        /// Listed under.
        year: i16,
        /// `days_off` or `work_days`.
        list: &'static str,
        /// The day.
        date: Date,
    },
    /// A day that is both free and worked.
    #[error("years.{year}: {date} is in days_off and in work_days")]
    Both {
        /// Year.
        year: i16,
        /// The day.
        date: Date,
    },
    /// Service hours that are not `HH:MM-HH:MM` in ascending order.
    #[error("service period {0:?}: expected HH:MM-HH:MM, in ascending order, within one day")]
    Period(String),
}

/// The file's shape.
#[derive(Debug, Deserialize)]
pub struct CalendarFile {
    years: BTreeMap<String, YearFile>,
}

#[derive(Debug, Deserialize)]
struct YearFile {
    days_off: Vec<DayFile>,
    work_days: Vec<DayFile>,
}

#[derive(Debug, Deserialize)]
struct DayFile {
    date: Date,
}

/// The official list of days.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holidays {
    years: BTreeSet<i16>,
    off: BTreeSet<Date>,
    worked: BTreeSet<Date>,
}

impl TryFrom<CalendarFile> for Holidays {
    type Error = CalendarError;

    fn try_from(file: CalendarFile) -> Result<Self, CalendarError> {
        let mut holidays = Self::default();
        for (key, days) in file.years {
            let year: i16 = key.parse().map_err(|_| CalendarError::Year(key))?;
            holidays.years.insert(year);
            let lists =
                [("days_off", days.days_off, &mut holidays.off), ("work_days", days.work_days, &mut holidays.worked)];
            for (list, days, set) in lists {
                for DayFile { date } in days {
                    if date.year() != year {
                        return Err(CalendarError::OtherYear { year, list, date });
                    }
                    set.insert(date);
                }
            }
        }
        match holidays.off.intersection(&holidays.worked).next() {
            Some(date) => Err(CalendarError::Both { year: date.year(), date: *date }),
            None => Ok(holidays),
        }
    }
}

impl Holidays {
    /// A day on which the administration works.
    #[must_use]
    pub fn is_working_day(&self, date: Date) -> bool {
        let weekend = matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday);
        self.worked.contains(&date) || !(weekend || self.off.contains(&date))
    }

    /// Is the list of this year still to be published?
    #[must_use]
    pub fn is_provisional(&self, year: i16) -> bool {
        !self.years.contains(&year)
    }
}

/// When humans answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hours {
    /// The periods of every working day.
    WorkingDays,
    /// Round the clock.
    Always,
    /// Never: for maintenance and tests of what happens out of hours.
    Never,
}

/// A deadline in working days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// End of service hours of the last day.
    pub at: Timestamp,
    /// Did a day of an unpublished year take part?
    pub is_provisional: bool,
}

/// Service hours over the official calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    holidays: Holidays,
    hours: Hours,
    /// Begin and end in milliseconds of the day; ascending, disjoint, at least one. The gaps are lunch.
    periods: Vec<(Millis, Millis)>,
}

/// Days looked ahead for an opening: longer than any run of free days.
const HORIZON: u16 = 400;

fn date_of(at: Timestamp) -> Date {
    let instant = jiff::Timestamp::from_millisecond(at.0).unwrap_or(jiff::Timestamp::MAX);
    OFFSET.to_datetime(instant).date()
}

/// Midnight in Shanghai at the begin of a date.
pub(crate) fn midnight(date: Date) -> Timestamp {
    let days = date.since((jiff::Unit::Day, Date::constant(1970, 1, 1))).map_or(0, |span| i64::from(span.get_days()));
    Timestamp(days * DAY - OFFSET_MS)
}

/// The dates that a span touches.
pub(crate) fn days(from: Timestamp, to: Timestamp) -> impl Iterator<Item = Date> {
    let last = date_of(to - 1);
    date_of(from).series(jiff::Span::new().days(1)).take_while(move |date| *date <= last)
}

/// `HH:MM` in milliseconds of the day; `24:00` is its end.
pub(crate) fn clock_time(text: &str) -> Option<Millis> {
    let is_time = |(n, byte): (usize, u8)| if n == 2 { byte == b':' } else { byte.is_ascii_digit() };
    let (hours, minutes) = text.split_once(':').filter(|_| text.len() == 5 && text.bytes().enumerate().all(is_time))?;
    let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
    let minutes_of_day = hours * 60 + minutes;
    ((0..60).contains(&minutes) && (0..=24 * 60).contains(&minutes_of_day)).then_some(minutes_of_day * MINUTE)
}

fn parse_periods(periods: &[impl AsRef<str>]) -> Result<Vec<(Millis, Millis)>, usize> {
    let mut parsed: Vec<(Millis, Millis)> = Vec::with_capacity(periods.len());
    for (n, text) in periods.iter().map(AsRef::as_ref).enumerate() {
        let period = text.split_once('-').and_then(|(from, to)| Some((clock_time(from)?, clock_time(to)?)));
        match period {
            Some((from, to)) if from < to && parsed.last().is_none_or(|last| last.1 <= from) => parsed.push((from, to)),
            _ => return Err(n),
        }
    }
    Ok(parsed)
}

/// Position of the first period that is malformed, empty or out of order.
pub(crate) fn first_bad_period(periods: &[String]) -> Option<usize> {
    parse_periods(periods).err()
}

impl Calendar {
    /// `periods` like `["09:00-11:30", "13:30-17:00"]`.
    ///
    /// # Errors
    /// [`CalendarError::Period`] names the period that is malformed, empty or out of order, or `""` if there is none.
    pub fn new(holidays: Holidays, hours: Hours, periods: &[impl AsRef<str>]) -> Result<Self, CalendarError> {
        let parsed = parse_periods(periods).map_err(|n| CalendarError::Period(periods[n].as_ref().to_owned()))?;
        if parsed.is_empty() {
            return Err(CalendarError::Period(String::new()));
        }
        Ok(Self { holidays, hours, periods: parsed })
    }

    /// The same calendar with hours of one's own. A server that answers never stays so, whatever anybody's hours are;
    /// who answers round the clock gives call-back slots in the periods that were there before.
    #[must_use]
    pub fn with_hours(&self, own: &ServiceHours) -> Self {
        let periods = parse_periods(&own.periods).ok().filter(|periods| !periods.is_empty());
        let hours = match (self.hours, own.always) {
            (Hours::Never, _) => Hours::Never,
            (_, true) => Hours::Always,
            (_, false) => Hours::WorkingDays,
        };
        Self { hours, periods: periods.unwrap_or_else(|| self.periods.clone()), ..self.clone() }
    }

    /// The list behind it.
    #[must_use]
    pub const fn holidays(&self) -> &Holidays {
        &self.holidays
    }

    /// Midnight in Shanghai at or before `at`: the begin of "today".
    #[must_use]
    pub fn day_start(at: Timestamp) -> Timestamp {
        at - (at.0 + OFFSET_MS).rem_euclid(DAY)
    }

    /// The day in Shanghai, e.g. `20261124`, for receipt numbers.
    #[must_use]
    pub fn day_number(at: Timestamp) -> String {
        date_of(at).strftime("%Y%m%d").to_string()
    }

    /// Do humans answer at this instant? The end of a period belongs to it no more.
    #[must_use]
    pub fn in_service(&self, at: Timestamp) -> bool {
        match self.hours {
            Hours::Always => true,
            Hours::Never => false,
            Hours::WorkingDays => {
                let of_day = (at.0 + OFFSET_MS).rem_euclid(DAY);
                self.holidays.is_working_day(date_of(at))
                    && self.periods.iter().any(|(from, to)| (*from..*to).contains(&of_day))
            }
        }
    }

    /// Service periods that end after `from`, in order.
    fn periods_from(&self, from: Timestamp) -> impl Iterator<Item = (Timestamp, Timestamp)> + '_ {
        let days = date_of(from).series(jiff::Span::new().days(1)).take(usize::from(HORIZON));
        days.filter(|date| self.holidays.is_working_day(*date))
            .flat_map(|date| {
                let start = midnight(date);
                self.periods.iter().map(move |(from, to)| (start + *from, start + *to))
            })
            .filter(move |(_, to)| *to > from)
    }

    /// When humans answer between two instants, in order.
    #[must_use]
    pub fn open_between(&self, from: Timestamp, to: Timestamp) -> Vec<(Timestamp, Timestamp)> {
        match self.hours {
            Hours::Never => Vec::new(),
            Hours::Always if from < to => vec![(from, to)],
            Hours::Always => Vec::new(),
            Hours::WorkingDays => {
                let open = self.periods_from(from).take_while(|(begin, _)| *begin < to);
                open.map(|(begin, end)| (begin.max(from), end.min(to))).collect()
            }
        }
    }

    /// The first instant at or after `at` at which humans answer; `None` if never.
    #[must_use]
    pub fn next_open(&self, at: Timestamp) -> Option<Timestamp> {
        match self.hours {
            Hours::Always => Some(at),
            Hours::Never => None,
            Hours::WorkingDays => self.periods_from(at).next().map(|(from, _)| from.max(at)),
        }
    }

    /// The first instant after `at` at which [`Calendar::in_service`] changes; `None` if never.
    #[must_use]
    pub fn next_change(&self, at: Timestamp) -> Option<Timestamp> {
        match self.hours {
            Hours::Always | Hours::Never => None,
            Hours::WorkingDays => self.periods_from(at).next().map(|(from, to)| if from > at { from } else { to }),
        }
    }

    /// Call-back slots of `length` that begin at or after `from`, in service hours, soonest first. Round the clock and
    /// never both offer the slots of working days: a promise has to lie in somebody's hours.
    pub fn slots(&self, from: Timestamp, length: Millis) -> impl Iterator<Item = (Timestamp, Timestamp)> + '_ {
        self.periods_from(from).flat_map(move |(begin, end)| {
            let count = (end.since(begin) / length.max(MINUTE)).max(0);
            (0..count)
                .map(move |n| (begin + n * length, begin + (n + 1) * length))
                .filter(move |(begin, _)| *begin >= from)
        })
    }

    /// DOMAIN rule 12: the day of `event` is day 0; due at the end of service hours of working day `days`. With 0 days
    /// it is due at the end of the event's day, or of the next working day if it falls on a free one.
    #[must_use]
    pub fn add_working_days(&self, event: Timestamp, days: u16) -> Due {
        let mut date = date_of(event);
        let mut is_provisional = self.holidays.is_provisional(date.year());
        let mut left = days;
        while left > 0 || !self.holidays.is_working_day(date) {
            date = date.tomorrow().unwrap_or(Date::MAX);
            is_provisional |= self.holidays.is_provisional(date.year());
            if left > 0 && self.holidays.is_working_day(date) {
                left -= 1;
            }
            if date == Date::MAX {
                break;
            }
        }
        Due { at: self.closing(date), is_provisional }
    }

    /// DOMAIN rule 8: the end of service hours of the working day before the day of `effective`.
    #[must_use]
    pub fn working_day_before(&self, effective: Timestamp) -> Due {
        let mut date = date_of(effective);
        let mut is_provisional = self.holidays.is_provisional(date.year());
        loop {
            date = date.yesterday().unwrap_or(Date::MIN);
            is_provisional |= self.holidays.is_provisional(date.year());
            if self.holidays.is_working_day(date) || date == Date::MIN {
                return Due { at: self.closing(date), is_provisional };
            }
        }
    }

    fn closing(&self, date: Date) -> Timestamp {
        midnight(date) + self.periods.last().map_or(DAY, |(_, to)| *to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::HOUR;

    const PERIODS: [&str; 2] = ["09:00-11:30", "13:30-17:00"];

    fn holidays() -> Holidays {
        let text = include_str!("../../../config/calendar/holidays_cn.json");
        serde_json::from_str::<CalendarFile>(text).unwrap().try_into().unwrap()
    }

    fn calendar() -> Calendar {
        Calendar::new(holidays(), Hours::WorkingDays, &PERIODS).unwrap()
    }

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    /// Local Shanghai time.
    fn at(text: &str) -> Timestamp {
        let (date, time) = text.split_once(' ').unwrap();
        midnight(day(date)) + clock_time(time).unwrap()
    }

    #[test]
    fn local_midnight_is_sixteen_hundred_utc_of_the_day_before() {
        let instant: jiff::Timestamp = "2026-11-23T16:00:00Z".parse().unwrap();
        assert_eq!(midnight(day("2026-11-24")), Timestamp(instant.as_millisecond()));
        assert_eq!(Calendar::day_start(at("2026-11-24 23:59")), at("2026-11-24 00:00"));
        assert_eq!(Calendar::day_number(at("2026-11-24 00:00")), "20261124");
    }

    #[test]
    fn both_published_years_have_248_working_days() {
        for year in [2025, 2026] {
            let days =
                Date::constant(year, 1, 1).series(jiff::Span::new().days(1)).take_while(|date| date.year() == year);
            assert_eq!(days.filter(|date| holidays().is_working_day(*date)).count(), 248, "{year}");
            assert!(!holidays().is_provisional(year));
        }
        assert!(holidays().is_provisional(2027));
    }

    #[test]
    fn every_make_up_day_is_worked_and_every_holiday_is_free() {
        let holidays = holidays();
        assert!(!holidays.worked.is_empty() && !holidays.off.is_empty());
        for date in &holidays.worked {
            assert!(matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday), "{date} needs no make-up");
            assert!(holidays.is_working_day(*date), "{date}");
        }
        for date in &holidays.off {
            assert!(!holidays.is_working_day(*date), "{date}");
        }
        for (text, worked) in [
            ("2025-01-26", true),  // Sunday before Spring Festival
            ("2025-01-28", false), // New Year's Eve
            ("2025-02-08", true),  // Saturday after it
            ("2025-10-01", false), // National Day
            ("2025-10-11", true),  // Saturday after it
            ("2026-01-01", false),
            ("2026-02-17", false), // Spring Festival
            ("2026-11-24", true),  // an ordinary Tuesday
            ("2026-11-28", false), // an ordinary Saturday
        ] {
            assert_eq!(holidays.is_working_day(day(text)), worked, "{text}");
        }
    }

    #[test]
    fn humans_answer_in_the_periods_of_working_days_and_not_at_lunch() {
        let calendar = calendar();
        for (text, open, change) in [
            ("2026-11-24 08:59", false, "2026-11-24 09:00"),
            ("2026-11-24 09:00", true, "2026-11-24 11:30"),
            ("2026-11-24 11:29", true, "2026-11-24 11:30"),
            ("2026-11-24 11:30", false, "2026-11-24 13:30"),
            ("2026-11-24 13:30", true, "2026-11-24 17:00"),
            ("2026-11-24 17:00", false, "2026-11-25 09:00"),
            ("2026-11-27 18:00", false, "2026-11-30 09:00"), // Friday evening
            ("2025-01-27 17:00", false, "2025-02-05 09:00"), // eight free days
        ] {
            assert_eq!(calendar.in_service(at(text)), open, "{text}");
            assert_eq!(calendar.next_change(at(text)), Some(at(change)), "{text}");
            let opens = if open { at(text) } else { at(change) };
            assert_eq!(calendar.next_open(at(text)), Some(opens), "{text}");
        }
    }

    #[test]
    fn always_and_never_do_not_change() {
        for (hours, open) in [(Hours::Always, true), (Hours::Never, false)] {
            let calendar = Calendar::new(holidays(), hours, &PERIODS).unwrap();
            let now = at("2026-11-28 03:00");
            assert_eq!((calendar.in_service(now), calendar.next_change(now)), (open, None));
            assert_eq!(calendar.next_open(now).is_some(), open);
        }
    }

    #[test]
    fn working_days_count_from_the_day_after_the_event() {
        let calendar = calendar();
        for (event, days, due, provisional) in [
            ("2026-11-24 10:00", 0, "2026-11-24 17:00", false),
            ("2026-11-24 10:00", 1, "2026-11-25 17:00", false),
            ("2026-11-24 23:30", 5, "2026-12-01 17:00", false), // a weekend between
            ("2026-11-28 10:00", 0, "2026-11-30 17:00", false), // Saturday
            ("2026-11-28 10:00", 1, "2026-11-30 17:00", false),
            ("2025-01-24 16:00", 2, "2025-01-27 17:00", false), // the Sunday is worked
            ("2025-01-27 16:00", 1, "2025-02-05 17:00", false), // Spring Festival
            ("2026-12-30 10:00", 5, "2027-01-06 17:00", true),  // 1 January 2027 counts as a weekday: not published
        ] {
            let expected = Due { at: at(due), is_provisional: provisional };
            assert_eq!(calendar.add_working_days(at(event), days), expected, "{event} + {days}");
        }
    }

    #[test]
    fn a_policy_is_due_on_the_working_day_before_it_takes_effect() {
        let calendar = calendar();
        for (effective, due) in [
            ("2026-12-01 00:00", "2026-11-30 17:00"),
            ("2026-11-30 00:00", "2026-11-27 17:00"),
            ("2025-02-05 00:00", "2025-01-27 17:00"),
        ] {
            assert_eq!(calendar.working_day_before(at(effective)).at, at(due), "{effective}");
        }
    }

    #[test]
    fn slots_lie_in_service_hours_and_begin_after_now() {
        let calendar = calendar();
        let slots: Vec<_> = calendar.slots(at("2026-11-24 16:10"), 30 * MINUTE).take(3).collect();
        let expected = ["2026-11-24 16:30", "2026-11-25 09:00", "2026-11-25 09:30"].map(at);
        assert_eq!(slots, expected.map(|begin| (begin, begin + HOUR / 2)));
        let morning =
            calendar.slots(at("2026-11-24 00:00"), 30 * MINUTE).take_while(|slot| slot.0 < at("2026-11-25 00:00"));
        assert_eq!(morning.count(), 5 + 7, "2.5 h and 3.5 h");
    }

    #[test]
    fn bad_files_and_periods_are_named() {
        for (json, message) in [
            (r#"{"years":{"x":{"days_off":[],"work_days":[]}}}"#, "years.x: not a year"),
            (
                r#"{"years":{"2026":{"days_off":[{"date":"2025-01-01"}],"work_days":[]}}}"#,
                "years.2026.days_off: 2025-01-01 is not in 2026",
            ),
            (
                r#"{"years":{"2026":{"days_off":[{"date":"2026-01-03"}],"work_days":[{"date":"2026-01-03"}]}}}"#,
                "years.2026: 2026-01-03 is in days_off and in work_days",
            ),
        ] {
            let file: CalendarFile = serde_json::from_str(json).unwrap();
            assert_eq!(Holidays::try_from(file).unwrap_err().to_string(), message);
        }
        for periods in [vec!["9-11"], vec!["11:00-09:00"], vec!["09:00-12:00", "11:00-13:00"], vec!["09:00-24:30"]] {
            let refused = Calendar::new(holidays(), Hours::WorkingDays, &periods).unwrap_err();
            assert_eq!(refused, CalendarError::Period((*periods.last().unwrap()).to_owned()));
        }
    }
}
