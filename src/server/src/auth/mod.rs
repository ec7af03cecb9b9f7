//! Who a token speaks for. Citizens' tokens are signed by the portal: with keys of its own, of which we know the public
//! half, or in the demo with a secret that both know. Staff's are signed by ourselves, and so are those of citizens whom we
//! let in without the portal ([`own`]). Every key has one algorithm, and every audience one key, whatever a token says.
//! Passwords are argon2id.

mod own;
mod portal;
#[cfg(test)]
mod tests;

use std::{fs, io::Write as _, path::Path, sync::Arc, time::Duration};

use argon2::{
    Argon2,
    password_hash::{PasswordHash, PasswordHasher as _, PasswordVerifier as _, SaltString, rand_core::OsRng},
};
use bangban_domain::{
    AgentId, CitizenId, ContinuationId, StaffSessionId, Timestamp, citizen,
    rights::{Action, Grant},
    time::{MINUTE, SECOND},
    words::{CitizenKind, Language},
};
use bangban_protocol::{ErrorCode, Identity, WireError};
use bangban_store::CitizenRow;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use own::{Codes, Own};
pub use portal::KeysError;
use portal::{PortalKeys, Refused};
pub(crate) use portal::{PortalKeys as PublicKeys, Refused as UnusableToken};

use crate::staff::{Accounts, Seal};

const PORTAL: &str = "bangban:citizen";
const STAFF: &str = "bangban:staff";

/// The portal's clock may be ahead of ours by so much, in milliseconds.
const SKEW: i64 = 60 * SECOND;

/// Longest name and real-name level, in characters.
const LONGEST_NAME: usize = 100;
const LONGEST_LEVEL: usize = 20;

/// Who is at the other end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// A citizen or enterprise.
    Citizen(Citizen),
    /// A member of staff.
    Staff(Staff),
}

/// The id and nothing else, for the log.
impl std::fmt::Display for Principal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Citizen(citizen) => citizen.id.fmt(f),
            Self::Staff(staff) => staff.id.fmt(f),
        }
    }
}

/// What the portal says of a citizen, or we of one whom we let in ourselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Citizen {
    /// The same for the same subject of the portal, always.
    pub id: CitizenId,
    /// Full name.
    pub name: String,
    /// Person or enterprise.
    pub kind: CitizenKind,
    /// Real-name level.
    pub level: String,
    /// Telephone.
    pub phone: Option<String>,
    /// Unified social credit code of an enterprise, checked.
    pub credit_code: Option<String>,
    /// Language, if it is one of ours.
    pub language: Option<Language>,
    /// Nobody has said who they are: a visitor.
    pub anonymous: bool,
    /// Let in on a second device by this.
    pub continuation: Option<ContinuationId>,
    /// End of the token.
    pub expires_at: Timestamp,
}

impl Citizen {
    /// As the store keeps it.
    #[must_use]
    pub fn row(&self, seen_at: Timestamp) -> CitizenRow {
        CitizenRow {
            id: self.id,
            name: self.name.clone(),
            kind: self.kind,
            level: self.level.clone(),
            phone: self.phone.clone(),
            credit_code: self.credit_code.clone(),
            language: self.language,
            anonymous: self.anonymous,
            seen_at,
        }
    }
}

/// A logged-in member of staff.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Staff {
    /// Id.
    pub id: AgentId,
    /// Display name.
    pub name: String,
    /// What they might do when they said who they are. What counts is what they may do now: `App::may`.
    pub grants: Vec<Grant>,
    /// The log-in that the token belongs to.
    pub session: StaffSessionId,
    /// End of the token.
    pub expires_at: Timestamp,
}

impl Staff {
    /// As their own pages see them.
    #[must_use]
    pub fn identity(&self) -> Identity {
        let role = self.grants.first().map(|grant| grant.role);
        Identity::Staff { id: self.id, name: self.name.clone(), role, grants: self.grants.clone() }
    }

    /// Do they answer citizens?
    #[must_use]
    pub fn serves(&self) -> bool {
        serves(&self.grants)
    }

    /// May a conversation lie on their desk: one that they are offered, or have taken over?
    #[must_use]
    pub fn has_desk(&self) -> bool {
        has_desk(&self.grants)
    }
}

