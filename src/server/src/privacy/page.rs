//! The page in an export that a person can read without us: plain HTML, no script, nothing from elsewhere.

use std::fmt::Write as _;

use bangban_domain::{
    Timestamp,
    action::{ActionKind, ActionStepKind, Walk},
    guide::{Checklist, ChecklistLine},
};
use bangban_protocol::{ActionOutcome, Party, ThreadBody, ThreadEntry};

use super::people::{ConversationData, PersonData};

const HEAD: &str = "<!doctype html><html lang=\"zh-CN\"><meta charset=\"utf-8\">\
<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\
<title>个人数据副本</title>\
<style>body{font:16px/1.6 system-ui,sans-serif;max-width:48rem;margin:2rem auto;padding:0 1rem;color:#1f2329}\
h2{margin-top:2.5rem;border-top:1px solid #dee0e3;padding-top:1.5rem}dt{color:#51565d}dd{margin:0 0 .5rem}\
li{margin:.5rem 0}time{color:#51565d;font-size:.875rem}</style>";

/// As in text of HTML.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe += "&amp;",
            '<' => safe += "&lt;",
            '>' => safe += "&gt;",
            '"' => safe += "&quot;",
            '\'' => safe += "&#39;",
            other => safe.push(other),
        }
    }
    safe
}

/// In Shanghai.
fn time(at: Timestamp) -> String {
    let zone = jiff::tz::Offset::constant(8).to_time_zone();
    jiff::Timestamp::from_millisecond(at.0)
        .map(|at| at.to_zoned(zone).strftime("%Y-%m-%d %H:%M:%S").to_string())
        .unwrap_or_default()
}

fn speaker(from: &Party) -> String {
    match from {
        Party::Citizen => "本人".to_owned(),
        Party::Bot => "小申".to_owned(),
        Party::System => "系统".to_owned(),
        Party::Agent { name, .. } => format!("工作人员 {name}"),
    }
}

/// A checklist, line by line.
fn guide_text(list: &Checklist) -> String {
    let named = |title: &str, lines: &[ChecklistLine]| {
        let lines = lines.iter().map(|line| match line.detail.as_str() {
            "" => format!("- {}", line.name),
            detail => format!("- {}：{detail}", line.name),
        });
        std::iter::once(title.to_owned()).chain(lines).collect::<Vec<_>>()
    };
    let mut text = vec![format!("办事清单：{}", list.name)];
    for (title, lines) in [("办理条件", &list.conditions), ("所需材料", &list.materials)] {
        if !lines.is_empty() {
            text.extend(named(title, lines));
        }
    }
    let facts = [("在哪里办", &list.place), ("多久", &list.duration), ("费用", &list.cost), ("办理入口", &list.link)];
    text.extend(facts.iter().filter(|(_, fact)| !fact.is_empty()).map(|(name, fact)| format!("{name}：{fact}")));
    text.push(format!("依据：{}", list.source));
    text.join("\n")
}

const fn action_name(kind: ActionKind) -> &'static str {
    match kind {
        ActionKind::Book => "办事预约",
        ActionKind::Change => "改约",
        ActionKind::Cancel => "取消预约",
        ActionKind::Progress => "查进度",
        ActionKind::Apply => "去申请",
    }
}

/// What became of an action.
fn action_text(walk: &Walk, outcome: &ActionOutcome) -> String {
    let name = action_name(walk.kind);
    match outcome {
        ActionOutcome::Done { appointment: own } => {
            let (from, to) = (time(own.starts_at), time(own.ends_at));
            format!("{name}已办成：{}，{}，{from} 至 {to}，预约号 {}", own.item_name, own.hall_name, own.number)
        }
        ActionOutcome::Progress { case } => {
            let note = if case.note.is_empty() { String::new() } else { format!("；{}", case.note) };
            format!("办件 {}（{}）：{}{note}", case.number, case.item_name, case.step)
        }
        ActionOutcome::Link { url } => format!("申请入口：{url}"),
        ActionOutcome::Left => format!("{name}：没有办理"),
        ActionOutcome::Unknown => format!("{name}：结果尚未确认"),
        ActionOutcome::Failed { .. } => format!("{name}：没有办成"),
    }
}

