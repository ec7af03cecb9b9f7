//! Log-in: the password, then what the account asks for beside it. Every step is throttled for the staff number and the
//! address, and each is good once.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use bangban_domain::{
    AgentId, Timestamp,
    conversation::{self, InvalidField, Problem},
    time::{MINUTE, Millis},
    words::SignIn,
};
use bangban_protocol::{
    Enrolled, ErrorCode, Login, LoginChallenge, LoginCode, LoginEnrol, LoginEnrolConfirm, LoginNeed, LoginOptions,
    LoginPassword, LoginReply, TotpOffer, WireError,
};
use bangban_store::{Author, StaffRow};
use serde::{Deserialize, Serialize};

use super::{By, cookie};
use crate::{
    app::App,
    http::{
        input::Body,
        login::{Attempt, hashed, is_right},
        openapi::Refusal,
        refused::Refused,
    },
    staff::{Caller, Shown, Totp, password},
    telemetry::count_login,
};

/// Longest staff number and password, in characters.
const MAX_LOGIN: usize = 64;
const MAX_PASSWORD: usize = 200;

/// Longest code, with its marks.
const MAX_CODE: usize = 20;

/// How long a second factor may wait for its first code.
const ENROL: Millis = 10 * MINUTE;

/// A password as it was sent. Not trimmed: spaces may be part of it.
pub(super) fn sent_password(field: &'static str, text: String) -> Result<String, Refused> {
    if text.is_empty() {
        return Err(InvalidField { field, problem: Problem::Empty }.into());
    }
    conversation::at_most(field, &text, MAX_PASSWORD)?;
    Ok(text)
}

fn wrong(account: Option<AgentId>, field: &str, detail: &str) -> Refused {
    count_login("wrong");
    tracing::info!(agent = account.map(tracing::field::display), field, "a log-in with something wrong");
    let error = WireError::new(ErrorCode::Unauthenticated, detail);
    Refused::new(StatusCode::UNAUTHORIZED, WireError { field: Some(field.to_owned()), ..error })
}

/// The time of the step before is over, or the account has changed since.
fn stale() -> Refused {
    let error = WireError::new(ErrorCode::TokenExpired, "begin the log-in again");
    Refused::new(StatusCode::UNAUTHORIZED, WireError { field: Some("challenge".to_owned()), ..error })
}

/// What the log-in page has to know beforehand
#[utoipa::path(
    get, path = "/api/staff/login/options", operation_id = "login_options", tag = "session",
    responses((status = 200, body = LoginOptions)),
)]
pub(in crate::http) async fn options(State(app): State<Arc<App>>) -> Json<LoginOptions> {
    let oidc = app.oidc.as_ref().map(|oidc| oidc.label().to_owned());
    Json(LoginOptions { oidc, totp: app.sign_in.needs_factor.clone() })
}

/// Log-in of a member of staff
#[utoipa::path(
    post, path = "/api/staff/login", tag = "session", request_body = Login,
    responses(
        (status = 200, description = "Logged in; a cookie with the refresh token is set", body = LoginReply),
        (status = 202, description = "Right, and more is needed", body = LoginChallenge),
        (status = 401, description = "Wrong staff number or password", body = Refusal),
    ),
)]
pub(in crate::http) async fn login(
    State(app): State<Arc<App>>,
    by: By,
    Body(Login { login, password }): Body<Login>,
) -> Result<Response, Refused> {
    let login = conversation::text("login", &login, MAX_LOGIN)?;
    let password = sent_password("password", password)?;
    let attempt = Attempt::begin(&app, login, by.1.address.into()).await?;
    let account = app.accounts.by_login(login).filter(|account| account.is_active);
    let hash = account.as_ref().map(|account| account.password_hash.clone()).filter(|hash| !hash.is_empty());
    let is_right = is_right(&app, password, hash).await?;
    let Some(account) = account.as_ref().filter(|_| is_right) else {
        return Err(wrong(account.map(|account| account.id), "password", "wrong staff number or password"));
    };
    let shown = Shown::password(account, &by.0, app.clock.now());
    go_on(&app, attempt, account, shown, &by).await
}

