//! Numbers: identity, telephone, bank card. A number may be written in parts (`138 0013 8000`), so every window of up to
//! [`MOST_PARTS`] parts is looked at, beginning at each part: a bounded number of steps for each.

use super::{
    Found, check,
    context::{Said, is_amount, said_before},
    letters::{Letters, is_separator},
};

/// Longest number: the longest bank card, and the longest account.
const LONGEST: usize = 21;

/// Shortest one: a telephone number without area code.
const SHORTEST: usize = 7;

/// Longest way between two parts of one number.
const GAP: usize = 3;

/// A number that is written digit by digit has so many parts.
const MOST_PARTS: usize = LONGEST;

/// Digits without anything between them: their indexes.
#[derive(Debug, Clone, Copy)]
struct Part {
    begin: usize,
    end: usize,
}

impl Part {
    const fn length(self) -> usize {
        self.end - self.begin
    }
}

/// Parts one after the other that could be one number.
struct Window<'a> {
    letters: &'a Letters,
    parts: &'a [Part],
    digits: Vec<u8>,
    said: Option<Said>,
}

/// A number that was recognised: how many of its parts it takes, where it ends, and what is shown.
struct Match {
    parts: usize,
    begin: usize,
    end: usize,
    shown: String,
    is_telephone: bool,
}

pub(super) fn find(letters: &Letters, found: &mut Vec<Found>) {
    let mut index = 0;
    // End of the telephone number that was found last.
    let mut telephone = None;
    while let Some(group) = next_group(letters, &mut index) {
        let mut first = 0;
        while first < group.len() {
            let Some(one) = recognise(letters, &group[first..], telephone) else {
                first += 1;
                continue;
            };
            telephone = one.is_telephone.then_some(one.end);
            found.push(Found { range: letters.bytes(one.begin..one.end), shown: one.shown });
            first += one.parts;
        }
    }
}

/// The next parts that stand together. What touches a star is the rest of something masked and stands alone.
fn next_group(letters: &Letters, index: &mut usize) -> Option<Vec<Part>> {
    let mut group: Vec<Part> = Vec::new();
    loop {
        let begin = letters.run(*index, usize::MAX, |letter| !letter.is_ascii_digit());
        if begin >= letters.len() {
            *index = begin;
            return (!group.is_empty()).then_some(group);
        }
        if let Some(last) = group.last()
            && letters.run(last.end, GAP, is_separator) != begin
        {
            return Some(group);
        }
        let end = letters.run(begin, letters.len(), |letter| letter.is_ascii_digit());
        *index = end;
        if is_torn(letters, begin, end) {
            if group.is_empty() {
                continue;
            }
            return Some(group);
        }
        group.push(Part { begin, end });
    }
}

fn is_torn(letters: &Letters, begin: usize, end: usize) -> bool {
    let behind = letters.run(end, GAP, is_separator);
    let before = (0..GAP).fold(begin, |at, _| if at > 0 && is_separator(letters.before(at)) { at - 1 } else { at });
    letters.get(behind) == '*' || letters.before(before) == '*'
}

fn recognise(letters: &Letters, parts: &[Part], telephone: Option<usize>) -> Option<Match> {
    let begin = parts[0].begin;
    // No number that is looked for is shorter.
    if parts.iter().take(MOST_PARTS).map(|part| part.length()).sum::<usize>() < SHORTEST {
        return None;
    }
    let said = said_before(letters, begin).or_else(|| {
        // 电话 64370000 或 64370001
        telephone.filter(|end| begin > *end && begin - end <= 2).map(|_| Said::Telephone)
    });
    let windows: Vec<Window<'_>> = (1..=parts.len().min(MOST_PARTS))
        .map(|count| {
            let parts = &parts[..count];
            let digits = parts.iter().flat_map(|part| letters.slice(part.begin..part.end));
            let digits = digits.take(LONGEST + 1).filter_map(|digit| Some(digit.to_digit(10)? as u8)).collect();
            Window { letters, parts, digits, said }
        })
        .take_while(|window| window.digits.len() <= LONGEST)
        .collect();
    // What is surest first; of one kind the longest.
    let kinds = [
        Window::identity,
        Window::abroad,
        Window::card,
        Window::mobile,
        Window::area,
        Window::old_identity,
        Window::as_said,
    ];
    kinds.iter().find_map(|kind| windows.iter().rev().find_map(kind))
}

