//! Files in a conversation: how they may be called.

use crate::conversation::{InvalidField, Problem};

/// Longest name of a file, in Unicode scalar values.
pub const MAX_NAME: usize = 120;

/// A name that harms nobody who saves or reads it: the last part of a path, without control characters and without those
/// that turn the direction of writing round (`gpj.exe` must not look like `exe.jpg`), at most [`MAX_NAME`] characters; of
/// a longer one the ending stays.
///
/// # Errors
/// [`InvalidField`] if nothing is left.
pub fn name(field: &'static str, name: &str) -> Result<String, InvalidField> {
    let last = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let clean: String = last.chars().filter(|c| !c.is_control() && !turns_round(*c)).collect();
    let clean = clean.trim().trim_start_matches('.');
    if clean.is_empty() {
        return Err(InvalidField { field, problem: Problem::Empty });
    }
    let length = clean.chars().count();
    if length <= MAX_NAME {
        return Ok(clean.to_owned());
    }
    let ending = ending(clean).map_or_else(String::new, |ending| format!(".{ending}"));
    let kept = MAX_NAME.saturating_sub(ending.chars().count());
    Ok(clean.chars().take(kept).collect::<String>() + &ending)
}

/// The ending, in small letters: `pdf` of `a.b.PDF`. What is longer than 8 characters is none.
#[must_use]
pub fn ending(name: &str) -> Option<String> {
    let (stem, ending) = name.rsplit_once('.')?;
    let is_one =
        !stem.is_empty() && (1..=8).contains(&ending.len()) && ending.bytes().all(|b| b.is_ascii_alphanumeric());
    is_one.then(|| ending.to_ascii_lowercase())
}

/// The name with another ending.
#[must_use]
pub fn with_ending(name: &str, new: &str) -> String {
    let stem = match ending(name) {
        Some(old) => name.get(..name.len() - old.len() - 1).unwrap_or(name),
        None => name,
    };
    format!("{stem}.{new}")
}

const fn turns_round(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_last_part_of_a_path_without_tricks() {
        for (given, expected) in [
            ("居住证 正面.jpg", Some("居住证 正面.jpg")),
            ("C:\\Users\\me\\a.pdf", Some("a.pdf")),
            ("../../etc/passwd", Some("passwd")),
            ("合同\u{202e}fdp.exe", Some("合同fdp.exe")),
            ("a\r\nSet-Cookie: b.txt", Some("aSet-Cookie: b.txt")),
            ("..", None),
            ("a/", None),
            (" \u{200b} ", None),
        ] {
            assert_eq!(name("name", given).ok().as_deref(), expected, "{given:?}");
        }
    }

    #[test]
    fn a_long_name_keeps_its_ending() {
        let long = name("name", &format!("{}.docx", "长".repeat(300))).unwrap();
        assert_eq!(long.chars().count(), MAX_NAME);
        assert!(long.ends_with("长.docx"));
    }

    #[test]
    fn endings_are_told_and_changed() {
        for (given, expected) in
            [("a.b.PDF", Some("pdf")), ("README", None), (".htaccess", None), ("a.", None), ("a.中文", None)]
        {
            assert_eq!(ending(given).as_deref(), expected, "{given}");
        }
        assert_eq!(with_ending("图.PNG", "jpg"), "图.jpg");
        assert_eq!(with_ending("图", "jpg"), "图.jpg");
    }
}
