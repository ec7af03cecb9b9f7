//! Quality inspection over REST (docs/administration.md).

use bangban_domain::{
    AgentId, ConversationId, InspectionId, Timestamp,
    org::ScoreCard,
    quality::{DrawReason, InspectionState},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ThreadEntry;

/// What is said to one question of the card.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(deny_unknown_fields)]
pub struct InspectionAnswer {
    /// Points; null as long as none are given.
    pub points: Option<u32>,
    /// Why; empty: nothing is said.
    #[schema(max_length = 1000)]
    pub comment: String,
    /// Position of the message that the comment is about.
    pub seq: Option<u64>,
}

/// Body of `PUT /api/quality/inspections/{id}` (a draft) and of `POST .../submit`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(deny_unknown_fields)]
pub struct InspectionPut {
    /// The version that it was made from.
    pub version: u64,
    /// One for each question of the card, in its order.
    pub answers: Vec<InspectionAnswer>,
    /// What is said to the whole.
    #[schema(max_length = 2000)]
    pub summary: String,
}

/// Body of `POST /api/quality/inspections/{id}/appeal`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(deny_unknown_fields)]
pub struct InspectionAppeal {
    /// The version that it was made from.
    pub version: u64,
    /// Why.
    #[schema(min_length = 4, max_length = 1000)]
    pub reason: String,
}

/// Body of `POST /api/quality/inspections/{id}/decide`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(deny_unknown_fields)]
pub struct InspectionDecision {
    /// The version that it was made from.
    pub version: u64,
    /// Points of each question from now on; the same as before if the appeal is refused.
    pub points: Vec<u32>,
    /// Why.
    #[schema(min_length = 4, max_length = 1000)]
    pub reason: String,
}

/// Body of `POST /api/quality/plans/{plan}/draw`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(deny_unknown_fields)]
pub struct DrawOrder {
    /// A day of the week that is drawn of, e.g. `2026-11-24`.
    #[schema(format = Date)]
    pub day: String,
}

/// What was drawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct Drawn {
    /// Monday of the week.
    pub week: String,
    /// So many conversations.
    pub drawn: u64,
}

/// An inspection in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct InspectionLine {
    /// Which.
    pub id: InspectionId,
    /// A step names it.
    pub version: u64,
    /// Where it stands.
    pub state: InspectionState,
    /// Why it was drawn.
    pub reason: DrawReason,
    /// Name of the plan; its code if it is not there any more.
    pub plan_name: String,
    /// Monday of the week that it was drawn of.
    pub week: String,
    /// What is inspected.
    pub conversation: ConversationId,
    /// Of the team that closed it.
    pub team_name: String,
    /// Whose work it is.
    pub agent: AgentId,
    /// Their name.
    pub agent_name: String,
    /// Who inspects, or has inspected.
    pub inspector_name: Option<String>,
    /// When the conversation was closed.
    pub closed_at: Timestamp,
    /// When it was drawn.
    pub drawn_at: Timestamp,
    /// Since when the agent sees it.
    pub submitted_at: Option<Timestamp>,
    /// The first value, 0 to 100.
    pub score: Option<u32>,
    /// The value after the appeal.
    pub decided_score: Option<u32>,
}

/// Some inspections, the newest drawn first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct InspectionPage {
    /// These.
    pub inspections: Vec<InspectionLine>,
    /// The next page comes after this one; null: this was the last.
    pub next: Option<InspectionId>,
}

/// An inspection as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct InspectionView {
    /// As in the list.
    pub line: InspectionLine,
    /// The card as it was when the conversation was drawn.
    pub card: ScoreCard,
    /// One for each question.
    pub answers: Vec<InspectionAnswer>,
    /// What is said to the whole.
    pub summary: String,
    /// The agent may appeal until then.
    pub appeal_until: Option<Timestamp>,
    /// Why the agent does not agree; null: they did not appeal, or it is deleted.
    pub appeal: Option<String>,
    /// When they said so.
    pub appealed_at: Option<Timestamp>,
    /// Who has judged the appeal.
    pub decider_name: Option<String>,
    /// Points of each question after it.
    pub decided_points: Option<Vec<u32>>,
    /// Why.
    pub decision: Option<String>,
    /// When.
    pub decided_at: Option<Timestamp>,
    /// May you inspect it?
    pub may_inspect: bool,
    /// May you appeal?
    pub may_appeal: bool,
    /// May you decide the appeal?
    pub may_decide: bool,
}

/// The thread of an inspected conversation, masked as one sees it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct InspectionThread {
    /// In their order; empty: deleted when its time was over.
    #[schema(value_type = Vec<Object>)]
    pub entries: Vec<ThreadEntry>,
    /// Are there earlier ones?
    pub more: bool,
}

/// Of whom results are shown apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "snake_case")]
pub enum QualityGroup {
    /// Each agent.
    #[default]
    Agent,
    /// Each team.
    Team,
    /// Each unit.
    Unit,
}

/// Results of one agent, team or unit, or of all.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct QualityLine {
    /// Id or code; empty: all together.
    pub key: String,
    /// Name.
    pub name: String,
    /// Inspections.
    pub count: u64,
    /// Mean score of them.
    pub mean: f64,
    /// Drawn at random.
    pub random_count: u64,
    /// Mean score of those: what was picked for a reason does not pull it down. Null: there are none.
    pub random_mean: Option<f64>,
    /// How many have 0, 1 to 59, 60 to 79, 80 to 89, and 90 to 100.
    pub spread: [u64; 5],
}

/// Results of a time.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct QualityResults {
    /// All together.
    pub total: QualityLine,
    /// Apart; the worst mean first.
    pub lines: Vec<QualityLine>,
}
