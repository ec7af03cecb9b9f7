//! Signatures of Standard Webhooks (standard-webhooks, spec 1.0): HMAC-SHA256 over `id.timestamp.body`, as `v1,BASE64`; two of
//! them, with a blank between, while the receiver changes its secret.

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::STANDARD};

/// What stands before a secret.
const PREFIX: &str = "whsec_";

/// Bytes that a secret has to have.
const LENGTH: std::ops::RangeInclusive<usize> = 24..=64;

/// The key of a secret as it is configured; `None`: it is none.
pub(super) fn key(secret: &str) -> Option<hmac::Key> {
    let bytes = STANDARD.decode(secret.strip_prefix(PREFIX)?).ok()?;
    LENGTH.contains(&bytes.len()).then(|| hmac::Key::new(hmac::HMAC_SHA256, &bytes))
}

/// The header `webhook-signature`.
pub(super) fn sign(keys: &[hmac::Key], id: &str, seconds: i64, body: &[u8]) -> String {
    let signed = [id.as_bytes(), b".", seconds.to_string().as_bytes(), b".", body].concat();
    let one = |key| format!("v1,{}", STANDARD.encode(hmac::sign(key, &signed)));
    keys.iter().map(one).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's reference libraries.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    #[test]
    fn the_published_example_has_the_published_signature() {
        let keys = [key(SECRET).unwrap()];
        let body = br#"{"test": 2432232314}"#;
        let found = sign(&keys, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
        assert_eq!(found, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn two_secrets_give_two_signatures_and_a_short_one_is_none() {
        let other = format!("{PREFIX}{}", STANDARD.encode([7; 32]));
        let both = sign(&[key(&other).unwrap(), key(SECRET).unwrap()], "a", 1, b"{}");
        let parts: Vec<&str> = both.split(' ').collect();
        assert_eq!(parts.len(), 2);
        assert_eq!(parts[1], sign(&[key(SECRET).unwrap()], "a", 1, b"{}"));
        for bad in ["", "whsec_", "whsec_c2hvcnQ=", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_???"] {
            assert!(key(bad).is_none(), "{bad}");
        }
    }
}
