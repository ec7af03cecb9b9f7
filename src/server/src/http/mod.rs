//! HTTP: the pages, the WebSocket's door, log-in, health.

mod admin;
mod answer_files;
mod audit;
mod bearer;
mod bot;
mod citizen;
mod client;
mod departments;
mod download;
mod edge;
mod figures;
mod guides;
mod input;
mod knowledge;
mod learning;
mod ledger;
mod limits;
mod login;
mod messages;
mod metrics;
mod openapi;
mod pages;
mod points;
mod privacy;
mod quality;
mod refused;
mod security;
mod serve;
mod speech;
mod staff;
mod staffing;
mod tasks;
mod upload;

use std::sync::Arc;

use axum::{
    Extension, Json, Router,
    extract::{DefaultBodyLimit, State, WebSocketUpgrade, ws::rejection::WebSocketUpgradeRejection},
    http::{HeaderMap, StatusCode},
    middleware::from_fn_with_state,
    response::{IntoResponse, Response},
};
use bangban_domain::time::{Millis, SECOND};
use bangban_protocol::{ErrorCode, FileLimits, VERSION, WireError};
pub use citizen::Gate;
pub use client::{Client, ForwardedHeader, Peer, Proxies};
pub use edge::hsts;
pub use limits::{AddressLimits, Class};
pub use login::Door;
pub use metrics::router as metrics_router;
use openapi::Refusal;
use refused::Refused;
pub use security::{ANY_ORIGIN, is_origin};
use serde::Serialize;
pub use serve::serve;
use utoipa::ToSchema;
use utoipa_axum::{
    router::{OpenApiRouter, UtoipaMethodRouter},
    routes,
};

use crate::{app::App, session, telemetry::count_limited};

/// Longest body of a request, in bytes.
const MAX_BODY: usize = 4096;

/// When an address that has too many WebSockets open may try again: people come and go within seconds.
const FULL: Millis = 10 * SECOND;

