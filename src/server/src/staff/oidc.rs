//! Log-in by the organisation's own identity provider (OpenID Connect Core 1.0, authorisation code with PKCE, RFC 7636).
//!
//! ```text
//! browser ── start ──> we seal {state, nonce, verifier, where to go} into a cookie ── redirect ──> issuer
//!    issuer ── code, state, iss ──> callback: cookie and state fit ── code, verifier ──> token endpoint ── ID token
//! ```
//! What comes back counts only if all of it fits: the state is the cookie's, `iss` (RFC 9207) is the issuer that was asked,
//! the code is redeemed with the verifier of this browser, and the ID token is signed by the issuer's keys for us, with the
//! nonce of this attempt, and in time (OpenID Connect Core section 3.1.3.7). Each attempt is good once.

use std::{sync::Mutex, sync::PoisonError, time::Duration};

use anyhow::{Context as _, bail, ensure};
use aws_lc_rs::digest::{SHA256, digest};
use bangban_domain::{
    Timestamp,
    time::{MINUTE, Millis, SECOND},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, Validation};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::sync::RwLock;

use super::{Seal, random_token};
use crate::{
    auth::{PublicKeys, UnusableToken},
    config::OidcKeys,
};

/// How long an attempt may take.
pub const ATTEMPT: Millis = 10 * MINUTE;

/// Clocks may differ by so much.
const SKEW: Millis = MINUTE;

/// What the issuer says of itself is read again after this time.
const FRESH: Millis = 60 * MINUTE;

/// The issuer has so long for each answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Longest answer, in bytes.
const LONGEST: usize = 256 * 1024;

const PURPOSE: &str = "oidc attempt";

/// See the module.
pub struct Oidc {
    keys: OidcKeys,
    client: reqwest::Client,
    known: RwLock<Option<(Timestamp, Provider)>>,
    /// States of attempts that came back, until their time is over.
    used: Mutex<Vec<(String, Timestamp)>>,
}

/// What the issuer says of itself (OpenID Connect Discovery 1.0).
#[derive(Clone)]
struct Provider {
    authorization: reqwest::Url,
    token: reqwest::Url,
    says_issuer: bool,
    keys: std::sync::Arc<PublicKeys>,
}

#[derive(Deserialize)]
struct Discovered {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

/// What has to come back from the browser that began.
#[derive(Debug, Serialize, Deserialize)]
struct Attempt {
    state: String,
    nonce: String,
    verifier: String,
    to: String,
    until: Timestamp,
}

/// A begun attempt.
#[derive(Debug)]
pub struct Begun {
    /// Where the browser goes.
    pub redirect: String,
    /// What it has to bring back.
    pub cookie: String,
}

/// What the issuer's redirect says.
#[derive(Debug, Deserialize)]
pub struct Returned {
    /// The code.
    #[serde(default)]
    pub code: String,
    /// Ours.
    #[serde(default)]
    pub state: String,
    /// Who answers.
    pub iss: Option<String>,
    /// Why not.
    pub error: Option<String>,
}

/// Who has logged in there.
#[derive(Debug)]
pub struct Person {
    /// Staff number.
    pub login: String,
    /// Display name, if it was told.
    pub name: Option<String>,
    /// Which of our pages they came from.
    pub to: String,
}

#[derive(Deserialize)]
struct Tokens {
    id_token: String,
}

impl Oidc {
    /// `None`: not configured.
    #[must_use]
    pub fn new(keys: &OidcKeys) -> Option<Self> {
        if keys.issuer.is_empty() {
            return None;
        }
        // Only who was configured is asked, and it does not send us elsewhere.
        let client = reqwest::Client::builder().timeout(PATIENCE).redirect(reqwest::redirect::Policy::none());
        // Fails only without TLS, which is built in.
        let client = client.build().unwrap_or_default();
        Some(Self { keys: keys.clone(), client, known: RwLock::new(None), used: Mutex::default() })
    }

    /// What the button says.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.keys.label
    }

    /// Are accounts made for staff numbers that are not known?
    #[must_use]
    pub const fn creates(&self) -> bool {
        self.keys.create
    }

    fn redirect_uri(&self) -> String {
        format!("{}/api/staff/oidc/callback", self.keys.public_url)
    }

