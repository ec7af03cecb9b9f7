//! The catalogue as a file, and how it is covered.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Json,
    body::Bytes,
    extract::{
        ConnectInfo, Query, State,
        rejection::{BytesRejection, QueryRejection},
    },
    http::{HeaderMap, HeaderName, HeaderValue, header},
};
use bangban_protocol::{CoverageView, ImportReport};
use serde::Deserialize;

use crate::{
    app::{App, Upload},
    http::{
        login::address,
        refused::{Refused, unreadable},
        upload::Bearer,
    },
    organisation::sheet::Format,
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Wanted {
    format: Format,
    #[serde(default)]
    dry_run: bool,
    #[serde(default)]
    skip_bad: bool,
}

/// `POST /api/admin/items/import?format=csv|xlsx&dryRun=&skipBad=`
pub(super) async fn import(
    State(app): State<Arc<App>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    bearer: Bearer,
    wanted: Result<Query<Wanted>, QueryRejection>,
    bytes: Result<Bytes, BytesRejection>,
) -> Result<Json<ImportReport>, Refused> {
    let staff = bearer.staff()?;
    let Query(Wanted { format, dry_run, skip_bad }) =
        wanted.map_err(|_| Refused::field("format", "is csv or xlsx; dryRun and skipBad are true or false"))?;
    let bytes = bytes.map_err(|error| unreadable(&error))?;
    let address = address(peer, &headers, app.door.trusts_forwarded()).to_string();
    Ok(Json(app.import_items(&staff, Upload { format, bytes, dry_run, skip_bad, address }).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Part {
    format: Format,
    unit: Option<String>,
}

/// `GET /api/admin/items/export?format=csv|xlsx&unit=`
pub(super) async fn export(
    State(app): State<Arc<App>>,
    bearer: Bearer,
    part: Result<Query<Part>, QueryRejection>,
) -> Result<([(HeaderName, HeaderValue); 3], Vec<u8>), Refused> {
    let staff = bearer.staff()?;
    let Query(Part { format, unit }) = part.map_err(|_| Refused::field("format", "is csv or xlsx"))?;
    let file = app.export_items(&staff, format, unit).await?;
    let name = match format {
        Format::Csv => HeaderValue::from_static("attachment; filename=\"items.csv\""),
        Format::Xlsx => HeaderValue::from_static("attachment; filename=\"items.xlsx\""),
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(format.media_type())),
        (header::CONTENT_DISPOSITION, name),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    Ok((headers, file))
}

/// `GET /api/admin/coverage`
pub(super) async fn coverage(State(app): State<Arc<App>>, bearer: Bearer) -> Result<Json<CoverageView>, Refused> {
    Ok(Json(app.coverage(&bearer.staff()?).await?))
}
