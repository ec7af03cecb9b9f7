//! HTTP: the pages, the WebSocket's door, log-in, health.

mod admin;
mod download;
mod login;
mod metrics;
mod pages;
mod refused;
mod security;
mod upload;

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, State, WebSocketUpgrade, ws::rejection::WebSocketUpgradeRejection},
    http::{HeaderMap, StatusCode},
    middleware::map_response,
    response::{IntoResponse, Response},
    routing::{get, head, post},
};
use bangban_protocol::{ErrorCode, FileLimits, VERSION, WireError};
pub use login::Door;
pub use metrics::router as metrics_router;
use refused::Refused;
pub use security::{ANY_ORIGIN, is_origin};
use serde::Serialize;

use crate::{app::App, session};

/// Longest body of a request, in bytes.
const MAX_BODY: usize = 4096;

/// All routes.
pub fn router(app: Arc<App>) -> Router {
    let mut router = Router::new()
        .route("/", get(pages::landing))
        .route("/ws", get(websocket))
        .route("/healthz", get(|| async { "ok" }))
        .route("/readyz", get(ready))
        .route("/api/config", get(config))
        .route("/api/staff/login", post(login::login))
        .route("/api/files", post(upload::begin).options(upload::options))
        .route("/api/files/{id}", head(upload::progress).patch(upload::append).delete(upload::cancel))
        .route("/api/files/{id}/finish", post(upload::finish))
        .route("/files/{id}/{variant}", get(download::download))
        .merge(admin::routes());
    if app.demo {
        router = router.route("/api/demo/token", post(login::demo_token));
    }
    router
        .fallback(pages::file)
        .method_not_allowed_fallback(wrong_method)
        .layer(map_response(security::add_headers))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(app)
}

async fn wrong_method() -> Refused {
    Refused::new(StatusCode::METHOD_NOT_ALLOWED, WireError::new(ErrorCode::BadRequest, "not with this method"))
}

async fn websocket(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let Ok(upgrade) = upgrade else {
        let error = WireError::new(ErrorCode::BadRequest, "only a WebSocket can be opened here");
        return Refused::new(StatusCode::UPGRADE_REQUIRED, error).into_response();
    };
    if !security::may_connect(&headers, &app.portal_origins) {
        let error = WireError {
            field: Some("Origin".to_owned()),
            ..WireError::new(ErrorCode::Forbidden, "pages of this origin may not connect (http.portal_origins)")
        };
        return Refused::new(StatusCode::FORBIDDEN, error).into_response();
    }
    if app.stopping.is_cancelled() {
        return stopping().into_response();
    }
    // Small buffers: tens of thousands of sockets are idle most of the time, and a frame has a few hundred bytes. Frames
    // are written when they are flushed, or when 16 KiB have gathered. No upper limit: the session feeds the next frame
    // when the one before is written, and a snapshot of long texts is one frame of more than a megabyte.
    upgrade
        .read_buffer_size(2048)
        .write_buffer_size(16 * 1024)
        .max_message_size(session::ABSURD_FRAME)
        .max_frame_size(session::ABSURD_FRAME)
        .on_upgrade(move |socket| {
            let running = app.sessions.clone();
            running.track_future(session::serve(app, socket))
        })
}

fn stopping() -> Refused {
    Refused::new(StatusCode::SERVICE_UNAVAILABLE, WireError::new(ErrorCode::Busy, "the server stops"))
}

fn not_ready(why: &'static str) -> Response {
    Refused::new(StatusCode::SERVICE_UNAVAILABLE, WireError::new(ErrorCode::Busy, why)).into_response()
}

async fn ready(State(app): State<Arc<App>>) -> Response {
    if app.stopping.is_cancelled() {
        return stopping().into_response();
    }
    if !app.hears_others() {
        return not_ready("the bus carries nothing (bus.url)");
    }
    match app.store.ping().await {
        Ok(()) => "ready".into_response(),
        Err(error) => {
            tracing::error!(%error, "not ready");
            not_ready("the database does not answer (data.url)")
        }
    }
}

#[derive(Serialize)]
struct PublicConfig {
    name: &'static str,
    demo: bool,
    version: &'static str,
    protocol: u32,
    files: FileLimits,
}

async fn config(State(app): State<Arc<App>>) -> Json<PublicConfig> {
    let version = env!("CARGO_PKG_VERSION");
    Json(PublicConfig {
        name: "在线帮办",
        demo: app.demo,
        version,
        protocol: VERSION,
        files: app.files.limits().clone(),
    })
}
