//! Uploads: tus 1.0.0, core protocol with the extensions creation, expiration and termination, so that any tus client can
//! send; and `finish`, which checks and stores what has come. Every request says who it is by `Authorization: Bearer`.

use std::{collections::HashMap, sync::Arc};

use axum::{
    Json,
    body::Body,
    extract::{FromRequestParts, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use bangban_domain::{FileId, Timestamp, words::FileKind};
use bangban_protocol::{FileView, WireError};

use super::{bearer::Bearer, input::Named, openapi::Refusal, refused::Refused};
use crate::{
    app::{App, owner},
    files::Announced,
};

const TUS_VERSION: HeaderValue = HeaderValue::from_static("1.0.0");
const TUS_RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");
const UPLOAD_LENGTH: HeaderName = HeaderName::from_static("upload-length");
const UPLOAD_EXPIRES: HeaderName = HeaderName::from_static("upload-expires");

/// The version that tus asks of every request but OPTIONS.
pub(super) struct Resumable;

impl<S: Sync> FromRequestParts<S> for Resumable {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        if parts.headers.get(TUS_RESUMABLE).is_some_and(|version| version == TUS_VERSION) {
            return Ok(Self);
        }
        let error = WireError::field("Tus-Resumable", "must be 1.0.0");
        let mut response = Refused::new(StatusCode::PRECONDITION_FAILED, error).into_response();
        response.headers_mut().insert(HeaderName::from_static("tus-version"), TUS_VERSION);
        Err(response)
    }
}

/// A header's whole number.
fn number(headers: &HeaderMap, name: &'static str) -> Result<u64, Refused> {
    let value = headers.get(name).ok_or_else(|| Refused::field(name, "is missing"))?;
    value.to_str().ok().and_then(|text| text.parse().ok()).ok_or_else(|| Refused::field(name, "must be a whole number"))
}

/// `key base64,key base64`: what the client says of its file.
struct Metadata(HashMap<String, String>);

impl Metadata {
    fn of(headers: &HeaderMap) -> Result<Self, Refused> {
        const NAME: &str = "Upload-Metadata";
        let value = headers.get(NAME).ok_or_else(|| Refused::field(NAME, "is missing"))?;
        let bad = || Refused::field(NAME, "must be pairs of a key and a text in base64, separated by commas");
        let pairs = value.to_str().map_err(|_| bad())?.split(',').map(|pair| {
            let (key, text) = pair.trim().split_once(' ').unwrap_or((pair.trim(), ""));
            let text = base64(text).and_then(|bytes| String::from_utf8(bytes).ok());
            text.map(|text| (key.to_owned(), text)).ok_or_else(bad)
        });
        Ok(Self(pairs.collect::<Result<_, _>>()?))
    }

    fn text(&self, key: &'static str) -> Result<&str, Refused> {
        self.0.get(key).map(String::as_str).ok_or_else(|| Refused::field(key, "is missing"))
    }
}

fn base64(text: &str) -> Option<Vec<u8>> {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    STANDARD.decode(text).ok()
}

fn with_headers(status: StatusCode, headers: impl IntoIterator<Item = (HeaderName, HeaderValue)>) -> Response {
    let mut response = status.into_response();
    response.headers_mut().insert(TUS_RESUMABLE, TUS_VERSION);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.headers_mut().extend(headers);
    response
}

/// The end of an upload's time, as HTTP writes it.
fn expires(at: Timestamp) -> HeaderValue {
    let date = jiff::Timestamp::from_millisecond(at.0).map(|at| at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string());
    date.ok().and_then(|text| HeaderValue::try_from(text).ok()).unwrap_or(HeaderValue::from_static("0"))
}

/// What is spoken here
#[utoipa::path(
    options, path = "/api/files", tag = "files",
    responses((status = 204, description = "Tus-Version, Tus-Extension, Tus-Max-Size")),
)]
pub(super) async fn options(State(app): State<Arc<App>>) -> Response {
    let fixed = |name, value| (HeaderName::from_static(name), HeaderValue::from_static(value));
    let most = (HeaderName::from_static("tus-max-size"), HeaderValue::from(app.files.largest()));
    let headers = [fixed("tus-version", "1.0.0"), fixed("tus-extension", "creation,expiration,termination"), most];
    with_headers(StatusCode::NO_CONTENT, headers)
}

/// Begins an upload
#[utoipa::path(
    post, path = "/api/files", tag = "files", security(("citizen" = []), ("staff" = [])),
    params(
        ("Tus-Resumable" = String, Header, description = "1.0.0", pattern = "^1\\.0\\.0$"),
        ("Upload-Length" = u64, Header, description = "Bytes of the whole file"),
        (
            "Upload-Metadata" = String, Header,
            description = "`key base64,key base64`: conversation, kind, name; duration of a voice message",
        ),
    ),
    responses(
        (status = 201, description = "Location says where its bytes go, Upload-Expires until when"),
        (status = 404, description = "No such conversation of yours", body = Refusal),
        (status = 412, description = "Not tus 1.0.0", body = Refusal),
        (status = 413, description = "More bytes than this kind may have", body = Refusal),
        (status = 415, description = "Not a file of a kind that is taken here", body = Refusal),
    ),
)]
pub(super) async fn begin(
    State(app): State<Arc<App>>,
    _: Resumable,
    who: Bearer,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let size = number(&headers, "Upload-Length")?;
    let metadata = Metadata::of(&headers)?;
    let conversation = metadata.text("conversation")?;
    let kind = metadata.text("kind")?;
    let duration_ms = match metadata.0.get("duration") {
        Some(text) => Some(text.parse().map_err(|_| Refused::field("duration", "must be milliseconds"))?),
        None => None,
    };
    let announced = Announced {
        conversation: conversation.parse().map_err(|_| Refused::field("conversation", "is no conversation's id"))?,
        kind: FileKind::parse(kind).ok_or_else(|| Refused::field("kind", "must be image, file or voice"))?,
        name: metadata.text("name")?.to_owned(),
        size,
        duration_ms,
    };
    let row = app.begin_upload(&who.0, announced).await?;
    let location =
        HeaderValue::try_from(format!("/api/files/{}", row.id)).map_err(|error| Refused::internal(&error))?;
    Ok(with_headers(StatusCode::CREATED, [(header::LOCATION, location), (UPLOAD_EXPIRES, expires(row.kept_until))]))
}

