//! A text as facts and what stands between them.

use std::{collections::BTreeMap, sync::LazyLock};

use super::{
    Drift,
    words::{BEYOND, CASES, EQUAL, EXCEPT, FACTS, FILLERS, NAMES, PLAIN, SUFFIXES, UNITS},
};
use crate::privacy::letters::{chinese_digit, is_han, plain};

/// What a fact is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Number,
    Telephone,
    Link,
    Name,
    Quotation,
    Duty,
    Negation,
    Limit,
    Case,
}

impl Kind {
    pub(super) const fn drift(self) -> Drift {
        match self {
            Self::Number => Drift::Number,
            Self::Telephone => Drift::Telephone,
            Self::Link => Drift::Link,
            Self::Name => Drift::Name,
            Self::Quotation => Drift::Quotation,
            Self::Duty => Drift::Duty,
            Self::Negation => Drift::Negation,
            Self::Limit => Drift::Limit,
            Self::Case => Drift::Case,
        }
    }
}

/// What has to be said, in one spelling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fact {
    pub(super) kind: Kind,
    text: String,
}

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reading {
    /// In the order in which they are said.
    pub(super) facts: Vec<Fact>,
    /// Before the first, between them, and behind the last: pieces of sentences, of which each has its letters of content.
    pub(super) between: Vec<Vec<Vec<char>>>,
}

/// Marks that end a piece of a sentence.
const STOPS: &str = "，。；：、！？（）,;!?()\n—…·";

/// Marks that may stand in any text beside letters, digits and [`STOPS`].
const MARKS: &str = " .:/%+-“”‘’\"'《》「」『』【】℃‰×～";

/// What opens a quotation, what closes it, and how it is named.
const QUOTES: &[(char, char, &str)] = &[
    ('《', '》', "book"),
    ('“', '”', ""),
    ('「', '」', ""),
    ('『', '』', ""),
    ('【', '】', ""),
    ('"', '"', ""),
    ('‘', '’', ""),
];

/// Longest quotation, in letters.
const LONGEST_QUOTATION: usize = 80;

/// A letter or a mark that running text may have.
pub(super) fn is_known(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || is_han(letter) || STOPS.contains(letter) || MARKS.contains(letter)
}

/// What a listed word is read as.
enum Meaning {
    Facts(Vec<Fact>),
    /// A name of which two letters before it are a part.
    Suffix,
    Letters(Vec<char>),
}

struct Listed {
    letters: Vec<char>,
    meaning: Meaning,
}

/// By the first letter, the longest first; of the same length the first that is listed.
static WORDS: LazyLock<BTreeMap<char, Vec<Listed>>> = LazyLock::new(|| {
    let mut words: BTreeMap<char, Vec<Listed>> = BTreeMap::new();
    let mut list = |word: &str, meaning| {
        if let Some(first) = word.chars().next() {
            words.entry(first).or_default().push(Listed { letters: word.chars().collect(), meaning });
        }
    };
    for (spellings, facts) in FACTS {
        for word in *spellings {
            let fact = |(kind, text): &(Kind, &str)| Fact { kind: *kind, text: (*text).to_owned() };
            list(word, Meaning::Facts(facts.iter().map(fact).collect()));
        }
    }
    for (names, kind) in [(CASES, Kind::Case), (NAMES, Kind::Name)] {
        for word in names.split_whitespace() {
            list(word, Meaning::Facts(vec![Fact { kind, text: word.to_owned() }]));
        }
    }
    for word in SUFFIXES.split_whitespace() {
        list(word, Meaning::Suffix);
    }
    for word in FILLERS.split_whitespace() {
        list(word, Meaning::Letters(Vec::new()));
    }
    for (spellings, word) in EQUAL {
        for spelling in *spellings {
            list(spelling, Meaning::Letters(word.chars().collect()));
        }
    }
    for word in PLAIN.split_whitespace() {
        list(word, Meaning::Letters(word.chars().collect()));
    }
    for listed in words.values_mut() {
        listed.sort_by_key(|one| std::cmp::Reverse(one.letters.len()));
    }
    words
});

impl Reading {
    pub(super) fn of(text: &str, names: &[&str]) -> Self {
        let one = |letter: char| match plain(letter) {
            as_plain if as_plain.is_ascii_alphanumeric() || "%+-:./@".contains(as_plain) => as_plain,
            _ => letter,
        };
        let names =
            names.iter().map(|name| name.chars().map(one).collect()).filter(|name: &Vec<char>| !name.is_empty());
        let mut reader = Reader {
            is_excepting: false,
            letters: text.chars().map(one).collect(),
            names: names.collect(),
            reading: Self { facts: Vec::new(), between: vec![vec![Vec::new()]] },
        };
        let mut at = 0;
        while at < reader.letters.len() {
            at = reader.step(at);
        }
        reader.reading
    }
}

