//! Takes personal data out of an answer before it is written back: an official answer is about everybody.
//!
//! Numbers, plates, mail and addresses are found as for masking (`privacy`), but nothing of them stays. Beside them go names of
//! those who talked, names that are said to be some (姓名、我叫) or that stand before a form of address (王先生), and numbers of
//! cases and receipts. Document numbers (沪府规〔2023〕15号) stay: answers rest on them. A name that nothing tells from other
//! words is found only if it is one of those who talked; that is why a person reviews before anything is official.

use crate::privacy::without;

/// What stands in the place of what was taken out.
const GONE: &str = "〔已隐去〕";

/// The family names of nine in ten people (Ministry of Public Security, 2020 report on names: the first 100), and double ones.
const FAMILY: &str = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩邓冯曹彭曾肖田董潘袁蔡蒋余于杜叶程魏苏吕丁任卢姚沈钟姜崔谭陆范汪廖石金韦贾夏付方邹熊白孟秦邱侯江尹薛闫雷龙黎史贺陶顾毛郝龚邵万覃武钱戴严莫孔向常汤俞倪施奚翁章郁";
const DOUBLE: [&str; 8] = ["欧阳", "上官", "司马", "诸葛", "东方", "皇甫", "尉迟", "令狐"];

/// What a name follows.
const SAID: [&str; 16] = [
    "姓名是",
    "姓名",
    "我叫",
    "我是",
    "名叫",
    "本人",
    "叫做",
    "申请人",
    "联系人",
    "经办人",
    "户主",
    "配偶",
    "当事人",
    "代理人",
    "我姓",
    "您是",
];

/// Forms of address, and greetings, that follow a name.
const TITLES: [&str; 15] = [
    "先生", "女士", "小姐", "同志", "老师", "师傅", "阿姨", "大爷", "叔叔", "奶奶", "大妈", "太太", "您好", "你好",
    "总",
];

/// Words before the number of a case.
const CASES: [&str; 19] = [
    "编号",
    "受理号",
    "办件号",
    "案件号",
    "案号",
    "单号",
    "流水号",
    "申请号",
    "查询号",
    "查询码",
    "业务号",
    "工单",
    "回执",
    "受理通知书",
    "取件码",
    "凭证号",
    "收件号",
    "档案号",
    "预约号",
];

/// The text without personal data. `names`: of those who talked.
#[must_use]
pub fn strip(text: &str, names: &[&str]) -> String {
    let mut clean = text.to_owned();
    for name in names.iter().map(|name| name.trim()).filter(|name| name.chars().count() >= 2) {
        clean = clean.replace(name, GONE);
    }
    clean = cases(&courts(&clean));
    clean = without(&clean, GONE);
    clean = said_names(&clean);
    addressed(&clean)
}

/// Case numbers of courts.
fn courts(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let mut clean = String::with_capacity(text.len());
    let mut at = 0;
    while at < letters.len() {
        if let Some(end) = court(&letters, at) {
            clean.push_str(GONE);
            at = end;
        } else {
            clean.push(letters[at]);
            at += 1;
        }
    }
    clean
}

/// Numbers of cases and receipts, after a word that says so.
fn cases(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let mut clean = String::with_capacity(text.len());
    let mut at = 0;
    while at < letters.len() {
        if let Some(word) = CASES.iter().find(|word| begins(&letters, at, word)) {
            let after = at + word.chars().count();
            clean.push_str(word);
            at = after;
            // 受理编号是：(A) 2026-1234
            let number = (after..letters.len().min(after + 6)).find(|place| is_number(letters[*place]));
            let between = number.map(|number| &letters[after..number]);
            if let (Some(number), Some(between)) = (number, between)
                && between.iter().all(|letter| {
                    matches!(letter, ' ' | '\u{3000}' | ':' | '：' | '是' | '为' | '号' | '码' | '（' | '(')
                })
            {
                let end = number + letters[number..].iter().take_while(|letter| is_part(**letter)).count();
                let digits =
                    letters[number..end].iter().filter(|letter| letter.is_ascii_digit() || is_wide(**letter)).count();
                // 编号1 is a place in a list.
                if digits >= 4 {
                    clean.extend(between);
                    clean.push_str(GONE);
                    at = end;
                }
            }
        } else {
            clean.push(letters[at]);
            at += 1;
        }
    }
    clean
}

/// The end of a court's or authority's case number that begins there: `（2026）沪0104民初1234号`.
fn court(letters: &[char], at: usize) -> Option<usize> {
    if !matches!(letters.get(at)?, '（' | '(' | '〔' | '[') {
        return None;
    }
    let year = letters.get(at + 1..at + 5)?;
    let is_closed = matches!(letters.get(at + 5)?, '）' | ')' | '〕' | ']');
    if !is_closed || !year.iter().all(char::is_ascii_digit) {
        return None;
    }
    let tail = letters.get(at + 6..)?;
    let end = tail.iter().take(24).position(|letter| *letter == '号')?;
    let is_case =
        tail[..end].iter().any(|letter| matches!(letter, '民' | '刑' | '执' | '赔' | '破' | '初' | '终' | '诉'));
    let has_number = tail[..end].iter().any(char::is_ascii_digit);
    (is_case && has_number).then_some(at + 6 + end + 1)
}

fn begins(letters: &[char], at: usize, word: &str) -> bool {
    word.chars().zip(at..).all(|(letter, place)| letters.get(place) == Some(&letter))
}

const fn is_wide(letter: char) -> bool {
    matches!(letter, '０'..='９')
}

