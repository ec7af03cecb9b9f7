//! Life of a conversation (DOMAIN), what may be said in it, and what of a person is shown.
//!
//! ```text
//!   Bot ──► Waiting ⇄ Offered ──► Serving ──► WrapUp ──► Closed
//!    │ ▲       ▲ │                   │           ▲          │
//!    │ └─cancel┘ └──► Closed         ├───────────┘          │
//!    ├──► CallBack ──(slot)──► Waiting                      │
//!    ├──► Closed (solved by bot, abandoned)                 │
//!    └◄────────── citizen writes again within 7 days ───────┘
//! ```

use crate::{
    Timestamp,
    time::{DAY, Millis},
    words::{CitizenKind, Outcome, Stage},
};

/// A citizen who writes again within this time continues the same conversation, with a new clock.
pub const CONTINUE_WITHIN: Millis = 7 * DAY;

/// Longest message, in Unicode scalar values.
pub const MAX_TEXT: usize = 4_000;

/// Longest message left out of hours.
pub const MAX_LEFT_MESSAGE: usize = 1_000;

/// Longest comment of a rating.
pub const MAX_COMMENT: usize = 500;

/// Longest id that a client gives its message.
pub const MAX_CLIENT_ID: usize = 64;

/// A field that cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct InvalidField {
    /// The field, in the protocol's spelling.
    pub field: &'static str,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What can be wrong with a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Nothing but white space.
    #[error("must not be empty")]
    Empty,
    /// Longer than allowed.
    #[error("must have at most {0} characters")]
    TooLong(usize),
    /// Not a telephone number.
    #[error("must be 5 to 20 digits, with + and - allowed")]
    NotATelephone,
    /// Not a rating.
    #[error("must be 1 to 5")]
    NotARating,
    /// Not a unified social credit code.
    #[error("must be a unified social credit code (GB 32100)")]
    NotACreditCode,
    /// Not the code of a hall or the number of a ticket.
    #[error("must have only letters, digits, - and _")]
    NotACode,
    /// Somebody at home has no hall.
    #[error("belongs to channel kiosk or counter")]
    OnlyInHall,
}

/// May a conversation pass from one stage to another?
#[must_use]
pub fn may_pass(from: Stage, to: Stage) -> bool {
    match from {
        Stage::Bot => matches!(to, Stage::Waiting | Stage::CallBack | Stage::Closed),
        // To serving at once: a supervisor put it on a desk.
        Stage::Waiting => matches!(to, Stage::Offered | Stage::Serving | Stage::Bot | Stage::Closed),
        Stage::Offered => matches!(to, Stage::Waiting | Stage::Serving | Stage::Bot | Stage::Closed),
        Stage::Serving => matches!(to, Stage::Waiting | Stage::WrapUp | Stage::Closed),
        Stage::WrapUp => matches!(to, Stage::Closed | Stage::Waiting),
        Stage::CallBack => matches!(to, Stage::Waiting | Stage::Bot | Stage::Closed),
        Stage::Closed => matches!(to, Stage::Bot),
    }
}

/// Outcomes that an agent may give when closing what they serve.
#[must_use]
pub const fn may_close_with(outcome: Outcome) -> bool {
    match outcome {
        Outcome::Solved
        | Outcome::Unsolved
        | Outcome::Abandoned
        | Outcome::LeftMessage
        | Outcome::OutOfScope
        | Outcome::Abuse => true,
        Outcome::SolvedByBot => false,
    }
}

/// May the citizen still continue or rate it?
#[must_use]
pub fn may_continue(closed_at: Timestamp, now: Timestamp) -> bool {
    now.since(closed_at) <= CONTINUE_WITHIN
}

/// A text of 1..=`max` characters, without white space around it.
///
/// # Errors
/// [`InvalidField`] names the field.
pub fn text<'a>(field: &'static str, text: &'a str, max: usize) -> Result<&'a str, InvalidField> {
    let text = text.trim();
    if text.is_empty() {
        return Err(InvalidField { field, problem: Problem::Empty });
    }
    at_most(field, text, max)
}

/// A text of 0..=`max` characters.
///
/// # Errors
/// [`InvalidField`] names the field.
pub fn at_most<'a>(field: &'static str, text: &'a str, max: usize) -> Result<&'a str, InvalidField> {
    if text.chars().count() > max {
        return Err(InvalidField { field, problem: Problem::TooLong(max) });
    }
    Ok(text)
}

/// A telephone number: 5 to 20 digits, `+` and `-`.
///
/// # Errors
/// [`InvalidField`] names the field.
pub fn telephone(field: &'static str, text: &str) -> Result<String, InvalidField> {
    let number: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let digits = number.bytes().filter(u8::is_ascii_digit).count();
    if !(5..=20).contains(&digits) || !number.bytes().all(|b| b.is_ascii_digit() || b == b'+' || b == b'-') {
        return Err(InvalidField { field, problem: Problem::NotATelephone });
    }
    Ok(number)
}

