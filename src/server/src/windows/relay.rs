//! What of the citizen's page may go on to clerks. The page masks it (docs/windows.md); here it is looked at once more,
//! because a page can be wrong: a piece in which somebody's number stands is not passed on, and is never written down.

use std::borrow::Cow;

use bangban_domain::{Timestamp, privacy::has_number, time::Millis};
use bangban_protocol::{MAX_PAGE_PIECE, WireError};
use serde_json::value::RawValue;

/// Is it an array of events, without an identity, telephone or card number in any text, name or number of it?
///
/// # Errors
/// Names the field: too long, or no array.
pub(crate) fn is_clean(frames: &str) -> Result<bool, WireError> {
    if frames.len() > MAX_PAGE_PIECE {
        return Err(WireError::field("frames", format!("at most {MAX_PAGE_PIECE} bytes")));
    }
    // Pages nest deeper than a parser of values goes; this one does not descend.
    let whole: Result<Vec<&RawValue>, _> = serde_json::from_str(frames);
    whole.map_err(|error| WireError::field("frames", format!("not a JSON array: {error}")))?;
    Ok(!Tokens { rest: frames }.any(|token| has_number(&token)))
}

/// Texts and whole numbers of a JSON document, one after the other; its structure is known to be sound.
struct Tokens<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Cow<'a, str>;

    fn next(&mut self) -> Option<Cow<'a, str>> {
        loop {
            let start = self.rest.find(|sign: char| sign == '"' || sign == '-' || sign.is_ascii_digit())?;
            let from = &self.rest[start..];
            if from.starts_with('"') {
                let end = end_of_text(from);
                let (token, rest) = from.split_at(end);
                self.rest = rest;
                // Escaped digits are digits.
                let unescaped =
                    if token.contains('\\') { serde_json::from_str(token).ok().map(Cow::Owned) } else { None };
                return Some(unescaped.unwrap_or_else(|| Cow::Borrowed(token.trim_matches('"'))));
            }
            let is_part = |sign: char| sign.is_ascii_digit() || matches!(sign, '-' | '+' | '.' | 'e' | 'E');
            let end = from.find(|sign| !is_part(sign)).unwrap_or(from.len());
            let (token, rest) = from.split_at(end);
            self.rest = rest;
            if token.bytes().all(|byte| byte.is_ascii_digit()) {
                return Some(Cow::Borrowed(token));
            }
        }
    }
}

/// Behind the closing quotation mark of a text that begins here.
fn end_of_text(text: &str) -> usize {
    let mut is_escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// How much of a page may come: a large page at once, then what changes on it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Allowance {
    left: i64,
    at: Timestamp,
}

/// The whole of a large page, in bytes.
const AT_ONCE: i64 = 4 * 1024 * 1024;
/// Bytes a millisecond after that: half a megabyte a second.
const PER_MS: i64 = 512;

impl Allowance {
    pub(super) const fn new(now: Timestamp) -> Self {
        Self { left: AT_ONCE, at: now }
    }

    pub(super) fn take(&mut self, now: Timestamp, bytes: usize) -> bool {
        let passed: Millis = now.since(self.at).max(0);
        self.left = self.left.saturating_add(passed.saturating_mul(PER_MS)).min(AT_ONCE);
        self.at = self.at.max(now);
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        let is_enough = self.left >= bytes;
        if is_enough {
            self.left -= bytes;
        }
        is_enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_found_in_whatever_place_of_a_piece() {
        for (frames, expected) in [
            (r#"[{"type":3,"data":{"text":"请填写姓名"}}]"#, true),
            (r#"[{"type":3,"data":{"text":"电话 13800138001"}}]"#, false),
            (r#"[{"type":3,"data":{"text":"\u0031\u0033800138001"}}]"#, false),
            (r#"[{"type":3,"data":{"13800138001":1}}]"#, false),
            (r#"[{"type":3,"data":{"n":13800138001}}]"#, false),
            (r#"[{"type":3,"data":{"text":"11010519491231002X"}}]"#, false),
            (r#"[{"type":3,"data":{"text":"6222 0212 3456 7894"}}]"#, false),
            (r#"[{"type":3,"timestamp":1795449600000,"data":{"x":0.13800138001,"y":-1}}]"#, true),
            (r#"[{"a":"\\\"","b":"***********"}]"#, true),
            (r#"[{"a":"\\\"","b":"13800138001"}]"#, false),
            ("[]", true),
        ] {
            assert_eq!(is_clean(frames), Ok(expected), "{frames}");
        }
    }

    #[test]
    fn a_deep_page_is_looked_at_to_its_end_and_what_is_no_page_is_refused_by_its_field() {
        let deep = |inner: &str| format!("[{}{inner}{}]", r#"{"c":["#.repeat(2_000), "]}".repeat(2_000));
        assert_eq!(is_clean(&deep(r#""谢谢""#)), Ok(true));
        assert_eq!(is_clean(&deep(r#""13800138001""#)), Ok(false));
        let large = format!("[\"{}\"]", "x".repeat(MAX_PAGE_PIECE));
        for bad in ["", "{}", "[", "[1,]", "13800138001", "[\"x]", large.as_str()] {
            assert_eq!(is_clean(bad).unwrap_err().field.as_deref(), Some("frames"), "{bad:.20}");
        }
    }

    #[test]
    fn a_large_page_may_come_at_once_and_half_a_megabyte_a_second_after_it() {
        let begin = Timestamp(1_000);
        let mut allowance = Allowance::new(begin);
        let piece = 256 * 1024;
        assert_eq!((0..100).filter(|_| allowance.take(begin, piece)).count(), 16);
        assert!(!allowance.take(begin + 511, piece));
        assert!(allowance.take(begin + 512, piece));
        assert!(!allowance.take(begin + 512, 1));
        let later = begin + 3_600_000;
        assert_eq!((0..100).filter(|_| allowance.take(later, piece)).count(), 16, "no more than a whole page");
    }
}
