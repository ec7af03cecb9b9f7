//! Recognises messages that the index must never answer. Input is normalised text.

use crate::HandOverReason;

const EMERGENCY: [&str; 42] = [
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
    "爆炸",
    "溺水",
    "落水",
    "窒息",
    "抽搐",
    "休克",
    "煤气泄漏",
    "燃气泄漏",
    "煤气味",
    "燃气味",
    "闻到煤气",
    "闻到燃气",
    "煤气中毒",
    "食物中毒",
    "一氧化碳",
    "困在电梯",
    "电梯困",
    "自杀",
    "轻生",
    "跳楼",
    "割腕",
    "不想活",
    "活不下去",
    "想死",
    "喝农药",
    "家暴",
    "打架",
    "被人打",
    "抢劫",
    "有人闯",
    "流血不止",
    "没呼吸",
];
/// Words that contain one of [`EMERGENCY`] and are papers, courses or devices.
const NOT_EMERGENCY: [&str; 15] = [
    "报警回执",
    "报警记录",
    "报警证明",
    "报警器",
    "火灾保险",
    "火灾证明",
    "火灾事故证明",
    "火灾事故认定",
    "火灾原因认定",
    "急救证",
    "急救员",
    "急救培训",
    "应急救护培训",
    "学急救",
    "打不着火",
];
const EMERGENCY_NUMBERS: [&str; 3] = ["110", "119", "120"];
/// "120分" is a points score and "120元" a fee: a number is an emergency only when somebody calls it.
const CALLING: [&str; 5] = ["打", "拨", "叫", "打个", "拨个"];

const COMPLAINT: [&str; 30] = [
    "投诉",
    "举报",
    "检举",
    "起诉",
    "律师",
    "上访",
    "信访",
    "行政复议",
    "打官司告",
    "曝光",
    "维权",
    "差评",
    "不作为",
    "乱作为",
    "态度差",
    "态度恶劣",
    "态度不好",
    "服务太差",
    "服务差",
    "踢皮球",
    "推诿",
    "扯皮",
    "推来推去",
    "没人管",
    "不管事",
    "乱收费",
    "扰民",
    "告你们",
    "要个说法",
    "讨个说法",
];
/// Words that contain one of [`COMPLAINT`] and are matters to be handled.
const NOT_COMPLAINT: [&str; 8] =
    ["律师执业", "律师证", "律师资格", "律师事务所", "免费律师", "律师援助", "实习律师", "律师转所"];

const WANTS_PERSON: [&str; 40] = [
    "转人工",
    "人工",
    "找人",
    "真人",
    "客服",
    "活人",
    "接线员",
    "话务员",
    "坐席",
    "帮办人员",
    "工作人员跟我说",
    "找个人",
    "寻个人",
    "寻人",
    "叫个人",
    "换个人",
    "跟人讲",
    "跟人说",
    "和人讲",
    "和人说",
    "不要机器人",
    "别用机器人",
    "不跟机器人",
    "不想跟机器人",
    "机器人听不懂",
    "机器人没用",
    "叫人来",
    "人来回答",
    "人来帮",
    "人来讲",
    // English, without spaces.
    "human",
    "realperson",
    "liveagent",
    "liveperson",
    "talktosome",
    "speaktosome",
    "talktoaperson",
    "speaktoaperson",
    "customerservice",
    "representative",
];
/// Words that contain one of [`WANTS_PERSON`] and mean something else, or its refusal.
const NOT_A_PERSON: [&str; 29] = [
    "人工智能",
    "人工授精",
    "人工繁育",
    "人工流产",
    "人工耳蜗",
    "人工关节",
    "人工晶体",
    "人工费",
    "人工湖",
    "人工降雨",
    "人工呼吸",
    "人工作",
    "人工资",
    "人工伤",
    "人工程",
    "人工龄",
    "找人代",
    "寻人启事",
    "找人启事",
    "不要人工",
    "不用人工",
    "不需要人工",
    "不要转人工",
    "不用转人工",
    "不转人工",
    "别转人工",
    "humanresource",
    "humanrights",
    "客服岗位",
];

const GREETINGS: [&str; 44] = [
    "你好",
    "您好",
    "侬好",
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
    "在伐",
    "在不在",
    "有人吗",
    "谢谢侬",
    "谢谢",
    "多谢",
    "感谢",
    "辛苦了",
    "麻烦了",
    "再会",
    "再见",
    "拜拜",
    "好的",
    "知道了",
    "晓得了",
    "明白了",
    "懂了",
    "收到",
    "没事了",
    "嗯嗯",
    "嗯",
    "hello",
    "hi",
    "hey",
    "thankyou",
    "thanks",
    "goodmorning",
    "bye",
    "ok",
];
/// What may follow a greeting and is still small talk.
const TAILS: [&str; 14] = ["小申", "啊", "呀", "哦", "吗", "你", "您", "侬", "了", "喔", "噢", "伐", "一下", "请问"];

