//! What has letters in it: e-mail addresses, passports and permits, codes of sole traders, vehicle plates.

use super::{
    Found, check,
    context::{Said, said_before},
    letters::Letters,
};

/// Longest local part and longest domain of an e-mail address (RFC 5321).
const LOCAL: usize = 64;
const DOMAIN: usize = 255;

/// May a vehicle plate begin with it (省级简称, GA 36; 使 and 领: embassies and consulates)?
pub(super) const fn is_plate(letter: char) -> bool {
    matches!(
        letter,
        '京' | '津'
            | '沪'
            | '渝'
            | '冀'
            | '豫'
            | '云'
            | '辽'
            | '黑'
            | '湘'
            | '皖'
            | '鲁'
            | '新'
            | '苏'
            | '浙'
            | '赣'
            | '鄂'
            | '桂'
            | '甘'
            | '晋'
            | '蒙'
            | '陕'
            | '吉'
            | '闽'
            | '贵'
            | '粤'
            | '青'
            | '藏'
            | '川'
            | '宁'
            | '琼'
            | '使'
            | '领'
    )
}

pub(super) fn find(letters: &Letters, found: &mut Vec<Found>) {
    let mut index = 0;
    while index < letters.len() {
        let letter = letters.get(index);
        let (next, one) = if letter == '@' {
            (index + 1, email(letters, index))
        } else if letter.is_ascii_alphanumeric() {
            let end = letters.run(index, letters.len(), |letter| letter.is_ascii_alphanumeric());
            (end, token(letters, index, end))
        } else if letters.get(index + 1).is_ascii_alphabetic() && is_plate(letter) {
            (index + 1, plate(letters, index))
        } else {
            (index + 1, None)
        };
        found.extend(one);
        index = next;
    }
}

fn email(letters: &Letters, at: usize) -> Option<Found> {
    let is_local = |letter: char| letter.is_ascii_alphanumeric() || "._%+-".contains(letter);
    let before = letters.slice(at.saturating_sub(LOCAL)..at);
    let begin = at - before.iter().rev().take_while(|letter| is_local(**letter)).count();
    let end = letters.run(at + 1, DOMAIN, |letter| letter.is_ascii_alphanumeric() || letter == '-' || letter == '.');
    // A full stop may end the sentence.
    let dots = letters.slice(at + 1..end).iter().rev().take_while(|letter| "-.".contains(**letter)).count();
    let end = end - dots;
    let domain = letters.text(at + 1..end);
    let (name, top) = domain.rsplit_once('.')?;
    let is_domain =
        !name.is_empty() && !domain.contains("..") && top.len() >= 2 && top.bytes().all(|b| b.is_ascii_alphabetic());
    if begin == at || !is_domain {
        return None;
    }
    let first = if at - begin > 1 { letters.text(begin..begin + 1) } else { String::new() };
    Some(Found { range: letters.bytes(begin..at), shown: first + "***" })
}

/// Letters and digits without anything between.
fn token(letters: &Letters, begin: usize, end: usize) -> Option<Found> {
    if !(6..=18).contains(&(end - begin)) {
        return None;
    }
    let code = letters.slice(begin..end);
    let digits = code.iter().filter(|letter| letter.is_ascii_digit()).count();
    if digits == code.len() || digits < 5 {
        return None;
    }
    let code: Vec<char> = code.iter().map(char::to_ascii_uppercase).collect();
    let is_torn = letters.get(end) == '*' || letters.before(begin) == '*';
    let is_sole_trader = code.starts_with(&['9', '2']) && check::is_credit_code(&code);
    if is_sole_trader {
        let shown = format!("92************{}", letters.text(end - 4..end));
        return Some(Found { range: letters.bytes(begin..end), shown });
    }
    let said = said_before(letters, begin);
    let is_permit = !is_torn
        && said != Some(Said::Other)
        && (is_permit(&code) || said == Some(Said::Permit) && (6..=12).contains(&code.len()));
    is_permit.then(|| {
        let stars = "*".repeat(code.len() - 4);
        let shown = letters.text(begin..begin + 1) + &stars + &letters.text(end - 3..end);
        Found { range: letters.bytes(begin..end), shown }
    })
}

/// Passports (E, G, and DE, SE, PE of officials), permits to and from Hong Kong, Macao and Taiwan (C, W, T, H, M), of the
/// older and newer forms.
fn is_permit(code: &[char]) -> bool {
    let are_digits = |part: &[char]| part.iter().all(char::is_ascii_digit);
    match code {
        // A letter and a day is a number of something that was made that day.
        ['E' | 'G' | 'C' | 'W' | 'T' | 'H' | 'M', rest @ ..] if rest.len() == 8 && are_digits(rest) => {
            let day: Vec<u8> = rest.iter().map(|digit| *digit as u8 - b'0').collect();
            !check::is_date(&day)
        }
        ['E' | 'C', letter, rest @ ..] if rest.len() == 7 => {
            letter.is_ascii_alphabetic() && !matches!(letter, 'I' | 'O') && are_digits(rest)
        }
        ['D' | 'S' | 'P', 'E', rest @ ..] if rest.len() == 7 => are_digits(rest),
        ['H' | 'M', rest @ ..] if rest.len() == 10 => are_digits(rest),
        _ => false,
    }
}

fn plate(letters: &Letters, begin: usize) -> Option<Found> {
    let office = letters.get(begin + 1).to_ascii_uppercase();
    if matches!(office, 'I' | 'O') {
        return None;
    }
    let from = letters.run(begin + 2, 1, |letter| matches!(letter, '·' | '•' | '-' | ' ' | '.'));
    let is_part = |letter: char| letter.is_ascii_alphanumeric() && !matches!(letter.to_ascii_uppercase(), 'I' | 'O');
    let mut end = letters.run(from, 7, is_part);
    let digits = letters.slice(from..end).iter().filter(|letter| letter.is_ascii_digit()).count();
    if end - from == 4 && matches!(letters.get(end), '挂' | '学' | '警' | '港' | '澳') {
        end += 1;
    }
    if !matches!(end - from, 5 | 6) || digits < 3 {
        return None;
    }
    let shown = letters.text(begin..begin + 2) + &"*".repeat(end - from - 2) + &letters.text(end - 2..end);
    Some(Found { range: letters.bytes(begin..end), shown })
}
