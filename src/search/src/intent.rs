//! Recognises messages that the index must never answer. Input is normalised text.

use crate::HandOverReason;

const EMERGENCY: [&str; 17] = [
    "着火",
    "起火",
    "火灾",
    "报警",
    "救命",
    "晕倒",
    "昏倒",
    "昏迷",
    "急救",
    "触电",
    "煤气泄漏",
    "燃气泄漏",
    "自杀",
    "轻生",
    "跳楼",
    "溺水",
    "不想活",
];
const EMERGENCY_NUMBERS: [&str; 3] = ["110", "119", "120"];
/// "120分" is a points score and "120元" a fee: a number is an emergency only when somebody calls it.
const CALLING: [&str; 5] = ["打", "拨", "叫", "打个", "拨个"];

const COMPLAINT: [&str; 13] = [
    "投诉",
    "举报",
    "起诉",
    "律师",
    "上访",
    "信访",
    "行政复议",
    "打官司告",
    "曝光",
    "差评",
    "不作为",
    "态度差",
    "态度恶劣",
];

const WANTS_PERSON: [&str; 10] =
    ["转人工", "人工", "找人", "真人", "客服", "活人", "接线员", "话务员", "帮办人员", "工作人员跟我说"];
/// Words that contain one of [`WANTS_PERSON`] and mean something else.
const NOT_A_PERSON: [&str; 7] = ["人工智能", "人工授精", "人工流产", "人工耳蜗", "人工关节", "人工晶体", "找人代"];

const GREETINGS: [&str; 22] = [
    "你好",
    "您好",
    "早上好",
    "上午好",
    "中午好",
    "下午好",
    "晚上好",
    "大家好",
    "早安",
    "晚安",
    "哈喽",
    "哈罗",
    "嗨",
    "在吗",
    "在不在",
    "有人吗",
    "谢谢",
    "多谢",
    "再见",
    "拜拜",
    "hello",
    "hi",
];
/// What may follow a greeting and is still small talk.
const TAILS: [&str; 9] = ["小申", "啊", "呀", "哦", "吗", "你", "您", "了", "请问"];

/// Why a person must take over, when the message itself says so; danger first.
pub(crate) fn hand_over(text: &str) -> Option<HandOverReason> {
    if contains_any(text, &EMERGENCY) || calls_emergency_number(text) {
        return Some(HandOverReason::Emergency);
    }
    if contains_any(text, &COMPLAINT) {
        return Some(HandOverReason::Complaint);
    }
    let rest = NOT_A_PERSON.iter().fold(text.to_owned(), |rest, word| rest.replace(word, ""));
    contains_any(&rest, &WANTS_PERSON).then_some(HandOverReason::WantsPerson)
}

/// Whether the message is small talk and nothing else.
pub(crate) fn is_greeting(text: &str) -> bool {
    !text.is_empty() && strip_greeting(text).is_empty()
}

/// The message after its opening greeting, or all of it when there is nothing else.
pub(crate) fn without_greeting(text: &str) -> String {
    match strip_greeting(text) {
        "" => text.to_owned(),
        rest => rest.to_owned(),
    }
}

fn strip_greeting(text: &str) -> &str {
    let mut rest = text;
    let mut greeted = false;
    loop {
        let tails: &[&str] = if greeted { &TAILS } else { &[] };
        match GREETINGS.iter().chain(tails).find_map(|word| strip_word(rest, word)) {
            Some(shorter) => rest = shorter,
            None => return rest,
        }
        greeted = true;
    }
}

/// Strips a leading word; an ASCII word only where it ends, so that "history" does not start with "hi".
fn strip_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let rest = text.strip_prefix(word)?;
    let cut_inside = word.is_ascii() && rest.starts_with(|c: char| c.is_ascii_alphanumeric());
    (!cut_inside).then_some(rest)
}

fn contains_any(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| text.contains(word))
}

fn calls_emergency_number(text: &str) -> bool {
    EMERGENCY_NUMBERS.iter().any(|number| {
        text == *number
            || text.match_indices(number).any(|(at, _)| {
                let before = text.get(..at).unwrap_or_default();
                let after = text.get(at + number.len()..).unwrap_or_default();
                CALLING.iter().any(|word| before.ends_with(word))
                    && !after.starts_with(|c: char| c.is_ascii_digit() || "分元块万".contains(c))
            })
    })
}