/// As [`Staff::has_desk`].
#[must_use]
pub fn has_desk(grants: &[Grant]) -> bool {
    serves(grants) || grants.iter().any(|grant| grant.role.allows(Action::Intervene))
}

/// Is there a right to answer citizens, wherever?
#[must_use]
pub fn serves(grants: &[Grant]) -> bool {
    grants.iter().any(|grant| grant.role.allows(Action::Serve))
}

#[derive(Serialize, Deserialize)]
struct Claims {
    aud: String,
    sub: String,
    name: String,
    /// Seconds since 1970.
    exp: i64,
    /// Seconds since 1970; before that it is not valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nbf: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kind: Option<CitizenKind>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    level: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    phone: Option<String>,
    /// The session of a member of staff.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    credit_code: Option<String>,
    /// A portal may know languages that we do not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    language: Option<String>,
    /// The session of a member of staff.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sid: Option<StaffSessionId>,
}

/// How the portal signs.
enum Portal {
    /// With a secret that we know too.
    Secret(EncodingKey, DecodingKey),
    /// With keys of its own.
    Keys(PortalKeys),
}

/// Signs and verifies.
pub struct Auth {
    portal: Portal,
    /// The portal's name in its tokens; empty: any.
    issuer: String,
    staff: (EncodingKey, DecodingKey),
    staff_minutes: i64,
    seal: Seal,
    accounts: Arc<Accounts>,
    own: Own,
}

fn keys(secret: &str) -> (EncodingKey, DecodingKey) {
    (EncodingKey::from_secret(secret.as_bytes()), DecodingKey::from_secret(secret.as_bytes()))
}

/// The configured secret, or one that is made once and kept in the data folder, readable by its owner only.
pub(crate) fn secret(configured: &str, dir: &Path, name: &str) -> std::io::Result<String> {
    use std::os::unix::fs::OpenOptionsExt as _;
    if !configured.is_empty() {
        return Ok(configured.to_owned());
    }
    let path = dir.join(name);
    if let Ok(text) = fs::read_to_string(&path) {
        return Ok(text);
    }
    fs::create_dir_all(dir)?;
    // 264 bits from the system's generator.
    let made: String = std::iter::repeat_with(|| SaltString::generate(&mut OsRng).to_string()).take(2).collect();
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
    file.write_all(made.as_bytes())?;
    file.sync_all()?;
    Ok(made)
}

impl Auth {
    /// Takes the keys and secrets of the configuration, or the secrets kept in the data folder.
    ///
    /// # Errors
    /// If a secret has to be made and cannot be written.
    pub fn new(config: &crate::config::Config, accounts: Arc<Accounts>) -> anyhow::Result<Self> {
        let dir = &config.data.dir;
        let portal = if config.auth.portal_keys.is_empty() {
            let (sign, verify) = keys(&secret(&config.auth.portal_secret, dir, "portal.secret")?);
            Portal::Secret(sign, verify)
        } else {
            Portal::Keys(PortalKeys::new(&config.auth.portal_keys))
        };
        let staff_secret = secret(&config.auth.staff_secret, dir, "staff.secret")?;
        Ok(Self {
            portal,
            issuer: config.auth.portal_issuer.clone(),
            seal: Seal::new(&staff_secret)?,
            staff: keys(&staff_secret),
            staff_minutes: config.auth.staff_token_minutes.into(),
            accounts,
            own: Own::new(&secret(&config.auth.citizen_secret, dir, "citizen.secret")?),
        })
    }

    /// Reads the portal's keys, if it has any.
    ///
    /// # Errors
    /// [`KeysError`]; those that were known stay.
    pub async fn refresh(&self, now: Timestamp) -> Result<(), KeysError> {
        match &self.portal {
            Portal::Keys(keys) => keys.refresh(now).await,
            Portal::Secret(..) => Ok(()),
        }
    }

    /// For what has to come back to us unread and unchanged.
    #[must_use]
    pub const fn seal(&self) -> &Seal {
        &self.seal
    }

