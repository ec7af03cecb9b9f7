//! Finding entries of a list by the begin or a part of a name, a code, digits, or what people type on a keyboard without
//! Chinese: the initials of the syllables (`shbx` for 社会保险) or the syllables themselves (`shehui`).
//!
//! A character with several readings has all of them: 银行 is found by `yh` and by `yx`. Some thousand entries are looked at one
//! by one, which takes less than a millisecond and needs no index that could be wrong.

use pinyin::ToPinyinMulti;

use crate::text::normalise;

/// How well an entry fits; the smallest is best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    /// It is called so.
    Whole,
    /// A name begins so.
    Begin,
    /// The initials of a name begin so.
    Initials,
    /// A part of a name.
    Part,
    /// A part of the initials, or syllables from the begin of one.
    Sound,
    /// What was typed stands in it with something between: 医保局 or `ybj` in 医疗保障局.
    Scattered,
}

/// A name, ready to be compared.
#[derive(Debug, Clone)]
struct Name {
    plain: String,
    /// The possible sounds of each character; of anything but Chinese the character itself.
    sounds: Vec<Vec<String>>,
    /// It is the entry's other name: never better than its first one.
    is_other: bool,
}

impl Name {
    fn new(text: &str, is_other: bool) -> Self {
        let plain = normalise(text);
        let sounds = plain.chars().map(|letter| match letter.to_pinyin_multi() {
            Some(all) => {
                let mut sounds: Vec<String> = all.into_iter().map(|one| one.plain().to_owned()).collect();
                sounds.sort_unstable();
                sounds.dedup();
                sounds
            }
            None => vec![letter.to_string()],
        });
        let sounds = sounds.collect();
        Self { plain, sounds, is_other }
    }

    fn has_initials(&self, at: usize, typed: &[char]) -> bool {
        let Some(part) = self.sounds.get(at..at + typed.len()) else { return false };
        part.iter().zip(typed).all(|(sounds, letter)| sounds.iter().any(|sound| sound.starts_with(*letter)))
    }

    /// Are these the syllables from there on, the last one perhaps not yet whole?
    fn has_syllables(&self, at: usize, typed: &str) -> bool {
        let Some(sounds) = self.sounds.get(at) else { return false };
        sounds.iter().any(|sound| {
            sound.starts_with(typed)
                || typed.strip_prefix(sound.as_str()).is_some_and(|rest| self.has_syllables(at + 1, rest))
        })
    }

    fn fit(&self, typed: &Typed) -> Option<Fit> {
        if self.plain == typed.plain {
            return Some(Fit::Whole);
        }
        if self.plain.starts_with(&typed.plain) {
            return Some(Fit::Begin);
        }
        if typed.is_latin && self.has_initials(0, &typed.letters) {
            return Some(Fit::Initials);
        }
        if self.plain.contains(&typed.plain) {
            return Some(Fit::Part);
        }
        let sounds = |at| self.has_initials(at, &typed.letters) || self.has_syllables(at, &typed.plain);
        // One letter is in nearly every name.
        let is_enough = typed.is_latin && typed.letters.len() > 1;
        if is_enough && (0..self.sounds.len()).any(sounds) {
            return Some(Fit::Sound);
        }
        self.is_scattered(typed).then_some(Fit::Scattered)
    }

    /// Three initials or two characters at least: fewer stand in nearly every name.
    fn is_scattered(&self, typed: &Typed) -> bool {
        if typed.is_digits || typed.letters.len() < if typed.is_latin { 3 } else { 2 } {
            return false;
        }
        let mut rest = self.plain.chars().zip(&self.sounds);
        typed.letters.iter().all(|letter| {
            rest.any(|(plain, sounds)| {
                plain == *letter || typed.is_latin && sounds.iter().any(|sound| sound.starts_with(*letter))
            })
        })
    }
}

/// What somebody has typed.
struct Typed {
    plain: String,
    letters: Vec<char>,
    is_latin: bool,
    is_digits: bool,
}

impl Typed {
    fn new(text: &str) -> Self {
        let plain = normalise(text);
        let letters: Vec<char> = plain.chars().collect();
        let is_digits = !letters.is_empty() && letters.iter().all(char::is_ascii_digit);
        let is_latin = letters.iter().all(char::is_ascii_alphanumeric) && !is_digits;
        Self { plain, letters, is_latin, is_digits }
    }
}

/// Fewer digits are in nearly every number.
const FEWEST_DIGITS: usize = 3;

