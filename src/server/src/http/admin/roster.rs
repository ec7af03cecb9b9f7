//! A team's week, as the roster and the calendar make it.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
};
use bangban_domain::{
    Timestamp,
    org::{Day, week},
    rights::Action,
};
use bangban_protocol::{ErrorCode, RosterDay, RosterDuty, RosterView, Span, WireError};
use jiff::civil::Date;
use serde::Deserialize;

use crate::{
    app::App,
    http::{refused::Refused, upload::Bearer},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    team: String,
    from: Date,
}

const fn span((from, to): (Timestamp, Timestamp)) -> Span {
    Span { from, to }
}

fn day(day: Day) -> RosterDay {
    let hours = day.hours.into_iter().map(span).collect();
    RosterDay { date: day.date.to_string(), is_working_day: day.is_working_day, hours }
}

/// `GET /api/admin/roster?team=&from=2026-11-23`: seven days from that one on
pub(super) async fn week_of(
    State(app): State<Arc<App>>,
    bearer: Bearer,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Json<RosterView>, Refused> {
    let staff = bearer.staff()?;
    let Query(Wanted { team, from }) =
        wanted.map_err(|_| Refused::field("query", "is the code of a team and the first day, 2026-11-23"))?;
    let catalogue = app.catalogue();
    let directory = catalogue.directory();
    let unit = directory.team(&team).map(|team| team.unit.clone());
    let may = |action| app.may_at(&staff, action, unit.as_deref(), None);
    if unit.is_none() || !(may(Action::ReadAdministration) || may(Action::ManageRoster)) {
        // Not telling strangers that it exists.
        let error = WireError::new(ErrorCode::NotFound, "no such team");
        return Err(WireError { field: Some("team".to_owned()), ..error }.into());
    }
    let members = app.members_of(&team).await?;
    let found = week(directory, &team, catalogue.calendar_of(&team), |agent| members.contains(&agent), from);
    let duty = |(shift, duty): (String, bangban_domain::org::Duty)| RosterDuty {
        shift,
        agent: duty.agent,
        from: duty.from,
        to: duty.to,
    };
    Ok(Json(RosterView {
        days: found.days.into_iter().map(day).collect(),
        duties: found.duties.into_iter().map(duty).collect(),
        holes: found.holes.into_iter().map(span).collect(),
    }))
}
