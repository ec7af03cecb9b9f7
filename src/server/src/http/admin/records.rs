//! Records of every kind, in one way: each change names the version that it was made from, and why.

use std::sync::Arc;

use axum::{
    Json,
    extract::{FromRequestParts, Path, State},
    http::{StatusCode, request::Parts},
};
use bangban_domain::{
    org::{self, Directory, Invalid, Kind, Record, check_id},
    rights::Action,
};
use bangban_protocol::{
    ErrorCode, PersonView, RecordPage, RecordPut, RecordState, RecordVersions, RecordView, WireError,
};
use bangban_store::{Author, RecordVersion};
use serde::Deserialize;
use serde_json::Value;
use utoipa::IntoParams;

use crate::{
    app::{App, Edit, store_error},
    auth::Staff,
    http::{
        input::{Body, Params, RowNo},
        openapi::Refusal,
        refused::Refused,
        staff::ByStaff,
    },
    staff::At,
};

/// Records of one page, if nobody says how many; and at most.
const PAGE: usize = 50;
const LONGEST_PAGE: usize = 500;

/// Longest reason.
const MAX_REASON: usize = 500;

/// The kind in the path.
pub(in crate::http) struct OfKind(Kind);

/// Kind and code in the path.
pub(in crate::http) struct One(Kind, String);

fn kind_of(text: &str) -> Result<Kind, Refused> {
    Kind::parse(text).ok_or_else(|| WireError::new(ErrorCode::NotFound, "there is no such kind of record").into())
}

impl<S: Send + Sync> FromRequestParts<S> for OfKind {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        let path = Path::<String>::from_request_parts(parts, state).await.map_err(|_| not_found())?;
        Ok(Self(kind_of(&path)?))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for One {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        let Path((kind, id)) =
            Path::<(String, String)>::from_request_parts(parts, state).await.map_err(|_| not_found())?;
        Ok(Self(kind_of(&kind)?, id))
    }
}

fn not_found() -> Refused {
    WireError::new(ErrorCode::NotFound, "no such record").into()
}

fn invalid(error: &Invalid) -> Refused {
    let field = if error.field.is_empty() { "body".to_owned() } else { format!("body.{}", error.field) };
    Refused::field(&field, &error.problem)
}

fn view(directory: &Directory, record: &Record) -> RecordView {
    RecordView {
        kind: record.body.kind(),
        id: record.id.clone(),
        no: record.no,
        version: record.version,
        unit: directory.owner(&record.body).map(str::to_owned),
        body: record.body.clone(),
        changed_at: record.changed_at,
    }
}

/// Whoever may change it may read it too.
fn may_read(app: &App, staff: &Staff, directory: &Directory, id: &str, body: &org::Body) -> bool {
    let item = (body.kind() == Kind::Item).then_some(id);
    let at = At { unit: directory.seat(id, body), item };
    app.may(staff, Action::ReadAdministration, at) || app.may(staff, body.kind().action(), at)
}

/// Which records.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Wanted {
    /// Part of the code or of what people read of it.
    q: Option<String>,
    /// Of this unit and those below.
    unit: Option<String>,
    /// Go on after this number.
    #[param(value_type = Option<u64>)]
    after: Option<RowNo>,
    /// At most so many, 1 to 500.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
}