    async fn provider(&self, now: Timestamp) -> anyhow::Result<Provider> {
        if let Some((at, provider)) = &*self.known.read().await
            && now.since(*at) < FRESH
        {
            return Ok(provider.clone());
        }
        let mut known = self.known.write().await;
        let address = format!("{}/.well-known/openid-configuration", self.keys.issuer.trim_end_matches('/'));
        let found: Discovered = self.json(self.client.get(&address)).await.context("discovery of oidc.issuer")?;
        // Discovery section 4.3: who is another says so, or lies.
        ensure!(found.issuer == self.keys.issuer, "oidc.issuer calls itself {:?}", found.issuer);
        let keys = std::sync::Arc::new(PublicKeys::new(&found.jwks_uri));
        keys.refresh(now).await.context("keys of oidc.issuer")?;
        let provider = Provider {
            authorization: found.authorization_endpoint.parse().context("authorization_endpoint")?,
            token: found.token_endpoint.parse().context("token_endpoint")?,
            says_issuer: found.authorization_response_iss_parameter_supported,
            keys,
        };
        *known = Some((now, provider.clone()));
        Ok(provider)
    }

    async fn json<T: serde::de::DeserializeOwned>(&self, request: reqwest::RequestBuilder) -> anyhow::Result<T> {
        let mut answer = request.send().await.map_err(reqwest::Error::without_url)?;
        let status = answer.status();
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(reqwest::Error::without_url)? {
            bytes.extend_from_slice(&chunk);
            ensure!(bytes.len() <= LONGEST, "an answer of more than {LONGEST} bytes");
        }
        ensure!(status == reqwest::StatusCode::OK, "status {status}");
        Ok(serde_json::from_slice(&bytes)?)
    }

    /// Begins an attempt that is to end on the page `to`.
    ///
    /// # Errors
    /// If the issuer cannot be reached.
    pub async fn begin(&self, seal: &Seal, to: &str, now: Timestamp) -> anyhow::Result<Begun> {
        let provider = self.provider(now).await?;
        let attempt = Attempt {
            state: random_token()?,
            nonce: random_token()?,
            verifier: random_token()?,
            to: to.to_owned(),
            until: now + ATTEMPT,
        };
        let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, attempt.verifier.as_bytes()));
        let mut url = provider.authorization;
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.keys.client_id)
            .append_pair("redirect_uri", &self.redirect_uri())
            .append_pair("scope", &self.keys.scopes.join(" "))
            .append_pair("state", &attempt.state)
            .append_pair("nonce", &attempt.nonce)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256");
        Ok(Begun { redirect: url.into(), cookie: seal.close(PURPOSE, &attempt)? })
    }

    /// Who came back, if all of it fits.
    ///
    /// # Errors
    /// Says what does not, for the log.
    pub async fn finish(
        &self,
        seal: &Seal,
        cookie: Option<&str>,
        returned: &Returned,
        now: Timestamp,
    ) -> anyhow::Result<Person> {
        let attempt: Attempt =
            cookie.and_then(|text| seal.open(PURPOSE, text)).context("no attempt of this browser")?;
        ensure!(attempt.until > now, "the attempt took too long");
        ensure!(!returned.state.is_empty() && returned.state == attempt.state, "not the state of this attempt");
        ensure!(self.is_first(&attempt, now), "the attempt has come back before");
        if let Some(error) = &returned.error {
            bail!("the issuer refuses: {error}");
        }
        ensure!(!returned.code.is_empty(), "no code");
        let provider = self.provider(now).await?;
        match &returned.iss {
            Some(issuer) => ensure!(*issuer == self.keys.issuer, "another issuer answers"),
            None => ensure!(!provider.says_issuer, "the answer does not say whose it is"),
        }
        let redirect = self.redirect_uri();
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", returned.code.as_str()),
            ("redirect_uri", redirect.as_str()),
            ("code_verifier", attempt.verifier.as_str()),
        ];
        let mut request = self.client.post(provider.token.clone());
        if self.keys.client_secret.is_empty() {
            form.push(("client_id", &self.keys.client_id));
        } else {
            let (id, secret) = (form_encoded(&self.keys.client_id), form_encoded(&self.keys.client_secret));
            request = request.basic_auth(id, Some(secret));
        }
        let body: Vec<String> = form.iter().map(|(name, value)| format!("{name}={}", form_encoded(value))).collect();
        let request = request.header("Content-Type", "application/x-www-form-urlencoded").body(body.join("&"));
        let Tokens { id_token } = self.json(request).await.context("the code is not taken")?;
        let claims = self.claims(&provider, &id_token, now).await?;
        check_claims(&claims, &self.keys.client_id, &attempt.nonce, now)?;
        let text = |name: &str| claims.get(name).and_then(Value::as_str).map(str::to_owned);
        let login = text(&self.keys.claim).filter(|login| !login.is_empty());
        let login = login.with_context(|| format!("the ID token has no {}", self.keys.claim))?;
        Ok(Person { login, name: text("name"), to: attempt.to })
    }

    /// Each attempt comes back once.
    fn is_first(&self, attempt: &Attempt, now: Timestamp) -> bool {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.retain(|(_, until)| *until > now);
        let is_first = used.iter().all(|(state, _)| *state != attempt.state);
        used.push((attempt.state.clone(), attempt.until));
        is_first
    }

    async fn claims(&self, provider: &Provider, token: &str, now: Timestamp) -> anyhow::Result<Map<String, Value>> {
        // Of the algorithms, the key decides; time, audience and nonce are judged by `check_claims`.
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_issuer(&[&self.keys.issuer]);
        validation.set_audience(&[&self.keys.client_id]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.validate_exp = false;
        let claims = match provider.keys.verify(token, &validation) {
            // Keys rotate.
            Err(UnusableToken::UnknownKey) => {
                provider.keys.look_again(now).await;
                provider.keys.verify(token, &validation)
            }
            known => known,
        };
        claims.map_err(|_| anyhow::anyhow!("the ID token is not the issuer's, or not for us"))
    }
}

