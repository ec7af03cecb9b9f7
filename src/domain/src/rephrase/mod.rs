//! May an official answer be said in these other words (issue "小申": "each sentence comes from a published revision; a connector only
//! rephrases")? Pure: two texts go in, and what is wrong comes out.
//!
//! The published text is read as *facts* and what stands between them ([`reading`]). Facts are: numbers with their unit (dates, amounts,
//! shares, times; Chinese numerals and full-width digits as well), telephone numbers, links, names, what stands in quotation marks, duties
//! and permissions (应当, 可以), negations (不, 无需, 除…外), limits (以内, 至少, 或, 前), and whom or which case it is about (个人, 未成年, 补办).
//!
//! 1. Every fact of the published text is said, none is added, and their order stays: with another order a number would belong to
//!    something else.
//! 2. Between two facts nothing new is said but everyday words without content (您, 的话, 就行), or an everyday word for an official one.
//! 3. No piece of a sentence is left out: of the content of each at least nine tenths is said.
//! 4. No markup, link or sign is added or lost, nothing is promised in the first person, and the length is about the same.
//!
//! That is strict on purpose. A text that is refused costs nothing: the official wording is said.

mod reading;
mod words;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::privacy::letters::plain;
use reading::Reading;

/// What is wrong with a text that was to be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Drift {
    /// Much shorter or longer, or nothing at all.
    Length,
    /// Markup, a sign, or what cannot be seen.
    Markup,
    /// Something is promised, or said in the first person.
    Promise,
    /// A number, date, amount, share or time.
    Number,
    /// A telephone number.
    Telephone,
    /// A link.
    Link,
    /// A name: item, department, place, document.
    Name,
    /// What stood in quotation marks.
    Quotation,
    /// A duty or a permission.
    Duty,
    /// A negation or a prohibition.
    Negation,
    /// A limit or an exception: within, at least, or, only.
    Limit,
    /// Whom or which case it is about.
    Case,
    /// Something else is new.
    Added,
    /// Something else is missing.
    Lost,
}

impl Drift {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Length,
        Self::Markup,
        Self::Promise,
        Self::Number,
        Self::Telephone,
        Self::Link,
        Self::Name,
        Self::Quotation,
        Self::Duty,
        Self::Negation,
        Self::Limit,
        Self::Case,
        Self::Added,
        Self::Lost,
    ];

    /// Its name, as counters have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Length => "length",
            Self::Markup => "markup",
            Self::Promise => "promise",
            Self::Number => "number",
            Self::Telephone => "telephone",
            Self::Link => "link",
            Self::Name => "name",
            Self::Quotation => "quotation",
            Self::Duty => "duty",
            Self::Negation => "negation",
            Self::Limit => "limit",
            Self::Case => "case",
            Self::Added => "added",
            Self::Lost => "lost",
        }
    }
}

/// A text of fewer letters is short enough as it is.
const SHORTEST: usize = 20;

/// A longer one is not read to the end in other words either.
const LONGEST: usize = 1_200;

/// Of the letters of the published text, in hundredths, at least and at most so many are said.
const LENGTH: std::ops::RangeInclusive<usize> = 60..=150;

/// Of the content of a piece of a sentence, in hundredths, at least so much is said.
const KEPT: usize = 90;

/// Signs that make a list, a heading, a table, a quotation, a link or HTML.
const MARKUP: &str = "*_`#>|[]<&~^=\\{}@$";

/// May it be tried at all? What quotes a rule word for word, has a table, a heading, a list, a link or code, or is very short or
/// long, is said as it stands.
#[must_use]
pub fn may_be_said_otherwise(official: &str) -> bool {
    let letters = official.chars().filter(|letter| !letter.is_whitespace()).count();
    let is_list = |line: &str| {
        let line = line.trim_start();
        let digits = line.chars().take_while(char::is_ascii_digit).count();
        line.starts_with("- ")
            || line.starts_with("+ ")
            || (digits > 0 && line[digits..].starts_with(['.', ')', '、', '）', '．']))
    };
    (SHORTEST..=LONGEST).contains(&letters)
        && !official.contains(|letter| MARKUP.contains(letter))
        && !official.lines().any(is_list)
        && !words::QUOTED_RULES.iter().any(|word| official.contains(word))
}

/// May `said` stand for the published text? `names`: those of items, departments and districts that either of them may have.
///
/// # Errors
/// The first thing that is wrong.
pub fn check(official: &str, said: &str, names: &[&str]) -> Result<(), Drift> {
    let length = |text: &str| text.chars().filter(|letter| !letter.is_whitespace()).count();
    let (long, short) = (length(official), length(said));
    if short == 0 || !LENGTH.contains(&(short * 100 / long.max(1))) {
        return Err(Drift::Length);
    }
    if signs(official)? != signs(said)? || has_list(said) && !has_list(official) {
        return Err(Drift::Markup);
    }
    if words::PROMISES.iter().any(|word| said.matches(word).count() > official.matches(word).count()) {
        return Err(Drift::Promise);
    }
    let (official, said) = (Reading::of(official, names), Reading::of(said, names));
    let mut pairs = official.facts.iter().zip(&said.facts);
    if let Some((lost, new)) = pairs.find(|(lost, new)| lost != new) {
        // What is missing, unless it comes later: then something was put before it.
        let comes_later = said.facts.contains(lost) && !official.facts.contains(new);
        return Err(if comes_later { new.kind.drift() } else { lost.kind.drift() });
    }
    let common = official.facts.len().min(said.facts.len());
    if let Some(fact) = official.facts.get(common).or_else(|| said.facts.get(common)) {
        return Err(fact.kind.drift());
    }
    for (pieces, said) in official.between.iter().zip(&said.between) {
        let has = |letter: char| pieces.iter().flatten().any(|one| *one == letter);
        if said.iter().flatten().any(|letter| !has(*letter)) {
            return Err(Drift::Added);
        }
        if pieces.iter().any(|piece| !is_kept(piece, said)) {
            return Err(Drift::Lost);
        }
    }
    Ok(())
}

/// Is enough of a piece's content said?
fn is_kept(piece: &[char], said: &[Vec<char>]) -> bool {
    let letters: std::collections::BTreeSet<char> = piece.iter().copied().collect();
    let kept = letters.iter().filter(|letter| said.iter().flatten().any(|one| one == *letter)).count();
    kept * 100 >= letters.len() * KEPT
}

fn has_list(text: &str) -> bool {
    text.lines().any(|line| line.trim_start().starts_with(['-', '+', '•', '·', '●', '①']))
}

/// How often each sign of markup stands there. What cannot be seen, or is a picture, is none that a text may have.
fn signs(text: &str) -> Result<BTreeMap<char, usize>, Drift> {
    let mut signs = BTreeMap::new();
    for letter in text.chars().map(plain) {
        if MARKUP.contains(letter) {
            *signs.entry(letter).or_default() += 1;
        } else if !reading::is_known(letter) {
            return Err(Drift::Markup);
        }
    }
    Ok(signs)
}
