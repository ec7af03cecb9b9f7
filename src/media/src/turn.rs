//! Time-limited credentials for a TURN server that shares a secret with us, as coturn understands them with
//! `use-auth-secret` (draft-uberti-behave-turn-rest-00). The TURN server asks nobody whether they are good, so they name
//! their own end and are short-lived.

use aws_lc_rs::hmac;
use bangban_domain::{
    ParticipantId, Timestamp,
    time::{Millis, SECOND},
};
use base64::{Engine, engine::general_purpose::STANDARD};

/// What a browser gives to the TURN server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TurnCredentials {
    /// When they end, in seconds, and whose they are.
    pub username: String,
    /// Base64 of HMAC-SHA-1 over the user name.
    pub password: String,
}

/// Credentials that are good from `now` on for `valid`, rounded up to a second.
///
/// SHA-1 is what coturn checks; as a keyed digest it is not known to be weak.
#[must_use]
pub fn turn_credentials(secret: &[u8], participant: ParticipantId, now: Timestamp, valid: Millis) -> TurnCredentials {
    let ends = (now + valid).0.div_euclid(SECOND) + i64::from((now + valid).0.rem_euclid(SECOND) > 0);
    let username = format!("{ends}:{participant}");
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let password = STANDARD.encode(hmac::sign(&key, username.as_bytes()));
    TurnCredentials { username, password }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `printf '1764338400:pt_…01' | openssl dgst -sha1 -hmac north -binary | base64`
    #[test]
    fn they_are_what_coturn_computes() {
        let made = turn_credentials(b"north", ParticipantId::new(1), Timestamp(1_764_334_800_000), 3_600_000);
        assert_eq!(made.username, "1764338400:pt_00000000000000000000000000000001");
        assert_eq!(made.password, "PWOMLO/WWp+NnEcg10+9sfwvohc=");
    }

    #[test]
    fn they_never_end_too_early() {
        let end = |now| turn_credentials(b"x", ParticipantId::new(1), Timestamp(now), 1_000).username;
        assert!(end(1_000).starts_with("2:") && end(1_001).starts_with("3:"));
    }

    #[test]
    fn another_secret_or_participant_has_another_password() {
        let made = |secret: &[u8], n| turn_credentials(secret, ParticipantId::new(n), Timestamp(0), 1_000).password;
        assert_ne!(made(b"a", 1), made(b"b", 1));
        assert_ne!(made(b"a", 1), made(b"a", 2));
    }
}
