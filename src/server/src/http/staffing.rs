//! How many agents a team needs (docs/administration.md). `App` asks who may.

use std::sync::Arc;

use axum::{Json, extract::State};
use bangban_protocol::{StaffingHistory, StaffingOrder, StaffingView};
use jiff::civil::Date;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    input::{Body, Params},
    openapi::Refusal,
    refused::Refused,
    staff::ByStaff,
};
use crate::app::{App, Days};

/// Of which team and days.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// Code of the team.
    #[param(max_length = 64)]
    team: String,
    /// First day, e.g. `2026-11-02`.
    #[param(value_type = String, format = Date)]
    from: Date,
    /// Last day.
    #[param(value_type = String, format = Date)]
    to: Date,
    /// Only this day of the week, 1 (Monday) to 7; if nothing is said, working days.
    #[param(minimum = 1, maximum = 7)]
    weekday: Option<i8>,
}

/// What a team's requests were: how many in each half hour, how long they were served, and how long they would wait
#[utoipa::path(
    get, path = "/api/staffing/history", tag = "staffing", security(("staff" = [])), params(Wanted),
    responses(
        (status = 200, body = StaffingHistory),
        (status = 404, description = "No team whose staff you may plan", body = Refusal),
    ),
)]
pub(super) async fn history(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Params(Wanted { team, from, to, weekday }): Params<Wanted>,
) -> Result<Json<StaffingHistory>, Refused> {
    Ok(Json(app.staffing_history(&who.staff, &team, Days { from, to, weekday }).await?))
}

/// Begins a search for the fewest agents that keep the promise, instead of one's last one
#[utoipa::path(
    post, path = "/api/staffing/run", tag = "staffing", security(("staff" = [])), request_body = StaffingOrder,
    responses(
        (status = 200, body = StaffingView),
        (status = 404, description = "No team whose staff you may plan", body = Refusal),
    ),
)]
pub(super) async fn begin(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Body(order): Body<StaffingOrder>,
) -> Result<Json<StaffingView>, Refused> {
    Ok(Json(app.begin_staffing(&who.staff, order)?))
}

/// One's last search: how far it is, or what it found
#[utoipa::path(
    get, path = "/api/staffing/run", tag = "staffing", security(("staff" = [])),
    responses((status = 200, body = StaffingView)),
)]
pub(super) async fn run(State(app): State<Arc<App>>, who: ByStaff) -> Result<Json<StaffingView>, Refused> {
    Ok(Json(app.staffing(&who.staff)?))
}

/// Stops one's last search
#[utoipa::path(
    delete, path = "/api/staffing/run", tag = "staffing", security(("staff" = [])),
    responses((status = 200, body = StaffingView)),
)]
pub(super) async fn cancel(State(app): State<Arc<App>>, who: ByStaff) -> Result<Json<StaffingView>, Refused> {
    Ok(Json(app.cancel_staffing(&who.staff)?))
}
