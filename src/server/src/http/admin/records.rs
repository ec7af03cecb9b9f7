//! Records of every kind, in one way: each change names the version that it was made from, and why.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Json,
    body::Bytes,
    extract::{ConnectInfo, Path, Query, State, rejection::BytesRejection},
    http::{HeaderMap, StatusCode},
};
use bangban_domain::{
    org::{Body, Directory, Invalid, Kind, Record, check_id},
    rights::Action,
};
use bangban_protocol::{ErrorCode, RecordPage, RecordState, RecordVersions, RecordView, WireError};
use bangban_store::{Author, RecordVersion};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    app::{App, Edit, store_error},
    auth::Staff,
    http::{
        login::address,
        refused::{Refused, unreadable},
        upload::Bearer,
    },
};

/// Records of one page, if nobody says how many; and at most.
const PAGE: usize = 50;
const LONGEST_PAGE: usize = 500;

/// Longest reason.
const MAX_REASON: usize = 500;

fn kind_of(text: &str) -> Result<Kind, Refused> {
    Kind::parse(text).ok_or_else(|| WireError::new(ErrorCode::NotFound, "there is no such kind of record").into())
}

fn not_found() -> Refused {
    WireError::new(ErrorCode::NotFound, "no such record").into()
}

pub(super) fn invalid(error: &Invalid) -> Refused {
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
fn may_read(app: &App, staff: &Staff, directory: &Directory, id: &str, body: &Body) -> bool {
    let may = |action| app.may_at(staff, action, directory.seat(id, body), item_of(id, body));
    may(Action::ReadAdministration) || may(body.kind().action())
}

fn item_of<'a>(id: &'a str, body: &Body) -> Option<&'a str> {
    matches!(body, Body::Item(_)).then_some(id)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    q: Option<String>,
    unit: Option<String>,
    after: Option<u64>,
    limit: Option<usize>,
}