    /// The next token of the same session of the same member of staff.
    ///
    /// # Errors
    /// `token_expired`, `unauthenticated`.
    pub fn renewed(&self, staff: &Staff, token: &str, now: Timestamp) -> Result<Staff, WireError> {
        match self.staff_of(token, now) {
            Some(Ok(Principal::Staff(next))) if (next.id, next.session) == (staff.id, staff.session) => Ok(next),
            Some(Err(refused)) => Err(refused),
            Some(Ok(_)) | None => Err(not_valid()),
        }
    }

    /// How often [`Auth::refresh`] is due; `None`: never.
    #[must_use]
    pub const fn refresh_pause(&self) -> Option<Duration> {
        match &self.portal {
            Portal::Keys(keys) => Some(keys.pause()),
            Portal::Secret(..) => None,
        }
    }

    /// Who the token speaks for. If its key is not known, the portal may have a new one: that is looked for.
    ///
    /// # Errors
    /// `token_expired`; `busy` as long as the portal's keys could not be read; else `unauthenticated` without saying which
    /// part is wrong.
    pub async fn identify(&self, token: &str, now: Timestamp) -> Result<Principal, WireError> {
        if let Some(staff) = self.staff_of(token, now) {
            return staff;
        }
        if let Some(citizen) = self.own.identify(token, now) {
            return citizen.map(Principal::Citizen);
        }
        let claims = match self.portal_claims(token) {
            Err(Refused::UnknownKey) => {
                if let Portal::Keys(keys) = &self.portal {
                    keys.look_again(now).await;
                    if !keys.are_there() {
                        return Err(WireError::new(ErrorCode::Busy, "the portal's keys are not there yet"));
                    }
                }
                self.portal_claims(token)
            }
            known => known,
        };
        portal_citizen(claims.map_err(|_| not_valid())?, now)
    }

    /// Signs for citizens whom we let in ourselves.
    #[must_use]
    pub const fn own(&self) -> &Own {
        &self.own
    }

    fn portal_claims(&self, token: &str) -> Result<Claims, Refused> {
        let mut validation = validation(PORTAL);
        if !self.issuer.is_empty() {
            validation.set_issuer(&[&self.issuer]);
            validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        }
        match &self.portal {
            Portal::Keys(keys) => keys.verify(token, &validation),
            Portal::Secret(_, key) => {
                let verified = jsonwebtoken::decode::<Claims>(token, key, &validation);
                Ok(verified.map_err(|_| Refused::Invalid)?.claims)
            }
        }
    }

    /// `None`: not one of ours.
    fn staff_of(&self, token: &str, now: Timestamp) -> Option<Result<Principal, WireError>> {
        let claims = jsonwebtoken::decode::<Claims>(token, &self.staff.1, &validation(STAFF)).ok()?.claims;
        let expires_at = match expiry(&claims, now) {
            Ok(at) => at,
            Err(error) => return Some(Err(error)),
        };
        let (Ok(id), Some(session)) = (claims.sub.parse(), claims.sid) else { return Some(Err(not_valid())) };
        Some(self.accounts.principal(id, session, expires_at, now).map(Principal::Staff))
    }

    /// What a portal does: signs for a citizen, with the secret that we know too. Used by the demo and by tests.
    ///
    /// # Errors
    /// If the portal has keys of its own, or the claims cannot be signed.
    pub fn portal_token(
        &self,
        subject: &str,
        name: &str,
        kind: CitizenKind,
        phone: Option<&str>,
        credit_code: Option<&str>,
        expires_at: Timestamp,
    ) -> Result<String, WireError> {
        let Portal::Secret(key, _) = &self.portal else {
            return Err(WireError::new(ErrorCode::Forbidden, "only the portal signs for citizens (auth.portal_keys)"));
        };
        let claims = Claims {
            aud: PORTAL.to_owned(),
            sub: subject.to_owned(),
            name: name.to_owned(),
            exp: expires_at.0 / SECOND,
            nbf: None,
            kind: Some(kind),
            level: Some("L3".to_owned()),
            phone: phone.map(str::to_owned),
            credit_code: credit_code.map(str::to_owned),
            language: None,
            sid: None,
        };
        sign(&claims, key)
    }

