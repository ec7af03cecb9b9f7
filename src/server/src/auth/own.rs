//! Tokens that we give to citizens ourselves: to visitors who have not logged in, and to the second device of a citizen.
//! A key of our own and audiences of their own: they are never a portal's token, and a portal's is never one of them.
//!
//! Codes for a second device: 128 random bits for a picture, and eight characters to be typed. What is stored of them is
//! what they give with the key, so that neither a copy of the database nor its log lets anybody in; the short one could be
//! found by trying all of them, were it only hashed.

use std::fmt::Write as _;

use aws_lc_rs::{hmac, rand};
use bangban_domain::{
    CitizenId, ContinuationId, Timestamp,
    citizen::VISITOR_NAME,
    time::SECOND,
    words::{CitizenKind, Language},
};
use bangban_protocol::{ErrorCode, WireError};
use bangban_store::CitizenRow;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{DecodingKey, EncodingKey};
use serde::{Deserialize, Serialize};

use super::{Citizen, keys, sign, validation};

const VISITOR: &str = "bangban:visitor";
const SECOND_DEVICE: &str = "bangban:second-device";

/// Of the long code, in bytes.
const LONG: usize = 16;

/// Of the short code, in characters; without those that are taken for others. 30^8 are 6.6 · 10^11, it lives for two
/// minutes, and an address may be wrong ten times an hour.
const SHORT: usize = 8;
const SHORT_ALPHABET: &[u8; 30] = b"23456789ABCDEFGHJKMNPQRSTUVWXZ";

#[derive(Serialize, Deserialize)]
struct VisitorClaims {
    aud: String,
    sub: CitizenId,
    exp: i64,
}

/// Everything that the first device's token said.
#[derive(Serialize, Deserialize)]
struct DeviceClaims {
    aud: String,
    sub: CitizenId,
    exp: i64,
    jti: ContinuationId,
    name: String,
    kind: CitizenKind,
    level: String,
    phone: Option<String>,
    credit_code: Option<String>,
    language: Option<Language>,
    anonymous: bool,
}

/// The codes of one way to a second device, told once.
pub struct Codes {
    /// For a picture.
    pub long: String,
    /// To be typed.
    pub short: String,
}

/// See the module.
pub struct Own {
    sign: EncodingKey,
    verify: DecodingKey,
    codes: hmac::Key,
}

