//! The portal's public keys. Which algorithm a key is for is a property of the key, never of the token (RFC 8725 section
//! 3.1); what a token says of where its key is (`jku`, `jwk`, `x5u`, `x5c`) is not looked at.

use std::{
    path::PathBuf,
    sync::{PoisonError, RwLock},
    time::Duration,
};

use bangban_domain::{Timestamp, time::SECOND};
use jsonwebtoken::{
    Algorithm, DecodingKey, Validation,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse},
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::Mutex;

/// Reading the keys may take so long.
const PATIENCE: Duration = Duration::from_secs(5);

/// Longest set of keys, in bytes.
const LONGEST: usize = 64 * 1024;

/// A token with an unknown key makes us look again, but not more often than this, in milliseconds.
const LOOK_AGAIN: i64 = 10 * SECOND;

/// Where the keys are.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Source {
    File(PathBuf),
    Url(reqwest::Url),
}

/// Keys that cannot be used; says why, and names the source.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The file cannot be read.
    #[error("{0} cannot be read: {1}")]
    File(PathBuf, std::io::Error),
    /// The address does not answer with a set of keys.
    #[error("{0} does not answer: {1}")]
    Url(reqwest::Url, String),
    /// No key in it that we could use.
    #[error("no Ed25519, P-256 or RSA public key, neither as JSON Web Key Set nor as PEM")]
    NoKey,
    /// Whoever can read it can sign.
    #[error("it contains a private key; we need the public one only")]
    Private,
    /// Too long.
    #[error("it is longer than {LONGEST} bytes")]
    TooLong,
}

/// One key, and what it is for.
struct PublicKey {
    id: Option<String>,
    algorithm: Algorithm,
    key: DecodingKey,
}

/// Why a token is no good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Forged, foreign or misshapen.
    Invalid,
    /// Signed with a key that is not known here.
    UnknownKey,
}

/// See the module.
pub(crate) struct PortalKeys {
    source: Source,
    client: reqwest::Client,
    known: RwLock<Vec<PublicKey>>,
    /// When they were looked for last; held while that is done.
    looked_at: Mutex<Option<Timestamp>>,
}

impl PortalKeys {
    /// `source` is the path of a file or the address of a JSON Web Key Set.
    pub(crate) fn new(source: &str) -> Self {
        let source = match reqwest::Url::parse(source) {
            Ok(url) if matches!(url.scheme(), "http" | "https") => Source::Url(url),
            _ => Source::File(source.into()),
        };
        let client = reqwest::Client::builder().timeout(PATIENCE).redirect(reqwest::redirect::Policy::none());
        // Fails only without TLS, which is built in.
        let client = client.build().unwrap_or_default();
        Self { source, client, known: RwLock::default(), looked_at: Mutex::new(None) }
    }

    /// How often to look for new keys.
    pub(super) const fn pause(&self) -> Duration {
        match self.source {
            Source::File(_) => Duration::from_secs(60),
            Source::Url(_) => Duration::from_secs(600),
        }
    }

    /// Reads the keys again. If that fails, those that are known stay.
    pub(crate) async fn refresh(&self, now: Timestamp) -> Result<(), KeysError> {
        let mut looked_at = self.looked_at.lock().await;
        *looked_at = Some(now);
        let keys = parse(&self.read().await?)?;
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = keys;
        Ok(())
    }

    /// As [`PortalKeys::refresh`], unless that was tried a moment ago.
    pub(crate) async fn look_again(&self, now: Timestamp) {
        let is_soon = self.looked_at.lock().await.is_some_and(|at| now.since(at) < LOOK_AGAIN);
        if !is_soon && let Err(error) = self.refresh(now).await {
            tracing::warn!(%error, "the portal's keys cannot be read; those that are known stay");
        }
    }

