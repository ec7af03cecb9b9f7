//! Alerts as supervisors see them.

use bangban_domain::{
    AgentId, AlertId, ConversationId, Timestamp,
    alert::{AlertKind, FlagReason},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::PersonView;

/// The open alerts of a unit, or of the city.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct AlertsView {
    /// What nobody has acknowledged first, of these the most urgent, of these the newest; at most 100.
    pub open: Vec<AlertView>,
    /// How many there are.
    pub total: u32,
    /// ... of these: how many nobody has acknowledged.
    pub unseen: u32,
}

/// One alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct AlertView {
    /// Id.
    #[schema(value_type = String)]
    pub id: AlertId,
    /// About what.
    pub kind: AlertKind,
    /// The conversation, if it is about one.
    #[schema(value_type = Option<String>)]
    pub conversation: Option<ConversationId>,
    /// Masked name of its citizen; null: the conversation is over.
    pub citizen_name: Option<String>,
    /// Name of its item.
    pub item_name: Option<String>,
    /// Who served it when the alert was raised; without a conversation, the agent whom it is about.
    #[schema(value_type = Option<String>)]
    pub agent: Option<AgentId>,
    /// Their name.
    pub agent_name: Option<String>,
    /// Code of the team.
    pub team: Option<String>,
    /// Its name.
    pub team_name: Option<String>,
    /// Code of the unit that sees it; null: the city.
    pub unit: Option<String>,
    /// How big the matter is: items without anybody, people in the queue, milliseconds waited, requests for a professional
    /// that were answered of a thousand.
    pub amount: i64,
    /// Of a flag: why.
    pub reason: Option<FlagReason>,
    /// Of a flag: what the agent wrote, masked.
    pub text: Option<String>,
    /// Since when.
    pub raised_at: Timestamp,
    /// Who has taken note of it.
    pub acknowledged: Option<AcknowledgedView>,
    /// Until when it was true.
    pub cleared_at: Option<Timestamp>,
}

/// Somebody has taken note of an alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct AcknowledgedView {
    /// Who.
    pub by: PersonView,
    /// When.
    pub at: Timestamp,
    /// What they do about it, masked; may be empty.
    pub note: String,
}

/// One page of the alerts of a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct PastAlerts {
    /// The newest first.
    pub alerts: Vec<AlertView>,
    /// The page that follows is asked for with this; null: none does.
    #[schema(value_type = Option<String>)]
    pub next: Option<AlertId>,
}