/// Something that can be found.
#[derive(Debug, Clone)]
struct Entry<K> {
    key: K,
    names: Vec<Name>,
    digits: Vec<String>,
}

/// The list.
#[derive(Debug, Clone)]
pub struct Phonebook<K> {
    entries: Vec<Entry<K>>,
}

impl<K> Default for Phonebook<K> {
    fn default() -> Self {
        Self { entries: Vec::new() }
    }
}

impl<K> Phonebook<K> {
    /// One more. The first name is what it is called, the others are found too; `digits` are telephone numbers, as written.
    pub fn add<'a>(
        &mut self,
        key: K,
        names: impl IntoIterator<Item = &'a str>,
        digits: impl IntoIterator<Item = &'a str>,
    ) {
        let names = names.into_iter().enumerate().map(|(n, name)| Name::new(name, n > 0)).collect();
        let only = |text: &str| text.chars().filter(char::is_ascii_digit).collect();
        self.entries.push(Entry { key, names, digits: digits.into_iter().map(only).collect() });
    }

    /// At most so many that fit, the best first: of two that fit alike the one whose own name fits, then the shorter name,
    /// then the one that was added first. What has no letter or digit finds nothing.
    #[must_use]
    pub fn find(&self, text: &str, limit: usize) -> Vec<&K> {
        let typed = Typed::new(text);
        if typed.plain.is_empty() {
            return Vec::new();
        }
        let fit = |entry: &Entry<K>| {
            let by_name = entry.names.iter().filter_map(|name| Some((name.fit(&typed)?, name.is_other)));
            let has_digits = typed.is_digits && typed.plain.len() >= FEWEST_DIGITS;
            let by_digits = entry.digits.iter().filter_map(|digits| {
                let fit = match digits.find(&typed.plain)? {
                    0 if digits.len() == typed.plain.len() => Fit::Whole,
                    0 => Fit::Begin,
                    _ => Fit::Part,
                };
                Some((fit, false))
            });
            by_name.chain(by_digits.filter(|_| has_digits)).min()
        };
        let length = |entry: &Entry<K>| entry.names.first().map_or(0, |name| name.sounds.len());
        let mut found: Vec<_> =
            self.entries.iter().enumerate().filter_map(|(n, entry)| Some((fit(entry)?, length(entry), n))).collect();
        found.sort_unstable();
        found.truncate(limit);
        found.into_iter().map(|(.., n)| &self.entries[n].key).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn book() -> Phonebook<&'static str> {
        let mut book = Phonebook::default();
        book.add("insurance", ["社会保险参保登记", "社保登记"], []);
        book.add("card", ["社会保障卡申领", "社保卡"], []);
        book.add("bank", ["银行账户备案"], []);
        book.add("bureau", ["上海市医疗保障局", "medical-security"], []);
        book.add("window", ["徐汇分中心 3 号窗口"], ["021-0000 0123"]);
        book.add("permit", ["居住证办理", "居住证", "jzz-01"], []);
        book
    }

    #[test]
    fn initials_syllables_names_codes_and_digits_find_their_entries() {
        let book = book();
        for (typed, expected) in [
            ("shbx", &["insurance"][..]),
            ("SHBX", &["insurance"]),
            ("shebao", &["card", "insurance"]),
            ("sheb", &["card", "insurance"]),
            // Two readings of 行.
            ("yh", &["bank"]),
            ("yx", &["bank"]),
            ("yinhangzh", &["bank"]),
            ("社保", &["card", "insurance"]),
            ("社保卡", &["card"]),
            ("居住证", &["permit"]),
            ("ylbz", &["bureau"]),
            ("医保局", &["bureau"]),
            ("ybj", &["bureau"]),
            ("medical", &["bureau"]),
            ("jzz-01", &["permit"]),
            ("0123", &["window"]),
            ("02100000123", &["window"]),
            ("02", &[]),
            ("", &[]),
            ("？！", &[]),
        ] {
            assert_eq!(book.find(typed, 10), expected.iter().collect::<Vec<_>>(), "{typed}");
        }
    }

    #[test]
    fn what_begins_so_comes_before_what_contains_it_and_the_list_ends() {
        let mut book = Phonebook::default();
        book.add("within", ["关于登记的咨询"], []);
        book.add("begin", ["登记咨询服务"], []);
        book.add("whole", ["登记"], []);
        assert_eq!(book.find("登记", 10), [&"whole", &"begin", &"within"]);
        assert_eq!(book.find("登记", 2), [&"whole", &"begin"]);
    }
}
