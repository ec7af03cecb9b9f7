//! What of a message is a wish for an action. Rules, and few: a wish that is not seen is answered like any question, and the
//! answer offers the action; a question that is taken for a wish is not answered.

use super::ActionKind;

const PROGRESS: [&str; 12] = [
    "查进度",
    "查询进度",
    "进度查询",
    "办理进度",
    "办件进度",
    "审批进度",
    "办到哪",
    "到哪一步",
    "到哪步",
    "审到哪",
    "查办件",
    "checkprogress",
];
const CANCEL: [&str; 5] = ["取消", "退掉", "撤销", "退了", "cancel"];
const CHANGE: [&str; 9] = ["改", "换", "调整", "推迟", "提前", "挪", "延后", "reschedule", "change"];
const APPOINTMENT: [&str; 4] = ["预约", "约好的", "约的时间", "appointment"];
/// Say it all.
const CHANGE_ALONE: [&str; 3] = ["改约", "换个时间办", "reschedule"];
const APPLY: [&str; 6] = ["去申请", "开始申请", "申请入口", "办理入口", "在线申请入口", "applyonline"];
const BOOK: [&str; 16] = [
    "我要预约",
    "我想预约",
    "想预约",
    "帮我预约",
    "给我预约",
    "替我预约",
    "预约一下",
    "约个时间",
    "约个号",
    "预约取号",
    "预约窗口",
    "预约办理",
    "要预约个",
    "办事预约",
    "bookanappointment",
    "makeanappointment",
];

/// Questions about how it is done, not wishes that it be done.
const QUESTIONS: [&str; 16] = [
    "怎么",
    "如何",
    "怎样",
    "哪能",
    "哪里",
    "啥",
    "什么",
    "多久",
    "多少",
    "几天",
    "需要预约",
    "要不要",
    "是否",
    "多长",
    "howdo",
    "howto",
];
/// "Can it be ...?" is a question unless somebody is asked to do it.
const WHETHER: [&str; 8] = ["吗", "么", "伐", "可以", "能不能", "能否", "可不可以", "行不行"];
const PLEASE: [&str; 4] = ["帮我", "给我", "替我", "请帮"];
/// Nobody wants it.
const REFUSED: [&str; 10] = ["不用", "不要", "不想", "没有预约", "没预约", "别", "不需要", "无需", "未预约", "不能"];

fn has(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| text.contains(word))
}

/// The action that a message wishes for.
#[must_use]
pub fn wanted(message: &str) -> Option<ActionKind> {
    let text: String = message.chars().filter(|letter| letter.is_alphanumeric()).collect::<String>().to_lowercase();
    if has(&text, &REFUSED) {
        return None;
    }
    // Where it is: a question by its form, and a wish all the same.
    if has(&text, &PROGRESS) && !has(&text, &["怎么", "如何", "怎样", "哪能", "哪里"]) {
        return Some(ActionKind::Progress);
    }
    let asks = has(&text, &QUESTIONS) || (has(&text, &WHETHER) && !has(&text, &PLEASE));
    if asks {
        return None;
    }
    let is_about = has(&text, &APPOINTMENT);
    if is_about && has(&text, &CANCEL) {
        return Some(ActionKind::Cancel);
    }
    if has(&text, &CHANGE_ALONE) || (is_about && has(&text, &CHANGE)) {
        return Some(ActionKind::Change);
    }
    if has(&text, &BOOK) || text == "预约" {
        return Some(ActionKind::Book);
    }
    has(&text, &APPLY).then_some(ActionKind::Apply)
}
