//! Service hours and working days (DOMAIN rules 1, 2, 8, 12).
//!
//! China has one time zone without summer time, so local time is UTC+8 and no time-zone database is needed. The list of
//! holidays and make-up days (调休) is the State Council's, year by year; a year that is not published yet counts
//! weekdays and is marked provisional.

mod holidays;

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use jiff::{civil::Date, tz::Offset};

pub use holidays::{CalendarFile, DayKind, Holidays, NamedDay, YearDays};

use crate::{
    Timestamp,
    org::ServiceHours,
    time::{DAY, MINUTE, Millis},
};

/// Shanghai, from UTC.
pub const OFFSET: Offset = Offset::constant(8);

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
    /// A day that is listed twice.
    #[error("years.{year}.{list}: {date} is listed twice")]
    Twice {
        /// Year.
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

/// A part of a day in milliseconds after its midnight.
type Period = (Millis, Millis);

/// A span of time.
type Span = (Timestamp, Timestamp);

/// Service hours over the official calendar.
///
/// Of a day on which several hold, the first of these counts: a closure, the hours of that date, round the clock, the
/// periods of working days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    holidays: Arc<Holidays>,
    hours: Hours,
    /// Ascending, disjoint, at least one. The gaps are lunch.
    periods: Vec<Period>,
    /// Hours of single dates, instead of what else holds; empty: closed.
    dates: BTreeMap<Date, Vec<Period>>,
    /// Nobody answers, whatever else holds; in order, apart from each other.
    closures: Vec<Span>,
}

/// End of a closure that lasts until somebody ends it.
pub const NO_END: Timestamp = Timestamp(i64::MAX);

/// Days looked ahead for an opening: longer than any run of free days.
const HORIZON: u16 = 400;

/// The date in Shanghai.
#[must_use]
pub fn date_of(at: Timestamp) -> Date {
    let instant = jiff::Timestamp::from_millisecond(at.0).unwrap_or(jiff::Timestamp::MAX);
    OFFSET.to_datetime(instant).date()
}

