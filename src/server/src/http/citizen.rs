//! What citizens do before they have a session, or without one: become an anonymous visitor, go on with a conversation on a
//! second device, ask what has become of a receipt.
//!
//! Browsers of other origins cannot call these: an `Origin` that is neither ours nor a listed portal's is refused, and no
//! answer allows a foreign page to read it.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Json,
    extract::{ConnectInfo, FromRequestParts, State},
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use bangban_domain::time::{HOUR, SECOND};
use bangban_protocol::{ErrorCode, ReceiptView, Redeemed, VisitorReply, WireError};
use serde::Serialize;

use super::{
    refused::{Fields, Refused},
    security,
    upload::bearer,
};
use crate::{
    app::App,
    auth::Principal,
    config::Config,
    throttle::{Address, LoginThrottle, Tally, TooMany},
};

/// Longest number of a receipt and longest code, in characters.
const MAX_NUMBER: usize = 32;
const MAX_CODE: usize = 64;

/// An answer that holds a token or concerns one person: nobody between us and them may keep it.
pub(super) struct Private<T>(T);

impl<T: Serialize> IntoResponse for Private<T> {
    fn into_response(self) -> Response {
        ([(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], Json(self.0)).into_response()
    }
}

/// What stands between the network and identities, codes and receipts.
pub struct Gate {
    identities: Mutex<Tally<Address>>,
    /// Addresses behind which many people stand.
    halls: Vec<Address>,
    codes: Proofs,
    receipts: Proofs,
}

impl Gate {
    /// With the numbers of `[citizen]`.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let (receipts, codes) = config.proof_policies();
        Self {
            identities: Mutex::new(Tally::new(config.citizen.anonymous_per_hour, HOUR)),
            halls: config.citizen.hall_addresses.iter().copied().map(Address::from).collect(),
            codes: Proofs(Mutex::new(LoginThrottle::new(codes))),
            receipts: Proofs(Mutex::new(LoginThrottle::new(receipts))),
        }
    }
}

/// Counts wrong proofs, for what they were about and for the address that they came from.
struct Proofs(Mutex<LoginThrottle>);

impl Proofs {
    fn throttle(&self) -> MutexGuard<'_, LoginThrottle> {
        // Each method leaves the records whole, so a panic elsewhere has not harmed them.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins an attempt, which counts as wrong until it turns out to be right.
    fn admit<'a>(&'a self, app: &'a App, about: &str, address: Address) -> Result<Proof<'a>, Refused> {
        let admitted = self.throttle().admit(app.clock.now(), about, address);
        admitted.map_err(|refusal| {
            let span = match refusal {
                TooMany::Locked(span) => span,
                TooMany::Underway => SECOND,
            };
            tracing::warn!(retry_after = span, "a proof is refused after too many wrong ones");
            Refused::too_many(span, "too many wrong attempts, try again later")
        })?;
        Ok(Proof { proofs: self, app, about: about.to_owned(), address, was_right: false })
    }
}

/// An admitted attempt; whoever hangs up in the middle of it was wrong.
struct Proof<'a> {
    proofs: &'a Proofs,
    app: &'a App,
    about: String,
    address: Address,
    was_right: bool,
}

impl Drop for Proof<'_> {
    fn drop(&mut self) {
        self.proofs.throttle().finish(self.app.clock.now(), &self.about, self.address, self.was_right);
    }
}

/// Who asks: a page of ours, a listed portal's or a program, and from where.
pub(super) struct Caller(IpAddr);

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refused> {
        security::check_origin(&parts.headers, &app.portal_origins)?;
        let peer = ConnectInfo::<SocketAddr>::from_request_parts(parts, app).await;
        let ConnectInfo(peer) = peer.map_err(|error| Refused::internal(&error))?;
        Ok(Self(app.door.address_of(peer, &parts.headers)))
    }
}

/// The principal of the `Authorization` header, if there is one.
async fn known(app: &App, headers: &HeaderMap) -> Result<Option<Principal>, Refused> {
    match headers.get(header::AUTHORIZATION) {
        Some(_) => Ok(Some(bearer(app, headers).await?)),
        None => Ok(None),
    }
}

/// `POST /api/citizen/anonymous`: a new visitor, or with a visitor's token a new one for the same.
pub(super) async fn anonymous(
    State(app): State<Arc<App>>,
    Caller(address): Caller,
    headers: HeaderMap,
) -> Result<Private<VisitorReply>, Refused> {
    let known = known(&app, &headers).await?;
    // Before anything is counted: whether there are any, and whether this is one.
    let reply = app.visitor(known.as_ref())?;
    let address = Address::from(address);
    if known.is_none() && !app.gate.halls.contains(&address) {
        let mut identities = app.gate.identities.lock().unwrap_or_else(PoisonError::into_inner);
        identities.take(app.clock.now(), address).map_err(|span| {
            tracing::warn!(retry_after = span, "no more visitors for one address");
            Refused::too_many(span, "too many visitors from this address, try again later or log in")
        })?;
    }
    Ok(Private(reply))
}

/// `POST /api/citizen/continue`
pub(super) async fn redeem(
    State(app): State<Arc<App>>,
    Caller(address): Caller,
    body: Fields,
) -> Result<Private<Redeemed>, Refused> {
    let code = body.text("code", MAX_CODE)?;
    // A code is found or not: wrong ones are counted for the address only.
    let mut proof = app.gate.codes.admit(&app, code, address.into())?;
    let redeemed = app.redeem(code).await;
    // A fault of ours is no guess.
    proof.was_right = redeemed.as_ref().map_or_else(|error| error.retryable, |_| true);
    Ok(Private(redeemed?))
}

/// `POST /api/citizen/receipt`
pub(super) async fn receipt(
    State(app): State<Arc<App>>,
    Caller(address): Caller,
    headers: HeaderMap,
    body: Fields,
) -> Result<Private<ReceiptView>, Refused> {
    let number = body.text("receipt", MAX_NUMBER)?.trim().to_ascii_uppercase();
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return Err(Refused::field("receipt", "must be the number of a receipt, such as SH20261124-0007"));
    }
    let no_such = || {
        let error = WireError::new(ErrorCode::NotFound, "no such receipt, or the proof does not fit");
        Refused::new(StatusCode::NOT_FOUND, error)
    };
    if let Some(who) = known(&app, &headers).await? {
        // A token is no guess: what is asked is limited as any request is.
        return app.receipt(Some(&who), &number, None).await?.map(Private).ok_or_else(no_such);
    }
    let end = body.text("phoneEnd", MAX_NUMBER)?.trim();
    if end.len() != 4 || !end.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Refused::field("phoneEnd", "must be the last four digits of the telephone that was left"));
    }
    let mut proof = app.gate.receipts.admit(&app, &number, address.into())?;
    let found = app.receipt(None, &number, Some(end)).await;
    proof.was_right = !matches!(found, Ok(None));
    found?.map(Private).ok_or_else(no_such)
}
