//! Log-in of staff, and tokens of demo citizens.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    Json,
    extract::{ConnectInfo, State},
    http::{HeaderMap, StatusCode},
};
use bangban_domain::{
    Timestamp, conversation,
    time::{HOUR, SECOND},
};
use bangban_protocol::{ErrorCode, Identity, LoginReply, WireError};
use tokio::{
    sync::{Notify, Semaphore},
    time::timeout,
};

use super::refused::{Fields, Refused};
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
    trust_forwarded: bool,
}

impl Door {
    /// `trust_forwarded`: see `http.trust_forwarded`.
    #[must_use]
    pub fn new(policy: LoginPolicy, trust_forwarded: bool) -> Self {
        let processors = std::thread::available_parallelism().map_or(2, usize::from);
        let throttle = Mutex::new(LoginThrottle::new(policy));
        Self { throttle, finished: Notify::new(), hashing: Semaphore::new(processors), trust_forwarded }
    }

    /// See `http.trust_forwarded`.
    pub(super) const fn trusts_forwarded(&self) -> bool {
        self.trust_forwarded
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

/// Who asks: the other end of the connection or, behind a proxy that we trust, whom it names. Of several, only the last
/// was written by that proxy.
pub(super) fn address(peer: SocketAddr, headers: &HeaderMap, trust_forwarded: bool) -> IpAddr {
    let forwarded = || {
        let last = headers.get_all("x-forwarded-for").iter().next_back()?.to_str().ok()?;
        let text = last.rsplit(',').next()?.trim();
        text.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
    };
    if trust_forwarded { forwarded().unwrap_or(peer.ip()) } else { peer.ip() }
}

/// `POST /api/staff/login`
pub(super) async fn login(
    State(app): State<Arc<App>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: Fields,
) -> Result<Json<LoginReply>, Refused> {
    let login = conversation::text("login", body.text("login", MAX_LOGIN)?, MAX_LOGIN)?;
    let password = body.text("password", MAX_PASSWORD)?.to_owned();
    let address = address(peer, &headers, app.door.trust_forwarded).into();
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

/// `POST /api/demo/token`, under --demo only.
pub(super) async fn demo_token(State(app): State<Arc<App>>, body: Fields) -> Result<Json<serde_json::Value>, Refused> {
    let code = body.text("citizen", MAX_LOGIN)?;
    let (name, kind, phone) = demo_citizen(code).ok_or_else(|| Refused::field("citizen", "not a demo citizen"))?;
    let until = app.clock.now() + 8 * HOUR;
    let token =
        app.auth.portal_token(code, &name, kind, Some(phone), until).map_err(|error| Refused::internal(&error))?;
    Ok(Json(serde_json::json!({ "token": token })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forwarded_address_counts_only_from_a_trusted_proxy_and_only_the_one_that_it_wrote() {
        let peer: SocketAddr = "192.0.2.1:9999".parse().unwrap();
        for (trusted, sent, expected) in [
            (false, vec!["198.51.100.7"], "192.0.2.1"),
            (true, vec![], "192.0.2.1"),
            (true, vec!["198.51.100.7"], "198.51.100.7"),
            // The first was sent by the client itself.
            (true, vec!["10.9.9.9, 198.51.100.7"], "198.51.100.7"),
            (true, vec!["10.9.9.9", "198.51.100.7"], "198.51.100.7"),
            (true, vec!["198.51.100.7:4711"], "198.51.100.7"),
            (true, vec!["2001:db8::5"], "2001:db8::5"),
            (true, vec!["unknown"], "192.0.2.1"),
        ] {
            let mut headers = HeaderMap::new();
            for value in &sent {
                headers.append("x-forwarded-for", value.parse().unwrap());
            }
            assert_eq!(address(peer, &headers, trusted), expected.parse::<IpAddr>().unwrap(), "{trusted} {sent:?}");
        }
    }
}
