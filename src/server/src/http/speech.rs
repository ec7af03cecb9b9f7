//! Speech of citizens to text, which they read and send themselves. The sound is in memory as long as the request, and nowhere else.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header},
};
use bangban_domain::sound::speech_length;
use bangban_protocol::{ErrorCode, WireError};
use serde::Serialize;
use utoipa::ToSchema;

use super::{bearer::Bearer, citizen::Private, openapi::Refusal, refused::Refused};
use crate::{app::App, auth::Principal};

/// Longest body: a minute at 16 kHz, and what stands around it.
pub(super) const MAX_SPEECH: usize = 2_000_000;

/// What was said.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Speech {
    /// One line; empty: nothing that could be understood.
    text: String,
}

/// Recognises speech
///
/// For the citizen to read, and to send or not. `/api/config` says whether there is something that recognises it.
#[utoipa::path(
    post, path = "/api/citizen/speech", tag = "citizen", security(("citizen" = [])),
    request_body(description = "WAV: PCM, 16 bits, one channel, 8 to 48 kHz; 0.3 to 60 seconds", content_type = "audio/wav"),
    responses(
        (status = 200, body = Speech),
        (status = 400, description = "Too short or too long", body = Refusal),
        (status = 403, description = "Not a citizen", body = Refusal),
        (status = 404, description = "Nothing recognises speech here", body = Refusal),
        (status = 413, description = "Too long", body = Refusal),
        (status = 415, description = "Not such a WAV", body = Refusal),
        (status = 429, description = "Too many of one citizen", body = Refusal),
        (status = 503, description = "What recognises it does not answer", body = Refusal),
    ),
)]
pub(super) async fn recognise(
    State(app): State<Arc<App>>,
    Bearer(who): Bearer,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Private<Speech>, Refused> {
    let Principal::Citizen(citizen) = who else {
        return Err(WireError::new(ErrorCode::Forbidden, "only citizens' speech is recognised").into());
    };
    let Some(recogniser) = &app.recogniser else {
        return Err(WireError::new(ErrorCode::NotFound, "nothing recognises speech here").into());
    };
    if headers.get(header::CONTENT_TYPE).is_none_or(|value| value != "audio/wav") {
        let error = WireError::field("Content-Type", "must be audio/wav");
        return Err(Refused::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, error));
    }
    let length = speech_length(&body).map_err(|error| match error {
        bangban_domain::sound::BadSound::Length => Refused::field("body", &error.to_string()),
        bangban_domain::sound::BadSound::NotWav => {
            Refused::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, WireError::field("body", error.to_string()))
        }
    })?;
    recogniser.take(citizen.id).map_err(|wait| Refused::too_many(wait, "too much speech of one citizen, wait"))?;
    let heard = recogniser.heard(&body).await;
    tracing::info!(citizen = %citizen.id, length, bytes = body.len(), is_heard = heard.is_ok(), "speech to be recognised");
    let text = heard.map_err(|trouble| {
        tracing::warn!(%trouble, "what recognises speech gave no answer");
        Refused::from(WireError::new(ErrorCode::Busy, "what recognises speech does not answer"))
    })?;
    Ok(Private(Speech { text }))
}