/// Small talk that wants more than a greeting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmallTalk {
    /// "Thank you", "I see".
    Thanks,
    /// "Good-bye".
    Farewell,
    /// "Who are you?"
    Who,
}

const THANKS: [&str; 16] = [
    "谢谢",
    "谢了",
    "多谢",
    "感谢",
    "辛苦了",
    "麻烦了",
    "好的",
    "知道了",
    "晓得了",
    "明白了",
    "懂了",
    "收到",
    "没事了",
    "thank",
    "thanks",
    "ok",
];
const FAREWELL: [&str; 5] = ["再会", "再见", "拜拜", "晚安", "bye"];
const WHO: [&str; 14] = [
    "你是谁",
    "侬是啥人",
    "你是什么",
    "你叫什么",
    "你叫啥",
    "你会什么",
    "你会啥",
    "你能做什么",
    "你能干什么",
    "你能干嘛",
    "你可以做什么",
    "你是机器人吗",
    "whoareyou",
    "whatcanyoudo",
];
/// Nobody who writes one of these means only a question. Words that stand in names of offices and illnesses are not among them.
const RUDE: [&str; 23] = [
    "傻逼",
    "傻b",
    "煞笔",
    "沙比",
    "妈的",
    "他妈",
    "你妈",
    "尼玛",
    "草泥马",
    "操你",
    "滚蛋",
    "滚开",
    "你个废物",
    "真是废物",
    "垃圾机器人",
    "弱智",
    "白痴",
    "智障机器人",
    "蠢货",
    "去死",
    "狗屁",
    "fuck",
    "shit",
];

/// What kind of small talk it is, beside a greeting.
#[must_use]
pub fn small_talk(message: &str) -> Option<SmallTalk> {
    let text = crate::text::normalise(message);
    // Nothing before it but a greeting, nothing after it but a word of asking.
    let is_alone =
        |(before, after): (&str, &str)| (before.is_empty() || is_greeting(before)) && after.chars().count() <= 2;
    if WHO.iter().any(|word| text.split_once(word).is_some_and(is_alone)) {
        return Some(SmallTalk::Who);
    }
    let is_small = is_greeting(&text);
    let has = |words: &[&str]| is_small && words.iter().any(|word| text.contains(word));
    if has(&FAREWELL) {
        return Some(SmallTalk::Farewell);
    }
    has(&THANKS).then_some(SmallTalk::Thanks)
}

/// Is the message abuse and nothing else? A rude question is a question, and `他妈妈的户口` is not even rude.
#[must_use]
pub fn is_only_rude(message: &str) -> bool {
    let text = crate::text::normalise(message);
    contains_any(&text, &RUDE) && crate::text::is_stop(&without(&text, &RUDE).replace('|', ""))
}

/// Why a person must take over, when the message itself says so; danger first.
pub(crate) fn hand_over(text: &str) -> Option<HandOverReason> {
    if contains_any(&without(text, &NOT_EMERGENCY), &EMERGENCY) || calls_emergency_number(text) {
        return Some(HandOverReason::Emergency);
    }
    if contains_any(&without(text, &NOT_COMPLAINT), &COMPLAINT) {
        return Some(HandOverReason::Complaint);
    }
    contains_any(&without(text, &NOT_A_PERSON), &WANTS_PERSON).then_some(HandOverReason::WantsPerson)
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

/// A mark takes the place of each word, so that what stood on both sides of it does not become a word.
fn without(text: &str, words: &[&str]) -> String {
    words.iter().fold(text.to_owned(), |rest, word| rest.replace(word, "|"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thanks_a_farewell_and_who_are_you_are_told_apart_from_questions() {
        for (text, kind) in [
            ("谢谢！", Some(SmallTalk::Thanks)),
            ("好的，谢谢侬", Some(SmallTalk::Thanks)),
            ("OK", Some(SmallTalk::Thanks)),
            ("再见", Some(SmallTalk::Farewell)),
            ("谢谢，再会", Some(SmallTalk::Farewell)),
            ("你是谁？", Some(SmallTalk::Who)),
            ("你好，你是机器人吗", Some(SmallTalk::Who)),
            ("Who are you?", Some(SmallTalk::Who)),
            ("你好", None),
            ("你是谁负责的部门怎么查", None),
            ("谢谢，居住证怎么办", None),
            ("感谢信往哪里寄", None),
        ] {
            assert_eq!(small_talk(text), kind, "{text}");
        }
    }

    #[test]
    fn abuse_alone_is_told_from_rude_questions_and_from_words_of_offices() {
        for (text, rude) in [
            ("你个废物", true),
            ("他妈的", true),
            ("他妈的居住证怎么办", false),
            ("他妈妈的户口怎么迁", false),
            ("fuck", true),
            ("垃圾分类怎么投诉", false),
            ("残疾证智力残疾几级", false),
            ("废物利用补贴", false),
        ] {
            assert_eq!(is_only_rude(text), rude, "{text}");
        }
    }
}
