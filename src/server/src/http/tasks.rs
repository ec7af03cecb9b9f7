//! Tasks with deadlines and the register of policies (docs/tasks.md). Who may take which step is asked by `App`.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use bangban_domain::{
    PolicyId, TaskId,
    task::{TaskKind, TaskState},
};
use bangban_protocol::{
    CorrectionOrder, OnTimeRates, PolicyOrder, PolicyPage, PolicyView, TaskPage, TaskReassign, TaskStep, TaskView,
};
use jiff::civil::Date;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    input::{Body, Named, Params},
    openapi::Refusal,
    refused::Refused,
    staff::ByStaff,
};
use crate::app::{App, WantedTasks, Worker};

/// Longest register of one policy: 100 questions.
pub(super) const MAX_POLICY: usize = 256 * 1024;

/// Longest time of one question about deadlines: three years.
const MOST_DAYS: i32 = 1_100;

impl ByStaff {
    pub(super) fn worker(&self) -> Worker<'_> {
        Worker { staff: &self.staff, address: &self.caller.address }
    }
}

/// Which tasks.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Wanted {
    /// Of this kind.
    #[param(inline)]
    kind: Option<TaskKind>,
    /// In this state.
    #[param(inline)]
    state: Option<TaskState>,
    /// Only what is owed.
    #[serde(default)]
    owed: bool,
    /// Code of the unit.
    #[param(max_length = 64)]
    unit: Option<String>,
    /// Code of the item.
    #[param(max_length = 64)]
    item: Option<String>,
    /// Needed by this policy.
    #[param(value_type = Option<String>)]
    policy: Option<PolicyId>,
    /// Only what one has taken on oneself.
    #[serde(default)]
    mine: bool,
    /// Finished by the due time, or not.
    in_time: Option<bool>,
    /// Due on this day or later, e.g. 2026-11-01; with `to`.
    #[param(value_type = Option<String>, format = Date)]
    from: Option<Date>,
    /// Due on this day or earlier.
    #[param(value_type = Option<String>, format = Date)]
    to: Option<Date>,
    /// Those that come after this one.
    #[param(value_type = Option<String>)]
    after: Option<TaskId>,
}

fn code(field: &'static str, text: Option<String>) -> Result<Option<String>, Refused> {
    match text {
        Some(text) if text.is_empty() || text.len() > 64 || text.contains('\0') => {
            Err(Refused::field(field, "must be a code"))
        }
        text => Ok(text),
    }
}

fn days(from: Date, to: Date) -> Result<(Date, Date), Refused> {
    let wrong = || Refused::field("to", &format!("must be at most {MOST_DAYS} days from `from`, not before it"));
    let days = to.since(from).map_err(|_| wrong())?.get_days();
    let is_known = (2_000..2_200).contains(&from.year());
    if is_known && (0..MOST_DAYS).contains(&days) { Ok((from, to)) } else { Err(wrong()) }
}

/// Tasks of one's units, the first due first
#[utoipa::path(
    get, path = "/api/tasks", tag = "tasks", security(("staff" = [])), params(Wanted),
    responses((status = 200, body = TaskPage), (status = 404, description = "`after` is none", body = Refusal)),
)]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Params(wanted): Params<Wanted>,
) -> Result<Json<TaskPage>, Refused> {
    let due = match (wanted.from, wanted.to) {
        (Some(from), Some(to)) => Some(days(from, to)?),
        (None, None) => None,
        _ => return Err(Refused::field("to", "`from` and `to` belong together")),
    };
    let wanted = WantedTasks {
        kind: wanted.kind,
        state: wanted.state,
        is_owed: wanted.owed,
        unit: code("unit", wanted.unit)?,
        item: code("item", wanted.item)?,
        policy: wanted.policy,
        is_mine: wanted.mine,
        in_time: wanted.in_time,
        due,
        after: wanted.after,
    };
    Ok(Json(app.tasks(&who.staff, wanted).await?))
}

