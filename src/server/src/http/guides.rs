//! Guided dialogues as they are kept (docs/guide.md). Who may do what is asked by `App`.

use std::sync::Arc;

use axum::{Json, extract::State};
use bangban_protocol::{GuideDraft, GuideList, GuideStepOrder, GuideTried, GuideTry, GuideView};

use super::{
    input::{Body, Named},
    knowledge::EntryId,
    openapi::Refusal,
    refused::Refused,
    staff::ByStaff,
};
use crate::app::App;

/// Longest guide: 12 questions and 60 situations with their documents.
pub(super) const MAX_GUIDE: usize = 512 * 1024;

/// The guides of one's units, by item
#[utoipa::path(
    get, path = "/api/knowledge/guides", operation_id = "list_guides", tag = "knowledge", security(("staff" = [])),
    responses((status = 200, body = GuideList)),
)]
pub(super) async fn list(State(app): State<Arc<App>>, who: ByStaff) -> Result<Json<GuideList>, Refused> {
    Ok(Json(app.guide_list(&who.staff).await?))
}

/// An item's guide with its revisions; version 0: it has none yet
#[utoipa::path(
    get, path = "/api/knowledge/guides/{item}", operation_id = "read_guide", tag = "knowledge", security(("staff" = [])),
    params(("item" = String, Path, description = "Code of the item")),
    responses((status = 200, body = GuideView), (status = 404, description = "None that you may see", body = Refusal)),
)]
pub(super) async fn one(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Named(EntryId(item)): Named<EntryId>,
) -> Result<Json<GuideView>, Refused> {
    Ok(Json(app.guide_view(&who.staff, &item).await?))
}

/// Writes in the open draft, or begins the next revision, or the guide
#[utoipa::path(
    put, path = "/api/knowledge/guides/{item}/draft", operation_id = "save_guide", tag = "knowledge", security(("staff" = [])),
    request_body = GuideDraft, params(("item" = String, Path, description = "Code of the item")),
    responses(
        (status = 200, body = GuideView),
        (status = 404, description = "None that you may see", body = Refusal),
        (status = 409, description = "It waits for its review, or somebody else was faster", body = Refusal),
    ),
)]
pub(super) async fn draft(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Named(EntryId(item)): Named<EntryId>,
    Body(put): Body<GuideDraft>,
) -> Result<Json<GuideView>, Refused> {
    Ok(Json(app.save_guide(&who.keeper(), &item, put).await?))
}

/// Takes a step: submits, sends back, publishes, restores, retires
#[utoipa::path(
    post, path = "/api/knowledge/guides/{item}/steps", operation_id = "step_guide", tag = "knowledge", security(("staff" = [])),
    request_body = GuideStepOrder, params(("item" = String, Path, description = "Code of the item")),
    responses(
        (status = 200, body = GuideView),
        (status = 404, description = "None that you may see", body = Refusal),
        (status = 409, description = "The guide stands elsewhere, or somebody else was faster", body = Refusal),
    ),
)]
pub(super) async fn step(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Named(EntryId(item)): Named<EntryId>,
    Body(order): Body<GuideStepOrder>,
) -> Result<Json<GuideView>, Refused> {
    Ok(Json(app.guide_step_of(&who.keeper(), &item, order).await?))
}

/// A walk through what somebody writes, as a citizen would see it
#[utoipa::path(
    post, path = "/api/knowledge/guides/{item}/preview", operation_id = "try_guide", tag = "knowledge", security(("staff" = [])),
    request_body = GuideTry, params(("item" = String, Path, description = "Code of the item")),
    responses((status = 200, body = GuideTried), (status = 404, description = "None that you may see", body = Refusal)),
)]
pub(super) async fn preview(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Named(EntryId(item)): Named<EntryId>,
    Body(wanted): Body<GuideTry>,
) -> Result<Json<GuideTried>, Refused> {
    Ok(Json(app.try_guide(&who.staff, &item, wanted).await?))
}
