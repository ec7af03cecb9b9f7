//! Speech to text at a system that takes what `POST /audio/transcriptions` of OpenAI takes: `multipart/form-data` with `file`, `model`,
//! `language` and `response_format`, answered with `{"text"}`. The sound is kept nowhere, and the text is not in the log.

use std::{
    net::Ipv4Addr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use anyhow::Context as _;
use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::post,
};
use bangban_domain::{CitizenId, Timestamp, conversation::MAX_TEXT, time::Millis};
use serde::Deserialize;
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{Line, Problem, Trouble};
use crate::{
    clock::Clock,
    config::{Config, SpeechKeys},
    desk::new_id,
    outbox::Allowed,
    throttle::{Buckets, Rate},
};

/// Speeches of one citizen at once, and seconds for one more.
const BURST: u32 = 10;
const SECONDS: i64 = 6;

/// What the demo hears, whatever is said.
const DEMO: &str = "居住证怎么办理，需要什么材料？（演示识别）";

#[derive(Deserialize)]
struct Transcription {
    text: String,
}

/// What recognises speech.
pub struct Recogniser {
    line: Line,
    clock: Clock,
    model: String,
    /// Filled by one a second of a time that goes slower by [`SECONDS`].
    buckets: Mutex<Buckets<CitizenId>>,
}

fn line(keys: &SpeechKeys, allowed: Allowed) -> Result<Line, Problem> {
    super::check_model("connectors.speech.model", &keys.model)?;
    let patience = Duration::from_secs(keys.seconds.into());
    Line::new("connectors.speech.url", (&keys.url, &keys.token), patience, allowed)
}

/// Is it a configuration that can be used?
///
/// # Errors
/// The key and what is wrong with it.
pub(crate) fn check(keys: &SpeechKeys, reached: &[String]) -> Result<(), Problem> {
    if keys.url.is_empty() {
        return Ok(());
    }
    let allowed = Allowed::new(reached).map_err(|entry| ("notify.allow", entry))?;
    line(keys, allowed).map(drop)
}

/// What recognises speech: of the configuration, else in the demo what hears always the same.
///
/// # Errors
/// Names the key; or if the demo's recogniser cannot be started.
pub(crate) async fn recogniser(
    config: &Config,
    demo: bool,
    clock: &Clock,
    stopping: &CancellationToken,
) -> anyhow::Result<Option<Recogniser>> {
    let mut keys = config.connectors.speech.clone();
    let mut reached = config.notify.allow.clone();
    if demo && keys.url.is_empty() {
        (keys.url, keys.token) = serve_demo(stopping.clone()).await?;
        reached.push(Ipv4Addr::LOCALHOST.to_string());
    }
    if keys.url.is_empty() {
        return Ok(None);
    }
    let problem = |(key, problem): Problem| anyhow::anyhow!("configuration: {key}: {problem}");
    let allowed = Allowed::new(&reached).map_err(|entry| problem(("notify.allow", entry)))?;
    let line = line(&keys, allowed).map_err(problem)?;
    let buckets = Mutex::new(Buckets::new(Rate { burst: BURST, per_second: 1 }));
    Ok(Some(Recogniser { line, clock: clock.clone(), model: keys.model, buckets }))
}

/// The body of the request, and its boundary.
fn form(model: &str, sound: &[u8]) -> (String, Vec<u8>) {
    // Long and new, so that the sound does not hold it.
    let boundary = format!("bangban-{:032x}", new_id());
    let mut body = Vec::with_capacity(sound.len() + 1_024);
    for (name, value) in [("model", model), ("language", "zh"), ("response_format", "json")] {
        let part = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend_from_slice(part.as_bytes());
    }
    let head =
        "Content-Disposition: form-data; name=\"file\"; filename=\"speech.wav\"\r\nContent-Type: audio/wav\r\n\r\n";
    body.extend_from_slice(format!("--{boundary}\r\n{head}").as_bytes());
    body.extend_from_slice(sound);
    body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    (boundary, body)
}

/// As one line that a citizen reads before it is sent.
fn line_of(text: &str) -> String {
    let plain: String =
        text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(MAX_TEXT).collect();
    plain.trim().to_owned()
}

impl Recogniser {
    /// May this citizen have one more recognised? Else it is known after which time.
    pub(crate) fn take(&self, citizen: CitizenId) -> Result<(), Millis> {
        let slow = Timestamp(self.clock.now().0.div_euclid(SECONDS));
        // A bucket is whole after every call, so a panic elsewhere has not harmed it.
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        buckets.take_or_wait(slow, citizen, false).map_err(|wait| wait.saturating_mul(SECONDS))
    }

    /// What was said; empty: nothing that could be understood.
    pub(crate) async fn heard(&self, sound: &[u8]) -> Result<String, Trouble> {
        let (boundary, body) = form(&self.model, sound);
        let request = self
            .line
            .post("audio/transcriptions")?
            .header(header::CONTENT_TYPE, format!("multipart/form-data; boundary={boundary}"))
            .body(body);
        let Transcription { text } = self.line.ask(self.clock.now(), request).await?;
        Ok(line_of(&text))
    }
}

async fn transcribe(State(token): State<String>, headers: HeaderMap, body: Bytes) -> Response {
    let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if shown.and_then(|value| value.strip_prefix("Bearer ")) != Some(&token) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    if !body.windows(4).any(|four| four == b"RIFF") {
        return StatusCode::BAD_REQUEST.into_response();
    }
    Json(json!({ "text": DEMO })).into_response()
}

/// The demo's recogniser: a real HTTP server on this machine that always hears the same, and says that it does.
async fn serve_demo(stopping: CancellationToken) -> anyhow::Result<(String, String)> {
    let token = format!("{:032x}", new_id());
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("the demo's recogniser")?;
    let address = format!("http://{}/v1", listener.local_addr()?);
    let routes = Router::new().route("/v1/audio/transcriptions", post(transcribe)).with_state(token.clone());
    tokio::spawn(async move {
        let ends = async move { stopping.cancelled().await };
        if let Err(error) = axum::serve(listener, routes).with_graceful_shutdown(ends).await {
            tracing::warn!(%error, "the demo's recogniser has ended");
        }
    });
    Ok((address, token))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_holds_the_sound_as_it_is_and_ends_with_its_boundary() {
        let sound = [0, 13, 10, 45, 45, 255];
        let (boundary, body) = form("whisper-1", &sound);
        assert!(body.windows(sound.len()).any(|part| part == sound));
        assert!(body.ends_with(format!("\r\n--{boundary}--\r\n").as_bytes()));
        assert_eq!(body.windows(boundary.len()).filter(|part| *part == boundary.as_bytes()).count(), 5);
    }

    #[test]
    fn what_was_heard_is_one_line() {
        assert_eq!(line_of(" 居住证\n怎么办\u{7} "), "居住证 怎么办");
        assert_eq!(line_of(&"字".repeat(9_000)).chars().count(), MAX_TEXT);
    }
}
