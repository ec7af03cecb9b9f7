//! What happens to every request before its route is looked for, and to every answer: who asks (routes find the `Client`
//! as an `Extension`), whether they may ask that often, and the headers that all answers carry.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderValue, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use super::{client::Peer, limits::Class, refused::Refused, security};
use crate::{app::App, telemetry::count_limited};

/// See the module.
pub(super) async fn edge(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let Some(peer) = request.extensions().get::<Peer>().copied() else {
        return Refused::internal(&"a request without a connection").into_response();
    };
    let client = app.proxies.client(peer, request.headers());
    request.extensions_mut().insert(client);
    let class = Class::of(request.uri().path());
    let response = match app.address_limits.take(app.clock.now(), client.address.into(), class) {
        Ok(()) => next.run(request).await,
        Err(wait) => {
            count_limited("address", class);
            Refused::too_many(wait, "too many requests from one address, wait").into_response()
        }
    };
    let mut response = security::add_headers(response).await;
    if let Some(promise) = app.hsts.as_ref().filter(|_| client.is_secure) {
        response.headers_mut().entry(header::STRICT_TRANSPORT_SECURITY).or_insert(promise.clone());
    }
    response
}

/// `http.hsts_seconds`: how long browsers shall come by TLS only. `None`: no promise.
#[must_use]
pub fn hsts(seconds: u32) -> Option<HeaderValue> {
    (seconds > 0).then(|| HeaderValue::try_from(format!("max-age={seconds}")).ok()).flatten()
}