/// A rating, 1 非常不满意 to 5 非常满意.
///
/// # Errors
/// [`InvalidField`] names the field.
pub const fn stars(field: &'static str, stars: u8) -> Result<u8, InvalidField> {
    match stars {
        1..=5 => Ok(stars),
        _ => Err(InvalidField { field, problem: Problem::NotARating }),
    }
}

/// A name as staff see it (DOMAIN "Law"): a person's first character and stars (`张**`), of an enterprise the first and
/// the last two characters (`上海****公司`).
#[must_use]
pub fn masked_name(name: &str, kind: CitizenKind) -> String {
    let characters: Vec<char> = name.chars().collect();
    let (head, tail) = match kind {
        CitizenKind::Person => (1, 0),
        CitizenKind::Enterprise => (2, 2),
    };
    let shown = if characters.len() > head + tail { (head, tail) } else { (1, 0) };
    let hidden = characters.len().saturating_sub(shown.0 + shown.1).max(1);
    let start = characters.iter().take(shown.0);
    let end = characters.iter().skip(characters.len().saturating_sub(shown.1)).take(shown.1);
    start.chain(std::iter::repeat_n(&'*', hidden)).chain(end).collect()
}

/// A telephone number as staff see it: the first three and the last four digits (`138****5678`); a short one shows its
/// last two.
#[must_use]
pub fn masked_telephone(number: &str) -> String {
    let characters: Vec<char> = number.chars().collect();
    let (head, tail) = if characters.len() >= 11 { (3, 4) } else { (0, 2) };
    let hidden = characters.len().saturating_sub(head + tail).max(1);
    let start = characters.iter().take(head);
    let end = characters.iter().skip(characters.len().saturating_sub(tail));
    start.chain(std::iter::repeat_n(&'*', hidden)).chain(end).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stages_follow_the_chart() {
        let chart = [
            (Stage::Bot, "waiting call_back closed"),
            (Stage::Waiting, "bot offered serving closed"),
            (Stage::Offered, "bot waiting serving closed"),
            (Stage::Serving, "waiting wrap_up closed"),
            (Stage::WrapUp, "waiting closed"),
            (Stage::CallBack, "bot waiting closed"),
            (Stage::Closed, "bot"),
        ];
        for (from, expected) in chart {
            let to: Vec<_> = Stage::ALL.iter().filter(|to| may_pass(from, **to)).map(|to| to.as_str()).collect();
            assert_eq!(to.join(" "), expected, "from {from}");
        }
    }

    #[test]
    fn seven_days_continue_and_one_millisecond_more_does_not() {
        let closed = Timestamp(1_000);
        assert!(may_continue(closed, closed + 604_800_000));
        assert!(!may_continue(closed, closed + 604_800_001));
    }

    #[test]
    fn lengths_are_counted_in_characters_not_bytes() {
        let longest = "办".repeat(MAX_TEXT);
        assert_eq!(text("text", &longest, MAX_TEXT), Ok(longest.as_str()));
        let refused = text("text", &format!("{longest}办"), MAX_TEXT).unwrap_err();
        assert_eq!(refused.to_string(), "text: must have at most 4000 characters");
        assert_eq!(text("text", " \n\u{3000}", 10).unwrap_err().to_string(), "text: must not be empty");
        assert_eq!(text("text", " 你好 ", 2), Ok("你好"));
    }

    #[test]
    fn telephones_have_5_to_20_digits() {
        for (input, expected) in [
            ("12345", Some("12345")),
            ("1234", None),
            ("+86 138-0013-8000", Some("+86138-0013-8000")),
            ("12345678901234567890", Some("12345678901234567890")),
            ("123456789012345678901", None),
            ("13800a38000", None),
            ("-----", None),
        ] {
            assert_eq!(telephone("phone", input).ok().as_deref(), expected, "{input}");
        }
    }

    #[test]
    fn ratings_are_1_to_5() {
        assert_eq!([0, 1, 5, 6].map(|n| stars("stars", n).is_ok()), [false, true, true, false]);
    }

    #[test]
    fn names_and_telephones_are_masked() {
        for (name, kind, masked) in [
            ("张伟", CitizenKind::Person, "张*"),
            ("欧阳娜娜", CitizenKind::Person, "欧***"),
            ("张", CitizenKind::Person, "张*"),
            ("", CitizenKind::Person, "*"),
            ("上海示例科技有限公司", CitizenKind::Enterprise, "上海******公司"),
            ("小店", CitizenKind::Enterprise, "小*"),
        ] {
            assert_eq!(masked_name(name, kind), masked);
        }
        assert_eq!(masked_telephone("13800138000"), "138****8000");
        assert_eq!(masked_telephone("63210000"), "******00");
        assert_eq!(masked_telephone(""), "*");
    }
}
