//! Log-in of staff, and tokens of demo citizens.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{Extension, Json, extract::State, http::StatusCode};
use bangban_domain::{
    Timestamp,
    conversation::{self, InvalidField, Problem},
    time::{HOUR, SECOND},
};
use bangban_protocol::{ErrorCode, Identity, Login, LoginReply, WireError};
use serde::{Deserialize, Serialize};
use tokio::{
    sync::{Notify, Semaphore},
    time::timeout,
};
use utoipa::ToSchema;

use super::{client::Client, input::Body, openapi::Refusal, refused::Refused};
use crate::{
    app::{App, demo_citizen},
    auth::{hash_password, is_password},
    clock::Clock,
    telemetry::count_login,
    throttle::{Address, LoginPolicy, LoginThrottle, TooMany},
};

/// Longest staff number and password, in characters.
const MAX_LOGIN: usize = 64;
const MAX_PASSWORD: usize = 200;

/// How long an attempt waits for others that are under way.
const PATIENCE: Duration = Duration::from_secs(5);

/// What stands between the network and the passwords.
pub struct Door {
    throttle: Mutex<LoginThrottle>,
    /// An attempt has been finished.
    finished: Notify,
    /// A password's hash takes 19 MiB and a processor: as many at once as there are processors, the others wait.
    hashing: Semaphore,
}

impl Door {
    /// Nobody has tried yet.
    #[must_use]
    pub fn new(policy: LoginPolicy) -> Self {
        let processors = std::thread::available_parallelism().map_or(2, usize::from);
        let throttle = Mutex::new(LoginThrottle::new(policy));
        Self { throttle, finished: Notify::new(), hashing: Semaphore::new(processors) }
    }

    fn throttle(&self) -> MutexGuard<'_, LoginThrottle> {
        // Each method leaves the records whole, so a panic elsewhere has not harmed them.
        self.throttle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits while only attempts under way stand in the way: a whole office may log in at nine, from one address.
    async fn admit(&self, clock: &Clock, login: &str, address: Address) -> Result<(), Refused> {
        let turn = async {
            loop {
                let finished = self.finished.notified();
                let admitted = self.throttle().admit(clock.now(), login, address);
                match admitted {
                    Ok(()) => return Ok(()),
                    Err(TooMany::Locked(span)) => return Err(span),
                    Err(TooMany::Underway) => finished.await,
                }
            }
        };
        let refused = match timeout(PATIENCE, turn).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(span)) => span,
            Err(_) => SECOND,
        };
        count_login("refused");
        tracing::warn!(retry_after = refused, "a log-in is refused after too many attempts");
        Err(Refused::too_many(refused, "too many wrong passwords, try again later"))
    }

    fn finish(&self, now: Timestamp, login: &str, address: Address, was_right: bool) {
        self.throttle().finish(now, login, address, was_right);
        self.finished.notify_waiters();
    }
}

/// An admitted attempt; whoever hangs up in the middle of it has guessed wrong.
struct Attempt<'a> {
    app: &'a App,
    login: &'a str,
    address: Address,
    was_right: bool,
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        self.app.door.finish(self.app.clock.now(), self.login, self.address, self.was_right);
    }
}

/// Log-in of a member of staff
#[utoipa::path(
    post, path = "/api/staff/login", tag = "session", request_body = Login,
    responses(
        (status = 200, body = LoginReply),
        (status = 401, description = "Wrong staff number or password", body = Refusal),
    ),
)]
pub(super) async fn login(
    State(app): State<Arc<App>>,
    Extension(client): Extension<Client>,
    Body(Login { login, password }): Body<Login>,
) -> Result<Json<LoginReply>, Refused> {
    let login = conversation::text("login", &login, MAX_LOGIN)?;
    // Not trimmed: spaces may be part of it.
    if password.is_empty() {
        return Err(InvalidField { field: "password", problem: Problem::Empty }.into());
    }
    conversation::at_most("password", &password, MAX_PASSWORD)?;
    let address = client.address.into();
    app.door.admit(&app.clock, login, address).await?;
    let mut attempt = Attempt { app: &app, login, address, was_right: false };

    let member = app.store.agent_by_login(login).await.map_err(|error| Refused::internal(&error))?;
    let known = member.as_ref().map(|member| member.id);
    let hash = member.as_ref().map(|member| member.password_hash.clone());
    let turn = app.door.hashing.acquire().await.map_err(|error| Refused::internal(&error))?;
    // Unknown staff costs as much time as a wrong password.
    let is_right = tokio::task::spawn_blocking(move || match hash {
        Some(hash) => is_password(&password, &hash),
        None => {
            drop(hash_password(&password));
            false
        }
    })
    .await
    .map_err(|error| Refused::internal(&error))?;
    drop(turn);
    let Some(member) = member.filter(|_| is_right) else {
        count_login("wrong");
        tracing::info!(agent = known.map(tracing::field::display), "a log-in with a wrong password");
        let error = WireError::new(ErrorCode::Unauthenticated, "wrong staff number or password");
        return Err(Refused::new(StatusCode::UNAUTHORIZED, error));
    };
    attempt.was_right = true;
    count_login("ok");
    tracing::info!(agent = %member.id, "logged in");
    let (token, expires_at) = app
        .auth
        .staff_token(member.id, &member.name, member.role, app.clock.now())
        .map_err(|error| Refused::internal(&error))?;
    let me = Identity::Staff { id: member.id, name: member.name, role: member.role };
    Ok(Json(LoginReply { token, expires_at, me }))
}

/// Who the demo portal says is there.
#[derive(Deserialize, ToSchema)]
pub(super) struct DemoCitizen {
    /// A demo citizen's code, e.g. `demo-citizen-1`.
    #[schema(min_length = 1, max_length = 64, example = "demo-citizen-1")]
    citizen: String,
}

/// What a portal would sign.
#[derive(Serialize, ToSchema)]
pub(super) struct DemoToken {
    /// For `hello`.
    token: String,
}

/// A demo citizen's token, under --demo only
#[utoipa::path(
    post, path = "/api/demo/token", tag = "session", request_body = DemoCitizen,
    responses((status = 200, body = DemoToken)),
)]
pub(super) async fn demo_token(
    State(app): State<Arc<App>>,
    Body(DemoCitizen { citizen }): Body<DemoCitizen>,
) -> Result<Json<DemoToken>, Refused> {
    conversation::at_most("citizen", &citizen, MAX_LOGIN)?;
    let (name, kind, phone) = demo_citizen(&citizen).ok_or_else(|| Refused::field("citizen", "not a demo citizen"))?;
    let until = app.clock.now() + 8 * HOUR;
    let token =
        app.auth.portal_token(&citizen, &name, kind, Some(phone), until).map_err(|error| Refused::internal(&error))?;
    Ok(Json(DemoToken { token }))
}
