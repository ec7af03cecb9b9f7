//! Turns what people type into comparable grams.

use std::collections::BTreeMap;

use unicode_normalization::UnicodeNormalization;

/// Characters that ask or connect and say nothing about the subject.
const STOP_CHARS: &str = "的了吗呢吧啊呀哦嘛么怎咋啥什哪里如何请问我你您他她能可以要想会有是在去到给和与或还就也都这那个些为及跟把被让下没不多少几办理需得一张钱次用";

/// Pairs that occur in questions about any item.
const STOP_PAIRS: [&str; 24] = [
    "申请", "材料", "条件", "流程", "手续", "办理", "上海", "本市", "外地", "户籍", "公司", "网上", "手机", "多久",
    "时间", "多少", "自己", "东西", "准备", "地方", "哪里", "现在", "哪些", "附近",
];

/// Half-width (NFKC), lower-case, without punctuation, symbols and spaces.
pub(crate) fn normalise(raw: &str) -> String {
    raw.nfkc().flat_map(char::to_lowercase).filter(|c| c.is_alphanumeric()).collect()
}

/// The 1-grams and 2-grams of normalised text with their counts. A run of ASCII letters or digits is one unit, so that
/// "120" is not found in "12" and "app" not in "apply". The order is stable, which keeps floating-point sums stable.
pub(crate) fn grams(text: &str) -> BTreeMap<String, f64> {
    let mut units: Vec<String> = Vec::new();
    let mut previous = ' ';
    for c in text.chars() {
        let joins = (c.is_ascii_digit() && previous.is_ascii_digit())
            || (c.is_ascii_alphabetic() && previous.is_ascii_alphabetic());
        match units.last_mut() {
            Some(last) if joins => last.push(c),
            _ => units.push(c.to_string()),
        }
        previous = c;
    }
    let mut grams = BTreeMap::new();
    for pair in units.windows(2) {
        *grams.entry(pair.concat()).or_insert(0.0) += 1.0;
    }
    for unit in units {
        *grams.entry(unit).or_insert(0.0) += 1.0;
    }
    grams
}

/// Whether a gram joins two units; a run of ASCII letters or digits is one.
pub(crate) fn is_pair(gram: &str) -> bool {
    let mut chars = gram.chars();
    match chars.next() {
        Some(first) if first.is_ascii_digit() => chars.any(|c| !c.is_ascii_digit()),
        Some(first) if first.is_ascii_alphabetic() => chars.any(|c| !c.is_ascii_alphabetic()),
        _ => chars.next().is_some(),
    }
}

/// Whether part of a gram is about asking.
pub(crate) fn has_stop(gram: &str) -> bool {
    STOP_PAIRS.contains(&gram) || gram.chars().any(|c| STOP_CHARS.contains(c))
}

/// Whether a gram is about asking rather than about a subject.
pub(crate) fn is_stop(gram: &str) -> bool {
    STOP_PAIRS.contains(&gram) || gram.chars().all(|c| STOP_CHARS.contains(c))
}
