//! The ledger of one conversation, and its corrections (docs/sla.md).

use std::sync::Arc;

use axum::{Json, extract::State};
use bangban_domain::ConversationId;
use bangban_protocol::{Correct, LedgerView};

use super::{
    input::{Body, Named},
    openapi::Refusal,
    refused::Refused,
    staff::ByStaff,
};
use crate::app::App;

/// What was promised in a conversation, and the arithmetic of each row
#[utoipa::path(
    get, path = "/api/ledger/{id}", operation_id = "ledger", tag = "figures", security(("staff" = [])),
    params(("id" = String, Path, description = "Id of the conversation")),
    responses(
        (status = 200, body = LedgerView),
        (status = 404, description = "No such conversation, or none that you may see", body = Refusal),
    ),
)]
pub(super) async fn ledger(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Named(id): Named<ConversationId>,
) -> Result<Json<LedgerView>, Refused> {
    Ok(Json(app.ledger(&who.staff, id).await?))
}

/// Corrects a row; what was measured stays beside it
#[utoipa::path(
    post, path = "/api/ledger/{id}/corrections", operation_id = "ledger_correct", tag = "figures",
    security(("staff" = [])), params(("id" = String, Path, description = "Id of the conversation")),
    request_body = Correct,
    responses(
        (status = 200, body = LedgerView),
        (status = 404, description = "No such conversation or row, or none that you may see", body = Refusal),
        (status = 409, description = "It still runs: there is nothing to correct yet", body = Refusal),
    ),
)]
pub(super) async fn correct(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Named(id): Named<ConversationId>,
    Body(wanted): Body<Correct>,
) -> Result<Json<LedgerView>, Refused> {
    Ok(Json(app.correct(&who.staff, id, &wanted).await?))
}
