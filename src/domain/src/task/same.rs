//! Which questions are the same one, so that all who asked it are told the one answer.
//!
//! The search is not asked: its weights come from thousands of entries, and a handful of open questions has none. Whoever is
//! joined wrongly would be told an answer to another question, so what is compared is nearly all of the text, and what turns a
//! question round (a number, a "not") has to be equal.

use std::collections::BTreeMap;

/// Questions whose pairs of neighbouring characters agree to this share (Dice's coefficient, 0 to 1) are the same one.
pub const SAME_QUESTION: f64 = 0.85;

/// What people say before they ask.
const POLITE: [&str; 8] = ["请问一下", "请问", "您好", "你好", "麻烦问一下", "我想问一下", "想问一下", "我想问"];

/// What turns a question round.
const NEGATIONS: [char; 5] = ['不', '没', '未', '无', '非'];

/// The text by which questions are the same: letters and digits alone, in small letters, full-width forms as usual ones.
#[must_use]
pub fn normalised(question: &str) -> String {
    let usual = |letter: char| match u32::from(letter) {
        code @ 0xff01..=0xff5e => char::from_u32(code - 0xfee0).unwrap_or(letter),
        _ => letter,
    };
    question.chars().map(usual).filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn without_manners(text: &str) -> &str {
    match POLITE.iter().find_map(|polite| text.strip_prefix(polite)) {
        Some(rest) if !rest.is_empty() => without_manners(rest),
        _ => text,
    }
}

/// How much of two questions is the same, 0 to 1.
#[must_use]
pub fn likeness(one: &str, other: &str) -> f64 {
    let (one, other) = (normalised(one), normalised(other));
    let (one, other) = (without_manners(&one), without_manners(&other));
    if one == other {
        return 1.0;
    }
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    let negations = |text: &str| text.chars().filter(|letter| NEGATIONS.contains(letter)).count();
    if digits(one) != digits(other) || negations(one) != negations(other) {
        return 0.0;
    }
    let (a, b) = (pairs(one), pairs(other));
    let shared: u32 = a.iter().filter_map(|(pair, count)| Some(*count.min(b.get(pair)?))).sum();
    let all: u32 = a.values().chain(b.values()).sum();
    if all == 0 { 0.0 } else { f64::from(2 * shared) / f64::from(all) }
}

fn pairs(text: &str) -> BTreeMap<(char, char), u32> {
    let mut pairs = BTreeMap::new();
    for pair in text.chars().zip(text.chars().skip(1)) {
        *pairs.entry(pair).or_default() += 1;
    }
    pairs
}

/// The key of the owed question, of pairs of key and question, that asks the same; the likest one of several.
#[must_use]
pub fn same_question<'a>(question: &str, owed: impl IntoIterator<Item = (&'a str, &'a str)>) -> Option<&'a str> {
    let found = owed.into_iter().map(|(key, other)| (likeness(question, other), key));
    let near = found.filter(|(likeness, _)| *likeness >= SAME_QUESTION);
    near.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, key)| key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_are_the_same_whatever_signs_and_widths_they_are_written_with() {
        for (one, other) in [
            ("居住证怎么续签？", "居住证 怎么续签"),
            ("ＡＢＣ１２３ 怎么办?", "abc123怎么办"),
            ("《上海市》居住证,续签", "上海市居住证续签"),
        ] {
            assert_eq!(normalised(one), normalised(other));
        }
        assert_ne!(normalised("居住证怎么续签"), normalised("居住证怎么补办"));
    }

    #[test]
    fn a_question_joins_the_same_one_and_no_other() {
        let owed =
            [("a", "居住证积分被退回以后怎么重新申请"), ("b", "居住证到期以后能不能补签"), ("c", "办理居住证要多久")];
        for (question, expected) in [
            ("居住证积分被退回以后，怎么重新申请？", Some("a")),
            ("您好，请问居住证积分被退回以后怎么重新申请", Some("a")),
            ("居住证的积分被退回以后怎么重新申请", Some("a")),
            ("居住证积分怎么算", None),
            ("居住证到期以后在哪里补签", None),
            ("办理居住证要多少钱", None),
            ("营业执照怎么注销", None),
        ] {
            assert_eq!(same_question(question, owed), expected, "{question}");
        }
    }

    #[test]
    fn a_number_or_a_not_makes_another_question_of_it() {
        let long = "六十岁以上的老人没有本市户籍办理居住证需要准备什么材料";
        assert!(likeness(long, "六十岁以上的老人没有本市户籍，办理居住证需要准备哪些材料") > 0.8);
        assert!(likeness(long, &long.replace("没", "")) < SAME_QUESTION);
        assert!(
            likeness("退休后满60岁的老人怎么领取本市的养老补贴", "退休后满80岁的老人怎么领取本市的养老补贴")
                < SAME_QUESTION
        );
        assert!(likeness("孩子有医保卡能报销吗", "孩子有医保卡不能报销吗") < SAME_QUESTION);
        assert!(likeness("", "请问") < SAME_QUESTION);
    }
}
