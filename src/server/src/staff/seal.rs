//! What has to leave this process and come back, or lie in the database, without being read or changed: AES-256-GCM under
//! a key made from `auth.staff_secret`. Each purpose is bound in, so that what was sealed for one opens for no other.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    digest::{SHA256, digest},
    hmac,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Serialize, de::DeserializeOwned};

/// See the module.
pub struct Seal(RandomizedNonceKey);

impl Seal {
    /// # Errors
    /// Never in practice: the derived key has the right length.
    pub fn new(secret: &str) -> anyhow::Result<Self> {
        // Not the secret itself: it signs tokens, and one key has one use.
        let key = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), b"bangban seal 1");
        let key = RandomizedNonceKey::new(&AES_256_GCM, key.as_ref());
        Ok(Self(key.map_err(|_| anyhow::anyhow!("no key of 256 bits"))?))
    }

    /// Closes a value.
    ///
    /// # Errors
    /// If the value cannot be written as JSON, or the system has no randomness.
    pub fn close(&self, purpose: &str, value: &impl Serialize) -> anyhow::Result<String> {
        let mut bytes = serde_json::to_vec(value)?;
        let nonce = self.0.seal_in_place_append_tag(Aad::from(purpose.as_bytes()), &mut bytes);
        let nonce = nonce.map_err(|_| anyhow::anyhow!("a value cannot be sealed"))?;
        let mut all = nonce.as_ref().to_vec();
        all.append(&mut bytes);
        Ok(URL_SAFE_NO_PAD.encode(all))
    }

    /// The value, if it was closed by us for this purpose.
    #[must_use]
    pub fn open<T: DeserializeOwned>(&self, purpose: &str, text: &str) -> Option<T> {
        let mut bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (nonce, rest) = bytes.split_at_mut_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let plain = self.0.open_in_place(nonce, Aad::from(purpose.as_bytes()), rest).ok()?;
        serde_json::from_slice(plain).ok()
    }
}

/// SHA-256 in hexadecimal digits: what is kept of a token that we gave out. It is long and random, so this is enough.
#[must_use]
pub fn fingerprint(text: &str) -> String {
    digest(&SHA256, text.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// 256 bits from the system's generator.
///
/// # Errors
/// If the system has none.
pub fn random_token() -> anyhow::Result<String> {
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| anyhow::anyhow!("the system has no randomness"))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_opens_for_its_purpose_and_key_and_unchanged_only() {
        let seal = Seal::new("secret").unwrap();
        let text = seal.close("totp ag_1", &[1_u8, 2, 3]).unwrap();
        let open = |seal: &Seal, purpose, text: &str| seal.open::<Vec<u8>>(purpose, text);
        assert_eq!(open(&seal, "totp ag_1", &text), Some(vec![1, 2, 3]));
        assert_ne!(text, seal.close("totp ag_1", &[1_u8, 2, 3]).unwrap(), "a nonce is used once");
        assert_eq!(open(&seal, "totp ag_2", &text), None);
        assert_eq!(open(&Seal::new("other").unwrap(), "totp ag_1", &text), None);
        let mut bytes = URL_SAFE_NO_PAD.decode(&text).unwrap();
        for at in [0, NONCE_LEN, bytes.len() - 1] {
            bytes[at] ^= 1;
            assert_eq!(open(&seal, "totp ag_1", &URL_SAFE_NO_PAD.encode(&bytes)), None, "{at}");
            bytes[at] ^= 1;
        }
        for short in ["", "AAAA", "not base64!"] {
            assert_eq!(open(&seal, "totp ag_1", short), None, "{short}");
        }
    }

    #[test]
    fn tokens_differ_and_a_fingerprint_does_not_show_them() {
        let (one, two) = (random_token().unwrap(), random_token().unwrap());
        assert_ne!(one, two);
        assert_eq!(one.len(), 43);
        assert_eq!(fingerprint("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
