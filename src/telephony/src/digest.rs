//! Digest authentication of telephones (RFC 7616 and RFC 2617; `qop=auth` only) and the nonces for it.
//!
//! Ours, because the library below hashes the count of a nonce in decimal: every phone would fail from its tenth
//! request on. A nonce says when it was made and is signed, so that whoever asks costs no memory; it is remembered only once
//! it was used with the right password, with its highest count, so that no request is good twice.

use std::{
    collections::{BTreeSet, HashMap},
    time::{Duration, Instant},
};

use aws_lc_rs::{constant_time::verify_slices_are_equal, hmac};
use md5::{Digest as _, Md5};
use sha2::Sha256;

use crate::{Secret, config::Algorithm};

/// Nonces in use that are remembered; more, and the oldest has to be asked for again.
const MAX_USED: usize = 20_000;
/// Longer credentials are not read.
const MAX_BYTES: usize = 4096;
/// Parameters of one header.
const MAX_PARAMETERS: usize = 32;

/// What a telephone says to prove its password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Credentials {
    pub(crate) username: String,
    realm: String,
    nonce: String,
    uri: String,
    response: String,
    algorithm: Algorithm,
    cnonce: String,
    /// As it came: hashed as text.
    nc: String,
    count: u32,
}

/// Why somebody is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rejected {
    /// They have to prove their password, with a fresh nonce.
    Challenge {
        /// The password was right, but the nonce is used up: the phone needs not ask its user (RFC 7616, section 3.3).
        is_stale: bool,
    },
    /// The password is wrong, or there is no such telephone.
    Wrong,
    /// No telephone writes this.
    Malformed,
}

impl Credentials {
    /// Reads the value of an `Authorization` header.
    ///
    /// # Errors
    /// [`Rejected::Malformed`], also for credentials without `qop=auth`: they could be used again by whoever heard them.
    pub(crate) fn read(value: &str) -> Result<Self, Rejected> {
        let parameters = parameters(value).ok_or(Rejected::Malformed)?;
        let get = |name: &str| parameters.iter().find(|(n, _)| n == name).map(|(_, value)| value.clone());
        let need = |name: &str| get(name).ok_or(Rejected::Malformed);
        let algorithm = match get("algorithm").as_deref().map(str::to_ascii_lowercase).as_deref() {
            None | Some("md5") => Algorithm::Md5,
            Some("sha-256") => Algorithm::Sha256,
            Some(_) => return Err(Rejected::Malformed),
        };
        let nc = need("nc")?;
        // Eight hexadecimal digits (RFC 7616, section 3.4): 00000010 is sixteen.
        if nc.len() != 8 || !nc.bytes().all(|b| b.is_ascii_hexdigit()) || need("qop")? != "auth" {
            return Err(Rejected::Malformed);
        }
        let count = u32::from_str_radix(&nc, 16).map_err(|_| Rejected::Malformed)?;
        Ok(Self {
            username: need("username")?,
            realm: need("realm")?,
            nonce: need("nonce")?,
            uri: need("uri")?,
            response: need("response")?.to_ascii_lowercase(),
            cnonce: need("cnonce")?,
            algorithm,
            nc,
            count,
        })
    }

    /// The proof that these credentials should have (RFC 7616, section 3.4.1).
    fn proof(&self, method: &str, secret: &Secret) -> String {
        let hash = |text: &str| hash(self.algorithm, text);
        let a1 = match (secret, self.algorithm) {
            (Secret::Password(password), _) => hash(&format!("{}:{}:{password}", self.username, self.realm)),
            (Secret::Hashed { md5, .. }, Algorithm::Md5) => md5.to_ascii_lowercase(),
            (Secret::Hashed { sha256, .. }, Algorithm::Sha256) => sha256.to_ascii_lowercase(),
        };
        let a2 = hash(&format!("{method}:{}", self.uri));
        hash(&format!("{a1}:{}:{}:{}:auth:{a2}", self.nonce, self.nc, self.cnonce))
    }
}

/// The parameters of `Digest name=value, name="value", ...`; names in lower case.
fn parameters(value: &str) -> Option<Vec<(String, String)>> {
    if value.len() > MAX_BYTES {
        return None;
    }
    let (scheme, mut rest) = value.trim().split_once([' ', '\t'])?;
    if !scheme.eq_ignore_ascii_case("digest") {
        return None;
    }
    let mut parameters = Vec::new();
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',', '\r', '\n']);
        if rest.is_empty() {
            return Some(parameters);
        }
        let (name, after) = rest.split_once('=')?;
        let after = after.trim_start();
        let (text, remaining) = match after.strip_prefix('"') {
            Some(quoted) => quoted_text(quoted)?,
            None => {
                let end = after.find(',').unwrap_or(after.len());
                (after[..end].trim().to_owned(), &after[end..])
            }
        };
        if parameters.len() == MAX_PARAMETERS {
            return None;
        }
        parameters.push((name.trim().to_ascii_lowercase(), text));
        rest = remaining;
    }
}

