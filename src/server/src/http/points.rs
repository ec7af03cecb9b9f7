//! Review points of items (docs/knowledge.md).

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode, response::Response};
use bangban_protocol::{ImportReport, PointList, PointPut, PointView, WireError};
use futures_util::{TryStreamExt as _, stream};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    admin::items::File,
    figures::table::{self, Cell},
    input::{Body, Named, Params, RowNo},
    knowledge::{EntryId, WantedImport, lines},
    openapi::Refusal,
    refused::Refused,
    staff::ByStaff,
};
use crate::{
    app::{App, EntryFormat, EntryUpload, FilePoint, POINT_COLUMNS},
    auth::Staff,
};

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

/// Imports review points from a file; they are in force at once
///
/// Nothing is imported if there is a bad row, unless `skipBad`; docs/knowledge.md has the columns.
#[utoipa::path(
    post, path = "/api/knowledge/points/import", operation_id = "import_points", tag = "knowledge", security(("staff" = [])),
    params(WantedImport),
    request_body(content = inline(File), content_type = "application/octet-stream", description = "The file"),
    responses(
        (status = 200, body = ImportReport),
        (status = 409, description = "Somebody else has changed one meanwhile; parts before it stay", body = Refusal),
    ),
)]
pub(super) async fn import(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Params(WantedImport { format, dry_run, skip_bad }): Params<WantedImport>,
    File(bytes): File,
) -> Result<Json<ImportReport>, Refused> {
    Ok(Json(app.import_points(&who.keeper(), EntryUpload { format, bytes, dry_run, skip_bad }).await?))
}

/// Which, and how.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct WantedExport {
    /// Kind of the file.
    #[param(value_type = String, pattern = "^(csv|xlsx|jsonl)$")]
    format: EntryFormat,
    /// Code of the item; without it: all items.
    #[param(max_length = 64)]
    item: Option<String>,
}

/// Where an export stands.
struct Place {
    app: Arc<App>,
    staff: Staff,
    item: Option<String>,
    after: String,
}

async fn next(place: Option<Place>) -> Option<(Result<Vec<FilePoint>, Refused>, Option<Place>)> {
    let mut place = place?;
    match place.app.exported_points(&place.staff, place.item.as_deref(), &mut place.after).await {
        Ok(rows) => Some((Ok(rows?), Some(place))),
        Err(error) => Some((Err(error.into()), None)),
    }
}

/// Review points as a file that can be imported again
#[utoipa::path(
    get, path = "/api/knowledge/points/export", operation_id = "export_points", tag = "knowledge", security(("staff" = [])),
    params(WantedExport),
    responses((status = 200, description = "The file", content(
        (inline(File) = "text/csv"),
        (inline(File) = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        (inline(File) = "application/jsonl"),
    ))),
)]
pub(super) async fn export(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Params(WantedExport { format, item }): Params<WantedExport>,
) -> Result<Response, Refused> {
    app.seen_units(&who.staff)?;
    if item.as_deref().is_some_and(|item| app.directory().item(item).is_none()) {
        return Err(WireError::field("item", "is no item").into());
    }
    let pages = stream::unfold(Some(Place { app, staff: who.staff, item, after: String::new() }), next);
    let Some(format) = format.table() else {
        return Ok(lines(pages, "attachment; filename=\"review-points.jsonl\""));
    };
    let header = POINT_COLUMNS.iter().map(|(_, chinese)| (*chinese).to_owned()).collect();
    let cells = |rows: Vec<FilePoint>| rows.into_iter().map(|row| row.cells().map(Cell::text).to_vec()).collect();
    table::file(format, "review-points", header, pages.map_ok(cells)).await
}