const fn is_number(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || is_wide(letter)
}

const fn is_part(letter: char) -> bool {
    is_number(letter) || matches!(letter, '-' | '_' | '/' | '－')
}

const fn is_han(letter: char) -> bool {
    matches!(letter, '\u{4E00}'..='\u{9FFF}' | '·')
}

/// So many letters of a family name stand there; 0: none.
fn family(letters: &[char], at: usize) -> usize {
    if DOUBLE.iter().any(|double| begins(letters, at, double)) {
        return 2;
    }
    usize::from(letters.get(at).is_some_and(|letter| FAMILY.contains(*letter)))
}

/// Words that follow a family name's letter without being a name: 我是高校教师, 本人金额不足.
const NO_NAME: [&str; 18] = [
    "高校", "高中", "高级", "高龄", "高新", "金额", "金融", "方便", "方面", "常住", "常年", "任何", "余额", "向", "于",
    "应", "白天", "万",
];

/// Names behind words that announce one.
fn said_names(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let mut clean = String::with_capacity(text.len());
    let mut at = 0;
    while at < letters.len() {
        let Some(word) = SAID.iter().find(|word| begins(&letters, at, word)) else {
            clean.push(letters[at]);
            at += 1;
            continue;
        };
        clean.push_str(word);
        at += word.chars().count();
        let gap =
            letters[at..].iter().take(2).take_while(|letter| matches!(letter, ' ' | ':' | '：' | '\u{3000}')).count();
        let begin = at + gap;
        let known = family(&letters, begin);
        if known == 0 || NO_NAME.iter().any(|word| begins(&letters, begin, word)) {
            continue;
        }
        let given =
            letters[begin + known..].iter().take(2).take_while(|letter| is_han(**letter) && !is_after_name(**letter));
        let end = begin + known + given.count();
        clean.extend(&letters[at..begin]);
        clean.push_str(GONE);
        at = end;
    }
    clean
}

/// What follows a name more often than it is a part of one.
const fn is_after_name(letter: char) -> bool {
    matches!(
        letter,
        '的' | '和'
            | '与'
            | '是'
            | '在'
            | '已'
            | '您'
            | '你'
            | '请'
            | '有'
            | '要'
            | '先'
            | '女'
            | '小'
            | '同'
            | '老'
            | '师'
    )
}

/// Names before a form of address.
fn addressed(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let mut gone = vec![false; letters.len()];
    for at in 0..letters.len() {
        if !TITLES.iter().any(|title| begins(&letters, at, title)) {
            continue;
        }
        // 欧阳小明先生 has four letters, 王先生 one; the longest that begins with a family name.
        let begin = (1..=4).rev().filter_map(|length| at.checked_sub(length)).find(|begin| {
            let known = family(&letters, *begin);
            let name = &letters[*begin..at];
            known > 0 && name.len() >= known && name.len() <= known + 2 && name.iter().all(|letter| is_han(*letter))
        });
        // 总 alone follows many words: only 王总.
        let is_alone = letters[at] == '总';
        if let Some(begin) = begin.filter(|begin| !is_alone || at - begin == 1 && !is_word_of_total(&letters, at)) {
            gone[begin..at].fill(true);
        }
    }
    let mut clean = String::with_capacity(text.len());
    for (place, letter) in letters.iter().enumerate() {
        if !gone[place] {
            clean.push(*letter);
        } else if place == 0 || !gone[place - 1] {
            clean.push_str(GONE);
        }
    }
    clean
}

/// 金总额, 万总计: a sum, and nobody.
fn is_word_of_total(letters: &[char], at: usize) -> bool {
    letters
        .get(at + 1)
        .is_some_and(|next| matches!(next, '额' | '计' | '数' | '共' | '和' | '量' | '是' | '体' | '部' | '局' | '署'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::privacy::mask;

    /// Text, tab, what must not survive, with `|` between.
    const FIXTURES: &str = include_str!("corpus/personal.tsv");

    /// Official answers, of which nothing may be lost.
    const OFFICIAL: &str = include_str!("corpus/official.txt");

    const MASKED: &str = include_str!("../privacy/corpus/masked.tsv");

    #[test]
    fn nothing_personal_survives() {
        let mut count = 0;
        for line in FIXTURES.lines() {
            let (text, secrets) = line.split_once('\t').unwrap();
            let clean = strip(text, &["陈思远", "Maria Lopez"]);
            for secret in secrets.split('|') {
                assert!(text.contains(secret), "{line}: the fixture is wrong about {secret}");
                assert!(!clean.contains(secret), "{text} -> {clean}: {secret} survives");
                count += 1;
            }
            assert_eq!(strip(&clean, &[]), clean, "once is enough");
        }
        assert!(count >= 100, "{count}");
    }

    #[test]
    fn what_is_masked_in_threads_is_wholly_gone() {
        for line in MASKED.lines() {
            let (text, masked) = line.split_once('\t').unwrap();
            let clean = strip(text, &[]);
            assert_ne!(clean, text);
            assert_eq!(mask(&clean), clean, "{text}");
            // Not even the digits that others see.
            if let Some((_, tail)) = masked.rsplit_once('*') {
                let end: String = tail.chars().take_while(char::is_ascii_digit).collect();
                assert!(end.len() < 4 || !clean.contains(&end), "{text} -> {clean}");
            }
        }
    }

    #[test]
    fn official_answers_stay_as_they_are() {
        for text in OFFICIAL.lines() {
            assert_eq!(strip(text, &["陈思远"]), text);
        }
    }
}