impl Window<'_> {
    fn begin(&self) -> usize {
        self.parts[0].begin
    }

    fn end(&self) -> usize {
        self.parts[self.parts.len() - 1].end
    }

    fn lengths(&self) -> Vec<usize> {
        self.parts.iter().map(|part| part.length()).collect()
    }

    fn is_whole(&self) -> bool {
        self.parts.len() == 1
    }

    /// Is it part of a code such as SH20261124?
    fn is_glued(&self) -> bool {
        let is_letter = |letter: char| letter.is_ascii_alphanumeric();
        is_letter(self.letters.before(self.begin())) || is_letter(self.letters.get(self.end()))
    }

    /// Is it glued otherwise than behind a short word (`tel138...`, `wx138...`)?
    fn is_in_code(&self) -> bool {
        const WORD: usize = 6;
        let begin = self.begin();
        let word = self.letters.slice(begin.saturating_sub(WORD + 1)..begin);
        let length = word.iter().rev().take_while(|letter| letter.is_ascii_alphanumeric()).count();
        let is_word = length <= WORD && word[word.len() - length..].iter().all(char::is_ascii_lowercase);
        self.letters.get(self.end()).is_ascii_alphanumeric() || !(is_word || self.said.is_some() && length <= WORD)
    }

    fn is_amount(&self) -> bool {
        // The fraction of an amount is a part of its own.
        let end =
            match (self.letters.get(self.end()), self.letters.run(self.end() + 1, 3, |letter| letter.is_ascii_digit()))
            {
                ('.', end) if (1..3).contains(&(end - self.end() - 1)) => end,
                _ => self.end(),
            };
        is_amount(self.letters, self.begin(), end)
    }

    fn digit(&self, index: usize) -> char {
        char::from(b'0' + self.digits[index])
    }

    /// The first and the last ones, with stars between.
    fn hide(&self, first: usize, stars: &str, last: usize) -> String {
        let length = self.digits.len();
        let head = (0..first).map(|index| self.digit(index));
        let tail = (length - last..length).map(|index| self.digit(index));
        head.chain(stars.chars()).chain(tail).collect()
    }

    fn matched(&self, shown: String) -> Match {
        Match { parts: self.parts.len(), begin: self.begin(), end: self.end(), shown, is_telephone: false }
    }

    fn telephone(&self, shown: String) -> Match {
        Match { is_telephone: true, ..self.matched(shown) }
    }

    fn identity(&self) -> Option<Match> {
        const STARS: &str = "***********";
        match self.digits.len() {
            18 => {
                let fits = check::is_identity_18(&self.digits[..17], self.digit(17));
                let is_said = self.said == Some(Said::Identity) && check::looks_like_identity_18(&self.digits);
                let stands_alone =
                    !(self.is_whole() && self.is_glued() && self.letters.get(self.end()).is_ascii_alphanumeric());
                ((fits && stands_alone) || is_said).then(|| self.matched(self.hide(3, STARS, 4)))
            }
            17 => {
                let at = self.letters.run(self.end(), GAP, is_separator);
                let (last, next) = (self.letters.get(at), self.letters.get(at + 1));
                let is_x = matches!(last, 'x' | 'X') && !next.is_ascii_alphanumeric();
                let fits = check::is_identity_18(&self.digits, 'X')
                    || self.said == Some(Said::Identity) && check::looks_like_identity_18(&self.digits);
                (is_x && fits).then(|| Match { end: at + 1, ..self.matched(self.hide(3, STARS, 3) + "X") })
            }
            _ => None,
        }
    }

    fn old_identity(&self) -> Option<Match> {
        let is_split_well = self.is_whole() || self.lengths() == [6, 6, 3] || self.lengths() == [6, 9];
        let is_one = check::is_identity_15(&self.digits) && is_split_well && !self.is_glued() && !self.is_amount();
        (is_one && self.said != Some(Said::Other)).then(|| self.matched(self.hide(3, "********", 4)))
    }

    fn card(&self) -> Option<Match> {
        let lengths = self.lengths();
        let is_split_well = match &lengths[..] {
            [_] | [4, 6, 4 | 5] | [6, 7..=13] | [4, 4, 4, 4 | 7 | 6] => true,
            [all @ .., last] => all.len() > 2 && all.iter().all(|length| *length == 4) && *last <= 4,
            [] => false,
        };
        let is_one = is_split_well && check::is_card(&self.digits) && !self.is_glued() && !self.is_amount();
        (is_one && self.said != Some(Said::Other)).then(|| self.matched(self.hide(4, " **** **** ", 4)))
    }

    fn mobile(&self) -> Option<Match> {
        let country = match &self.digits[..] {
            [8, 6, rest @ ..] if check::is_mobile(rest) => 2,
            [0, 0, 8, 6, rest @ ..] if check::is_mobile(rest) => 4,
            all if check::is_mobile(all) => 0,
            _ => return None,
        };
        let lengths = self.lengths();
        let is_split_well = match &lengths[..] {
            [_] => true,
            // The country's code as a part of its own is left to the next window.
            [2, ..] | [4, ..] if country > 0 => false,
            [3, 4, 4]
            | [3, 8]
            | [7, 4]
            | [4, 3, 4]
            | [4, 4, 3]
            | [3, 3, 5]
            | [3, 5, 3]
            | [5, 6]
            | [6, 5]
            | [3, 4, 2, 2] => true,
            parts => parts.len() >= 5 && parts.iter().all(|length| *length <= 3),
        };
        let is_other = self.said == Some(Said::Other) || self.is_amount();
        if !is_split_well || self.is_in_code() || is_other {
            return None;
        }
        Some(self.telephone(self.hide(country + 3, "****", 4)))
    }

    /// With an area code.
    fn area(&self) -> Option<Match> {
        let area = check::area_code(&self.digits)?;
        let own = self.digits.len().checked_sub(area)?;
        let is_long_enough = matches!((area, own), (3, 8) | (4, 7 | 8));
        let lengths = self.lengths();
        let is_split_well = match &lengths[..] {
            [_] => true,
            [first, rest @ ..] if *first == area => {
                matches!(rest, [_] | [4, 4] | [3, 4] | [4, 3] | [2, 2, 2, 2] | [3, 5])
            }
            _ => false,
        };
        let is_own = self.digits.get(area) != Some(&0) && self.said != Some(Said::Other);
        if !(is_long_enough && is_split_well && is_own) || self.is_glued() || self.is_amount() {
            return None;
        }
        // The way between area code and number stays.
        let dash = if !self.is_whole() && self.letters.get(self.parts[0].end) == '-' { "-****" } else { "****" };
        let is_in_brackets = self.letters.get(self.parts[0].end) == ')';
        Some(self.telephone(self.hide(area, if is_in_brackets { ")****" } else { dash }, 4)))
    }

    /// +852 9123 4567; the mainland's mobile numbers with +86 are found by [`Window::mobile`].
    fn abroad(&self) -> Option<Match> {
        let code = self.parts[0];
        let is_country = self.letters.before(code.begin) == '+' && (self.is_whole() || code.length() <= 4);
        if !is_country || !(8..=15).contains(&self.digits.len()) || self.parts.len() > 6 {
            return None;
        }
        let shown = if self.is_whole() { 2 } else { code.length() };
        let is_mainland = self.digits.starts_with(&[8, 6]);
        if is_mainland && check::is_mobile(&self.digits[2..]) {
            let between = match self.parts {
                [code, next, ..] if code.length() == 2 => self.letters.text(code.end..next.begin),
                _ => String::new(),
            };
            let number = self.hide(5, "****", 4);
            return Some(self.telephone(format!("86{between}{}", &number[2..])));
        }
        // A mobile number of the mainland is as long as it is: what stands behind it is something else.
        if is_mainland && self.digits.len() > 13 {
            return None;
        }
        Some(self.telephone(self.hide(shown, "****", 4)))
    }

    /// Only the words before it tell what it is.
    fn as_said(&self) -> Option<Match> {
        let length = self.digits.len();
        match self.said? {
            Said::Identity if (15..=18).contains(&length) && self.is_whole() => {
                Some(self.matched(self.hide(3, "***********", 4)))
            }
            Said::Card if (12..=LONGEST).contains(&length) => Some(self.matched(self.hide(4, " **** **** ", 4))),
            Said::Telephone => {
                let is_split_well = matches!(self.lengths()[..], [_] | [4, 4] | [3, 4] | [4, 3]);
                let is_public = matches!(self.digits[..], [4 | 8, 0, 0, ..]) && length == 10;
                let is_one = (7..=12).contains(&length) && is_split_well && !check::is_date(&self.digits);
                (is_one && !is_public && !self.is_glued() && !self.is_amount())
                    .then(|| self.telephone(self.hide(0, "****", 4)))
            }
            Said::Permit if (7..=10).contains(&length) && self.is_whole() && !self.is_glued() => {
                Some(self.matched(self.hide(1, "*****", 2)))
            }
            Said::Identity | Said::Card | Said::Permit | Said::Other => None,
        }
    }
}
