//! `/api/admin/staff`: accounts of staff. Each change is in the audit log and holds at once.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use bangban_domain::{
    AgentId, StaffSessionId,
    rights::Action,
    words::{Role, SessionEnd},
};
use bangban_protocol::{
    ErrorCode, OneTimePassword, SessionList, StaffList, StaffMade, StaffNew, StaffPut, StaffView, WireError,
};
use bangban_store::{Author, StaffRow};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{ByStaff, account::shown};
use crate::{
    app::App,
    http::{
        input::{Body, Named, Params},
        login::hashed,
        openapi::Refusal,
        refused::Refused,
    },
    staff::password,
};

/// Longest reason, in characters.
const MAX_REASON: usize = 500;

/// One page of accounts.
const PAGE: usize = 100;

/// Which accounts.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Which {
    /// Part of staff number or name.
    #[serde(default)]
    q: String,
    /// Of this unit and those below.
    unit: Option<String>,
    /// With this role.
    role: Option<Role>,
    /// In this team.
    team: Option<String>,
    /// Those that may log in, or those that may not.
    active: Option<bool>,
    /// Go on after this staff number.
    after: Option<String>,
    /// At most so many, 1 to 500.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
}

/// Accounts that one may see
#[utoipa::path(
    get, path = "/api/admin/staff", operation_id = "staff_list", tag = "admin", security(("staff" = [])), params(Which),
    responses((status = 200, body = StaffList)),
)]
pub(in crate::http) async fn list(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Params(which): Params<Which>,
) -> Result<Json<StaffList>, Refused> {
    if app.require_somewhere(&who.staff, Action::ManageStaff).is_err() {
        app.require_somewhere(&who.staff, Action::ReadAdministration)?;
    }
    let limit = which.limit.unwrap_or(PAGE);
    if !(1..=500).contains(&limit) {
        return Err(Refused::field("limit", "must be 1 to 500"));
    }
    let fits = |row: &StaffRow| {
        (row.login.contains(&which.q) || row.name.contains(&which.q))
            && which.unit.as_ref().is_none_or(|unit| app.rights.units_above(row.unit.as_deref()).contains(unit))
            && which.role.is_none_or(|role| row.grants.iter().any(|grant| grant.role == role))
            && which.team.as_ref().is_none_or(|team| row.teams.iter().any(|one| one.team == *team))
            && which.active.is_none_or(|active| row.is_active == active)
    };
    let mut seen = app.staff_seen_by(&who.staff);
    seen.retain(|row| fits(row));
    let total = u32::try_from(seen.len()).unwrap_or(u32::MAX);
    let mut rest = seen.iter().skip_while(|row| which.after.as_ref().is_some_and(|after| row.login <= *after));
    let page: Vec<_> = rest.by_ref().take(limit).collect();
    let next = rest.next().and(page.last()).map(|row| row.login.clone());
    Ok(Json(StaffList { staff: page.into_iter().map(|row| app.staff_view(row)).collect(), next, total }))
}

/// One account
#[utoipa::path(
    get, path = "/api/admin/staff/{id}", operation_id = "staff_one", tag = "admin", security(("staff" = [])),
    params(("id" = AgentId, Path, description = "Which")),
    responses((status = 200, body = StaffView), (status = 404, description = "None that you may see", body = Refusal)),
)]
pub(in crate::http) async fn one(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Named(id): Named<AgentId>,
) -> Result<Json<StaffView>, Refused> {
    let row = app.account_seen_by(&who.staff, id)?;
    Ok(Json(app.staff_view(&row)))
}

fn reason(reason: Option<String>) -> Result<Option<String>, Refused> {
    let reason = reason.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    if reason.as_ref().is_some_and(|text| text.chars().count() > MAX_REASON) {
        return Err(Refused::field("reason", "is too long"));
    }
    Ok(reason)
}

/// A new account, with a password for the first log-in
#[utoipa::path(
    post, path = "/api/admin/staff", operation_id = "staff_add", tag = "admin", security(("staff" = [])), request_body = StaffNew,
    responses((status = 201, body = StaffMade)),
)]
pub(in crate::http) async fn add(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Body(StaffNew { body, reason: why }): Body<StaffNew>,
) -> Result<(StatusCode, Json<StaffMade>), Refused> {
    app.require_somewhere(&who.staff, Action::ManageStaff)?;
    let row = app.add_account(&who.staff, &who.caller, body, reason(why)?).await?;
    let password = give_password(&app, &who, &row).await?;
    let row = app.account_seen_by(&who.staff, row.id)?;
    Ok((StatusCode::CREATED, Json(StaffMade { staff: app.staff_view(&row), password })))
}

async fn give_password(app: &App, who: &ByStaff, row: &StaffRow) -> Result<String, Refused> {
    let password = password::one_time()?;
    let hash = hashed(app, password.clone()).await?;
    let by = (Author::Agent(who.staff.id), Some(who.caller.address.as_str()));
    app.set_password(row, hash, true, by, None).await?;
    Ok(password)
}

/// Changes an account
///
/// One that may not log in any more loses its sessions at once, and its open conversations go back to the queue.
#[utoipa::path(
    put, path = "/api/admin/staff/{id}", operation_id = "staff_change", tag = "admin", security(("staff" = [])), request_body = StaffPut,
    params(("id" = AgentId, Path, description = "Which")),
    responses(
        (status = 200, body = StaffView),
        (status = 404, description = "None that you may see", body = Refusal),
        (status = 409, description = "Somebody else was faster", body = Refusal),
    ),
)]
pub(in crate::http) async fn change(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Named(id): Named<AgentId>,
    Body(StaffPut { version, body, reason: why }): Body<StaffPut>,
) -> Result<Json<StaffView>, Refused> {
    let row = app.change_account(&who.staff, &who.caller, id, version, body, reason(why)?).await?;
    Ok(Json(app.staff_view(&row)))
}

