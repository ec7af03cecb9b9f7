//! Answers as texts: when two are the same, and how one reads without its Markdown.

use std::collections::BTreeSet;

use super::{Content, MAX_QUESTION};
use crate::FileId;

/// The answer without blanks, signs and the difference of wide and narrow letters: equal answers of two agents are one
/// candidate (rule 10).
#[must_use]
pub fn answer_key(answer: &str) -> String {
    plain(answer).chars().map(narrow).filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Full-width letters and digits as people type them on a Chinese keyboard.
fn narrow(letter: char) -> char {
    match u32::from(letter) {
        wide @ 0xFF01..=0xFF5E => char::from_u32(wide - 0xFEE0).unwrap_or(letter),
        _ => letter,
    }
}

/// The answer as a message without Markdown: what agents send is plain text.
#[must_use]
pub fn plain(markdown: &str) -> String {
    let lines = markdown.lines().map(|line| {
        let text = line.trim_start();
        let heading = text.trim_start_matches('#');
        let is_heading = heading.len() < text.len() && text.len() - heading.len() <= 6 && heading.starts_with(' ');
        let text = if is_heading { heading.trim_start() } else { text.strip_prefix("> ").unwrap_or(text) };
        let text = match text.strip_prefix("* ").or_else(|| text.strip_prefix("+ ")) {
            Some(point) => format!("- {point}"),
            None => text.to_owned(),
        };
        without_links(&text.replace("**", "").replace("__", "").replace('`', ""))
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// `[words](address)` as `words（address）`. Files come with the message: a picture is pointed at, a document named.
fn without_links(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find('[') {
        let inner = &rest[open + 1..];
        let Some((words, address, after)) = inner.split_once("](").and_then(|(words, tail)| {
            let (address, after) = tail.split_once(')')?;
            (!words.contains('[')).then_some((words, address, after))
        }) else {
            plain.push_str(&rest[..=open]);
            rest = inner;
            continue;
        };
        let address = address.trim_matches(['<', '>', ' ']);
        let is_file = address.parse::<FileId>().is_ok();
        match rest[..open].strip_suffix('!').filter(|_| is_file) {
            Some(before) => plain.extend([before, "（见图：", words, "）"]),
            None => plain.extend([&rest[..open], words]),
        }
        if address != words && !is_file {
            plain.push('（');
            plain.push_str(address);
            plain.push('）');
        }
        rest = after;
    }
    plain + rest
}

/// How people asked what an entry answers, as far as it does not know these words yet: suggestions of similar questions, each
/// once, the first first. Blanks, signs and the width of letters make no other wording.
#[must_use]
pub fn other_wordings<'a>(content: &Content, asked: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let known = std::iter::once(&content.question).chain(&content.similar).map(|one| answer_key(one));
    let mut known: BTreeSet<String> = known.collect();
    let is_usable = |text: &str| (2..=MAX_QUESTION).contains(&text.chars().count());
    let others = asked.into_iter().map(str::trim).filter(|text| is_usable(text) && !answer_key(text).is_empty());
    others.filter(|text| known.insert(answer_key(text))).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::content::tests::content;

    #[test]
    fn another_wording_is_suggested_once_and_none_that_is_known() {
        let mut entry = content("居住证丢了怎么办？", "先挂失。");
        entry.similar.push("居住证掉了咋办".to_owned());
        let asked = ["居住证 丢了怎么办", "证不见了怎么办", "居住证掉了咋办！", "证不见了，怎么办？", "", "？？"];
        assert_eq!(other_wordings(&entry, asked), ["证不见了怎么办"]);
    }

    #[test]
    fn answers_that_differ_in_blanks_signs_width_and_emphasis_are_the_same() {
        let key = answer_key("请带**身份证**，到社区事务受理服务中心办理。");
        for same in [
            "请带身份证,到社区事务受理服务中心办理",
            " 请带身份证， 到社区事务受理服务中心办理！\n",
            "请带 身份证\n到社区事务受理服务中心办理",
        ] {
            assert_eq!(answer_key(same), key, "{same}");
        }
        assert_eq!(answer_key("ＡＢＣ１２３"), answer_key("abc 123"));
        assert_ne!(answer_key("请带户口簿，到社区事务受理服务中心办理。"), key);
    }

    #[test]
    fn what_agents_send_has_no_markdown() {
        let markdown = "## 材料\n* **身份证**\n+ `照片` 2张\n> 注意\n见 [指南](https://zwdt.sh.gov.cn/a)，[1] 条";
        let text = "材料\n- 身份证\n- 照片 2张\n注意\n见 指南（https://zwdt.sh.gov.cn/a），[1] 条";
        assert_eq!(plain(markdown), text);
        assert_eq!(plain("#话题 [a [b](c"), "#话题 [a [b](c");
        let files =
            format!("如下：\n![样张]({0})\n填[申请表]({0})。太好了![指南](https://zwdt.sh.gov.cn/)", FileId::new(1));
        assert_eq!(plain(&files), "如下：\n（见图：样张）\n填申请表。太好了!指南（https://zwdt.sh.gov.cn/）");
    }
}
