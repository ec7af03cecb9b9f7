//! Time-based one-time passwords (RFC 6238 over RFC 4226: HMAC-SHA-1, six digits, steps of 30 s), which every
//! authenticator application speaks. A code is good in its step and the ones beside it, and once: the last step that was
//! taken is kept, and no code of it or an earlier one is taken again (RFC 6238 section 5.2).

use aws_lc_rs::hmac;
use bangban_domain::{Timestamp, time::SECOND};

/// Length of a step in seconds.
const STEP: i64 = 30;

/// Length of a secret: that of the hash (RFC 4226 section 4).
const SECRET: usize = 20;

/// A secret shared with the authenticator.
#[derive(Clone, PartialEq, Eq)]
pub struct Totp(Vec<u8>);

/// A second factor is never printed.
impl std::fmt::Debug for Totp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Totp")
    }
}

impl Totp {
    /// A new one.
    ///
    /// # Errors
    /// If the system has no randomness.
    pub fn random() -> anyhow::Result<Self> {
        let mut bytes = vec![0; SECRET];
        aws_lc_rs::rand::fill(&mut bytes).map_err(|_| anyhow::anyhow!("the system has no randomness"))?;
        Ok(Self(bytes))
    }

    /// From its bytes.
    #[must_use]
    pub const fn new(secret: Vec<u8>) -> Self {
        Self(secret)
    }

    /// Its bytes, to be sealed.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// For people who type it: base32 (RFC 4648) without padding.
    #[must_use]
    pub fn base32(&self) -> String {
        const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let mut text = String::new();
        let (mut bits, mut count) = (0_u32, 0);
        for byte in &self.0 {
            bits = bits << 8 | u32::from(*byte);
            count += 8;
            while count >= 5 {
                count -= 5;
                text.push(ALPHABET[(bits >> count) as usize & 31].into());
            }
        }
        if count > 0 {
            text.push(ALPHABET[(bits << (5 - count)) as usize & 31].into());
        }
        text
    }

    /// What the QR code says.
    #[must_use]
    pub fn uri(&self, login: &str) -> String {
        let login: String = login
            .bytes()
            .map(|byte| {
                if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                    char::from(byte).to_string()
                } else {
                    format!("%{byte:02X}")
                }
            })
            .collect();
        format!(
            "otpauth://totp/Bangban:{login}?secret={}&issuer=Bangban&algorithm=SHA1&digits=6&period=30",
            self.base32()
        )
    }

    /// The code of a step.
    #[must_use]
    pub fn code(&self, step: u64) -> String {
        format!("{:06}", self.number(step) % 1_000_000)
    }

    fn number(&self, step: u64) -> u32 {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.0);
        let tag = hmac::sign(&key, &step.to_be_bytes());
        let tag = tag.as_ref();
        let at = usize::from(tag[tag.len() - 1] & 15);
        u32::from_be_bytes([tag[at] & 0x7f, tag[at + 1], tag[at + 2], tag[at + 3]])
    }

    /// The step that the code belongs to, if it is good now and no code of that step or a later one was taken before.
    #[must_use]
    pub fn accept(&self, code: &str, last: u64, now: Timestamp) -> Option<u64> {
        let this = step_at(now);
        let fits = |step: &u64| *step > last && is_same(self.code(*step).as_bytes(), code.as_bytes());
        [this, this + 1, this.saturating_sub(1)].into_iter().find(fits)
    }
}

/// The step of an instant.
#[must_use]
pub fn step_at(now: Timestamp) -> u64 {
    now.0.div_euclid(STEP * SECOND).unsigned_abs()
}

/// Without telling by its time where the first difference is.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(one, other).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The secret of the RFC's test vectors.
    fn rfc() -> Totp {
        Totp::new(b"12345678901234567890".to_vec())
    }

    #[test]
    fn the_vectors_of_rfc_6238_appendix_b_and_rfc_4226_appendix_d() {
        // The RFC shows eight digits; six are their end.
        for (seconds, expected) in [
            (59, 94_287_082),
            (1_111_111_109, 7_081_804),
            (1_111_111_111, 14_050_471),
            (1_234_567_890, 89_005_924),
            (2_000_000_000, 69_279_037),
            (20_000_000_000_i64, 65_353_130),
        ] {
            let step = step_at(Timestamp(seconds * SECOND));
            assert_eq!(rfc().number(step) % 100_000_000, expected, "{seconds}");
            assert_eq!(rfc().code(step), format!("{:06}", expected % 1_000_000), "{seconds}");
        }
        let codes =
            ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"];
        for (step, code) in (0..).zip(codes) {
            assert_eq!(rfc().code(step), code, "{step}");
        }
    }

    #[test]
    fn a_code_is_good_in_its_step_and_beside_it_and_once() {
        let at = |step: i64| Timestamp(step * STEP * SECOND + 7);
        let code = rfc().code(1_000);
        for (now, expected) in
            [(998, None), (999, Some(1_000)), (1_000, Some(1_000)), (1_001, Some(1_000)), (1_002, None)]
        {
            assert_eq!(rfc().accept(&code, 0, at(now)), expected, "{now}");
        }
        assert_eq!(rfc().accept(&code, 999, at(1_000)), Some(1_000));
        assert_eq!(rfc().accept(&code, 1_000, at(1_000)), None, "a second time");
        assert_eq!(rfc().accept(&rfc().code(999), 1_000, at(1_000)), None, "an earlier one");
        for nonsense in ["", "12345", "1234567", "abcdef", "１２３４５６"] {
            assert_eq!(rfc().accept(nonsense, 0, at(1_000)), None, "{nonsense}");
        }
    }

    #[test]
    fn the_vectors_of_rfc_4648_and_what_applications_scan() {
        for (plain, text) in [
            ("f", "MY"),
            ("fo", "MZXQ"),
            ("foo", "MZXW6"),
            ("foob", "MZXW6YQ"),
            ("fooba", "MZXW6YTB"),
            ("foobar", "MZXW6YTBOI"),
        ] {
            assert_eq!(Totp::new(plain.into()).base32(), text);
        }
        assert_eq!(
            rfc().uri("a 1"),
            "otpauth://totp/Bangban:a%201?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Bangban&algorithm=SHA1&digits=6&period=30"
        );
        assert_eq!(Totp::random().unwrap().bytes().len(), SECRET);
    }
}
