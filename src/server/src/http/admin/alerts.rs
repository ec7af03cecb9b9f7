//! Alerts of a time: what there was, who acted, how fast.

use std::sync::Arc;

use axum::{Json, extract::State};
use bangban_domain::{AgentId, AlertId, Timestamp, alert::AlertKind, time::DAY};
use bangban_protocol::PastAlerts;
use bangban_store::AlertFilter;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    app::App,
    http::{input::Params, openapi::Refusal, refused::Refused, staff::ByStaff},
};

/// Which alerts.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::http) struct WantedAlerts {
    /// Raised at or after, in milliseconds since 1970; if nothing is said, 7 days before `to`.
    from: Option<i64>,
    /// Raised before; if nothing is said, now.
    to: Option<i64>,
    /// Code of a unit, with those below it; if nothing is said, all that one watches.
    #[serde(default)]
    #[param(max_length = 64)]
    unit: String,
    /// About what.
    kind: Option<AlertKind>,
    /// Who took note of them.
    #[param(value_type = Option<String>)]
    by: Option<AgentId>,
    /// Only those that nobody took note of.
    #[serde(default)]
    unseen: bool,
    /// Those that come after this one.
    #[param(value_type = Option<String>)]
    before: Option<AlertId>,
}

/// Alerts of the units that one watches, the newest first
#[utoipa::path(
    get, path = "/api/admin/alerts", operation_id = "past_alerts", tag = "admin",
    security(("staff" = [])), params(WantedAlerts),
    responses(
        (status = 200, body = PastAlerts),
        (status = 404, description = "`before` is none", body = Refusal),
    ),
)]
pub(in crate::http) async fn list(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Params(wanted): Params<WantedAlerts>,
) -> Result<Json<PastAlerts>, Refused> {
    let WantedAlerts { from, to, unit, kind, by, unseen, before } = wanted;
    if unit.len() > 64 || unit.contains('\0') {
        return Err(Refused::field("unit", "must be a code"));
    }
    let to = to.map_or_else(|| app.clock.now() + 1, Timestamp);
    let from = from.map_or(Timestamp(to.0.saturating_sub(7 * DAY)), Timestamp);
    if from >= to {
        return Err(Refused::field("from", "must be before to"));
    }
    let filter = AlertFilter { from, to, before: None, kind, by, unseen, units: None };
    Ok(Json(app.past_alerts(&who.staff, filter, &unit, before).await?))
}
