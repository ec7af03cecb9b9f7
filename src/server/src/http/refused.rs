//! Refusals over HTTP: `{"error": {"code", "field", "detail", "retryable"}}`, as on the WebSocket.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bangban_domain::{
    conversation::InvalidField,
    time::{HOUR, Millis, SECOND},
};
use bangban_protocol::{ErrorCode, WireError};

use super::openapi::Refusal;

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
            ErrorCode::BadRequest | ErrorCode::UnknownItem | ErrorCode::ListedWord | ErrorCode::UnsupportedProtocol => {
                StatusCode::BAD_REQUEST
            }
            ErrorCode::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            ErrorCode::Unauthenticated | ErrorCode::TokenExpired => StatusCode::UNAUTHORIZED,
            ErrorCode::Forbidden => StatusCode::FORBIDDEN,
            ErrorCode::NotFound => StatusCode::NOT_FOUND,
            ErrorCode::InvalidStage
            | ErrorCode::OfferGone
            | ErrorCode::AgentFull
            | ErrorCode::SlotFull
            | ErrorCode::SlotPast
            | ErrorCode::Outdated
            | ErrorCode::InUse => StatusCode::CONFLICT,
            ErrorCode::UnsupportedFile => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            ErrorCode::Infected => StatusCode::UNPROCESSABLE_ENTITY,
            ErrorCode::RateLimited | ErrorCode::QuotaUsed => StatusCode::TOO_MANY_REQUESTS,
            ErrorCode::Busy => StatusCode::SERVICE_UNAVAILABLE,
            ErrorCode::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let retry_after = match error.code {
            ErrorCode::RateLimited | ErrorCode::Busy => Some(SECOND),
            // It is one of an hour.
            ErrorCode::QuotaUsed => Some(HOUR),
            _ => None,
        };
        Self { retry_after, ..Self::new(status, error) }
    }
}

/// Our fault; the cause goes to the log only.
impl From<anyhow::Error> for Refused {
    fn from(error: anyhow::Error) -> Self {
        match error.downcast::<WireError>() {
            Ok(refusal) => refusal.into(),
            Err(error) => match error.downcast::<bangban_store::StoreError>() {
                Ok(error) => crate::app::store_error(error).into(),
                Err(error) => Self::internal(&format!("{error:#}")),
            },
        }
    }
}

impl From<InvalidField> for Refused {
    fn from(error: InvalidField) -> Self {
        Self::field(error.field, &error.problem.to_string())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(Refusal { error: self.error })).into_response();
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(span) = self.retry_after {
            // Whole seconds, and not a moment too early.
            let seconds = (span + SECOND - 1) / SECOND;
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