/// What stands up to the closing quotation mark, and what comes after it.
fn quoted_text(text: &str) -> Option<(String, &str)> {
    let mut read = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((read, &text[at + 1..])),
            '\\' => read.push(chars.next()?.1),
            c => read.push(c),
        }
    }
    None
}

fn hash(algorithm: Algorithm, text: &str) -> String {
    match algorithm {
        Algorithm::Md5 => hex(&Md5::digest(text.as_bytes())),
        Algorithm::Sha256 => hex(&Sha256::digest(text.as_bytes())),
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Issues nonces and says whether credentials are good.
pub(crate) struct Gatekeeper {
    realm: String,
    algorithms: Vec<Algorithm>,
    key: hmac::Key,
    began: Instant,
    valid: Duration,
    used: HashMap<String, u32>,
    /// In order of when they were made.
    by_age: BTreeSet<(Instant, String)>,
    /// Nonces that were made up to then are not known any more, and so not good.
    forgotten: Option<Instant>,
}

impl Gatekeeper {
    /// `key` is random and signs the nonces of this process; `valid` is how long one holds.
    pub(crate) fn new(realm: &str, algorithms: &[Algorithm], key: &[u8; 32], now: Instant, valid: Duration) -> Self {
        Self {
            realm: realm.to_owned(),
            algorithms: algorithms.to_vec(),
            key: hmac::Key::new(hmac::HMAC_SHA256, key),
            began: now,
            valid,
            used: HashMap::new(),
            by_age: BTreeSet::new(),
            forgotten: None,
        }
    }

    /// Values of `WWW-Authenticate`, best algorithm first, with a nonce made of `random`.
    pub(crate) fn challenge(&self, now: Instant, random: [u8; 12], is_stale: bool) -> Vec<String> {
        let nonce = self.nonce(now, random);
        let stale = if is_stale { ", stale=true" } else { "" };
        self.algorithms
            .iter()
            .map(|algorithm| {
                let name = match algorithm {
                    Algorithm::Md5 => "MD5",
                    Algorithm::Sha256 => "SHA-256",
                };
                format!("Digest realm=\"{}\", nonce=\"{nonce}\", algorithm={name}, qop=\"auth\"{stale}", self.realm)
            })
            .collect()
    }

    fn nonce(&self, now: Instant, random: [u8; 12]) -> String {
        let at = now.saturating_duration_since(self.began).as_millis();
        let head = format!("{at:x}.{}", hex(&random));
        let signature = self.sign(&head);
        format!("{head}.{signature}")
    }

    fn sign(&self, head: &str) -> String {
        hex(&hmac::sign(&self.key, head.as_bytes()).as_ref()[..16])
    }

    /// When one of our nonces was made.
    fn made_at(&self, nonce: &str) -> Option<Instant> {
        let (head, signature) = nonce.rsplit_once('.')?;
        verify_slices_are_equal(self.sign(head).as_bytes(), signature.as_bytes()).ok()?;
        let millis = u64::from_str_radix(head.split_once('.')?.0, 16).ok()?;
        self.began.checked_add(Duration::from_millis(millis))
    }

    /// Whether these credentials are good for this request, once.
    ///
    /// # Errors
    /// [`Rejected`] says what to answer.
    pub(crate) fn check(
        &mut self,
        now: Instant,
        credentials: &Credentials,
        method: &str,
        secret: Option<&Secret>,
    ) -> Result<(), Rejected> {
        self.forget(now);
        if credentials.realm != self.realm || !self.algorithms.contains(&credentials.algorithm) {
            return Err(Rejected::Challenge { is_stale: false });
        }
        let Some(made_at) = self.made_at(&credentials.nonce) else {
            return Err(Rejected::Challenge { is_stale: false });
        };
        let proof = secret.map(|secret| credentials.proof(method, secret)).ok_or(Rejected::Wrong)?;
        verify_slices_are_equal(proof.as_bytes(), credentials.response.as_bytes()).map_err(|_| Rejected::Wrong)?;
        let last = self.used.get(&credentials.nonce).copied();
        let is_over = now >= made_at + self.valid || self.forgotten.is_some_and(|until| made_at <= until);
        // 0 is no count; one that is not higher was heard already (RFC 7616, section 5.12).
        if is_over || credentials.count <= last.unwrap_or(0) {
            return Err(Rejected::Challenge { is_stale: true });
        }
        if last.is_none() {
            if self.used.len() == MAX_USED
                && let Some((made_at, oldest)) = self.by_age.pop_first()
            {
                self.used.remove(&oldest);
                self.forgotten = self.forgotten.max(Some(made_at));
            }
            self.by_age.insert((made_at, credentials.nonce.clone()));
        }
        self.used.insert(credentials.nonce.clone(), credentials.count);
        Ok(())
    }

    fn forget(&mut self, now: Instant) {
        while let Some((made_at, _)) = self.by_age.first()
            && *made_at + self.valid <= now
        {
            if let Some((_, nonce)) = self.by_age.pop_first() {
                self.used.remove(&nonce);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::now;

    fn credentials(text: &str) -> Credentials {
        Credentials::read(text).unwrap()
    }

    fn password(text: &str) -> Secret {
        Secret::Password(text.to_owned())
    }

    /// RFC 2617, section 3.5.
    #[test]
    fn the_example_of_rfc_2617_is_right() {
        let one = credentials(
            "Digest username=\"Mufasa\", realm=\"testrealm@host.com\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", \
             uri=\"/dir/index.html\", qop=auth, nc=00000001, cnonce=\"0a4f113b\", \
             response=\"6629fae49393a05397450978507c4ef1\", opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"",
        );
        assert_eq!(one.proof("GET", &password("Circle Of Life")), one.response);
    }

    /// RFC 7616, section 3.9.1, both algorithms; with the password and with what is kept of it.
    #[test]
    fn the_examples_of_rfc_7616_are_right() {
        for (algorithm, response) in [
            ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
            ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
        ] {
            let one = credentials(&format!(
                "Digest username=\"Mufasa\", realm=\"http-auth@example.org\", uri=\"/dir/index.html\", \
                 algorithm={algorithm}, nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", nc=00000001, \
                 cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\", qop=auth, response=\"{response}\", \
                 opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""
            ));
            assert_eq!(one.proof("GET", &password("Circle of Life")), response);
            let text = "Mufasa:http-auth@example.org:Circle of Life";
            let kept = Secret::Hashed { md5: hash(Algorithm::Md5, text), sha256: hash(Algorithm::Sha256, text) };
            assert_eq!(one.proof("GET", &kept), response);
        }
    }

    struct Door {
        keeper: Gatekeeper,
        began: Instant,
    }

    impl Door {
        fn new() -> Self {
            let began = now();
            let keeper = Gatekeeper::new(
                "bangban",
                &[Algorithm::Sha256, Algorithm::Md5],
                &[7; 32],
                began,
                Duration::from_secs(300),
            );
            Self { keeper, began }
        }

        fn at(&self, millis: u64) -> Instant {
            self.began + Duration::from_millis(millis)
        }

        fn nonce(&self, millis: u64) -> String {
            self.keeper.nonce(self.at(millis), [1; 12])
        }

        fn ask(&mut self, millis: u64, nonce: &str, count: u32, secret: &str) -> Result<(), Rejected> {
            let mut asked = credentials(&format!(
                "Digest username=\"8001\", realm=\"bangban\", nonce=\"{nonce}\", uri=\"sip:b\", qop=auth, \
                 nc={count:08x}, cnonce=\"c\", response=\"\""
            ));
            asked.response = asked.proof("REGISTER", &password(secret));
            let now = self.at(millis);
            self.keeper.check(now, &asked, "REGISTER", Some(&password("right")))
        }
    }

    const STALE: Result<(), Rejected> = Err(Rejected::Challenge { is_stale: true });
    const AFRESH: Result<(), Rejected> = Err(Rejected::Challenge { is_stale: false });

    /// The fault of the library below: from the tenth request on, and from the 256th.
    #[test]
    fn counts_are_hexadecimal_and_go_beyond_9_and_255() {
        let mut door = Door::new();
        let nonce = door.nonce(0);
        for count in [1, 9, 0xa, 0xf, 0x10, 0xff, 0x100, 0x1_0000] {
            assert_eq!(door.ask(1, &nonce, count, "right"), Ok(()), "{count:x}");
        }
    }

    #[test]
    fn a_request_is_good_once() {
        let mut door = Door::new();
        let nonce = door.nonce(0);
        assert_eq!(door.ask(1, &nonce, 5, "right"), Ok(()));
        assert_eq!(door.ask(2, &nonce, 5, "right"), STALE);
        assert_eq!(door.ask(3, &nonce, 4, "right"), STALE);
        assert_eq!(door.ask(4, &nonce, 0, "right"), STALE);
        assert_eq!(door.ask(5, &nonce, 6, "right"), Ok(()));
    }

    #[test]
    fn a_nonce_holds_299_999_ms_and_not_300_000() {
        let mut door = Door::new();
        let nonce = door.nonce(0);
        assert_eq!(door.ask(299_999, &nonce, 1, "right"), Ok(()));
        assert_eq!(door.ask(300_000, &nonce, 2, "right"), STALE);
        // ... and is not remembered any longer than that.
        assert!(door.keeper.used.is_empty() && door.keeper.by_age.is_empty());
    }

    #[test]
    fn wrong_passwords_and_nonces_of_others_are_told_apart() {
        let mut door = Door::new();
        let nonce = door.nonce(0);
        assert_eq!(door.ask(1, &nonce, 1, "wrong"), Err(Rejected::Wrong));
        // Nothing is remembered of a wrong one.
        assert!(door.keeper.used.is_empty());
        let other = Gatekeeper::new("bangban", &[Algorithm::Md5], &[8; 32], door.began, Duration::from_secs(300));
        assert_eq!(door.ask(1, &other.nonce(door.began, [1; 12]), 1, "right"), AFRESH);
        assert_eq!(door.ask(1, "x", 1, "right"), AFRESH);
        assert_eq!(door.ask(1, &nonce.replacen(|c: char| c.is_ascii_digit(), "f", 1), 1, "right"), AFRESH);
        let asked = credentials(
            "Digest username=\"x\", realm=\"bangban\", nonce=\"n\", uri=\"u\", qop=auth, nc=00000001, cnonce=\"\", response=\"\"",
        );
        let now = door.began;
        assert_eq!(door.keeper.check(now, &Credentials { nonce, ..asked }, "REGISTER", None), Err(Rejected::Wrong));
    }

    #[test]
    fn what_is_forgotten_for_want_of_room_is_not_good_again() {
        let mut door = Door::new();
        let first = door.nonce(0);
        assert_eq!(door.ask(1, &first, 1, "right"), Ok(()));
        for n in 1..=MAX_USED as u64 {
            let nonce = door.keeper.nonce(door.at(1 + n % 100), n.to_le_bytes().repeat(2)[..12].try_into().unwrap());
            assert_eq!(door.ask(200, &nonce, 1, "right"), Ok(()));
        }
        assert_eq!(door.keeper.used.len(), MAX_USED);
        assert_eq!(door.ask(201, &first, 2, "right"), STALE);
        assert_eq!(door.ask(202, &first, 1, "right"), STALE);
    }

    #[test]
    fn challenges_name_every_algorithm_in_order_and_say_stale() {
        let door = Door::new();
        let values = door.keeper.challenge(door.began, [1; 12], true);
        assert!(values[0].contains("algorithm=SHA-256") && values[1].contains("algorithm=MD5"), "{values:?}");
        assert!(values.iter().all(|value| value.contains("qop=\"auth\"") && value.ends_with("stale=true")));
        assert!(!door.keeper.challenge(door.began, [1; 12], false)[0].contains("stale"));
    }

    #[test]
    fn what_no_telephone_writes_is_malformed() {
        let good = "Digest username=\"a\", realm=\"r\", nonce=\"n\", uri=\"u\", qop=auth, nc=0000000a, cnonce=\"c\", response=\"d\"";
        assert_eq!(credentials(good).count, 10);
        assert_eq!(credentials(&good.replace("\"a\"", "\"a,\\\"b\"")).username, "a,\"b");
        for bad in [
            "",
            "Digest",
            "Basic abc",
            &good.replace("qop=auth, ", ""),
            &good.replace("qop=auth", "qop=auth-int"),
            &good.replace("nc=0000000a", "nc=a"),
            &good.replace("nc=0000000a", "nc=0000000g"),
            &good.replace("username=\"a\"", "username=\"a"),
            &good.replace("Digest ", "Digest algorithm=MD5-sess, "),
            &good.replace("Digest ", &format!("Digest {}", "a=b,".repeat(40))),
            &format!("{good}{}", " ".repeat(5_000)),
        ] {
            assert_eq!(Credentials::read(bad), Err(Rejected::Malformed), "{bad}");
        }
    }
}