/// A task with its history
#[utoipa::path(
    get, path = "/api/tasks/{id}", tag = "tasks", security(("staff" = [])), params(("id" = TaskId, Path, description = "Which")),
    responses((status = 200, body = TaskView), (status = 404, description = "None that you may see", body = Refusal)),
)]
pub(super) async fn one(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Named(id): Named<TaskId>,
) -> Result<Json<TaskView>, Refused> {
    Ok(Json(app.task(&who.staff, id).await?))
}

/// Begins a task, puts it back, or drops it with a reason
#[utoipa::path(
    post, path = "/api/tasks/{id}/step", tag = "tasks", security(("staff" = [])), request_body = TaskStep,
    params(("id" = TaskId, Path, description = "Which")),
    responses(
        (status = 200, body = TaskView),
        (status = 404, description = "None that you may see", body = Refusal),
        (status = 409, description = "Not in this state, or somebody else was faster", body = Refusal),
    ),
)]
pub(super) async fn step(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Named(id): Named<TaskId>,
    Body(step): Body<TaskStep>,
) -> Result<Json<TaskView>, Refused> {
    Ok(Json(app.step_task(&who.worker(), id, step).await?))
}

/// Another unit owes the task from now on
#[utoipa::path(
    post, path = "/api/tasks/{id}/reassign", tag = "tasks", security(("staff" = [])), request_body = TaskReassign,
    params(("id" = TaskId, Path, description = "Which")),
    responses(
        (status = 200, body = TaskView),
        (status = 404, description = "None that you may see", body = Refusal),
        (status = 409, description = "Not owed any more, or somebody else was faster", body = Refusal),
    ),
)]
pub(super) async fn reassign(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Named(id): Named<TaskId>,
    Body(order): Body<TaskReassign>,
) -> Result<Json<TaskView>, Refused> {
    Ok(Json(app.reassign_task(&who.worker(), id, order).await?))
}

/// An entry is wrong: a task of the unit that owns it
#[utoipa::path(
    post, path = "/api/tasks/corrections", tag = "tasks", security(("staff" = [])), request_body = CorrectionOrder,
    responses((status = 204, description = "There is a task for it now")),
)]
pub(super) async fn correction(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Body(order): Body<CorrectionOrder>,
) -> Result<StatusCode, Refused> {
    app.report_wrong(&who.worker(), order).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The days whose deadlines are counted.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Days {
    /// First day, e.g. 2026-11-01.
    #[param(value_type = String, format = Date)]
    from: Date,
    /// Last day.
    #[param(value_type = String, format = Date)]
    to: Date,
    /// Of one kind.
    #[param(inline)]
    kind: Option<TaskKind>,
}

/// How one's units have kept the deadlines of these days: finished by the due time / due
#[utoipa::path(
    get, path = "/api/tasks/on-time", tag = "tasks", security(("staff" = [])), params(Days),
    responses((status = 200, body = OnTimeRates)),
)]
pub(super) async fn on_time(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Params(Days { from, to, kind }): Params<Days>,
) -> Result<Json<OnTimeRates>, Refused> {
    Ok(Json(app.on_time(&who.staff, kind, days(from, to)?).await?))
}

/// The next page of policies.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    /// Those that come after this one.
    #[param(value_type = Option<String>)]
    before: Option<PolicyId>,
}

/// Registered policies of one's units, the last in force first
#[utoipa::path(
    get, path = "/api/policies", tag = "tasks", security(("staff" = [])), params(Page),
    responses((status = 200, body = PolicyPage), (status = 404, description = "`before` is none", body = Refusal)),
)]
pub(super) async fn policies(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Params(Page { before }): Params<Page>,
) -> Result<Json<PolicyPage>, Refused> {
    Ok(Json(app.policies(&who.staff, before).await?))
}

/// Registers a policy with what it needs answered one working day before it takes effect
#[utoipa::path(
    post, path = "/api/policies", tag = "tasks", security(("staff" = [])), request_body = PolicyOrder,
    responses((status = 200, body = PolicyView)),
)]
pub(super) async fn register(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Body(order): Body<PolicyOrder>,
) -> Result<Json<PolicyView>, Refused> {
    Ok(Json(app.register_policy(&who.worker(), order).await?))
}
