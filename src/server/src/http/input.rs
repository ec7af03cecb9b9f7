//! What a request says, read into types; what is wrong is refused in our form and named. For handlers, see `openapi.rs`.

use std::{num::TryFromIntError, str::FromStr, time::Duration};

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Path, Query, Request, rejection::BytesRejection},
    http::{StatusCode, request::Parts},
};
use bangban_protocol::{ErrorCode, WireError};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use tokio::time::timeout;

use super::refused::Refused;

/// A body has to come within this time: it is a few kilobytes. (Uploads have rules of their own.)
const PATIENCE: Duration = Duration::from_secs(10);

/// Bodies with more fields than any has are not searched for the one that is wrong.
const MAX_FIELDS: usize = 64;

/// A JSON object of the type `T`.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refused> {
        let fields = object(request, state, PATIENCE).await?;
        match serde_json::from_value(Value::Object(fields.clone())) {
            Ok(body) => Ok(Self(body)),
            Err(error) => Err(wrong_field::<T>(fields, &error)),
        }
    }
}

/// A query of the type `T`.
pub(super) struct Params<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        let said = parts.uri.query().unwrap_or_default().to_owned();
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(params)) => Ok(Self(params)),
            Err(rejection) => {
                let complaint = rejection.body_text();
                let field = missing(&complaint).or_else(|| before_colon(&complaint, &said)).unwrap_or("query".into());
                Err(Refused::field(&field, "is missing, malformed or out of bounds"))
            }
        }
    }
}

/// A number or version of rows in a query. Rows count in `BIGINT`, and so says the description: what is beyond is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "i64")]
pub(super) struct RowNo(pub(super) u64);

impl TryFrom<i64> for RowNo {
    type Error = TryFromIntError;

    fn try_from(number: i64) -> Result<Self, TryFromIntError> {
        u64::try_from(number).map(Self)
    }
}

/// The one parameter of the path. What is no `T` names nothing of ours.
pub(super) struct Named<T>(pub(super) T);

impl<T: FromStr, S: Send + Sync> FromRequestParts<S> for Named<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        let text = Path::<String>::from_request_parts(parts, state).await.ok();
        let named = text.and_then(|Path(text)| text.parse().ok());
        named.map(Self).ok_or_else(|| WireError::new(ErrorCode::NotFound, "there is none with this name").into())
    }
}

async fn object<S: Send + Sync>(
    request: Request,
    state: &S,
    patience: Duration,
) -> Result<Map<String, Value>, Refused> {
    let bytes = timeout(patience, Bytes::from_request(request, state)).await.map_err(|_| too_slow())?;
    match serde_json::from_slice(&bytes.map_err(|error| unreadable(&error))?) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err(Refused::field("body", "must be a JSON object")),
        // The position only: the text could be a password.
        Err(error) => {
            let detail = format!("is not JSON (line {}, column {})", error.line(), error.column());
            Err(Refused::field("body", &detail))
        }
    }
}

fn too_slow() -> Refused {
    let error =
        WireError { field: Some("body".to_owned()), ..WireError::new(ErrorCode::BadRequest, "came too slowly") };
    Refused::new(StatusCode::REQUEST_TIMEOUT, error)
}

fn unreadable(error: &BytesRejection) -> Refused {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        let error =
            WireError { field: Some("body".to_owned()), ..WireError::new(ErrorCode::TooLarge, "the body is too long") };
        return Refused::new(StatusCode::PAYLOAD_TOO_LARGE, error);
    }
    Refused::field("body", "cannot be read")
}

/// serde does not say which field has the wrong type: it is the one without which the complaint is another. Its own words
/// may repeat what was sent, so they are not passed on.
fn wrong_field<T: DeserializeOwned>(mut fields: Map<String, Value>, error: &serde_json::Error) -> Refused {
    let complaint = error.to_string();
    if let Some(field) = missing(&complaint) {
        return Refused::field(&field, "is missing");
    }
    let names: Vec<String> = fields.keys().take(MAX_FIELDS + 1).cloned().collect();
    let culprit = names.into_iter().take(MAX_FIELDS).find(|name| {
        let Some(value) = fields.remove(name) else { return false };
        let without = serde_json::from_value::<T>(Value::Object(fields.clone()));
        fields.insert(name.clone(), value);
        without.err().is_none_or(|other| other.to_string() != complaint)
    });
    Refused::field(culprit.as_deref().unwrap_or("body"), "is unknown, malformed or out of bounds")
}

