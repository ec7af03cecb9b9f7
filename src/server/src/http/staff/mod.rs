//! Staff over REST: log-in in steps, sessions, one's own account, administration of accounts.
//!
//! The access token is for `Authorization` and `hello` and lives for minutes. What lives for hours is the refresh token,
//! in a cookie that no script can read (`HttpOnly`), that no foreign page can send (`SameSite=Strict`) and that goes to
//! the two routes that use it up only (`Path`). docs/administration.md tells the whole.

pub(super) mod account;
pub(super) mod admin;
pub(super) mod oidc;
pub(super) mod session;
pub(super) mod sign_in;

use std::sync::Arc;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderValue, header, request::Parts},
};
use bangban_domain::time::SECOND;
use bangban_protocol::{ErrorCode, WireError};
use bangban_store::StaffRow;

use super::{bearer::Bearer, client::Client, refused::Refused};
use crate::{
    app::{App, SignedIn},
    auth::{Principal, Staff},
    staff::Caller,
};

/// Name of the cookie with the refresh token.
const COOKIE: &str = "bangban_staff";

/// The routes that it goes to.
const COOKIE_PATH: &str = "/api/staff/session";

/// A member of staff, by their token, and where from.
pub(super) struct ByStaff {
    pub(super) staff: Staff,
    pub(super) caller: Caller,
}

impl ByStaff {
    /// Their account as it is now.
    fn account(&self, app: &App) -> Result<Arc<StaffRow>, Refused> {
        let gone = || WireError::new(ErrorCode::Unauthenticated, "the account is closed");
        app.accounts.get(self.staff.id).ok_or_else(|| gone().into())
    }
}

impl FromRequestParts<Arc<App>> for ByStaff {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refused> {
        let Bearer(who) = Bearer::from_request_parts(parts, app).await?;
        let Principal::Staff(staff) = who else {
            return Err(WireError::new(ErrorCode::Forbidden, "only staff may do this").into());
        };
        let By(caller, _) = By::from_request_parts(parts, app).await?;
        Ok(Self { staff, caller })
    }
}

/// Who calls, known or not: browser and address, and whether the way is encrypted.
pub(super) struct By(pub(super) Caller, pub(super) Client);

impl FromRequestParts<Arc<App>> for By {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<App>) -> Result<Self, Refused> {
        let client = parts.extensions.get::<Client>().copied();
        let client = client.ok_or_else(|| Refused::internal(&"a request that came past the edge"))?;
        let device = parts.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        Ok(Self(Caller { device: device.to_owned(), address: client.address.to_string() }, client))
    }
}

/// `Set-Cookie` of a session, to last as long as the refresh token could be used.
fn cookie(signed_in: &SignedIn, client: Client) -> Result<HeaderValue, Refused> {
    let SignedIn { refresh, lasts, .. } = signed_in;
    let secure = if client.is_secure { "; Secure" } else { "" };
    let seconds = lasts / SECOND;
    let text = format!("{COOKIE}={refresh}; Path={COOKIE_PATH}; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    HeaderValue::try_from(text).map_err(|error| Refused::internal(&error))
}

/// `Set-Cookie` that takes it away.
fn no_cookie() -> HeaderValue {
    HeaderValue::from_static("bangban_staff=; Path=/api/staff/session; Max-Age=0; HttpOnly; SameSite=Strict")
}

/// A cookie's value.
fn cookie_of<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(';')).find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
}
