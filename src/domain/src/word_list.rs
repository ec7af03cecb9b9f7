//! Words that a reply of staff must not hold, as the office has listed them. Pure: a text goes in, a listed word comes out.
//!
//! A word is found however it is dressed: in full width or half, in capitals, with spaces or signs between its letters, or
//! with what cannot be seen. What separates sentences is kept, so that the end of one and the beginning of the next make
//! no word. A word that begins or ends with a Latin letter or a digit begins or ends there in the text too: "ass" is not
//! in "class"; Chinese has no such edges.

use std::collections::HashMap;

/// Longest list, in words.
pub const MAX_WORDS: usize = 20_000;

/// A list that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadList {
    /// A line of which nothing is left when its signs are taken away.
    #[error("line {0} holds no word")]
    NoWord(usize),
    /// More than [`MAX_WORDS`].
    #[error("has more than {MAX_WORDS} words")]
    TooLong,
}

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WordList {
    /// By their first sign, the longest first.
    words: HashMap<char, Vec<Word>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Word {
    signs: Vec<char>,
    listed: String,
}

impl WordList {
    /// One word a line; empty lines and those that begin with `#` are none.
    ///
    /// # Errors
    /// Names the line.
    pub fn parse(text: &str) -> Result<Self, BadList> {
        let mut list = Self::default();
        let lines = text.trim_start_matches('\u{feff}').lines().map(str::trim).enumerate();
        for (at, line) in lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
            let signs: Vec<char> = Signs::of(line).map(|sign| sign.folded).collect();
            let first = *signs.first().ok_or(BadList::NoWord(at + 1))?;
            list.words.entry(first).or_default().push(Word { signs, listed: line.to_owned() });
        }
        if list.len() > MAX_WORDS {
            return Err(BadList::TooLong);
        }
        for words in list.words.values_mut() {
            words.sort_by_key(|word| std::cmp::Reverse(word.signs.len()));
        }
        Ok(list)
    }

    /// How many words.
    #[must_use]
    pub fn len(&self) -> usize {
        self.words.values().map(Vec::len).sum()
    }

    /// Is anything allowed?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// The first listed word in the text, as the list has it.
    #[must_use]
    pub fn find(&self, text: &str) -> Option<&str> {
        if self.is_empty() {
            return None;
        }
        let signs: Vec<Sign> = Signs::of(text).collect();
        (0..signs.len()).find_map(|at| {
            let words = self.words.get(&signs[at].folded)?;
            words.iter().find(|word| word.is_at(&signs, at)).map(|word| word.listed.as_str())
        })
    }
}

impl Word {
    fn is_at(&self, signs: &[Sign], at: usize) -> bool {
        let end = at + self.signs.len();
        let Some(here) = signs.get(at..end) else { return false };
        if here.iter().zip(&self.signs).any(|(sign, wanted)| sign.folded != *wanted) {
            return false;
        }
        let joins = |left: Option<&Sign>, right: Option<&Sign>| {
            left.zip(right)
                .is_some_and(|(left, right)| !right.has_gap_before && is_latin(left.folded) && is_latin(right.folded))
        };
        let before = at.checked_sub(1).and_then(|before| signs.get(before));
        !joins(before, here.first()) && !joins(here.last(), signs.get(end))
    }
}

/// One sign of a text that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sign {
    folded: char,
    /// Something that does not count stands before it.
    has_gap_before: bool,
}

/// The signs of a text that count, all in one dress.
struct Signs<'a> {
    chars: std::str::Chars<'a>,
    /// The rest of a capital that becomes several small letters.
    lower: Option<std::char::ToLowercase>,
}

impl<'a> Signs<'a> {
    fn of(text: &'a str) -> Self {
        Self { chars: text.chars(), lower: None }
    }
}

impl Iterator for Signs<'_> {
    type Item = Sign;

    fn next(&mut self) -> Option<Sign> {
        if let Some(folded) = self.lower.as_mut().and_then(Iterator::next) {
            return Some(Sign { folded, has_gap_before: false });
        }
        let mut has_gap_before = false;
        loop {
            let sign = half_width(self.chars.next()?);
            if !counts(sign) {
                has_gap_before = true;
                continue;
            }
            let mut lower = sign.to_lowercase();
            let folded = lower.next()?;
            self.lower = Some(lower);
            return Some(Sign { folded, has_gap_before });
        }
    }
}

