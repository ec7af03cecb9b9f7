//! What is told: templates with checked placeholders, and the hours in which nobody is disturbed.

use std::collections::BTreeMap;

use crate::{
    Timestamp,
    calendar::{date_of, midnight},
    time::{DAY, Millis},
    words::{Language, words},
};

words! {
    /// What is told.
    MessageKind {
        /// To whoever asked: there is an answer now.
        AnswerFound = "answer_found",
        /// To staff: half of a task's time is over.
        TaskHalf = "task_half",
        /// To staff: a task is due in one working day.
        TaskEve = "task_eve",
        /// To staff: a task is overdue.
        TaskOverdue = "task_overdue",
        /// To staff: an answer was published after its policy's deadline, for a reason.
        PublishedLate = "published_late",
        /// To the agent: what became of what they wrote back.
        WriteBack = "write_back",
    }
}

words! {
    /// What became of what an agent wrote back.
    WriteBackOutcome {
        /// It is the official answer now.
        Published = "published",
        /// A second person wants it written otherwise.
        SentBack = "sent_back",
        /// It was given up.
        GivenUp = "given_up",
    }
}

impl WriteBackOutcome {
    /// As people read it.
    #[must_use]
    pub const fn shown(self, language: Language) -> &'static str {
        match (self, language) {
            (Self::Published, Language::Chinese) => "已审核发布，小申和同事都会使用",
            (Self::Published, Language::English) => "published; 小申 and colleagues use it now",
            (Self::SentBack, Language::Chinese) => "已退回维护人员修改",
            (Self::SentBack, Language::English) => "sent back to the editors",
            (Self::GivenUp, Language::Chinese) => "未采用",
            (Self::GivenUp, Language::English) => "not taken",
        }
    }
}

/// A template that cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// Nothing in it.
    #[error("must not be empty")]
    Empty,
    /// Too long for a short message.
    #[error("must have at most {0} characters")]
    TooLong(usize),
    /// A brace that is not closed, or closes nothing.
    #[error("a placeholder is written {{name}}")]
    Brace,
    /// A placeholder that this message does not have.
    #[error("{{{0}}} is no placeholder of this message; it has {1}")]
    Unknown(String, String),
    /// One without which nobody would know what it is about.
    #[error("{{{0}}} is missing")]
    Missing(&'static str),
}

/// Longest template: a short message of several parts.
const MAX_TEMPLATE: usize = 300;

/// The placeholders of a message; the first one has to be in its template.
#[must_use]
pub const fn placeholders(message: MessageKind) -> &'static [&'static str] {
    match message {
        MessageKind::AnswerFound => &["question", "source"],
        MessageKind::TaskHalf | MessageKind::TaskEve | MessageKind::TaskOverdue => &["question", "due", "unit"],
        MessageKind::PublishedLate => &["question", "due", "unit", "reason"],
        MessageKind::WriteBack => &["question", "outcome", "reason"],
    }
}

impl MessageKind {
    /// The words that hold as long as nobody writes others.
    #[must_use]
    pub const fn usual(self, language: Language) -> &'static str {
        match (self, language) {
            (Self::AnswerFound, Language::Chinese) => {
                "您咨询的“{question}”已有答复（来源：{source}），请到一网通办“我的咨询”查看。"
            }
            (Self::AnswerFound, Language::English) => {
                "Your question \"{question}\" has an answer now (source: {source}). Read it under My questions on the portal."
            }
            (Self::TaskHalf, Language::Chinese) => "任务“{question}”时间过半，{due} 前需完成（{unit}）。",
            (Self::TaskHalf, Language::English) => "Half of the time for \"{question}\" is over; due {due} ({unit}).",
            (Self::TaskEve, Language::Chinese) => "任务“{question}”还有一个工作日到期：{due}（{unit}）。",
            (Self::TaskEve, Language::English) => "\"{question}\" is due in one working day: {due} ({unit}).",
            (Self::TaskOverdue, Language::Chinese) => "任务“{question}”已逾期，应于 {due} 前完成（{unit}）。",
            (Self::TaskOverdue, Language::English) => "\"{question}\" is overdue; it was due {due} ({unit}).",
            (Self::PublishedLate, Language::Chinese) => {
                "政策问答“{question}”逾期发布，应于 {due} 前完成（{unit}）。理由：{reason}"
            }
            (Self::PublishedLate, Language::English) => {
                "The answer to \"{question}\" was published after {due} ({unit}). Reason: {reason}"
            }
            (Self::WriteBack, Language::Chinese) => "您写回的“{question}”{outcome}。{reason}",
            (Self::WriteBack, Language::English) => "What you wrote back, \"{question}\": {outcome}. {reason}",
        }
    }
}

/// A piece of a template.
enum Piece<'a> {
    /// As it stands.
    Text(&'a str),
    /// To be filled in.
    Hole(&'a str),
}

fn pieces(template: &str) -> Result<Vec<Piece<'_>>, TemplateError> {
    let mut pieces = Vec::new();
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        let inner = rest[at..].strip_prefix('{').ok_or(TemplateError::Brace)?;
        let end = inner.find(['{', '}']).filter(|end| inner[*end..].starts_with('}')).ok_or(TemplateError::Brace)?;
        pieces.push(Piece::Text(&rest[..at]));
        pieces.push(Piece::Hole(&inner[..end]));
        rest = &inner[end + 1..];
    }
    pieces.push(Piece::Text(rest));
    Ok(pieces)
}

/// Can it be the template of this message?
///
/// # Errors
/// [`TemplateError`] says what is wrong.
pub fn check_template(message: MessageKind, template: &str) -> Result<(), TemplateError> {
    if template.trim().is_empty() {
        return Err(TemplateError::Empty);
    }
    if template.chars().count() > MAX_TEMPLATE {
        return Err(TemplateError::TooLong(MAX_TEMPLATE));
    }
    let known = placeholders(message);
    let hole = |piece| match piece {
        Piece::Hole(name) => Some(name),
        Piece::Text(_) => None,
    };
    let found: Vec<&str> = pieces(template)?.into_iter().filter_map(hole).collect();
    if let Some(unknown) = found.iter().find(|name| !known.contains(name)) {
        let names: Vec<String> = known.iter().map(|name| format!("{{{name}}}")).collect();
        return Err(TemplateError::Unknown((*unknown).to_owned(), names.join(", ")));
    }
    match known.first() {
        Some(first) if !found.contains(first) => Err(TemplateError::Missing(first)),
        _ => Ok(()),
    }
}

/// The template with its placeholders filled; one without a value stays empty. What is filled in is not read as a template.
#[must_use]
pub fn fill(template: &str, values: &BTreeMap<String, String>) -> String {
    // Was checked before it was stored; shown as it is, it still says something.
    let Ok(pieces) = pieces(template) else { return template.to_owned() };
    let filled = pieces.into_iter().map(|piece| match piece {
        Piece::Text(text) => text,
        Piece::Hole(name) => values.get(name).map_or("", String::as_str),
    });
    filled.collect()
}

/// When a message that is ready at `at` may disturb somebody: at once, or at the end of the quiet hours, which may pass
/// midnight. `from` and `to` are times of the day; the same ones mean that no hour is quiet.
#[must_use]
pub fn quiet_until(at: Timestamp, from: Millis, to: Millis) -> Timestamp {
    let start = midnight(date_of(at));
    let of_day = at.since(start);
    let is_quiet = if from <= to { (from..to).contains(&of_day) } else { of_day >= from || of_day < to };
    match is_quiet {
        false => at,
        true if of_day < to => start + to,
        true => start + DAY + to,
    }
}
