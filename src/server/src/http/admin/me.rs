//! What one may do, so that pages need not show what the server would refuse.

use std::sync::Arc;

use axum::{Json, extract::State};
use bangban_domain::{
    rights::{Action, Grant},
    words::Role,
};
use bangban_protocol::{RightView, RightsView};

use crate::{
    app::App,
    http::{refused::Refused, upload::Bearer},
};

fn right(grant: Grant) -> RightView {
    let allows = |role: Role| Action::ALL.iter().copied().filter(|action| role.allows(*action)).collect();
    RightView { actions: allows(grant.role), unit: grant.unit, items: grant.items }
}

/// `GET /api/admin/me`
pub(super) async fn rights(State(app): State<Arc<App>>, bearer: Bearer) -> Result<Json<RightsView>, Refused> {
    let staff = bearer.staff()?;
    let grants = app.grants_of(&staff);
    Ok(Json(RightsView { rights: grants.into_iter().map(right).collect(), now: app.clock.now() }))
}
