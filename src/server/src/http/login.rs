//! What stands between the network and the passwords of staff; tokens of demo citizens.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{Json, extract::State};
use bangban_domain::{
    Timestamp, conversation,
    time::{HOUR, SECOND},
};
use serde::{Deserialize, Serialize};
use tokio::{
    sync::{Notify, Semaphore},
    time::timeout,
};
use utoipa::ToSchema;

use super::{input::Body, refused::Refused};
use crate::{
    app::{App, demo_citizen},
    auth::{hash_password, is_password},
    clock::Clock,
    telemetry::count_login,
    throttle::{Address, LoginPolicy, LoginThrottle, TooMany},
};

/// Longest code of a demo citizen, in characters.
const MAX_LOGIN: usize = 64;

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

    /// The end of a staff number's lock, if it is locked.
    pub(crate) fn locked_until(&self, login: &str, now: Timestamp) -> Option<Timestamp> {
        self.throttle().locked_until(login, now)
    }

    /// A lock of before the start.
    pub(crate) fn lock(&self, login: &str, until: Timestamp) {
        self.throttle().lock(login, until);
    }

    /// Forgets all wrong attempts at a staff number.
    pub(crate) fn lift(&self, login: &str) {
        self.throttle().lift(login);
        self.finished.notify_waiters();
    }

    /// A place among those who hash: as many at once as there are processors.
    pub(super) async fn turn_to_hash(&self) -> Result<tokio::sync::SemaphorePermit<'_>, Refused> {
        self.hashing.acquire().await.map_err(|error| Refused::internal(&error))
    }
}

/// How an attempt ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// Also if whoever made it hangs up in the middle.
    Wrong,
    /// Right, and more has to be shown.
    Halfway,
    Right,
}

/// An admitted attempt.
pub(super) struct Attempt {
    app: Arc<App>,
    login: String,
    address: Address,
    outcome: Outcome,
}

impl Attempt {
    /// Waits for its turn.
    pub(super) async fn begin(app: &Arc<App>, login: &str, address: Address) -> Result<Self, Refused> {
        app.door.admit(&app.clock, login, address).await?;
        Ok(Self { app: Arc::clone(app), login: login.to_owned(), address, outcome: Outcome::Wrong })
    }

    /// Everything was right.
    pub(super) fn was_right(mut self) {
        self.outcome = Outcome::Right;
    }

    /// This step was right, or it was our fault.
    pub(super) fn was_halfway(mut self) {
        self.outcome = Outcome::Halfway;
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        let door = &self.app.door;
        let now = self.app.clock.now();
        let locked = match self.outcome {
            Outcome::Halfway => {
                door.throttle().halfway(&self.login, self.address);
                None
            }
            Outcome::Right => door.throttle().finish(now, &self.login, self.address, true),
            Outcome::Wrong => door.throttle().finish(now, &self.login, self.address, false),
        };
        door.finished.notify_waiters();
        if let Some(until) = locked {
            let (app, login) = (Arc::clone(&self.app), std::mem::take(&mut self.login));
            // Kept, so that neither a restart nor another node forgets it.
            tokio::spawn(async move { app.have_locked(&login, until).await });
        }
    }
}

/// Is it the password of this hash? Without a hash it costs as much time and is wrong.
pub(super) async fn is_right(app: &App, password: String, hash: Option<String>) -> Result<bool, Refused> {
    let turn = app.door.turn_to_hash().await?;
    let checked = tokio::task::spawn_blocking(move || match hash {
        Some(hash) => is_password(&password, &hash),
        None => {
            drop(hash_password(&password));
            false
        }
    });
    let is_right = checked.await.map_err(|error| Refused::internal(&error))?;
    drop(turn);
    Ok(is_right)
}

/// The hash of a password that was found good enough.
pub(super) async fn hashed(app: &App, password: String) -> Result<String, Refused> {
    let turn = app.door.turn_to_hash().await?;
    let hashed = tokio::task::spawn_blocking(move || hash_password(&password));
    let hash = hashed.await.map_err(|error| Refused::internal(&error))??;
    drop(turn);
    Ok(hash)
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
    let known = demo_citizen(&citizen).ok_or_else(|| Refused::field("citizen", "not a demo citizen"))?;
    let until = app.clock.now() + 8 * HOUR;
    let token = app.auth.portal_token(&citizen, &known.name, known.kind, Some(known.phone), known.credit_code, until);
    let token = token.map_err(|error| Refused::internal(&error))?;
    Ok(Json(DemoToken { token }))
}
