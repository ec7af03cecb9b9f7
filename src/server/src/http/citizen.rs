//! What citizens do before they have a session, or without one: become an anonymous visitor, go on with a conversation on a
//! second device, ask what has become of a receipt.
//!
//! Browsers of other origins cannot call these: an `Origin` that is neither ours nor a listed portal's is refused, and no
//! answer allows a foreign page to read it.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Json,
    extract::{FromRequestParts, State},
    http::{HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use bangban_domain::{
    conversation,
    time::{HOUR, SECOND},
};
use bangban_protocol::{
    ErrorCode, ReceiptMove, ReceiptQuestion, ReceiptView, Redeem, Redeemed, VisitorReply, WireError,
};
use serde::Serialize;

use super::{bearer::Bearer, client::Client, input::Body, openapi::Refusal, refused::Refused, security};
use crate::{
    app::{App, Held},
    auth::Principal,
    config::Config,
    throttle::{Address, LoginThrottle, Tally, TooMany},
};

/// Longest number of a receipt and longest code, in characters.
const MAX_NUMBER: usize = 32;
const MAX_CODE: usize = 64;

/// An answer that holds a token or concerns one person: nobody between us and them may keep it.
pub(super) struct Private<T>(pub(super) T);

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

/// Where a request comes from: a page of ours, a listed portal's or a program.
pub(super) struct Caller(IpAddr);

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refused> {
        security::check_origin(&parts.headers, &app.portal_origins)?;
        let client =
            parts.extensions.get::<Client>().ok_or_else(|| Refused::internal(&"a request without a client"))?;
        Ok(Self(client.address))
    }
}

/// The principal of the `Authorization` header, if there is one.
pub(super) struct Known(Option<Principal>);

impl FromRequestParts<Arc<App>> for Known {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refused> {
        if !parts.headers.contains_key(header::AUTHORIZATION) {
            return Ok(Self(None));
        }
        Bearer::from_request_parts(parts, app).await.map(|Bearer(who)| Self(Some(who)))
    }
}

/// Becomes an anonymous visitor
///
/// With a visitor's token: a new token for the same visitor.
#[utoipa::path(
    post, path = "/api/citizen/anonymous", tag = "session", security((), ("citizen" = [])),
    responses(
        (status = 200, body = VisitorReply),
        (status = 401, description = "The token is not a visitor's that is good", body = Refusal),
        (status = 403, description = "Only who is logged in may ask here, or the token is not a visitor's", body = Refusal),
    ),
)]
pub(super) async fn anonymous(
    State(app): State<Arc<App>>,
    Caller(address): Caller,
    Known(known): Known,
) -> Result<Private<VisitorReply>, Refused> {
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

/// Goes on with a conversation on a second device
///
/// Uses up the one-time code that `continue_elsewhere` gave on the first one.
#[utoipa::path(
    post, path = "/api/citizen/continue", tag = "session", request_body = Redeem,
    responses(
        (status = 200, body = Redeemed),
        (status = 403, description = "A page of a foreign origin", body = Refusal),
        (status = 404, description = "The code was used, or its time is over, or it is none", body = Refusal),
    ),
)]
pub(super) async fn redeem(
    State(app): State<Arc<App>>,
    Caller(address): Caller,
    Body(Redeem { code }): Body<Redeem>,
) -> Result<Private<Redeemed>, Refused> {
    let code = conversation::text("code", &code, MAX_CODE)?;
    // A code is found or not: wrong ones are counted for the address only.
    let mut proof = app.gate.codes.admit(&app, code, address.into())?;
    let redeemed = app.redeem(code).await;
    // A fault of ours is no guess.
    proof.was_right = redeemed.as_ref().map_or_else(|error| error.retryable, |_| true);
    Ok(Private(redeemed?))
}

