//! Masked data and its reveal, as REST speaks of them (docs/privacy.md).

use bangban_domain::{ConversationId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What of a person, beside their messages, is masked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "snake_case")]
pub enum MaskedField {
    /// Name.
    Name,
    /// Telephone: the one left for a call-back, else that of the portal.
    Phone,
}

/// Body of `POST /api/staff/reveal`: exactly one of `seq`, `note` and `field`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Reveal {
    /// Where.
    pub conversation: ConversationId,
    /// A message, by its position in the thread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub seq: Option<u64>,
    /// A private note, by its position among them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub note: Option<u64>,
    /// Something beside the thread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub field: Option<MaskedField>,
    /// Why: 4..=200 characters; goes to the audit log.
    pub reason: String,
}

/// Success of `POST /api/staff/reveal`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct Revealed {
    /// The text, the file's name or the field's value, as it is.
    pub text: String,
    /// Then the page hides it again.
    pub until: Timestamp,
}
