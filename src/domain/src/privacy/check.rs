//! Check digits and what else the standards say of numbers.

/// GB 11643-1999 (ISO 7064 MOD 11-2): 17 digits and a digit or X.
pub(super) fn is_identity_18(digits: &[u8], last: char) -> bool {
    looks_like_identity_18(digits) && identity_check(digits) == last.to_ascii_uppercase()
}

/// Region and birthday are right; the check digit is not looked at.
pub(super) fn looks_like_identity_18(digits: &[u8]) -> bool {
    digits.len() >= 17 && is_region(digits) && is_day(number(&digits[6..10]), &digits[10..14])
}

fn identity_check(digits: &[u8]) -> char {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    const CHECKS: [char; 11] = ['1', '0', 'X', '9', '8', '7', '6', '5', '4', '3', '2'];
    let sum: u32 = digits.iter().zip(WEIGHTS).map(|(digit, weight)| u32::from(*digit) * weight).sum();
    CHECKS[(sum % 11) as usize]
}

/// The form of before 1999, without century and check digit.
pub(super) fn is_identity_15(digits: &[u8]) -> bool {
    digits.len() == 15 && is_region(digits) && is_day(1900 + number(&digits[6..8]), &digits[8..12])
}

/// First two digits of GB/T 2260; 81 to 83: residence permits of Hong Kong, Macao and Taiwan; 9: permanent residence
/// cards of foreigners.
fn is_region(digits: &[u8]) -> bool {
    digits[0] == 9
        || matches!(number(&digits[..2]), 11..=15 | 21..=23 | 31..=37 | 41..=46 | 50..=54 | 61..=65 | 71 | 81..=83)
}

fn number(digits: &[u8]) -> u32 {
    digits.iter().fold(0, |number, digit| number * 10 + u32::from(*digit))
}

fn is_day(year: u32, month_day: &[u8]) -> bool {
    let (month, day) = (number(&month_day[..2]), number(&month_day[2..4]));
    let last = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 29,
        _ => 0,
    };
    (1900..2100).contains(&year) && (1..=last).contains(&day)
}

/// 20261124.
pub(super) fn is_date(digits: &[u8]) -> bool {
    digits.len() == 8 && (1900..2100).contains(&number(&digits[..4])) && is_day(number(&digits[..4]), &digits[4..])
}

/// ISO/IEC 7812-1: Luhn's check digit, and a length that belongs to the issuer (银联, Visa, Mastercard, American Express,
/// JCB, Diners Club, and the older 9558 and 9559 of Chinese banks).
pub(super) fn is_card(digits: &[u8]) -> bool {
    let length = digits.len();
    if !(13..=19).contains(&length) {
        return false;
    }
    let is_issued = match number(&digits[..4]) {
        6000..=6999 => length >= 16,
        4000..=4999 => matches!(length, 13 | 16 | 18 | 19),
        5000..=5999 | 2221..=2720 => matches!(length, 16 | 18 | 19),
        3400..=3499 | 3700..=3799 => length == 15,
        3528..=3589 => length == 16,
        3600..=3699 | 3800..=3899 | 3000..=3059 => length == 14 || length == 16,
        9550..=9559 => length >= 16,
        _ => false,
    };
    is_issued && luhn(digits)
}

fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| match (place % 2, u32::from(*digit)) {
            (0, digit) => digit,
            (_, digit) => digit * 2 / 10 + digit * 2 % 10,
        })
        .sum();
    sum.is_multiple_of(10)
}

/// GB 32100-2015: 18 digits and capital letters without I, O, S, V and Z, the last one checks.
pub(super) fn is_credit_code(code: &[char]) -> bool {
    const LETTERS: &str = "0123456789ABCDEFGHJKLMNPQRTUWXY";
    let value = |letter: &char| LETTERS.chars().position(|other| other == *letter);
    let Some(values) = code.iter().map(value).collect::<Option<Vec<usize>>>() else { return false };
    let weights = std::iter::successors(Some(1_usize), |weight| Some(weight * 3 % 31));
    let sum: usize = values.iter().take(17).zip(weights).map(|(value, weight)| value * weight).sum();
    values.len() == 18 && values[17] == (31 - sum % 31) % 31
}

/// A mobile telephone of the mainland.
pub(super) fn is_mobile(digits: &[u8]) -> bool {
    digits.len() == 11 && digits[0] == 1 && digits[1] >= 3
}

/// Length of the area code in front, if there is one: 010 and 02x, else four digits.
pub(super) fn area_code(digits: &[u8]) -> Option<usize> {
    match digits {
        [0, 1, 0, ..] | [0, 2, ..] => Some(3),
        [0, 3..=9, ..] => Some(4),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digits(text: &str) -> Vec<u8> {
        text.bytes().map(|byte| byte - b'0').collect()
    }

    #[test]
    fn the_examples_of_the_standards_fit() {
        // GB 11643-1999, annex.
        assert!(is_identity_18(&digits("11010519491231002"), 'X'));
        assert!(!is_identity_18(&digits("11010519491231002"), '1'));
        assert!(!is_identity_18(&digits("11010519491331002"), 'X'), "no thirteenth month");
        // GB 32100-2015, annex.
        assert!(is_credit_code(&"91350100M000100Y43".chars().collect::<Vec<_>>()));
        assert!(!is_credit_code(&"91350100M000100Y44".chars().collect::<Vec<_>>()));
        assert!(!is_credit_code(&"91350100M000100Y4".chars().collect::<Vec<_>>()));
        // Published test numbers of card schemes.
        for (card, expected) in [
            ("4111111111111111", true),
            ("378282246310005", true),
            ("4111111111111112", false),
            ("20261124000001", false),
        ] {
            assert_eq!(is_card(&digits(card)), expected, "{card}");
        }
    }
}
