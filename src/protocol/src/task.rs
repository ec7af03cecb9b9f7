//! Tasks with deadlines, the register of policies and what is told to people, over REST (docs/tasks.md).

use bangban_domain::{
    AgentId, CallId, NoticeId, PolicyId, TaskId, Timestamp,
    task::{MessageChannel, MessageKind, OutboxState, TaskEvent, TaskKind, TaskState},
    words::Language,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A task in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct TaskLine {
    /// Which.
    pub id: TaskId,
    /// What a step names.
    pub version: u64,
    /// What it is about.
    pub kind: TaskKind,
    /// Where it stands.
    pub state: TaskState,
    /// Code of the unit that owes it.
    pub unit: String,
    /// Its name.
    pub unit_name: String,
    /// Code of the item.
    pub item: Option<String>,
    /// Its name.
    pub item_name: Option<String>,
    /// The question, masked.
    pub question: String,
    /// Begin.
    pub opened_at: Timestamp,
    /// Deadline.
    pub due_at: Timestamp,
    /// As it was promised first.
    pub first_due_at: Timestamp,
    /// A year whose holidays are not published took part.
    pub provisional: bool,
    /// Who works on it.
    pub assignee: Option<AgentId>,
    /// Their name.
    pub assignee_name: Option<String>,
    /// Conversations in which it was asked.
    pub askers: u64,
    /// The policy that needs it.
    pub policy: Option<PolicyId>,
    /// The entry that is to be corrected, or that answers it.
    pub entry: Option<String>,
    /// Its revision.
    pub revision: Option<u64>,
    /// When it was done or dropped.
    pub settled_at: Option<Timestamp>,
    /// Was it finished by the due time? null: neither finished nor due.
    pub in_time: Option<bool>,
    /// May the reader work on it?
    pub may_work: bool,
    /// Of a call-back: after which call.
    pub call: Option<CallId>,
}

/// A page of tasks, the first due first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct TaskPage {
    /// Tasks.
    pub tasks: Vec<TaskLine>,
    /// `after` of the next page.
    pub next: Option<TaskId>,
    /// The server's time, by which deadlines are judged.
    pub now: Timestamp,
}

/// A line of a task's history.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct TaskHistoryLine {
    /// When.
    pub at: Timestamp,
    /// Name of the member of staff; null: the server, or the citizen.
    pub by_name: Option<String>,
    /// What.
    pub what: TaskEvent,
    /// Why, where somebody said so.
    pub reason: Option<String>,
    /// Of another unit or deadline: what was there before, as a code or in milliseconds.
    pub before: Option<String>,
    /// ... and after; of a reminder, how many were told; of a call in vain, its cause.
    pub after: Option<String>,
    /// Of a reminder: the step.
    pub step: Option<String>,
}

/// A task with its history.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct TaskView {
    /// The task.
    pub task: TaskLine,
    /// Why it was dropped.
    pub reason: Option<String>,
    /// The oldest line first.
    pub history: Vec<TaskHistoryLine>,
}

/// Body of `POST /api/tasks/{id}/step`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(deny_unknown_fields)]
pub struct TaskStep {
    /// The version that it was made from.
    pub version: u64,
    /// `working`: I begin; `open`: I put it back; `dropped`: it needs no entry, or the caller cannot be reached; `done`: only of
    /// a call-back, which was settled in another way.
    pub to: TaskState,
    /// Why, or how; with `dropped` and `done`, and only there.
    #[serde(default)]
    #[schema(max_length = 500)]
    pub reason: String,
}

/// Body of `POST /api/tasks/{id}/reassign`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(deny_unknown_fields)]
pub struct TaskReassign {
    /// The version that it was made from.
    pub version: u64,
    /// Code of the unit that owes it from now on.
    #[schema(min_length = 1, max_length = 64)]
    pub unit: String,
    /// Why.
    #[schema(min_length = 4, max_length = 500)]
    pub reason: String,
}

/// Body of `POST /api/tasks/corrections`: an entry is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(deny_unknown_fields)]
pub struct CorrectionOrder {
    /// The entry.
    #[schema(min_length = 1, max_length = 64)]
    pub entry: String,
    /// What is wrong with it.
    #[schema(min_length = 4, max_length = 200)]
    pub text: String,
}

/// How a unit has kept its deadlines (DOMAIN, on-time rate: finished by the due time / due).
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct OnTimeLine {
    /// Code of the unit.
    pub unit: String,
    /// Its name.
    pub unit_name: String,
    /// Numerator.
    pub in_time: u64,
    /// Denominator.
    pub due: u64,
    /// Owed, not due yet.
    pub owed: u64,
    /// Owed and overdue.
    pub overdue: u64,
}