    /// Are there any?
    pub(super) fn are_there(&self) -> bool {
        !self.known.read().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// What the token says, if one of the keys has signed it. `validation` gives audience and issuer.
    pub(crate) fn verify<T: DeserializeOwned>(&self, token: &str, validation: &Validation) -> Result<T, Refused> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| Refused::Invalid)?;
        // RFC 7515 section 4.1.11: what must be understood and is not.
        if header.crit.is_some() {
            return Err(Refused::Invalid);
        }
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let is_named = |key: &&PublicKey| header.kid.is_none() || key.id == header.kid;
        let mut named = known.iter().filter(is_named).peekable();
        if named.peek().is_none() {
            return Err(Refused::UnknownKey);
        }
        for PublicKey { algorithm, key, .. } in named {
            let validation = Validation { algorithms: vec![*algorithm], ..validation.clone() };
            if let Ok(token) = jsonwebtoken::decode::<T>(token, key, &validation) {
                return Ok(token.claims);
            }
        }
        Err(Refused::Invalid)
    }

    async fn read(&self) -> Result<Vec<u8>, KeysError> {
        match &self.source {
            Source::File(path) => tokio::fs::read(path).await.map_err(|error| KeysError::File(path.clone(), error)),
            Source::Url(url) => self.fetch(url).await,
        }
    }

    async fn fetch(&self, url: &reqwest::Url) -> Result<Vec<u8>, KeysError> {
        let failed = |error: reqwest::Error| KeysError::Url(url.clone(), error.without_url().to_string());
        let mut answer = self.client.get(url.clone()).send().await.map_err(failed)?;
        if answer.status() != reqwest::StatusCode::OK {
            return Err(KeysError::Url(url.clone(), format!("status {}", answer.status())));
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(failed)? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > LONGEST {
                return Err(KeysError::TooLong);
            }
        }
        Ok(bytes)
    }
}

fn parse(bytes: &[u8]) -> Result<Vec<PublicKey>, KeysError> {
    if bytes.len() > LONGEST {
        return Err(KeysError::TooLong);
    }
    if bytes.trim_ascii_start().starts_with(b"-----BEGIN") {
        return parse_pem(bytes);
    }
    let set: Value = serde_json::from_slice(bytes).map_err(|_| KeysError::NoKey)?;
    let keys = set.get("keys").and_then(Value::as_array).ok_or(KeysError::NoKey)?;
    if keys.iter().any(|key| key.get("d").is_some()) {
        return Err(KeysError::Private);
    }
    // Keys for other purposes, and kinds that we do not know, stand beside ours.
    let keys: Vec<_> = keys.iter().filter_map(|key| public_key(serde_json::from_value(key.clone()).ok()?)).collect();
    if keys.is_empty() { Err(KeysError::NoKey) } else { Ok(keys) }
}

fn public_key(jwk: Jwk) -> Option<PublicKey> {
    let (algorithm, name) = match &jwk.algorithm {
        AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519 => {
            (Algorithm::EdDSA, KeyAlgorithm::EdDSA)
        }
        AlgorithmParameters::EllipticCurve(point) if point.curve == EllipticCurve::P256 => {
            (Algorithm::ES256, KeyAlgorithm::ES256)
        }
        AlgorithmParameters::RSA(_) => (Algorithm::RS256, KeyAlgorithm::RS256),
        _ => return None,
    };
    let is_for_us = jwk.common.key_algorithm.is_none_or(|said| said == name)
        && jwk.common.public_key_use.as_ref().is_none_or(|what| *what == PublicKeyUse::Signature);
    let key = DecodingKey::from_jwk(&jwk).ok().filter(|_| is_for_us)?;
    Some(PublicKey { id: jwk.common.key_id, algorithm, key })
}

fn parse_pem(bytes: &[u8]) -> Result<Vec<PublicKey>, KeysError> {
    if String::from_utf8_lossy(bytes).contains("PRIVATE KEY") {
        return Err(KeysError::Private);
    }
    let tries = [
        (Algorithm::EdDSA, DecodingKey::from_ed_pem(bytes)),
        (Algorithm::ES256, DecodingKey::from_ec_pem(bytes)),
        (Algorithm::RS256, DecodingKey::from_rsa_pem(bytes)),
    ];
    let found = tries.into_iter().find_map(|(algorithm, key)| Some((algorithm, key.ok()?)));
    let (algorithm, key) = found.ok_or(KeysError::NoKey)?;
    Ok(vec![PublicKey { id: None, algorithm, key }])
}
