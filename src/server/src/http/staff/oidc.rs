//! Log-in by the organisation's own identity provider: there and back.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use bangban_domain::{time::SECOND, words::SignIn};
use bangban_protocol::{ErrorCode, WireError};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{By, cookie, cookie_of};
use crate::{
    app::App,
    http::{client::Client, input::Params, openapi::Refusal, refused::Refused},
    staff::oidc::{ATTEMPT, Begun, Returned},
    telemetry::count_login,
};

/// Name of the cookie of an attempt. It has to come along when the issuer sends the browser back, so it is `Lax`.
const COOKIE: &str = "bangban_oidc";

/// Pages that one may log in for.
const PAGES: [&str; 5] = ["console", "operator", "board", "figures", "admin"];

/// Where to go after the log-in.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct To {
    /// `console`, `operator`, `board`, `figures` or `admin`.
    #[serde(default)]
    to: String,
}

fn attempt_cookie(value: &str, seconds: i64, client: Client) -> Result<HeaderValue, Refused> {
    let secure = if client.is_secure { "; Secure" } else { "" };
    let text = format!("{COOKIE}={value}; Path=/api/staff/oidc; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
    HeaderValue::try_from(text).map_err(|error| Refused::internal(&error))
}

fn none() -> Refused {
    WireError::new(ErrorCode::NotFound, "there is no such log-in (oidc.issuer)").into()
}

/// To the organisation's own log-in
#[utoipa::path(
    get, path = "/api/staff/oidc/start", operation_id = "oidc_start", tag = "session", params(To),
    responses(
        (status = 303, description = "To the issuer"),
        (status = 404, description = "There is none", body = Refusal),
    ),
)]
pub(in crate::http) async fn start(
    State(app): State<Arc<App>>,
    By(_, client): By,
    Params(To { to }): Params<To>,
) -> Result<Response, Refused> {
    let oidc = app.oidc.as_ref().ok_or_else(none)?;
    let to = PAGES.into_iter().find(|page| *page == to).unwrap_or(PAGES[0]);
    let begun = oidc.begin(app.auth.seal(), to, app.clock.now()).await;
    let Begun { redirect, cookie } = match begun {
        Ok(begun) => begun,
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "the organisation's own log-in cannot be reached");
            return back(to, "unreachable", client);
        }
    };
    let cookie = attempt_cookie(&cookie, ATTEMPT / SECOND, client)?;
    let location = HeaderValue::try_from(redirect).map_err(|error| Refused::internal(&error))?;
    Ok((StatusCode::SEE_OTHER, [(header::SET_COOKIE, cookie), (header::LOCATION, location)]).into_response())
}

/// To the page that they came from, which says what happened. The attempt is over.
fn back(page: &str, what: &str, client: Client) -> Result<Response, Refused> {
    let location = HeaderValue::try_from(format!("/{page}.html#oidc={what}"));
    let location = location.map_err(|error| Refused::internal(&error))?;
    let cookie = attempt_cookie("", 0, client)?;
    Ok((StatusCode::SEE_OTHER, [(header::SET_COOKIE, cookie), (header::LOCATION, location)]).into_response())
}

/// Back from the organisation's own log-in
#[utoipa::path(
    get, path = "/api/staff/oidc/callback", operation_id = "oidc_callback", tag = "session",
    params(
        ("code" = Option<String>, Query, description = "The issuer's code"),
        ("state" = Option<String>, Query, description = "Of this attempt"),
        ("iss" = Option<String>, Query, description = "Who answers (RFC 9207)"),
        ("error" = Option<String>, Query, description = "Why not"),
    ),
    responses(
        (status = 303, description = "To the page, logged in or not"),
        (status = 404, description = "There is none", body = Refusal),
    ),
)]
pub(in crate::http) async fn callback(
    State(app): State<Arc<App>>,
    By(caller, client): By,
    headers: HeaderMap,
    Params(returned): Params<Returned>,
) -> Result<Response, Refused> {
    let oidc = app.oidc.as_ref().ok_or_else(none)?;
    let attempt = cookie_of(&headers, COOKIE);
    let person = match oidc.finish(app.auth.seal(), attempt, &returned, app.clock.now()).await {
        Ok(person) => person,
        Err(error) => {
            count_login("wrong");
            tracing::warn!(error = format!("{error:#}"), "a log-in of the organisation's own is refused");
            return back(PAGES[0], "refused", client);
        }
    };
    let account = match app.accounts.by_login(&person.login) {
        Some(account) if account.is_active => account,
        Some(account) => {
            tracing::info!(agent = %account.id, "a log-in to a closed account");
            return back(&person.to, "unknown", client);
        }
        None if oidc.creates() => match app.account_of_stranger(&person, &caller).await {
            Ok(account) => account,
            Err(error) => {
                tracing::warn!(%error, "no account can be made for a staff number");
                return back(&person.to, "unknown", client);
            }
        },
        None => return back(&person.to, "unknown", client),
    };
    let signed_in = app.begin_session(&account, SignIn::Oidc, &caller).await?;
    count_login("ok");
    let mut response = back(&person.to, "done", client)?;
    response.headers_mut().append(header::SET_COOKIE, cookie(&signed_in, client)?);
    Ok(response)
}
