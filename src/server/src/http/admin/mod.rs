//! Administration: who may see and change what is administered. Every change is one unit: the record and a line of the audit
//! log with what was there before.

mod items;
mod me;
mod records;
mod roster;

use std::sync::Arc;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    routing::{get, post},
};

use crate::app::App;

/// Longest record, in bytes: an item with all its aliases.
const MAX_RECORD: usize = 256 * 1024;

/// Longest file of items: more than 100 000 of them.
const MAX_FILE: usize = 64 * 1024 * 1024;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/api/admin/records/{kind}", get(records::list))
        .route(
            "/api/admin/records/{kind}/{id}",
            get(records::one).put(records::put).delete(records::remove).layer(DefaultBodyLimit::max(MAX_RECORD)),
        )
        .route("/api/admin/records/{kind}/{id}/versions", get(records::versions))
        .route("/api/admin/items/import", post(items::import).layer(DefaultBodyLimit::max(MAX_FILE)))
        .route("/api/admin/items/export", get(items::export))
        .route("/api/admin/coverage", get(items::coverage))
        .route("/api/admin/me", get(me::rights))
        .route("/api/admin/roster", get(roster::week_of))
}
