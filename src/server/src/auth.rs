//! Who a token speaks for. Citizens' tokens are signed by the portal, staff's by ourselves; both HS256 with different
//! secrets and audiences, the algorithm pinned. Passwords are argon2id.

use std::{fs, io::Write as _, path::Path};

use argon2::{
    Argon2,
    password_hash::{PasswordHash, PasswordHasher as _, PasswordVerifier as _, SaltString, rand_core::OsRng},
};
use bangban_domain::{
    AgentId, CitizenId, Timestamp,
    time::{HOUR, SECOND},
    words::{CitizenKind, Role},
};
use bangban_protocol::{ErrorCode, WireError};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

const PORTAL: &str = "bangban:citizen";
const STAFF: &str = "bangban:staff";

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

/// What the portal says of a citizen.
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
    /// End of the token.
    pub expires_at: Timestamp,
}

/// A logged-in member of staff.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Staff {
    /// Id.
    pub id: AgentId,
    /// Display name.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// End of the token.
    pub expires_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    aud: String,
    sub: String,
    name: String,
    /// Seconds since 1970.
    exp: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kind: Option<CitizenKind>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    level: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    phone: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    role: Option<Role>,
}

/// Signs and verifies.
pub struct Auth {
    portal: (EncodingKey, DecodingKey),
    staff: (EncodingKey, DecodingKey),
    staff_hours: i64,
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
    /// Takes the secrets of the configuration, or those kept in the data folder.
    ///
    /// # Errors
    /// If a secret has to be made and cannot be written.
    pub fn new(config: &crate::config::Config) -> std::io::Result<Self> {
        let dir = &config.data.dir;
        Ok(Self {
            portal: keys(&secret(&config.auth.portal_secret, dir, "portal.secret")?),
            staff: keys(&secret(&config.auth.staff_secret, dir, "staff.secret")?),
            staff_hours: config.auth.staff_token_hours.into(),
        })
    }

    /// Who the token speaks for.
    ///
    /// # Errors
    /// `token_expired`, else `unauthenticated` without saying which part is wrong.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Principal, WireError> {
        let refused = || WireError::new(ErrorCode::Unauthenticated, "the token is not valid");
        let claims = [(PORTAL, &self.portal.1), (STAFF, &self.staff.1)]
            .into_iter()
            .find_map(|(audience, key)| {
                let mut validation = Validation::new(Algorithm::HS256);
                validation.set_audience(&[audience]);
                // By our clock, below.
                validation.validate_exp = false;
                jsonwebtoken::decode::<Claims>(token, key, &validation).ok()
            })
            .ok_or_else(refused)?
            .claims;
        let expires_at = Timestamp(claims.exp.saturating_mul(SECOND));
        if expires_at <= now {
            return Err(WireError::new(ErrorCode::TokenExpired, "the token has expired"));
        }
        if claims.aud == STAFF {
            let id = claims.sub.parse().map_err(|_| refused())?;
            let role = claims.role.ok_or_else(refused)?;
            return Ok(Principal::Staff(Staff { id, name: claims.name, role, expires_at }));
        }
        Ok(Principal::Citizen(Citizen {
            id: CitizenId::new(Uuid::new_v5(&Uuid::NAMESPACE_OID, claims.sub.as_bytes()).as_u128()),
            name: claims.name,
            kind: claims.kind.unwrap_or(CitizenKind::Person),
            level: claims.level.unwrap_or_default(),
            phone: claims.phone,
            expires_at,
        }))
    }

    /// What a portal does: signs for a citizen. Used by the demo and by tests.
    ///
    /// # Errors
    /// If the claims cannot be signed.
    pub fn portal_token(
        &self,
        subject: &str,
        name: &str,
        kind: CitizenKind,
        phone: Option<&str>,
        expires_at: Timestamp,
    ) -> Result<String, WireError> {
        let claims = Claims {
            aud: PORTAL.to_owned(),
            sub: subject.to_owned(),
            name: name.to_owned(),
            exp: expires_at.0 / SECOND,
            kind: Some(kind),
            level: Some("L3".to_owned()),
            phone: phone.map(str::to_owned),
            role: None,
        };
        sign(&claims, &self.portal.0)
    }

    /// A token for a member of staff whose password was right, and when it ends.
    ///
    /// # Errors
    /// If the claims cannot be signed.
    pub fn staff_token(
        &self,
        id: AgentId,
        name: &str,
        role: Role,
        now: Timestamp,
    ) -> Result<(String, Timestamp), WireError> {
        let expires_at = now + self.staff_hours * HOUR;
        let claims = Claims {
            aud: STAFF.to_owned(),
            sub: id.to_string(),
            name: name.to_owned(),
            exp: expires_at.0 / SECOND,
            kind: None,
            level: None,
            phone: None,
            role: Some(role),
        };
        Ok((sign(&claims, &self.staff.0)?, expires_at))
    }
}

