//! Who a citizen is: the unified social credit code of an enterprise, and where in a hall somebody asks.

use crate::{
    conversation::{InvalidField, Problem, masked_name},
    words::{Channel, CitizenKind},
};

/// Characters of a unified social credit code by their value; without I, O, S, V and Z, which look like digits or like
/// others (GB 32100-2015, table 1).
const ALPHABET: &[u8; 31] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";

/// The length of a unified social credit code.
const CODE_LENGTH: usize = 18;

/// A unified social credit code (统一社会信用代码, GB 32100-2015): one character for the registering department, one for
/// the kind of organisation, six digits for the place, nine for the organisation and a check character: the sum of the
/// first 17 values, weighted with the powers of 3 modulo 31, and the check value is a multiple of 31.
///
/// # Errors
/// [`InvalidField`] names the field.
pub fn credit_code<'a>(field: &'static str, text: &'a str) -> Result<&'a str, InvalidField> {
    let wrong = InvalidField { field, problem: Problem::NotACreditCode };
    let values: Option<Vec<usize>> =
        text.bytes().map(|byte| ALPHABET.iter().position(|known| *known == byte)).collect();
    let values = values.filter(|values| values.len() == CODE_LENGTH).ok_or(wrong)?;
    let has_place = values[2..8].iter().all(|value| *value < 10);
    let (sum, _) = values[..CODE_LENGTH - 1]
        .iter()
        .fold((0, 1), |(sum, weight), value| (sum + value * weight, weight * 3 % ALPHABET.len()));
    let is_whole = (sum + values[CODE_LENGTH - 1]) % ALPHABET.len() == 0;
    if has_place && is_whole { Ok(text) } else { Err(wrong) }
}

/// A credit code as staff see it: the place and the last two characters (`911100**********3L`: where it is registered,
/// and enough to compare).
#[must_use]
pub fn masked_credit_code(code: &str) -> String {
    let characters: Vec<char> = code.chars().collect();
    let (head, tail) = if characters.len() == CODE_LENGTH { (6, 2) } else { (0, 2) };
    let hidden = characters.len().saturating_sub(head + tail).max(1);
    let start = characters.iter().take(head);
    let end = characters.iter().skip(characters.len().saturating_sub(tail));
    start.chain(std::iter::repeat_n(&'*', hidden)).chain(end).collect()
}

/// What staff see of one who did not log in. Their name is not known, so there is nothing to mask.
pub const VISITOR_NAME: &str = "匿名访客";

/// A name as staff see it.
#[must_use]
pub fn shown_name(name: &str, kind: CitizenKind, is_anonymous: bool) -> String {
    if is_anonymous { VISITOR_NAME.to_owned() } else { masked_name(name, kind) }
}

/// Longest code of a hall and longest ticket number.
const MAX_HALL: usize = 32;
const MAX_TICKET: usize = 16;

/// Where in a service hall somebody asks (rule 3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HallVisit {
    /// Code of the hall.
    pub hall: String,
    /// Number of the queue ticket; a kiosk serves people without one too.
    pub ticket: Option<String>,
}

impl HallVisit {
    /// What a page says of hall and ticket: needed where the channel is one of a hall, and nowhere else.
    ///
    /// # Errors
    /// [`InvalidField`] names `hall` or `ticket`.
    pub fn of(channel: Channel, hall: Option<&str>, ticket: Option<&str>) -> Result<Option<Self>, InvalidField> {
        let (hall, ticket) = (hall.map(str::trim).filter(|text| !text.is_empty()), ticket.map(str::trim));
        let ticket = ticket.filter(|text| !text.is_empty());
        match channel {
            Channel::Kiosk | Channel::Counter => {
                let hall = hall.ok_or(InvalidField { field: "hall", problem: Problem::Empty })?;
                let hall = code("hall", hall, MAX_HALL)?.to_owned();
                let ticket = ticket.map(|text| code("ticket", text, MAX_TICKET)).transpose()?;
                Ok(Some(Self { hall, ticket: ticket.map(str::to_ascii_uppercase) }))
            }
            Channel::Pc | Channel::Mobile | Channel::Hall | Channel::Call => {
                let given = hall.map(|_| "hall").or(ticket.map(|_| "ticket"));
                match given {
                    Some(field) => Err(InvalidField { field, problem: Problem::OnlyInHall }),
                    None => Ok(None),
                }
            }
        }
    }
}

