//! What one may do, so that pages need not show what the server would refuse.

use std::sync::Arc;

use axum::{Json, extract::State};
use bangban_domain::{
    rights::{Action, Grant},
    words::Role,
};
use bangban_protocol::{RightView, RightsView};

use crate::{app::App, http::staff::ByStaff};

fn right(grant: &Grant) -> RightView {
    let allows = |role: Role| Action::ALL.iter().copied().filter(|action| role.allows(*action)).collect();
    RightView { actions: allows(grant.role), unit: grant.unit.clone(), items: grant.items.clone() }
}

/// What one may do, grant by grant, as the account stands now
#[utoipa::path(
    get, path = "/api/admin/me", tag = "admin", security(("staff" = [])),
    responses((status = 200, body = RightsView)),
)]
pub(in crate::http) async fn rights(State(app): State<Arc<App>>, who: ByStaff) -> Json<RightsView> {
    let account = app.accounts.get(who.staff.id);
    let rights = account.map(|account| account.grants.iter().map(right).collect()).unwrap_or_default();
    Json(RightsView { rights, now: app.clock.now() })
}
