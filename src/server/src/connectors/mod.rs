//! Systems of the offices that are asked over HTTP and JSON: `POST` to an address below a base, a bearer token, a time limit,
//! an answer of bounded size. What does not keep the contract is no answer. Log lines have names and numbers of ours only.

pub mod actions;
mod demo;
pub(crate) mod rephrase;
pub mod speech;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bangban_domain::{Timestamp, task::Circuit};
use reqwest::{RequestBuilder, StatusCode, Url, header, redirect::Policy};
use serde::de::DeserializeOwned;

use crate::outbox::{Allowed, Guarded, url};

/// Longest answer.
const MAX_REPLY: usize = 256 * 1024;

/// A configuration key and what is wrong with it.
pub(crate) type Problem = (&'static str, String);

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Trouble {
    /// It is left alone for a while, because it has failed several times.
    #[error("it is left alone after several failures")]
    LeftAlone,
    /// There was no connection: nothing was sent.
    #[error("{0}")]
    NotSent(String),
    /// No answer within the time, or the connection was lost: something may have been done.
    #[error("{0}")]
    Unreached(String),
    /// The request itself is refused: by the contract nothing was done.
    #[error("status {0}")]
    Refused(u16),
    /// It failed: something may have been done.
    #[error("status {0}")]
    Status(u16),
    /// The answer does not keep the contract.
    #[error("the answer does not keep the contract: {0}")]
    Broken(String),
}

/// A system that is asked.
pub(crate) struct Line {
    client: reqwest::Client,
    base: Url,
    token: String,
    circuit: Mutex<Circuit>,
}

/// Is it the name of a model that may stand in a request?
fn check_model(key: &'static str, model: &str) -> Result<(), Problem> {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '-' | '/' | ':');
    if model.is_empty() || !model.chars().all(is_plain) {
        return Err((key, "must have letters, digits and . _ - / : only".to_owned()));
    }
    Ok(())
}

impl Line {
    /// `key`: of its address; `keys`: address and token.
    pub(crate) fn new(
        key: &'static str,
        (address, token): (&str, &str),
        patience: Duration,
        allowed: Allowed,
    ) -> Result<Self, Problem> {
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err((key, "has a token with blanks or letters that are not ASCII".to_owned()));
        }
        // What is joined to an address without a slash would replace its last part.
        let base = url(key, &format!("{}/", address.trim_end_matches('/')), &allowed)?;
        let client = reqwest::Client::builder()
            .timeout(patience)
            .redirect(Policy::none())
            .no_proxy()
            .dns_resolver(Arc::new(Guarded(Arc::new(allowed))));
        // Fails only without TLS, which is built in.
        let client = client.build().unwrap_or_default();
        Ok(Self { client, base, token: token.to_owned(), circuit: Mutex::default() })
    }

    fn circuit<T>(&self, use_it: impl FnOnce(&mut Circuit) -> T) -> T {
        use_it(&mut self.circuit.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whoever asked has not waited for the answer.
    fn failed(&self, now: Timestamp) {
        self.circuit(|circuit| circuit.failed(now));
    }

    /// A request to an address below the base.
    pub(crate) fn post(&self, path: &str) -> Result<RequestBuilder, Trouble> {
        let to = self.base.join(path).map_err(|_| Trouble::Broken("no address".to_owned()))?;
        let request = self.client.post(to).header(header::ACCEPT, "application/json");
        Ok(if self.token.is_empty() { request } else { request.bearer_auth(&self.token) })
    }

    /// Sends it, unless the system is left alone, and reads the answer.
    pub(crate) async fn ask<T: DeserializeOwned>(&self, now: Timestamp, request: RequestBuilder) -> Result<T, Trouble> {
        self.circuit(|circuit| circuit.admit(now)).map_err(|_| Trouble::LeftAlone)?;
        let answer = answered(request).await;
        match &answer {
            // It is there, and says no.
            Ok(_) | Err(Trouble::Refused(_)) => self.circuit(Circuit::succeeded),
            Err(_) => self.circuit(|circuit| circuit.failed(now)),
        }
        answer
    }
}

async fn answered<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, Trouble> {
    let unreached = |error: reqwest::Error| match error.is_connect() {
        true => Trouble::NotSent(chain(&error.without_url())),
        false => Trouble::Unreached(chain(&error.without_url())),
    };
    let mut answer = request.send().await.map_err(unreached)?;
    let status = answer.status();
    if !status.is_success() {
        let may_pass =
            matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS);
        return Err(match status.is_client_error() && !may_pass {
            true => Trouble::Refused(status.as_u16()),
            false => Trouble::Status(status.as_u16()),
        });
    }
    let kind = answer.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json") {
        return Err(Trouble::Broken("it is no application/json".to_owned()));
    }
    let mut body = Vec::new();
    while let Some(part) = answer.chunk().await.map_err(unreached)? {
        if body.len() + part.len() > MAX_REPLY {
            return Err(Trouble::Broken(format!("it has more than {MAX_REPLY} bytes")));
        }
        body.extend_from_slice(&part);
    }
    // Where it breaks, and not what stands there: that may be somebody's.
    let place = |error: &serde_json::Error| format!("line {} column {}", error.line(), error.column());
    serde_json::from_slice(&body).map_err(|error| Trouble::Broken(format!("JSON, {}", place(&error))))
}

/// An error with its causes in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
