//! What the administration page asks beside the records: a team's week, and one's own rights.

use bangban_domain::{AgentId, Timestamp, rights::Action};
use serde::Serialize;
use utoipa::ToSchema;

/// A stretch of time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct Span {
    /// Begin.
    pub from: Timestamp,
    /// End; belongs to it no more.
    pub to: Timestamp,
}

/// One day of a roster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct RosterDay {
    /// `2026-11-24`, in Shanghai.
    pub date: String,
    /// By the official calendar.
    pub is_working_day: bool,
    /// Service hours that begin on it.
    pub hours: Vec<Span>,
}

/// Somebody's duty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct RosterDuty {
    /// Code of the shift that it comes from.
    pub shift: String,
    /// Whose.
    pub agent: AgentId,
    /// Begin.
    pub from: Timestamp,
    /// End.
    pub to: Timestamp,
}

/// Seven days of a team.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct RosterView {
    /// From the day that was asked for.
    pub days: Vec<RosterDay>,
    /// In order.
    pub duties: Vec<RosterDuty>,
    /// Service hours in which nobody is on duty.
    pub holes: Vec<Span>,
}

/// What one grant allows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct RightView {
    /// Code of the unit, below which it holds too; null: the whole city.
    pub unit: Option<String>,
    /// Codes of the items that it is about; empty: all.
    pub items: Vec<String>,
    /// What may be done there.
    pub actions: Vec<Action>,
}

/// One's own rights.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct RightsView {
    /// One for each grant.
    pub rights: Vec<RightView>,
    /// The server's clock.
    pub now: Timestamp,
}
