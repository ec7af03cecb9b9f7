//! One's own account: what it may do, password, second factor, sessions.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use bangban_domain::{StaffSessionId, words::SessionEnd};
use bangban_protocol::{
    AccountView, ErrorCode, PasswordChange, PasswordProof, RecoveryCodes, SessionList, SessionView, TotpConfirm,
    TotpOffer, WireError,
};
use bangban_store::{Author, SessionRow, StaffRow};

use super::{
    ByStaff,
    sign_in::{confirm, good_enough, offer, sent_password},
};
use crate::{
    app::App,
    http::{
        input::{Body, Named},
        login::{Attempt, hashed, is_right},
        openapi::Refusal,
        refused::Refused,
    },
};

/// One's own account
#[utoipa::path(
    get, path = "/api/staff/account", operation_id = "account", tag = "account", security(("staff" = [])),
    responses((status = 200, body = AccountView)),
)]
pub(in crate::http) async fn account(State(app): State<Arc<App>>, who: ByStaff) -> Result<Json<AccountView>, Refused> {
    let account = who.account(&app)?;
    let recovery_left = app.store.recoveries_left(account.id).await.map_err(anyhow::Error::from)?;
    Ok(Json(AccountView {
        login: account.login.clone(),
        name: account.name.clone(),
        unit: account.unit.clone(),
        grants: account.grants.clone(),
        has_totp: account.totp.is_some(),
        needs_totp: needs_totp(&app, &account),
        recovery_left,
        has_password: !account.password_hash.is_empty(),
    }))
}

fn needs_totp(app: &App, account: &StaffRow) -> bool {
    account.grants.iter().any(|grant| app.sign_in.needs_factor.contains(&grant.role))
}

/// The password once more, throttled like a log-in: whoever finds an open browser cannot guess it here.
async fn prove(app: &Arc<App>, who: &ByStaff, field: &'static str, password: String) -> Result<Arc<StaffRow>, Refused> {
    let password = sent_password(field, password)?;
    let account = who.account(app)?;
    let address: std::net::IpAddr = who.caller.address.parse().map_err(|error| Refused::internal(&error))?;
    let attempt = Attempt::begin(app, &account.login, address.into()).await?;
    let hash = Some(account.password_hash.clone()).filter(|hash| !hash.is_empty());
    if !is_right(app, password, hash).await? {
        tracing::info!(agent = %account.id, "a wrong password within a session");
        let error = WireError::new(ErrorCode::Forbidden, "wrong password");
        return Err(WireError { field: Some(field.to_owned()), ..error }.into());
    }
    attempt.was_right();
    Ok(account)
}

/// A new password; all other sessions end
#[utoipa::path(
    post, path = "/api/staff/account/password", operation_id = "account_password", tag = "account", security(("staff" = [])),
    request_body = PasswordChange,
    responses(
        (status = 204, description = "Changed"),
        (status = 400, description = "Not good enough; `detail` says why", body = Refusal),
        (status = 403, description = "The old one is wrong", body = Refusal),
    ),
)]
pub(in crate::http) async fn password(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Body(PasswordChange { old, new }): Body<PasswordChange>,
) -> Result<StatusCode, Refused> {
    let new = sent_password("new", new)?;
    let account = prove(&app, &who, "old", old).await?;
    good_enough(&app, &account, "new", &new).await?;
    let hash = hashed(&app, new).await?;
    let by = (Author::Agent(account.id), Some(who.caller.address.as_str()));
    app.set_password(&account, hash, false, by, Some(who.staff.session)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Begins to set up a second factor, also instead of the present one
#[utoipa::path(
    post, path = "/api/staff/account/totp", operation_id = "account_totp", tag = "account", security(("staff" = [])), request_body = PasswordProof,
    responses(
        (status = 200, body = TotpOffer),
        (status = 403, description = "The password is wrong", body = Refusal),
    ),
)]
pub(in crate::http) async fn totp(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Body(PasswordProof { password }): Body<PasswordProof>,
) -> Result<Json<TotpOffer>, Refused> {
    let account = prove(&app, &who, "password", password).await?;
    Ok(Json(offer(&app, &account)?))
}

/// The first code of the new second factor, which is in force from now on
#[utoipa::path(
    post, path = "/api/staff/account/totp/confirm", operation_id = "account_totp_confirm", tag = "account", security(("staff" = [])),
    request_body = TotpConfirm,
    responses((status = 200, body = RecoveryCodes), (status = 400, description = "Wrong code", body = Refusal)),
)]
pub(in crate::http) async fn totp_confirm(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Body(TotpConfirm { pending, code }): Body<TotpConfirm>,
) -> Result<Json<RecoveryCodes>, Refused> {
    let account = who.account(&app)?;
    let recovery = confirm(&app, &account, &who.caller, &pending, &code).await?;
    recovery.map(|recovery| Json(RecoveryCodes { recovery })).ok_or_else(|| Refused::field("code", "wrong code"))
}

/// Takes the second factor away
#[utoipa::path(
    post, path = "/api/staff/account/totp/off", operation_id = "account_totp_off", tag = "account", security(("staff" = [])),
    request_body = PasswordProof,
    responses(
        (status = 204, description = "There is none any more"),
        (status = 403, description = "The password is wrong, or the role needs a second factor", body = Refusal),
    ),
)]
pub(in crate::http) async fn totp_off(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Body(PasswordProof { password }): Body<PasswordProof>,
) -> Result<StatusCode, Refused> {
    let account = prove(&app, &who, "password", password).await?;
    if needs_totp(&app, &account) {
        let error = WireError::new(ErrorCode::Forbidden, "your role needs a second factor (auth.totp_required)");
        return Err(error.into());
    }
    app.drop_totp(&account, Author::Agent(account.id), Some(&who.caller.address)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// How a session is shown.
pub(super) fn shown(row: SessionRow, current: Option<StaffSessionId>) -> SessionView {
    SessionView {
        current: Some(row.id) == current,
        id: row.id,
        way: row.way,
        began_at: row.began_at,
        seen_at: row.seen_at,
        ends_at: row.ends_at,
        device: row.device,
        address: row.address,
    }
}

/// One's own open sessions
#[utoipa::path(
    get, path = "/api/staff/account/sessions", operation_id = "account_sessions", tag = "account", security(("staff" = [])),
    responses((status = 200, body = SessionList)),
)]
pub(in crate::http) async fn sessions(State(app): State<Arc<App>>, who: ByStaff) -> Json<SessionList> {
    let sessions = app.accounts.sessions_of(who.staff.id).into_iter();
    Json(SessionList { sessions: sessions.map(|row| shown(row, Some(who.staff.session))).collect() })
}

/// Ends one of one's own sessions
#[utoipa::path(
    delete, path = "/api/staff/account/sessions/{id}", operation_id = "account_session_end", tag = "account", security(("staff" = [])),
    params(("id" = StaffSessionId, Path, description = "Which")),
    responses((status = 204, description = "Over"), (status = 404, description = "None of yours", body = Refusal)),
)]
pub(in crate::http) async fn end_session(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Named(id): Named<StaffSessionId>,
) -> Result<StatusCode, Refused> {
    let account = who.account(&app)?;
    let session = app.accounts.session(id).filter(|session| session.agent == account.id);
    let session = session.ok_or_else(|| WireError::new(ErrorCode::NotFound, "no such session of yours"))?;
    let actor = Author::Agent(account.id);
    app.end_sessions(&account, &[session], SessionEnd::Revoked, actor, Some(&who.caller.address)).await?;
    Ok(StatusCode::NO_CONTENT)
}