    /// A token for a session of a member of staff, and when it ends: after the configured span, and not after the session.
    ///
    /// # Errors
    /// If the claims cannot be signed.
    pub fn staff_token(
        &self,
        id: AgentId,
        session: StaffSessionId,
        ends_at: Timestamp,
        now: Timestamp,
    ) -> Result<(String, Timestamp), WireError> {
        // Whole seconds, as the claim has them.
        let expires_at = Timestamp((now + self.staff_minutes * MINUTE).min(ends_at).0 / SECOND * SECOND);
        let claims = Claims {
            aud: STAFF.to_owned(),
            sub: id.to_string(),
            name: String::new(),
            exp: expires_at.0 / SECOND,
            nbf: None,
            kind: None,
            level: None,
            phone: None,
            credit_code: None,
            language: None,
            sid: Some(session),
        };
        Ok((sign(&claims, &self.staff.0)?, expires_at))
    }
}

/// One algorithm, one audience; the time is judged by our clock, in [`expiry`].
fn validation(audience: &str) -> Validation {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.set_audience(&[audience]);
    validation.set_required_spec_claims(&["exp", "aud"]);
    validation.validate_exp = false;
    validation
}

fn not_valid() -> WireError {
    WireError::new(ErrorCode::Unauthenticated, "the token is not valid")
}

/// End of the token, if that is not over and its begin has come.
fn expiry(claims: &Claims, now: Timestamp) -> Result<Timestamp, WireError> {
    let expires_at = Timestamp(claims.exp.saturating_mul(SECOND));
    if expires_at <= now {
        return Err(WireError::new(ErrorCode::TokenExpired, "the token has expired"));
    }
    match claims.nbf {
        Some(begin) if Timestamp(begin.saturating_mul(SECOND)) > now + SKEW => Err(not_valid()),
        _ => Ok(expires_at),
    }
}

/// What a verified token of the portal says. A claim that cannot be true makes the whole token worthless; the log says
/// which, so that whoever runs the portal finds it, and about whom by our own number only.
fn portal_citizen(claims: Claims, now: Timestamp) -> Result<Principal, WireError> {
    let expires_at = expiry(&claims, now)?;
    let id = CitizenId::new(Uuid::new_v5(&Uuid::NAMESPACE_OID, claims.sub.as_bytes()).as_u128());
    let refused = |claim: &'static str, problem: &str| {
        tracing::warn!(citizen = %id, claim, problem, "a token of the portal is refused");
        not_valid()
    };
    if claims.sub.is_empty() {
        return Err(refused("sub", "must not be empty"));
    }
    if claims.name.chars().count() > LONGEST_NAME {
        return Err(refused("name", "must have at most 100 characters"));
    }
    if claims.level.as_ref().is_some_and(|level| level.chars().count() > LONGEST_LEVEL) {
        return Err(refused("level", "must have at most 20 characters"));
    }
    if let Some(code) = &claims.credit_code {
        citizen::credit_code("credit_code", code).map_err(|error| refused(error.field, &error.problem.to_string()))?;
    }
    Ok(Principal::Citizen(Citizen {
        id,
        name: claims.name,
        kind: claims.kind.unwrap_or(CitizenKind::Person),
        level: claims.level.unwrap_or_default(),
        phone: claims.phone,
        credit_code: claims.credit_code,
        language: claims.language.as_deref().and_then(Language::parse),
        anonymous: false,
        continuation: None,
        expires_at,
    }))
}

fn sign(claims: &impl Serialize, key: &EncodingKey) -> Result<String, WireError> {
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, key)
        .map_err(|error| WireError::new(ErrorCode::Internal, error.to_string()))
}

/// argon2id with the library's recommended cost. Takes tens of milliseconds: call it off the runtime's threads.
///
/// # Errors
/// If the system has no randomness.
pub fn hash_password(password: &str) -> anyhow::Result<String> {
    let salt = SaltString::generate(&mut OsRng);
    let hash =
        Argon2::default().hash_password(password.as_bytes(), &salt).map_err(|error| anyhow::anyhow!("{error}"))?;
    Ok(hash.to_string())
}

/// Is it the password of this hash? Costs as much as hashing.
#[must_use]
pub fn is_password(password: &str, hash: &str) -> bool {
    PasswordHash::new(hash).is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}