/// Records of a kind that one may see, in the order in which they were made
#[utoipa::path(
    get, path = "/api/admin/records/{kind}", operation_id = "list_records", tag = "admin", security(("staff" = [])),
    params(("kind" = Kind, Path, description = "Of which kind"), Wanted),
    responses((status = 200, body = RecordPage), (status = 404, description = "No such kind", body = Refusal)),
)]
pub(in crate::http) async fn list(
    State(app): State<Arc<App>>,
    who: ByStaff,
    OfKind(kind): OfKind,
    Params(wanted): Params<Wanted>,
) -> Result<Json<RecordPage>, Refused> {
    if app.require_somewhere(&who.staff, Action::ReadAdministration).is_err() {
        app.require_somewhere(&who.staff, kind.action())?;
    }
    let limit = wanted.limit.unwrap_or(PAGE);
    if !(1..=LONGEST_PAGE).contains(&limit) {
        return Err(Refused::field("limit", &format!("must be 1 to {LONGEST_PAGE}")));
    }
    let directory = app.directory();
    let needle = wanted.q.as_deref().map(str::trim).filter(|needle| !needle.is_empty()).map(str::to_lowercase);
    let mut page = RecordPage { records: Vec::new(), next: None, total: 0 };
    for record in directory.records(kind, None) {
        let seat = directory.seat(&record.id, &record.body);
        let is_below = |unit: &str| seat.is_some_and(|seat| directory.above(seat).iter().any(|above| above == unit));
        let is_wanted = needle.as_deref().is_none_or(|needle| record.speaks_of(needle))
            && wanted.unit.as_deref().is_none_or(is_below)
            && may_read(&app, &who.staff, &directory, &record.id, &record.body);
        if !is_wanted {
            continue;
        }
        page.total += 1;
        if wanted.after.is_none_or(|after| record.no > after.0) {
            match page.records.last() {
                Some(last) if page.records.len() == limit => page.next = page.next.or(Some(last.no)),
                _ => page.records.push(view(&directory, record)),
            }
        }
    }
    Ok(Json(page))
}

/// One record
#[utoipa::path(
    get, path = "/api/admin/records/{kind}/{id}", operation_id = "read_record", tag = "admin", security(("staff" = [])),
    params(("kind" = Kind, Path, description = "Of which kind"), ("id" = String, Path, description = "Its code")),
    responses((status = 200, body = RecordView), (status = 404, description = "None that you may see", body = Refusal)),
)]
pub(in crate::http) async fn one(
    State(app): State<Arc<App>>,
    who: ByStaff,
    One(kind, id): One,
) -> Result<Json<RecordView>, Refused> {
    let directory = app.directory();
    let record = directory.record(kind, &id).ok_or_else(not_found)?;
    if !may_read(&app, &who.staff, &directory, &id, &record.body) {
        // Not telling strangers that it exists.
        return Err(not_found());
    }
    Ok(Json(view(&directory, record)))
}

/// The type of the kind, or the name of the part that is not.
fn read_body(kind: Kind, value: Value) -> Result<org::Body, Refused> {
    let mut track = serde_path_to_error::Track::new();
    let body = org::Body::read(kind, serde_path_to_error::Deserializer::new(value, &mut track));
    body.map_err(|error| {
        let path = track.path().to_string();
        let field = if path == "." { String::new() } else { path };
        invalid(&Invalid { field, problem: error.to_string() })
    })
}

fn reason(text: Option<String>) -> Result<Option<String>, Refused> {
    let text = text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    match text {
        Some(text) if text.chars().count() > MAX_REASON => {
            Err(Refused::field("reason", &format!("must have at most {MAX_REASON} characters")))
        }
        Some(text) if text.contains('\0') => Err(Refused::field("reason", "must not contain the character U+0000")),
        text => Ok(text),
    }
}

/// Makes or changes a record
#[utoipa::path(
    put, path = "/api/admin/records/{kind}/{id}", operation_id = "put_record", tag = "admin", security(("staff" = [])), request_body = RecordPut,
    params(("kind" = Kind, Path, description = "Of which kind"), ("id" = String, Path, description = "Its code")),
    responses(
        (status = 200, body = RecordView),
        (status = 404, description = "No such kind, or none of this version", body = Refusal),
        (status = 409, description = "Somebody else was faster", body = Refusal),
    ),
)]
pub(in crate::http) async fn put(
    State(app): State<Arc<App>>,
    who: ByStaff,
    One(kind, id): One,
    Body(RecordPut { version, body, reason: why }): Body<RecordPut>,
) -> Result<Json<RecordView>, Refused> {
    app.require_somewhere(&who.staff, kind.action())?;
    let why = reason(why)?;
    check_id(kind, &id).map_err(|error| Refused::field(&error.field, &error.problem))?;
    let body = read_body(kind, body)?;
    body.check().map_err(|error| invalid(&error))?;
    let edit = Edit {
        kind,
        id: id.clone(),
        version,
        body: Some(body),
        reason: why,
        address: Some(who.caller.address.clone()),
    };
    let directory = app.edit(&who.staff, edit).await?;
    let record = directory.record(kind, &id).ok_or_else(not_found)?;
    Ok(Json(view(&directory, record)))
}