struct Reader {
    /// 除 stands there, and what closes it does not yet.
    is_excepting: bool,
    letters: Vec<char>,
    names: Vec<Vec<char>>,
    reading: Reading,
}

impl Reader {
    fn get(&self, at: usize) -> char {
        self.letters.get(at).copied().unwrap_or('\0')
    }

    fn fact(&mut self, kind: Kind, text: String) {
        let was_excepting = self.is_excepting;
        self.is_excepting = text == EXCEPT || (was_excepting && text != BEYOND);
        if was_excepting && text == BEYOND {
            return;
        }
        self.reading.facts.push(Fact { kind, text });
        self.reading.between.push(vec![Vec::new()]);
    }

    fn piece(&mut self) -> Option<&mut Vec<char>> {
        self.reading.between.last_mut().and_then(|pieces| pieces.last_mut())
    }

    /// Reads what begins here, and says where the next begins.
    fn step(&mut self, at: usize) -> usize {
        let letter = self.get(at);
        if let Some(end) = self.quotation(at) {
            return end;
        }
        if STOPS.contains(letter) {
            self.is_excepting &= letter != '。';
            if let Some(pieces) = self.reading.between.last_mut() {
                pieces.push(Vec::new());
            }
            return at + 1;
        }
        if letter.is_ascii_alphabetic() {
            return self.latin(at);
        }
        let name =
            self.names.iter().filter(|name| self.letters[at..].starts_with(name)).map(Vec::len).max().unwrap_or(0);
        let listed = WORDS.get(&letter).into_iter().flatten().find(|one| self.letters[at..].starts_with(&one.letters));
        if name > 0 && listed.is_none_or(|listed| name >= listed.letters.len()) {
            let text = self.letters[at..at + name].iter().collect();
            self.fact(Kind::Name, text);
            return at + name;
        }
        if let Some(end) = self.number(at, listed.map_or(0, |listed| listed.letters.len())) {
            return end;
        }
        let Some(listed) = listed else {
            if is_han(letter)
                && let Some(piece) = self.piece()
            {
                piece.push(letter);
            }
            return at + 1;
        };
        match &listed.meaning {
            Meaning::Facts(facts) => facts.iter().for_each(|fact| self.fact(fact.kind, fact.text.clone())),
            Meaning::Letters(letters) => self.piece().into_iter().for_each(|piece| piece.extend(letters)),
            Meaning::Suffix => {
                let before =
                    self.piece().map(|piece| piece.split_off(piece.len().saturating_sub(2))).unwrap_or_default();
                self.fact(Kind::Name, before.iter().chain(&listed.letters).collect());
            }
        }
        at + listed.letters.len()
    }

    fn quotation(&mut self, at: usize) -> Option<usize> {
        let (_, close, kind) = QUOTES.iter().find(|(open, ..)| *open == self.get(at))?;
        let inner: Vec<char> =
            self.letters[at + 1..].iter().take(LONGEST_QUOTATION).copied().take_while(|one| one != close).collect();
        if self.get(at + 1 + inner.len()) != *close {
            return None;
        }
        let text: String = inner.iter().filter(|letter| !letter.is_whitespace()).collect();
        self.fact(Kind::Quotation, format!("{kind}{text}"));
        Some(at + inner.len() + 2)
    }

    fn latin(&mut self, at: usize) -> usize {
        let is_part = |letter: &&char| letter.is_ascii_alphanumeric() || "._:/?#@&=%+~-".contains(**letter);
        let run: String = self.letters[at..].iter().take_while(is_part).collect();
        let run = run.trim_end_matches(['.', ':', '?', '-', '/', '#', '~']);
        let is_link = run.contains("://") || run.contains('@') || run.contains('/') || run.contains('.');
        self.fact(if is_link { Kind::Link } else { Kind::Name }, run.to_ascii_lowercase());
        at + run.len()
    }

    /// A number with its unit. A listed word that is longer is none: 一般.
    fn number(&mut self, at: usize, listed: usize) -> Option<usize> {
        let hundredth = "百分之".chars().collect::<Vec<_>>();
        if self.letters[at..].starts_with(&hundredth)
            && let Some((value, end)) = self.value(at + hundredth.len())
        {
            self.fact(Kind::Number, format!("{value}%"));
            return Some(end);
        }
        let (value, end) = self.value(at)?;
        if listed > end - at {
            return None;
        }
        let digits = value.chars().filter(char::is_ascii_digit).count();
        let has_signs = value.contains('-') && digits >= 7;
        if has_signs
            || (digits >= 7 && !value.contains(['.', ':', '/']))
            || (value.len() == 5 && value.starts_with("12"))
        {
            self.fact(Kind::Telephone, value);
            return Some(end);
        }
        let (unit, end) = self.unit(end);
        self.fact(Kind::Number, format!("{value}{unit}"));
        Some(end)
    }