/// What was said; what merely happened is in the JSON.
fn words(body: &ThreadBody) -> Option<String> {
    Some(match body {
        ThreadBody::BotAnswer { text, rephrased: Some(words), .. } => format!("{}（官方口径：{text}）", words.text),
        ThreadBody::Text { text, .. } | ThreadBody::BotAnswer { text, .. } | ThreadBody::Note { text } => text.clone(),
        ThreadBody::Image { name, .. } => format!("[图片] {name}"),
        ThreadBody::File { name, .. } => format!("[文件] {name}"),
        ThreadBody::Voice { duration_ms, .. } => format!("[语音] {} 秒", duration_ms / 1_000),
        ThreadBody::GuideStarted { item_name, .. } => format!("[按步骤引导] {item_name}"),
        ThreadBody::GuideAsked { text, .. } => text.clone(),
        ThreadBody::GuideStepped { label, .. } if !label.is_empty() => label.clone(),
        ThreadBody::GuideChecklist { checklist, .. } => guide_text(checklist),
        ThreadBody::ActionStarted { kind, item_name } => format!("[{}] {item_name}", action_name(*kind)),
        ThreadBody::ActionStepped { step, label, .. } => match step {
            ActionStepKind::Choose => label.clone(),
            ActionStepKind::Back => "返回上一步".to_owned(),
            ActionStepKind::Confirm => "确认办理".to_owned(),
            ActionStepKind::Leave => "不办了".to_owned(),
        },
        ThreadBody::ActionEnded { walk, outcome } => action_text(walk, outcome),
        ThreadBody::MessageLeft { receipt, .. } => format!("留言回执 {receipt}"),
        ThreadBody::Rated { stars } => format!("评价 {stars} 星"),
        _ => return None,
    })
}

fn list(page: &mut String, title: &str, entries: &[ThreadEntry]) {
    let lines: Vec<String> = entries
        .iter()
        .filter_map(|entry| {
            let text = escaped(&words(&entry.body)?).replace('\n', "<br>");
            let who = escaped(&speaker(&entry.from));
            Some(format!("<li><time>{}</time> <b>{who}</b><br>{text}</li>", time(entry.at)))
        })
        .collect();
    if !lines.is_empty() {
        // Writing to a string does not fail.
        let _ = write!(page, "<h3>{title}</h3><ol>{}</ol>", lines.concat());
    }
}

/// The begin of the page.
pub(super) fn head(person: &PersonData, at: Timestamp) -> String {
    let mut page = HEAD.to_owned();
    let _ = write!(page, "<h1>个人数据副本</h1><p>生成时间 {}。完整数据见同一压缩包中的 JSON 文件。</p><dl>", time(at));
    for (name, value) in [
        ("编号", person.id.to_string()),
        ("姓名或名称", person.name.clone()),
        ("实名等级", person.level.clone()),
        ("电话", person.phone.clone().unwrap_or_default()),
        ("统一社会信用代码", person.credit_code.clone().unwrap_or_default()),
        ("最近使用", time(person.seen_at)),
    ] {
        if !value.is_empty() {
            let _ = write!(page, "<dt>{name}</dt><dd>{}</dd>", escaped(&value));
        }
    }
    page + "</dl>"
}

/// One conversation.
pub(super) fn conversation(data: &ConversationData) -> String {
    let mut page = format!("<h2>帮办 {}</h2><dl>", time(data.opened_at));
    for (name, value) in [
        ("编号", data.id.to_string()),
        ("事项", data.item.clone().unwrap_or_default()),
        ("回电号码", data.call_back_phone.clone().unwrap_or_default()),
        ("评价", data.comment.clone().unwrap_or_default()),
    ] {
        if !value.is_empty() {
            let _ = write!(page, "<dt>{name}</dt><dd>{}</dd>", escaped(&value));
        }
    }
    page += "</dl>";
    list(&mut page, "对话", &data.thread);
    list(&mut page, "工作人员的内部备注", &data.notes);
    if !data.withheld.is_empty() {
        let _ = write!(
            page,
            "<p>另有 {} 条值班长对工作人员的工作指示未随附（主要涉及工作人员）；其中如有关于您的个人信息，可申请由专人核对后提供。</p>",
            data.withheld.len()
        );
    }
    page
}

#[cfg(test)]
mod tests {
    use bangban_domain::{CitizenId, words::CitizenKind};

    use super::*;

    #[test]
    fn nothing_in_the_data_can_become_markup() {
        let person = PersonData {
            id: CitizenId::new(1),
            name: "<script>alert(1)</script>".to_owned(),
            kind: CitizenKind::Person,
            level: "\"onload='x'".to_owned(),
            phone: None,
            credit_code: None,
            seen_at: Timestamp(0),
        };
        let page = head(&person, Timestamp(1_795_838_400_000));
        assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;") && page.contains("&quot;onload=&#39;x&#39;"));
        assert!(!page.contains("<script") && page.contains("2026-11-28 12:00:00"));
    }
}