/// What is removed.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Removal {
    /// The version that is removed.
    #[param(value_type = u64)]
    version: RowNo,
    /// Why, for the audit log.
    #[param(max_length = 500)]
    #[serde(default)]
    reason: Option<String>,
}

/// Removes a record that no other refers to
#[utoipa::path(
    delete, path = "/api/admin/records/{kind}/{id}", operation_id = "remove_record", tag = "admin", security(("staff" = [])),
    params(
        ("kind" = Kind, Path, description = "Of which kind"), ("id" = String, Path, description = "Its code"), Removal,
    ),
    responses(
        (status = 204, description = "Removed"),
        (status = 404, description = "No such record", body = Refusal),
        (status = 409, description = "Somebody else was faster, or others refer to it", body = Refusal),
    ),
)]
pub(in crate::http) async fn remove(
    State(app): State<Arc<App>>,
    who: ByStaff,
    One(kind, id): One,
    Params(Removal { version, reason: why }): Params<Removal>,
) -> Result<StatusCode, Refused> {
    app.require_somewhere(&who.staff, kind.action())?;
    let edit = Edit {
        kind,
        id,
        version: version.0,
        body: None,
        reason: reason(why)?,
        address: Some(who.caller.address.clone()),
    };
    app.edit(&who.staff, edit).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Every state of a record, the last one first
#[utoipa::path(
    get, path = "/api/admin/records/{kind}/{id}/versions", operation_id = "record_versions", tag = "admin", security(("staff" = [])),
    params(("kind" = Kind, Path, description = "Of which kind"), ("id" = String, Path, description = "Its code")),
    responses(
        (status = 200, body = RecordVersions),
        (status = 404, description = "None that you may see", body = Refusal),
    ),
)]
pub(in crate::http) async fn versions(
    State(app): State<Arc<App>>,
    who: ByStaff,
    One(kind, id): One,
) -> Result<Json<RecordVersions>, Refused> {
    if id.contains('\0') {
        return Err(not_found());
    }
    let rows = app.store.record_versions(kind, &id).await.map_err(store_error)?;
    let states: Vec<(RecordVersion, Option<org::Body>)> = rows
        .into_iter()
        .map(|row| {
            let read = |text: &str| org::Body::read(kind, &mut serde_json::Deserializer::from_str(text));
            let body = row.body.as_deref().map(read).transpose()?;
            Ok((row, body))
        })
        .collect::<Result<_, serde_json::Error>>()
        .map_err(|error| Refused::internal(&error))?;
    let directory = app.directory();
    // Of a removed one, where it was last.
    let last = states.iter().find_map(|(_, body)| body.as_ref()).ok_or_else(not_found)?;
    if !may_read(&app, &who.staff, &directory, &id, last) {
        return Err(not_found());
    }
    let state = |(row, body): (RecordVersion, Option<org::Body>)| {
        let actor = match row.actor {
            Author::Agent(id) => Some(PersonView { id, name: app.accounts.name(id).unwrap_or_default() }),
            Author::System | Author::Bot | Author::Citizen => None,
        };
        RecordState { version: row.version, at: row.at, actor, body }
    };
    Ok(Json(RecordVersions { versions: states.into_iter().map(state).collect() }))
}
