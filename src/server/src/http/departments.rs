//! Finding a department for a call, and the roster of those who answer for it.

use std::sync::Arc;

use axum::{Json, extract::State, http::HeaderValue};
use bangban_domain::org::Kind;
use bangban_protocol::{DirectoryTarget, DirectoryView, DutyCopied, DutyCopy, DutyHoles, DutyWeek, ImportReport};
use jiff::civil::Date;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    admin::items::{Attached, File, Part, Wanted, attached},
    input::{Body, Params},
    openapi::Refusal,
    refused::Refused,
    staff::ByStaff,
};
use crate::{
    app::{App, Table, Upload},
    organisation::sheet::Format,
};

/// What is looked for.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Sought {
    /// A name or a part of one, a code, initials (`shbx`) or syllables in Pinyin, or digits of a number.
    #[param(max_length = 100)]
    q: String,
    /// Code of the district that the call is about.
    district: Option<String>,
}

/// Departments, items and telephones that a call can be put through to, with who is on duty
#[utoipa::path(
    get, path = "/api/calls/directory", tag = "calls", security(("staff" = [])), params(Sought),
    responses((status = 200, body = DirectoryView)),
)]
pub(super) async fn find(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Params(Sought { q, district }): Params<Sought>,
) -> Result<Json<DirectoryView>, Refused> {
    Ok(Json(app.find_department(&who.staff, &q, district.as_deref())?))
}

/// Which week of whom.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct WantedWeek {
    /// Code of an item; instead of a unit.
    item: Option<String>,
    /// Code of a unit.
    unit: Option<String>,
    /// Code of the district.
    district: Option<String>,
    /// First day, e.g. `2026-11-23`.
    #[param(value_type = String, format = Date)]
    from: Date,
}

/// Seven days of who answers the calls of an item or a department in a district
#[utoipa::path(
    get, path = "/api/admin/duty", tag = "calls", security(("staff" = [])), params(WantedWeek),
    responses(
        (status = 200, body = DutyWeek),
        (status = 404, description = "Nothing that you may see", body = Refusal),
    ),
)]
pub(super) async fn week(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Params(WantedWeek { item, unit, district, from }): Params<WantedWeek>,
) -> Result<Json<DutyWeek>, Refused> {
    let target = match (item, unit) {
        (Some(item), None) => DirectoryTarget::Item(item),
        (None, Some(unit)) => DirectoryTarget::Department(unit),
        (Some(_), Some(_)) => return Err(Refused::field("unit", "stands beside an item")),
        (None, None) => return Err(Refused::field("unit", "is missing; or name an item")),
    };
    Ok(Json(app.duty_week(&who.staff, &target, district.as_deref(), from)?))
}

/// Which week.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct WantedHoles {
    /// First day, e.g. `2026-11-23`.
    #[param(value_type = String, format = Date)]
    from: Date,
}

/// Service hours of seven days in which nobody of a line of work is on duty in a district
#[utoipa::path(
    get, path = "/api/admin/duty/holes", tag = "calls", security(("staff" = [])), params(WantedHoles),
    responses((status = 200, body = DutyHoles)),
)]
pub(super) async fn holes(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Params(WantedHoles { from }): Params<WantedHoles>,
) -> Result<Json<DutyHoles>, Refused> {
    Ok(Json(app.duty_holes(&who.staff, from)?))
}

/// Copies the duties of single days of one week into another one
#[utoipa::path(
    post, path = "/api/admin/duty/copy", tag = "calls", security(("staff" = [])), request_body = DutyCopy,
    responses(
        (status = 200, body = DutyCopied),
        (status = 404, description = "No such team", body = Refusal),
    ),
)]
pub(super) async fn copy(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Body(order): Body<DutyCopy>,
) -> Result<Json<DutyCopied>, Refused> {
    Ok(Json(app.copy_duties(&who.staff, &order, &who.caller.address).await?))
}

/// Imports departments' telephones from a file
///
/// Nothing is imported if there is a bad row, unless `skipBad`; docs/administration.md has the columns.
#[utoipa::path(
    post, path = "/api/admin/numbers/import", tag = "calls", security(("staff" = [])), params(Wanted),
    request_body(content = inline(File), content_type = "application/octet-stream", description = "The file"),
    responses((status = 200, body = ImportReport)),
)]
pub(super) async fn import(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Params(Wanted { format, dry_run, skip_bad }): Params<Wanted>,
    File(bytes): File,
) -> Result<Json<ImportReport>, Refused> {
    app.require_somewhere(&who.staff, Kind::TransferNumber.action())?;
    let address = who.caller.address.clone();
    let upload = Upload { format, bytes, dry_run, skip_bad, address };
    Ok(Json(app.import(&who.staff, Table::TransferNumbers, upload).await?))
}

/// Telephones of the departments that one may see, as a file that can be imported again
#[utoipa::path(
    get, path = "/api/admin/numbers/export", tag = "calls", security(("staff" = [])), params(Part),
    responses((status = 200, description = "The file", content(
        (inline(File) = "text/csv"),
        (inline(File) = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ))),
)]
pub(super) async fn export(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Params(Part { format, unit }): Params<Part>,
) -> Result<Attached, Refused> {
    let file = app.export(&who.staff, Table::TransferNumbers, format, unit).await?;
    let name = match format {
        Format::Csv => HeaderValue::from_static("attachment; filename=\"numbers.csv\""),
        Format::Xlsx => HeaderValue::from_static("attachment; filename=\"numbers.xlsx\""),
    };
    Ok(attached(format, name, file))
}
