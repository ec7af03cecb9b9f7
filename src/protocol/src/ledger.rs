//! The ledger of one conversation: what was promised, what became of it, and the arithmetic between the two.

use bangban_domain::{
    ConversationId, Timestamp,
    ledger::{Promise, Step},
    time::Millis,
    words::Channel,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a row of the ledger comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "snake_case")]
pub enum LedgerState {
    /// Not due yet.
    Running,
    /// Due, and nobody has answered.
    Overdue,
    /// Answered in time.
    Hit,
    /// Answered late, or not owed any more only after it was due.
    Miss,
    /// Not owed any more before it was due: in no figure.
    Released,
    /// Taken out of the figures by a correction.
    Excused,
}

/// A policy as it stood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct LedgerPolicy {
    /// Code of its record.
    pub id: String,
    /// Which state of the record.
    #[cfg_attr(test, ts(type = "number"))]
    pub version: u64,
    /// Its name today; `None`: it is not there any more.
    pub name: Option<String>,
}

/// A stretch of service time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct LedgerSpan {
    /// Begin.
    pub from: Timestamp,
    /// End.
    pub to: Timestamp,
}

/// A correction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct LedgerCorrection {
    /// When.
    pub at: Timestamp,
    /// Name of who made it.
    pub by_name: String,
    /// What it says.
    pub verdict: CorrectionVerdict,
    /// The answer's instant, of `answered`.
    pub answered_at: Option<Timestamp>,
    /// Why; empty once the conversation's texts were deleted.
    pub reason: String,
}

/// A row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct LedgerLine {
    /// Of what.
    pub promise: Promise,
    /// Number; next responses are counted apart from requests for a human.
    pub no: u32,
    /// What it comes to.
    pub state: LedgerState,
    /// By which policy; `None`: the configuration's.
    pub policy: Option<LedgerPolicy>,
    /// Begin.
    pub asked_at: Timestamp,
    /// How long was promised, in milliseconds.
    #[schema(value_type = i64)]
    #[cfg_attr(test, ts(type = "number"))]
    pub span: Millis,
    /// The time that is counted: of a first response without a break (rule 1), of a next response service time.
    pub counted: Vec<LedgerSpan>,
    /// End.
    pub due_at: Timestamp,
    /// When it was due before a year's holidays were published.
    pub due_before: Option<Timestamp>,
    /// Of a next response: when what follows.
    pub steps: Vec<Step>,
    /// How many of them were reached.
    pub reached: u32,
    /// Of the others: when the agent was warned, supervisors alerted, the promise broken, as far as that came.
    pub stepped: Vec<Timestamp>,
    /// The answer, as it counts.
    pub answered_at: Option<Timestamp>,
    /// Who gave it.
    pub answered_by: Option<String>,
    /// Left, or not owed any more.
    pub left_at: Option<Timestamp>,
    /// It was corrected; `measured_at` is what was measured.
    pub corrected: bool,
    /// The answer as it was measured.
    pub measured_at: Option<Timestamp>,
    /// In their order.
    pub corrections: Vec<LedgerCorrection>,
}

/// A promised call-back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct LedgerSlot {
    /// The receipt.
    pub receipt: String,
    /// Begin of the slot.
    pub from: Timestamp,
    /// End of the slot.
    pub to: Timestamp,
    /// A human's response.
    pub answered_at: Option<Timestamp>,
    /// Was it kept? `None`: the slot is not over, or the citizen took it back.
    pub kept: Option<bool>,
}

/// All that was promised in one conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct LedgerView {
    /// Which.
    pub conversation: ConversationId,
    /// Now.
    pub as_of: Timestamp,
    /// Name of its team.
    pub team_name: String,
    /// Name of its item.
    pub item_name: Option<String>,
    /// Where from.
    pub channel: Channel,
    /// May who asks correct it?
    pub can_correct: bool,
    /// By when they were asked for.
    pub rows: Vec<LedgerLine>,
    /// Call-backs.
    pub slots: Vec<LedgerSlot>,
}

/// What a correction says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "snake_case")]
pub enum CorrectionVerdict {
    /// It was answered at another instant, e.g. by telephone.
    Answered,
    /// It is in no figure, e.g. because of a fault of the system.
    Excused,
    /// What was measured counts again.
    Withdrawn,
}

/// A correction that is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Correct {
    /// Of what.
    pub promise: Promise,
    /// Which one.
    pub no: u32,
    /// What counts from now on.
    pub verdict: CorrectionVerdict,
    /// When it was answered; with `answered`, and only there.
    #[serde(default)]
    pub answered_at: Option<Timestamp>,
    /// Why.
    pub reason: String,
}