/// On-time rates of a time.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct OnTimeRates {
    /// Of all units together.
    pub total: OnTimeLine,
    /// Apart.
    pub units: Vec<OnTimeLine>,
    /// As of.
    pub now: Timestamp,
}

/// A question that a policy needs answered.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(deny_unknown_fields)]
pub struct PolicyQuestion {
    /// The question.
    #[schema(min_length = 1, max_length = 200)]
    pub question: String,
    /// Code of the item.
    #[serde(default)]
    pub item: Option<String>,
}

/// Body of `POST /api/policies`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PolicyOrder {
    /// Code of the unit that owes the answers.
    #[schema(min_length = 1, max_length = 64)]
    pub unit: String,
    /// What it is called.
    #[schema(min_length = 1, max_length = 200)]
    pub title: String,
    /// Number of the document; may be empty.
    #[serde(default)]
    #[schema(max_length = 100)]
    pub document: String,
    /// The day from which it holds, e.g. `2026-12-01`.
    #[schema(format = Date)]
    pub effective_on: String,
    /// What it needs answered, at most 100.
    pub questions: Vec<PolicyQuestion>,
}

/// A registered policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct PolicyView {
    /// Which.
    pub id: PolicyId,
    /// Code of the unit.
    pub unit: String,
    /// Its name.
    pub unit_name: String,
    /// What it is called.
    pub title: String,
    /// Number of the document.
    pub document: String,
    /// From when on it holds.
    pub effective_at: Timestamp,
    /// When it was registered.
    pub registered_at: Timestamp,
    /// By whom.
    pub registered_by_name: Option<String>,
    /// Its tasks, the first due first; at most 100.
    pub tasks: Vec<TaskLine>,
}

/// A page of policies, the last in force first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct PolicyPage {
    /// Policies.
    pub policies: Vec<PolicyView>,
    /// `before` of the next page.
    pub next: Option<PolicyId>,
    /// The server's time.
    pub now: Timestamp,
}

/// A message of the outbox. Whom it goes to is masked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct OutboxLine {
    /// Which.
    pub id: NoticeId,
    /// The way.
    pub channel: MessageChannel,
    /// What.
    pub message: MessageKind,
    /// To whom, masked.
    pub to: String,
    /// What they read.
    pub text: String,
    /// The task that it is about.
    pub task: Option<TaskId>,
    /// What became of it.
    pub state: OutboxState,
    /// When it was written.
    pub made_at: Timestamp,
    /// Next attempt.
    pub due_at: Timestamp,
    /// Attempts that have failed.
    pub attempts: u32,
    /// Why the last one failed.
    pub error: Option<String>,
    /// When it was sent, given up or dropped.
    pub settled_at: Option<Timestamp>,
    /// It only went into the sink.
    pub sunk: bool,
}

/// A page of messages, the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct OutboxPage {
    /// Messages.
    pub messages: Vec<OutboxLine>,
    /// `before` of the next page.
    pub next: Option<NoticeId>,
    /// How many wait, were sent, are given up, were dropped, by state.
    pub counts: Vec<OutboxCount>,
    /// Receivers that are left alone for a while because they do not answer.
    pub paused: Vec<String>,
}

/// Messages in one state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct OutboxCount {
    /// The state.
    pub state: OutboxState,
    /// So many.
    pub count: u64,
}

/// The words of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct TemplateView {
    /// Of which message.
    pub message: MessageKind,
    /// In which language.
    pub language: Language,
    /// The words that hold.
    pub text: String,
    /// The words that hold as long as nobody writes others.
    pub usual: String,
    /// What may stand in it; the first one has to.
    pub placeholders: Vec<String>,
    /// 0: the usual words.
    pub version: u64,
}

/// Body of `PUT /api/templates`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(deny_unknown_fields)]
pub struct TemplateOrder {
    /// Of which message.
    pub message: MessageKind,
    /// In which language.
    pub language: Language,
    /// The version that it was made from.
    pub version: u64,
    /// The words.
    #[schema(min_length = 1, max_length = 300)]
    pub text: String,
}

/// What a citizen wants to be told by; `GET` and body of `PUT /api/citizen/channels`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(deny_unknown_fields)]
pub struct WantedChannels {
    /// Short messages.
    pub sms: bool,
    /// Messages of the portal.
    pub portal: bool,
}
