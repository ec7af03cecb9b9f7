//! Pictures and documents of answers: editors bring them in one request; what was published everybody may fetch, by an address
//! that pages make of the file's id.

use std::sync::Arc;

use axum::{
    Json,
    body::Body,
    extract::{FromRequestParts, Path, State},
    http::{HeaderMap, header, request::Parts},
    response::Response,
};
use bangban_domain::{FileId, knowledge::AnswerFile, words::FileKind};
use bangban_protocol::{ErrorCode, WireError};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    admin::items::File,
    bearer::Bearer,
    download::{range, served, told},
    input::Params,
    openapi::Refusal,
    refused::Refused,
    staff::ByStaff,
};
use crate::{
    app::{App, NewAnswerFile},
    auth::Principal,
    files::Variant,
};

/// What was published may be kept for so long, by proxies too: as long an answer that is retired may still be seen.
const PUBLIC: &str = "public, max-age=3600";

/// A draft is shown to whoever may see it now.
const DRAFT: &str = "private, no-store";

/// Whoever asks, known or not; a token that is none is refused.
pub(super) struct Anybody(Option<Principal>);

impl FromRequestParts<Arc<App>> for Anybody {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refused> {
        if !parts.headers.contains_key(header::AUTHORIZATION) {
            return Ok(Self(None));
        }
        Ok(Self(Some(Bearer::from_request_parts(parts, app).await?.0)))
    }
}

/// What it is.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Described {
    /// A picture or a document.
    #[param(value_type = String, pattern = "^(image|file)$")]
    kind: FileKind,
    /// Its name.
    #[param(min_length = 1, max_length = 1000)]
    name: String,
}

/// Takes in a picture or a document for answers
///
/// Nobody but its uploader sees it until an entry names it; a file that no revision names is deleted after a week.
#[utoipa::path(
    post, path = "/api/knowledge/files", operation_id = "add_answer_file", tag = "knowledge", security(("staff" = [])),
    params(
        Described,
        ("Content-Length" = u64, Header, description = "Bytes of the file"),
    ),
    request_body(content = inline(File), content_type = "application/octet-stream", description = "The file"),
    responses(
        (status = 200, body = AnswerFile),
        (status = 413, description = "More bytes or pixels than this kind may have", body = Refusal),
        (status = 415, description = "Not a file of a kind that is taken here, or not what its name says", body = Refusal),
        (status = 422, description = "The virus scanner found something", body = Refusal),
    ),
)]
pub(super) async fn add(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Params(Described { kind, name }): Params<Described>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<AnswerFile>, Refused> {
    let size = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let size = size.ok_or_else(|| Refused::field("Content-Length", "must say how many bytes come"))?;
    let new = NewAnswerFile { kind, name, size };
    Ok(Json(app.add_answer_file(&who.keeper(), new, body.into_data_stream()).await?))
}

/// A picture or document of an answer
///
/// Without a token once an answer that has it has been in force, until the entry is retired; of drafts, whoever sees them.
#[utoipa::path(
    get, path = "/files/answers/{id}/{variant}", operation_id = "answer_file", tag = "files",
    security((), ("staff" = [])),
    params(
        ("id" = FileId, Path, description = "Which file"),
        ("variant" = String, Path, description = "`original`; of a picture `thumb` too"),
        ("Range" = Option<String>, Header, description = "One range of bytes; anything else is answered whole"),
    ),
    responses(
        (status = 200, description = "The file", content_type = "application/octet-stream"),
        (status = 206, description = "The range", content_type = "application/octet-stream"),
        (status = 404, description = "None that you may see", body = Refusal),
    ),
)]
pub(super) async fn show(
    State(app): State<Arc<App>>,
    Anybody(who): Anybody,
    Path((id, variant)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let none = || Refused::from(WireError::new(ErrorCode::NotFound, "no such file"));
    let id: FileId = id.parse().map_err(|_| none())?;
    let variant = Variant::parse(&variant).ok_or_else(none)?;
    let staff = match &who {
        Some(Principal::Staff(staff)) => Some(staff),
        Some(Principal::Citizen(_)) | None => None,
    };
    let (file, is_public) = app.seen_answer_file(staff, id).await?.ok_or_else(none)?;
    let range = range(&headers);
    let found = app.files.open_answer_file(id, variant, range.clone()).await;
    let found = match (found, range) {
        // A range behind the end; the whole is always right.
        (Err(_), Some(_)) => app.files.open_answer_file(id, variant, None).await,
        (found, _) => found,
    };
    let part = found?.ok_or_else(none)?;
    let (name, mime) = told(variant, &file.name, &file.mime)?;
    Ok(served(part, &name, mime, if is_public { PUBLIC } else { DRAFT }))
}
