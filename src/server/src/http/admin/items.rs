//! The catalogue as a file, and how it is covered.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    body::Bytes,
    extract::{FromRequest, Request, State, rejection::BytesRejection},
    http::{HeaderName, HeaderValue, StatusCode, header},
};
use bangban_domain::rights::Action;
use bangban_protocol::{CoverageView, ErrorCode, ImportReport, WireError};
use serde::Deserialize;
use tokio::time::timeout;
use utoipa::{IntoParams, ToSchema};

use crate::{
    app::{App, Table, Upload},
    http::{input::Params, refused::Refused, staff::ByStaff},
    organisation::sheet::Format,
};

/// A file has to come within this time.
const PATIENCE: Duration = Duration::from_secs(300);

/// Which file, and what to do with it.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::http) struct Wanted {
    /// Its kind.
    #[param(value_type = String, pattern = "^(csv|xlsx)$")]
    pub(in crate::http) format: Format,
    /// Only say what would be done.
    #[serde(default)]
    #[param(required = false)]
    pub(in crate::http) dry_run: bool,
    /// Import the good rows although there are bad ones.
    #[serde(default)]
    #[param(required = false)]
    pub(in crate::http) skip_bad: bool,
}

/// A table of items, as bytes.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
pub(in crate::http) struct File(pub(in crate::http) Bytes);

impl FromRequest<Arc<App>> for File {
    type Rejection = Refused;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Refused> {
        let wrong = |code, status, detail: &str| {
            Refused::new(status, WireError { field: Some("body".to_owned()), ..WireError::new(code, detail) })
        };
        let bytes = timeout(PATIENCE, Bytes::from_request(request, app)).await;
        let bytes = bytes.map_err(|_| wrong(ErrorCode::BadRequest, StatusCode::REQUEST_TIMEOUT, "came too slowly"))?;
        bytes.map(Self).map_err(|error: BytesRejection| match error.status() {
            StatusCode::PAYLOAD_TOO_LARGE => {
                wrong(ErrorCode::TooLarge, StatusCode::PAYLOAD_TOO_LARGE, "the body is too long")
            }
            _ => wrong(ErrorCode::BadRequest, StatusCode::BAD_REQUEST, "cannot be read"),
        })
    }
}

/// Imports items from a file
///
/// Nothing is imported if there is a bad row, unless `skipBad`; docs/administration.md has the columns.
#[utoipa::path(
    post, path = "/api/admin/items/import", operation_id = "import_items", tag = "admin", security(("staff" = [])), params(Wanted),
    request_body(content = inline(File), content_type = "application/octet-stream", description = "The file"),
    responses((status = 200, body = ImportReport)),
)]
pub(in crate::http) async fn import(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Params(Wanted { format, dry_run, skip_bad }): Params<Wanted>,
    File(bytes): File,
) -> Result<Json<ImportReport>, Refused> {
    app.require_somewhere(&who.staff, Action::ManageItems)?;
    let address = who.caller.address.clone();
    Ok(Json(app.import(&who.staff, Table::Items, Upload { format, bytes, dry_run, skip_bad, address }).await?))
}

/// See [`attached`].
pub(in crate::http) type Attached = ([(HeaderName, HeaderValue); 3], Vec<u8>);

/// Which items, and how.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Part {
    /// Kind of the file.
    #[param(value_type = String, pattern = "^(csv|xlsx)$")]
    pub(in crate::http) format: Format,
    /// Of this unit and those below.
    pub(in crate::http) unit: Option<String>,
}

/// Items that one may see, as a file that can be imported again
#[utoipa::path(
    get, path = "/api/admin/items/export", operation_id = "export_items", tag = "admin", security(("staff" = [])), params(Part),
    responses((status = 200, description = "The file", content(
        (inline(File) = "text/csv"),
        (inline(File) = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ))),
)]
pub(in crate::http) async fn export(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Params(Part { format, unit }): Params<Part>,
) -> Result<Attached, Refused> {
    let file = app.export(&who.staff, Table::Items, format, unit).await?;
    let name = match format {
        Format::Csv => HeaderValue::from_static("attachment; filename=\"items.csv\""),
        Format::Xlsx => HeaderValue::from_static("attachment; filename=\"items.xlsx\""),
    };
    Ok(attached(format, name, file))
}

/// A file as an answer.
pub(in crate::http) fn attached(format: Format, name: HeaderValue, file: Vec<u8>) -> Attached {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(format.media_type())),
        (header::CONTENT_DISPOSITION, name),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (headers, file)
}

/// High-frequency items that nobody would answer in the coming 7 days, by the roster
#[utoipa::path(
    get, path = "/api/admin/coverage", tag = "admin", security(("staff" = [])),
    responses((status = 200, body = CoverageView)),
)]
pub(in crate::http) async fn coverage(
    State(app): State<Arc<App>>,
    who: ByStaff,
) -> Result<Json<CoverageView>, Refused> {
    Ok(Json(app.coverage(&who.staff)?))
}
