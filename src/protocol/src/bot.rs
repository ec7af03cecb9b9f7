//! What 小申 decides by, as it is kept (docs/bot.md): thresholds and words.

use bangban_domain::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The thresholds that hold and their history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct ThresholdList {
    /// The newest first; the first one holds. The last one, version 0, came with the weights.
    pub versions: Vec<ThresholdView>,
    /// Version of the weights.
    pub model: String,
    /// May you change them?
    pub may_change: bool,
}

/// A version of the thresholds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct ThresholdView {
    /// 0: came with the weights.
    pub version: u64,
    /// At or above this the best entry may be answered outright.
    pub answer: f64,
    /// At or above this the citizen is asked back; below it a person takes over.
    pub clarify: f64,
    /// From which data.
    pub basis: String,
    /// Why.
    pub reason: String,
    /// The version that it went back to.
    pub copy_of: Option<u64>,
    /// Who; empty: came with the weights.
    pub changed_by: String,
    /// When.
    pub changed_at: Option<Timestamp>,
}

/// New thresholds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(deny_unknown_fields)]
pub struct ThresholdPut {
    /// The version that holds: refused with `outdated` if it is another one.
    pub version: u64,
    /// Above `clarify`, at most 1.
    #[schema(minimum = 0, maximum = 1)]
    pub answer: f64,
    /// At least 0.
    #[schema(minimum = 0, maximum = 1)]
    pub clarify: f64,
    /// From which data; 1..=200 characters.
    #[schema(min_length = 1, max_length = 200)]
    pub basis: String,
    /// Why; 1..=500 characters.
    #[schema(min_length = 1, max_length = 500)]
    pub reason: String,
}

/// Back to an earlier version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(deny_unknown_fields)]
pub struct ThresholdBack {
    /// The version that holds.
    pub version: u64,
    /// The version to go back to; 0: what came with the weights.
    pub to: u64,
    /// Why; 1..=500 characters.
    #[schema(min_length = 1, max_length = 500)]
    pub reason: String,
}

/// A page of the list of words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct WordList {
    /// By word, at most 200 of those that were looked for; first those that differ from the program's list.
    pub words: Vec<WordView>,
    /// How many were found.
    pub found: u32,
    /// How many there are.
    pub total: u32,
    /// May you change it?
    pub may_change: bool,
}

/// A word and what is read instead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct WordView {
    /// The word.
    pub word: String,
    /// What is read instead; `-`: nothing. Null: taken out, so it is read as it stands.
    pub reads_as: Option<String>,
    /// What the program's list has for it; null: it does not have the word.
    pub shipped: Option<String>,
    /// Who has changed it; empty: it is as the program's list has it.
    pub changed_by: String,
    /// When.
    pub changed_at: Option<Timestamp>,
}

/// A word as it is to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WordPut {
    /// 1..=20 characters.
    #[schema(min_length = 1, max_length = 20)]
    pub word: String,
    /// 1..=20 characters; `-`: it says nothing.
    #[schema(min_length = 1, max_length = 20)]
    pub reads_as: String,
}

/// What an import of words did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct WordsImported {
    /// New or read otherwise than before.
    pub changed: u32,
    /// As they were.
    pub same: u32,
}
