//! Who is there: units in a tree, and their teams with queues.

use serde::{Deserialize, Serialize};

use super::{Invalid, MAX_NAME, code, line};
use crate::{calendar, words::words};

words! {
    /// What a unit is.
    UnitKind {
        /// 市: the root.
        City = "city",
        /// 区.
        District = "district",
        /// 部门 of the city or of a district.
        Department = "department",
        /// 处室, 街道, 中心 and what else is below a department or district.
        Office = "office",
    }
}

/// When humans answer. In JSON `{"always": true}`, or `{"periods": ["09:00-11:30", "13:30-17:00"]}` on working days.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export_to = "protocol.ts"))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServiceHours {
    /// Round the clock, every day.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub always: bool,
    /// Of every working day, in order; the gaps are lunch.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub periods: Vec<String>,
}

impl ServiceHours {
    fn check(&self, field: &str) -> Result<(), Invalid> {
        match (self.always, self.periods.is_empty()) {
            (true, true) => return Ok(()),
            (false, false) => {}
            (true, false) | (false, true) => {
                return Err(Invalid::new(field, "must have either \"always\": true or \"periods\""));
            }
        }
        match calendar::first_bad_period(&self.periods) {
            Some(n) => {
                let problem = "must be HH:MM-HH:MM, within one day, after the one before";
                Err(Invalid::new(format!("{field}.periods[{n}]"), problem))
            }
            None => Ok(()),
        }
    }
}

/// City, district, department or office. The city's code is [`super::CITY`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export_to = "protocol.ts"))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Unit {
    /// Official name.
    pub name: String,
    /// What it is.
    pub kind: UnitKind,
    /// Code of the unit above; `None` for the city only.
    #[serde(default)]
    pub parent: Option<String>,
    /// Code of the district that it works in, if it is one of a district's.
    #[serde(default)]
    pub district: Option<String>,
    /// Of a district's unit: code of the city's department whose line of work (条线) it does. Its teams and those of the
    /// same line elsewhere help each other.
    #[serde(default)]
    pub line: Option<String>,
    /// When its teams answer; `None`: as the unit above, for the city as the configuration says.
    #[serde(default)]
    pub hours: Option<ServiceHours>,
    /// 小申 gives what agents write back at once, marked as not reviewed yet; else only after its review (rule 10).
    #[serde(default)]
    pub answers_at_once: bool,
}

impl Unit {
    pub(super) fn check(&self) -> Result<(), Invalid> {
        line("name", &self.name, 1, MAX_NAME)?;
        match (self.kind, &self.parent) {
            (UnitKind::City, Some(_)) => return Err(Invalid::new("parent", "the city has none above it")),
            (UnitKind::City, None) => {}
            (_, None) => return Err(Invalid::new("parent", "is missing")),
            (_, Some(parent)) => code("parent", parent)?,
        }
        if let Some(district) = &self.district {
            code("district", district)?;
        }
        if let Some(line) = &self.line {
            code("line", line)?;
        }
        self.hours.as_ref().map_or(Ok(()), |hours| hours.check("hours"))
    }
}

/// Longest name of a skill, as in accounts of staff.
const MAX_SKILL: usize = 50;

/// 技能组 with its queue. Whoever asks without an item goes to [`super::GENERAL`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export_to = "protocol.ts"))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Team {
    /// Name.
    pub name: String,
    /// In English; empty: as `name`.
    #[serde(default)]
    pub name_en: String,
    /// Code of the unit that it belongs to.
    pub unit: String,
    /// When it answers; `None`: as its unit.
    #[serde(default)]
    pub hours: Option<ServiceHours>,
    /// Length of its call-back slots; `None`: as the configuration says.
    #[serde(default)]
    pub slot_minutes: Option<u32>,
    /// How many people one slot takes; `None`: as the configuration says.
    #[serde(default)]
    pub slot_capacity: Option<u32>,
    /// What an agent must be able to do for its queue, e.g. 手语, as it stands in their account; empty: nothing in
    /// particular. See [`SlaPolicy::needs_seconds`].
    #[serde(default)]
    pub skill: String,
    /// Least level in the team that serves it, 1 to 5; `None`: any.
    #[serde(default)]
    pub least_level: Option<u8>,
}

impl Team {
    pub(super) fn check(&self) -> Result<(), Invalid> {
        line("name", &self.name, 1, MAX_NAME)?;
        line("nameEn", &self.name_en, 0, MAX_NAME)?;
        code("unit", &self.unit)?;
        if let Some(hours) = &self.hours {
            hours.check("hours")?;
        }
        if self.slot_minutes.is_some_and(|minutes| !(5..=480).contains(&minutes)) {
            return Err(Invalid::new("slotMinutes", "must be 5 to 480"));
        }
        if self.slot_capacity.is_some_and(|people| !(1..=1_000).contains(&people)) {
            return Err(Invalid::new("slotCapacity", "must be 1 to 1000"));
        }
        line("skill", &self.skill, 0, MAX_SKILL)?;
        if self.least_level.is_some_and(|level| !(1..=5).contains(&level)) {
            return Err(Invalid::new("leastLevel", "must be 1 to 5"));
        }
        Ok(())
    }
}