/// OpenID Connect Core section 3.1.3.7, numbers 3 to 5 and 9 to 11; the signature and the issuer were checked before.
fn check_claims(claims: &Map<String, Value>, client: &str, nonce: &str, now: Timestamp) -> anyhow::Result<()> {
    let audiences = match claims.get("aud") {
        Some(Value::String(one)) => vec![one.as_str()],
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    ensure!(audiences.contains(&client), "the ID token is for somebody else");
    match claims.get("azp").map(Value::as_str) {
        None => ensure!(audiences.len() == 1, "the ID token is for several and says for whom not"),
        Some(party) => ensure!(party == Some(client), "the ID token was given to somebody else"),
    }
    let instant = |name: &str| claims.get(name).and_then(Value::as_i64).map(|at| Timestamp(at.saturating_mul(SECOND)));
    ensure!(instant("exp").is_some_and(|at| at + SKEW > now), "the ID token has expired");
    let made = instant("iat").context("the ID token does not say when it was made")?;
    ensure!(made < now + SKEW && now.since(made) < ATTEMPT + SKEW, "the ID token was not made in this attempt");
    ensure!(claims.get("nonce").and_then(Value::as_str) == Some(nonce), "not the nonce of this attempt");
    Ok(())
}

/// `application/x-www-form-urlencoded`.
fn form_encoded(text: &str) -> String {
    let sign = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'*' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(sign).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    #[test]
    fn an_id_token_is_for_us_of_this_attempt_and_in_time() {
        let seconds = NOW.0 / SECOND;
        let good = json!({ "aud": "us", "nonce": "n", "iat": seconds - 1, "exp": seconds + 300 });
        let with = |name: &str, value: Value| {
            let mut claims = good.as_object().unwrap().clone();
            claims.insert(name.to_owned(), value);
            claims
        };
        let check =
            |claims: &Map<String, Value>| check_claims(claims, "us", "n", NOW).map_err(|error| error.to_string());
        assert_eq!(check(good.as_object().unwrap()), Ok(()));
        assert_eq!(check(&with("azp", json!("us"))), Ok(()));
        let mut both = with("aud", json!(["us", "them"]));
        both.insert("azp".to_owned(), json!("us"));
        assert_eq!(check(&both), Ok(()));
        for (what, claims) in [
            ("for somebody else", with("aud", json!("them"))),
            ("for whom not", with("aud", json!(["us", "them"]))),
            ("given to somebody else", with("azp", json!("them"))),
            ("expired", with("exp", json!(seconds - 61))),
            ("not made in this attempt", with("iat", json!(seconds - 3_600))),
            ("not made in this attempt", with("iat", json!(seconds + 120))),
            ("when it was made", with("iat", Value::Null)),
            ("nonce", with("nonce", json!("other"))),
            ("nonce", with("nonce", Value::Null)),
        ] {
            let error = check(&claims).unwrap_err();
            assert!(error.contains(what), "{what}: {error}");
        }
    }

    #[test]
    fn a_form_is_written_so_that_no_value_becomes_a_field() {
        assert_eq!(form_encoded("a b&c=d/é*"), "a%20b%26c%3Dd%2F%C3%A9*");
    }
}
