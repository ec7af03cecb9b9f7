//! Review points of items (docs/knowledge.md).

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use bangban_protocol::{PointList, PointPut, PointView};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    input::{Body, Named, Params, RowNo},
    knowledge::EntryId,
    openapi::Refusal,
    refused::Refused,
    staff::ByStaff,
};
use crate::app::App;

/// Of which item.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct OfItem {
    /// Code of the item.
    #[param(max_length = 64)]
    item: String,
}

/// An item's review points, in their order
#[utoipa::path(
    get, path = "/api/knowledge/points", operation_id = "list_points", tag = "knowledge", security(("staff" = [])), params(OfItem),
    responses((status = 200, body = PointList)),
)]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Params(OfItem { item }): Params<OfItem>,
) -> Result<Json<PointList>, Refused> {
    Ok(Json(app.review_points(&who.staff, &item).await?))
}

/// Makes a review point
#[utoipa::path(
    post, path = "/api/knowledge/points", operation_id = "make_point", tag = "knowledge", security(("staff" = [])),
    request_body = PointPut,
    responses((status = 200, body = PointView)),
)]
pub(super) async fn make(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Body(put): Body<PointPut>,
) -> Result<Json<PointView>, Refused> {
    Ok(Json(app.put_point(&who.keeper(), None, put).await?))
}

/// Changes a review point
#[utoipa::path(
    put, path = "/api/knowledge/points/{id}", operation_id = "change_point", tag = "knowledge", security(("staff" = [])),
    request_body = PointPut, params(("id" = String, Path, description = "Which")),
    responses(
        (status = 200, body = PointView),
        (status = 404, description = "None that you may change", body = Refusal),
        (status = 409, description = "Somebody else was faster", body = Refusal),
    ),
)]
pub(super) async fn change(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Named(EntryId(id)): Named<EntryId>,
    Body(put): Body<PointPut>,
) -> Result<Json<PointView>, Refused> {
    Ok(Json(app.put_point(&who.keeper(), Some(id), put).await?))
}

/// From which version.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct From {
    /// The version that it was.
    #[param(value_type = u64)]
    version: RowNo,
}

/// Takes a review point away
#[utoipa::path(
    delete, path = "/api/knowledge/points/{id}", operation_id = "remove_point", tag = "knowledge", security(("staff" = [])),
    params(("id" = String, Path, description = "Which"), From),
    responses(
        (status = 204, description = "Gone"),
        (status = 404, description = "None that you may change", body = Refusal),
        (status = 409, description = "Somebody else was faster", body = Refusal),
    ),
)]
pub(super) async fn remove(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Named(EntryId(id)): Named<EntryId>,
    Params(From { version }): Params<From>,
) -> Result<StatusCode, Refused> {
    app.drop_point(&who.keeper(), &id, version.0).await?;
    Ok(StatusCode::NO_CONTENT)
}
