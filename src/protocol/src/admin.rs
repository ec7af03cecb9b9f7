//! What the administration's REST interface answers. What a record says is defined in `bangban_domain::org`.

use bangban_domain::{
    Timestamp,
    org::{Body, Kind},
};
use serde::Serialize;

use crate::PersonView;

/// An administered record.
#[derive(Debug, Clone, PartialEq, Serialize)]
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
#[derive(Debug, Clone, PartialEq, Serialize)]
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
#[derive(Debug, Clone, PartialEq, Serialize)]
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
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct RecordVersions {
    /// All.
    pub versions: Vec<RecordState>,
}
