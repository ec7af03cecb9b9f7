//! Departments that calls are put through to: finding them, who is on duty for them, and when nobody is.

use bangban_domain::{AgentId, Timestamp, call::reach::Target};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{RosterDay, Span};

/// What somebody can be put through to, by its code.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(tag = "kind", content = "code", rename_all = "snake_case")]
pub enum DirectoryTarget {
    /// An item: its professionals and telephones.
    Item(String),
    /// A unit: the same.
    Department(String),
    /// One telephone.
    Telephone(String),
}

impl DirectoryTarget {
    /// The same for the rules.
    #[must_use]
    pub const fn target(&self) -> Target<'_> {
        match self {
            Self::Item(code) => Target::Item(code.as_str()),
            Self::Department(code) => Target::Department(code.as_str()),
            Self::Telephone(code) => Target::Telephone(code.as_str()),
        }
    }
}

/// Somebody on duty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct DirectoryPerson {
    /// Who.
    #[schema(value_type = String)]
    pub agent: AgentId,
    /// Display name.
    pub name: String,
    /// Name of the team in whose roster they stand.
    pub team_name: String,
    /// End of the duty.
    pub until: Timestamp,
    /// Are they there to be rung?
    pub is_there: bool,
}

/// A telephone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct DirectoryNumber {
    /// Code of its record; null: it stands in the item.
    pub record: Option<String>,
    /// Whose it is.
    pub label: String,
    /// What is dialled.
    pub number: String,
    /// Is it rung without an operator (三方直转)?
    pub is_direct: bool,
}

/// Something that was found, and who would answer, in the order in which they would be rung.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct DirectoryEntry {
    /// What a request names.
    pub target: DirectoryTarget,
    /// What it is called.
    pub name: String,
    /// Code of the unit whose it is.
    pub unit: String,
    /// That unit's name.
    pub unit_name: String,
    /// Name of the district that the unit is of; null: the city's.
    pub district_name: Option<String>,
    /// Is it put through without an operator (三方直转)?
    pub direct_line: bool,
    /// People on duty; those who are not there come last.
    pub on_duty: Vec<DirectoryPerson>,
    /// Telephones.
    pub numbers: Vec<DirectoryNumber>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct DirectoryView {
    /// At most 10, the best first.
    pub entries: Vec<DirectoryEntry>,
    /// The districts that one may look in.
    pub districts: Vec<DirectoryDistrict>,
    /// The server's clock.
    pub as_of: Timestamp,
}

/// A district of the city.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct DirectoryDistrict {
    /// What a search and a request name.
    pub code: String,
    /// Its name.
    pub name: String,
}

/// Service hours in which nobody of a line of work is on duty in a district.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct DutyHole {
    /// Code of the district; null: the city's own department.
    pub district: Option<String>,
    /// Its name.
    pub district_name: Option<String>,
    /// Code of the city's department whose line of work it is.
    pub line: String,
    /// Its name.
    pub line_name: String,
    /// Begin.
    pub from: Timestamp,
    /// End.
    pub to: Timestamp,
    /// There are telephones that would be rung nevertheless.
    pub has_numbers: bool,
}

/// Somebody's duty in a week of a line of work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct DutyLine {
    /// Code of the shift that it comes from.
    pub shift: String,
    /// Whose.
    #[schema(value_type = String)]
    pub agent: AgentId,
    /// Their display name; empty: they have no account any more.
    pub name: String,
    /// Code of the team.
    pub team: String,
    /// Does it hold on this day only?
    pub is_single: bool,
    /// Do they still work in the team? Else nobody is asked by it.
    pub is_member: bool,
    /// Begin.
    pub from: Timestamp,
    /// End.
    pub to: Timestamp,
}

/// A team whose people are asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct DutyTeam {
    /// Code.
    pub code: String,
    /// Name.
    pub name: String,
    /// Code of its unit.
    pub unit: String,
    /// May one change its roster?
    pub may_change: bool,
}

/// Seven days of who answers the calls of an item or a department in a district.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct DutyWeek {
    /// The days, with the service hours of any of the teams.
    pub days: Vec<RosterDay>,
    /// The teams, nearest first.
    pub teams: Vec<DutyTeam>,
    /// In order.
    pub duties: Vec<DutyLine>,
    /// Service hours in which nobody is on duty.
    pub holes: Vec<Span>,
    /// Telephones that are rung besides.
    pub numbers: Vec<DirectoryNumber>,
}

/// The holes of seven days, of the units that one may see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct DutyHoles {
    /// By district, line and time; at most 500.
    pub holes: Vec<DutyHole>,
    /// How many there are.
    pub total: u32,
}

/// Body of `POST /api/admin/duty/copy`: the duties of single days of one week again in another one.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(deny_unknown_fields)]
pub struct DutyCopy {
    /// Codes of the teams.
    #[schema(min_items = 1, max_items = 50)]
    pub teams: Vec<String>,
    /// First day of the week to copy, e.g. `2026-11-23`.
    #[schema(format = Date)]
    pub from: String,
    /// First day of the week to copy into.
    #[schema(format = Date)]
    pub to: String,
}

/// What was copied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
pub struct DutyCopied {
    /// Codes of the new shifts, so that they can be taken back.
    pub shifts: Vec<String>,
    /// Duties that were there already, of the same person at the same time.
    pub skipped: u32,
}