/// What has become of a receipt
///
/// Proven by the last four digits of the telephone that was left with it, or by the citizen's token.
#[utoipa::path(
    post, path = "/api/citizen/receipt", tag = "session", security((), ("citizen" = [])),
    request_body = ReceiptQuestion,
    responses(
        (status = 200, body = ReceiptView),
        (status = 401, description = "The token is not one that is good", body = Refusal),
        (status = 403, description = "A page of a foreign origin", body = Refusal),
        (status = 404, description = "No such receipt, or the proof does not fit", body = Refusal),
    ),
)]
pub(super) async fn receipt(
    State(app): State<Arc<App>>,
    Caller(address): Caller,
    Known(known): Known,
    Body(ReceiptQuestion { receipt, phone_end }): Body<ReceiptQuestion>,
) -> Result<Private<ReceiptView>, Refused> {
    let held = hold(&app, (address, known), &receipt, phone_end.as_deref()).await?;
    Ok(Private(app.receipt(held).await?))
}

/// Moves a promised call-back
///
/// Proven as the question. To one of the receipt's `slots`; the answer is the receipt as it is then.
#[utoipa::path(
    post, path = "/api/citizen/receipt/move", tag = "session", security((), ("citizen" = [])),
    request_body = ReceiptMove,
    responses(
        (status = 200, body = ReceiptView),
        (status = 401, description = "The token is not one that is good", body = Refusal),
        (status = 403, description = "A page of a foreign origin", body = Refusal),
        (status = 404, description = "No such receipt, or the proof does not fit", body = Refusal),
        (status = 409, description = "The slot is full (`slot_full`) or past (`slot_past`); its time has come, or it is over (`invalid_stage`)", body = Refusal),
    ),
)]
pub(super) async fn move_receipt(
    State(app): State<Arc<App>>,
    Caller(address): Caller,
    Known(known): Known,
    Body(ReceiptMove { receipt, phone_end, slot }): Body<ReceiptMove>,
) -> Result<Private<ReceiptView>, Refused> {
    let held = hold(&app, (address, known), &receipt, phone_end.as_deref()).await?;
    Ok(Private(app.move_held(held, slot).await?))
}

/// Takes a promised call-back back
///
/// Proven as the question. Once more it changes nothing.
#[utoipa::path(
    post, path = "/api/citizen/receipt/cancel", tag = "session", security((), ("citizen" = [])),
    request_body = ReceiptQuestion,
    responses(
        (status = 200, body = ReceiptView),
        (status = 401, description = "The token is not one that is good", body = Refusal),
        (status = 403, description = "A page of a foreign origin", body = Refusal),
        (status = 404, description = "No such receipt, or the proof does not fit", body = Refusal),
        (status = 409, description = "Somebody serves already, or it is over", body = Refusal),
    ),
)]
pub(super) async fn cancel_receipt(
    State(app): State<Arc<App>>,
    Caller(address): Caller,
    Known(known): Known,
    Body(ReceiptQuestion { receipt, phone_end }): Body<ReceiptQuestion>,
) -> Result<Private<ReceiptView>, Refused> {
    let held = hold(&app, (address, known), &receipt, phone_end.as_deref()).await?;
    Ok(Private(app.cancel_held(held).await?))
}

/// The receipt that somebody asks about, if they prove that it is theirs. Wrong proofs are counted for the receipt and for the
/// address, whatever they were meant for.
async fn hold(
    app: &App,
    (address, known): (IpAddr, Option<Principal>),
    receipt: &str,
    phone_end: Option<&str>,
) -> Result<Held, Refused> {
    let number = conversation::text("receipt", receipt, MAX_NUMBER)?.to_ascii_uppercase();
    if !number.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return Err(Refused::field("receipt", "must be the number of a receipt, such as SH20261124-0007"));
    }
    let no_such = || {
        let error = WireError::new(ErrorCode::NotFound, "no such receipt, or the proof does not fit");
        Refused::new(StatusCode::NOT_FOUND, error)
    };
    if let Some(who) = known {
        // A token is no guess: what is asked is limited as any request is.
        return app.held(Some(&who), &number, None).await?.ok_or_else(no_such);
    }
    let end = phone_end.map_or("", str::trim);
    if end.len() != 4 || !end.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Refused::field("phoneEnd", "must be the last four digits of the telephone that was left"));
    }
    let mut proof = app.gate.receipts.admit(app, &number, address.into())?;
    let found = app.held(None, &number, Some(end)).await;
    proof.was_right = !matches!(found, Ok(None));
    found?.ok_or_else(no_such)
}