/// The next step, or a session.
async fn go_on(app: &App, attempt: Attempt, account: &StaffRow, shown: Shown, by: &By) -> Result<Response, Refused> {
    if let Some(needs) = shown.need(account, &app.sign_in.needs_factor) {
        attempt.was_halfway();
        let challenge = shown.close(app.auth.seal())?;
        return Ok((StatusCode::ACCEPTED, Json(LoginChallenge { challenge, needs })).into_response());
    }
    let signed_in = app.begin_session(account, shown.way, &by.0).await?;
    attempt.was_right();
    count_login("ok");
    Ok(([(header::SET_COOKIE, cookie(&signed_in, by.1)?)], Json(signed_in.reply)).into_response())
}

/// The step before, and its account as it is now.
struct Halfway {
    shown: Shown,
    account: Arc<StaffRow>,
    attempt: Attempt,
}

impl Halfway {
    async fn open(app: &Arc<App>, challenge: &str, by: &By, needs: LoginNeed) -> Result<Self, Refused> {
        let now = app.clock.now();
        let shown = Shown::open(challenge, app.auth.seal(), &by.0, now).ok_or_else(stale)?;
        let login = app.accounts.get(shown.agent).ok_or_else(stale)?.login.clone();
        let attempt = Attempt::begin(app, &login, by.1.address.into()).await?;
        // Read when it is our turn.
        let account = app.accounts.get(shown.agent).filter(|account| shown.fits(account));
        let Some(account) = account else {
            // No guess: it was right once.
            attempt.was_halfway();
            return Err(stale());
        };
        if shown.need(&account, &app.sign_in.needs_factor) != Some(needs) {
            attempt.was_halfway();
            return Err(stale());
        }
        Ok(Self { shown, account, attempt })
    }
}

/// The second factor of a log-in
#[utoipa::path(
    post, path = "/api/staff/login/code", operation_id = "login_code", tag = "session", request_body = LoginCode,
    responses(
        (status = 200, description = "Logged in; a cookie with the refresh token is set", body = LoginReply),
        (status = 202, description = "Right, and more is needed", body = LoginChallenge),
        (status = 401, description = "Wrong or used code, or begin again", body = Refusal),
    ),
)]
pub(in crate::http) async fn code(
    State(app): State<Arc<App>>,
    by: By,
    Body(LoginCode { challenge, code }): Body<LoginCode>,
) -> Result<Response, Refused> {
    let code = conversation::text("code", &code, MAX_CODE)?;
    let Halfway { shown, account, attempt } = Halfway::open(&app, &challenge, &by, LoginNeed::Totp).await?;
    let Some(way) = app.take_code(&account, code).await? else {
        return Err(wrong(Some(account.id), "code", "wrong code, or one that was used"));
    };
    let account = app.accounts.get(account.id).ok_or_else(stale)?;
    let shown = shown.with_factor(way, &account);
    go_on(&app, attempt, &account, shown, &by).await
}

/// A password of one's own instead of the one-time password
#[utoipa::path(
    post, path = "/api/staff/login/password", operation_id = "login_password", tag = "session", request_body = LoginPassword,
    responses(
        (status = 200, description = "Logged in; a cookie with the refresh token is set", body = LoginReply),
        (status = 202, description = "Right, and more is needed", body = LoginChallenge),
        (status = 401, description = "Begin again", body = Refusal),
    ),
)]
pub(in crate::http) async fn new_password(
    State(app): State<Arc<App>>,
    by: By,
    Body(LoginPassword { challenge, password }): Body<LoginPassword>,
) -> Result<Response, Refused> {
    let password = sent_password("password", password)?;
    let Halfway { shown, account, attempt } = Halfway::open(&app, &challenge, &by, LoginNeed::Password).await?;
    if let Err(error) = good_enough(&app, &account, "password", &password).await {
        attempt.was_halfway();
        return Err(error);
    }
    let hash = hashed(&app, password).await?;
    let by_self = (Author::Agent(account.id), Some(by.0.address.as_str()));
    app.set_password(&account, hash, false, by_self, None).await?;
    let account = app.accounts.get(account.id).ok_or_else(stale)?;
    let way = shown.way;
    let shown = shown.with_factor(way, &account);
    go_on(&app, attempt, &account, shown, &by).await
}