/// Every route there is, and its description; `openapi.rs` says how to add one.
fn routes(demo: bool) -> OpenApiRouter<Arc<App>> {
    let mut routes = OpenApiRouter::with_openapi(openapi::base())
        .routes(routes!(pages::landing))
        .routes(routes!(websocket))
        .routes(routes!(alive))
        .routes(routes!(ready))
        .routes(routes!(openapi::json))
        .routes(routes!(openapi::docs))
        .routes(routes!(config))
        .routes(routes!(citizen::anonymous))
        .routes(routes!(citizen::redeem))
        .routes(routes!(citizen::receipt))
        .routes(routes!(citizen::move_receipt))
        .routes(routes!(citizen::cancel_receipt))
        .routes(with_limit(routes!(speech::recognise), speech::MAX_SPEECH))
        .routes(routes!(staff::sign_in::login))
        .routes(routes!(staff::sign_in::options))
        .routes(routes!(staff::sign_in::code))
        .routes(routes!(staff::sign_in::new_password))
        .routes(routes!(staff::sign_in::enrol))
        .routes(routes!(staff::sign_in::enrol_confirm))
        .routes(routes!(staff::oidc::start))
        .routes(routes!(staff::oidc::callback))
        .routes(routes!(staff::session::renew))
        .routes(routes!(staff::session::end))
        .routes(routes!(staff::account::account))
        .routes(routes!(staff::account::password))
        .routes(routes!(staff::account::totp))
        .routes(routes!(staff::account::totp_confirm))
        .routes(routes!(staff::account::totp_off))
        .routes(routes!(staff::account::sessions))
        .routes(routes!(staff::account::end_session))
        .routes(routes!(staff::admin::list, staff::admin::add))
        .routes(routes!(staff::admin::one, staff::admin::change))
        .routes(routes!(staff::admin::password))
        .routes(routes!(staff::admin::reset_totp))
        .routes(routes!(staff::admin::unlock))
        .routes(routes!(staff::admin::sessions, staff::admin::end_sessions))
        .routes(routes!(staff::admin::end_session))
        .routes(routes!(admin::records::list))
        .routes(with_limit(
            routes!(admin::records::one, admin::records::put, admin::records::remove),
            admin::MAX_RECORD,
        ))
        .routes(routes!(admin::records::versions))
        .routes(with_limit(routes!(admin::items::import), admin::MAX_FILE))
        .routes(routes!(admin::items::export))
        .routes(routes!(admin::items::coverage))
        .routes(routes!(admin::alerts::list))
        .routes(routes!(admin::conversations::find))
        .routes(routes!(admin::conversations::read))
        .routes(routes!(admin::me::rights))
        .routes(routes!(admin::roster::week_of))
        .routes(routes!(departments::find))
        .routes(routes!(departments::week))
        .routes(routes!(departments::holes))
        .routes(routes!(departments::copy))
        .routes(with_limit(routes!(departments::import), admin::MAX_FILE))
        .routes(routes!(departments::export))
        .routes(routes!(upload::begin, upload::options))
        .routes(routes!(upload::progress, upload::append, upload::cancel))
        .routes(routes!(upload::finish))
        .routes(routes!(download::download))
        .routes(routes!(privacy::reveal))
        .routes(routes!(privacy::runs, privacy::run))
        .routes(routes!(privacy::find))
        .routes(routes!(privacy::export))
        .routes(routes!(privacy::erase))
        .routes(routes!(privacy::confirm_erasure))
        .routes(routes!(privacy::refuse_erasure))
        .routes(routes!(privacy::erasures))
        .routes(routes!(audit::lines))
        .routes(routes!(audit::export))
        .routes(routes!(audit::verify))
        .routes(routes!(figures::scope))
        .routes(routes!(figures::figures))
        .routes(routes!(figures::rows))
        .routes(routes!(figures::export::rows))
        .routes(routes!(figures::history))
        .routes(routes!(ledger::ledger))
        .routes(routes!(ledger::correct))
        .routes(routes!(figures::agents))
        .routes(routes!(figures::export::agents))
        .routes(routes!(figures::live))
        .routes(routes!(figures::calls::figures))
        .routes(routes!(figures::calls::rows))
        .routes(routes!(figures::calls::export))
        .routes(routes!(figures::legs::rows))
        .routes(routes!(figures::legs::export))
        .routes(routes!(staffing::history))
        .routes(routes!(staffing::run, staffing::begin, staffing::cancel))
        .routes(routes!(tasks::list))
        .routes(routes!(tasks::on_time))
        .routes(routes!(tasks::correction))
        .routes(routes!(tasks::one))
        .routes(routes!(tasks::step))
        .routes(routes!(tasks::reassign))
        .routes(with_limit(routes!(tasks::policies, tasks::register), tasks::MAX_POLICY))
        .routes(routes!(messages::list))
        .routes(routes!(messages::mine))
        .routes(routes!(messages::replay))
        .routes(routes!(messages::templates, messages::put_template))
        .routes(routes!(messages::channels, messages::want_channels))
        .routes(routes!(quality::list))
        .routes(routes!(quality::mine))
        .routes(with_limit(routes!(quality::one, quality::draft), quality::MAX_INSPECTION))
        .routes(with_limit(routes!(quality::submit), quality::MAX_INSPECTION))
        .routes(routes!(quality::thread))
        .routes(with_limit(routes!(quality::appeal), quality::MAX_INSPECTION))
        .routes(with_limit(routes!(quality::decide), quality::MAX_INSPECTION))
        .routes(routes!(quality::draw))
        .routes(routes!(quality::results))
        .routes(routes!(quality::export))
        .routes(with_limit(routes!(knowledge::list, knowledge::make), knowledge::MAX_ENTRY))
        .routes(routes!(knowledge::one))
        .routes(routes!(knowledge::changes))
        .routes(with_limit(routes!(knowledge::draft), knowledge::MAX_ENTRY))
        .routes(routes!(knowledge::step))
        .routes(with_limit(routes!(knowledge::relatives), knowledge::MAX_ENTRY))
        .routes(routes!(knowledge::counts))
        .routes(routes!(knowledge::written_back))
        .routes(with_limit(routes!(knowledge::import), knowledge::MAX_FILE))
        .routes(routes!(knowledge::export))
        .routes(routes!(answer_files::add))
        .routes(routes!(answer_files::show))
        .routes(routes!(points::list, points::make))
        .routes(routes!(points::change, points::remove))
        .routes(with_limit(routes!(points::import), knowledge::MAX_FILE))
        .routes(routes!(points::export))
        .routes(routes!(guides::list))
        .routes(routes!(guides::one))
        .routes(with_limit(routes!(guides::draft), guides::MAX_GUIDE))
        .routes(routes!(guides::step))
        .routes(with_limit(routes!(guides::preview), guides::MAX_GUIDE))
        .routes(routes!(bot::thresholds, bot::set_thresholds))
        .routes(routes!(bot::roll_back))
        .routes(routes!(bot::words, bot::put_word, bot::remove_word))
        .routes(with_limit(routes!(bot::import_words), bot::MAX_WORDS_FILE))
        .routes(routes!(bot::refit))
        .routes(routes!(bot::rude))
        .routes(routes!(bot::why, bot::try_question))
        .routes(with_limit(routes!(learning::clusters, learning::use_cluster), learning::MAX_ORDER))
        .routes(with_limit(routes!(learning::regression, learning::keep), learning::MAX_ORDER))
        .routes(routes!(learning::forget))
        .routes(routes!(learning::export))
        .routes(with_limit(routes!(learning::import), learning::MAX_FILE))
        .routes(routes!(learning::lowered));
    if demo {
        routes = routes.routes(routes!(login::demo_token));
    }
    routes
}