fn sign(claims: &Claims, key: &EncodingKey) -> Result<String, WireError> {
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

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    fn auth(portal: &str, staff: &str) -> Auth {
        Auth { portal: keys(portal), staff: keys(staff), staff_hours: 12 }
    }

    #[test]
    fn a_token_says_who_it_is_until_it_expires() {
        let auth = auth("p", "s");
        let token = auth.portal_token("u1", "张伟", CitizenKind::Person, None, NOW + 1_000).unwrap();
        let Ok(Principal::Citizen(citizen)) = auth.verify(&token, NOW) else { panic!("refused") };
        assert_eq!((citizen.name.as_str(), citizen.expires_at), ("张伟", NOW + 1_000));
        assert_eq!(auth.verify(&token, NOW + 999).map(|_| ()), Ok(()));
        assert_eq!(auth.verify(&token, NOW + 1_000).unwrap_err().code, ErrorCode::TokenExpired);

        let (token, expires_at) = auth.staff_token(AgentId::new(7), "李敏", Role::Agent, NOW).unwrap();
        assert_eq!(expires_at, NOW + 12 * HOUR);
        let staff = Staff { id: AgentId::new(7), name: "李敏".to_owned(), role: Role::Agent, expires_at };
        assert_eq!(auth.verify(&token, NOW), Ok(Principal::Staff(staff)));
    }

    #[test]
    fn a_foreign_key_and_a_stolen_audience_are_refused() {
        let ours = auth("p", "s");
        let foreign = auth("other", "another");
        let token = foreign.portal_token("u1", "x", CitizenKind::Person, None, NOW + 9_000).unwrap();
        assert_eq!(ours.verify(&token, NOW).unwrap_err().code, ErrorCode::Unauthenticated);
        // A portal that signs a staff token with the portal's key.
        let swapped = auth("s", "p");
        let (token, _) = swapped.staff_token(AgentId::new(7), "x", Role::Supervisor, NOW).unwrap();
        assert_eq!(ours.verify(&token, NOW).unwrap_err().code, ErrorCode::Unauthenticated);
        assert_eq!(ours.verify("not a token", NOW).unwrap_err().code, ErrorCode::Unauthenticated);
    }

    #[test]
    fn an_unsigned_token_is_refused() {
        // {"alg":"none"} {"aud":"bangban:staff","sub":"ag_...","name":"x","exp":9999999999,"role":"supervisor"}
        let token = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJhdWQiOiJiYW5nYmFuOnN0YWZmIiwic3ViIjoiYWdfMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDciLCJuYW1lIjoieCIsImV4cCI6OTk5OTk5OTk5OSwicm9sZSI6InN1cGVydmlzb3IifQ.";
        assert_eq!(auth("p", "s").verify(token, NOW).unwrap_err().code, ErrorCode::Unauthenticated);
    }

    #[test]
    fn passwords_are_argon2id() {
        let hash = hash_password("bangban-demo").unwrap();
        assert!(hash.starts_with("$argon2id$"), "{hash}");
        assert!(is_password("bangban-demo", &hash));
        assert!(!is_password("bangban-Demo", &hash));
    }

    #[test]
    fn a_made_secret_is_kept_and_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let first = secret("", dir.path(), "x.secret").unwrap();
        assert!(first.len() >= 32);
        assert_eq!(secret("", dir.path(), "x.secret").unwrap(), first);
        let mode = fs::metadata(dir.path().join("x.secret")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