/// Is the new password good enough, and new?
pub(super) async fn good_enough(app: &App, account: &StaffRow, field: &'static str, new: &str) -> Result<(), Refused> {
    password::check(new, &account.login, &account.name).map_err(|weak| Refused::field(field, &weak.to_string()))?;
    if is_right(app, new.to_owned(), Some(account.password_hash.clone())).await? {
        return Err(Refused::field(field, &password::Weak::Same.to_string()));
    }
    Ok(())
}

/// A second factor that waits for its first code; sealed, so that nothing has to be kept here.
#[derive(Serialize, Deserialize)]
struct Pending {
    agent: AgentId,
    secret: Vec<u8>,
    until: Timestamp,
}

const PENDING: &str = "totp enrolment";

/// Makes a second factor for an account.
pub(super) fn offer(app: &App, account: &StaffRow) -> Result<TotpOffer, Refused> {
    let totp = Totp::random()?;
    let until = app.clock.now() + ENROL;
    let pending = Pending { agent: account.id, secret: totp.bytes().to_vec(), until };
    Ok(TotpOffer {
        pending: app.auth.seal().close(PENDING, &pending)?,
        secret: totp.base32(),
        uri: totp.uri(&account.login),
    })
}

/// Keeps a second factor whose first code is right; gives the recovery codes. `None`: the code is wrong.
pub(super) async fn confirm(
    app: &App,
    account: &StaffRow,
    caller: &Caller,
    pending: &str,
    code: &str,
) -> Result<Option<Vec<String>>, Refused> {
    let code = conversation::text("code", code, MAX_CODE)?.replace(' ', "");
    let now = app.clock.now();
    let pending: Option<Pending> = app.auth.seal().open(PENDING, pending);
    let pending = pending.filter(|pending| pending.agent == account.id && pending.until > now);
    let totp = Totp::new(pending.ok_or_else(|| Refused::field("pending", "begin again"))?.secret);
    let Some(step) = totp.accept(&code, 0, now) else { return Ok(None) };
    Ok(Some(app.set_totp(account, &totp, step, &caller.address).await?))
}

/// A second factor, if the role needs one and there is none
#[utoipa::path(
    post, path = "/api/staff/login/enrol", operation_id = "login_enrol", tag = "session", request_body = LoginEnrol,
    responses(
        (status = 200, body = TotpOffer),
        (status = 401, description = "Begin again", body = Refusal),
    ),
)]
pub(in crate::http) async fn enrol(
    State(app): State<Arc<App>>,
    by: By,
    Body(LoginEnrol { challenge }): Body<LoginEnrol>,
) -> Result<Json<TotpOffer>, Refused> {
    let Halfway { account, attempt, .. } = Halfway::open(&app, &challenge, &by, LoginNeed::Enrol).await?;
    attempt.was_halfway();
    Ok(Json(offer(&app, &account)?))
}

/// The first code of the new second factor
#[utoipa::path(
    post, path = "/api/staff/login/enrol/confirm", operation_id = "login_enrol_confirm", tag = "session", request_body = LoginEnrolConfirm,
    responses(
        (status = 200, description = "Logged in; a cookie with the refresh token is set", body = Enrolled),
        (status = 401, description = "Wrong code, or begin again", body = Refusal),
    ),
)]
pub(in crate::http) async fn enrol_confirm(
    State(app): State<Arc<App>>,
    by: By,
    Body(LoginEnrolConfirm { challenge, pending, code }): Body<LoginEnrolConfirm>,
) -> Result<Response, Refused> {
    let Halfway { account, attempt, .. } = Halfway::open(&app, &challenge, &by, LoginNeed::Enrol).await?;
    let Some(recovery) = confirm(&app, &account, &by.0, &pending, &code).await? else {
        return Err(wrong(Some(account.id), "code", "wrong code"));
    };
    let signed_in = app.begin_session(&account, SignIn::Totp, &by.0).await?;
    attempt.was_right();
    count_login("ok");
    let cookie = cookie(&signed_in, by.1)?;
    Ok(([(header::SET_COOKIE, cookie)], Json(Enrolled { recovery, login: signed_in.reply })).into_response())
}
