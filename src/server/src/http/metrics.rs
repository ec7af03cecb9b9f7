//! `/metrics`, on an address of its own: it tells how busy the service is, which is nobody's business outside.

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    http::header,
    middleware::map_response,
    response::{IntoResponse as _, Response},
    routing::get,
};
use metrics::{counter, gauge};
use metrics_exporter_prometheus::PrometheusHandle;

use super::security;
use crate::app::App;

/// The one route.
pub fn router(app: Arc<App>, handle: PrometheusHandle) -> Router {
    Router::new().route("/metrics", get(render)).layer(map_response(security::add_headers)).with_state((app, handle))
}

/// Of what calls count, what is there now; the rest only rises.
const CALLS_NOW: [&str; 10] = [
    "legs",
    "browsers",
    "conferences",
    "ports_in_use",
    "mixing_threads",
    "realtime_threads",
    "telephone_calls",
    "telephone_dialogs",
    "telephones",
    "trunks_up",
];

async fn render(State((app, handle)): State<(Arc<App>, PrometheusHandle)>) -> Response {
    let (orders, units) = app.backlog();
    #[expect(clippy::cast_precision_loss, reason = "queues are far shorter than 2^52")]
    for (name, length) in [("bangban_desk_mailbox", orders), ("bangban_writer_queue", units)] {
        gauge!(name).set(length as f64);
    }
    for (name, count) in app.windows.counted() {
        if matches!(name, "windows" | "peers") {
            #[expect(clippy::cast_precision_loss, reason = "there are thousands at most")]
            gauge!("bangban_media", "what" => name).set(count as f64);
        } else {
            counter!("bangban_media_total", "what" => name).absolute(count);
        }
    }
    for (name, count) in app.calls.counted() {
        if CALLS_NOW.contains(&name) {
            #[expect(clippy::cast_precision_loss, reason = "there are thousands at most")]
            gauge!("bangban_calls", "what" => name).set(count as f64);
        } else {
            counter!("bangban_calls_total", "what" => name).absolute(count);
        }
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], handle.render()).into_response()
}
