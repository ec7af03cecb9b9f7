//! Does a browser reach the media port, and by which way? Asked before anybody sits down, so without a connection: the
//! browser is given a name and a password for connectivity checks (RFC 8445, 7), and whoever signs with them is answered.
//! Nothing is kept of it: the password follows from the name, and the name says when it ends.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use aws_lc_rs::{
    hmac,
    rand::{SecureRandom, SystemRandom},
};
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use str0m::ice::StunMessage;

/// Names that begin so are ours. Connections have names of four characters (`str0m`).
const PREFIX: &str = "waylook";
/// Hexadecimal digits of the end, in seconds since we began, and as many that are by chance.
const DIGITS: usize = 8;
/// A reply: a header of 20 bytes, an address of at most 24, a signature and a check of 32.
const LARGEST_REPLY: usize = 128;

/// With what a browser asks whether it reaches us.
#[derive(Clone, PartialEq, Eq)]
pub struct Probe {
    /// Our side's name in the checks (`ice-ufrag`).
    pub ufrag: String,
    /// What they are signed with (`ice-pwd`).
    pub password: String,
    /// Where they go.
    pub address: SocketAddr,
}

// What is written down of it must not let anybody ask.
impl std::fmt::Debug for Probe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Probe").field("ufrag", &self.ufrag).field("address", &self.address).finish_non_exhaustive()
    }
}

/// Makes names and passwords, and knows them again. All media threads have the same.
#[derive(Debug, Clone)]
pub(crate) struct Prober {
    key: hmac::Key,
    began: Instant,
}

impl Prober {
    /// With a key of the system's randomness; `None`: there is none.
    pub(crate) fn new(began: Instant) -> Option<Self> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new()).ok()?;
        Some(Self { key, began })
    }

    /// Good from `now` on for `valid`, in whole seconds. `None`: the system gives no random numbers.
    pub(crate) fn make(&self, now: Instant, valid: Duration, address: SocketAddr) -> Option<Probe> {
        let mut chance = [0; 4];
        SystemRandom::new().fill(&mut chance).ok()?;
        let ends = (now + valid).saturating_duration_since(self.began).as_secs();
        let ends = u32::try_from(ends).ok()?;
        let ufrag = format!("{PREFIX}{ends:08x}{:08x}", u32::from_be_bytes(chance));
        let password = self.password(&ufrag);
        Some(Probe { ufrag, password, address })
    }

    /// The answer to a request under the name `ufrag`, if it is one of ours, still good, and rightly signed.
    pub(crate) fn answer(&self, now: Instant, ufrag: &str, source: SocketAddr, request: &[u8]) -> Option<Vec<u8>> {
        let digits = ufrag.strip_prefix(PREFIX).filter(|digits| digits.len() == 2 * DIGITS && digits.is_ascii())?;
        let ends = u64::from_str_radix(&digits[..DIGITS], 16).ok()?;
        if now.saturating_duration_since(self.began).as_secs() > ends {
            return None;
        }
        let message = StunMessage::parse(request).ok()?;
        let password = self.password(ufrag);
        if !message.is_binding_request() || !message.verify(password.as_bytes(), sign) {
            return None;
        }
        let mut reply = vec![0; LARGEST_REPLY];
        let made = StunMessage::binding_reply(message.trans_id(), source);
        let length = made.to_bytes(Some(password.as_bytes()), &mut reply, sign).ok()?;
        reply.truncate(length);
        Some(reply)
    }

    fn password(&self, ufrag: &str) -> String {
        STANDARD_NO_PAD.encode(hmac::sign(&self.key, ufrag.as_bytes()))
    }
}

