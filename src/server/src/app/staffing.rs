//! How many agents a team needs: what its requests were, and searches for the fewest that keep the promise. For whoever
//! makes the team's roster, or watches it.

use std::sync::Arc;

use bangban_domain::{
    Timestamp,
    calendar::{date_of, midnight},
    org::Directory,
    rights::Action,
    time::{DAY, SECOND},
};
use bangban_protocol::{
    ErrorCode, StaffingHistory, StaffingOrder, StaffingSlot, StaffingState, StaffingView, WireError,
};
use bangban_store::HALF_HOUR;
use jiff::civil::Date;

use super::{App, store_error};
use crate::{
    auth::Staff,
    simulate::{HALF_HOURS, Rate, Stream},
    staff::At,
    staffing::{Run, Search},
};

/// Days of history of one question.
const MOST_DAYS: i32 = 400;

/// Requests of one day that are simulated.
const MOST_REQUESTS: f64 = 20_000.0;

/// Which days of the history count.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Days {
    pub(crate) from: Date,
    pub(crate) to: Date,
    /// 1 (Monday) to 7; `None`: working days.
    pub(crate) weekday: Option<i8>,
}

/// The half hour of the day.
fn slot_of(at: Timestamp) -> usize {
    usize::try_from(at.since(midnight(date_of(at))) / HALF_HOUR).unwrap_or(0).min(HALF_HOURS - 1)
}

fn in_bounds(field: &'static str, value: f64, least: f64, most: f64) -> Result<f64, WireError> {
    if value.is_finite() && (least..=most).contains(&value) {
        return Ok(value);
    }
    Err(WireError::field(field, format!("must be {least} to {most}")))
}

impl App {
    /// The team, if one may plan its staff.
    fn planned_team(&self, staff: &Staff, team: &str) -> Result<Directory, WireError> {
        let directory = self.directory();
        let unit = directory.team(team).map(|team| team.unit.clone());
        let may = |action| self.may(staff, action, At::unit(unit.as_deref()));
        if unit.is_some() && (may(Action::ManageRoster) || may(Action::Watch)) {
            return Ok(directory);
        }
        // Not telling strangers that it exists.
        Err(WireError { field: Some("team".to_owned()), ..WireError::new(ErrorCode::NotFound, "no such team") })
    }

    /// What a team's requests were on some days.
    pub(crate) async fn staffing_history(
        &self,
        staff: &Staff,
        team: &str,
        days: Days,
    ) -> Result<StaffingHistory, WireError> {
        self.planned_team(staff, team)?;
        let wrong = || WireError::field("to", format!("must be at most {MOST_DAYS} days from `from`, not before it"));
        let span = days.to.since(days.from).map_err(|_| wrong())?.get_days();
        if !(0..MOST_DAYS).contains(&span) || !(2_000..2_200).contains(&days.from.year()) {
            return Err(wrong());
        }
        if days.weekday.is_some_and(|weekday| !(1..=7).contains(&weekday)) {
            return Err(WireError::field("weekday", "must be 1 to 7"));
        }
        let catalogue = self.catalogue();
        let holidays = catalogue.calendar_of(team).holidays();
        let counts = |date: Date| match days.weekday {
            Some(weekday) => date.weekday().to_monday_one_offset() == weekday,
            None => holidays.is_working_day(date),
        };
        let (from, to) = (midnight(days.from), midnight(days.to) + DAY);
        let found = self.store.arrivals(team, from, to).await.map_err(store_error)?;
        // Of today only what is over would be known.
        let today = date_of(self.clock.now());
        let counted = days.from.series(jiff::Span::new().days(1)).take_while(|date| *date <= days.to && *date < today);
        let number = counted.filter(|date| counts(*date)).count();
        let mut arrivals = vec![0.0; HALF_HOURS];
        let mut requests = 0;
        for (at, count) in found.half_hours {
            if counts(date_of(at)) && date_of(at) < today {
                arrivals[slot_of(at)] += count as f64 / number.max(1) as f64;
                requests += count;
            }
        }
        let mean = |sum: i64, count: u64| (count > 0).then(|| sum as f64 / SECOND as f64 / count as f64);
        Ok(StaffingHistory {
            days: u32::try_from(number).unwrap_or(u32::MAX),
            arrivals,
            requests,
            lost: found.lost,
            handle: mean(found.served, found.services),
            patience: mean(found.waited, found.lost),
        })
    }

    /// Agents in a team's roster in each half hour of a day: who is there for most of it.
    fn rostered(&self, directory: &Directory, team: &str, day: Date) -> [u32; HALF_HOURS] {
        let catalogue = self.catalogue();
        let begin = midnight(day);
        let duties = directory.duties(team, begin, begin + DAY, catalogue.calendar_of(team).holidays());
        std::array::from_fn(|slot| {
            let middle = begin + slot as i64 * HALF_HOUR + HALF_HOUR / 2;
            let mut there: Vec<_> =
                duties.iter().filter(|duty| duty.from <= middle && middle < duty.to).map(|duty| duty.agent).collect();
            there.sort_unstable();
            there.dedup();
            u32::try_from(there.len()).unwrap_or(u32::MAX)
        })
    }