/// Routes whose bodies may be longer than others.
fn with_limit((schemas, paths, methods): UtoipaMethodRouter<Arc<App>>, bytes: usize) -> UtoipaMethodRouter<Arc<App>> {
    (schemas, paths, methods.layer(DefaultBodyLimit::max(bytes)))
}

/// The routes, the files of the web build, and what all answers have in common.
pub fn router(app: Arc<App>) -> Router {
    let (router, description) = routes(app.demo).split_for_parts();
    router
        .fallback(pages::file)
        .method_not_allowed_fallback(wrong_method)
        .layer(Extension(openapi::Written::new(description)))
        .layer(from_fn_with_state(Arc::clone(&app), edge::edge))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(app)
}

async fn wrong_method() -> Refused {
    Refused::new(StatusCode::METHOD_NOT_ALLOWED, WireError::new(ErrorCode::BadRequest, "not with this method"))
}

/// The WebSocket (docs/protocol.md)
#[utoipa::path(
    get, path = "/ws", tag = "session",
    responses(
        (status = 101, description = "Open; the first frame is `hello`"),
        (status = 403, description = "Pages of this origin may not connect", body = Refusal),
        (status = 426, description = "Not an opening of a WebSocket", body = Refusal),
    ),
)]
async fn websocket(
    State(app): State<Arc<App>>,
    Extension(client): Extension<Client>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let Ok(upgrade) = upgrade else {
        let error = WireError::new(ErrorCode::BadRequest, "only a WebSocket can be opened here");
        return Refused::new(StatusCode::UPGRADE_REQUIRED, error).into_response();
    };
    if let Err(refused) = security::check_origin(&headers, &app.portal_origins) {
        return refused.into_response();
    }
    if app.stopping.is_cancelled() {
        return stopping().into_response();
    }
    let Some(open) = app.address_limits.open(client.address.into()) else {
        count_limited("open", Class::Sockets);
        return Refused::too_many(FULL, "too many open WebSockets of one address").into_response();
    };
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
            running.track_future(async move {
                session::serve(app, socket).await;
                drop(open);
            })
        })
}

fn stopping() -> Refused {
    Refused::new(StatusCode::SERVICE_UNAVAILABLE, WireError::new(ErrorCode::Busy, "the server stops"))
}

fn not_ready(why: &'static str) -> Response {
    Refused::new(StatusCode::SERVICE_UNAVAILABLE, WireError::new(ErrorCode::Busy, why)).into_response()
}

/// Does the process run?
#[utoipa::path(
    get, path = "/healthz", tag = "server",
    responses((status = 200, description = "It runs", body = String, content_type = "text/plain")),
)]
async fn alive() -> &'static str {
    "ok"
}

/// Can it do its work?
#[utoipa::path(
    get, path = "/readyz", tag = "server",
    responses(
        (
            status = 200, description = "The database answers and the bus carries",
            body = String, content_type = "text/plain",
        ),
        (status = 503, description = "Not now, and why", body = Refusal),
    ),
)]
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

/// What pages have to know before anybody has logged in.
#[derive(Serialize, ToSchema)]
struct PublicConfig {
    /// What the service is called.
    name: &'static str,
    /// Is this the demo?
    demo: bool,
    /// Of the server.
    version: &'static str,
    /// Of the WebSocket.
    protocol: u32,
    /// What may be uploaded.
    files: FileLimits,
    /// May people ask who are not logged in at the portal?
    anonymous: bool,
    /// Is there something that recognises speech?
    speech: bool,
    /// How a kiosk forgets who has gone.
    kiosk: KioskConfig,
}

/// How a kiosk forgets who has gone.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct KioskConfig {
    /// Without a touch for so long it asks.
    idle_seconds: u32,
    /// And waits for so long.
    answer_seconds: u32,
}

/// What pages have to know beforehand
#[utoipa::path(get, path = "/api/config", tag = "server", responses((status = 200, body = PublicConfig)))]
async fn config(State(app): State<Arc<App>>) -> Json<PublicConfig> {
    let version = env!("CARGO_PKG_VERSION");
    Json(PublicConfig {
        name: "在线帮办",
        demo: app.demo,
        version,
        protocol: VERSION,
        files: app.files.limits().clone(),
        anonymous: app.citizens.anonymous,
        speech: app.recogniser.is_some(),
        kiosk: KioskConfig { idle_seconds: app.kiosk.0, answer_seconds: app.kiosk.1 },
    })
}
