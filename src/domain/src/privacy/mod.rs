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
mod letters;
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

fn mask_once(text: &str) -> Option<String> {
    if !is_suspicious(text) {
        return None;
    }
    let letters = Letters::of(text);
    let mut found = Vec::new();
    // 13800138000@139.com is an e-mail address before it is a telephone number.
    alphanumeric::find(&letters, &mut found);
    number::find(&letters, &mut found);
    address::find(&letters, &mut found);
    // The first one, and of those that begin together the longest.
    found.sort_by_key(|one| (one.range.start, usize::MAX - one.range.end));
    let mut masked = String::with_capacity(text.len());
    let mut done = 0;
    for one in found {
        if one.range.start >= done {
            masked.push_str(&text[done..one.range.start]);
            masked.push_str(&one.shown);
            done = one.range.end;
        }
    }
    (done > 0).then(|| masked + &text[done..])
}

/// Could there be anything? Everything that is found has a digit in some form or an @ in it, and most messages have
/// neither. Chinese numerals are in many: they count if there are as many as in a telephone number, or with 号 or 弄.
fn is_suspicious(text: &str) -> bool {
    let mut numerals = 0;
    let mut is_house = false;
    for letter in text.chars() {
        match letter {
            _ if letters::is_digit(letter) => return true,
            '号' | '弄' => is_house = true,
            _ if letters::is_numeral(letter) => numerals += 1,
            _ => {}
        }
        if numerals >= letters::CHINESE_RUN || is_house && numerals > 0 {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests;
