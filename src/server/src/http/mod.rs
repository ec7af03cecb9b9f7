//! HTTP: the pages, the WebSocket's door, log-in, health.

mod pages;
mod security;

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, State, WebSocketUpgrade},
    http::{HeaderMap, StatusCode},
    middleware::map_response,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use bangban_domain::time::HOUR;
use bangban_protocol::{ErrorCode, Identity, Login, LoginReply, MAX_FRAME, VERSION, WireError};
pub use security::{ANY_ORIGIN, is_origin};
use serde::{Deserialize, Serialize};
use tower_http::compression::CompressionLayer;

use crate::{
    app::{App, demo_citizen},
    auth::{hash_password, is_password},
    session,
};

/// All routes.
pub fn router(app: Arc<App>) -> Router {
    let mut router = Router::new()
        .route("/", get(pages::landing))
        .route("/healthz", get(|| async { "ok" }))
        .route("/readyz", get(ready))
        .route("/api/config", get(config))
        .route("/api/staff/login", post(login));
    if app.demo {
        router = router.route("/api/demo/token", post(demo_token));
    }
    router
        .fallback(pages::file)
        .method_not_allowed_fallback(wrong_method)
        .layer(CompressionLayer::new())
        // Not compressed: the socket's own frames are no body.
        .route("/ws", get(websocket))
        .layer(map_response(security::add_headers))
        .layer(DefaultBodyLimit::max(4096))
        .with_state(app)
}

/// A refusal over HTTP: `{"error": {...}}`.
struct Refused(StatusCode, WireError);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.0, Json(serde_json::json!({ "error": self.1 }))).into_response()
    }
}

fn internal(error: &impl std::fmt::Display) -> Refused {
    tracing::error!(%error, "a request failed");
    Refused(StatusCode::INTERNAL_SERVER_ERROR, WireError::new(ErrorCode::Internal, "the server could not do it"))
}

async fn wrong_method() -> Refused {
    Refused(StatusCode::METHOD_NOT_ALLOWED, WireError::new(ErrorCode::BadRequest, "not with this method"))
}

async fn websocket(State(app): State<Arc<App>>, headers: HeaderMap, upgrade: WebSocketUpgrade) -> Response {
    if !security::may_connect(&headers, &app.portal_origins) {
        let error = WireError {
            field: Some("Origin".to_owned()),
            ..WireError::new(ErrorCode::Forbidden, "pages of this origin may not connect (http.portal_origins)")
        };
        return Refused(StatusCode::FORBIDDEN, error).into_response();
    }
    // Small buffers: tens of thousands of sockets are idle most of the time.
    upgrade
        .read_buffer_size(4096)
        .write_buffer_size(0)
        .max_write_buffer_size(16 * MAX_FRAME)
        .max_message_size(MAX_FRAME)
        .max_frame_size(MAX_FRAME)
        .on_upgrade(move |socket| session::serve(app, socket))
}

async fn ready(State(app): State<Arc<App>>) -> Response {
    match app.store.ping().await {
        Ok(()) => "ready".into_response(),
        Err(error) => {
            tracing::error!(%error, "not ready");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}

#[derive(Serialize)]
struct PublicConfig {
    name: &'static str,
    demo: bool,
    version: &'static str,
    protocol: u32,
}

async fn config(State(app): State<Arc<App>>) -> Json<PublicConfig> {
    let version = env!("CARGO_PKG_VERSION");
    Json(PublicConfig { name: "在线帮办", demo: app.demo, version, protocol: VERSION })
}

async fn login(State(app): State<Arc<App>>, Json(login): Json<Login>) -> Result<Json<LoginReply>, Refused> {
    let member = app.store.agent_by_login(&login.login).await.map_err(|error| internal(&error))?;
    let hash = member.as_ref().map(|member| member.password_hash.clone());
    // Unknown staff costs as much time as a wrong password.
    let is_right = tokio::task::spawn_blocking(move || match hash {
        Some(hash) => is_password(&login.password, &hash),
        None => {
            drop(hash_password(&login.password));
            false
        }
    })
    .await
    .map_err(|error| internal(&error))?;
    let Some(member) = member.filter(|_| is_right) else {
        let error = WireError::new(ErrorCode::Unauthenticated, "wrong staff number or password");
        return Err(Refused(StatusCode::UNAUTHORIZED, error));
    };
    let (token, expires_at) = app
        .auth
        .staff_token(member.id, &member.name, member.role, app.clock.now())
        .map_err(|error| internal(&error))?;
    let me = Identity::Staff { id: member.id, name: member.name, role: member.role };
    Ok(Json(LoginReply { token, expires_at, me }))
}

#[derive(Deserialize)]
struct DemoToken {
    citizen: String,
}

async fn demo_token(
    State(app): State<Arc<App>>,
    Json(asked): Json<DemoToken>,
) -> Result<Json<serde_json::Value>, Refused> {
    let Some((name, kind, phone)) = demo_citizen(&asked.citizen) else {
        return Err(Refused(StatusCode::BAD_REQUEST, WireError::field("citizen", "not a demo citizen")));
    };
    let until = app.clock.now() + 8 * HOUR;
    let token =
        app.auth.portal_token(&asked.citizen, name, kind, Some(phone), until).map_err(|error| internal(&error))?;
    Ok(Json(serde_json::json!({ "token": token })))
}