fn code<'a>(field: &'static str, text: &'a str, max: usize) -> Result<&'a str, InvalidField> {
    if text.len() > max {
        return Err(InvalidField { field, problem: Problem::TooLong(max) });
    }
    let is_one = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    if is_one { Ok(text) } else { Err(InvalidField { field, problem: Problem::NotACode }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_character_of_a_credit_code_is_right_or_it_is_none() {
        for (text, is_one) in [
            // Published codes of 国家电网, 华为 and 中国石油.
            ("9111000071093123XX", true),
            ("914403001922038216", true),
            ("91110000100010433L", true),
            // Another check character, two characters swapped, another place.
            ("9111000071093123XY", false),
            ("914403001922308216", false),
            ("91440300192203826", false),
            ("9144030019220382166", false),
            ("914403001922038215", false),
            // A letter where the place stands, letters that are not in the alphabet, small letters, nothing.
            ("91A403001922038216", false),
            ("9111000071093123IO", false),
            ("9111000071093123xx", false),
            ("９11000071093123XX", false),
            ("", false),
        ] {
            assert_eq!(credit_code("credit_code", text).is_ok(), is_one, "{text}");
        }
        let error = credit_code("credit_code", "1").unwrap_err();
        assert_eq!(error.to_string(), "credit_code: must be a unified social credit code (GB 32100)");
    }

    #[test]
    fn every_single_wrong_character_is_found() {
        let right = "91110000100010433L";
        for place in 0..right.len() {
            for other in ALPHABET {
                let mut wrong = right.as_bytes().to_vec();
                if wrong[place] == *other {
                    continue;
                }
                wrong[place] = *other;
                let wrong = String::from_utf8(wrong).unwrap();
                assert!(credit_code("credit_code", &wrong).is_err(), "{wrong}");
            }
        }
    }

    #[test]
    fn a_credit_code_is_masked() {
        assert_eq!(masked_credit_code("91110000100010433L"), "911100**********3L");
        assert_eq!(masked_credit_code("123"), "*23");
        assert_eq!(masked_credit_code(""), "*");
    }

    #[test]
    fn a_visitor_has_no_name_to_mask() {
        assert_eq!(shown_name("张伟", CitizenKind::Person, false), "张*");
        assert_eq!(shown_name("", CitizenKind::Person, true), "匿名访客");
    }

    #[test]
    fn hall_and_ticket_belong_to_the_hall() {
        let visit = |hall: &str, ticket: Option<&str>| {
            Ok(Some(HallVisit { hall: hall.to_owned(), ticket: ticket.map(str::to_owned) }))
        };
        let wrong = |field, problem| Err(InvalidField { field, problem });
        let (long, longest) = ("a".repeat(33), "a".repeat(32));
        for (channel, hall, ticket, expected) in [
            (Channel::Kiosk, Some("pudong-1"), Some("a 12"), wrong("ticket", Problem::NotACode)),
            (Channel::Kiosk, Some("pudong-1"), Some("a12"), visit("pudong-1", Some("A12"))),
            (Channel::Kiosk, Some(" pudong-1 "), Some(" "), visit("pudong-1", None)),
            (Channel::Counter, Some("pudong-1"), None, visit("pudong-1", None)),
            (Channel::Counter, Some(longest.as_str()), None, visit(&longest, None)),
            (Channel::Counter, Some(long.as_str()), None, wrong("hall", Problem::TooLong(32))),
            (Channel::Counter, Some("x"), Some("12345678901234567"), wrong("ticket", Problem::TooLong(16))),
            (Channel::Counter, None, Some("A1"), wrong("hall", Problem::Empty)),
            (Channel::Kiosk, Some("浦东"), None, wrong("hall", Problem::NotACode)),
            (Channel::Pc, None, None, Ok(None)),
            (Channel::Pc, Some("x"), None, wrong("hall", Problem::OnlyInHall)),
            (Channel::Mobile, None, Some("A1"), wrong("ticket", Problem::OnlyInHall)),
        ] {
            assert_eq!(HallVisit::of(channel, hall, ticket), expected, "{channel} {hall:?} {ticket:?}");
        }
    }
}
