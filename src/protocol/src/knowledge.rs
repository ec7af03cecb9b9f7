//! The knowledge base over REST (docs/knowledge.md).

use bangban_domain::{
    AgentId, ConversationId, Timestamp,
    knowledge::{Content, EntryState, FieldChange, Kinship, OpenState, Origin, ReviewPoint, RevisionState},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Body of `POST /api/knowledge/entries`: a new entry, whose first revision is a draft.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(deny_unknown_fields)]
pub struct EntryNew {
    /// Code of the unit that owns the official answer.
    #[schema(max_length = 64)]
    pub unit: String,
    /// What it says.
    pub content: Content,
    /// The task that it fulfils.
    #[serde(default)]
    #[schema(max_length = 64)]
    pub task: Option<String>,
}

/// Body of `PUT /api/knowledge/entries/{id}/draft`: writes in the open draft, or begins the next revision.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(deny_unknown_fields)]
pub struct EntryDraft {
    /// The version of the entry that it was made from.
    pub version: u64,
    /// What it says.
    pub content: Content,
    /// The task that it fulfils.
    #[serde(default)]
    #[schema(max_length = 64)]
    pub task: Option<String>,
}

/// A step of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "snake_case")]
pub enum EntryStep {
    /// The draft waits for a second person.
    Submit,
    /// Its authors want to write on.
    TakeBack,
    /// The second person does not agree; with a reason.
    Reject,
    /// The second person agrees.
    Publish,
    /// The draft is given up.
    Discard,
    /// Nothing of the entry holds any more; with a reason.
    Retire,
    /// An old revision becomes the next draft; with its number.
    Restore,
}

/// Body of `POST /api/knowledge/entries/{id}/steps`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(deny_unknown_fields)]
pub struct EntryStepOrder {
    /// The version of the entry that it was made from.
    pub version: u64,
    /// Which.
    pub step: EntryStep,
    /// Why, 4 to 500 characters; needed with `reject` and `retire`.
    #[serde(default)]
    #[schema(max_length = 500)]
    pub reason: Option<String>,
    /// With `restore`: which revision.
    #[serde(default)]
    pub revision: Option<u32>,
}

/// An entry in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct EntryLine {
    /// Which.
    pub id: String,
    /// A step names it.
    pub version: u64,
    /// Where it stands.
    pub state: EntryState,
    /// What is open of it.
    pub open: Option<OpenState>,
    /// Where it comes from.
    pub origin: Origin,
    /// Its question.
    pub question: String,
    /// Names of its items.
    pub item_names: Vec<String>,
    /// Code of the unit that owns it.
    pub unit: String,
    /// Its name.
    pub unit_name: String,
    /// Conversations whose answer it is.
    pub sources: u32,
    /// The published revision that holds now.
    pub in_force: Option<u32>,
    /// Begin of the newest published revision.
    pub from: Option<Timestamp>,
    /// Its end.
    pub to: Option<Timestamp>,
    /// Last step.
    pub changed_at: Timestamp,
}

/// Some entries, the last changed first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct EntryPage {
    /// These.
    pub entries: Vec<EntryLine>,
    /// The next page comes after this one; null: this was the last.
    pub next: Option<String>,
}

/// How many entries of a unit stand where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct EntryCounts {
    /// Code of the unit.
    pub unit: String,
    /// Its name.
    pub unit_name: String,
    /// Entries by state, in the order of the states.
    pub states: Vec<EntryCount>,
    /// Revisions that wait for a second person, of whatever entry.
    pub in_review: u64,
}

/// How many entries stand in a state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct EntryCount {
    /// Which.
    pub state: EntryState,
    /// So many.
    pub count: u64,
}