/// Not for oneself: that would be a way around the old password and the second factor.
fn another(who: &ByStaff, id: AgentId) -> Result<(), Refused> {
    if who.staff.id == id {
        return Err(WireError::new(ErrorCode::Forbidden, "for your own account use /api/staff/account").into());
    }
    Ok(())
}

/// A password for one log-in; all sessions of the account end
#[utoipa::path(
    post, path = "/api/admin/staff/{id}/password", operation_id = "staff_password", tag = "admin", security(("staff" = [])),
    params(("id" = AgentId, Path, description = "Whose")),
    responses(
        (status = 200, body = OneTimePassword),
        (status = 404, description = "None that you may see", body = Refusal),
    ),
)]
pub(in crate::http) async fn password(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Named(id): Named<AgentId>,
) -> Result<Json<OneTimePassword>, Refused> {
    let row = app.account_managed_by(&who.staff, id)?;
    another(&who, id)?;
    Ok(Json(OneTimePassword { password: give_password(&app, &who, &row).await? }))
}

/// Takes a second factor away, e.g. of a lost telephone; all sessions of the account end
#[utoipa::path(
    post, path = "/api/admin/staff/{id}/totp/reset", operation_id = "staff_totp_reset", tag = "admin", security(("staff" = [])),
    params(("id" = AgentId, Path, description = "Whose")),
    responses((status = 204, description = "Done"), (status = 404, description = "None that you may see", body = Refusal)),
)]
pub(in crate::http) async fn reset_totp(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Named(id): Named<AgentId>,
) -> Result<StatusCode, Refused> {
    let row = app.account_managed_by(&who.staff, id)?;
    another(&who, id)?;
    app.drop_totp(&row, Author::Agent(who.staff.id), Some(&who.caller.address)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lifts the lock that wrong attempts have put on the log-in
#[utoipa::path(
    post, path = "/api/admin/staff/{id}/unlock", operation_id = "staff_unlock", tag = "admin", security(("staff" = [])),
    params(("id" = AgentId, Path, description = "Whose")),
    responses((status = 204, description = "Done"), (status = 404, description = "None that you may see", body = Refusal)),
)]
pub(in crate::http) async fn unlock(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Named(id): Named<AgentId>,
) -> Result<StatusCode, Refused> {
    let row = app.account_managed_by(&who.staff, id)?;
    app.unlock(&row, &who.staff, &who.caller).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The open sessions of an account
#[utoipa::path(
    get, path = "/api/admin/staff/{id}/sessions", operation_id = "staff_sessions", tag = "admin", security(("staff" = [])),
    params(("id" = AgentId, Path, description = "Whose")),
    responses(
        (status = 200, body = SessionList),
        (status = 404, description = "None that you may see", body = Refusal),
    ),
)]
pub(in crate::http) async fn sessions(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Named(id): Named<AgentId>,
) -> Result<Json<SessionList>, Refused> {
    let row = app.account_managed_by(&who.staff, id)?;
    let sessions = app.accounts.sessions_of(row.id).into_iter();
    Ok(Json(SessionList { sessions: sessions.map(|session| shown(session, Some(who.staff.session))).collect() }))
}

/// Ends all sessions of an account
#[utoipa::path(
    delete, path = "/api/admin/staff/{id}/sessions", operation_id = "staff_sessions_end", tag = "admin", security(("staff" = [])),
    params(("id" = AgentId, Path, description = "Whose")),
    responses((status = 204, description = "Over"), (status = 404, description = "None that you may see", body = Refusal)),
)]
pub(in crate::http) async fn end_sessions(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Named(id): Named<AgentId>,
) -> Result<StatusCode, Refused> {
    end(&app, &who, id, None).await
}

/// Ends a session of an account
#[utoipa::path(
    delete, path = "/api/admin/staff/{id}/sessions/{session}", operation_id = "staff_session_end", tag = "admin", security(("staff" = [])),
    params(
        ("id" = AgentId, Path, description = "Whose"),
        ("session" = StaffSessionId, Path, description = "Which"),
    ),
    responses(
        (status = 204, description = "Over"),
        (status = 404, description = "None that you may see, or no such session", body = Refusal),
    ),
)]
pub(in crate::http) async fn end_session(
    State(app): State<Arc<App>>,
    who: ByStaff,
    axum::extract::Path((id, session)): axum::extract::Path<(String, String)>,
) -> Result<StatusCode, Refused> {
    let unknown = || WireError::new(ErrorCode::NotFound, "no such session");
    let id = id.parse().map_err(|_| unknown())?;
    let session = session.parse().map_err(|_| unknown())?;
    end(&app, &who, id, Some(session)).await
}

async fn end(app: &App, who: &ByStaff, id: AgentId, session: Option<StaffSessionId>) -> Result<StatusCode, Refused> {
    let row = app.account_managed_by(&who.staff, id)?;
    let sessions = app.sessions_to_end(id, session)?;
    let actor = Author::Agent(who.staff.id);
    app.end_sessions(&row, &sessions, SessionEnd::Revoked, actor, Some(&who.caller.address)).await?;
    Ok(StatusCode::NO_CONTENT)
}
