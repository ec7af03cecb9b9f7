//! A team's week: who is on duty when, and in which service hours nobody is.

use jiff::civil::Date;

use super::{Directory, Duty, Shift};
use crate::{
    AgentId, Timestamp,
    calendar::{self, Calendar, without},
    time::DAY,
};

/// One day of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Day {
    /// Which.
    pub date: Date,
    /// By the official calendar.
    pub is_working_day: bool,
    /// Its service hours.
    pub hours: Vec<(Timestamp, Timestamp)>,
}

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Week {
    /// Seven days.
    pub days: Vec<Day>,
    /// Each with the code of its shift, in order.
    pub duties: Vec<(String, Duty)>,
    /// What of the service hours is nobody's; one that goes on over midnight is two.
    pub holes: Vec<(Timestamp, Timestamp)>,
}

/// The roster of a team in the seven days from `first` on. Duties of people who are no members any more fill no hole.
#[must_use]
pub fn week(
    directory: &Directory,
    team: &str,
    calendar: &Calendar,
    is_member: impl Fn(AgentId) -> bool,
    first: Date,
) -> Week {
    let from = calendar::midnight(first);
    let to = from + 7 * DAY;
    let day = |date: Date| {
        let midnight = calendar::midnight(date);
        Day {
            date,
            is_working_day: calendar.holidays().is_working_day(date),
            hours: calendar.open_between(midnight, midnight + DAY),
        }
    };
    let days: Vec<Day> = calendar::days(from, to).map(day).collect();
    let shifts = directory.shifts().filter(|(_, shift)| shift.team == team);
    let of = |(code, shift): (&str, &Shift)| {
        let duties = shift.duties(from, to, calendar.holidays());
        duties.map(|duty| (code.to_owned(), duty)).collect::<Vec<_>>()
    };
    let mut duties: Vec<(String, Duty)> = shifts.flat_map(of).collect();
    duties.sort_unstable_by(|a, b| (a.1, &a.0).cmp(&(b.1, &b.0)));
    let hours: Vec<_> = days.iter().flat_map(|day| day.hours.iter().copied()).collect();
    let filled = duties.iter().filter(|(_, duty)| is_member(duty.agent)).map(|(_, duty)| (duty.from, duty.to));
    let holes = without(&hours, filled);
    Week { days, duties, holes }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{
        super::{Body, Kind, Record},
        *,
    };
    use crate::calendar::{Holidays, Hours};

    #[test]
    fn holes_are_told_by_day_and_duties_of_strangers_fill_none() {
        let member = AgentId::new(1);
        let shift = |agent: AgentId, weekdays: &[u8], from: &str, to: &str| {
            json!({ "agent": agent, "team": "t", "weekdays": weekdays, "from": from, "to": to,
                    "validFrom": "2026-11-01" })
        };
        let shifts = [
            ("morning", shift(member, &[1, 2, 3, 4, 5], "09:00", "11:30")),
            ("afternoon", shift(member, &[1, 3, 4, 5], "13:30", "17:00")),
            ("left", shift(AgentId::new(2), &[2], "13:30", "14:30")),
        ];
        let records = shifts.into_iter().zip(0..).map(|((id, body), no)| Record {
            id: id.to_owned(),
            no,
            version: 1,
            changed_at: Timestamp(0),
            body: Body::read(Kind::Shift, body).unwrap(),
        });
        let directory = Directory::new(records);
        let calendar = Calendar::new(Holidays::default(), Hours::WorkingDays, &["09:00-11:30", "13:30-17:00"]).unwrap();
        let first: Date = "2026-11-23".parse().unwrap();
        let found = week(&directory, "t", &calendar, |agent| agent == member, first);
        let working: Vec<bool> = found.days.iter().map(|day| day.is_working_day).collect();
        assert_eq!(working, [true, true, true, true, true, false, false]);
        assert_eq!(found.days.iter().map(|day| day.hours.len()).sum::<usize>(), 10);
        assert_eq!(found.duties.len(), 5 + 4 + 1);
        // Tuesday afternoon.
        let tuesday = calendar::midnight("2026-11-24".parse().unwrap());
        let at = |minutes: i64| tuesday + minutes * crate::time::MINUTE;
        assert_eq!(found.holes, [(at(13 * 60 + 30), at(17 * 60))]);
    }
}
