//! How many agents a team needs over REST (docs/administration.md).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What is known of a team's requests in a time. Half hours are counted from midnight in Shanghai: 48 of them.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct StaffingHistory {
    /// Days that are counted.
    pub days: u32,
    /// Requests of a day, on average.
    pub arrivals: Vec<f64>,
    /// All of them.
    pub requests: u64,
    /// Left without an answer.
    pub lost: u64,
    /// Mean seconds from the acceptance to the end of the service; null: nobody was served.
    pub handle: Option<f64>,
    /// Mean patience in seconds: all that was waited, over who left. Null: nobody left.
    pub patience: Option<f64>,
}

/// Body of `POST /api/staffing/run`.
#[derive(Debug, Clone, PartialEq, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(deny_unknown_fields)]
pub struct StaffingOrder {
    /// Code of the team.
    #[schema(max_length = 64)]
    pub team: String,
    /// The day whose roster stands beside it, e.g. `2026-11-30`.
    #[schema(format = Date)]
    pub day: String,
    /// Requests in each half hour of a day.
    #[schema(min_items = 48, max_items = 48)]
    pub arrivals: Vec<f64>,
    /// Share that is to be answered within a minute.
    pub target: f64,
    /// Mean handling time in seconds.
    pub handle: f64,
    /// Mean patience in seconds; null: everybody waits.
    pub patience: Option<f64>,
    /// Conversations that one agent serves at the same time.
    #[schema(minimum = 1, maximum = 10)]
    pub parallel: u32,
}

/// Where a search stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "snake_case")]
pub enum StaffingState {
    /// Nothing was asked for, or it is forgotten.
    None,
    /// It goes on.
    Running,
    /// There is a result.
    Done,
    /// Somebody has stopped it.
    Cancelled,
    /// It cannot be kept with any number of agents, or is not to be simulated.
    Failed,
}

/// One half hour.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct StaffingSlot {
    /// Begin, `HH:MM`.
    pub from: String,
    /// Requests.
    pub requests: f64,
    /// The fewest agents that keep the promise.
    pub need: u32,
    /// Agents in the roster.
    pub have: u32,
    /// With those that are needed: share that is answered within a minute, and share that leaves; null: nobody came.
    pub within_minute: Option<f64>,
    /// See above.
    pub abandoned: Option<f64>,
    /// With those in the roster.
    pub have_within_minute: Option<f64>,
    /// See above.
    pub have_abandoned: Option<f64>,
}

/// One's last search.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct StaffingView {
    /// Where it stands.
    pub state: StaffingState,
    /// 0 to 1.
    pub progress: f64,
    /// Days that are simulated for each try.
    pub days: u32,
    /// People in them.
    pub citizens: u64,
    /// All half hours in which somebody comes, is needed, or is in the roster.
    pub slots: Vec<StaffingSlot>,
    /// Hours of work that are needed, all agents together.
    pub need_hours: f64,
    /// Hours of work in the roster.
    pub have_hours: f64,
}