impl Own {
    pub(super) fn new(secret: &str) -> Self {
        let (sign, verify) = keys(secret);
        let codes = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), b"bangban:codes");
        Self { sign, verify, codes: hmac::Key::new(hmac::HMAC_SHA256, codes.as_ref()) }
    }

    /// `None`: not one of ours.
    pub(super) fn identify(&self, token: &str, now: Timestamp) -> Option<Result<Citizen, WireError>> {
        let citizen = self.visitor(token).or_else(|| self.second_device(token))?;
        if citizen.expires_at <= now {
            return Some(Err(WireError::new(ErrorCode::TokenExpired, "the token has expired")));
        }
        Some(Ok(citizen))
    }

    fn visitor(&self, token: &str) -> Option<Citizen> {
        let claims = jsonwebtoken::decode::<VisitorClaims>(token, &self.verify, &validation(VISITOR)).ok()?.claims;
        Some(Citizen {
            id: claims.sub,
            name: VISITOR_NAME.to_owned(),
            kind: CitizenKind::Person,
            level: String::new(),
            phone: None,
            credit_code: None,
            language: None,
            anonymous: true,
            continuation: None,
            expires_at: Timestamp(claims.exp.saturating_mul(SECOND)),
        })
    }

    fn second_device(&self, token: &str) -> Option<Citizen> {
        let decoded = jsonwebtoken::decode::<DeviceClaims>(token, &self.verify, &validation(SECOND_DEVICE));
        let claims = decoded.ok()?.claims;
        Some(Citizen {
            id: claims.sub,
            name: claims.name,
            kind: claims.kind,
            level: claims.level,
            phone: claims.phone,
            credit_code: claims.credit_code,
            language: claims.language,
            anonymous: claims.anonymous,
            continuation: Some(claims.jti),
            expires_at: Timestamp(claims.exp.saturating_mul(SECOND)),
        })
    }

    /// A token for a visitor, and when it ends.
    ///
    /// # Errors
    /// If the claims cannot be signed.
    pub fn visitor_token(&self, id: CitizenId, until: Timestamp) -> Result<(String, Timestamp), WireError> {
        let exp = until.0 / SECOND;
        let claims = VisitorClaims { aud: VISITOR.to_owned(), sub: id, exp };
        Ok((sign(&claims, &self.sign)?, Timestamp(exp * SECOND)))
    }

    /// A token for a citizen's second device, and when it ends.
    ///
    /// # Errors
    /// If the claims cannot be signed.
    pub fn second_device_token(
        &self,
        citizen: CitizenRow,
        jti: ContinuationId,
        until: Timestamp,
    ) -> Result<(String, Timestamp), WireError> {
        let exp = until.0 / SECOND;
        let CitizenRow { id, name, kind, level, phone, credit_code, language, anonymous, .. } = citizen;
        let aud = SECOND_DEVICE.to_owned();
        let claims =
            DeviceClaims { aud, sub: id, exp, jti, name, kind, level, phone, credit_code, language, anonymous };
        Ok((sign(&claims, &self.sign)?, Timestamp(exp * SECOND)))
    }

    /// New codes.
    ///
    /// # Errors
    /// If the system has no randomness.
    pub fn new_codes(&self) -> Result<Codes, WireError> {
        let mut bytes = [0; LONG];
        fill(&mut bytes)?;
        let long = URL_SAFE_NO_PAD.encode(bytes);
        let mut short = String::with_capacity(SHORT + 1);
        while short.len() < SHORT + 1 {
            let mut byte = [0];
            fill(&mut byte)?;
            // Of 256 values the last 16 would make some characters more likely than others.
            let Some(character) = SHORT_ALPHABET.get(usize::from(byte[0]) % 30).filter(|_| byte[0] < 240) else {
                continue;
            };
            if short.len() == SHORT / 2 {
                short.push('-');
            }
            short.push(char::from(*character));
        }
        Ok(Codes { long, short })
    }

    /// What is stored of a code. A short one may be written with small letters, spaces and dashes; `None`: no code can look
    /// like this.
    #[must_use]
    pub fn stored(&self, code: &str) -> Option<String> {
        let code = code.trim();
        let bare: String = code.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
        let is_short = bare.len() == SHORT;
        let is_long = code.len() == LONG.div_ceil(3) * 4 - 2;
        let text = if is_short { bare.to_ascii_uppercase() } else { code.to_owned() };
        let looks_right = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        (looks_right && (is_short || is_long)).then(|| {
            let mut hex = String::with_capacity(64);
            for byte in hmac::sign(&self.codes, text.as_bytes()).as_ref() {
                // Writing to a string cannot fail.
                let _ = write!(hex, "{byte:02x}");
            }
            hex
        })
    }
}

fn fill(bytes: &mut [u8]) -> Result<(), WireError> {
    rand::fill(bytes).map_err(|_| WireError::new(ErrorCode::Internal, "the system gives no random numbers"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_short_code_is_read_as_people_write_it_and_a_long_one_exactly() {
        let own = Own::new("secret");
        let Codes { long, short } = own.new_codes().unwrap();
        assert_eq!((long.len(), short.len(), short.find('-')), (22, 9, Some(4)));
        let stored = own.stored(&short).unwrap();
        assert_eq!(stored.len(), 64);
        let bare = short.replace('-', "");
        for written in [bare.clone(), bare.to_lowercase(), format!(" {} {} ", &short[..4], &short[5..])] {
            assert_eq!(own.stored(&written).as_ref(), Some(&stored), "{written}");
        }
        assert_ne!(own.stored(&long), own.stored(&long.to_lowercase()));
        assert_eq!(own.stored(&long), own.stored(&format!("{long}\n")));
        for none in ["", "ABCD", "ABCDEFGHI", "ABCDEFG!", "\0\0\0\0\0\0\0\0", &format!("{long}x")] {
            assert_eq!(own.stored(none), None, "{none:?}");
        }
        assert_ne!(Own::new("another").stored(&short), Some(stored), "the key is needed");
    }

    #[test]
    fn no_two_codes_are_alike_and_all_characters_come() {
        let own = Own::new("secret");
        let codes: Vec<Codes> = (0..500).map(|_| own.new_codes().unwrap()).collect();
        assert_eq!(codes.iter().map(|codes| &codes.long).collect::<BTreeSet<_>>().len(), 500);
        assert_eq!(codes.iter().map(|codes| &codes.short).collect::<BTreeSet<_>>().len(), 500);
        let used: BTreeSet<u8> = codes.iter().flat_map(|codes| codes.short.bytes()).filter(|b| *b != b'-').collect();
        assert_eq!(used, SHORT_ALPHABET.iter().copied().collect());
    }
}