/// Midnight in Shanghai at the begin of a date.
#[must_use]
pub fn midnight(date: Date) -> Timestamp {
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

/// What of `spans` is left without `taken`; both in order.
pub(crate) fn without(spans: &[Span], taken: impl Iterator<Item = Span>) -> Vec<Span> {
    let taken: Vec<_> = taken.collect();
    let mut left = Vec::new();
    for (begin, end) in spans.iter().copied() {
        let mut at = begin;
        for (from, to) in taken.iter().copied().filter(|(from, to)| *to > begin && *from < end) {
            if from > at {
                left.push((at, from));
            }
            at = at.max(to);
        }
        if at < end {
            left.push((at, end));
        }
    }
    left
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
        let (dates, closures) = (BTreeMap::new(), Vec::new());
        Ok(Self { holidays: Arc::new(holidays), hours, periods: parsed, dates, closures })
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

    /// The same with another list of days.
    #[must_use]
    pub fn with_holidays(&self, holidays: Holidays) -> Self {
        Self { holidays: Arc::new(holidays), ..self.clone() }
    }

    /// The same with hours of single dates (`HH:MM-HH:MM`, none: closed). A later one replaces an earlier one.
    #[must_use]
    pub fn with_dates<'a>(&self, dates: impl IntoIterator<Item = (Date, &'a [String])>) -> Self {
        let mut calendar = self.clone();
        let read = |(date, periods)| Some((date, parse_periods(periods).ok()?));
        calendar.dates.extend(dates.into_iter().filter_map(read));
        calendar
    }

    /// The same, closed in these spans.
    #[must_use]
    pub fn closed_in(&self, closures: impl IntoIterator<Item = Span>) -> Self {
        let mut calendar = self.clone();
        calendar.closures.extend(closures.into_iter().filter(|(from, to)| from < to));
        calendar.closures.sort_unstable();
        calendar.closures.dedup_by(|next, before| {
            let touches = next.0 <= before.1;
            if touches {
                before.1 = before.1.max(next.1);
            }
            touches
        });
        calendar
    }

    /// The list behind it.
    #[must_use]
    pub fn holidays(&self) -> &Holidays {
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

    /// The periods of a date, closures aside.
    #[must_use]
    pub fn periods_on(&self, date: Date) -> Cow<'_, [Period]> {
        self.periods_by(self.hours, date)
    }

    fn periods_by(&self, hours: Hours, date: Date) -> Cow<'_, [Period]> {
        match (hours, self.dates.get(&date)) {
            (Hours::Never, _) => Cow::Borrowed(&[]),
            (_, Some(own)) => Cow::Borrowed(own),
            (Hours::Always, None) => Cow::Owned(vec![(0, DAY)]),
            (Hours::WorkingDays, None) if self.holidays.is_working_day(date) => Cow::Borrowed(&self.periods),
            (Hours::WorkingDays, None) => Cow::Borrowed(&[]),
        }
    }

    /// The closure that holds at this instant.
    #[must_use]
    pub fn closure_at(&self, at: Timestamp) -> Option<Span> {
        self.closures.iter().copied().find(|(from, to)| (*from..*to).contains(&at))
    }

    /// Do humans answer at this instant? The end of a period belongs to it no more.
    #[must_use]
    pub fn in_service(&self, at: Timestamp) -> bool {
        let of_day = (at.0 + OFFSET_MS).rem_euclid(DAY);
        let is_open = || self.periods_on(date_of(at)).iter().any(|(from, to)| (*from..*to).contains(&of_day));
        is_open() && self.closure_at(at).is_none()
    }

    /// Spans of service of so many days that end after `from`, in order, none touching the next.
    fn spans_from<'a>(
        &'a self,
        hours: Hours,
        closures: Cow<'a, [Span]>,
        from: Timestamp,
        days: u16,
    ) -> impl Iterator<Item = Span> + 'a {
        let days = date_of(from).series(jiff::Span::new().days(1)).take(usize::from(days));
        let mut spans = days
            .flat_map(move |date| {
                let start = midnight(date);
                let periods = self.periods_by(hours, date).into_owned();
                periods.into_iter().map(move |(from, to)| (start + from, start + to))
            })
            .peekable();
        let runs = std::iter::from_fn(move || {
            let (begin, mut end) = spans.next()?;
            while let Some(next) = spans.next_if(|next| next.0 == end) {
                end = next.1;
            }
            Some((begin, end))
        });
        runs.flat_map(move |span| without(&[span], closures.iter().copied())).filter(move |(_, to)| *to > from)
    }

    fn usual_from(&self, from: Timestamp, days: u16) -> impl Iterator<Item = Span> + '_ {
        self.spans_from(self.hours, Cow::Borrowed(&self.closures), from, days)
    }

    /// Round the clock for ever, as far as is known at `at`: there is nothing to look for.
    fn is_always_from(&self, at: Timestamp) -> bool {
        self.hours == Hours::Always
            && self.dates.last_key_value().is_none_or(|(date, _)| *date < date_of(at))
            && self.closures.last().is_none_or(|(_, to)| *to <= at)
    }

    /// When humans answer between two instants, in order.
    #[must_use]
    pub fn open_between(&self, from: Timestamp, to: Timestamp) -> Vec<Span> {
        if from >= to {
            return Vec::new();
        }
        let days = u16::try_from((to.since(from) + DAY - 1) / DAY + 1).map_or(HORIZON, |days| days.min(HORIZON));
        let open = self.usual_from(from, days).take_while(|(begin, _)| *begin < to);
        open.map(|(begin, end)| (begin.max(from), end.min(to))).collect()
    }

    /// The service time of this length that begins at or after `from`, in order; `None`: there is not so much of it, as far
    /// as is known.
    #[must_use]
    pub fn service_time(&self, from: Timestamp, length: Millis) -> Option<Vec<Span>> {
        if self.is_always_from(from) {
            return Some(vec![(from, from + length)]);
        }
        let mut left = length;
        let mut counted = Vec::new();
        for (begin, end) in self.usual_from(from, HORIZON) {
            let begin = begin.max(from);
            let end = end.min(begin + left);
            counted.push((begin, end));
            left -= end.since(begin);
            if left <= 0 {
                return Some(counted);
            }
        }
        None
    }

    /// The first instant at or after `at` at which humans answer; `None`: never, as far as is known.
    #[must_use]
    pub fn next_open(&self, at: Timestamp) -> Option<Timestamp> {
        if self.is_always_from(at) {
            return Some(at);
        }
        self.usual_from(at, HORIZON).next().map(|(from, _)| from.max(at))
    }

    /// The first instant after `at` at which [`Calendar::in_service`] changes; `None`: never, as far as is known.
    #[must_use]
    pub fn next_change(&self, at: Timestamp) -> Option<Timestamp> {
        if self.hours == Hours::Never || self.is_always_from(at) {
            return None;
        }
        let end_of_sight = date_of(at).checked_add(jiff::Span::new().days(i64::from(HORIZON))).map(midnight);
        let (from, to) = self.usual_from(at, HORIZON).next()?;
        let change = if from > at { from } else { to };
        end_of_sight.is_ok_and(|end| change < end).then_some(change)
    }

    /// Call-back slots of `length` that begin at or after `from`, in service hours, soonest first. Round the clock and
    /// never both offer the slots of working days: a promise has to lie in somebody's hours. A closure of which nobody
    /// knows the end is taken to last through the day, so that people can still be promised something.
    pub fn slots(&self, from: Timestamp, length: Millis) -> impl Iterator<Item = Span> + '_ {
        let tomorrow = Self::day_start(from) + DAY;
        let known = |(begin, end): &Span| (*begin, if *end == NO_END { tomorrow.max(*begin) } else { *end });
        let closures = self.closures.iter().map(known).collect();
        self.spans_from(Hours::WorkingDays, closures, from, HORIZON).flat_map(move |(begin, end)| {
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

    /// The end of service hours of a working day. One that is closed for once ends when it usually does: a deadline does not
    /// move because nobody was there.
    fn closing(&self, date: Date) -> Timestamp {
        let own = self.dates.get(&date).and_then(|periods| periods.last());
        midnight(date) + own.or(self.periods.last()).map_or(DAY, |(_, to)| *to)
    }
}

#[cfg(test)]
mod tests;
