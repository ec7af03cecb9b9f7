//! Turns what people type into what can be compared: one spelling, units, pairs and sounds.

use std::hash::Hasher;

use pinyin::ToPinyin;
use rustc_hash::FxHasher;
use unicode_normalization::UnicodeNormalization;

/// Characters that ask or connect and say nothing about the subject.
const STOP_CHARS: &str = "的了吗呢吧啊呀哦嘛么怎咋啥什哪里如何请问我你您他她能可以要想会有是在去到给和与或还就也都这那个些为及跟把被让下没不多少几办理需得一张钱次用";

/// Pairs that occur in questions about any item.
const STOP_PAIRS: [&str; 24] = [
    "申请", "材料", "条件", "流程", "手续", "办理", "上海", "本市", "外地", "户籍", "公司", "网上", "手机", "多久",
    "时间", "多少", "自己", "东西", "准备", "地方", "哪里", "现在", "哪些", "附近",
];

/// What turns a question into its opposite.
const NEGATIONS: &str = "不没无未非别";

/// Initials and finals that many speakers do not tell apart, dictation even less: zh and z, ang and an.
const INITIALS: [(&str, &str); 3] = [("zh", "z"), ("ch", "c"), ("sh", "s")];
const FINALS: [&str; 3] = ["ang", "eng", "ing"];

/// Half-width (NFKC), simplified, lower-case, without punctuation, symbols and spaces.
pub(crate) fn normalise(raw: &str) -> String {
    let plain: String = raw.nfkc().collect();
    let plain = if plain.is_ascii() { plain } else { fast2s::convert(&plain) };
    plain.chars().flat_map(char::to_lowercase).filter(|c| c.is_alphanumeric()).collect()
}

/// The units of normalised text. A run of ASCII letters or digits is one, so that "120" is not found in "12" and "app" not in
/// "apply".
pub(crate) fn units(text: &str) -> Vec<&str> {
    let kind = |c: char| match c {
        c if c.is_ascii_digit() => 1,
        c if c.is_ascii_alphabetic() => 2,
        _ => 0,
    };
    let mut units: Vec<&str> = Vec::with_capacity(text.len() / 3 + 1);
    let (mut begin, mut last) = (0, 0);
    for (at, c) in text.char_indices() {
        if at > 0 && (last == 0 || kind(c) != last) {
            units.push(&text[begin..at]);
            begin = at;
        }
        last = kind(c);
    }
    if begin < text.len() {
        units.push(&text[begin..]);
    }
    units
}

/// A number for a term: channels keep numbers, not strings.
pub(crate) fn term(parts: &[&str]) -> u64 {
    let mut hasher = FxHasher::default();
    for part in parts {
        hasher.write(part.as_bytes());
        hasher.write_u8(0xff);
    }
    hasher.finish()
}

/// Units and pairs of units.
pub(crate) fn gram_terms(units: &[&str]) -> Vec<u64> {
    units.iter().map(|unit| term(&[unit])).chain(units.windows(2).map(term)).collect()
}

/// Pairs of syllables, fuzzy; the one syllable if there is but one.
pub(crate) fn sound_terms(units: &[&str]) -> Vec<u64> {
    let sounds: Vec<&str> = units.iter().map(|unit| sound(unit)).collect();
    let of = |sounds: &[&str]| {
        let parts: Vec<&str> = sounds.iter().flat_map(|sound| fuzzy(sound)).collect();
        term(&parts)
    };
    match sounds.len() {
        1 => vec![of(&sounds)],
        _ => sounds.windows(2).map(of).collect(),
    }
}

/// The syllable of a character without its tone; of anything else itself.
fn sound(unit: &str) -> &str {
    unit.chars().next().and_then(|c| c.to_pinyin()).map_or(unit, |sound| sound.plain())
}

/// A syllable in two parts that are the same for sounds which many speakers do not tell apart.
fn fuzzy(sound: &str) -> [&str; 2] {
    let (initial, rest) = INITIALS
        .iter()
        .find_map(|(long, short)| Some((*short, sound.strip_prefix(long)?)))
        .unwrap_or_else(|| sound.split_at(usize::from(sound.is_char_boundary(1) && !sound.is_empty())));
    let rest = if FINALS.iter().any(|end| rest.ends_with(end)) { rest.strip_suffix('g').unwrap_or(rest) } else { rest };
    [initial, rest]
}

/// A number for the digits of a text, 0 if there are none: "积分120分" and "积分72分" are two questions.
pub(crate) fn digits(text: &str) -> u64 {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    if digits.is_empty() { 0 } else { term(&[&digits]) }
}

/// Whether a text has a word that turns it into its opposite.
pub(crate) fn is_negated(text: &str) -> bool {
    text.chars().any(|c| NEGATIONS.contains(c))
}

/// Whether part of a gram is about asking.
pub(crate) fn has_stop(gram: &str) -> bool {
    STOP_PAIRS.contains(&gram) || gram.chars().any(|c| STOP_CHARS.contains(c))
}

/// Whether a gram is about asking rather than about a subject.
pub(crate) fn is_stop(gram: &str) -> bool {
    STOP_PAIRS.contains(&gram) || gram.chars().all(|c| STOP_CHARS.contains(c))
}
