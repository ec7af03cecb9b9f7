//! Signed addresses: whoever holds one may fetch that file, as that person, until then. They are given out where rights
//! are checked (`open_files`), so that a picture can be shown by `<img>`, which sends no token; who may no longer read the
//! conversation is refused all the same (`App::check_viewer`).

use std::fmt::Write as _;

use aws_lc_rs::hmac;
use bangban_domain::{FileId, Timestamp, time::Millis};

/// What of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variant {
    /// Itself.
    Original,
    /// The thumbnail of a picture.
    Thumb,
}

impl Variant {
    /// As in the address.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Original => "original",
            Self::Thumb => "thumb",
        }
    }

    /// From the address.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Original, Self::Thumb].into_iter().find(|variant| variant.as_str() == text)
    }
}

/// Why an address is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadLink {
    /// Its time is over.
    Expired,
    /// We have not made it.
    Forged,
}

/// Makes and checks addresses.
pub(super) struct Links {
    key: hmac::Key,
    span: Millis,
}

impl Links {
    /// Addresses are good for `span` to twice that.
    pub(super) fn new(secret: &str, span: Millis) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), span: span.max(1) }
    }

    /// When an address that is made now ends: at the end of the next span, so that one who asks again within a span gets
    /// the same address and the browser has the picture already.
    pub(super) const fn until(&self, now: Timestamp) -> Timestamp {
        Timestamp((now.0.div_euclid(self.span) + 2) * self.span)
    }

    pub(super) fn url(&self, file: FileId, variant: Variant, viewer: &str, until: Timestamp) -> String {
        let signature = hmac::sign(&self.key, text(file, variant, viewer, until).as_bytes());
        let mut url = format!("/files/{file}/{}?viewer={viewer}&until={}&sign=", variant.as_str(), until.0);
        for byte in signature.as_ref() {
            // Writing to a string cannot fail.
            let _ = write!(url, "{byte:02x}");
        }
        url
    }

    pub(super) fn check(
        &self,
        file: FileId,
        variant: Variant,
        viewer: &str,
        until: Timestamp,
        sign: &str,
        now: Timestamp,
    ) -> Result<(), BadLink> {
        let signature: Option<Vec<u8>> = (sign.len() == 64 && sign.is_ascii())
            .then(|| (0..64).step_by(2).map(|at| u8::from_str_radix(&sign[at..at + 2], 16).ok()).collect())
            .flatten();
        let text = text(file, variant, viewer, until);
        // In constant time.
        let is_ours = signature.is_some_and(|tag| hmac::verify(&self.key, text.as_bytes(), &tag).is_ok());
        match (is_ours, now < until) {
            (false, _) => Err(BadLink::Forged),
            (true, false) => Err(BadLink::Expired),
            (true, true) => Ok(()),
        }
    }
}

/// What is signed; no part of it can hold a line break.
fn text(file: FileId, variant: Variant, viewer: &str, until: Timestamp) -> String {
    format!("{file}\n{}\n{viewer}\n{}", variant.as_str(), until.0)
}

#[cfg(test)]
mod tests {
    use bangban_domain::time::MINUTE;

    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);
    const ONE: FileId = FileId::new(1);

    /// The signature of an address.
    fn sign(url: &str) -> &str {
        url.rsplit_once('=').unwrap().1
    }

    #[test]
    fn an_address_is_good_for_its_file_variant_person_and_time_only() {
        let links = Links::new("secret", 10 * MINUTE);
        let until = links.until(NOW);
        let url = links.url(ONE, Variant::Thumb, "ct_1", until);
        assert!(url.starts_with("/files/fl_00000000000000000000000000000001/thumb?viewer=ct_1&until="), "{url}");
        let sign = sign(&url);
        let check = |file, variant, viewer, until, sign, now| links.check(file, variant, viewer, until, sign, now);
        assert_eq!(check(ONE, Variant::Thumb, "ct_1", until, sign, NOW), Ok(()));
        assert_eq!(check(ONE, Variant::Thumb, "ct_1", until, sign, until - 1), Ok(()));
        for (what, result, expected) in [
            ("time", check(ONE, Variant::Thumb, "ct_1", until, sign, until), BadLink::Expired),
            ("longer", check(ONE, Variant::Thumb, "ct_1", until + 1, sign, NOW), BadLink::Forged),
            ("file", check(FileId::new(2), Variant::Thumb, "ct_1", until, sign, NOW), BadLink::Forged),
            ("variant", check(ONE, Variant::Original, "ct_1", until, sign, NOW), BadLink::Forged),
            ("person", check(ONE, Variant::Thumb, "ct_2", until, sign, NOW), BadLink::Forged),
            ("nonsense", check(ONE, Variant::Thumb, "ct_1", until, "zz", NOW), BadLink::Forged),
            ("not ASCII", check(ONE, Variant::Thumb, "ct_1", until, &"é".repeat(32), NOW), BadLink::Forged),
            (
                "flipped",
                check(ONE, Variant::Thumb, "ct_1", until, &sign.replace(&sign[..1], "g"), NOW),
                BadLink::Forged,
            ),
        ] {
            assert_eq!(result, Err(expected), "{what}");
        }
        let other = Links::new("another", 10 * MINUTE);
        assert_eq!(other.check(ONE, Variant::Thumb, "ct_1", until, sign, NOW), Err(BadLink::Forged));
    }

    #[test]
    fn whoever_asks_again_within_a_span_gets_the_same_address() {
        let links = Links::new("secret", 10 * MINUTE);
        let begin = Timestamp(NOW.0 - NOW.0 % (10 * MINUTE));
        assert_eq!(links.until(begin), begin + 20 * MINUTE);
        assert_eq!(links.until(begin + 10 * MINUTE - 1), begin + 20 * MINUTE);
        assert_eq!(links.until(begin + 10 * MINUTE), begin + 30 * MINUTE);
    }
}