    /// Begins a search, instead of one's last one.
    pub(crate) fn begin_staffing(&self, staff: &Staff, order: StaffingOrder) -> Result<StaffingView, WireError> {
        let directory = self.planned_team(staff, &order.team)?;
        let day: Date = order.day.parse().map_err(|_| WireError::field("day", "must be a day, e.g. \"2026-11-24\""))?;
        if !(2_000..2_200).contains(&day.year()) {
            return Err(WireError::field("day", "must be in this century or the next"));
        }
        let arrivals: [f64; HALF_HOURS] = order
            .arrivals
            .try_into()
            .map_err(|_| WireError::field("arrivals", format!("must be {HALF_HOURS}, one for each half hour")))?;
        for (n, count) in arrivals.iter().enumerate() {
            if !(count.is_finite() && (0.0..=MOST_REQUESTS).contains(count)) {
                return Err(WireError::field(format!("arrivals[{n}]"), format!("must be 0 to {MOST_REQUESTS}")));
            }
        }
        let a_day: f64 = arrivals.iter().sum();
        if a_day <= 0.0 || a_day > MOST_REQUESTS {
            let problem = format!("must be more than 0 and at most {MOST_REQUESTS} in a day");
            return Err(WireError::field("arrivals", problem));
        }
        let target = in_bounds("target", order.target, 0.5, 0.99)?;
        let handle = in_bounds("handle", order.handle, 10.0, 7_200.0)?;
        let patience = order.patience.map(|seconds| in_bounds("patience", seconds, 5.0, 86_400.0)).transpose()?;
        if !(1..=10).contains(&order.parallel) {
            return Err(WireError::field("parallel", "must be 1 to 10"));
        }
        let rate = |(slot, count): (i64, &f64)| Rate { from: slot * HALF_HOUR, per_hour: count * 2.0 };
        let stream = Stream {
            profile: (0..).zip(&arrivals).map(rate).collect(),
            // Whoever serves several at once is free for the next one so much earlier.
            handle: handle / f64::from(order.parallel),
            patience,
            teams: 1,
            first: 0.0,
        };
        let have = self.rostered(&directory, &order.team, day);
        let search = Search { stream, target, have, arrivals };
        let run = self.searches.begin(staff.id, search);
        let busy = || WireError::new(ErrorCode::Busy, "others are simulating; try again in a moment");
        Ok(staffing_view(&run.ok_or_else(busy)?))
    }

    /// One's last search.
    pub(crate) fn staffing(&self, staff: &Staff) -> Result<StaffingView, WireError> {
        if self.require_somewhere(staff, Action::ManageRoster).is_err() {
            self.require_somewhere(staff, Action::Watch)?;
        }
        Ok(self.searches.of(staff.id).map_or_else(nothing, |run| staffing_view(&run)))
    }

    /// Stops one's last search.
    pub(crate) fn cancel_staffing(&self, staff: &Staff) -> Result<StaffingView, WireError> {
        if let Some(run) = self.searches.of(staff.id) {
            run.cancel();
        }
        self.staffing(staff)
    }
}

const fn nothing() -> StaffingView {
    StaffingView {
        state: StaffingState::None,
        progress: 0.0,
        days: 0,
        citizens: 0,
        slots: Vec::new(),
        need_hours: 0.0,
        have_hours: 0.0,
    }
}

fn staffing_view(run: &Arc<Run>) -> StaffingView {
    let state = match (run.was_cancelled(), run.outcome()) {
        (true, _) => StaffingState::Cancelled,
        (false, None) => StaffingState::Running,
        (false, Some(Ok(_))) => StaffingState::Done,
        (false, Some(Err(_))) => StaffingState::Failed,
    };
    let a_day: f64 = run.search.arrivals.iter().sum();
    let mut view = StaffingView {
        state,
        progress: run.progress.share(),
        days: run.days,
        citizens: (a_day * f64::from(run.days)).round() as u64,
        ..nothing()
    };
    if let (StaffingState::Done, Some(Ok(found))) = (state, run.outcome()) {
        for ((need, have), requests) in found.need.iter().zip(&found.have).zip(run.search.arrivals) {
            view.need_hours += f64::from(need.agents) / 2.0;
            view.have_hours += f64::from(have.agents) / 2.0;
            if need.agents == 0 && have.agents == 0 && requests <= 0.0 {
                continue;
            }
            view.slots.push(StaffingSlot {
                from: need.from.clone(),
                requests,
                need: need.agents,
                have: have.agents,
                within_minute: need.within_minute,
                abandoned: need.abandoned,
                have_within_minute: have.within_minute,
                have_abandoned: have.abandoned,
            });
        }
    }
    view
}