/// `Ａ` is `A`, `１` is `1`.
fn half_width(sign: char) -> char {
    match sign {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(sign) - 0xfee0).unwrap_or(sign),
        _ => sign,
    }
}

fn is_latin(sign: char) -> bool {
    sign.is_ascii_alphanumeric()
}

/// Does it stand for something? Letters, digits and what ends a sentence or a part of one do; spaces, what cannot be seen,
/// and signs that are put between letters do not.
fn counts(sign: char) -> bool {
    sign.is_alphanumeric() && !is_mark(sign)
        || matches!(sign, ',' | '!' | '?' | ';' | ':' | '，' | '。' | '！' | '？' | '；' | '：' | '、')
}

/// Marks that are set over, under or after another sign.
fn is_mark(sign: char) -> bool {
    matches!(sign, '\u{0300}'..='\u{036f}' | '\u{1ab0}'..='\u{1aff}' | '\u{20d0}'..='\u{20ff}' | '\u{fe00}'..='\u{fe2f}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn list() -> WordList {
        WordList::parse("\u{feff}# not allowed\n保证办成\n内部文件\n\n  内部文件夹  \nVIP\nass\n加 微信\n").unwrap()
    }

    #[test]
    fn a_listed_word_is_found_in_every_dress() {
        for (text, expected) in [
            ("我保证办成这件事", Some("保证办成")),
            ("保 证 办 成", Some("保证办成")),
            ("保\u{3000}证\u{200b}办\u{ad}成", Some("保证办成")),
            ("保*证.办-成", Some("保证办成")),
            ("保\n证\n办\n成", Some("保证办成")),
            ("保、证办成", None),
            ("能保证。办成了", None),
            ("这个给您保证，办成后通知", None),
            ("给您ＶＩＰ服务", Some("VIP")),
            ("vip", Some("VIP")),
            ("V.I.P", Some("VIP")),
            ("v\u{336}i\u{336}p\u{336}", Some("VIP")),
            ("请加微信联系", Some("加 微信")),
            ("请 加微 信 联系", Some("加 微信")),
            // The longest that is there.
            ("内部文件夹", Some("内部文件夹")),
            ("内部文件", Some("内部文件")),
            // Latin words have edges.
            ("class", None),
            ("as sure as", None),
            ("ass!", Some("ass")),
            ("a s s", Some("ass")),
            ("他说ass吗", Some("ass")),
            ("VIP2", None),
            ("VIP卡", Some("VIP")),
            ("", None),
            ("  ***  ", None),
        ] {
            assert_eq!(list().find(text), expected, "{text}");
        }
    }

    #[test]
    fn an_empty_list_allows_everything() {
        let none = WordList::parse("# nothing\n\n").unwrap();
        assert!(none.is_empty());
        assert_eq!(none.find("保证办成"), None);
        assert_eq!(list().len(), 6);
    }

    #[test]
    fn a_list_that_cannot_be_used_says_where() {
        assert_eq!(WordList::parse("好\n# x\n***\n"), Err(BadList::NoWord(3)));
        let many: String = (0..=MAX_WORDS).map(|n| format!("word{n}\n")).collect();
        assert_eq!(WordList::parse(&many), Err(BadList::TooLong));
    }

    proptest! {
        /// Whatever stands around it and between its signs.
        #[test]
        fn spacing_never_hides_a_word(gaps in prop::collection::vec("[ *._\u{200b}\u{3000}-]{0,3}", 4), before in "[办理好的 ]{0,5}", after in "[吗呢 ]{0,5}") {
            let text = format!("{before}{}保{}证{}办{}成{after}", gaps[0], gaps[1], gaps[2], gaps[3]);
            let list = list();
            prop_assert_eq!(list.find(&text), Some("保证办成"));
        }
    }
}
