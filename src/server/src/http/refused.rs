//! Refusals over HTTP: `{"error": {"code", "field", "detail", "retryable"}}`, as on the WebSocket; and request bodies,
//! whose faults are named.

use axum::{
    Json,
    body::Bytes,
    extract::{FromRequest, Request, rejection::BytesRejection},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bangban_domain::{
    conversation::{InvalidField, Problem},
    time::{Millis, SECOND},
};
use bangban_protocol::{ErrorCode, WireError};
use serde_json::{Map, Value};

/// A refusal; only its makers know status codes.
pub(super) struct Refused {
    status: StatusCode,
    error: WireError,
    retry_after: Option<Millis>,
}

impl Refused {
    pub(super) const fn new(status: StatusCode, error: WireError) -> Self {
        Self { status, error, retry_after: None }
    }

    /// Our fault; the cause goes to the log only.
    pub(super) fn internal(error: &impl std::fmt::Display) -> Self {
        tracing::error!(%error, "a request failed");
        let answer = WireError::new(ErrorCode::Internal, "the server could not do it");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, answer)
    }

    /// Come back after this span.
    pub(super) fn too_many(retry_after: Millis, detail: &str) -> Self {
        let error = WireError::new(ErrorCode::RateLimited, detail);
        Self { status: StatusCode::TOO_MANY_REQUESTS, error, retry_after: Some(retry_after) }
    }

    pub(super) fn field(field: &str, detail: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, WireError::field(field, detail))
    }
}

/// With the status that belongs to its code.
impl From<WireError> for Refused {
    fn from(error: WireError) -> Self {
        let status = match error.code {
            ErrorCode::BadRequest | ErrorCode::UnknownItem | ErrorCode::UnsupportedProtocol => StatusCode::BAD_REQUEST,
            ErrorCode::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            ErrorCode::Unauthenticated | ErrorCode::TokenExpired => StatusCode::UNAUTHORIZED,
            ErrorCode::Forbidden => StatusCode::FORBIDDEN,
            ErrorCode::NotFound => StatusCode::NOT_FOUND,
            ErrorCode::InvalidStage
            | ErrorCode::OfferGone
            | ErrorCode::SlotFull
            | ErrorCode::Outdated
            | ErrorCode::InUse => StatusCode::CONFLICT,
            ErrorCode::UnsupportedFile => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            ErrorCode::Infected => StatusCode::UNPROCESSABLE_ENTITY,
            ErrorCode::RateLimited | ErrorCode::QuotaUsed => StatusCode::TOO_MANY_REQUESTS,
            ErrorCode::Busy => StatusCode::SERVICE_UNAVAILABLE,
            ErrorCode::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, error)
    }
}

impl From<InvalidField> for Refused {
    fn from(error: InvalidField) -> Self {
        Self::field(error.field, &error.problem.to_string())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(serde_json::json!({ "error": self.error }))).into_response();
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(span) = self.retry_after {
            // Whole seconds, and not a moment too early.
            let seconds = (span + SECOND - 1) / SECOND;
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// A request's body: a JSON object, whose fields are asked for one by one.
pub(super) struct Fields(Map<String, Value>);

impl Fields {
    /// A text of 1..=`max` characters, exactly as it was sent.
    pub(super) fn text(&self, field: &'static str, max: usize) -> Result<&str, Refused> {
        let value = self.0.get(field).ok_or_else(|| Refused::field(field, "is missing"))?;
        let text = value.as_str().ok_or_else(|| Refused::field(field, "must be a text"))?;
        if text.is_empty() {
            return Err(InvalidField { field, problem: Problem::Empty }.into());
        }
        Ok(bangban_domain::conversation::at_most(field, text, max)?)
    }
}

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = Refused;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refused> {
        let bytes = Bytes::from_request(request, state).await.map_err(|error| unreadable(&error))?;
        match serde_json::from_slice(&bytes) {
            Ok(Value::Object(fields)) => Ok(Self(fields)),
            Ok(_) => Err(Refused::field("body", "must be a JSON object")),
            // The position only: the text could be a password.
            Err(error) => {
                let detail = format!("is not JSON (line {}, column {})", error.line(), error.column());
                Err(Refused::field("body", &detail))
            }
        }
    }
}

pub(super) fn unreadable(error: &BytesRejection) -> Refused {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        let error =
            WireError { field: Some("body".to_owned()), ..WireError::new(ErrorCode::TooLarge, "the body is too long") };
        return Refused::new(StatusCode::PAYLOAD_TOO_LARGE, error);
    }
    Refused::field("body", "cannot be read")
}
