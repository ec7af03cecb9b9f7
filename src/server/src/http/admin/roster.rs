//! A team's week, as the roster and the calendar make it.

use std::{collections::HashSet, sync::Arc};

use axum::{Json, extract::State};
use bangban_domain::{
    AgentId, Timestamp,
    org::{Day, week},
    rights::Action,
};
use bangban_protocol::{ErrorCode, RosterDay, RosterDuty, RosterView, Span, WireError};
use jiff::civil::Date;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    app::App,
    http::{input::Params, openapi::Refusal, refused::Refused, staff::ByStaff},
    staff::At,
};

/// Which week of which team.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Wanted {
    /// Code of the team.
    team: String,
    /// First day, e.g. `2026-11-23`.
    #[param(value_type = String, format = Date)]
    from: Date,
}

const fn span((from, to): (Timestamp, Timestamp)) -> Span {
    Span { from, to }
}

fn day(day: Day) -> RosterDay {
    let hours = day.hours.into_iter().map(span).collect();
    RosterDay { date: day.date.to_string(), is_working_day: day.is_working_day, hours }
}

/// Seven days of a team's roster: service hours, duties, and when nobody is there
#[utoipa::path(
    get, path = "/api/admin/roster", tag = "admin", security(("staff" = [])), params(Wanted),
    responses(
        (status = 200, body = RosterView),
        (status = 404, description = "No team that you may see", body = Refusal),
    ),
)]
pub(in crate::http) async fn week_of(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Params(Wanted { team, from }): Params<Wanted>,
) -> Result<Json<RosterView>, Refused> {
    let catalogue = app.catalogue();
    let directory = catalogue.directory();
    let unit = directory.team(&team).map(|team| team.unit.clone());
    let may = |action| app.may(&who.staff, action, At::unit(unit.as_deref()));
    if unit.is_none() || !(may(Action::ReadAdministration) || may(Action::ManageRoster)) {
        // Not telling strangers that it exists.
        let error = WireError::new(ErrorCode::NotFound, "no such team");
        return Err(WireError { field: Some("team".to_owned()), ..error }.into());
    }
    let members: HashSet<AgentId> = app
        .accounts
        .all()
        .iter()
        .filter(|account| account.is_active && account.teams.iter().any(|one| one.team == team))
        .map(|account| account.id)
        .collect();
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
