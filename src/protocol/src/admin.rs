//! What the administration's REST interface answers. What a record says is defined in `bangban_domain::org`.

use bangban_domain::{
    ConversationId, Timestamp,
    org::{Body, Kind},
    words::{Channel, Outcome, Stage},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{PersonView, ThreadEntry};

/// Body of `PUT /api/admin/records/{kind}/{id}`.
#[derive(Debug, Clone, PartialEq, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(deny_unknown_fields)]
pub struct RecordPut {
    /// The version that the change was made from; 0: there is none yet.
    pub version: u64,
    /// What it says after the change, as the kind has it.
    #[cfg_attr(test, ts(type = "RecordBody"))]
    #[schema(value_type = Body)]
    pub body: serde_json::Value,
    /// Why, for the audit log.
    #[serde(default)]
    #[cfg_attr(test, ts(optional))]
    #[schema(max_length = 500)]
    pub reason: Option<String>,
}

/// An administered record.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct RecordView {
    /// Kind.
    pub kind: Kind,
    /// Code, unique within its kind.
    pub id: String,
    /// Number within its kind, never used twice.
    pub no: u64,
    /// 1, 2, ...; a change names the one that it was made from.
    pub version: u64,
    /// Code of the unit that it belongs to; `None`: the city.
    pub unit: Option<String>,
    /// What it says.
    pub body: Body,
    /// Last change.
    pub changed_at: Timestamp,
}

/// Some of the records of a kind, in the order in which they were made.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct RecordPage {
    /// These.
    pub records: Vec<RecordView>,
    /// The next page comes after this number; `None`: this was the last one.
    pub next: Option<u64>,
    /// How many there are on all pages.
    pub total: u64,
}

/// A state that a record had.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct RecordState {
    /// 1, 2, ...
    pub version: u64,
    /// Since when.
    pub at: Timestamp,
    /// By whom; `None`: the server itself.
    pub actor: Option<PersonView>,
    /// What it said; `None`: it was removed.
    pub body: Option<Body>,
}

/// Every state of one record, the last one first.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct RecordVersions {
    /// All.
    pub versions: Vec<RecordState>,
}

/// A row that cannot be imported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct BadRow {
    /// Number of the row, as a spreadsheet shows it: the names of the columns are row 1.
    pub row: u32,
    /// The field, by its name in JSON.
    pub field: String,
    /// English sentence.
    pub problem: String,
}

/// What an import has done, or would do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct ImportReport {
    /// Rows that are not empty.
    pub rows: u32,
    /// Of items that were not there.
    pub new: u32,
    /// Of items that were different.
    pub changed: u32,
    /// Of items that were exactly so.
    pub unchanged: u32,
    /// That cannot be imported.
    pub bad_rows: u32,
    /// The first 1000 of them.
    pub bad: Vec<BadRow>,
    /// Was it written? Not in a dry run, nor with bad rows unless they were to be skipped.
    pub imported: bool,
}

/// Service hours in which nobody would answer for an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct CoverageHole {
    /// Code of the item.
    pub item: String,
    /// Its name.
    pub item_name: String,
    /// Code of its team.
    pub team: String,
    /// The team's name.
    pub team_name: String,
    /// Begin.
    pub from: Timestamp,
    /// End.
    pub to: Timestamp,
}

/// Rule 4: how the high-frequency items are covered by the roster of the coming days.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct CoverageView {
    /// How many there are, of those that one may see.
    pub items: u32,
    /// How many have no hole.
    pub covered: u32,
    /// How many have somebody at the desk now; only for who sees all.
    pub staffed_now: Option<u32>,
    /// By item, then by time.
    pub holes: Vec<CoverageHole>,
    /// From now ...
    pub as_of: Timestamp,
    /// ... until then.
    pub until: Timestamp,
}

/// Some of the conversations that one looks for, the newest first.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct FoundConversations {
    /// These; fewer than a page, or none, if many were looked at in vain.
    pub conversations: Vec<FoundConversation>,
    /// The search goes on after this one; `None`: there are no more.
    #[schema(value_type = Option<String>)]
    pub next: Option<ConversationId>,
}

/// A conversation that was found.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct FoundConversation {
    /// Which.
    #[schema(value_type = String)]
    pub id: ConversationId,
    /// When it began.
    pub opened_at: Timestamp,
    /// When it ended.
    pub closed_at: Option<Timestamp>,
    /// Where it stands.
    pub stage: Stage,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// Where from.
    pub channel: Channel,
    /// Whose it is.
    pub team_name: String,
    /// What it is about.
    pub item_name: Option<String>,
    /// Who serves it, or served it last.
    pub agent_name: Option<String>,
    /// The rating.
    pub stars: Option<u8>,
    /// Where the word was said that was looked for.
    pub words: Option<FoundWords>,
}

/// A word with what stands around it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct FoundWords {
    /// Position in the thread.
    pub seq: u64,
    /// Masked as everything is.
    pub text: String,
}

/// A thread as a supervisor reads it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct Transcript {
    /// What there is to say of it.
    pub conversation: FoundConversation,
    /// Oldest first.
    #[schema(value_type = Vec<Object>)]
    pub entries: Vec<ThreadEntry>,
    /// Are there earlier ones?
    pub more: bool,
    /// Private notes, oldest first.
    #[schema(value_type = Vec<Object>)]
    pub notes: Vec<ThreadEntry>,
}
