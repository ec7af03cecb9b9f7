//! What conversations teach (docs/bot.md, "Learning"): clusters of questions without a good answer, and the regression set.

use bangban_domain::{ConversationId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where a label stands in a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct LabelRef {
    /// Which conversation.
    #[schema(value_type = String)]
    pub conversation: ConversationId,
    /// Position in its thread.
    pub seq: u64,
}

/// An entry beside a question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct LikelyEntry {
    /// Id.
    pub entry: String,
    /// Its question.
    pub question: String,
    /// How much its question is like the asked one, in percent.
    pub likeness: u32,
}

/// Questions that ask the same and had no good answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct QuestionCluster {
    /// The wording that was asked most.
    pub question: String,
    /// Other wordings, at most 20.
    pub wordings: Vec<String>,
    /// Code of the item.
    pub item: Option<String>,
    /// Its name.
    pub item_name: Option<String>,
    /// Code of the unit that owes its answers.
    pub unit: String,
    /// Its name.
    pub unit_name: String,
    /// So often 小申 found nothing.
    pub not_found: u32,
    /// So often its answer was called no help.
    pub unsolved: u32,
    /// When it was asked last.
    pub last_at: Timestamp,
    /// Entries that are likest to it, the best first.
    pub likely: Vec<LikelyEntry>,
    /// Where it was asked.
    pub labels: Vec<LabelRef>,
}

/// Clusters of one's units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct ClusterPage {
    /// Those that were asked most first, at most 200.
    pub clusters: Vec<QuestionCluster>,
    /// Questions since then were looked at.
    pub since: Timestamp,
    /// There are more questions than were looked at.
    pub is_partial: bool,
}

/// What is to be made of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum ClusterUse {
    /// A gap task of the unit that owes the item's answers.
    Gap {
        /// The question that it asks.
        #[schema(max_length = 200)]
        question: String,
    },
    /// Similar questions of an entry, in its open draft or the next one.
    Similar {
        /// Which entry.
        #[schema(max_length = 64)]
        entry: String,
        /// Each at most 200 characters.
        #[schema(max_items = 20)]
        questions: Vec<String>,
    },
    /// Nothing: it is no question of the knowledge base.
    Nothing,
}

/// Makes something of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClusterOrder {
    /// Its labels.
    #[schema(min_items = 1, max_items = 1000)]
    pub labels: Vec<LabelRef>,
    /// What.
    #[serde(rename = "use")]
    #[cfg_attr(test, ts(rename = "use"))]
    pub what: ClusterUse,
}

/// How 小申 answers a question of the regression set now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "snake_case")]
pub enum RegressionResult {
    /// With the right entry.
    Right,
    /// It asks back, and the right entry is among the options.
    Offered,
    /// With another entry, or options without the right one.
    Wrong,
    /// A person takes over.
    Nothing,
    /// The entry is not in force.
    NoEntry,
}

/// A question of the regression set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct RegressionView {
    /// Which.
    pub id: String,
    /// The question.
    pub question: String,
    /// Id of the entry that is right.
    pub entry: String,
    /// Its question; empty: it is not in force.
    pub entry_question: String,
    /// The page's item when it is asked.
    pub item: Option<String>,
    /// Grown from what citizens and agents did.
    pub is_learnt: bool,
    /// Since when it is kept.
    pub made_at: Timestamp,
    /// How it is answered now.
    pub result: RegressionResult,
}

/// A question that an answer was right for, as citizens and agents have shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct ShownRight {
    /// The question.
    pub question: String,
    /// Id of the entry.
    pub entry: String,
    /// Its question.
    pub entry_question: String,
    /// Item of the conversations.
    pub item: Option<String>,
    /// So often.
    pub count: u32,
    /// Where.
    pub labels: Vec<LabelRef>,
}

/// The regression set, and what it may grow by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct RegressionPage {
    /// The newest first, at most 500.
    pub kept: Vec<RegressionView>,
    /// Questions that are not in it yet, those that were shown most often first, at most 50.
    pub shown_right: Vec<ShownRight>,
}

/// Keeps a question in the regression set.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RegressionNew {
    /// The question.
    #[schema(max_length = 200)]
    pub question: String,
    /// Id of the entry that is right.
    #[schema(max_length = 64)]
    pub entry: String,
    /// The page's item when it is asked.
    #[serde(default)]
    #[schema(max_length = 64)]
    pub item: Option<String>,
    /// The labels that it is grown from; none: an editor writes it.
    #[serde(default)]
    #[schema(max_items = 1000)]
    pub labels: Vec<LabelRef>,
}

/// A line of a file of the regression set: the form that `bangban bot eval --set` reads too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RegressionLine {
    /// The question.
    #[serde(rename = "q")]
    pub question: String,
    /// Id of the entry that is right.
    #[serde(rename = "e")]
    pub entry: String,
    /// The page's item when it is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
}

/// What an import of the regression set did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct RegressionImported {
    /// New questions.
    pub added: u32,
    /// Questions that were there.
    pub same: u32,
}

/// A question that a publication would answer worse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct Lowered {
    /// Which question of the set.
    pub id: String,
    /// The question.
    pub question: String,
    /// Id of the entry that is right, and that answers it now.
    pub entry: String,
    /// Its question.
    pub entry_question: String,
    /// How it would be answered.
    pub result: RegressionResult,
}