/// `GET /api/admin/records/{kind}?q=&unit=&after=&limit=`
pub(super) async fn list(
    State(app): State<Arc<App>>,
    bearer: Bearer,
    Path(kind): Path<String>,
    wanted: Result<Query<Wanted>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<RecordPage>, Refused> {
    let (staff, kind) = (bearer.staff()?, kind_of(&kind)?);
    let Query(wanted) =
        wanted.map_err(|_| Refused::field("query", "is q, unit, after and limit, each at most once"))?;
    if !app.may_somewhere(&staff, Action::ReadAdministration) && !app.may_somewhere(&staff, kind.action()) {
        return Err(WireError::new(ErrorCode::Forbidden, "your role does not allow it").into());
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
            && may_read(&app, &staff, &directory, &record.id, &record.body);
        if !is_wanted {
            continue;
        }
        page.total += 1;
        if wanted.after.is_none_or(|after| record.no > after) {
            match page.records.last() {
                Some(last) if page.records.len() == limit => page.next = page.next.or(Some(last.no)),
                _ => page.records.push(view(&directory, record)),
            }
        }
    }
    Ok(Json(page))
}

/// `GET /api/admin/records/{kind}/{id}`
pub(super) async fn one(
    State(app): State<Arc<App>>,
    bearer: Bearer,
    Path((kind, id)): Path<(String, String)>,
) -> Result<Json<RecordView>, Refused> {
    let (staff, directory) = (bearer.staff()?, app.directory());
    let record = directory.record(kind_of(&kind)?, &id).ok_or_else(not_found)?;
    if !may_read(&app, &staff, &directory, &id, &record.body) {
        // Not telling strangers that it exists.
        return Err(not_found());
    }
    Ok(Json(view(&directory, record)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Put {
    version: u64,
    body: Value,
    #[serde(default)]
    reason: Option<String>,
}

fn read_json<T>(bytes: Result<Bytes, BytesRejection>) -> Result<T, Refused>
where
    T: for<'de> Deserialize<'de>,
{
    let bytes = bytes.map_err(|error| unreadable(&error))?;
    let mut json = serde_json::Deserializer::from_slice(&bytes);
    serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        Refused::field(if path == "." { "body" } else { &path }, &error.inner().to_string())
    })
}

/// The type of the kind, or the name of the part that is not.
fn read_body(kind: Kind, value: Value) -> Result<Body, Refused> {
    let mut track = serde_path_to_error::Track::new();
    let body = Body::read(kind, serde_path_to_error::Deserializer::new(value, &mut track));
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
        text => Ok(text),
    }
}

/// `PUT /api/admin/records/{kind}/{id}`
pub(super) async fn put(
    State(app): State<Arc<App>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    bearer: Bearer,
    Path((kind, id)): Path<(String, String)>,
    bytes: Result<Bytes, BytesRejection>,
) -> Result<Json<RecordView>, Refused> {
    let (staff, kind) = (bearer.staff()?, kind_of(&kind)?);
    let Put { version, body, reason: why } = read_json(bytes)?;
    let why = reason(why)?;
    check_id(kind, &id).map_err(|error| Refused::field(&error.field, &error.problem))?;
    let body = read_body(kind, body)?;
    body.check().map_err(|error| invalid(&error))?;
    let from = address(peer, &headers, app.door.trusts_forwarded()).to_string();
    let directory = app
        .edit(&staff, Edit { kind, id: id.clone(), version, body: Some(body), reason: why, address: Some(from) })
        .await?;
    let record = directory.record(kind, &id).ok_or_else(not_found)?;
    Ok(Json(view(&directory, record)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Removal {
    version: u64,
    #[serde(default)]
    reason: Option<String>,
}

/// `DELETE /api/admin/records/{kind}/{id}?version=&reason=`
pub(super) async fn remove(
    State(app): State<Arc<App>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    bearer: Bearer,
    Path((kind, id)): Path<(String, String)>,
    removal: Result<Query<Removal>, axum::extract::rejection::QueryRejection>,
) -> Result<StatusCode, Refused> {
    let (staff, kind) = (bearer.staff()?, kind_of(&kind)?);
    let Query(Removal { version, reason: why }) =
        removal.map_err(|_| Refused::field("version", "must be the version that you want to remove"))?;
    let why = reason(why)?;
    let from = address(peer, &headers, app.door.trusts_forwarded()).to_string();
    app.edit(&staff, Edit { kind, id, version, body: None, reason: why, address: Some(from) }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /api/admin/records/{kind}/{id}/versions`
pub(super) async fn versions(
    State(app): State<Arc<App>>,
    bearer: Bearer,
    Path((kind, id)): Path<(String, String)>,
) -> Result<Json<RecordVersions>, Refused> {
    let (staff, kind) = (bearer.staff()?, kind_of(&kind)?);
    let rows = app.store.record_versions(kind, &id).await.map_err(store_error)?;
    let states: Vec<(RecordVersion, Option<Body>)> = rows
        .into_iter()
        .map(|row| {
            let body = row.body.as_deref().map(|text| Body::read(kind, &mut serde_json::Deserializer::from_str(text)));
            Ok((row, body.transpose()?))
        })
        .collect::<Result<_, serde_json::Error>>()
        .map_err(|error| Refused::internal(&error))?;
    let directory = app.directory();
    // Of a removed one, where it was last.
    let last = states.iter().find_map(|(_, body)| body.as_ref()).ok_or_else(not_found)?;
    if !may_read(&app, &staff, &directory, &id, last) {
        return Err(not_found());
    }
    let state = |(row, body): (RecordVersion, Option<Body>)| {
        let actor = match row.actor {
            Author::Agent(id) => Some(id),
            Author::System | Author::Bot | Author::Citizen => None,
        };
        RecordState { version: row.version, at: row.at, actor: actor.map(|id| app.person(id)), body }
    };
    Ok(Json(RecordVersions { versions: states.into_iter().map(state).collect() }))
}