/// A revision of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct RevisionView {
    /// 1, 2, ...
    pub no: u32,
    /// What has become of it.
    pub state: RevisionState,
    /// What it says.
    pub content: Content,
    /// Names of all who have written in it.
    pub authors: Vec<String>,
    /// Who sent it back or published it.
    pub reviewer_name: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// The task that it fulfils.
    pub task: Option<String>,
    /// Begin.
    pub made_at: Timestamp,
    /// Last time that somebody wrote in it.
    pub saved_at: Timestamp,
    /// Since when it waits, or waited, for a second person.
    pub submitted_at: Option<Timestamp>,
    /// When it was sent back or published.
    pub decided_at: Option<Timestamp>,
}

/// A conversation whose answer an entry is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct EntrySource {
    /// Which.
    pub conversation: ConversationId,
    /// Who answered.
    pub agent: AgentId,
    /// Their name.
    pub agent_name: String,
    /// When.
    pub at: Timestamp,
    /// What was asked, without personal data; empty when the thread is gone.
    pub question: String,
}

/// An entry that is like another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct EntryRelative {
    /// Which.
    pub entry: String,
    /// What they have to do with each other.
    pub kinship: Kinship,
    /// How much their questions are alike, in percent.
    pub likeness: u32,
    /// Its question.
    pub question: String,
    /// Its answer.
    pub answer: String,
    /// Who owns it.
    pub unit_name: String,
    /// Is it reviewed?
    pub reviewed: bool,
}

/// An entry as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct EntryView {
    /// As in the list.
    pub line: EntryLine,
    /// The newest first, at most 200.
    pub revisions: Vec<RevisionView>,
    /// Where it comes from, the newest first, at most 50.
    pub sources: Vec<EntrySource>,
    /// Entries that the open revision is like, duplicates and contradictions first.
    pub relatives: Vec<EntryRelative>,
    /// Other wordings of those who asked, for similar questions.
    pub suggested: Vec<String>,
    /// May you write?
    pub may_edit: bool,
    /// May you publish, send back and retire what others have written?
    pub may_review: bool,
    /// Have you written in the open revision? Then somebody else reviews it.
    pub own_work: bool,
}

/// What a revision changes, in the order of the form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct EntryChanges {
    /// Fields that differ.
    pub changes: Vec<FieldChange>,
}

/// What became of an answer that one wrote back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct WrittenBackView {
    /// Of which conversation.
    pub conversation: ConversationId,
    /// When.
    pub at: Timestamp,
    /// What was asked.
    pub asked: String,
    /// The entry.
    pub entry: String,
    /// Its question now.
    pub question: String,
    /// Where it stands.
    pub state: EntryState,
    /// Conversations whose answer it is.
    pub sources: u32,
    /// Why it was sent back, if it was.
    pub reason: Option<String>,
}

/// Some of one's own, the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct WrittenBackPage {
    /// These.
    pub answers: Vec<WrittenBackView>,
    /// The next page comes after this conversation; null: this was the last.
    pub next: Option<ConversationId>,
}

/// Body of `POST /api/knowledge/points` (version 0) and `PUT /api/knowledge/points/{id}`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(deny_unknown_fields)]
pub struct PointPut {
    /// The version that it was made from; 0: it is new.
    pub version: u64,
    /// Place in the item's list.
    #[schema(maximum = 100_000)]
    pub place: u32,
    /// What it says.
    pub point: ReviewPoint,
}

/// A review point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct PointView {
    /// Which.
    pub id: String,
    /// A change names it.
    pub version: u64,
    /// Place in the item's list.
    pub place: u32,
    /// What it says.
    pub point: ReviewPoint,
    /// Last change.
    pub changed_at: Timestamp,
    /// By whom.
    pub changed_by: String,
}

/// Review points of an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct PointList {
    /// In their order.
    pub points: Vec<PointView>,
    /// May you change them?
    pub may_edit: bool,
}

/// Body of `command close`: the answer that solved it, for the knowledge base (rule 10).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(deny_unknown_fields)]
pub struct WriteBackDraft {
    /// What was asked, 2..=200 characters.
    pub question: String,
    /// What solved it, 2..=4000 characters. Personal data is taken out of both.
    pub answer: String,
}
