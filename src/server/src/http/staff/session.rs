//! The life of a session after the log-in: renewal by its cookie, log-out.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use bangban_domain::words::SessionEnd;
use bangban_protocol::{ErrorCode, LoginReply, WireError};
use bangban_store::Author;

use super::{By, COOKIE, cookie, cookie_of, no_cookie};
use crate::{
    app::{App, NoRenewal},
    http::{openapi::Refusal, refused::Refused, security},
    staff::fingerprint,
};

/// The cookie comes along by itself, so the page that asks has to be ours, whatever the browser makes of `SameSite`.
fn from_our_page(headers: &HeaderMap) -> Result<(), Refused> {
    if security::may_connect(headers, &[]) {
        return Ok(());
    }
    let error = WireError::new(ErrorCode::Forbidden, "only our own pages may ask this");
    Err(WireError { field: Some("Origin".to_owned()), ..error }.into())
}

/// The next token, by the refresh token in the cookie
///
/// The cookie is used up and the next one is set. One that comes a second time, half a minute after the first or later,
/// ends the session for all who hold a copy.
#[utoipa::path(
    post, path = "/api/staff/session/renew", operation_id = "session_renew", tag = "session", params(("bangban_staff" = Option<String>, Cookie,)),
    responses(
        (status = 200, description = "The next cookie is set", body = LoginReply),
        (status = 401, description = "No session any more: log in", body = Refusal),
        (status = 403, description = "Not a page of ours", body = Refusal),
    ),
)]
pub(in crate::http) async fn renew(
    State(app): State<Arc<App>>,
    By(caller, client): By,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    from_our_page(&headers)?;
    let over = || {
        let error = WireError::new(ErrorCode::Unauthenticated, "log in");
        let refused = Refused::new(StatusCode::UNAUTHORIZED, error);
        ([(header::SET_COOKIE, no_cookie())], refused).into_response()
    };
    let Some(refresh) = cookie_of(&headers, COOKIE) else { return Ok(over()) };
    match app.renew_session(refresh, &caller).await {
        Ok(signed_in) => {
            let cookie = cookie(&signed_in, client)?;
            Ok(([(header::SET_COOKIE, cookie)], Json(signed_in.reply)).into_response())
        }
        Err(NoRenewal::Over) => Ok(over()),
        Err(NoRenewal::Failed(error)) => Err(error.into()),
    }
}

/// Log-out of this browser
#[utoipa::path(
    post, path = "/api/staff/session/end", operation_id = "session_end", tag = "session", params(("bangban_staff" = Option<String>, Cookie,)),
    responses(
        (status = 204, description = "Over; the cookie is taken away"),
        (status = 403, description = "Not a page of ours", body = Refusal),
    ),
)]
pub(in crate::http) async fn end(
    State(app): State<Arc<App>>,
    By(caller, _): By,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    from_our_page(&headers)?;
    if let Some(refresh) = cookie_of(&headers, COOKIE) {
        let found = app.store.session_of_refresh(&fingerprint(refresh)).await.map_err(anyhow::Error::from)?;
        let session = found.map(|(session, _)| session).filter(|session| session.ended.is_none());
        if let Some((session, account)) =
            session.and_then(|session| Some((session.clone(), app.accounts.get(session.agent)?)))
        {
            let actor = Author::Agent(account.id);
            app.end_sessions(&account, &[session], SessionEnd::LoggedOut, actor, Some(&caller.address)).await?;
        }
    }
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, no_cookie())]).into_response())
}
