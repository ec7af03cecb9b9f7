//! Which passwords are taken (NIST SP 800-63B section 5.1.1.2: length counts, composition rules do not; what is common or
//! about the person is refused).

/// Shortest, in characters: a sentence is welcome.
pub const SHORTEST: usize = 12;

/// Longest, in characters.
pub const LONGEST: usize = 200;

/// Beginnings of what people take when a long password is asked for, lower case, without digits and marks.
const COMMON: [&str; 40] = [
    "abc",
    "abcabc",
    "abcd",
    "abcdef",
    "abcdefgh",
    "admin",
    "administrator",
    "adminadmin",
    "asdf",
    "asdfghjkl",
    "asdfgh",
    "bangban",
    "changeme",
    "changeit",
    "default",
    "football",
    "guest",
    "helloworld",
    "iloveyou",
    "letmein",
    "login",
    "mima",
    "monkey",
    "pass",
    "passw",
    "password",
    "passwordpassword",
    "qazwsx",
    "qwer",
    "qwerty",
    "qwertyuiop",
    "qwertyuiopasdfghjkl",
    "root",
    "secret",
    "shanghai",
    "test",
    "testtest",
    "welcome",
    "woaini",
    "zxcvbnm",
];

/// Why a password is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Weak {
    /// Fewer than [`SHORTEST`] characters.
    #[error("must have {SHORTEST} characters or more")]
    Short,
    /// More than [`LONGEST`].
    #[error("must have {LONGEST} characters or fewer")]
    Long,
    /// The staff number or the name is most of it.
    #[error("must not be made of the staff number or the name")]
    Personal,
    /// Everybody's first guess, a row of keys, or the same few characters again and again.
    #[error("is too common")]
    Common,
    /// The one that is to be replaced.
    #[error("must differ from the old one")]
    Same,
}

/// Is it good enough for this person?
///
/// # Errors
/// Says why not.
pub fn check(password: &str, login: &str, name: &str) -> Result<(), Weak> {
    let length = password.chars().count();
    if length < SHORTEST {
        return Err(Weak::Short);
    }
    if length > LONGEST {
        return Err(Weak::Long);
    }
    let lower = password.to_lowercase();
    for personal in [login, name].map(str::to_lowercase) {
        // What is left without it would have to be a password by itself.
        let rest = lower.replace(&personal, "").chars().count();
        if personal.chars().count() >= 2 && rest < length && rest < SHORTEST - 4 {
            return Err(Weak::Personal);
        }
    }
    let letters: String = lower.chars().filter(|sign| sign.is_alphabetic()).collect();
    let distinct = lower.chars().collect::<std::collections::BTreeSet<_>>().len();
    let steps = lower.chars().zip(lower.chars().skip(1));
    let runs = steps.filter(|(one, next)| (u32::from(*next)).abs_diff(u32::from(*one)) <= 1).count();
    // 123456789012 has no letters; abcdabcdabcd few signs; a b c d e f one step after the other.
    let is_bare =
        letters.is_empty() && distinct <= 10 && lower.chars().all(|sign| sign.is_ascii_digit()) && length < 16;
    if is_bare || distinct < 5 || runs * 3 >= length * 2 || COMMON.contains(&letters.as_str()) {
        return Err(Weak::Common);
    }
    Ok(())
}

/// A password for one log-in: easy to read out, 80 bits.
///
/// # Errors
/// If the system has no randomness.
pub fn one_time() -> anyhow::Result<String> {
    // Without what is mistaken for something else (0 o 1 l i).
    const SIGNS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz23456789x";
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| anyhow::anyhow!("the system has no randomness"))?;
    let signs: String = bytes.iter().map(|byte| char::from(SIGNS[usize::from(byte & 31)])).collect();
    Ok([&signs[..4], &signs[4..8], &signs[8..12], &signs[12..]].join("-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_and_uncommon_is_good_and_nothing_else() {
        for (password, expected) in [
            ("short-pass1", Err(Weak::Short)),
            ("一二三四五六七八九十一", Err(Weak::Short)),
            ("correct horse battery", Ok(())),
            ("今天下午三点去公园散步吧", Ok(())),
            ("Blau-39-Fenster", Ok(())),
            ("passwordpassword", Err(Weak::Common)),
            ("Password1234!", Err(Weak::Common)),
            ("correct-horse-7", Ok(())),
            ("123456789012", Err(Weak::Common)),
            ("138001380001", Err(Weak::Common)),
            ("aaaaaaaaaaaa", Err(Weak::Common)),
            ("abababababab", Err(Weak::Common)),
            ("abcdefghijkl", Err(Weak::Common)),
            ("qwertyuiop123", Err(Weak::Common)),
            ("woaini1314520", Err(Weak::Common)),
            ("agent1001agent1001", Err(Weak::Personal)),
            ("Agent1001-2026", Err(Weak::Personal)),
            ("agent1001 likes long walks", Ok(())),
            ("李敏李敏李敏李敏李敏李敏", Err(Weak::Personal)),
        ] {
            assert_eq!(check(password, "agent1001", "李敏"), expected, "{password}");
        }
        assert_eq!(check(&"ab3 ".repeat(51), "a", "b"), Err(Weak::Long));
    }

    #[test]
    fn one_time_passwords_pass_their_own_check_and_differ() {
        let (one, two) = (one_time().unwrap(), one_time().unwrap());
        assert_ne!(one, two);
        assert_eq!((one.len(), check(&one, "agent1001", "李敏")), (19, Ok(())));
    }
}