/// The field that serde misses.
fn missing(complaint: &str) -> Option<String> {
    let (_, rest) = complaint.split_once("missing field `")?;
    rest.split_once('`').map(|(field, _)| field.to_owned())
}

/// A query's complaint begins, behind axum's own words, with the field if there is one: only what was sent is taken for it.
fn before_colon(complaint: &str, said: &str) -> Option<String> {
    let mut words = complaint.split(": ");
    let field = words.find(|word| said.split('&').any(|pair| pair.split('=').next() == Some(word)))?;
    Some(field.to_owned())
}

#[cfg(test)]
mod tests {
    use axum::{body::Body as Bytes, response::IntoResponse as _};

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Sent {
        #[expect(dead_code, reason = "only whether it can be read matters")]
        full_name: String,
        #[serde(default)]
        #[expect(dead_code, reason = "only whether it can be read matters")]
        level: u8,
    }

    async fn said(refused: Refused) -> (u16, String) {
        let response = refused.into_response();
        let status = response.status().as_u16();
        let bytes = axum::body::to_bytes(response.into_body(), 4096).await.unwrap();
        let body: Value = serde_json::from_slice(&bytes).unwrap();
        (status, body["error"]["field"].as_str().unwrap_or_default().to_owned())
    }

    #[tokio::test]
    async fn the_field_of_a_body_that_is_wrong_is_named() {
        for (body, field) in [
            (r#"{"fullName":"a","level":300}"#, "level"),
            (r#"{"fullName":"a","level":"secret"}"#, "level"),
            (r#"{"fullName":7,"level":1}"#, "fullName"),
            (r#"{"level":1}"#, "fullName"),
            (r#"{"fullName":"a","other":1}"#, "other"),
            (r#"["a"]"#, "body"),
            ("{", "body"),
            ("", "body"),
        ] {
            let request = Request::builder().method("POST").body(Bytes::from(body)).unwrap();
            let refused = Body::<Sent>::from_request(request, &()).await.err().unwrap();
            assert_eq!(said(refused).await, (400, field.to_owned()), "{body}");
        }
        let request = Request::builder().method("POST").body(Bytes::from(r#"{"fullName":"a"}"#)).unwrap();
        assert!(Body::<Sent>::from_request(request, &()).await.is_ok());
    }

    #[tokio::test]
    async fn the_parameter_of_a_query_that_is_wrong_is_named() {
        for (query, field) in
            [("level=1", "fullName"), ("fullName=a&level=x", "level"), ("fullName=a&level=300", "level")]
        {
            let request = Request::builder().uri(format!("/?{query}")).body(()).unwrap();
            let refused = Params::<Sent>::from_request_parts(&mut request.into_parts().0, &()).await.err().unwrap();
            assert_eq!(said(refused).await, (400, field.to_owned()), "{query}");
        }
        let request = Request::builder().uri("/?fullName=a&level=9").body(()).unwrap();
        assert!(Params::<Sent>::from_request_parts(&mut request.into_parts().0, &()).await.is_ok());
    }

    #[tokio::test]
    async fn a_number_that_no_row_can_have_is_refused() {
        #[derive(Deserialize)]
        struct Asked {
            after: Option<RowNo>,
        }
        for (query, expected) in [
            ("", Ok(None)),
            ("after=0", Ok(Some(RowNo(0)))),
            ("after=9223372036854775807", Ok(Some(RowNo(9_223_372_036_854_775_807)))),
            ("after=9223372036854775808", Err((400, "after".to_owned()))),
            ("after=-1", Err((400, "after".to_owned()))),
        ] {
            let request = Request::builder().uri(format!("/?{query}")).body(()).unwrap();
            let read = match Params::<Asked>::from_request_parts(&mut request.into_parts().0, &()).await {
                Ok(Params(asked)) => Ok(asked.after),
                Err(refused) => Err(said(refused).await),
            };
            assert_eq!(read, expected, "{query}");
        }
    }

    #[tokio::test]
    async fn a_body_that_never_ends_is_not_waited_for() {
        let never = Bytes::from_stream(futures_util::stream::pending::<Result<axum::body::Bytes, std::io::Error>>());
        let request = Request::builder().method("POST").body(never).unwrap();
        let refused = object(request, &(), Duration::from_millis(20)).await.err().unwrap();
        assert_eq!(said(refused).await, (408, "body".to_owned()));
    }
}
