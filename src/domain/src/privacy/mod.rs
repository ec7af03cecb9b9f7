//! What of a person is shown to whom (个人信息保护法; DOMAIN "Law"): personal data in free text is found and masked before
//! it leaves for staff, unless they ask for it with a reason. And how long which kind of data is kept ([`Data`]).
//!
//! [`mask`] finds numbers and addresses, by check digits where there are any, by their shape and by the words before them.
//! It reads a text a bounded number of times, looks a bounded number of characters around each place, and so takes time
//! in proportion to the length of the text, whatever stands in it. Names in running text are not found: nothing tells
//! them from other words. Telephone numbers of authorities look like anybody's, so they are masked too, except 400 and
//! 800 numbers and short ones such as 12345; what the bot says is published and not masked (see the server).
//!
//! | what | found by | shown as |
//! |---|---|---|
//! | resident identity number (GB 11643), 18 places | region, birthday and check digit (ISO 7064); after a word such as 身份证 also with a wrong one | `310***********1234` |
//! | the same, 15 places | region and birthday | `310********123X` |
//! | residence permit of Hong Kong, Macao, Taiwan; permanent residence card | the same rules, 81 to 83 and 9 in front | the same |
//! | mobile telephone | 1 and 3 to 9 in front, 11 digits, also +86 | `138****8001` |
//! | telephone with area code | 0 in front | `021****5678` |
//! | telephone abroad | + in front | `+852****5678` |
//! | telephone without area code | only after a word such as 电话 | `****5678` |
//! | bank card (ISO/IEC 7812) | issuer, 13 to 19 digits, Luhn; after a word such as 卡号 any 12 to 19 digits | `6222 **** **** 0123` |
//! | unified social credit code (GB 32100) | check digit, only 92...: a sole trader's code tells who it is, other codes are public | `92************W43X` |
//! | passport, travel permit | letter and digits; after a word such as 护照 others too | `E*****678` |
//! | vehicle plate (GA 36) | | `沪A***45` |
//! | e-mail | | `z***@163.com` |
//! | address below the district | road and house number, or house and room | `上海市徐汇区***` |

mod address;
mod alphanumeric;
mod check;
mod context;
mod data;
pub(crate) mod letters;
mod number;

use std::{borrow::Cow, ops::Range};

use letters::Letters;

pub use data::{Class, Data, Rules};

/// A place in a text that has to be masked: bytes, and what is shown instead.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Found {
    range: Range<usize>,
    shown: String,
}

/// Masking once may bring together what makes another find; each pass hides digits, so hardly ever is a third one needed.
const PASSES: usize = 4;

/// The text as others than its writer see it; borrowed if there is nothing to hide.
#[must_use]
pub fn mask(text: &str) -> Cow<'_, str> {
    let mut masked = Cow::Borrowed(text);
    for _ in 0..PASSES {
        match mask_once(&masked) {
            Some(more) => masked = Cow::Owned(more),
            None => break,
        }
    }
    masked
}

/// The text with `instead` in the place of everything that would be masked: for what is published, where not even a part
/// of it may stay.
#[must_use]
pub(crate) fn without(text: &str, instead: &str) -> String {
    let mut clean = text.to_owned();
    for _ in 0..PASSES {
        match replace(&clean, |_| instead.to_owned()) {
            Some(more) => clean = more,
            None => break,
        }
    }
    clean
}

/// Does a number stand in it by which somebody is known or reached: identity, telephone, card?
#[must_use]
pub fn has_number(text: &str) -> bool {
    if !Signs::of(text).number {
        return false;
    }
    let mut found = Vec::new();
    number::find(&Letters::of(text), &mut found);
    !found.is_empty()
}

fn mask_once(text: &str) -> Option<String> {
    replace(text, |found| found.shown)
}

fn replace(text: &str, instead: impl Fn(Found) -> String) -> Option<String> {
    let signs = Signs::of(text);
    if signs == Signs::default() {
        return None;
    }
    let letters = Letters::of(text);
    let mut found = Vec::new();
    // 13800138000@139.com is an e-mail address before it is a telephone number.
    if signs.code {
        alphanumeric::find(&letters, &mut found);
    }
    if signs.number {
        number::find(&letters, &mut found);
    }
    if signs.address {
        address::find(&letters, &mut found);
    }
    // The first one, and of those that begin together the longest.
    found.sort_by_key(|one| (one.range.start, usize::MAX - one.range.end));
    let mut masked = String::with_capacity(text.len());
    let mut done = 0;
    for one in found {
        if one.range.start >= done {
            masked.push_str(&text[done..one.range.start]);
            done = one.range.end;
            masked.push_str(&instead(one));
        }
    }
    (done > 0).then(|| masked + &text[done..])
}

/// Which finders have something to look for: one pass that keeps nothing. Most messages have no sign at all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Signs {
    /// An @, letters and five digits together, or the begin of a vehicle plate and three digits.
    code: bool,
    /// Seven digits: no number that is looked for is shorter.
    number: bool,
    /// A digit or numeral, and what stands behind one in an address.
    address: bool,
}

impl Signs {
    fn of(text: &str) -> Self {
        let (mut digits, mut numerals) = (0_usize, 0_usize);
        let (mut has_at, mut has_unit, mut has_plate) = (false, false, false);
        // Of the letters and digits that stand together.
        let (mut run_digits, mut run_letters, mut has_token) = (0_usize, 0_usize, false);
        for letter in text.chars() {
            let plain = letters::plain(letter);
            if plain.is_ascii_digit() {
                digits += 1;
                run_digits += 1;
            } else if plain.is_ascii_alphabetic() {
                run_letters += 1;
            } else {
                has_token |= run_letters > 0 && run_digits >= 5;
                (run_digits, run_letters) = (0, 0);
                has_at |= plain == '@';
                numerals += usize::from(letters::is_numeral(letter));
                has_unit |= address::is_unit(letter);
                has_plate |= alphanumeric::is_plate(letter);
            }
        }
        has_token |= run_letters > 0 && run_digits >= 5;
        Self {
            code: has_at || has_token || has_plate && digits >= 3,
            number: digits >= 7 || numerals >= letters::CHINESE_RUN,
            address: digits + numerals > 0 && has_unit || digits > 0 && address::has_english_road(text),
        }
    }
}

#[cfg(test)]
mod tests;