/// HMAC-SHA-1, as connectivity checks are signed (RFC 8489, 14.5).
fn sign(key: &[u8], parts: &[&[u8]]) -> [u8; 20] {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key);
    let mut context = hmac::Context::with_key(&key);
    parts.iter().for_each(|part| context.update(part));
    let mut signature = [0; 20];
    let signed = context.sign();
    let bytes = signed.as_ref();
    signature[..bytes.len().min(20)].copy_from_slice(&bytes[..bytes.len().min(20)]);
    signature
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;
    use str0m::ice::TransId;

    use super::*;
    use crate::clock;

    const VALID: Duration = Duration::from_secs(60);

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    /// As a browser asks.
    pub(crate) fn request(ufrag: &str, password: &str) -> Vec<u8> {
        let username = format!("{ufrag}:theirs");
        let message = StunMessage::binding_request(&username, TransId::new(), true, 1, 1, true);
        let mut bytes = vec![0; 256];
        let length = message.to_bytes(Some(password.as_bytes()), &mut bytes, sign).unwrap();
        bytes.truncate(length);
        bytes
    }

    #[test]
    fn whoever_was_given_a_name_is_answered_with_where_they_are() {
        let now = clock::now();
        let prober = Prober::new(now).unwrap();
        let probe = prober.make(now, VALID, address("192.0.2.1:4000")).unwrap();
        // ice-ufrag has 4 to 256 characters, ice-pwd 22 to 256 (RFC 8839, 5.4), both of letters, digits, + and /.
        assert_eq!((probe.ufrag.len(), probe.password.len()), (23, 43));
        let is_ice = |text: &str| text.chars().all(|one| one.is_ascii_alphanumeric() || "+/".contains(one));
        assert!(is_ice(&probe.ufrag) && is_ice(&probe.password));
        for source in ["198.51.100.7:999", "[2001:db8::1]:999"].map(address) {
            let asked = request(&probe.ufrag, &probe.password);
            let answer = prober.answer(now, &probe.ufrag, source, &asked).unwrap();
            let parsed = StunMessage::parse(&answer).unwrap();
            assert!(parsed.is_successful_binding_response() && parsed.verify(probe.password.as_bytes(), sign));
            assert_eq!(parsed.mapped_address(), Some(source));
            assert!(answer.len() <= asked.len(), "nobody is flooded by way of us");
        }
    }

    #[test]
    fn a_name_is_good_for_its_time_and_not_a_second_longer() {
        let now = clock::now();
        let prober = Prober::new(now).unwrap();
        let source = address("198.51.100.7:999");
        let Probe { ufrag, password, .. } = prober.make(now, VALID, source).unwrap();
        let asked = request(&ufrag, &password);
        let at = |after: u64| prober.answer(now + Duration::from_millis(after), &ufrag, source, &asked).is_some();
        assert!(at(60_000) && at(60_999));
        assert!(!at(61_000));
    }

    #[test]
    fn wrong_signatures_foreign_keys_and_longer_names_get_nothing() {
        let now = clock::now();
        let (prober, other) = (Prober::new(now).unwrap(), Prober::new(now).unwrap());
        let source = address("198.51.100.7:999");
        let Probe { ufrag, password, .. } = prober.make(now, VALID, source).unwrap();
        assert!(prober.answer(now, &ufrag, source, &request(&ufrag, "another password of theirs")).is_none());
        assert!(other.answer(now, &ufrag, source, &request(&ufrag, &password)).is_none());
        // The end is part of what is signed.
        let later = format!("{PREFIX}ffffffff{}", &ufrag[PREFIX.len() + DIGITS..]);
        assert!(prober.answer(now, &later, source, &request(&later, &password)).is_none());
        assert_ne!(prober.make(now, VALID, source).unwrap().ufrag, ufrag);
    }

    proptest! {
        #[test]
        fn no_bytes_harm(ufrag in ".{0,40}", bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let now = clock::now();
            let prober = Prober::new(now).unwrap();
            let source = address("198.51.100.7:999");
            prop_assert!(prober.answer(now, &ufrag, source, &bytes).is_none());
            let ours = format!("{PREFIX}{ufrag}");
            prop_assert!(prober.answer(now, &ours, source, &bytes).is_none());
        }
    }
}