/// How far an upload is
#[utoipa::path(
    head, path = "/api/files/{id}", tag = "files", security(("citizen" = []), ("staff" = [])),
    params(
        ("id" = FileId, Path, description = "Which upload"),
        ("Tus-Resumable" = String, Header, description = "1.0.0", pattern = "^1\\.0\\.0$"),
    ),
    responses(
        (status = 200, description = "Upload-Offset, Upload-Length, Upload-Expires"),
        (status = 404, description = "No such upload of yours", body = Refusal),
        (status = 412, description = "Not tus 1.0.0", body = Refusal),
    ),
)]
pub(super) async fn progress(
    State(app): State<Arc<App>>,
    _: Resumable,
    who: Bearer,
    Named(id): Named<FileId>,
) -> Result<Response, Refused> {
    let (row, offset) = app.files.progress(owner(&who.0), id).await?;
    let headers = [
        (UPLOAD_OFFSET, HeaderValue::from(offset)),
        (UPLOAD_LENGTH, HeaderValue::from(row.size)),
        (UPLOAD_EXPIRES, expires(row.kept_until)),
    ];
    Ok(with_headers(StatusCode::OK, headers))
}

/// The next bytes of an upload
#[utoipa::path(
    patch, path = "/api/files/{id}", tag = "files", security(("citizen" = []), ("staff" = [])),
    params(
        ("id" = FileId, Path, description = "Which upload"),
        ("Tus-Resumable" = String, Header, description = "1.0.0", pattern = "^1\\.0\\.0$"),
        ("Upload-Offset" = u64, Header, description = "Where they begin: as many as have arrived"),
    ),
    request_body(description = "Bytes", content_type = "application/offset+octet-stream"),
    responses(
        (status = 204, description = "Upload-Offset says how many have arrived"),
        (status = 404, description = "No such upload of yours", body = Refusal),
        (status = 409, description = "They do not begin where the last ones ended", body = Refusal),
        (status = 412, description = "Not tus 1.0.0", body = Refusal),
        (status = 415, description = "Another Content-Type than application/offset+octet-stream", body = Refusal),
    ),
)]
pub(super) async fn append(
    State(app): State<Arc<App>>,
    _: Resumable,
    who: Bearer,
    Named(id): Named<FileId>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    if headers.get(header::CONTENT_TYPE).is_none_or(|value| value != "application/offset+octet-stream") {
        let error = WireError::field("Content-Type", "must be application/offset+octet-stream");
        return Err(Refused::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, error));
    }
    let from = number(&headers, "Upload-Offset")?;
    let (row, offset) = app.files.append(owner(&who.0), id, from, body.into_data_stream()).await?;
    let headers = [(UPLOAD_OFFSET, HeaderValue::from(offset)), (UPLOAD_EXPIRES, expires(row.kept_until))];
    Ok(with_headers(StatusCode::NO_CONTENT, headers))
}

/// Gives an upload up
#[utoipa::path(
    delete, path = "/api/files/{id}", tag = "files", security(("citizen" = []), ("staff" = [])),
    params(
        ("id" = FileId, Path, description = "Which upload"),
        ("Tus-Resumable" = String, Header, description = "1.0.0", pattern = "^1\\.0\\.0$"),
    ),
    responses(
        (status = 204, description = "Gone"),
        (status = 404, description = "No such upload of yours", body = Refusal),
        (status = 412, description = "Not tus 1.0.0", body = Refusal),
    ),
)]
pub(super) async fn cancel(
    State(app): State<Arc<App>>,
    _: Resumable,
    who: Bearer,
    Named(id): Named<FileId>,
) -> Result<Response, Refused> {
    app.files.cancel(owner(&who.0), id).await?;
    Ok(with_headers(StatusCode::NO_CONTENT, []))
}

/// Checks and stores an upload that has arrived
#[utoipa::path(
    post, path = "/api/files/{id}/finish", tag = "files", security(("citizen" = []), ("staff" = [])),
    params(("id" = FileId, Path, description = "Which upload")),
    responses(
        (status = 200, body = FileView),
        (status = 404, description = "No such upload of yours", body = Refusal),
        (status = 409, description = "Not all of it has arrived", body = Refusal),
        (status = 413, description = "Too many pixels, or too long", body = Refusal),
        (status = 415, description = "Its content is not what its name says, or not readable", body = Refusal),
        (status = 422, description = "The virus scanner found something", body = Refusal),
    ),
)]
pub(super) async fn finish(
    State(app): State<Arc<App>>,
    who: Bearer,
    Named(id): Named<FileId>,
) -> Result<Json<FileView>, Refused> {
    Ok(Json(app.files.finish(owner(&who.0), id).await?))
}