    /// The value that begins here, in digits if it can be read, and where it ends.
    fn value(&self, at: usize) -> Option<(String, usize)> {
        if self.get(at).is_ascii_digit() {
            let mut end = at;
            let mut value = String::new();
            loop {
                while self.get(end).is_ascii_digit() {
                    value.push(self.get(end));
                    end += 1;
                }
                let sign = match self.get(end) {
                    sign @ ('.' | ':' | '/' | '-' | ',') => sign,
                    '～' | '~' | '—' | '–' => '-',
                    _ => break,
                };
                if !self.get(end + 1).is_ascii_digit() {
                    break;
                }
                let group =
                    (1..=3).all(|place| self.get(end + place).is_ascii_digit()) && !self.get(end + 4).is_ascii_digit();
                if sign == ',' && !group {
                    break;
                }
                if sign != ',' {
                    value.push(sign);
                }
                end += 1;
            }
            return Some((value, end));
        }
        let is_part = |letter: char| chinese_digit(letter).is_some() || "两十百千万亿半几".contains(letter);
        let count = self.letters.get(at..)?.iter().take_while(|letter| is_part(**letter)).count();
        let run: Vec<char> = self.letters[at..at + count].to_vec();
        if run.is_empty() {
            return None;
        }
        Some((chinese_value(&run).map_or_else(|| run.iter().collect(), |value| value.to_string()), at + count))
    }

    /// The unit behind a number, and where it ends.
    fn unit(&self, from: usize) -> (String, usize) {
        let mut at = from;
        let mut unit = String::new();
        if matches!(self.get(at), '多' | '余' | '来') {
            unit.push(self.get(at));
            at += 1;
        }
        let blank = usize::from(self.get(at) == ' ');
        let begin = at + blank;
        let fits = |word: &str| word.chars().enumerate().all(|(n, letter)| self.get(begin + n) == letter);
        let longest = UNITS.iter().filter(|(word, _)| fits(word)).max_by_key(|(word, _)| word.chars().count());
        match longest {
            Some((word, name)) => {
                unit.push_str(name);
                (unit, begin + word.chars().count())
            }
            None => (unit, at),
        }
    }
}

/// What a Chinese numeral is worth: 二十五, 一万零三百, or digit by digit 二〇二六; `None`: it is none that is written as such.
pub(super) fn chinese_value(run: &[char]) -> Option<u64> {
    let digit = |letter: char| match letter {
        '两' => Some(2),
        _ => chinese_digit(letter).and_then(|digit| digit.to_digit(10)).map(u64::from),
    };
    if run.iter().all(|letter| digit(*letter).is_some()) {
        // 三四天 are three or four days; a year has four digits.
        let is_spelt = run.len() == 1 || (run.len() >= 4 && !run.contains(&'两'));
        let add = |value: u64, letter: &char| value.checked_mul(10)?.checked_add(digit(*letter)?);
        return is_spelt.then(|| run.iter().try_fold(0_u64, add)).flatten();
    }
    // What stands before 万 or 亿, before 十, 百 or 千, and the digit that was read last.
    let (mut total, mut section, mut last) = (0_u64, 0_u64, None);
    // A smaller unit follows a larger one.
    let (mut unit_before, mut large_before) = (u64::MAX, u64::MAX);
    // 一百五 is 150 to some and 105 to nobody: what stands behind a hundred has a zero before it, or a unit of its own.
    let (mut behind, mut has_zero) = (1_u64, false);
    for letter in run {
        let (unit, is_large) = match letter {
            '十' => (10, false),
            '百' => (100, false),
            '千' => (1_000, false),
            '万' => (10_000, true),
            '亿' => (100_000_000, true),
            other => {
                let value = digit(*other)?;
                if value != 0 && last.is_some_and(|last| last != 0) {
                    return None;
                }
                has_zero |= value == 0;
                last = Some(value);
                continue;
            }
        };
        (behind, has_zero) = (unit, false);
        if is_large {
            if unit >= large_before || (section == 0 && last.is_none_or(|last| last == 0)) {
                return None;
            }
            total = total.checked_add((section + last.unwrap_or(0)).checked_mul(unit)?)?;
            (section, last, unit_before, large_before) = (0, None, u64::MAX, unit);
        } else {
            // 十五 is 一十五; 百 and 千 have a digit before them.
            let times = match last {
                None if unit == 10 && section == 0 => 1,
                Some(times) if times != 0 => times,
                _ => return None,
            };
            if unit >= unit_before {
                return None;
            }
            section += times * unit;
            (last, unit_before) = (None, unit);
        }
    }
    if behind >= 100 && !has_zero && last.is_some() {
        return None;
    }
    total.checked_add(section + last.unwrap_or(0))
}
