//! Guided dialogues (docs/guide.md): what threads carry of them, and the routes by which they are kept.

use bangban_domain::{
    Timestamp,
    guide::{Checklist, Guide},
    knowledge::{EntryState, OpenState, Origin, RevisionState},
    words::CitizenKind,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::EntryStep;

/// That an item has a guided dialogue: `start_guide` begins it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct GuideOffer {
    /// Code of the item.
    pub item: String,
    /// Its name.
    pub item_name: String,
}

/// Something that one may choose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct GuideOption {
    /// Its code.
    pub code: String,
    /// As people read it.
    pub label: String,
}

/// An answer that was given, in words that were asked then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct GuideGiven {
    /// Code of the question.
    pub question: String,
    /// The question.
    pub text: String,
    /// Code of the choice; null: the citizen does not know.
    pub choice: Option<String>,
    /// As the citizen read it; empty: they do not know.
    pub label: String,
    /// It was not asked: the answer was known.
    pub known: bool,
}

/// What was known of a question before it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct GuideKnown {
    /// Code of the question.
    pub question: String,
    /// Code of its choice.
    pub choice: String,
}

/// How far a guided dialogue is. All there is of it: a node that has never heard of it goes on from here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct GuideWalk {
    /// Code of the item.
    pub item: String,
    /// Its name, as it was called then.
    pub item_name: String,
    /// By which revision of the item's guide: also after another one was published.
    pub revision: u32,
    /// In the order in which they were given.
    pub given: Vec<GuideGiven>,
    /// What will not be asked.
    pub known: Vec<GuideKnown>,
}

/// An item's guide in the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct GuideLine {
    /// Code of the item.
    pub item: String,
    /// Its name.
    pub item_name: String,
    /// Name of the unit that owns it.
    pub unit_name: String,
    /// A step names it.
    pub version: u64,
    /// Where it stands.
    pub state: EntryState,
    /// What is open of it.
    pub open: Option<OpenState>,
    /// Where it comes from.
    pub origin: Origin,
    /// The published revision that is in force.
    pub in_force: Option<u32>,
    /// Since when.
    pub from: Option<Timestamp>,
    /// Last step.
    pub changed_at: Timestamp,
}

/// The guides of one's units, by item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct GuideList {
    /// These.
    pub guides: Vec<GuideLine>,
}

/// A revision of a guide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct GuideRevisionView {
    /// 1, 2, ...
    pub no: u32,
    /// What has become of it.
    pub state: RevisionState,
    /// What it says.
    pub content: Guide,
    /// Names of all who have written in it.
    pub authors: Vec<String>,
    /// Who sent it back or published it.
    pub reviewer_name: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// Last time that somebody wrote in it.
    pub saved_at: Timestamp,
    /// When it was sent back or published.
    pub decided_at: Option<Timestamp>,
}

/// An item's guide as a whole; of an item that has none yet, the version is 0 and there are no revisions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct GuideView {
    /// As in the list.
    pub line: GuideLine,
    /// The newest first, at most 100.
    pub revisions: Vec<GuideRevisionView>,
    /// Situations of the item, whose review points count.
    pub situations: Vec<GuideOption>,
    /// Districts that a choice may stand for.
    pub districts: Vec<GuideOption>,
    /// May you write?
    pub may_edit: bool,
    /// May you publish, send back and retire what others have written?
    pub may_review: bool,
    /// Have you written in the open revision? Then somebody else reviews it.
    pub own_work: bool,
}

/// Body of `PUT /api/knowledge/guides/{item}/draft`: writes in the open draft, or begins the next revision, or the guide.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(deny_unknown_fields)]
pub struct GuideDraft {
    /// The version that it was made from; 0: the item has none yet.
    pub version: u64,
    /// What it says.
    pub content: Guide,
}

/// Body of `POST /api/knowledge/guides/{item}/steps`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(deny_unknown_fields)]
pub struct GuideStepOrder {
    /// The version that it was made from.
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

/// Body of `POST /api/knowledge/guides/{item}/preview`: a walk through what somebody writes, as a citizen would see it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(deny_unknown_fields)]
pub struct GuideTry {
    /// What it says; need not be saved.
    pub content: Guide,
    /// Answers so far, in the order in which they were asked; null: skipped.
    #[schema(max_items = 12)]
    pub answers: Vec<Option<String>>,
    /// What the citizen asked in words.
    #[serde(default)]
    #[schema(max_length = 4000)]
    pub text: String,
    /// Who the citizen is; null: nobody has said.
    #[serde(default)]
    pub kind: Option<CitizenKind>,
    /// Code of the citizen's district.
    #[serde(default)]
    #[schema(max_length = 64)]
    pub district: Option<String>,
}

/// Where a walk in a preview stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum GuideTried {
    /// This is asked.
    Asked {
        /// What was given or known before.
        given: Vec<GuideGiven>,
        /// The question.
        text: String,
        /// How to find out.
        help: String,
        /// Its answers.
        choices: Vec<GuideOption>,
        /// Which step it is, from 1.
        step: u32,
        /// So many there can be.
        most: u32,
    },
    /// These remain.
    Several {
        /// What was given or known before.
        given: Vec<GuideGiven>,
        /// In the guide's order.
        situations: Vec<GuideOption>,
    },
    /// It ends here.
    Checklist {
        /// What was given or known before.
        given: Vec<GuideGiven>,
        /// What is to be known.
        checklist: Checklist,
    },
}
