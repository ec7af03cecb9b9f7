//! `GET /files/{id}/{variant}`: files behind signed addresses. Never a page: whatever the bytes are, a browser shows them
//! as a picture or plays them where our pages ask for that, or saves them.

use std::{fmt::Write as _, sync::Arc};

use axum::{
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bangban_domain::{FileId, Timestamp, privacy::mask};
use bangban_protocol::{ErrorCode, WireError};
use bangban_store::FileOwner;
use futures_util::StreamExt as _;
use metrics::counter;
use object_store::GetRange;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{input::Params, openapi::Refusal, refused::Refused};
use crate::{
    app::App,
    files::{BadLink, Part, Variant},
};

/// Not even a script inside a picture opened on its own can do anything.
const NOTHING: HeaderValue = HeaderValue::from_static("default-src 'none'; sandbox; frame-ancestors 'none'");

/// What was signed; see `open_files`.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Signed {
    /// For whom the address was made.
    viewer: String,
    /// When it ends, in milliseconds since 1970.
    until: i64,
    /// Our signature.
    sign: String,
}

fn not_found() -> Refused {
    WireError::new(ErrorCode::NotFound, "no such file").into()
}

/// A file, by an address that `open_files` made
#[utoipa::path(
    get, path = "/files/{id}/{variant}", tag = "files",
    params(
        ("id" = FileId, Path, description = "Which file"),
        ("variant" = String, Path, description = "`original` or `thumb`"),
        Signed,
        ("Range" = Option<String>, Header, description = "One range of bytes; anything else is answered whole"),
    ),
    responses(
        (status = 200, description = "The file", content_type = "application/octet-stream"),
        (status = 206, description = "The range", content_type = "application/octet-stream"),
        (
            status = 403, description = "Not an address of ours, its time is over, or its viewer may not any more",
            body = Refusal,
        ),
        (status = 404, description = "No such file", body = Refusal),
    ),
)]
pub(super) async fn download(
    State(app): State<Arc<App>>,
    Path((id, variant)): Path<(String, String)>,
    Params(Signed { viewer, until, sign }): Params<Signed>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let id: FileId = id.parse().map_err(|_| not_found())?;
    let variant = Variant::parse(&variant).ok_or_else(not_found)?;
    let until = Timestamp(until);
    app.files.check_link(id, variant, &viewer, until, &sign).map_err(|bad| match bad {
        BadLink::Forged => forged(),
        BadLink::Expired => Refused::new(
            StatusCode::FORBIDDEN,
            WireError {
                field: Some("until".to_owned()),
                ..WireError::new(ErrorCode::TokenExpired, "ask for a new address")
            },
        ),
    })?;
    let viewer: FileOwner = viewer.parse().map_err(|_| forged())?;
    let range = range(&headers);
    let found = app.files.open(id, variant, range.clone()).await;
    let found = match (found, range) {
        // A range behind the end; the whole is always right.
        (Err(_), Some(_)) => app.files.open(id, variant, None).await,
        (found, _) => found,
    };
    let (row, part) = found?.ok_or_else(not_found)?;
    app.check_viewer(viewer, &row).await?;
    let is_masked = matches!(viewer, FileOwner::Staff(_)) && viewer != row.owner;
    let shown = if is_masked { mask(&row.name).into_owned() } else { row.name };
    let (name, mime) = told(variant, &shown, &row.mime)?;
    // The browser may show it again until the address ends.
    let seconds = until.since(app.clock.now()) / bangban_domain::time::SECOND;
    Ok(served(part, &name, mime, &format!("private, max-age={seconds}, immutable")))
}

/// The bytes as an answer that no browser takes for a page.
pub(super) fn served(part: Part, name: &str, mime: HeaderValue, keep: &str) -> Response {
    let Part { range, whole, bytes } = part;
    let length = range.end - range.start;
    let mut response = Body::from_stream(bytes.inspect(|chunk| {
        let length = chunk.as_ref().map_or(0, |chunk| chunk.len() as u64);
        counter!("bangban_file_bytes_out_total").increment(length);
    }))
    .into_response();
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, mime),
        (header::CONTENT_LENGTH, HeaderValue::from(length)),
        (header::CONTENT_DISPOSITION, attachment(name)),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::CONTENT_SECURITY_POLICY, NOTHING),
        (header::ACCEPT_RANGES, HeaderValue::from_static("bytes")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (HeaderName::from_static("x-robots-tag"), HeaderValue::from_static("noindex")),
    ] {
        headers.insert(name, value);
    }
    if let Ok(value) = HeaderValue::try_from(keep) {
        headers.insert(header::CACHE_CONTROL, value);
    }
    if length < whole {
        if let Ok(value) =
            HeaderValue::try_from(format!("bytes {}-{}/{whole}", range.start, range.end.saturating_sub(1)))
        {
            headers.insert(header::CONTENT_RANGE, value);
        }
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    response
}

/// What a browser is told of a variant: its name, and its type.
pub(super) fn told(variant: Variant, name: &str, mime: &str) -> Result<(String, HeaderValue), Refused> {
    match variant {
        Variant::Original => {
            Ok((name.to_owned(), HeaderValue::try_from(mime).map_err(|error| Refused::internal(&error))?))
        }
        Variant::Thumb => Ok((bangban_domain::file::with_ending(name, "jpg"), HeaderValue::from_static("image/jpeg"))),
    }
}

fn forged() -> Refused {
    let error =
        WireError { field: Some("sign".to_owned()), ..WireError::new(ErrorCode::Forbidden, "not an address of ours") };
    Refused::new(StatusCode::FORBIDDEN, error)
}

/// One range of bytes, as players ask for it; anything else is answered whole, which is always allowed.
pub(super) fn range(headers: &HeaderMap) -> Option<GetRange> {
    let (first, last) = headers.get(header::RANGE)?.to_str().ok()?.strip_prefix("bytes=")?.split_once('-')?;
    match (first, last) {
        ("", last) => Some(GetRange::Suffix(last.parse().ok().filter(|length| *length > 0)?)),
        (first, "") => Some(GetRange::Offset(first.parse().ok()?)),
        (first, last) => {
            let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
            (first <= last).then(|| GetRange::Bounded(first..last.saturating_add(1)))
        }
    }
}

/// To be saved under this name (RFC 6266).
fn attachment(name: &str) -> HeaderValue {
    let mut text = "attachment; filename*=UTF-8''".to_owned();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(byte.into());
        } else {
            // Writing to a string cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("attachment"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn players_ask_for_parts_and_nonsense_gets_the_whole() {
        for (text, expected) in [
            ("bytes=0-", Some(GetRange::Offset(0))),
            ("bytes=0-0", Some(GetRange::Bounded(0..1))),
            ("bytes=100-199", Some(GetRange::Bounded(100..200))),
            ("bytes=-50", Some(GetRange::Suffix(50))),
            ("bytes=-0", None),
            ("bytes=9-3", None),
            ("bytes=0-1,5-6", None),
            ("lines=0-1", None),
        ] {
            let headers = HeaderMap::from_iter([(header::RANGE, text.parse().unwrap())]);
            assert_eq!(range(&headers), expected, "{text}");
        }
        assert_eq!(range(&HeaderMap::new()), None);
    }

    #[test]
    fn a_name_is_written_so_that_no_header_can_be_made_of_it() {
        assert_eq!(attachment("居 a\"\r\n.pdf"), "attachment; filename*=UTF-8''%E5%B1%85%20a%22%0D%0A.pdf");
    }
}
